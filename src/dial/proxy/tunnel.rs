//! From a TCP connection to a proxy to a tunnel to the host.

use std::io;

use tokio_util::either::Either;

use super::server::{Proxy, Speech};
use super::targets::Targets;
use super::{connect, socks5};
use crate::config::Protocols;
use crate::dial::dialer::Route;
use crate::dial::failover::Stage;
use crate::dial::handshaker::{Refused, Stream};
use crate::dial::socket::Socket;
use crate::error::{Error, ErrorKind, Result};
use crate::registry::Metered;
use crate::shape::tls::Resume;

/// What leads to the host: a socket, or TLS with a proxy on one. The second is large and rare.
pub(in crate::dial) type Carrier = Either<Metered<Socket>, Box<Stream<Metered<Socket>>>>;

impl Targets {
    /// Opens a tunnel to the host, or to the address whose turn it is. At most `records` bytes wait to be written to an HTTPS proxy.
    pub(in crate::dial) async fn open(
        &self,
        route: &Route,
        proxy: &Proxy,
        io: Metered<Socket>,
        records: usize,
        stage: &mut Stage,
    ) -> Result<Carrier> {
        let asked = self.current(route);
        let mut carrier = match proxy.speech() {
            Speech::Http | Speech::Socks5 => Either::Left(io),
            Speech::Https => Either::Right(Box::new(protect(route, proxy, io, records).await?)),
        };
        match proxy.speech() {
            Speech::Http | Speech::Https => connect::open(&mut carrier, proxy, &asked, stage).await,
            Speech::Socks5 => socks5::open(&mut carrier, proxy, &asked, stage).await,
        }?;
        tracing::trace!(%proxy, %asked, "tunnelled");
        Ok(carrier)
    }
}

/// TLS with the proxy itself: rustls's own hello, since the profile's is for the host, and no client certificate.
async fn protect(
    route: &Route,
    proxy: &Proxy,
    io: Metered<Socket>,
    records: usize,
) -> Result<Stream<Metered<Socket>>> {
    let handshaker = proxy.tls().unwrap_or(&route.tls).for_proxies()?;
    let (name, http1) = (proxy.host(), Protocols::Http1);
    // Certificates and SNI know no trailing dot (RFC 6066 §3).
    let host = name.strip_suffix('.').unwrap_or(name);
    let handshake = handshaker.handshake(host, http1, Resume::IfPossible, records, io);
    match handshake.await {
        Ok((stream, _)) => Ok(stream),
        Err(Refused { error, .. }) => Err(as_the_proxys(error)),
    }
}

/// What the TLS handshake says of a server, said of the proxy.
fn as_the_proxys(error: Error) -> Error {
    let kind = match error.kind() {
        ErrorKind::OutOfResources => return error,
        ErrorKind::ConnectionClosed | ErrorKind::ConnectionReset => ErrorKind::ProxyClosed,
        _ => ErrorKind::ProxyTlsFailed,
    };
    let detail = error.to_string();
    Error::new(kind).with_detail(detail).with_source(error)
}

/// The connection to the proxy broke before the tunnel was there.
pub(super) fn lost(error: io::Error) -> Error {
    let tls = Error::from_tls(&error).map(|error| error.to_string());
    match tls {
        // Only after the handshake: its own failures have been told apart.
        Some(detail) => Error::new(ErrorKind::ProxyTlsFailed).with_detail(detail),
        None => Error::new(ErrorKind::ProxyClosed).with_detail(match error.kind() {
            io::ErrorKind::UnexpectedEof => "before its answer was complete",
            _ => "before the tunnel was there",
        }),
    }
    .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::proxy::targets::Asked;

    #[test]
    fn a_servers_faults_become_the_proxys() {
        for (kind, wanted) in [
            (ErrorKind::CertificateExpired, ErrorKind::ProxyTlsFailed),
            (ErrorKind::NotTls, ErrorKind::ProxyTlsFailed),
            (ErrorKind::ConnectionClosed, ErrorKind::ProxyClosed),
            (ErrorKind::OutOfResources, ErrorKind::OutOfResources),
        ] {
            assert_eq!(as_the_proxys(kind.into()).kind(), wanted);
        }
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(lost(reset).kind(), ErrorKind::ProxyClosed);
    }

    #[test]
    fn an_address_is_asked_for_with_brackets_where_it_needs_them() {
        let address = Asked::Address("[::1]:443".parse().unwrap());
        assert_eq!(address.to_string(), "[::1]:443");
        assert_eq!(Asked::Name("a".into(), 80).to_string(), "a:80");
    }
}
