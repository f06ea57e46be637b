//! What makes a configuration impossible.

use std::time::Duration;

use super::{Config, Settings, memory};
use crate::error::{Error, ErrorKind};

/// Longer than any deadline has a use for; keeps clock arithmetic far from overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// More connections than a process can have descriptors for.
const MOST: usize = 1 << 20;

impl Default for Config {
    fn default() -> Self {
        Self::complete(Settings::default())
    }
}

impl TryFrom<Settings> for Config {
    type Error = Error;

    fn try_from(settings: Settings) -> Result<Self, Error> {
        let config = Self::complete(settings);
        config.check().map_err(|(name, fault)| {
            Error::new(ErrorKind::InvalidConfiguration).with_detail(format!("{name}: {fault}"))
        })?;
        Ok(config)
    }
}

impl Config {
    fn check(&self) -> Result<(), (&'static str, String)> {
        for (name, value) in [
            ("max_connections", self.max_connections()),
            ("max_connections_per_host", self.max_connections_per_host()),
            ("max_dials", self.max_dials()),
            (
                "max_streams_per_connection",
                self.max_streams_per_connection(),
            ),
            ("max_waiters_per_host", self.max_waiters_per_host()),
            (
                "max_requests_per_connection",
                self.max_requests_per_connection().unwrap_or(MOST),
            ),
            (
                "max_connections_per_address",
                self.max_connections_per_address(),
            ),
            ("max_dials_per_host", self.max_dials_per_host()),
            ("max_dials_per_address", self.max_dials_per_address()),
            ("blacklist_after", self.blacklist_after()),
            ("breaker_failures", self.breaker_failures()),
            ("breaker_volume", self.breaker_volume()),
        ] {
            if !(1..=MOST).contains(&value) {
                return Err((name, format!("{value} is not between 1 and {MOST}")));
            }
        }
        if self.max_retries() > MOST {
            let fault = format!("{} is not between 0 and {MOST}", self.max_retries());
            return Err(("max_retries", fault));
        }
        let memory = self.max_memory_per_connection();
        if !(memory::LEAST..=memory::MOST).contains(&memory) {
            let (least, most) = (memory::LEAST, memory::MOST);
            let fault = format!("{memory} is not between {least} and {most} bytes");
            return Err(("max_memory_per_connection", fault));
        }
        for (name, value) in [
            ("acquire_timeout", self.acquire_timeout()),
            ("resolve_timeout", self.resolve_timeout()),
            ("connect_timeout", self.connect_timeout()),
            ("proxy_timeout", self.proxy_timeout()),
            ("tls_timeout", self.tls_timeout()),
            ("settings_timeout", self.settings_timeout()),
            ("idle_timeout", self.idle_timeout()),
            ("max_lifetime", self.max_lifetime()),
            ("address_grace", self.address_grace()),
            ("validate_after", self.validate_after()),
            ("ping_interval", self.ping_interval().unwrap_or(LONGEST)),
            ("suspect_after", self.suspect_after()),
            ("ping_timeout", self.ping_timeout()),
            ("lease_age_alarm", self.lease_age_alarm().unwrap_or(LONGEST)),
            ("blacklist_term", self.blacklist_term()),
            ("max_blacklist_term", self.max_blacklist_term()),
            ("breaker_term", self.breaker_term()),
            ("max_breaker_term", self.max_breaker_term()),
        ] {
            if value.is_zero() || value > LONGEST {
                return Err((name, format!("{value:?} is not between 1 ns and a year")));
            }
        }
        if self.ping_timeout() < self.suspect_after() {
            let fault = format!(
                "{:?} is less than suspect_after, {:?}",
                self.ping_timeout(),
                self.suspect_after()
            );
            return Err(("ping_timeout", fault));
        }
        if self.max_lifetime() <= self.connect_timeout() {
            let fault = format!(
                "{:?} is not longer than connect_timeout, {:?}",
                self.max_lifetime(),
                self.connect_timeout()
            );
            return Err(("max_lifetime", fault));
        }
        if !(1..=100).contains(&self.breaker_error_percent()) {
            let fault = format!("{} is not between 1 and 100", self.breaker_error_percent());
            return Err(("breaker_error_percent", fault));
        }
        if self.breaker_term() > self.max_breaker_term() {
            let fault = format!(
                "{:?} is more than max_breaker_term, {:?}",
                self.breaker_term(),
                self.max_breaker_term()
            );
            return Err(("breaker_term", fault));
        }
        if self.blacklist_term() > self.max_blacklist_term() {
            let fault = format!(
                "{:?} is more than max_blacklist_term, {:?}",
                self.blacklist_term(),
                self.max_blacklist_term()
            );
            return Err(("blacklist_term", fault));
        }
        if self.min_warm() > self.max_connections_per_host() {
            let fault = format!(
                "{} is more than max_connections_per_host, {}",
                self.min_warm(),
                self.max_connections_per_host()
            );
            return Err(("min_warm", fault));
        }
        if self.min_warm() > self.max_connections() {
            let fault = format!(
                "{} is more than max_connections, {}",
                self.min_warm(),
                self.max_connections()
            );
            return Err(("min_warm", fault));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(settings: Settings) -> String {
        Config::try_from(settings).unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_are_the_contract() {
        let config = Config::try_from(Settings::default()).unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.max_connections(), 100);
        assert_eq!(config.max_connections_per_host(), 10);
        assert_eq!(config.max_idle(), 20);
        assert_eq!(config.connect_timeout(), Duration::from_secs(30));
        assert_eq!(config.idle_timeout(), Duration::from_secs(60));
        assert_eq!(config.max_lifetime(), Duration::from_secs(300));
    }

    #[test]
    fn impossible_settings_are_named() {
        let zero = fault(Settings {
            max_dials: Some(0),
            ..Settings::default()
        });
        assert!(zero.contains("max_dials: 0"), "{zero}");
        let endless = fault(Settings {
            tls_timeout: Some(Duration::MAX),
            ..Settings::default()
        });
        assert!(endless.contains("tls_timeout"), "{endless}");
        let memory = fault(Settings {
            max_memory_per_connection: Some(65_535),
            ..Settings::default()
        });
        assert!(
            memory.contains("max_memory_per_connection: 65535 is not between 524288"),
            "{memory}"
        );
        let warm = fault(Settings {
            min_warm: Some(11),
            ..Settings::default()
        });
        assert!(warm.contains("min_warm: 11 is more than"), "{warm}");
        let warm = fault(Settings {
            min_warm: Some(5),
            max_connections: Some(4),
            ..Settings::default()
        });
        let named = "min_warm: 5 is more than max_connections, 4";
        assert!(warm.contains(named), "{warm}");
    }

    #[test]
    fn the_stronger_layer_wins_where_it_speaks() {
        let weak = Settings {
            max_idle: Some(1),
            max_dials: Some(2),
            ..Settings::default()
        };
        let strong = Settings {
            max_idle: Some(3),
            ..Settings::default()
        };
        let both = weak.overlaid_by(strong);
        assert_eq!((both.max_idle, both.max_dials), (Some(3), Some(2)));
    }
}
