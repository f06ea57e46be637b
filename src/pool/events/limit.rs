//! What can run out.

use std::fmt;

/// A limit of the pool, by the setting that says how much there may be.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Limit {
    /// [`Config::max_connections`](crate::config::Config::max_connections).
    MaxConnections,
    /// [`Config::max_connections_per_host`](crate::config::Config::max_connections_per_host).
    MaxConnectionsPerHost,
    /// [`Config::max_connections_per_address`](crate::config::Config::max_connections_per_address).
    MaxConnectionsPerAddress,
    /// [`Config::max_dials`](crate::config::Config::max_dials).
    MaxDials,
    /// [`Config::max_dials_per_host`](crate::config::Config::max_dials_per_host).
    MaxDialsPerHost,
    /// [`Config::max_dials_per_address`](crate::config::Config::max_dials_per_address).
    MaxDialsPerAddress,
    /// [`Config::max_idle`](crate::config::Config::max_idle).
    MaxIdle,
    /// [`Config::max_waiters_per_host`](crate::config::Config::max_waiters_per_host).
    MaxWaitersPerHost,
    /// [`Config::max_memory_per_connection`](crate::config::Config::max_memory_per_connection): a response's head was larger than the
    /// part of it that there is for one, which `used` and `most` tell.
    MaxMemoryPerConnection,
}

impl Limit {
    /// Every limit that is told of, in the order of their documentation.
    pub const ALL: &[Self] = &[
        Self::MaxConnections,
        Self::MaxConnectionsPerHost,
        Self::MaxConnectionsPerAddress,
        Self::MaxDials,
        Self::MaxDialsPerHost,
        Self::MaxDialsPerAddress,
        Self::MaxIdle,
        Self::MaxWaitersPerHost,
        Self::MaxMemoryPerConnection,
    ];

    /// The setting's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxConnections => "max_connections",
            Self::MaxConnectionsPerHost => "max_connections_per_host",
            Self::MaxConnectionsPerAddress => "max_connections_per_address",
            Self::MaxDials => "max_dials",
            Self::MaxDialsPerHost => "max_dials_per_host",
            Self::MaxDialsPerAddress => "max_dials_per_address",
            Self::MaxIdle => "max_idle",
            Self::MaxWaitersPerHost => "max_waiters_per_host",
            Self::MaxMemoryPerConnection => "max_memory_per_connection",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test]
    fn every_limit_is_named_after_its_setting_and_has_its_place() {
        for (place, limit) in Limit::ALL.iter().enumerate() {
            assert_eq!(*limit as usize, place);
            let name = format!("HOTPOOL_{}", limit.as_str().to_uppercase());
            let settings = Settings::from_variables([(name, "1".to_owned())]).unwrap();
            assert_ne!(settings, Settings::default(), "{limit}");
        }
    }
}
