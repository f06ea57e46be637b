//! The two families of addresses.

use std::net::IpAddr;

/// IPv6 or IPv4.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Family {
    /// Addresses of AAAA records.
    V6,
    /// Addresses of A records.
    V4,
}

impl Family {
    /// Both, IPv6 first.
    pub const ALL: [Self; 2] = [Self::V6, Self::V4];

    /// The family of an address; `::ffff:192.0.2.1` is of IPv6.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V6(_) => Self::V6,
            IpAddr::V4(_) => Self::V4,
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::V6 => Self::V4,
            Self::V4 => Self::V6,
        }
    }
}

/// A set of families.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Families {
    v6: bool,
    v4: bool,
}

impl Families {
    pub(crate) const NONE: Self = Self {
        v6: false,
        v4: false,
    };

    pub(crate) const BOTH: Self = Self { v6: true, v4: true };

    #[must_use]
    pub(crate) fn with(self, family: Family) -> Self {
        match family {
            Family::V6 => Self { v6: true, ..self },
            Family::V4 => Self { v4: true, ..self },
        }
    }

    pub(crate) fn contains(self, family: Family) -> bool {
        match family {
            Family::V6 => self.v6,
            Family::V4 => self.v4,
        }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Family> {
        let families = Family::ALL.into_iter();
        families.filter(move |family| self.contains(*family))
    }
}
