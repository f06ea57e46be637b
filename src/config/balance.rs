//! How connections and addresses are chosen where there are several.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::value::FromText;
use crate::error::{Error, ErrorKind, Result};

/// Which connection a caller gets, and which of a host's addresses the next connection goes to.
///
/// Connections are chosen among all that are there; by the default only among as few as the load needs, so that the rest can go.
///
/// Whatever is chosen: what is blacklisted or has just failed comes last, and an address at which nothing was ever opened does not
/// get the dial that callers without any connection wait for, while a proven one is there.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Balance {
    /// Of two drawn at random, the one with less load times latency: close to the best choice, and many clients do not all make the
    /// same one. A thread first gets the connection that it used before, which costs least, unless that has much more on it than
    /// others.
    #[default]
    PowerOfTwo,
    /// Each in turn.
    RoundRobin,
    /// The one with the fewest uses: streams on a connection, connections to an address.
    LeastLoaded,
    /// In proportion to the pool's [`Weights`].
    Weighted,
    /// The same one for the same [partition](crate::Target::partition) of the same host as long as it is there, in every process
    /// (rendezvous hashing: when one of `n` goes, only its callers move).
    Sticky,
}

impl Balance {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::PowerOfTwo,
        Self::RoundRobin,
        Self::LeastLoaded,
        Self::Weighted,
        Self::Sticky,
    ];

    /// As it is written in the environment or a file, such as `round-robin`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PowerOfTwo => "power-of-two",
            Self::RoundRobin => "round-robin",
            Self::LeastLoaded => "least-loaded",
            Self::Weighted => "weighted",
            Self::Sticky => "sticky",
        }
    }
}

impl std::fmt::Display for Balance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Balance {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::from_text(text)
            .map_err(|fault| Error::new(ErrorKind::InvalidConfiguration).with_detail(fault))
    }
}

impl FromText for Balance {
    fn from_text(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let named = Self::ALL
            .into_iter()
            .find(|balance| balance.as_str().eq_ignore_ascii_case(text));
        named.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("expected one of {names}")
        })
    }
}

/// What addresses are worth for [`Balance::Weighted`].
///
/// ```
/// use hotpool::config::Weights;
///
/// // Three of four connections go to the first network, none to the last while another address is there.
/// let weights: Weights = "10.1.0.0/16=3, 10.2.0.0/16=1, 10.3.0.0/16=0".parse()?;
/// assert_eq!(weights.of([10, 1, 2, 3].into()), 3);
/// # Ok::<(), hotpool::Error>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Weights(Arc<[(IpNet, u32)]>);

impl Weights {
    /// Of an address that nothing is said about.
    pub const DEFAULT: u32 = 1;

    /// Of networks; an address is a network of one. Where several contain an address, the smallest speaks; a network named twice has
    /// the weight named last.
    pub fn new(weights: impl IntoIterator<Item = (IpNet, u32)>) -> Self {
        let mut weights: Vec<_> = weights.into_iter().collect();
        weights.reverse();
        // Stable: of the same length, the one named last stays first.
        weights.sort_by_key(|(network, _)| std::cmp::Reverse(network.prefix_len()));
        Self(weights.into())
    }

    /// What this address is worth.
    pub fn of(&self, address: IpAddr) -> u32 {
        let address = address.to_canonical();
        let found = self
            .0
            .iter()
            .find(|(network, _)| network.contains(&address));
        found.map_or(Self::DEFAULT, |(_, weight)| *weight)
    }
}

impl std::str::FromStr for Weights {
    type Err = Error;

    /// Reads `NETWORK=WEIGHT`, separated by commas.
    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split(',').map(str::trim);
        let parts = parts.filter(|part| !part.is_empty()).map(|part| {
            part.split_once('=')
                .and_then(|(network, weight)| {
                    Some((network_of(network)?, weight.trim().parse().ok()?))
                })
                .ok_or_else(|| {
                    Error::new(ErrorKind::InvalidConfiguration).with_detail(format!(
                        "{part:?}: expected an address or network, `=` and a whole number"
                    ))
                })
        });
        parts.collect::<Result<Vec<_>>>().map(Self::new)
    }
}

fn network_of(text: &str) -> Option<IpNet> {
    let text = text.trim();
    let address = text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or(address).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_again() {
        for balance in Balance::ALL {
            assert_eq!(balance.to_string().parse::<Balance>().unwrap(), balance);
        }
        let error = "random".parse::<Balance>().unwrap_err();
        assert!(error.to_string().contains("round-robin"), "{error}");
    }

    #[test]
    fn the_smallest_network_speaks_and_the_last_word_counts() {
        let weights: Weights = "10.0.0.0/8=5, 10.1.1.1=7, 10.0.0.0/8=6, ::1=0"
            .parse()
            .unwrap();
        let of = |text: &str| weights.of(text.parse().unwrap());
        assert_eq!((of("10.1.1.1"), of("10.1.1.2")), (7, 6));
        assert_eq!((of("::1"), of("::2")), (0, Weights::DEFAULT));
        for wrong in ["10.0.0.0/8", "10.0.0.0/33=1", "10.0.0.1=-1"] {
            let error = wrong.parse::<Weights>().unwrap_err();
            assert!(error.to_string().contains(wrong), "{error}");
        }
    }
}
