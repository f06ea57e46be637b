//! Who a proxy is told that we are.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

/// RFC 1929 §2: each length is one byte.
const LONGEST_FOR_SOCKS: usize = 255;

/// A name and a password, which are never shown.
#[derive(Clone, Eq, Hash, PartialEq)]
pub(super) struct Credentials {
    username: String,
    password: String,
}

impl Credentials {
    pub(super) fn for_http(username: &str, password: &str) -> Result<Self, &'static str> {
        if username.contains(':') {
            return Err("a user's name with a colon cannot be sent (RFC 7617 section 2)");
        }
        let has_control = |text: &str| text.chars().any(char::is_control);
        if has_control(username) || has_control(password) {
            return Err(
                "a control character in the credentials cannot be sent (RFC 7617 section 2)",
            );
        }
        Ok(Self::new(username, password))
    }

    pub(super) fn for_socks(username: &str, password: &str) -> Result<Self, &'static str> {
        if username.is_empty()
            || username.len() > LONGEST_FOR_SOCKS
            || password.len() > LONGEST_FOR_SOCKS
        {
            return Err("SOCKS5 takes a user's name of 1 to 255 bytes and a password of up to 255");
        }
        Ok(Self::new(username, password))
    }

    fn new(username: &str, password: &str) -> Self {
        Self {
            username: username.to_owned(),
            password: password.to_owned(),
        }
    }

    /// RFC 7617 §2, in UTF-8.
    pub(super) fn basic(&self) -> Option<HeaderValue> {
        let pair = format!("{}:{}", self.username, self.password);
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    pub(super) fn username(&self) -> &str {
        &self.username
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_as_the_standards_example() {
        let credentials = Credentials::for_http("Aladdin", "open sesame").unwrap();
        assert_eq!(
            credentials.basic().unwrap(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        // RFC 7617 §2.1.
        let credentials = Credentials::for_http("test", "123\u{a3}").unwrap();
        assert_eq!(credentials.basic().unwrap(), "Basic dGVzdDoxMjPCow==");
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        assert!(Credentials::for_http("a:b", "c").is_err());
        assert!(Credentials::for_http("a", "b\r\nc").is_err());
        assert!(Credentials::for_http("", "").is_ok());
        let long = "x".repeat(256);
        assert!(Credentials::for_socks(&long, "").is_err());
        assert!(Credentials::for_socks("a", &long).is_err());
        assert!(Credentials::for_socks("", "b").is_err());
        assert!(Credentials::for_socks("a:b", "").is_ok());
    }
}
