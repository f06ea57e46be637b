//! Saying which connections are meant.

use std::net::{IpAddr, SocketAddr};
use std::ops::Not;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::facts::Facts;
use super::{Activity, AddressGroup, ConnectionId, Direction, Entry, Health, Protocol, State};

/// Says which connections are meant: a property, or several put together.
///
/// ```
/// use std::time::Duration;
///
/// use hotpool::registry::{Direction, Protocol, Selector};
///
/// let silent = Selector::Protocol(Protocol::WebSocket)
///     .or(Selector::Protocol(Protocol::Tcp))
///     .and(Selector::Direction(Direction::Inbound))
///     .and(Selector::IdleFor(Duration::from_secs(300)))
///     .and(!Selector::Label("monitor".into()));
/// ```
///
/// Those by id, user, address, group, host, protocol, direction, state and label are looked up; the
/// others are tried on what is left. See [`Registry::select`](super::Registry::select). Nesting is
/// followed by recursion: who makes selectors of foreign input bounds its depth.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Selector {
    /// Every connection.
    Any,
    /// The connection of that name.
    Id(ConnectionId),
    /// Those of that user.
    User(Arc<str>),
    /// Those whose user is known.
    Authenticated,
    /// Those whose peer has that address and port.
    Address(SocketAddr),
    /// Those whose peer has that address, on whichever port. An IPv4 address mapped into IPv6
    /// (`::ffff:192.0.2.1`, as a socket for both sees it) is the former.
    Ip(IpAddr),
    /// Those whose peer is in that group of addresses.
    AddressGroup(AddressGroup),
    /// Those for that host, compared as it was given.
    Host(Arc<str>),
    /// Those on which that protocol is spoken.
    Protocol(Protocol),
    /// Those opened in that direction.
    Direction(Direction),
    /// Those in that state. There is none in [`State::Closed`].
    State(State),
    /// Those on which something is under way, or nothing.
    Activity(Activity),
    /// Those of which the owner thinks so.
    Health(Health),
    /// Those with that label.
    Label(Arc<str>),
    /// Those that have received nothing for longer than this, whatever was sent to them and
    /// whatever is under way. See [`Entry::idle_for`].
    IdleFor(Duration),
    /// Those that have been in the registry for longer than this.
    OlderThan(Duration),
    /// Those that are meant by each of these; every connection if there are none.
    And(Vec<Self>),
    /// Those that are meant by one of these or several; none if there are none.
    Or(Vec<Self>),
    /// Those that are not meant by this.
    Not(Box<Self>),
}

impl Selector {
    /// Those that are meant by both.
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::And(mut all) => {
                all.push(other);
                Self::And(all)
            }
            first => Self::And(vec![first, other]),
        }
    }

    /// Those that are meant by one or both.
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Or(mut any) => {
                any.push(other);
                Self::Or(any)
            }
            first => Self::Or(vec![first, other]),
        }
    }

    /// Whether it means that connection, as it is now.
    pub fn matches(&self, entry: &Entry) -> bool {
        self.fits(entry, &entry.facts.read(), Instant::now())
    }

    pub(super) fn fits(&self, entry: &Entry, facts: &Facts, now: Instant) -> bool {
        match self {
            Self::Any => true,
            Self::Id(id) => entry.id() == *id,
            Self::User(user) => facts.identity.user.as_ref() == Some(user),
            Self::Authenticated => facts.identity.user.is_some(),
            Self::Address(address) => facts.remote_addr == Some(*address),
            Self::Ip(ip) => facts
                .remote_addr
                .is_some_and(|address| address.ip().to_canonical() == ip.to_canonical()),
            Self::AddressGroup(group) => facts.address_group() == Some(*group),
            Self::Host(host) => facts.host.as_ref() == Some(host),
            Self::Protocol(protocol) => facts.protocol == *protocol,
            Self::Direction(direction) => entry.direction() == *direction,
            Self::State(state) => facts.state == *state,
            Self::Activity(activity) => entry.activity() == *activity,
            Self::Health(health) => facts.health == *health,
            Self::Label(label) => facts.labels.contains(label),
            Self::IdleFor(longer) => entry.idle_at(facts.end(now)) > *longer,
            Self::OlderThan(longer) => entry.age_at(facts.end(now)) > *longer,
            Self::And(all) => all.iter().all(|each| each.fits(entry, facts, now)),
            Self::Or(any) => any.iter().any(|each| each.fits(entry, facts, now)),
            Self::Not(negated) => !negated.fits(entry, facts, now),
        }
    }
}

impl Not for Selector {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Not(negated) => *negated,
            other => Self::Not(Box::new(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Draft, Registry};

    #[test]
    fn an_ipv4_address_is_found_however_the_socket_saw_it() {
        let registry = Registry::new();
        let seen: SocketAddr = "[::ffff:192.0.2.1]:443".parse().unwrap();
        let draft = Draft::new(Direction::Inbound, Protocol::Tcp).remote_addr(seen);
        let _registration = registry.register(draft);
        let ip = |address: &str| Selector::Ip(address.parse().unwrap());
        assert_eq!(registry.count_where(&ip("192.0.2.1")), 1);
        assert_eq!(registry.count_where(&ip("::ffff:192.0.2.1")), 1);
        assert_eq!(registry.count_where(&ip("192.0.2.2")), 0);
        assert_eq!(registry.count_where(&Selector::Address(seen)), 1);
    }

    #[test]
    fn chains_stay_flat() {
        let any = || Selector::Any;
        let chain = any().and(any()).and(any());
        assert_eq!(chain, Selector::And(vec![any(), any(), any()]));
        let chain = any().or(any()).or(any());
        assert_eq!(chain, Selector::Or(vec![any(), any(), any()]));
        assert_eq!(!!any(), any());
    }
}
