//! What both sides of an opening handshake compute (RFC 6455 §4).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use rand::Rng;

/// RFC 6455 §1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// `Sec-WebSocket-Key`: 16 random bytes, so that no cache or proxy answers from what it remembers.
#[derive(Clone, Debug)]
pub(crate) struct Key(String);

impl Key {
    pub(crate) fn new(random: &mut impl Rng) -> Self {
        let mut bytes = [0; 16];
        random.fill_bytes(&mut bytes);
        Self(STANDARD.encode(bytes))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `answer` shows that the server has read this key and means WebSocket by it.
    pub(crate) fn is_accepted_by(&self, answer: Option<&HeaderValue>) -> bool {
        let wanted = accepted(self.0.as_bytes());
        answer.is_some_and(|answer| answer.as_bytes() == wanted.as_bytes())
    }
}

/// `Sec-WebSocket-Accept` for a key (RFC 6455 §4.2.2).
pub(crate) fn accepted(key: &[u8]) -> String {
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID].concat()))
}

/// Whether a list such as `Connection` has this member, in whatever case.
pub(crate) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let lines = headers.get_all(name).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|member| member.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use http::header::CONNECTION;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn the_rfcs_example_is_accepted() {
        // RFC 6455 §1.3.
        let key = Key("dGhlIHNhbXBsZSBub25jZQ==".to_owned());
        let answer = HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(key.is_accepted_by(Some(&answer)));
        assert!(!key.is_accepted_by(None));
        let other = Key::new(&mut StdRng::seed_from_u64(1));
        assert!(!other.is_accepted_by(Some(&answer)));
        assert_eq!(STANDARD.decode(other.as_str()).unwrap().len(), 16);
    }

    #[test]
    fn a_token_is_found_in_any_line_and_case() {
        let mut headers = HeaderMap::new();
        assert!(!has_token(&headers, &CONNECTION, "upgrade"));
        headers.append(CONNECTION, HeaderValue::from_static("keep-alive, x"));
        assert!(!has_token(&headers, &CONNECTION, "upgrade"));
        headers.append(CONNECTION, HeaderValue::from_static("close , Upgrade"));
        assert!(has_token(&headers, &CONNECTION, "upgrade"));
        assert!(!has_token(&headers, &CONNECTION, "up"));
    }
}
