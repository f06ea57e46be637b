//! Which of this machine's addresses connections come from.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::RngExt;

use super::net::TcpSocket;
use super::tcp::Missed;
use crate::error::{Error, ErrorKind};

/// How one of several local addresses is chosen.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum LocalAddressChoice {
    /// Each in turn.
    #[default]
    Rotate,
    /// Any.
    Random,
    /// Always the same for a host, as long as the set does not change.
    StickyByHost,
}

/// Addresses of this machine to dial from. Clones take turns together.
///
/// Those of the remote address's family are eligible; where there are none, the remote address cannot be connected to, unless the
/// whole set is empty: then the system chooses, as it does by default. One that cannot be bound gives way to the next. That is never
/// held against the remote address; when none can be bound, the attempt's error is of kind
/// [`OutOfResources`](crate::ErrorKind::OutOfResources) and names the first.
///
/// Binding takes one of a local address's ports for each connection, whatever its remote address is: about 28,000 by Linux's default
/// (`net.ipv4.ip_local_port_range`).
#[derive(Clone, Debug, Default)]
pub struct LocalAddresses {
    addresses: Arc<[IpAddr]>,
    choice: LocalAddressChoice,
    turn: Arc<AtomicUsize>,
}

impl LocalAddresses {
    /// These addresses; those of both families may be among them.
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>, choice: LocalAddressChoice) -> Self {
        Self {
            addresses: addresses.into_iter().collect(),
            choice,
            turn: Arc::default(),
        }
    }

    /// The addresses to choose from.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// How one is chosen.
    pub fn choice(&self) -> LocalAddressChoice {
        self.choice
    }

    /// The address that a connection to `destination` may come from, as far as this set decides it: `Err` where the system does.
    pub(super) fn source(&self, destination: SocketAddr) -> Result<Option<IpAddr>, SystemChooses> {
        match self.addresses.is_empty() {
            true => Err(SystemChooses),
            false => Ok(self.eligible(destination).next()),
        }
    }

    /// A socket that can connect to `destination`.
    pub(super) fn bind(&self, host: &str, destination: SocketAddr) -> Result<TcpSocket, Missed> {
        let ours = |error| Missed::new(error, destination);
        let socket = || match destination {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        };
        if self.addresses.is_empty() {
            return socket().map_err(ours);
        }
        let mut first_error = None;
        for local in self.in_turn(host, destination) {
            let socket = socket().map_err(ours)?;
            match socket.bind(SocketAddr::new(local, 0)) {
                Ok(()) => return Ok(socket),
                Err(error) => {
                    first_error.get_or_insert((local, error));
                }
            }
        }
        let error = Error::new(ErrorKind::OutOfResources);
        let error = match first_error {
            Some((local, cause)) => error
                .with_detail(format!(
                    "the local address {local} cannot be bound: {cause}"
                ))
                .with_source(cause),
            None => error.with_detail("no local address is of the remote address's family"),
        };
        Err(Missed {
            error: error.with_address(destination),
            is_ours: true,
            is_exhaustion: false,
        })
    }

    /// Those eligible, the chosen one first.
    fn in_turn(&self, host: &str, destination: SocketAddr) -> impl Iterator<Item = IpAddr> {
        let count = self.eligible(destination).count();
        let first = match self.choice {
            _ if count == 0 => 0,
            LocalAddressChoice::Rotate => self.turn.fetch_add(1, Ordering::Relaxed) % count,
            LocalAddressChoice::Random => rand::rng().random_range(0..count),
            LocalAddressChoice::StickyByHost => {
                let mut hasher = DefaultHasher::new();
                host.hash(&mut hasher);
                usize::try_from(hasher.finish() % count as u64).unwrap_or(0)
            }
        };
        let from_first = self.eligible(destination).skip(first);
        from_first.chain(self.eligible(destination).take(first))
    }

    fn eligible(&self, destination: SocketAddr) -> impl Iterator<Item = IpAddr> {
        let addresses = self.addresses.iter().copied();
        addresses.filter(move |local| local.is_ipv4() == destination.is_ipv4())
    }
}

/// No local address was named.
#[derive(Debug)]
pub(super) struct SystemChooses;

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn set(choice: LocalAddressChoice) -> LocalAddresses {
        let list = ["127.0.0.2", "::1", "127.0.0.3", "127.0.0.4"];
        LocalAddresses::new(list.map(address), choice)
    }

    fn first(set: &LocalAddresses, host: &str) -> String {
        let destination = "127.0.0.1:80".parse().unwrap();
        set.in_turn(host, destination).next().unwrap().to_string()
    }

    #[test]
    fn the_family_matches_and_each_has_its_turn() {
        let set = set(LocalAddressChoice::Rotate);
        let other = set.clone();
        let chosen = [&set, &other, &set, &other].map(|set| first(set, "a"));
        assert_eq!(chosen, ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.2"]);
        let v6 = set.in_turn("a", "[::1]:80".parse().unwrap());
        assert_eq!(v6.collect::<Vec<_>>(), [address("::1")]);
    }

    #[test]
    fn sticky_hosts_keep_theirs_and_random_ones_get_them_all() {
        let sticky = set(LocalAddressChoice::StickyByHost);
        for host in ["a", "b", "c"] {
            assert_eq!(first(&sticky, host), first(&sticky, host));
        }
        let many: std::collections::HashSet<_> =
            (0..100).map(|n| first(&sticky, &n.to_string())).collect();
        assert_eq!(many.len(), 3, "hosts are spread");
        let random = set(LocalAddressChoice::Random);
        let many: std::collections::HashSet<_> = (0..200).map(|_| first(&random, "a")).collect();
        assert_eq!(many.len(), 3);
    }

    #[tokio::test]
    async fn one_that_cannot_be_bound_gives_way_and_is_named_when_none_is_left() {
        // From TEST-NET-1 (RFC 5737), which no machine has.
        let alien = address("192.0.2.77");
        let destination = "127.0.0.1:80".parse().unwrap();
        let both = LocalAddresses::new([alien, address("127.0.0.9")], LocalAddressChoice::Rotate);
        for _ in 0..2 {
            let socket = both.bind("a", destination).unwrap();
            assert_eq!(socket.local_addr().unwrap().ip(), address("127.0.0.9"));
        }
        let alone = LocalAddresses::new([alien], LocalAddressChoice::Rotate);
        let missed = alone.bind("a", destination).unwrap_err();
        assert!(missed.is_ours && !missed.is_exhaustion);
        assert_eq!(missed.error.kind(), ErrorKind::OutOfResources);
        assert!(
            missed.error.to_string().contains("192.0.2.77"),
            "{}",
            missed.error
        );
        let missed = alone.bind("a", "[::1]:80".parse().unwrap()).unwrap_err();
        assert!(missed.is_ours);
    }
}
