use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use proptest::prelude::*;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::Http1Stream;
use super::head::tests::spelling;

/// Takes as many bytes as its script says, none meaning "not now", over and over.
struct Stingy {
    script: Vec<usize>,
    calls: usize,
    written: Vec<u8>,
}

impl AsyncWrite for Stingy {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let most = self.script[self.calls % self.script.len()];
        self.calls += 1;
        if most == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let taken = most.min(bytes.len());
        self.written.extend_from_slice(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// As hyper writes it, and as it is to leave.
const REQUESTS: [(&str, &str); 4] = [
    (
        "GET / HTTP/1.1\r\nhost: a\r\nuser-agent: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\n\r\n",
    ),
    (
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 12\r\n\r\nhost: b\r\n\r\nc",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nhost: b\r\n\r\nc",
    ),
    (
        "PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\nx-own: 1\r\n\r\n8\r\ndnt: 1\r\n\r\n0\r\ndnt: 2\r\n\r\n",
        "PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\nx-own: 1\r\n\r\n8\r\ndnt: 1\r\n\r\n0\r\ndnt: 2\r\n\r\n",
    ),
    (
        "POST /empty HTTP/1.1\r\ndnt: 1\r\ncontent-length: 0\r\n\r\n",
        "POST /empty HTTP/1.1\r\nDNT: 1\r\nContent-Length: 0\r\n\r\n",
    ),
];

proptest! {
    #[test]
    fn requests_leave_respelled_however_they_are_cut(
        order in prop::collection::vec(0..REQUESTS.len(), 1..6),
        cuts in prop::collection::vec(1..40usize, 1..20),
        script in prop::collection::vec(0..30usize, 1..10),
        vectored in any::<bool>(),
    ) {
        prop_assume!(script.iter().any(|most| *most > 0));
        let said: String = order.iter().map(|place| REQUESTS[*place].0).collect();
        let wanted: String = order.iter().map(|place| REQUESTS[*place].1).collect();
        let stingy = Stingy { script, calls: 0, written: Vec::new() };
        let mut stream = Http1Stream::new(stingy, spelling());
        let write = async {
            let mut rest = said.as_bytes();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (first, more) = rest.split_at((*cut).min(rest.len()));
                let slices = [IoSlice::new(first), IoSlice::new(more)];
                let count = if vectored { 2 } else { 1 };
                let written = stream.write_vectored(&slices[..count]).await.unwrap();
                assert!(written > 0);
                rest = &rest[written..];
            }
            stream.flush().await.unwrap();
        };
        tokio_test::block_on(write);
        prop_assert_eq!(String::from_utf8(stream.into_inner().written).unwrap(), wanted);
    }
}

#[tokio::test]
async fn a_head_without_end_is_an_error() {
    let stingy = Stingy {
        script: vec![usize::MAX],
        calls: 0,
        written: Vec::new(),
    };
    let mut stream = Http1Stream::new(stingy, spelling());
    let endless = vec![b'x'; 2 << 20];
    let error = stream.write_all(&endless).await.unwrap_err();
    assert!(error.to_string().contains("1 MiB"), "{error}");
}
