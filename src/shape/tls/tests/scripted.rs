//! Answers written by hand, cut off, or not TLS at all.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::support::{Authority, Client, Cut, Probe, serve};
use super::templates::{chromium, firefox, without};
use crate::profile::ClientHello;
use crate::shape::tls::wire::{kind, message, vector8, write_extensions};
use crate::shape::tls::{Failure, Fault};

const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

async fn record(stream: &mut DuplexStream) -> Vec<u8> {
    let mut header = [0; 5];
    stream.read_exact(&mut header).await.unwrap();
    let mut record = vec![0; u16::from_be_bytes([header[3], header[4]]).into()];
    stream.read_exact(&mut record).await.unwrap();
    [&header[..], &record].concat()
}

fn hello(random: [u8; 32], session_id: &[u8], suite: u16, extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend(random);
    vector8(&mut body, session_id);
    body.extend(suite.to_be_bytes());
    body.push(0);
    write_extensions(&mut body, extensions);
    let message = message(kind::SERVER_HELLO, &body);
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    [&[22, 3, 3][..], &length, &message].concat()
}

/// Answers the first hello, and returns what the client says then.
async fn answered(
    client: &Client,
    answer: impl FnOnce(&ClientHello) -> Vec<u8>,
) -> (Option<Failure>, Vec<Vec<u8>>) {
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let server = async move {
        let first = record(&mut far).await;
        let first = ClientHello::from_records(&first).unwrap();
        far.write_all(&answer(&first)).await.unwrap();
        let mut said = Vec::new();
        loop {
            let next = record(&mut far).await;
            let is_last = next[0] != 20;
            said.push(next);
            if is_last {
                return said;
            }
        }
    };
    let (outcome, said) = tokio::join!(client.connect(near, 1), server);
    (outcome.err(), said)
}

#[tokio::test]
async fn a_retry_for_a_share_that_was_sent_is_refused() {
    let authority = Authority::new();
    let client = Client::new(firefox(), &authority);
    for cookie in [false, true] {
        for group in [[0x11, 0xec], [0, 29], [0, 23]] {
            let (failure, said) = answered(&client, |first| {
                let mut extensions = vec![(43, &[3, 4][..]), (51, &group)];
                if cookie {
                    extensions.push((44, &[0, 1, 7]));
                }
                hello(RETRY, first.session_id(), 0x1301, &extensions)
            })
            .await;
            let fault = failure.unwrap().fault;
            assert_eq!(fault, Some(Fault::RepeatedGroup(u16::from_be_bytes(group))));
            // A fatal illegal_parameter.
            assert_eq!(said.last().unwrap()[5..], [2, 47]);
        }
    }
}

#[tokio::test]
async fn a_retry_that_answers_grease_ech_is_followed() {
    let authority = Authority::new();
    for template in [chromium(), firefox()] {
        let client = Client::new(template, &authority);
        let (_, said) = answered(&client, |first| {
            let confirmation = &[1, 2, 3, 4, 5, 6, 7, 8];
            let extensions = [(43, &[3, 4][..]), (51, &[0, 24]), (0xfe0d, confirmation)];
            hello(RETRY, first.session_id(), 0x1301, &extensions)
        })
        .await;
        let second = ClientHello::from_records(said.last().unwrap()).unwrap();
        assert_eq!(second.key_share_groups(), [24]);
    }
}

#[tokio::test]
async fn a_retry_for_a_cookie_alone_keeps_the_shares() {
    let authority = Authority::new();
    let client = Client::new(firefox(), &authority);
    let mut shares = Vec::new();
    let (_, said) = answered(&client, |first| {
        shares = first.extension(51).unwrap().body().to_vec();
        let extensions = [(43, &[3, 4][..]), (44, &[0, 2, 8, 9])];
        hello(RETRY, first.session_id(), 0x1301, &extensions)
    })
    .await;
    let second = ClientHello::from_records(said.last().unwrap()).unwrap();
    assert_eq!(second.extension(51).unwrap().body(), shares);
    assert_eq!(second.extension(44).unwrap().body(), [0, 2, 8, 9]);
}

/// A client must send it back (RFC 8446 section 4.2.2).
#[tokio::test]
async fn a_cookie_without_a_place_is_named() {
    let authority = Authority::new();
    let client = Client::new(without(firefox(), 44), &authority);
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let server = async move {
        let first = ClientHello::from_records(&record(&mut far).await).unwrap();
        let extensions = [(43, &[3, 4][..]), (44, &[0, 2, 8, 9])];
        let retry = hello(RETRY, first.session_id(), 0x1301, &extensions);
        far.write_all(&retry).await.unwrap();
        let mut rest = Vec::new();
        far.read_to_end(&mut rest).await.unwrap();
        rest
    };
    let connecting = async { client.connect(near, 1).await.err().unwrap() };
    let (failure, rest) = tokio::join!(connecting, server);
    let fault = failure.fault.unwrap().to_string();
    assert!(fault.contains("cookie"), "{fault}");
    assert!(!rest.contains(&22), "a second hello left");
}

#[tokio::test]
async fn what_nobody_can_deliver_is_named() {
    let authority = Authority::new();
    let client = Client::new(firefox(), &authority);
    let (failure, said) = answered(&client, |_| hello([7; 32], &[], 0x002f, &[])).await;
    let text = failure.unwrap().fault.unwrap().to_string();
    assert!(
        text.contains("cipher suite TLS_RSA_WITH_AES_128_CBC_SHA (0x002f)"),
        "{text}"
    );
    assert_eq!(said.last().unwrap()[5..], [2, 40]);
    let (failure, _) = answered(&client, |first| {
        hello(
            RETRY,
            first.session_id(),
            0x1301,
            &[(43, &[3, 4]), (51, &[1, 1])],
        )
    })
    .await;
    assert_eq!(failure.unwrap().fault, Some(Fault::Group(0x0101)));
}

/// Cut off anywhere, garbage, and a hello that never ends.
#[tokio::test]
async fn a_stream_that_ends_too_early() {
    let authority = Authority::new();
    let identity = authority.issue(|_| {});
    let server = std::sync::Arc::new(identity.server(&[&rustls::version::TLS13]));
    for length in (0..1600).step_by(37) {
        let client = Client::new(chromium(), &authority);
        let (mut io, _) = Probe::new(serve(std::sync::Arc::clone(&server)), Cut::default());
        io.end_after(length);
        let failure = client.connect(io, 0).await.err().unwrap();
        assert_eq!(
            failure.error.kind(),
            io::ErrorKind::UnexpectedEof,
            "{length}"
        );
    }
}

#[tokio::test]
async fn what_is_not_tls() {
    let authority = Authority::new();
    for answer in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        &[22, 3, 3, 0xff, 0xff, 2],
        &[22, 3, 3, 0, 4, 2, 0, 0, 0],
        &[23, 3, 3, 0, 1, 0],
        &[22, 3, 3, 0, 4, 2, 0xff, 0xff, 0xff],
    ] {
        for template in [chromium(), firefox()] {
            let client = Client::new(template, &authority);
            let (near, mut far) = tokio::io::duplex(1 << 16);
            far.write_all(answer).await.unwrap();
            let closing = async {
                record(&mut far).await;
                drop(far);
            };
            let (outcome, ()) = tokio::join!(client.connect(near, 0), closing);
            outcome.err().unwrap();
        }
    }
}
