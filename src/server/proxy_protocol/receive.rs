//! Takes the header off a connection.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::header::{Progress, ProxyHeader, parse};
use super::mode::ProxyProtocol;
use crate::registry::{CloseReason, Registration};
use crate::server::builder::ListenerBuilder;
use crate::server::ending::Ending;
use crate::server::handshake;
use crate::server::orders::Follower;

/// Takes the header off `stream` where one is due, and notes whom it is for. What is behind it is not touched.
pub(in crate::server) async fn receive_if_due(
    stream: &mut (impl AsyncRead + Unpin),
    settings: &ListenerBuilder,
    registration: &Registration,
    follower: &mut Follower,
) -> Result<(), Ending> {
    let proxy = registration.remote_addr();
    let is_trusted = proxy.is_some_and(|proxy| settings.trusted_proxies.contains(proxy.ip()));
    match settings.proxy_protocol {
        ProxyProtocol::Off => return Ok(()),
        ProxyProtocol::FromTrusted if !is_trusted => return Ok(()),
        ProxyProtocol::Required if !is_trusted => {
            tracing::debug!(id = %registration.id(), ?proxy, "not a trusted proxy");
            return Err(Ending::Failed(CloseReason::ProxyHeader));
        }
        ProxyProtocol::Required | ProxyProtocol::FromTrusted => {}
    }
    let header = async {
        receive(stream).await.inspect_err(|error| {
            tracing::debug!(id = %registration.id(), ?proxy, %error, "no PROXY header");
        })
    };
    let limit = settings.proxy_header_timeout;
    let reason = CloseReason::ProxyHeader;
    let header = handshake::guard(header, limit, reason, registration, follower).await?;
    if let Some(client) = header.source() {
        registration.set_client_addr(client);
    }
    let attributes = registration.attributes();
    attributes.insert(Arc::from(ProxyHeader::ATTRIBUTE), header);
    Ok(())
}

async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<ProxyHeader> {
    let mut bytes = Vec::new();
    loop {
        match parse(&bytes)? {
            Progress::Whole(header) => return Ok(header),
            Progress::Needs(more) => {
                let mut part = (&mut *stream).take(more as u64);
                if part.read_buf(&mut bytes).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proxy_header::ProxiedAddress;
    use tokio_test::io::Builder;

    use super::*;

    fn headers() -> [Vec<u8>; 3] {
        let [source, destination] =
            ["[2001:db8::1]:56324", "[2001:db8::2]:443"].map(|address| address.parse().unwrap());
        let header =
            proxy_header::ProxyHeader::with_address(ProxiedAddress::stream(source, destination));
        let (mut first, mut second) = (Vec::new(), Vec::new());
        header.encode_v1(&mut first).unwrap();
        header.encode_v2(&mut second).unwrap();
        [first, second, b"PROXY UNKNOWN\r\n".to_vec()]
    }

    #[tokio::test]
    async fn byte_by_byte_and_at_once_nothing_behind_it_is_taken() {
        for header in headers() {
            for size in [1, 2, 7, usize::MAX] {
                let sent = [&header[..], b"\x16\x03\x01"].concat();
                let mut builder = Builder::new();
                sent.chunks(size.min(sent.len())).for_each(|part| {
                    builder.read(part);
                });
                let mut stream = builder.build();
                let received = receive(&mut stream).await.unwrap();
                let source = received.source().map(|source| source.to_string());
                let expected = (header[6] != b'U').then_some("[2001:db8::1]:56324");
                assert_eq!(source.as_deref(), expected);
                let mut behind = Vec::new();
                stream.read_to_end(&mut behind).await.unwrap();
                assert_eq!(behind, b"\x16\x03\x01", "{size}");
            }
        }
    }

    #[tokio::test]
    async fn half_a_header_is_none() {
        for header in headers() {
            for length in 0..header.len() {
                let part = &header[..length];
                let error = receive(&mut &*part).await.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{length}");
            }
        }
    }
}
