//! The head of an HTTP/1.1 request.

/// A request line and the header lines behind it, as they were sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Http1Head {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Http1Head {
    /// Reads the head that decrypted bytes begin with; `None` if it is not whole, no request's, of another version than 1.x, longer
    /// than 64 KiB, or not ASCII.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes
            .windows(END.len())
            .take(MAXIMUM_HEAD)
            .position(|window| window == END)?;
        let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
        if !head.is_ascii() {
            return None;
        }
        let mut lines = head.split("\r\n");
        let mut request_line = lines.next()?.split(' ');
        let (method, target) = (request_line.next()?, request_line.next()?);
        if !request_line.next()?.starts_with("HTTP/1.") || request_line.next().is_some() {
            return None;
        }
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            (!name.is_empty()).then(|| (name.to_owned(), value.trim().to_owned()))
        };
        Some(Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: lines.map(header).collect::<Option<_>>()?,
        })
    }

    /// The method: `GET`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// What is asked for: `/` or another path, as a rule.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The headers in their order, names in their case, values without the spaces around them.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

const END: &[u8] = b"\r\n\r\n";

/// Eight times what servers accept by default.
const MAXIMUM_HEAD: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::Http1Head;

    #[test]
    fn names_keep_their_case() {
        let head = Http1Head::parse(b"GET /ws HTTP/1.1\r\nHost: a\r\nX-y:\r\n\r\nGET /").unwrap();
        assert_eq!((head.method(), head.target()), ("GET", "/ws"));
        let headers: Vec<_> = head.headers().collect();
        assert_eq!(headers, [("Host", "a"), ("X-y", "")]);
    }

    #[test]
    fn what_is_no_head() {
        for bytes in [
            &b"GET / HTTP/1.1\r\nHost: a\r\n"[..],
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET /\r\n\r\n",
            b"GET / HTTP/1.1 x\r\n\r\n",
            b"GET / HTTP/1.1\r\nno header\r\n\r\n",
            b"GET / HTTP/1.1\r\n: none\r\n\r\n",
            b"GET / HTTP/1.1\r\na: \xff\r\n\r\n",
            b"",
        ] {
            assert_eq!(Http1Head::parse(bytes), None);
        }
    }
}
