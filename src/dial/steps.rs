//! The steps of a dial, each with its own deadline, and the way from an address that fails to the next.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_util::either::Either;

use super::address_policy::AddressPermit;
use super::destinations::Destinations;
use super::dialer::{Dialer, Kind, Route};
use super::failover::{Failover, Stage, is_the_addresses};
use super::handshaker::Refused;
use super::net::TcpStream;
use super::origin::Scheme;
use super::outcome::{DialTiming, Driver, Sender};
use super::proxy::{Carrier, Targets};
use super::socket::{Socket, SocketView};
use super::tcp::{Connected, Connector};
use super::tls_info::TlsInfo;
use super::{http1, http2, stream};
use crate::config::{Config, Protocols, Shares};
use crate::error::{Error, ErrorKind, Result};
use crate::registry::{Metered, Protocol, Registration, State};
use crate::shape::tls::Resume;

/// A deadline is added to the clock's time, which has an end.
const LONGEST_STEP: Duration = Duration::from_secs(24 * 60 * 60);

/// One dial, under way.
pub(super) struct Dial<'a> {
    pub(super) dialer: &'a Dialer,
    pub(super) route: &'a Route,
    pub(super) registration: Registration,
    pub(super) deadlines: Deadlines,
    pub(super) shares: Shares,
    /// Of steps that were taken more than once, their sum.
    pub(super) timing: DialTiming,
}

/// What the configuration said when the dial began.
#[derive(Debug)]
pub(super) struct Deadlines {
    resolve: Duration,
    connect: Duration,
    /// Zero without a proxy.
    proxy: Duration,
    tls: Duration,
    settings: Duration,
}

impl Deadlines {
    pub(super) fn of(config: &Config, has_proxy: bool) -> Self {
        let bounded = |deadline: Duration| deadline.min(LONGEST_STEP);
        Self {
            resolve: bounded(config.resolve_timeout()),
            connect: bounded(config.connect_timeout()),
            proxy: match has_proxy {
                true => bounded(config.proxy_timeout()),
                false => Duration::ZERO,
            },
            tls: bounded(config.tls_timeout()),
            settings: bounded(config.settings_timeout()),
        }
    }

    /// Of all steps behind resolution together, however many addresses they are tried at.
    fn total(&self) -> Duration {
        self.connect + self.proxy + self.tls + self.settings
    }
}

/// What a dial comes to.
pub(super) struct Opened {
    pub(super) address: SocketAddr,
    pub(super) sender: Sender,
    pub(super) driver: Driver,
    pub(super) tls: Option<TlsInfo>,
    pub(super) socket: SocketView,
    pub(super) permit: AddressPermit,
    pub(super) head_limit: u32,
    pub(super) beyond: Option<SocketAddr>,
}

type Handshaken = (Sender, Driver, Option<TlsInfo>, u32);

impl Dial<'_> {
    /// # Errors
    ///
    /// The first address's of those that failed, unless one's is a verdict that all would repeat.
    pub(super) async fn run(&mut self) -> Result<Opened> {
        let mut destinations = Destinations::begin(self.dialer, self.route)?;
        let (first, mut targets) = self.resolve(&mut destinations).await?;
        let mut failover = Failover::new(first);
        let end = Instant::now() + self.deadlines.total();
        let mut resume = Resume::IfPossible;
        let mut first_error = None;
        loop {
            let connected = match self.connect(&mut failover, &mut destinations, end).await {
                Ok(connected) => connected,
                Err(error) => return Err(first_error.unwrap_or(error)),
            };
            let Connected {
                stream,
                address,
                permit,
                began,
                failed,
            } = connected;
            failover.strike(&failed);
            self.note(&stream, address);
            let mut stage = match targets {
                Some(_) => Stage::Proxy,
                None => Stage::Tls,
            };
            let stream = Socket::new(stream);
            let socket = stream.view();
            let handshake = self.handshake(stream, targets.as_ref(), resume, end, &mut stage);
            match meanwhile(handshake, learn(&mut destinations, &mut failover, address)).await {
                Ok((sender, driver, tls, head_limit)) => {
                    destinations.park();
                    self.route.addresses.ended(address, Ok(began.elapsed()));
                    return Ok(Opened {
                        address,
                        sender,
                        driver,
                        tls,
                        socket,
                        permit,
                        head_limit,
                        beyond: targets.as_ref().and_then(Targets::address),
                    });
                }
                Err(refused) if refused.retry_without_session && resume != Resume::Never => {
                    resume = Resume::Never;
                    self.route.addresses.inconclusive(address);
                    failover.prefer(address);
                }
                Err(Refused { error, .. }) => {
                    let error = error.with_address(address);
                    match error.kind() {
                        ErrorKind::OutOfResources => self.route.addresses.inconclusive(address),
                        kind if targets.is_some() && is_beyond_the_proxy(stage, kind) => {
                            self.route.addresses.inconclusive(address);
                            if may_be_the_targets(stage, kind)
                                && targets.as_mut().is_some_and(Targets::advance)
                                && Instant::now() < end
                            {
                                tracing::debug!(%error, "the proxy is asked for the next address");
                                first_error.get_or_insert(error);
                                failover.prefer(address);
                                continue;
                            }
                        }
                        _ => self.route.addresses.ended(address, Err(&error)),
                    }
                    let goes_on =
                        failover.go_on(address, stage, error.kind(), destinations.is_open());
                    tracing::debug!(%error, goes_on, "a connection failed while it was opened");
                    if !is_the_addresses(error.kind()) {
                        return Err(error);
                    }
                    let error = first_error.get_or_insert(error);
                    if !goes_on || Instant::now() >= end {
                        return Err(error.clone());
                    }
                }
            }
        }
    }

    /// The addresses to begin with, the preferred first, and what a proxy is to be asked for. More addresses may come.
    async fn resolve(
        &mut self,
        destinations: &mut Destinations<'_>,
    ) -> Result<(Vec<SocketAddr>, Option<Targets>)> {
        let deadline = self.deadlines.resolve;
        let end = Instant::now() + deadline;
        let (dialer, route) = (self.dialer, self.route);
        let first = async {
            let targets = match &route.proxy {
                Some(proxy) => Some(Targets::find(dialer, route, proxy).await?),
                None => None,
            };
            let first = destinations.next().await;
            let first = first.unwrap_or_else(|| Err(Error::new(ErrorKind::HostNotFound)))?;
            Ok((first, targets))
        };
        let (outcome, elapsed) = within(deadline, end, ErrorKind::ResolveTimeout, first).await;
        self.timing.resolve = elapsed;
        outcome
    }

    async fn connect(
        &mut self,
        failover: &mut Failover,
        destinations: &mut Destinations<'_>,
        end: Instant,
    ) -> Result<Connected> {
        let began = Instant::now();
        let limit = self.deadlines.connect;
        let connector = Connector {
            host: self.route.origin.host(),
            policy: &*self.route.addresses,
            local: &self.dialer.local,
            deadline: (began + limit).min(end),
        };
        let outcome = connector.connect(failover, destinations).await;
        self.timing.connect += began.elapsed();
        outcome.map_err(|error| match error.kind() {
            ErrorKind::ConnectTimeout if Instant::now() >= connector.deadline => {
                error.with_detail(format!("nothing within {limit:?}"))
            }
            _ => error,
        })
    }

    fn note(&self, stream: &TcpStream, address: SocketAddr) {
        self.registration.set_remote_addr(address);
        if let Ok(local) = stream.local_addr() {
            self.registration.set_local_addr(local);
        }
        self.registration.set_state(State::Handshaking);
    }

    async fn handshake(
        &mut self,
        socket: Socket,
        targets: Option<&Targets>,
        resume: Resume,
        end: Instant,
        stage: &mut Stage,
    ) -> Result<Handshaken, Refused> {
        let deadlines = &self.deadlines;
        let metered = Metered::new(socket, Arc::clone(self.registration.entry()));
        let carrier = match (&self.route.proxy, targets) {
            (Some(proxy), Some(targets)) => {
                let records = self.shares.records;
                // Boxed, so that dials without a proxy stay small.
                let tunnel = Box::pin(targets.open(self.route, proxy, metered, records, stage));
                let late = ErrorKind::ProxyTimeout;
                let (outcome, elapsed) = within(deadlines.proxy, end, late, tunnel).await;
                self.timing.proxy += elapsed;
                outcome?
            }
            _ => Carrier::Left(metered),
        };
        *stage = Stage::Tls;
        let (io, tls) = match self.route.origin.scheme() {
            Scheme::Http => (Either::Left(carrier), None),
            Scheme::Https => {
                let handshaker = self.route.tls.handshaker(&self.route.profile)?;
                let handshake = handshaker.handshake(
                    self.route.origin.host(),
                    self.route.protocols,
                    resume,
                    self.shares.records,
                    carrier,
                );
                let (outcome, elapsed) =
                    within(deadlines.tls, end, ErrorKind::TlsTimeout, handshake).await;
                self.timing.tls += elapsed;
                let (stream, mut info) = outcome?;
                info.certificate.take_if(|_| !self.route.keeps_certificate);
                (Either::Right(stream), Some(info))
            }
        };
        *stage = Stage::Opening;
        if self.route.kind == Kind::Stream {
            let (stream, driver) = stream::open(io);
            return Ok((Sender::Stream(stream), driver, tls, self.shares.head));
        }
        let is_http2 = match &tls {
            Some(info) => info.is_http2(),
            None => self.route.protocols == Protocols::Http2,
        };
        if !is_http2 {
            self.registration.set_protocol(Protocol::Http1);
            let (sender, driver) = http1::open(
                io,
                self.route.profile.request_templates().map(Arc::as_ref),
                self.shares.head,
            )
            .await?;
            return Ok((Sender::Http1(sender), driver, tls, self.shares.head));
        }
        self.registration.set_protocol(Protocol::Http2);
        let template = self.route.profile.http2_template();
        let opening = http2::open(io, template, &self.shares);
        let late = ErrorKind::SettingsTimeout;
        let (outcome, elapsed) = within(deadlines.settings, end, late, opening).await;
        self.timing.settings += elapsed;
        let (sender, driver, peer, pinger) = outcome?;
        let head_limit = http2::head_limit(template, &self.shares);
        Ok((Sender::Http2(sender, peer, pinger), driver, tls, head_limit))
    }
}

/// Whether a failure says nothing of the proxy: it was asked for the host by then, and may have waited for it in vain.
fn is_beyond_the_proxy(stage: Stage, kind: ErrorKind) -> bool {
    match stage {
        Stage::Proxy => kind == ErrorKind::ProxyAuthRequired,
        Stage::Tunnel => kind != ErrorKind::ProxyProtocol,
        Stage::Tls | Stage::Opening => true,
    }
}

/// Whether another of the host's addresses may fare better.
fn may_be_the_targets(stage: Stage, kind: ErrorKind) -> bool {
    // Proxies have rules for addresses, and may lack a family.
    matches!(
        kind,
        ErrorKind::ProxyConnectFailed | ErrorKind::ProxyRefused
    ) || stage != Stage::Proxy && is_the_addresses(kind)
}

/// Takes in the addresses that become known while a connection to `address` is opened, in case it fails.
async fn learn(
    destinations: &mut Destinations<'_>,
    failover: &mut Failover,
    address: SocketAddr,
) -> Infallible {
    while let Some(news) = destinations.next().await {
        if let Ok(preferred) = news {
            failover.arrange(&preferred, &[address]);
        }
    }
    pending().await
}

/// What comes of `one`, while `other` goes on without end.
async fn meanwhile<T>(one: impl Future<Output = T>, other: impl Future<Output = Infallible>) -> T {
    tokio::select! {
        biased;
        outcome = one => outcome,
        never = other => match never {},
    }
}

/// Runs one step under its deadline, and that of all steps together, and tells how long it took.
async fn within<T, E: From<Error>>(
    deadline: Duration,
    end: Instant,
    late: ErrorKind,
    step: impl Future<Output = Result<T, E>>,
) -> (Result<T, E>, Duration) {
    let began = Instant::now();
    let outcome = match timeout_at((began + deadline).min(end), step).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::new(late)
            .with_detail(format!("nothing within {deadline:?}"))
            .into()),
    };
    (outcome, began.elapsed())
}
