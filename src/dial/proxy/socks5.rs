//! SOCKS5 (RFC 1928), with a name and a password where the proxy wants them (RFC 1929).

use std::net::IpAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::credentials::Credentials;
use super::server::Proxy;
use super::targets::Asked;
use super::tunnel::lost;
use crate::dial::failover::Stage;
use crate::error::{Error, ErrorKind, Result};

const VERSION: u8 = 5;
const AUTHENTICATION_VERSION: u8 = 1;

const NO_AUTHENTICATION: u8 = 0;
const PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;

const CONNECT: u8 = 1;

const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Asks for a tunnel and waits until it is there. `stage` tells from where on the host may be the one that is waited for.
pub(super) async fn open<IO>(
    io: &mut IO,
    proxy: &Proxy,
    asked: &Asked<'_>,
    stage: &mut Stage,
) -> Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let credentials = proxy.credentials();
    let greeting: &[u8] = match credentials {
        None => &[VERSION, 1, NO_AUTHENTICATION],
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, PASSWORD],
    };
    write(io, greeting).await?;
    let [version, method] = read(io).await?;
    check(version)?;
    match (method, credentials) {
        (NO_AUTHENTICATION, _) => {}
        (PASSWORD, Some(credentials)) => authenticate(io, credentials).await?,
        (NO_METHOD, None) => return Err(unauthorized("it was given none")),
        (NO_METHOD, Some(_)) => {
            return Err(unauthorized(
                "it takes no name and password, and wants others",
            ));
        }
        (other, _) => {
            return Err(violation(format!(
                "it chose authentication method {other}, which was not offered"
            )));
        }
    }
    write(io, &request(asked)?).await?;
    *stage = Stage::Tunnel;
    let [version, reply, _, kind] = read(io).await?;
    check(version)?;
    if reply != 0 {
        return Err(refused(asked, reply));
    }
    // Where the proxy connects from, which is of no use to us.
    let length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => {
            let [length] = read(io).await?;
            usize::from(length)
        }
        other => {
            return Err(violation(format!(
                "its reply has an address of type {other}"
            )));
        }
    };
    let mut bound = [0; 255 + 2];
    let bound = bound.get_mut(..length + 2).unwrap_or_default();
    io.read_exact(bound).await.map_err(lost)?;
    Ok(())
}

async fn authenticate<IO>(io: &mut IO, credentials: &Credentials) -> Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = vec![AUTHENTICATION_VERSION];
    for text in [credentials.username(), credentials.password()] {
        request.push(length(text)?);
        request.extend_from_slice(text.as_bytes());
    }
    write(io, &request).await?;
    let [version, status] = read(io).await?;
    match (version, status) {
        (AUTHENTICATION_VERSION, 0) => Ok(()),
        (AUTHENTICATION_VERSION, _) => Err(unauthorized("it does not take those it was given")),
        _ => Err(violation(format!(
            "it answers the password with version {version}"
        ))),
    }
}

fn request(asked: &Asked<'_>) -> Result<Vec<u8>> {
    let mut request = vec![VERSION, CONNECT, 0];
    let port = match asked {
        Asked::Name(name, port) => {
            request.extend([NAME, length(name)?]);
            request.extend_from_slice(name.as_bytes());
            *port
        }
        Asked::Address(address) => {
            match address.ip() {
                IpAddr::V4(v4) => {
                    request.push(IPV4);
                    request.extend(v4.octets());
                }
                IpAddr::V6(v6) => {
                    request.push(IPV6);
                    request.extend(v6.octets());
                }
            }
            address.port()
        }
    };
    request.extend(port.to_be_bytes());
    Ok(request)
}

/// Hosts' names have at most 253 bytes, and credentials were measured.
fn length(text: &str) -> Result<u8> {
    u8::try_from(text.len()).map_err(|_| {
        Error::new(ErrorKind::InvalidTarget).with_detail("more than 255 bytes for SOCKS5")
    })
}

async fn write<IO: AsyncWrite + Unpin>(io: &mut IO, bytes: &[u8]) -> Result<()> {
    io.write_all(bytes).await.map_err(lost)?;
    io.flush().await.map_err(lost)
}

/// Exactly as many: what follows the last reply belongs to the tunnel.
async fn read<IO: AsyncRead + Unpin, const COUNT: usize>(io: &mut IO) -> Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    io.read_exact(&mut bytes).await.map_err(lost)?;
    Ok(bytes)
}

fn check(version: u8) -> Result<()> {
    match version {
        VERSION => Ok(()),
        b'H' => Err(violation("it answers as an HTTP server does".to_owned())),
        other => Err(violation(format!("it answers with version {other}"))),
    }
}

/// RFC 1928 §6.
fn refused(asked: &Asked<'_>, reply: u8) -> Error {
    let (kind, says) = match reply {
        1 => (ErrorKind::ProxyConnectFailed, "general failure"),
        2 => (ErrorKind::ProxyRefused, "not allowed by its rules"),
        3 => (ErrorKind::ProxyConnectFailed, "network unreachable"),
        4 => (ErrorKind::ProxyConnectFailed, "host unreachable"),
        5 => (ErrorKind::ProxyConnectFailed, "connection refused"),
        6 => (ErrorKind::ProxyConnectFailed, "TTL expired"),
        7 => (ErrorKind::ProxyRefused, "command not supported"),
        8 => (ErrorKind::ProxyRefused, "address type not supported"),
        _ => (ErrorKind::ProxyRefused, "no known reply"),
    };
    Error::new(kind).with_detail(format!("SOCKS5 connect {asked}: {reply}, {says}"))
}

fn unauthorized(detail: &'static str) -> Error {
    Error::new(ErrorKind::ProxyAuthRequired).with_detail(detail)
}

fn violation(detail: String) -> Error {
    Error::new(ErrorKind::ProxyProtocol).with_detail(detail)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn names_and_addresses_are_asked_for_by_type() {
        let v4: SocketAddr = "192.0.2.7:443".parse().unwrap();
        let v6: SocketAddr = "[2001:db8::1]:80".parse().unwrap();
        assert_eq!(
            request(&Asked::Name("a.b".into(), 258)).unwrap(),
            [5, 1, 0, 3, 3, b'a', b'.', b'b', 1, 2]
        );
        assert_eq!(
            request(&Asked::Address(v4)).unwrap(),
            [5, 1, 0, 1, 192, 0, 2, 7, 1, 187]
        );
        let request = request(&Asked::Address(v6)).unwrap();
        assert_eq!((request[3], request.len()), (4, 22));
        assert_eq!(request[20..], [0, 80]);
    }
}
