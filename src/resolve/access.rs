//! Which addresses may be connected to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::IpNet;

use super::networks::{NamedRange, Networks};
use crate::error::{Error, ErrorKind};

/// Networks that may be connected to and networks that may not, whatever name led there.
///
/// What is denied is denied, even where it is allowed too; of the rest, what is allowed is allowed; of what is neither, the default
/// decides. An IPv4 address that is written as an IPv6 one (`::ffff:192.0.2.1`) is judged as the IPv4 address, which it is to the
/// kernel, so that `::/0` stands for all of IPv6 and nothing of IPv4. One behind the well-known prefix of NAT64 (`64:ff9b::192.0.2.1`,
/// RFC 6052) is judged as both: as the IPv6 address that it is, and denied where the IPv4 address is, to which a gateway connects. Of a
/// network's own prefix for NAT64 nothing is known here: deny it.
///
/// The dialer asks it between resolution and connecting, so overrides, addresses written as text and address hints are judged as
/// answers of DNS are. Judging takes a binary search.
///
/// ```
/// use hotpool::resolve::AccessList;
///
/// # fn main() -> Result<(), hotpool::Error> {
/// let list = AccessList::allow_all().deny("private")?.deny("192.0.2.0/24")?;
/// assert!(list.permits("198.51.100.1".parse().unwrap()));
/// assert!(!list.permits("::ffff:10.0.0.1".parse().unwrap()));
///
/// let same: AccessList = "default allow, deny private, deny 192.0.2.0/24".parse()?;
/// assert_eq!(same, list);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessList {
    denies_others: bool,
    allowed: Networks,
    denied: Networks,
}

impl AccessList {
    /// Everything may be connected to, but for what [`deny`](Self::deny) adds.
    pub fn allow_all() -> Self {
        Self {
            denies_others: false,
            allowed: Networks::default(),
            denied: Networks::default(),
        }
    }

    /// Nothing may be connected to, but for what [`allow`](Self::allow) adds.
    pub fn deny_all() -> Self {
        Self {
            denies_others: true,
            ..Self::allow_all()
        }
    }

    /// What the Internet routes: everything but the [ranges that have a name](NamedRange::ALL). It is what a service that fetches
    /// URLs of strangers wants.
    pub fn public_only() -> Self {
        NamedRange::ALL
            .iter()
            .fold(Self::allow_all(), |list, range| list.deny_range(*range))
    }

    /// Rules in the order given, each of them `allow ENTRY`, `deny ENTRY`, `default allow` or `default deny`; without a default,
    /// everything else is allowed. What an entry is, [`allow`](Self::allow) explains.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration), naming the rule and its fault; also for a second default.
    pub fn parse<'a>(rules: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let mut list = Self::allow_all();
        let mut default = None;
        for rule in rules {
            let (verb, entry) = rule
                .trim()
                .split_once(char::is_whitespace)
                .ok_or_else(|| invalid(rule, "it is not of the form VERB ENTRY"))?;
            list = match (verb, entry.trim()) {
                ("default", "allow" | "deny") if default.is_some() => {
                    return Err(invalid(rule, "a default was given before"));
                }
                ("default", verdict @ ("allow" | "deny")) => {
                    default = Some(verdict == "deny");
                    list
                }
                ("default", _) => return Err(invalid(rule, "a default is `allow` or `deny`")),
                ("allow", entry) => list.allow(entry)?,
                ("deny", entry) => list.deny(entry)?,
                _ => return Err(invalid(rule, "it begins with none of allow, deny, default")),
            };
        }
        list.denies_others = default.unwrap_or(false);
        Ok(list)
    }

    /// Allows an entry: an address, a network as `192.0.2.0/24`, or a [named range](NamedRange) as `loopback`. Bits behind a
    /// network's prefix do not count.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration), naming the entry.
    pub fn allow(mut self, entry: &str) -> Result<Self, Error> {
        networks_of(entry)?.for_each(|network| self.allowed.insert(network));
        Ok(self)
    }

    /// Denies an entry, of the same forms as those of [`allow`](Self::allow).
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration), naming the entry.
    pub fn deny(mut self, entry: &str) -> Result<Self, Error> {
        networks_of(entry)?.for_each(|network| self.denied.insert(network));
        Ok(self)
    }

    /// Allows one address.
    #[must_use]
    pub fn allow_address(mut self, address: IpAddr) -> Self {
        self.allowed.insert(address.into());
        self
    }

    /// Denies one address.
    #[must_use]
    pub fn deny_address(mut self, address: IpAddr) -> Self {
        self.denied.insert(address.into());
        self
    }

    /// Allows a range by its name.
    #[must_use]
    pub fn allow_range(mut self, range: NamedRange) -> Self {
        range.networks().for_each(|one| self.allowed.insert(one));
        self
    }

    /// Denies a range by its name.
    #[must_use]
    pub fn deny_range(mut self, range: NamedRange) -> Self {
        range.networks().for_each(|one| self.denied.insert(one));
        self
    }

    /// Whether `address` may be connected to.
    pub fn permits(&self, address: IpAddr) -> bool {
        self.refusal(address).is_none()
    }

    /// Whether every address may be connected to.
    pub fn permits_all(&self) -> bool {
        self.denied.is_empty() && !self.denies_others
    }

    /// Why `address` may not be connected to.
    pub(crate) fn refusal(&self, address: IpAddr) -> Option<Refusal> {
        let address = address.to_canonical();
        let denied = self.denied.find(address).or_else(|| {
            let behind = behind_nat64(address)?;
            self.denied.find(behind.into())
        });
        match denied {
            Some(network) => Some(Refusal(Some(network))),
            None if self.denies_others && self.allowed.find(address).is_none() => {
                Some(Refusal(None))
            }
            None => None,
        }
    }
}

impl Default for AccessList {
    /// [Everything](Self::allow_all).
    fn default() -> Self {
        Self::allow_all()
    }
}

impl FromStr for AccessList {
    type Err = Error;

    /// The rules of [`parse`](Self::parse), separated by commas or line ends; what is empty between them is passed over.
    fn from_str(text: &str) -> Result<Self, Error> {
        let rules = text.split([',', '\n']).map(str::trim);
        Self::parse(rules.filter(|rule| !rule.is_empty()))
    }
}

impl fmt::Display for AccessList {
    /// In the form that [`from_str`](Self::from_str) reads. Networks that another one covers are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = if self.denies_others { "deny" } else { "allow" };
        write!(f, "default {default}")?;
        for network in self.denied.iter() {
            write!(f, ", deny {network}")?;
        }
        for network in self.allowed.iter() {
            write!(f, ", allow {network}")?;
        }
        Ok(())
    }
}

/// The network that denies an address, or none where the address is in no list and the default denies it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Refusal(Option<IpNet>);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(network) => write!(f, "{network} is denied"),
            None => f.write_str("it is not among those allowed"),
        }
    }
}

/// The IPv4 address to which a gateway of NAT64 connects (RFC 6052 §2.1).
fn behind_nat64(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V6(v6) => match v6.segments() {
            [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => {
                Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
            }
            _ => None,
        },
        IpAddr::V4(_) => None,
    }
}

fn networks_of(entry: &str) -> Result<impl Iterator<Item = IpNet>, Error> {
    let entry = entry.trim();
    let (named, single) = match NamedRange::parse(entry) {
        Some(range) => (Some(range.networks()), None),
        None => {
            let network = entry
                .parse::<IpNet>()
                .or_else(|_| entry.parse::<IpAddr>().map(IpNet::from));
            let fault = "ENTRY is no address, no network as 192.0.2.0/24, and no name of a range";
            (None, Some(network.map_err(|_| invalid(entry, fault))?))
        }
    };
    Ok(named.into_iter().flatten().chain(single))
}

fn invalid(entry: &str, fault: &str) -> Error {
    Error::new(ErrorKind::InvalidConfiguration)
        .with_detail(format!("the access rule `{entry}` is unusable: {fault}"))
}

#[cfg(test)]
mod tests;
