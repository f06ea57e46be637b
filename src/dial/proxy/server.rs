//! One proxy: where it is, what it speaks, and what it is told.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use parking_lot::Mutex;

use super::credentials::Credentials;
use super::url::{self, ProxyUrl};
use crate::dial::tls::TlsClient;
use crate::dial::trust::Trust;
use crate::error::{Error, ErrorKind, Result};

/// Verification policies and client identities of one proxy's hosts whose sessions are kept; a pool has one, and its targets rarely more.
const MOST_POLICIES: usize = 16;

/// A proxy that connections lead through. Cloning is cheap.
///
/// | URL | spoken with the proxy | hosts' names are resolved |
/// |---|---|---|
/// | `http://host:port` | HTTP/1.1 CONNECT | by the proxy |
/// | `https://host:port` | the same inside TLS | by the proxy |
/// | `socks5://host:port` | SOCKS5 | here |
/// | `socks5h://host:port` | SOCKS5 | by the proxy |
///
/// Without a scheme it is `http`; without a port 80, 443 or 1080. Credentials stand before an `@`, percent-encoded. They are sent with
/// the first request, without being asked for; except to an `https` proxy, whoever is on the way to it can read them. They are in no
/// error, log or `Debug`.
///
/// The connection is always a tunnel, also for `http` hosts, where other clients send a proxy the request itself: proxies that allow
/// CONNECT to port 443 only must be told of others.
///
/// # Addresses
///
/// What a connection through a proxy has as its [`remote_addr`](crate::ConnectionInfo::remote_addr) is the proxy's. Limits per address,
/// weights, the blacklist and [`AccessList`](crate::resolve::AccessList) are about what is connected to, and so about the proxy. The access
/// list judges the host's address as well where that is known here: where it is written as an address, named by
/// [`Target::address`](crate::Target::address), or resolved here. **Where the proxy resolves names, nobody here knows where they lead**:
/// a list that keeps connections from internal addresses does not keep a proxy from them ([`resolve_here`](Self::resolve_here) does). What
/// fails beyond the proxy does not count against the proxy's address.
///
/// Connections and TLS sessions are never those of another proxy, of other credentials, or of none. Hosts behind a proxy do not share
/// connections with each other ([`coalescing`](crate::config::Config::coalescing)).
///
/// ```
/// use hotpool::{Pool, Proxy};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), hotpool::Error> {
/// let proxy = Proxy::parse("http://proxy.example:3128")?.basic_auth("user", "secret")?;
/// let pool = Pool::builder().proxy(proxy).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Proxy(Arc<Inner>);

struct Inner {
    is: Identity,
    /// Hosts' TLS sessions that were agreed on through it, by verification policy and client identity.
    sessions: Mutex<Vec<TlsClient>>,
}

/// All that tells one from another.
#[derive(Clone, Eq, PartialEq)]
struct Identity {
    speech: Speech,
    host: Arc<str>,
    port: u16,
    /// Scheme, host and port.
    name: Arc<str>,
    resolves_here: bool,
    credentials: Option<Credentials>,
    headers: HeaderMap,
    /// `None`: verified as the connection's server is.
    tls: Option<TlsClient>,
}

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Speech {
    Http,
    Https,
    Socks5,
}

impl Speech {
    pub(super) const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 => 1080,
        }
    }
}

impl Proxy {
    /// Reads a URL: `http://`, `https://`, `socks5://` or `socks5h://`, with or without credentials.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration) says what is wrong, without repeating the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self> {
        let ProxyUrl {
            speech,
            resolves_here,
            host,
            port,
            user,
        } = url::parse(text).map_err(invalid)?;
        let scheme = match (speech, resolves_here) {
            (Speech::Http, _) => "http",
            (Speech::Https, _) => "https",
            (Speech::Socks5, true) => "socks5",
            (Speech::Socks5, false) => "socks5h",
        };
        let name = match host.contains(':') {
            true => format!("{scheme}://[{host}]:{port}"),
            false => format!("{scheme}://{host}:{port}"),
        };
        let proxy = Self::new(Identity {
            speech,
            host: host.into(),
            port,
            name: name.into(),
            resolves_here,
            credentials: None,
            headers: HeaderMap::new(),
            tls: None,
        });
        match user {
            Some((username, password)) => proxy.basic_auth(&username, &password),
            None => Ok(proxy),
        }
    }

    /// Authenticates by a name and a password, in place of the URL's: Basic (RFC 7617), with SOCKS5 its own kind (RFC 1929). Default: those
    /// of the URL, or none.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration) when they cannot be sent: a colon in the name, a control character; for
    /// SOCKS5 more than 255 bytes or no name.
    pub fn basic_auth(self, username: &str, password: &str) -> Result<Self> {
        let credentials = match self.speech() {
            Speech::Http | Speech::Https => Credentials::for_http(username, password),
            Speech::Socks5 => Credentials::for_socks(username, password),
        };
        let credentials = credentials.map_err(invalid)?;
        Ok(self.changed(|is| is.credentials = Some(credentials)))
    }

    /// Adds a header to CONNECT, such as `user-agent`; the same name again adds another. A `proxy-authorization` takes the place of
    /// [`basic_auth`](Self::basic_auth)'s. SOCKS5 has no headers and takes no notice. Default: `Host`, and the credentials, if any.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration) for `host`, `content-length` and `transfer-encoding`, which CONNECT does
    /// not leave open.
    pub fn header(self, name: HeaderName, value: HeaderValue) -> Result<Self> {
        if [
            header::HOST,
            header::CONTENT_LENGTH,
            header::TRANSFER_ENCODING,
        ]
        .contains(&name)
        {
            return Err(invalid(
                "host, content-length and transfer-encoding are not for the caller to say",
            ));
        }
        Ok(self.changed(|is| {
            is.headers.append(name, value);
        }))
    }

    /// How an `https` proxy's certificate is verified; no other proxy takes notice. Default: as that of the connection's server, by the
    /// [pool's](crate::pool::PoolBuilder::trust) or the [target's](crate::Target::tls) policy. The client's identity is never shown to a
    /// proxy, and its hello is rustls's own.
    ///
    /// # Errors
    ///
    /// As [`TlsClient::new`].
    pub fn trust(self, trust: Trust) -> Result<Self> {
        let tls = TlsClient::new(trust, None)?;
        Ok(self.changed(|is| is.tls = Some(tls)))
    }

    /// Resolves hosts' names here and asks the proxy for addresses, of up to four in turn, as `socks5` does by itself. Default: as the scheme says.
    #[must_use]
    pub fn resolve_here(self) -> Self {
        self.changed(|is| is.resolves_here = true)
    }

    /// The proxy's name or address, an IPv6 address without brackets, a name with its trailing dot if it was written with one.
    pub fn host(&self) -> &str {
        &self.0.is.host
    }

    /// The proxy's port.
    pub fn port(&self) -> u16 {
        self.0.is.port
    }

    /// Scheme, host and port.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.0.is.name
    }

    /// The same, sharing no TLS sessions with this one.
    pub(crate) fn isolated(&self) -> Self {
        self.clone()
            .changed(|is| is.tls = is.tls.as_ref().map(TlsClient::isolated))
    }

    /// The same policy and identity with sessions of this proxy's own: a ticket that was given to who came one way would tell that it is
    /// the same who comes another.
    pub(crate) fn sessions_of(&self, tls: &TlsClient) -> TlsClient {
        let mut known = self.0.sessions.lock();
        if let Some(known) = known.iter().find(|known| *known == tls) {
            return known.clone();
        }
        if known.len() >= MOST_POLICIES {
            known.remove(0);
        }
        let fresh = tls.apart();
        known.push(fresh.clone());
        fresh
    }

    fn new(is: Identity) -> Self {
        Self(Arc::new(Inner {
            is,
            sessions: Mutex::default(),
        }))
    }

    fn changed(self, change: impl FnOnce(&mut Identity)) -> Self {
        let mut is = self.0.is.clone();
        change(&mut is);
        Self::new(is)
    }

    pub(super) fn speech(&self) -> Speech {
        self.0.is.speech
    }

    pub(super) fn resolves_here(&self) -> bool {
        self.0.is.resolves_here
    }

    pub(super) fn credentials(&self) -> Option<&Credentials> {
        self.0.is.credentials.as_ref()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.0.is.headers
    }

    pub(super) fn tls(&self) -> Option<&TlsClient> {
        self.0.is.tls.as_ref()
    }
}

impl FromStr for Proxy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl PartialEq for Proxy {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.is == other.0.is
    }
}

impl Eq for Proxy {}

impl Hash for Proxy {
    /// Proxies by the thousand differ in these.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.is.name.hash(state);
        self.0.is.credentials.hash(state);
    }
}

/// Scheme, host and port.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.is.name)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("name", &self.0.is.name)
            .field("has_credentials", &self.0.is.credentials.is_some())
            // Their values may be secret too.
            .field("headers", &self.0.is.headers.keys().collect::<Vec<_>>())
            .field("resolves_here", &self.0.is.resolves_here)
            .finish_non_exhaustive()
    }
}

fn invalid(fault: &str) -> Error {
    Error::new(ErrorKind::InvalidConfiguration).with_detail(format!("proxy: {fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(text: &str) -> Proxy {
        Proxy::parse(text).unwrap()
    }

    #[test]
    fn it_is_shown_without_what_is_secret() {
        let value = HeaderValue::from_static("secret");
        let shown = proxy("http://secret:secret@proxy.example:3128")
            .header(header::PROXY_AUTHORIZATION, value)
            .unwrap();
        assert_eq!(shown.to_string(), "http://proxy.example:3128");
        assert_eq!(
            proxy("socks5h://secret@[::1]").to_string(),
            "socks5h://[::1]:1080"
        );
        assert!(!format!("{shown:?}").contains("secret"), "{shown:?}");
        for text in [
            "http://secret:secret",
            "ftp://a:secret@b",
            "http://a:%zzsecret@b",
            "http://a:b@secret/secret",
        ] {
            let error = Proxy::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
            assert!(
                !format!("{error:?} {error}").contains("secret"),
                "{error:?}"
            );
        }
    }

    #[test]
    fn every_part_separates() {
        let base = proxy("http://proxy:3128");
        assert_eq!(base, proxy("HTTP://Proxy:3128/"));
        let trusting = |trust| base.clone().trust(trust).unwrap();
        let agent = |text| {
            base.clone()
                .header(header::USER_AGENT, HeaderValue::from_static(text))
                .unwrap()
        };
        let others = [
            proxy("https://proxy:3128"),
            proxy("socks5://proxy:3128"),
            proxy("socks5h://proxy:3128"),
            proxy("http://proxy:3129"),
            proxy("http://other:3128"),
            proxy("http://a@proxy:3128"),
            proxy("http://b@proxy:3128"),
            proxy("http://a:p@proxy:3128"),
            base.clone().resolve_here(),
            agent("a"),
            agent("b"),
            trusting(Trust::webpki()),
            trusting(Trust::dangerous_accept_any_certificate()),
        ];
        for (place, one) in others.iter().enumerate() {
            assert_ne!(*one, base, "{one:?}");
            for (other, another) in others.iter().enumerate() {
                assert_eq!(one == another, place == other, "{one:?} {another:?}");
            }
        }
        assert_eq!(
            trusting(Trust::webpki()),
            trusting(Trust::webpki()).isolated()
        );
    }

    #[test]
    fn what_frames_connect_is_not_the_callers() {
        let error = proxy("http://p").header(header::CONTENT_LENGTH, HeaderValue::from_static("1"));
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidConfiguration);
    }
}
