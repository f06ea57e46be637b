//! What a proxy answers to CONNECT, read to its end and no further: what follows belongs to the tunnel.

use http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::tunnel::lost;
use crate::error::{Error, ErrorKind, Result};

/// Heads of proxies' answers have a few hundred bytes; with cookies and policies in them some thousand. All that it sends before the
/// tunnel together.
const MOST_BYTES: usize = 16 * 1024;

const BEGINNING: &[u8] = b"HTTP/1.";

/// Of a reason or of an authentication scheme, for an error's text.
const LONGEST_SHOWN: usize = 64;

/// A final answer's head.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    head: Vec<u8>,
}

impl Answer {
    /// Reads heads until there is a final one (RFC 9110 §15.2).
    pub(super) async fn read<IO: AsyncRead + Unpin>(io: &mut IO) -> Result<Self> {
        let mut left = MOST_BYTES;
        loop {
            let head = read_head(io, &mut left).await?;
            let status =
                status(&head).ok_or_else(|| no_http("its first line is no status line"))?;
            if !status.is_informational() {
                return Ok(Self { status, head });
            }
            if status == StatusCode::SWITCHING_PROTOCOLS {
                return Err(no_http("it switches protocols where CONNECT was asked for"));
            }
        }
    }

    /// Status and reason, fit to be shown.
    pub(super) fn line(&self) -> String {
        let line = self.head.split(|byte| *byte == b'\n').next();
        let reason = line.and_then(|line| line.get(BEGINNING.len() + 6..));
        let reason = shown(reason.unwrap_or_default());
        match reason.trim() {
            "" => self.status.as_u16().to_string(),
            reason => format!("{} {reason}", self.status.as_u16()),
        }
    }

    /// The schemes by which it wants to be authenticated to (RFC 9110 §11.7.1), each field's first.
    pub(super) fn schemes(&self) -> Vec<String> {
        let lines = self.head.split(|byte| *byte == b'\n').skip(1);
        let values = lines.filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at(at);
            name.eq_ignore_ascii_case(b"proxy-authenticate")
                .then_some(value.get(1..)?)
        });
        let scheme = |value: &[u8]| {
            let text = shown(value);
            text.split_whitespace().next().map(str::to_owned)
        };
        values.filter_map(scheme).collect()
    }
}

/// Up to and with the empty line. Never asks for more than must still come: lines may end without a CR (RFC 9112 §2.2).
async fn read_head<IO: AsyncRead + Unpin>(io: &mut IO, left: &mut usize) -> Result<Vec<u8>> {
    let mut head = Vec::with_capacity(256);
    while !is_whole(&head) {
        let mut piece = [0; 2];
        let wanted = missing(&head);
        let piece = piece.get_mut(..wanted).unwrap_or_default();
        let read = io.read(piece).await.map_err(lost)?;
        if read == 0 {
            return Err(match head.is_empty() {
                true => lost(std::io::ErrorKind::UnexpectedEof.into()),
                false => Error::new(ErrorKind::ProxyClosed).with_detail("within its answer"),
            });
        }
        head.extend(piece.iter().take(read));
        if head
            .iter()
            .zip(BEGINNING)
            .any(|(have, wanted)| have != wanted)
        {
            return Err(no_http("its answer does not begin as HTTP/1 does"));
        }
        *left = left.checked_sub(read).ok_or_else(|| {
            no_http(&format!(
                "its answer's head is longer than {MOST_BYTES} bytes"
            ))
        })?;
    }
    Ok(head)
}

fn is_whole(head: &[u8]) -> bool {
    head.ends_with(b"\n\n") || head.ends_with(b"\n\r\n")
}

/// How many bytes at least are missing to the end of a head.
fn missing(head: &[u8]) -> usize {
    match head {
        [.., b'\n'] | [.., b'\n', b'\r'] => 1,
        _ => 2,
    }
}

fn status(head: &[u8]) -> Option<StatusCode> {
    let rest = head.strip_prefix(BEGINNING)?;
    let [
        b'0'..=b'9',
        b' ',
        hundreds,
        tens,
        ones,
        b' ' | b'\r' | b'\n',
        ..,
    ] = *rest
    else {
        return None;
    };
    StatusCode::from_bytes(&[hundreds, tens, ones]).ok()
}

fn shown(bytes: &[u8]) -> String {
    let printable = bytes
        .iter()
        .map(|byte| char::from(*byte))
        .filter(|letter| matches!(letter, ' '..='~'));
    printable.take(LONGEST_SHOWN).collect()
}

fn no_http(fault: &str) -> Error {
    Error::new(ErrorKind::ProxyProtocol).with_detail(fault)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> (Result<Answer>, Vec<u8>) {
        let mut io = Cursor::new(text);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let answer = runtime.block_on(Answer::read(&mut io));
        let at = usize::try_from(io.position()).unwrap();
        (answer, text[at..].to_vec())
    }

    #[test]
    fn the_end_is_found_and_what_follows_is_left() {
        for head in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.0 200\r\nVia: x\r\n\r\n",
            "HTTP/1.1 200 Connection established\nA: b\n\n",
            "HTTP/1.1 200 OK\r\nA: b\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
        ] {
            for rest in ["", "\n", "\r\n\r\n", "PRI * HTTP/2.0", "\0\0\u{6}"] {
                let (answer, left) = read(format!("{head}{rest}").as_bytes());
                assert_eq!(answer.unwrap().status, 200);
                assert_eq!(left, rest.as_bytes(), "{head:?}");
            }
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let endless = format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(10_000));
        let informing = "HTTP/1.1 103 Early\r\n\r\n".repeat(2_000);
        for (text, kind) in [
            ("", ErrorKind::ProxyClosed),
            ("HTTP/1.1 200 OK\r\n", ErrorKind::ProxyClosed),
            ("HT", ErrorKind::ProxyClosed),
            ("\u{15}\u{3}\u{1}\0\u{2}", ErrorKind::ProxyProtocol),
            ("SSH-2.0", ErrorKind::ProxyProtocol),
            ("HTTP/2 200\r\n\r\n", ErrorKind::ProxyProtocol),
            ("HTTP/1.1 abc\r\n\r\n", ErrorKind::ProxyProtocol),
            ("HTTP/1.1 2000\r\n\r\n", ErrorKind::ProxyProtocol),
            ("HTTP/1.1 101 Switching\r\n\r\n", ErrorKind::ProxyProtocol),
            (&endless, ErrorKind::ProxyProtocol),
            (&informing, ErrorKind::ProxyProtocol),
        ] {
            assert_eq!(
                read(text.as_bytes()).0.unwrap_err().kind(),
                kind,
                "{text:.30}"
            );
        }
    }

    #[test]
    fn reasons_and_schemes_are_shown_without_what_moves_a_terminal() {
        let text = "HTTP/1.1 407 No\u{1b}[2J way\r\nProxy-Authenticate: Basic realm=\"x\"\r\nproxy-authenticate:NTLM\r\n\r\n";
        let answer = read(text.as_bytes()).0.unwrap();
        assert_eq!(answer.line(), "407 No[2J way");
        assert_eq!(answer.schemes(), ["Basic", "NTLM"]);
        let answer = read(b"HTTP/1.0 503\r\n\r\n").0.unwrap();
        assert_eq!((answer.line().as_str(), answer.schemes().len()), ("503", 0));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_nothing_is_read_behind_a_head(bytes in proptest::collection::vec(any::<u8>(), 0..200), rest in "[\\r\\n a]{0,9}") {
            let _ = read(&bytes);
            let (answer, left) = read(format!("HTTP/1.1 200 OK\r\n\r\n{rest}").as_bytes());
            prop_assert!(answer.is_ok());
            prop_assert_eq!(left, rest.as_bytes());
        }
    }
}
