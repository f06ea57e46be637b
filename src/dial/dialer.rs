//! What a dial needs, and what becomes of it.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::access::permitted;
use super::address_policy::AddressPolicy;
use super::local_addresses::LocalAddresses;
use super::origin::Origin;
use super::outcome::{DialTiming, Dialed};
use super::proxy::Proxy;
use super::steps::{Deadlines, Dial, Opened};
use super::tls::TlsClient;
use crate::config::{Config, Protocols};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::Profile;
use crate::registry::{CloseReason, Direction, Draft, Registry, State};
use crate::resolve::{AccessList, Resolver};

/// What to dial.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) origin: Origin,
    pub(crate) protocols: Protocols,
    pub(crate) kind: Kind,
    pub(crate) tls: TlsClient,
    pub(crate) profile: Profile,
    /// What it leads through. Then the policy is about the proxy's addresses, but for those that it names: they are the host's.
    pub(crate) proxy: Option<Proxy>,
    pub(crate) addresses: Arc<dyn AddressPolicy>,
    /// Whether the server's certificate is wanted afterwards.
    pub(crate) keeps_certificate: bool,
}

/// What a connection is made ready for.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) enum Kind {
    /// Requests that this crate sends.
    #[default]
    Requests,
    /// Whatever its one user will speak on it: nothing is sent once TLS is set up.
    Stream,
}

/// Turns a [`Route`] into a connection that is ready for requests.
#[derive(Debug)]
pub(crate) struct Dialer {
    pub(super) resolver: Resolver,
    registry: Registry,
    access: ArcSwap<AccessList>,
    pub(super) local: LocalAddresses,
    /// Read anew for each dial.
    config: Arc<ArcSwap<Config>>,
}

impl Dialer {
    pub(crate) fn new(
        resolver: Resolver,
        registry: Registry,
        config: Arc<ArcSwap<Config>>,
    ) -> Self {
        Self {
            resolver,
            registry,
            access: ArcSwap::default(),
            local: LocalAddresses::default(),
            config,
        }
    }

    /// Dials from these.
    pub(crate) fn with_local_addresses(mut self, local: LocalAddresses) -> Self {
        self.local = local;
        self
    }

    /// Which addresses may be dialed from now on. Dials that are past resolution, and connections, go on.
    pub(crate) fn set_access(&self, list: AccessList) {
        self.access.store(Arc::new(list));
    }

    pub(crate) fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// The addresses of a host that may be dialed.
    ///
    /// # Errors
    ///
    /// Those of the resolver; [`AddressDenied`](ErrorKind::AddressDenied) when none may.
    pub(crate) async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        let resolved = self.resolver.resolve(host, port).await?;
        permitted(&self.access(), resolved)
    }

    pub(crate) fn access(&self) -> Arc<AccessList> {
        self.access.load_full()
    }

    /// Resolves, connects, shakes hands and waits for SETTINGS, unless the registry asks it to end before. Cancel-safe: dropping it
    /// closes what was opened.
    pub(crate) async fn dial(&self, route: &Route) -> Result<Dialed> {
        let transport = route.origin.scheme().transport();
        let draft =
            Draft::new(Direction::Outbound, transport).host(Arc::clone(route.origin.shared_host()));
        let registration = self.registry.register(draft);
        let config = self.config.load();
        let mut dial = Dial {
            dialer: self,
            route,
            registration,
            deadlines: Deadlines::of(&config, route.proxy.is_some()),
            shares: config.shares(),
            timing: DialTiming::default(),
        };
        let asked = dial.registration.close_requested();
        let outcome = tokio::select! {
            biased;
            () = asked => Err(Error::new(ErrorKind::ClosedLocally)
                .with_detail("while it was being dialed")),
            outcome = dial.run() => outcome,
        };
        match outcome {
            Ok(Opened {
                address,
                sender,
                driver,
                tls,
                socket,
                permit,
                head_limit,
                beyond,
            }) => {
                dial.registration.set_state(State::Open);
                Ok(Dialed {
                    registration: dial.registration,
                    address,
                    sender,
                    driver,
                    tls,
                    timing: dial.timing,
                    socket,
                    permit,
                    head_limit,
                    beyond,
                })
            }
            Err(error) => {
                let reason = match dial.registration.state() {
                    State::Connecting => CloseReason::ConnectFailed,
                    _ => CloseReason::HandshakeFailed,
                };
                let error = match dial.registration.remote_addr() {
                    Some(address) => error.with_address(address),
                    None => error,
                };
                let error = match &route.proxy {
                    Some(proxy) => error.with_proxy(proxy.name()),
                    None => error,
                };
                // Whoever asked for the end has said why; that reason stands.
                dial.registration.close(reason);
                Err(error
                    .with_host(route.origin.host())
                    .with_profile(route.profile.name()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::{AnyAddress, Trust};

    #[tokio::test]
    async fn the_access_list_can_be_exchanged() {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = gone.local_addr().unwrap();
        drop(gone);
        let route = Route {
            origin: Origin::parse(&format!("http://{address}")).unwrap(),
            protocols: Protocols::Any,
            kind: Kind::Requests,
            tls: TlsClient::new(Trust::webpki(), None).unwrap(),
            profile: Profile::rustls(),
            proxy: None,
            addresses: Arc::new(AnyAddress),
            keeps_certificate: false,
        };
        let registry = Registry::default();
        let dialer = Dialer::new(Resolver::default(), registry.clone(), Arc::default());
        for (list, kind) in [
            (AccessList::deny_all(), ErrorKind::AddressDenied),
            (AccessList::allow_all(), ErrorKind::ConnectRefused),
            (AccessList::public_only(), ErrorKind::AddressDenied),
        ] {
            dialer.set_access(list);
            let error = dialer.dial(&route).await.unwrap_err();
            assert_eq!(error.kind(), kind);
            assert_eq!(error.host(), Some("127.0.0.1"));
        }
        assert_eq!(registry.count(), 0);
    }
}
