//! One caller's lookup of an origin, whose answers are handed over as they come.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::addresses::{Landed, MAX_ADDRESSES_PER_FAMILY, Questions, the_graver};
use super::cache::Asked;
use super::family::{Families, Family};
use super::gathering::{Finding, Gathering, Offer, Step};
use super::host::Host;
use super::resolved::Resolved;
use super::resolver::{Resolver, all_at_port, at_port};
use super::service::Services;
use crate::error::{Error, ErrorKind};

/// Addresses as they become known.
pub(crate) enum Lookup {
    /// What needs no name service.
    Fixed(Option<Resolved>),
    UnderWay(Box<UnderWay>),
}

pub(crate) struct UnderWay {
    resolver: Resolver,
    port: u16,
    gathering: Gathering,
    questions: Questions,
    services: Option<Asked<Arc<Services>>>,
    answers: Vec<(Families, Landed)>,
    records: Option<Arc<Services>>,
    /// Where the records point to, when the host itself has no address.
    elsewhere: Option<Box<Self>>,
    has_failed: bool,
}

impl Lookup {
    /// The first time, all that is known when there is enough to begin with (RFC 8305 §3), or why there is nothing; then all that is
    /// known whenever there is more; `None` when nothing more will come. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Result<Resolved, Error>> {
        match self {
            Self::Fixed(resolved) => resolved.take().map(Ok),
            Self::UnderWay(lookup) => lookup.next().await,
        }
    }

    /// All that can be had within a moment, at once.
    pub(crate) async fn whole(self) -> Result<Resolved, Error> {
        match self {
            Self::Fixed(Some(resolved)) => Ok(resolved),
            Self::Fixed(None) => Err(Error::new(ErrorKind::HostNotFound)),
            Self::UnderWay(mut lookup) => lookup.whole().await,
        }
    }

    /// Leaves what is under way to the next who asks: to be called where the connection is there. Otherwise it ends with the last of
    /// its callers.
    pub(crate) fn park(&mut self) {
        if let Self::UnderWay(lookup) = self {
            lookup.park();
        }
    }
}

impl UnderWay {
    /// `host` is a name that needs a lookup.
    pub(super) fn begin(resolver: &Resolver, host: &str, port: u16, with_records: bool) -> Self {
        let questions = resolver.ask_addresses(host);
        let services = with_records.then(|| resolver.ask_services(host, port));
        let gathering = Gathering::new(
            questions.since(Family::V6),
            questions.since(Family::V4),
            with_records,
        );
        let mut lookup = Self {
            resolver: resolver.clone(),
            port,
            gathering,
            questions,
            services,
            answers: Vec::new(),
            records: None,
            elsewhere: None,
            has_failed: false,
        };
        // What was known before is not what the other family has had time since.
        let asked = Family::ALL.map(|family| lookup.questions.since(family));
        let asked = asked.into_iter().min().unwrap_or_else(Instant::now);
        for (families, landed) in lookup.questions.known() {
            lookup.answered(asked, families, landed);
        }
        if let Some(known) = lookup.services.as_ref().and_then(Asked::known) {
            lookup.recorded(known.ok().map(|held| held.value));
        }
        lookup
    }

    async fn next(&mut self) -> Option<Result<Resolved, Error>> {
        loop {
            if self.elsewhere.is_some() {
                return self.next_elsewhere().await;
            }
            match self.gathering.step(Instant::now()) {
                Step::Offer(offer) => return Some(Ok(self.resolved(offer))),
                Step::Wait(until) => self.event(until).await,
                Step::Fail if self.has_failed => return None,
                Step::Fail => {
                    self.elsewhere = self.look_elsewhere();
                    if self.elsewhere.is_none() {
                        self.has_failed = true;
                        return Some(Err(self.error()));
                    }
                }
                Step::Done => return None,
            }
        }
    }

    async fn whole(&mut self) -> Result<Resolved, Error> {
        let mut latest = None;
        loop {
            let now = Instant::now();
            let wait = match self.gathering.step(now) {
                Step::Offer(offer) => {
                    latest = Some(self.resolved(offer));
                    continue;
                }
                Step::Wait(until) => until,
                Step::Done => None,
                Step::Fail => match self.look_elsewhere() {
                    Some(mut elsewhere) => {
                        let found = Box::pin(elsewhere.whole()).await;
                        return found
                            .map(|found| self.found_elsewhere(found))
                            // What the caller asked for is what failed.
                            .map_err(|_| self.error());
                    }
                    None => return Err(self.error()),
                },
            };
            match (latest.take(), self.gathering.whole_by()) {
                (Some(resolved), Some(end)) if now >= end => {
                    self.park();
                    return Ok(resolved);
                }
                (Some(resolved), end) => {
                    latest = Some(resolved);
                    self.event(end).await;
                }
                (None, _) => self.event(wait).await,
            }
        }
    }

    /// Takes in the next answer, or lets the time pass.
    async fn event(&mut self, until: Option<Instant>) {
        let open = self.gathering.awaited();
        let awaits_records = self.gathering.awaits_records();
        let services = async {
            match &mut self.services {
                Some(services) if awaits_records => services.wait().await,
                _ => pending().await,
            }
        };
        let passed = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            (families, landed) = self.questions.next(open) => {
                self.answered(Instant::now(), families, landed);
            }
            landed = services => self.recorded(landed.ok().map(|held| held.value)),
            () = passed => {}
        }
    }

    fn answered(&mut self, at: Instant, families: Families, landed: Landed) {
        for family in families.iter() {
            let is_of = |address: &std::net::IpAddr| Family::of(*address) == family;
            let finding = match &landed {
                Ok(held) if held.value.iter().any(is_of) => Finding::Found,
                Ok(_) => Finding::Empty,
                Err(error) if error.kind() == ErrorKind::HostNotFound => Finding::Empty,
                Err(_) => Finding::Failed,
            };
            self.gathering.answered(at, family, finding);
        }
        self.answers.push((families, landed));
        // IPv6 first.
        self.answers
            .sort_by_key(|(families, _)| !families.contains(Family::V6));
    }

    fn recorded(&mut self, services: Option<Arc<Services>>) {
        let with_hints = services
            .as_ref()
            .is_some_and(|services| !hints(services, self.port).is_empty());
        self.gathering.recorded(Instant::now(), with_hints);
        self.records = services;
    }

    fn resolved(&self, offer: Offer) -> Resolved {
        if offer.hints
            && let Some(services) = &self.records
        {
            // Hints are no answer: they are used this once, and the addresses are asked for again.
            return Resolved {
                addresses: hints(services, self.port),
                valid_until: Some(Instant::now()),
                is_stale: false,
                services: self.records.clone(),
                families: Families::NONE,
            };
        }
        let held = || {
            let answers = self.answers.iter();
            answers.filter_map(|(_, landed)| landed.as_ref().ok())
        };
        Resolved {
            addresses: held()
                .flat_map(|held| all_at_port(&held.value, self.port))
                .collect(),
            valid_until: held().map(|held| held.until).min(),
            is_stale: held().all(|held| held.is_stale),
            services: self.records.clone(),
            families: self.gathering.known(),
        }
    }

    fn error(&self) -> Error {
        let errors = self.answers.iter();
        errors
            .filter_map(|(_, landed)| landed.as_ref().err().cloned())
            .reduce(the_graver)
            .unwrap_or_else(|| Error::new(ErrorKind::HostNotFound))
    }

    fn look_elsewhere(&self) -> Option<Box<Self>> {
        let services = self.records.as_ref()?;
        let (name, port) = services.elsewhere()?;
        // A name from the network is held to the rules of one from a caller.
        let host = Host::parse(name).ok()?.absolute();
        if matches!(host, Host::Address(_)) || host.well_known().is_some() {
            return None;
        }
        let port = port.unwrap_or(self.port);
        let lookup = Self::begin(&self.resolver, &host.to_string(), port, false);
        Some(Box::new(lookup))
    }

    async fn next_elsewhere(&mut self) -> Option<Result<Resolved, Error>> {
        let elsewhere = self.elsewhere.as_mut()?;
        Some(match Box::pin(elsewhere.next()).await? {
            Ok(found) => Ok(self.found_elsewhere(found)),
            // What the caller asked for is what failed.
            Err(_) => Err(self.error()),
        })
    }

    fn found_elsewhere(&self, found: Resolved) -> Resolved {
        Resolved {
            services: self.records.clone(),
            ..found
        }
    }

    fn park(&mut self) {
        self.questions.park();
        if let Some(services) = &mut self.services {
            services.park();
        }
        if let Some(elsewhere) = &mut self.elsewhere {
            elsewhere.park();
        }
    }
}

/// The addresses that the records hint at, those of the preferred service first.
fn hints(services: &Services, port: u16) -> Vec<SocketAddr> {
    let mut hints = Vec::new();
    for service in services.over_tcp() {
        for address in &service.address_hints {
            let hint = at_port(*address, service.port.unwrap_or(port));
            if !hints.contains(&hint) && hints.len() < MAX_ADDRESSES_PER_FAMILY {
                hints.push(hint);
            }
        }
    }
    hints
}
