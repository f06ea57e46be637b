//! What every request of a client has in common, by reqwest's names and with its defaults.

#[cfg(feature = "cookies")]
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderMap, HeaderValue};

use super::client::HotClient;
use super::cookies::Cookies;
use super::redirect::Policy;
use super::retry;
use crate::client::RequestOptions;
use crate::client::options::Undressed;
use crate::dial::Proxies;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::Pool;
use crate::profile::Profile;

/// What reqwest says that it accepts, unless its user says something else.
const ACCEPTED: HeaderValue = HeaderValue::from_static("*/*");

/// How a [`HotClient`] is set up. Its methods have the names and defaults of [`reqwest::ClientBuilder`]'s;
/// what concerns connections (timeouts of their making, TLS, addresses, protocols) is the pool's to set.
#[derive(Debug)]
#[must_use = "it does nothing before it is built"]
pub struct HotClientBuilder {
    pool: Pool,
    settings: Settings,
    fault: Option<Error>,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) headers: HeaderMap,
    pub(super) redirect: Policy,
    /// In place of the pool's own.
    pub(super) retry: Option<retry::Policy>,
    pub(super) referer: bool,
    pub(super) https_only: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) read_timeout: Option<Duration>,
    pub(super) options: RequestOptions,
    pub(super) profile: Option<Profile>,
    pub(super) proxies: Option<Proxies>,
    pub(super) cookies: Cookies,
    #[cfg(feature = "decompression")]
    codings: Codings,
}

/// Those that are decoded.
#[cfg(feature = "decompression")]
#[derive(Clone, Copy, Debug)]
struct Codings {
    zstd: bool,
    gzip: bool,
    deflate: bool,
    brotli: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            headers: HeaderMap::new(),
            redirect: Policy::default(),
            retry: None,
            referer: true,
            https_only: false,
            timeout: None,
            read_timeout: None,
            options: RequestOptions::default(),
            profile: None,
            proxies: None,
            cookies: Cookies::default(),
            #[cfg(feature = "decompression")]
            codings: Codings {
                zstd: true,
                gzip: true,
                deflate: true,
                brotli: true,
            },
        }
    }
}

impl Settings {
    /// With what goes with requests that no profile dresses.
    pub(super) fn finished(mut self) -> Self {
        self.options.undressed = Undressed {
            headers: HeaderMap::from_iter([(ACCEPT, ACCEPTED)]),
            #[cfg(feature = "decompression")]
            codings: self.codings.as_header(),
            #[cfg(not(feature = "decompression"))]
            codings: None,
        };
        self
    }
}

#[cfg(feature = "decompression")]
impl Codings {
    /// In the order in which reqwest names them.
    fn as_header(self) -> Option<HeaderValue> {
        let all = [
            (self.zstd, "zstd"),
            (self.gzip, "gzip"),
            (self.deflate, "deflate"),
            (self.brotli, "br"),
        ];
        let wanted: Vec<&str> = all
            .iter()
            .filter_map(|(wanted, name)| wanted.then_some(*name))
            .collect();
        let header = HeaderValue::try_from(wanted.join(","));
        header.ok().filter(|_| !wanted.is_empty())
    }
}

impl HotClientBuilder {
    pub(super) fn new(pool: Pool) -> Self {
        Self {
            pool,
            settings: Settings::default(),
            fault: None,
        }
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration): what [`user_agent`](Self::user_agent) was given is no
    /// header, or a [`retry`](Self::retry) policy's [`max_extra_load`](retry::Builder::max_extra_load) is none.
    pub fn build(self) -> Result<HotClient> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(HotClient::with_settings(
                self.pool,
                self.settings.finished(),
            )),
        }
    }

    fn set(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(&mut self.settings);
        self
    }

    /// Sent with every request that has no header of that name, in place of the profile's. May be called again.
    ///
    /// reqwest's own `accept: */*` goes only with requests to whose headers the connection's profile adds nothing.
    pub fn default_headers(self, headers: HeaderMap) -> Self {
        self.set(|settings| settings.headers.extend(headers))
    }

    /// The `user-agent` of every request that has none, in place of the profile's. Default: the profile's, or none.
    pub fn user_agent<V>(mut self, value: V) -> Self
    where
        V: TryInto<HeaderValue>,
        V::Error: Into<http::Error>,
    {
        match value.try_into() {
            Ok(value) => {
                self.settings.headers.insert(USER_AGENT, value);
            }
            Err(error) => {
                let error = Error::new(ErrorKind::InvalidConfiguration).with_source(error.into());
                self.fault = Some(error.with_detail("user_agent"));
            }
        }
        self
    }

    /// Which redirects are followed. Default: [ten at most](Policy::limited).
    pub fn redirect(self, policy: Policy) -> Self {
        self.set(|settings| settings.redirect = policy)
    }

    /// Whether a followed redirect says where it comes from. Default: true.
    pub fn referer(self, enable: bool) -> Self {
        self.set(|settings| settings.referer = enable)
    }

    /// Whether `http` is refused, in redirects too. Default: false.
    pub fn https_only(self, enabled: bool) -> Self {
        self.set(|settings| settings.https_only = enabled)
    }

    /// From the request's beginning to the last byte of its response, redirects and waiting for a connection included. A request's own
    /// [timeout](::reqwest::RequestBuilder::timeout) takes its place. Default: none.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.set(|settings| settings.timeout = Some(timeout))
    }

    /// To the response's head, and from then on to each next piece of its body. Default: none.
    pub fn read_timeout(self, timeout: Duration) -> Self {
        self.set(|settings| settings.read_timeout = Some(timeout))
    }

    /// What is sent again, in place of [what the pool sends again](retry#default); [`retry::never`]: nothing. Default: the pool's.
    pub fn retry(mut self, policy: retry::Builder) -> Self {
        match policy.into_policy() {
            Ok(policy) => self.settings.retry = Some(policy),
            Err(fault) => self.fault = Some(fault),
        }
        self
    }

    /// Which proxies hosts are reached through, whatever the pool's are; a [`Proxy`](crate::Proxy) is one for all,
    /// [`Proxies::from_environment`] those of `HTTPS_PROXY` and its kin, as reqwest takes unasked. A `Proxy` or `Proxies` in a request's extensions
    /// takes its place. Default: the pool's.
    ///
    /// It takes this crate's own: reqwest's does not show what it is.
    pub fn proxy(self, proxies: impl Into<Proxies>) -> Self {
        self.set(|settings| settings.proxies = Some(proxies.into()))
    }

    /// Reaches every host directly, whatever the pool's proxies are.
    pub fn no_proxy(self) -> Self {
        self.set(|settings| settings.proxies = Some(Proxies::none()))
    }

    /// How every request differs from what the connection's profile makes of it.
    pub fn request_options(self, options: RequestOptions) -> Self {
        self.set(|settings| settings.options = options)
    }

    /// What every request looks like, instead of what the pool says.
    pub fn profile(self, profile: Profile) -> Self {
        self.set(|settings| settings.profile = Some(profile))
    }

    /// Whether cookies are kept, in a jar of this client's own. Default: false.
    #[cfg(feature = "cookies")]
    pub fn cookie_store(self, enable: bool) -> Self {
        let jar = || Arc::new(::reqwest::cookie::Jar::default()) as _;
        self.set(|settings| settings.cookies = Cookies::new(enable.then(jar)))
    }

    /// The jar in which cookies are kept.
    #[cfg(feature = "cookies")]
    pub fn cookie_provider<C>(self, jar: Arc<C>) -> Self
    where
        C: ::reqwest::cookie::CookieStore + 'static,
    {
        self.set(|settings| settings.cookies = Cookies::new(Some(jar)))
    }

    /// Whether gzip is asked for and decoded, where the connection's profile adds nothing to requests; else the profile decides.
    /// Default: true.
    #[cfg(feature = "decompression")]
    pub fn gzip(self, enable: bool) -> Self {
        self.set(|settings| settings.codings.gzip = enable)
    }

    /// As [`gzip`](Self::gzip), for Brotli.
    #[cfg(feature = "decompression")]
    pub fn brotli(self, enable: bool) -> Self {
        self.set(|settings| settings.codings.brotli = enable)
    }

    /// As [`gzip`](Self::gzip), for Zstandard.
    #[cfg(feature = "decompression")]
    pub fn zstd(self, enable: bool) -> Self {
        self.set(|settings| settings.codings.zstd = enable)
    }

    /// As [`gzip`](Self::gzip), for deflate.
    #[cfg(feature = "decompression")]
    pub fn deflate(self, enable: bool) -> Self {
        self.set(|settings| settings.codings.deflate = enable)
    }

    /// `gzip(false)`.
    pub fn no_gzip(self) -> Self {
        #[cfg(feature = "decompression")]
        return self.gzip(false);
        #[cfg(not(feature = "decompression"))]
        self
    }

    /// `brotli(false)`.
    pub fn no_brotli(self) -> Self {
        #[cfg(feature = "decompression")]
        return self.brotli(false);
        #[cfg(not(feature = "decompression"))]
        self
    }

    /// `zstd(false)`.
    pub fn no_zstd(self) -> Self {
        #[cfg(feature = "decompression")]
        return self.zstd(false);
        #[cfg(not(feature = "decompression"))]
        self
    }

    /// `deflate(false)`.
    pub fn no_deflate(self) -> Self {
        #[cfg(feature = "decompression")]
        return self.deflate(false);
        #[cfg(not(feature = "decompression"))]
        self
    }
}
