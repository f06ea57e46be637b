//! HTTP CONNECT (RFC 9110 §9.3.6) over HTTP/1.1.

use http::{HeaderName, StatusCode, header};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::answer::Answer;
use super::server::Proxy;
use super::targets::Asked;
use super::tunnel::lost;
use crate::dial::failover::Stage;
use crate::error::{Error, ErrorKind, Result};

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
    io.write_all(&request(proxy, asked)).await.map_err(lost)?;
    io.flush().await.map_err(lost)?;
    *stage = Stage::Tunnel;
    let answer = Answer::read(io).await?;
    match answer.status {
        // Whatever length it announces: there is no content (RFC 9110 §9.3.6).
        status if status.is_success() => Ok(()),
        // The second is what tinyproxy answers to a wrong password.
        StatusCode::PROXY_AUTHENTICATION_REQUIRED | StatusCode::UNAUTHORIZED => {
            Err(unauthorized(proxy, &answer))
        }
        StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => {
            Err(refused(ErrorKind::ProxyRefused, asked, &answer))
        }
        status if status.is_server_error() => {
            Err(refused(ErrorKind::ProxyConnectFailed, asked, &answer))
        }
        _ => Err(refused(ErrorKind::ProxyRefused, asked, &answer)),
    }
}

/// In one piece, so that it leaves in one packet.
fn request(proxy: &Proxy, asked: &Asked<'_>) -> Vec<u8> {
    let mut request = format!("CONNECT {asked} HTTP/1.1\r\nHost: {asked}\r\n").into_bytes();
    let mut add = |name: &HeaderName, value: &[u8]| {
        for part in [name.as_str().as_bytes(), b": ", value, b"\r\n"] {
            request.extend_from_slice(part);
        }
    };
    let has_own = proxy.headers().contains_key(header::PROXY_AUTHORIZATION);
    let credentials = proxy.credentials().filter(|_| !has_own);
    if let Some(basic) = credentials.and_then(|credentials| credentials.basic()) {
        add(&header::PROXY_AUTHORIZATION, basic.as_bytes());
    }
    for (name, value) in proxy.headers() {
        add(name, value.as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    request
}

fn refused(kind: ErrorKind, asked: &Asked<'_>, answer: &Answer) -> Error {
    Error::new(kind).with_detail(format!("CONNECT {asked}: {}", answer.line()))
}

fn unauthorized(proxy: &Proxy, answer: &Answer) -> Error {
    let has_own = proxy.headers().contains_key(header::PROXY_AUTHORIZATION);
    let given = match has_own || proxy.credentials().is_some() {
        true => "it does not take those it was given",
        false => "it was given none",
    };
    let line = answer.line();
    let schemes = answer.schemes();
    let detail = match schemes.is_empty() {
        true => format!("{line}: {given}"),
        false => format!("{line}: {given}; it asks for {}", schemes.join(", ")),
    };
    Error::new(ErrorKind::ProxyAuthRequired).with_detail(detail)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn text(proxy: &Proxy) -> String {
        let asked = Asked::Name("example.com".into(), 443);
        String::from_utf8(request(proxy, &asked)).unwrap()
    }

    #[test]
    fn the_request_names_the_host_with_its_port_and_carries_what_it_is_to_carry() {
        let proxy = Proxy::parse("http://p:1").unwrap();
        let bare = "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n";
        assert_eq!(text(&proxy), format!("{bare}\r\n"));
        let agent = HeaderValue::from_static("agent/1");
        let proxy = proxy.header(header::USER_AGENT, agent).unwrap();
        let proxy = proxy.basic_auth("Aladdin", "open sesame").unwrap();
        assert_eq!(
            text(&proxy),
            format!(
                "{bare}proxy-authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\nuser-agent: agent/1\r\n\r\n"
            )
        );
        let bearer = HeaderValue::from_static("Bearer x");
        let proxy = proxy.header(header::PROXY_AUTHORIZATION, bearer).unwrap();
        assert!(!text(&proxy).contains("Basic") && text(&proxy).contains("Bearer x"));
    }
}
