//! A host's addresses of one family, from the hosts file or the name servers.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, Record, RecordType};
use tokio::time::timeout;

use super::settings::Settings;
use super::{Answer, Family, SETTINGS_VALIDITY};
use crate::error::{Error, ErrorKind};
use crate::resolve::flight::{Flight, Flights};
use crate::resolve::gathering::SECOND_FAMILY_DELAY;

/// The queries under way for names that a host may be short for: the lookups of its two families share them.
pub(super) struct Queries(Flights<Result<Answer, Error>>);

impl Queries {
    /// The addresses at the first of the names that `host` may stand for which has addresses of either family: those of the one at one
    /// name and of the other at another would be those of two hosts.
    pub(super) async fn look_up(
        &self,
        settings: &Arc<Settings>,
        host: &str,
        family: Family,
    ) -> Result<Answer, Error> {
        let mut candidates = settings.candidates(host)?;
        if let Some(answer) = in_hosts_file(settings, host) {
            return Ok(answer.of(family));
        }
        let last = candidates.pop();
        let mut valid_for = Duration::MAX;
        // A failure ends the search: the name may exist, and the next one may be another host's.
        for name in candidates {
            let own = self.share(settings, &name, family);
            let other = self.share(settings, &name, family.other());
            let (own, other) = match select(own, other).await {
                Either::Left((own, _)) if has_addresses(&own) => return own,
                Either::Left((own, other)) => (own?, other.await?),
                Either::Right((other, own)) => (own.await?, other?),
            };
            if !own.is_empty() || !other.is_empty() {
                return Ok(own);
            }
            valid_for = valid_for.min(own.valid_for());
        }
        let Some(name) = last else {
            return Ok(Answer::none(valid_for));
        };
        let answer = one_family(settings, name, family).await?;
        Ok(match answer.is_empty() {
            true => Answer::none(valid_for.min(answer.valid_for())),
            false => answer,
        })
    }

    fn share(
        &self,
        settings: &Arc<Settings>,
        name: &Name,
        family: Family,
    ) -> Flight<Result<Answer, Error>> {
        let key = Arc::from(format!("{name} {family:?}"));
        let (settings, name) = (Arc::clone(settings), name.clone());
        let query = async move { one_family(&settings, name, family).await };
        self.0.join(&key, query).0
    }
}

impl Default for Queries {
    fn default() -> Self {
        Self(Flights::new())
    }
}

impl fmt::Debug for Queries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queries").finish_non_exhaustive()
    }
}

fn has_addresses(answer: &Result<Answer, Error>) -> bool {
    answer.as_ref().is_ok_and(|answer| !answer.is_empty())
}

/// As in the C library, a host with an address of either family in the file is not asked for elsewhere.
pub(super) fn in_hosts_file(settings: &Settings, host: &str) -> Option<Answer> {
    let mut name = Name::from_ascii(host).ok()?;
    name.set_fqdn(true);
    let addresses: Vec<_> = [RecordType::AAAA, RecordType::A]
        .into_iter()
        .filter_map(|family| {
            let query = Query::query(name.clone(), family);
            settings.hosts.lookup_static_host(&query)
        })
        .flat_map(|lookup| addresses(lookup.answers()))
        .collect();
    (!addresses.is_empty()).then(|| Answer::new(addresses, SETTINGS_VALIDITY))
}

/// Both families in one answer.
pub(super) async fn both_families(
    v6: impl Future<Output = Result<Answer, Error>>,
    v4: impl Future<Output = Result<Answer, Error>>,
) -> Result<Answer, Error> {
    match select(pin!(v6), pin!(v4)).await {
        Either::Left((first, other)) => with_other_family(first, other).await,
        Either::Right((first, other)) => with_other_family(first, other).await,
    }
}

async fn with_other_family(
    first: Result<Answer, Error>,
    other: impl Future<Output = Result<Answer, Error>>,
) -> Result<Answer, Error> {
    let other = match &first {
        Ok(answer) if !answer.is_empty() => timeout(SECOND_FAMILY_DELAY, other)
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::ResolveTimeout))),
        _ => other.await,
    };
    merge(first, other)
}

/// Addresses of one family are an answer whatever became of the other; that there are none is known only of both.
fn merge(first: Result<Answer, Error>, other: Result<Answer, Error>) -> Result<Answer, Error> {
    match (first, other) {
        (Ok(first), Ok(other)) => match (first.is_empty(), other.is_empty()) {
            (true, false) => Ok(other),
            (false, true) => Ok(first),
            _ => Ok(Answer::new(
                first.addresses().iter().chain(other.addresses()).copied(),
                first.valid_for().min(other.valid_for()),
            )),
        },
        (Ok(half), Err(error)) | (Err(error), Ok(half)) => match half.is_empty() {
            true => Err(error),
            false => Ok(Answer::new(
                half.addresses().iter().copied(),
                half.valid_for().min(HALF_ANSWER_VALIDITY),
            )),
        },
        (Err(first), Err(_)) => Err(first),
    }
}

async fn one_family(settings: &Settings, name: Name, family: Family) -> Result<Answer, Error> {
    let kind = match family {
        Family::V6 => RecordType::AAAA,
        Family::V4 => RecordType::A,
    };
    let found = ask(settings, name, kind).await?;
    Ok(Answer::new(addresses(&found.records), found.valid_for).of(family))
}

/// What a name has of one type; none where the name servers say so.
pub(super) struct Records {
    pub(super) records: Vec<Record>,
    pub(super) valid_for: Duration,
}

pub(super) async fn ask(
    settings: &Settings,
    name: Name,
    kind: RecordType,
) -> Result<Records, Error> {
    match settings.resolver.lookup(name, kind).await {
        Ok(lookup) => {
            let records = lookup.answers().to_vec();
            let valid_for = seconds(records.iter().map(|record| record.ttl).min());
            Ok(Records { records, valid_for })
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(reason))) => Ok(Records {
            records: Vec::new(),
            valid_for: seconds(reason.negative_ttl),
        }),
        Err(error @ NetError::Timeout) => {
            Err(Error::new(ErrorKind::ResolveTimeout).with_source(error))
        }
        Err(error) => Err(shortage().unwrap_or_else(|| {
            Error::new(ErrorKind::ResolveFailed)
                .with_detail(error.to_string())
                .with_source(error)
        })),
    }
}

/// Why no socket can be had, in which case the name servers are not at fault. hickory says only that it has no connection.
fn shortage() -> Option<Error> {
    let refused = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).err()?;
    let error = Error::from_connect(refused);
    (error.kind() == ErrorKind::OutOfResources).then_some(error)
}

fn addresses(records: &[Record]) -> Vec<IpAddr> {
    records
        .iter()
        .filter_map(|record| record.data.ip_addr())
        .collect()
}

/// No time to live is none: RFC 2308 §5 wants negative answers without SOA not to be kept.
fn seconds(time_to_live: Option<u32>) -> Duration {
    Duration::from_secs(time_to_live.unwrap_or(0).into())
}

/// How long an answer without one of the families is used, so that the other is asked for again.
const HALF_ANSWER_VALIDITY: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const MINUTE: Duration = Duration::from_secs(60);

    fn failure() -> Result<Answer, Error> {
        Err(Error::new(ErrorKind::ResolveFailed))
    }

    #[test]
    fn half_an_answer_is_one_but_half_a_denial_is_none() {
        let half = merge(failure(), Ok(Answer::new([ONE], MINUTE))).unwrap();
        assert_eq!(half, Answer::new([ONE], HALF_ANSWER_VALIDITY));
        assert!(merge(Ok(Answer::none(MINUTE)), failure()).is_err());
        assert!(merge(failure(), failure()).is_err());
    }

    #[test]
    fn a_denial_of_one_family_does_not_shorten_the_other() {
        let only = Answer::new([ONE], MINUTE);
        let merged = merge(Ok(Answer::none(Duration::ZERO)), Ok(only.clone()));
        assert_eq!(merged.unwrap(), only);
    }
}
