//! From addresses to a TCP connection, with the sockets and the time that a [`Race`] decides about.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use socket2::TcpKeepalive;
use tokio::time::{Instant, sleep_until};

use super::address_policy::{AddressPermit, AddressPolicy};
use super::destinations::Destinations;
use super::failover::Failover;
use super::local_addresses::LocalAddresses;
use super::net::{TcpStream, keep_alive};
use super::race::{ATTEMPT_DELAY, Action, Event, Race};
use crate::error::{Error, ErrorKind, Result};

/// A silent connection is probed before common NAT and firewall state ends (the shortest common one is about four minutes).
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// Between two probes; after `KEEPALIVE_RETRIES` without an answer the kernel closes the connection.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

/// The deadline is not held against an address that had less than this: the first lost packet is repeated after one second
/// (RFC 6298 §2.1).
const FAIR_CHANCE: Duration = Duration::from_secs(1);

/// What attempts have in common.
#[derive(Debug)]
pub(super) struct Connector<'a> {
    pub(super) host: &'a str,
    pub(super) policy: &'a dyn AddressPolicy,
    pub(super) local: &'a LocalAddresses,
    pub(super) deadline: Instant,
}

/// The winner of a race.
pub(super) struct Connected {
    pub(super) stream: TcpStream,
    pub(super) address: SocketAddr,
    pub(super) permit: AddressPermit,
    /// When its attempt began.
    pub(super) began: Instant,
    /// Those that failed before it won.
    pub(super) failed: Vec<SocketAddr>,
}

impl Connector<'_> {
    /// Connects to one of the addresses of `failover`, the first preferred, and those that `destinations` may add. Cancel-safe:
    /// dropping it closes every attempt.
    ///
    /// # Errors
    ///
    /// The first attempt's error when all failed: later addresses mostly fail for the same reason, and the first is the preferred
    /// one. The policy's when it let none begin.
    pub(super) async fn connect(
        &self,
        failover: &mut Failover,
        destinations: &mut Destinations<'_>,
    ) -> Result<Connected> {
        let mut race = Race::new(failover.addresses().iter().copied(), ATTEMPT_DELAY);
        race.open(destinations.is_open());
        let mut attempts = FuturesUnordered::new();
        let mut began: Vec<(SocketAddr, Instant)> = Vec::new();
        let mut failed = Vec::new();
        let mut first_error: Option<Error> = None;
        let mut forbidden: Option<Error> = None;
        let mut winner = None;
        let mut event = Event::Tick;
        loop {
            let now = Instant::now();
            let wake = match race.step(now, event) {
                Action::Begin(address, wake) => match self.policy.begin(address) {
                    Ok(permit) => {
                        began.push((address, now));
                        let attempt = self.attempt(address);
                        attempts.push(async move { (address, permit, now, attempt.await) });
                        wake
                    }
                    Err(error) => {
                        forbidden.get_or_insert_with(|| error.with_address(address));
                        event = Event::Forbidden(address);
                        continue;
                    }
                },
                Action::Wait(wake) => wake,
                Action::Won(_) => match winner.take() {
                    Some(winner) => return Ok(winner),
                    None => continue,
                },
                Action::Lost => {
                    let none = || Error::new(ErrorKind::HostNotFound);
                    return Err(first_error.or(forbidden).unwrap_or_else(none));
                }
            };
            event = tokio::select! {
                biased;
                Some((address, permit, began, outcome)) = attempts.next() => match outcome {
                    Ok(stream) => {
                        let failed = std::mem::take(&mut failed);
                        winner = Some(Connected { stream, address, permit, began, failed });
                        Event::Connected(address)
                    }
                    Err(missed) => {
                        match missed.is_ours {
                            true => self.policy.inconclusive(address),
                            false => self.policy.ended(address, Err(&missed.error)),
                        }
                        failed.push(address);
                        first_error.get_or_insert(missed.error);
                        match missed.is_exhaustion {
                            true => Event::Exhausted(address),
                            false => Event::Failed(address),
                        }
                    }
                },
                news = destinations.next(), if destinations.is_open() => {
                    // That there are no more is an error only where there were none.
                    if let Some(Ok(preferred)) = news {
                        race.arrange(failover.arrange(&preferred, race.begun()));
                    }
                    race.open(destinations.is_open());
                    Event::Tick
                }
                () = sleep_until(self.deadline) => return Err(self.late(&race, &began)),
                () = sleep_until(wake.unwrap_or(self.deadline)), if wake.is_some() => Event::Tick,
            };
        }
    }

    /// The deadline came before any attempt ended well.
    fn late(&self, race: &Race, began: &[(SocketAddr, Instant)]) -> Error {
        let error = Error::new(ErrorKind::ConnectTimeout);
        for (address, began) in began {
            let had = self.deadline.saturating_duration_since(*began);
            if race.running().contains(address) && had >= FAIR_CHANCE {
                let error = error.clone().with_address(*address);
                self.policy.ended(*address, Err(&error));
            }
        }
        match race.running().first() {
            Some(first) => error.with_address(*first),
            None => error,
        }
    }

    async fn attempt(&self, address: SocketAddr) -> Result<TcpStream, Missed> {
        let socket = self.local.bind(self.host, address)?;
        let connected = async {
            let stream = socket.connect(address).await?;
            stream.set_nodelay(true)?;
            let keepalive = TcpKeepalive::new()
                .with_time(KEEPALIVE_IDLE)
                .with_interval(KEEPALIVE_INTERVAL)
                .with_retries(KEEPALIVE_RETRIES);
            keep_alive(&stream, &keepalive)?;
            Ok(stream)
        };
        connected.await.map_err(|error| Missed::new(error, address))
    }
}

/// An attempt that failed.
#[derive(Debug)]
pub(super) struct Missed {
    pub(super) error: Error,
    /// This machine is at fault, and not the address.
    pub(super) is_ours: bool,
    /// The next attempt would fail for the same reason.
    pub(super) is_exhaustion: bool,
}

impl Missed {
    pub(super) fn new(error: io::Error, address: SocketAddr) -> Self {
        let is_exhaustion = matches!(
            error.raw_os_error(),
            Some(ENOMEM | ENFILE | EMFILE | ENOBUFS)
        );
        let error = Error::from_connect(error).with_address(address);
        Self {
            // Ports can run out towards one address while there are some towards the next.
            is_ours: error.kind() == ErrorKind::OutOfResources,
            is_exhaustion,
            error,
        }
    }
}

/// Linux's numbers for what is the whole machine's or process's.
const ENOMEM: i32 = 12;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const ENOBUFS: i32 = 105;

#[cfg(test)]
mod tests;
