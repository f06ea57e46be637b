//! `Sec-WebSocket-Extensions` (RFC 6455 §9.1).

use std::fmt::{self, Display};

/// One extension of a list: offered by a client or accepted by a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extension {
    pub(crate) name: String,
    /// In order; a value without its quotes.
    pub(crate) parameters: Vec<(String, Option<String>)>,
}

/// The header is no list of extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Extension {
    /// The extensions of all header fields of that name, in order.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if one does not keep to the grammar. Empty elements are none, as everywhere in HTTP (RFC 9110 §5.6.1.2).
    pub(crate) fn parse_all<'a>(
        fields: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Vec<Self>, Malformed> {
        let mut found = Vec::new();
        for field in fields {
            let mut rest = Rest(field);
            loop {
                rest.skip_blanks();
                if rest.0.first().is_some_and(|next| *next != b',') {
                    found.push(rest.extension()?);
                }
                if rest.0.is_empty() {
                    break;
                }
                rest.expect(b',')?;
            }
        }
        Ok(found)
    }
}

impl Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (name, value) in &self.parameters {
            write!(f, "; {name}")?;
            if let Some(value) = value {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

impl Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sec-WebSocket-Extensions is no list of extensions")
    }
}

impl std::error::Error for Malformed {}

/// What is still to be read of a field.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn extension(&mut self) -> Result<Extension, Malformed> {
        let name = self.token()?;
        let mut parameters = Vec::new();
        while self.next_is(b';') {
            self.skip_blanks();
            let name = self.token()?;
            let value = match self.next_is(b'=') {
                true => Some(self.value()?),
                false => None,
            };
            parameters.push((name, value));
        }
        Ok(Extension { name, parameters })
    }

    fn value(&mut self) -> Result<String, Malformed> {
        self.skip_blanks();
        match self.0.first() {
            Some(b'"') => self.quoted(),
            _ => self.token(),
        }
    }

    /// What the quotes hold must be a token, too.
    fn quoted(&mut self) -> Result<String, Malformed> {
        self.expect(b'"')?;
        let mut value = String::new();
        loop {
            let byte = match self.byte()? {
                b'"' => break,
                b'\\' => self.byte()?,
                byte => byte,
            };
            if !is_token(byte) {
                return Err(Malformed);
            }
            value.push(char::from(byte));
        }
        if value.is_empty() {
            return Err(Malformed);
        }
        self.skip_blanks();
        Ok(value)
    }

    fn token(&mut self) -> Result<String, Malformed> {
        let end = self.0.iter().position(|byte| !is_token(*byte));
        let (token, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        if token.is_empty() {
            return Err(Malformed);
        }
        self.0 = rest;
        self.skip_blanks();
        Ok(token.iter().copied().map(char::from).collect())
    }

    fn next_is(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = self.0.get(1..).unwrap_or_default();
        }
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        self.next_is(byte).then_some(()).ok_or(Malformed)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let (byte, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*byte)
    }

    fn skip_blanks(&mut self) {
        self.0 = self.0.trim_ascii_start();
    }
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(fields: &[&str]) -> Result<Vec<String>, Malformed> {
        let parsed = Extension::parse_all(fields.iter().map(|field| field.as_bytes()))?;
        Ok(parsed.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn lists_of_one_field_and_of_several() {
        let one = parse(&["foo, bar; baz=2,permessage-deflate ; a ; b = \"1\\0\" , foo"]);
        let several = parse(&[
            "foo",
            ", bar;baz=2,, permessage-deflate;a;b=10",
            "",
            "foo ,",
        ]);
        let expected = ["foo", "bar; baz=2", "permessage-deflate; a; b=10", "foo"];
        assert_eq!(one.unwrap(), expected);
        assert_eq!(several.unwrap(), expected);
        assert_eq!(parse(&[]).unwrap(), [""; 0]);
        assert_eq!(parse(&[" "]).unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_no_list() {
        for field in [
            ";",
            "foo;",
            "foo; a=",
            "foo; =1",
            "foo bar",
            "foo; a b",
            "foo; a=\"",
            "foo; a=\"\"",
            "foo; a=\"x y\"",
            "foo; a=\"x\"y",
            "foo; a=\"\\",
            "\"foo\"",
            "foo; a=1=2",
            "f\u{f6}o",
            "(",
        ] {
            assert_eq!(parse(&[field]), Err(Malformed), "{field}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(field in prop::collection::vec(any::<u8>(), 0..50)) {
            let _ = Extension::parse_all([&field[..]]);
        }

        #[test]
        fn what_is_written_is_read(
            list in prop::collection::vec(
                ("[a-z0-9-]{1,9}", prop::collection::vec(("[a-z_]{1,9}", prop::option::of("[0-9a-z]{1,3}")), 0..4)),
                1..4,
            ),
        ) {
            let list: Vec<_> = list
                .into_iter()
                .map(|(name, parameters)| Extension { name, parameters })
                .collect();
            let written: Vec<_> = list.iter().map(ToString::to_string).collect();
            let read = Extension::parse_all([written.join(", ").as_bytes()]);
            prop_assert_eq!(read, Ok(list));
        }
    }
}
