//! What a caller asks a connection for.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::Protocols;
use crate::dial::{Origin, OriginRef, Proxy, TlsClient};
use crate::error::{Error, Result};
use crate::profile::Profile;

/// A host and how to reach it, where that differs from the pool's defaults.
///
/// ```
/// use hotpool::{Protocols, Target};
///
/// let target = Target::parse("api.example.org:8443")?
///     .protocols(Protocols::Http2)
///     .partition("tenant-7");
/// assert_eq!(target.origin().port(), 8443);
/// # Ok::<(), hotpool::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    origin: Origin,
    options: Options,
}

/// What a caller chooses apart from the host; `None` is the pool's default.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Options {
    pub(super) protocols: Option<Protocols>,
    pub(super) tls: Option<TlsClient>,
    pub(super) profile: Option<Profile>,
    pub(super) partition: Option<Arc<str>>,
    pub(super) addresses: Option<Arc<[SocketAddr]>>,
    pub(super) way: Option<Way>,
}

/// How a host is reached, where its caller says so.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Way {
    Direct,
    Through(Proxy),
}

impl Way {
    pub(super) fn proxy(&self) -> Option<&Proxy> {
        match self {
            Self::Direct => None,
            Self::Through(proxy) => Some(proxy),
        }
    }
}

/// Which parts of a key were the pool's defaults.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Inherited {
    pub(super) protocols: bool,
    pub(super) tls: bool,
    pub(super) profile: bool,
    pub(super) proxy: bool,
}

impl Options {
    pub(super) fn inherited(&self) -> Inherited {
        Inherited {
            protocols: self.protocols.is_none(),
            tls: self.tls.is_none(),
            profile: self.profile.is_none(),
            proxy: self.way.is_none(),
        }
    }
}

impl Target {
    /// Reads `host`, `host:port` or an `http(s)` URL.
    ///
    /// # Errors
    ///
    /// [`InvalidTarget`](crate::ErrorKind::InvalidTarget) says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self> {
        Origin::parse(text).map(Self::from)
    }

    /// What `target` means, to be kept.
    pub(super) fn of(target: &impl AsTarget) -> Result<Self> {
        let (origin, options) = target.parts()?;
        Ok(Self {
            origin: origin.to_owned(),
            options: options.clone(),
        })
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Offers these protocols instead of the pool's.
    #[must_use]
    pub fn protocols(mut self, protocols: Protocols) -> Self {
        self.options.protocols = Some(protocols);
        self
    }

    /// Uses this verification policy and client identity instead of the pool's.
    #[must_use]
    pub fn tls(mut self, tls: TlsClient) -> Self {
        self.options.tls = Some(tls);
        self
    }

    /// Looks like this profile's client instead of the pool's.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.options.profile = Some(profile);
        self
    }

    /// Leads through this proxy instead of the pool's.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.options.way = Some(Way::Through(proxy));
        self
    }

    /// Leads through no proxy, whatever the pool's are.
    #[must_use]
    pub fn without_proxy(mut self) -> Self {
        self.options.way = Some(Way::Direct);
        self
    }

    /// Shares connections only with callers that name the same partition: for traffic that must not be linked, such as that of
    /// different tenants.
    #[must_use]
    pub fn partition(mut self, name: &str) -> Self {
        self.options.partition = Some(name.into());
        self
    }
}

/// Addresses of one's own.
impl Target {
    /// Connects to this address, whatever the host's name resolves to; the name is not looked up at all. The server still has to show
    /// a certificate for the host.
    ///
    /// ```
    /// use hotpool::Target;
    ///
    /// let target = Target::parse("api.example.org")?.address("192.0.2.7:443".parse().unwrap());
    /// # Ok::<(), hotpool::Error>(())
    /// ```
    #[must_use]
    pub fn address(self, address: SocketAddr) -> Self {
        self.addresses([address])
    }

    /// Connects to these addresses only, an address pool of the caller's own. Among them it is chosen as among a host's addresses: by
    /// [`Balance`](crate::config::Balance), around what is blacklisted, within the limits, and the pool's
    /// [`AccessList`](crate::resolve::AccessList) judges them too.
    ///
    /// Connections are shared only with callers who name the same addresses in the same order. For addresses that change, or come from
    /// a file or a service, implement [`Resolve`](crate::resolve::Resolve) instead: it is asked for a host's addresses, and says how
    /// long they may be kept.
    ///
    /// Through a [proxy](Proxy), they are what the proxy is asked to connect to, up to four in the order given.
    ///
    /// Without any address the host is resolved as usual.
    #[must_use]
    pub fn addresses(mut self, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        let addresses: Arc<[SocketAddr]> = addresses.into_iter().collect();
        self.options.addresses = (!addresses.is_empty()).then_some(addresses);
        self
    }
}

impl From<Origin> for Target {
    fn from(origin: Origin) -> Self {
        Self {
            origin,
            options: Options::default(),
        }
    }
}

impl std::str::FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

mod sealed {
    use super::{Options, OriginRef, Result};

    /// The default options, to borrow.
    pub(super) static DEFAULT: Options = Options {
        protocols: None,
        tls: None,
        profile: None,
        partition: None,
        addresses: None,
        way: None,
    };

    #[allow(unnameable_types, reason = "sealed: nobody outside is to implement it")]
    pub trait Sealed {
        #[doc(hidden)]
        #[allow(
            private_interfaces,
            reason = "sealed: nobody outside can name or call it"
        )]
        fn parts(&self) -> Result<(OriginRef<'_>, &Options)>;

        /// As the caller named it.
        #[doc(hidden)]
        fn name(&self) -> String;
    }
}

pub(super) use sealed::Sealed;

/// What [`Pool::get`](super::Pool::get) takes: text (`host`, `host:port`, a URL), an [`http::Uri`], an [`Origin`] or a [`Target`].
///
/// Text is read anew at each call, without allocation.
pub trait AsTarget: Sealed {}

impl<T: Sealed + ?Sized> AsTarget for T {}

#[allow(
    private_interfaces,
    reason = "sealed: nobody outside can name or call it"
)]
mod sources {
    use super::sealed::DEFAULT;
    use super::{Options, Origin, OriginRef, Result, Sealed, Target};

    impl Sealed for str {
        fn name(&self) -> String {
            self.to_owned()
        }

        fn parts(&self) -> Result<(OriginRef<'_>, &Options)> {
            Ok((OriginRef::parse(self)?, &DEFAULT))
        }
    }

    impl Sealed for String {
        fn name(&self) -> String {
            self.clone()
        }

        fn parts(&self) -> Result<(OriginRef<'_>, &Options)> {
            self.as_str().parts()
        }
    }

    impl Sealed for Origin {
        fn name(&self) -> String {
            self.to_string()
        }

        fn parts(&self) -> Result<(OriginRef<'_>, &Options)> {
            Ok((self.as_ref(), &DEFAULT))
        }
    }

    impl Sealed for Target {
        fn name(&self) -> String {
            self.origin.to_string()
        }

        fn parts(&self) -> Result<(OriginRef<'_>, &Options)> {
            Ok((self.origin.as_ref(), &self.options))
        }
    }

    impl Sealed for http::Uri {
        fn name(&self) -> String {
            self.to_string()
        }

        fn parts(&self) -> Result<(OriginRef<'_>, &Options)> {
            Ok((OriginRef::from_uri(self, None)?, &DEFAULT))
        }
    }

    impl<T: Sealed + ?Sized> Sealed for &T {
        fn name(&self) -> String {
            (**self).name()
        }

        fn parts(&self) -> Result<(OriginRef<'_>, &Options)> {
            (**self).parts()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(target: impl AsTarget) -> String {
        target.parts().unwrap().0.to_owned().to_string()
    }

    #[test]
    fn text_uris_origins_and_targets_mean_the_same() {
        let uri: http::Uri = "https://example.com:8443/path?query".parse().unwrap();
        let target = Target::parse("example.com:8443").unwrap();
        assert_eq!(shown("example.com:8443"), "https://example.com:8443");
        assert_eq!(shown(uri), "https://example.com:8443");
        assert_eq!(shown(target.origin()), "https://example.com:8443");
        assert_eq!(shown(&target), "https://example.com:8443");
        assert_eq!(
            shown("http://[::1]/".parse::<http::Uri>().unwrap()),
            "http://[::1]"
        );
    }

    #[test]
    fn a_relative_uri_is_no_target() {
        let uri: http::Uri = "/path".parse().unwrap();
        assert!(uri.parts().unwrap_err().to_string().contains("scheme"));
    }
}
