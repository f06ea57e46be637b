//! From addresses to a TCP connection: attempts are staggered and the first that answers wins (RFC 8305 §5).

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::address_policy::{AddressPermit, AddressPolicy};
use crate::error::{Error, ErrorKind, Result};

/// RFC 8305 §8: the recommended delay before the next address is tried as well.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A silent connection is probed before common NAT and firewall state ends (the shortest common one is about four minutes).
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// Between two probes; after `KEEPALIVE_RETRIES` without an answer the kernel closes the connection.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

/// Connects to one of `addresses`. Cancel-safe: dropping it closes every attempt.
///
/// # Errors
///
/// The first attempt's error when all failed: later addresses mostly fail for the same reason, and the first is the preferred one.
pub(super) async fn connect(
    addresses: &[SocketAddr],
    policy: &dyn AddressPolicy,
) -> Result<(TcpStream, AddressPermit)> {
    let mut attempts = FuturesUnordered::new();
    let mut waiting = interleave(addresses).into_iter();
    let mut first_error: Option<Error> = None;
    loop {
        if let Some(address) = waiting.next() {
            attempts.push(attempt(address, policy));
        }
        let more_to_try = waiting.len() > 0;
        tokio::select! {
            biased;
            Some(outcome) = attempts.next() => match outcome {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            },
            () = sleep(ATTEMPT_DELAY), if more_to_try => {}
            else => {
                return Err(first_error.unwrap_or_else(|| Error::new(ErrorKind::HostNotFound)));
            }
        }
    }
}

async fn attempt(
    address: SocketAddr,
    policy: &dyn AddressPolicy,
) -> Result<(TcpStream, AddressPermit)> {
    let permit = policy.begin(address)?;
    let connected = async {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE_IDLE)
            .with_interval(KEEPALIVE_INTERVAL)
            .with_retries(KEEPALIVE_RETRIES);
        SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
        Ok(stream)
    };
    match connected.await {
        Ok(stream) => Ok((stream, permit)),
        Err(error) => {
            let error = Error::from_connect(error).with_address(address);
            if error.kind() != ErrorKind::OutOfResources {
                policy.ended(address, Err(&error));
            }
            Err(error)
        }
    }
}

/// Alternates the families, beginning with the first address's (RFC 8305 §4).
fn interleave(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else {
        return Vec::new();
    };
    let (mut same, mut other): (Vec<SocketAddr>, Vec<SocketAddr>) = addresses
        .iter()
        .copied()
        .rev()
        .partition(|address| address.is_ipv4() == first.is_ipv4());
    let mut order = Vec::with_capacity(addresses.len());
    while !(same.is_empty() && other.is_empty()) {
        order.extend(same.pop());
        order.extend(other.pop());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::AnyAddress;
    use tokio::net::TcpListener;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn families_alternate_from_the_first() {
        let list = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"].map(address);
        let wanted = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"].map(address);
        assert_eq!(interleave(&list), wanted);
    }

    #[tokio::test]
    async fn a_refusing_address_gives_way_to_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let closed = {
            let gone = TcpListener::bind("127.0.0.2:0").await.unwrap();
            gone.local_addr().unwrap()
        };
        let (stream, _permit) = connect(&[closed, open], &AnyAddress).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
        assert!(stream.nodelay().unwrap());
        assert!(SockRef::from(&stream).keepalive().unwrap());
        let error = connect(&[closed], &AnyAddress)
            .await
            .map(|_| ())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectRefused);
        assert_eq!(error.address(), Some(closed));
    }
}
