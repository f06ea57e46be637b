//! The steps of a dial, each with its own deadline.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_util::either::Either;

use super::address_policy::{AddressPermit, AddressPolicy};
use super::handshaker::Refused;
use super::origin::{Origin, Scheme};
use super::outcome::{DialTiming, Dialed, Sender};
use super::tls::TlsClient;
use super::tls_info::TlsInfo;
use super::{http1, http2, tcp};
use crate::config::{Config, Protocols};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::Profile;
use crate::registry::{
    CloseReason, Direction, Draft, Metered, Protocol, Registration, Registry, State,
};
use crate::resolve::Resolver;
use crate::shape::tls::Resume;

/// What to dial.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) origin: Origin,
    pub(crate) protocols: Protocols,
    pub(crate) tls: TlsClient,
    pub(crate) profile: Profile,
    pub(crate) addresses: Arc<dyn AddressPolicy>,
}

/// Turns a [`Route`] into a connection that is ready for requests.
#[derive(Debug)]
pub(crate) struct Dialer {
    resolver: Resolver,
    registry: Registry,
    /// Read anew for each dial.
    config: Arc<ArcSwap<Config>>,
}

#[derive(Debug)]
struct Deadlines {
    resolve: Duration,
    connect: Duration,
    tls: Duration,
    settings: Duration,
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
            config,
        }
    }

    /// Resolves, connects, shakes hands and waits for SETTINGS, unless the registry asks it to end before. Cancel-safe: dropping it
    /// closes what was opened.
    pub(crate) async fn dial(&self, route: &Route) -> Result<Dialed> {
        let scheme = match route.origin.scheme() {
            Scheme::Http => Protocol::Tcp,
            Scheme::Https => Protocol::Tls,
        };
        let draft =
            Draft::new(Direction::Outbound, scheme).host(Arc::clone(route.origin.shared_host()));
        let registration = self.registry.register(draft);
        let mut dial = Dial {
            dialer: self,
            route,
            registration,
            deadlines: Deadlines::of(&self.config.load()),
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
            Ok((address, sender, driver, tls, permit)) => {
                dial.registration.set_state(State::Open);
                Ok(Dialed {
                    registration: dial.registration,
                    address,
                    sender,
                    driver,
                    tls,
                    timing: dial.timing,
                    permit,
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
                // Whoever asked for the end has said why; that reason stands.
                dial.registration.close(reason);
                Err(error
                    .with_host(route.origin.host())
                    .with_profile(route.profile.name()))
            }
        }
    }
}

impl Deadlines {
    fn of(config: &Config) -> Self {
        Self {
            resolve: config.resolve_timeout(),
            connect: config.connect_timeout(),
            tls: config.tls_timeout(),
            settings: config.settings_timeout(),
        }
    }
}

struct Dial<'a> {
    dialer: &'a Dialer,
    route: &'a Route,
    registration: Registration,
    deadlines: Deadlines,
    timing: DialTiming,
}

type Opened = (
    SocketAddr,
    Sender,
    super::outcome::Driver,
    Option<TlsInfo>,
    AddressPermit,
);

impl Dial<'_> {
    async fn run(&mut self) -> Result<Opened> {
        let addresses = self.resolve().await?;
        let addresses = self.route.addresses.order(addresses)?;
        match self.open(&addresses, Resume::IfPossible).await {
            Err(refused) if refused.retry_without_session => {
                self.open(&addresses, Resume::Never).await
            }
            outcome => outcome,
        }
        .map_err(|refused| refused.error)
    }

    async fn open(&mut self, addresses: &[SocketAddr], resume: Resume) -> Result<Opened, Refused> {
        let began = Instant::now();
        let (socket, permit) = self.connect(addresses).await?;
        let address = socket.peer_addr().map_err(Error::from_connect)?;
        self.registration.set_remote_addr(address);
        if let Ok(local) = socket.local_addr() {
            self.registration.set_local_addr(local);
        }
        self.registration.set_state(State::Handshaking);
        let outcome = self.handshake(socket, resume).await;
        match &outcome {
            Ok(_) => self.route.addresses.ended(address, Ok(began.elapsed())),
            Err(refused) => self.route.addresses.ended(address, Err(&refused.error)),
        }
        outcome.map(|(sender, driver, tls)| (address, sender, driver, tls, permit))
    }

    async fn resolve(&mut self) -> Result<Vec<SocketAddr>> {
        let origin = &self.route.origin;
        let answer = self.dialer.resolver.resolve(origin.host(), origin.port());
        let (outcome, elapsed) =
            within(self.deadlines.resolve, ErrorKind::ResolveTimeout, answer).await;
        self.timing.resolve = elapsed;
        outcome
    }

    async fn connect(&mut self, addresses: &[SocketAddr]) -> Result<(TcpStream, AddressPermit)> {
        let (outcome, elapsed) = within(
            self.deadlines.connect,
            ErrorKind::ConnectTimeout,
            tcp::connect(addresses, &*self.route.addresses),
        )
        .await;
        self.timing.connect = elapsed;
        outcome.map_err(|error| match addresses.first() {
            Some(&first) => error.with_address(first),
            None => error,
        })
    }

    async fn handshake(
        &mut self,
        socket: TcpStream,
        resume: Resume,
    ) -> Result<(Sender, super::outcome::Driver, Option<TlsInfo>), Refused> {
        let metered = Metered::new(socket, Arc::clone(self.registration.entry()));
        let (io, tls) = match self.route.origin.scheme() {
            Scheme::Http => (Either::Left(metered), None),
            Scheme::Https => {
                let handshaker = self.route.tls.handshaker(&self.route.profile)?;
                let handshake = handshaker.handshake(
                    self.route.origin.host(),
                    self.route.protocols,
                    resume,
                    metered,
                );
                let (outcome, elapsed) =
                    within(self.deadlines.tls, ErrorKind::TlsTimeout, handshake).await;
                self.timing.tls = elapsed;
                let (stream, info) = outcome?;
                (Either::Right(stream), Some(info))
            }
        };
        let is_http2 = match &tls {
            Some(info) => info.is_http2(),
            None => self.route.protocols == Protocols::Http2,
        };
        if !is_http2 {
            self.registration.set_protocol(Protocol::Http1);
            let (sender, driver) =
                http1::open(io, self.route.profile.request_templates().map(Arc::as_ref)).await?;
            return Ok((Sender::Http1(sender), driver, tls));
        }
        self.registration.set_protocol(Protocol::Http2);
        let (outcome, elapsed) = within(
            self.deadlines.settings,
            ErrorKind::SettingsTimeout,
            http2::open(io, self.route.profile.http2_template()),
        )
        .await;
        self.timing.settings = elapsed;
        let (sender, driver, peer, pinger) = outcome?;
        Ok((Sender::Http2(sender, peer, pinger), driver, tls))
    }
}

/// Runs one step under its deadline and tells how long it took.
async fn within<T, E: From<Error>>(
    deadline: Duration,
    late: ErrorKind,
    step: impl Future<Output = Result<T, E>>,
) -> (Result<T, E>, Duration) {
    let began = Instant::now();
    let outcome = match timeout(deadline, step).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::new(late)
            .with_detail(format!("nothing within {deadline:?}"))
            .into()),
    };
    (outcome, began.elapsed())
}
