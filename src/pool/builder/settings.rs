//! A setter for each setting.

use std::time::Duration;

use super::PoolBuilder;
use crate::config::Balance;
#[cfg(doc)]
use crate::config::Config;

impl PoolBuilder {
    /// See [`Config::max_connections`].
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.layers.code.max_connections = Some(connections);
        self
    }

    /// See [`Config::max_connections_per_host`].
    pub fn max_connections_per_host(mut self, connections: usize) -> Self {
        self.layers.code.max_connections_per_host = Some(connections);
        self
    }

    /// See [`Config::max_idle`].
    pub fn max_idle(mut self, connections: usize) -> Self {
        self.layers.code.max_idle = Some(connections);
        self
    }

    /// See [`Config::max_dials`].
    pub fn max_dials(mut self, dials: usize) -> Self {
        self.layers.code.max_dials = Some(dials);
        self
    }

    /// See [`Config::max_waiters_per_host`].
    pub fn max_waiters_per_host(mut self, waiters: usize) -> Self {
        self.layers.code.max_waiters_per_host = Some(waiters);
        self
    }

    /// See [`Config::max_streams_per_connection`].
    pub fn max_streams_per_connection(mut self, streams: usize) -> Self {
        self.layers.code.max_streams_per_connection = Some(streams);
        self
    }

    /// See [`Config::max_retries`].
    pub fn max_retries(mut self, retries: usize) -> Self {
        self.layers.code.max_retries = Some(retries);
        self
    }

    /// See [`Config::max_memory_per_connection`].
    pub fn max_memory_per_connection(mut self, bytes: usize) -> Self {
        self.layers.code.max_memory_per_connection = Some(bytes);
        self
    }

    /// See [`Config::max_connections_per_address`].
    pub fn max_connections_per_address(mut self, connections: usize) -> Self {
        self.layers.code.max_connections_per_address = Some(connections);
        self
    }

    /// See [`Config::max_dials_per_host`].
    pub fn max_dials_per_host(mut self, dials: usize) -> Self {
        self.layers.code.max_dials_per_host = Some(dials);
        self
    }

    /// See [`Config::max_dials_per_address`].
    pub fn max_dials_per_address(mut self, dials: usize) -> Self {
        self.layers.code.max_dials_per_address = Some(dials);
        self
    }

    /// See [`Config::balance`].
    pub fn balance(mut self, balance: Balance) -> Self {
        self.layers.code.balance = Some(balance);
        self
    }

    /// See [`Config::blacklist_after`].
    pub fn blacklist_after(mut self, failures: usize) -> Self {
        self.layers.code.blacklist_after = Some(failures);
        self
    }

    /// See [`Config::blacklist_term`].
    pub fn blacklist_term(mut self, term: Duration) -> Self {
        self.layers.code.blacklist_term = Some(term);
        self
    }

    /// See [`Config::max_blacklist_term`].
    pub fn max_blacklist_term(mut self, term: Duration) -> Self {
        self.layers.code.max_blacklist_term = Some(term);
        self
    }

    /// See [`Config::circuit_breaker`].
    pub fn circuit_breaker(mut self, on: bool) -> Self {
        self.layers.code.circuit_breaker = Some(on);
        self
    }

    /// See [`Config::breaker_failures`].
    pub fn breaker_failures(mut self, failures: usize) -> Self {
        self.layers.code.breaker_failures = Some(failures);
        self
    }

    /// See [`Config::breaker_error_percent`].
    pub fn breaker_error_percent(mut self, percent: usize) -> Self {
        self.layers.code.breaker_error_percent = Some(percent);
        self
    }

    /// See [`Config::breaker_volume`].
    pub fn breaker_volume(mut self, attempts: usize) -> Self {
        self.layers.code.breaker_volume = Some(attempts);
        self
    }

    /// See [`Config::breaker_term`].
    pub fn breaker_term(mut self, term: Duration) -> Self {
        self.layers.code.breaker_term = Some(term);
        self
    }

    /// See [`Config::max_breaker_term`].
    pub fn max_breaker_term(mut self, term: Duration) -> Self {
        self.layers.code.max_breaker_term = Some(term);
        self
    }

    /// See [`Config::min_warm`].
    pub fn min_warm(mut self, connections: usize) -> Self {
        self.layers.code.min_warm = Some(connections);
        self
    }

    /// See [`Config::acquire_timeout`].
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.layers.code.acquire_timeout = Some(timeout);
        self
    }

    /// See [`Config::resolve_timeout`].
    pub fn resolve_timeout(mut self, timeout: Duration) -> Self {
        self.layers.code.resolve_timeout = Some(timeout);
        self
    }

    /// See [`Config::connect_timeout`].
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.layers.code.connect_timeout = Some(timeout);
        self
    }

    /// See [`Config::proxy_timeout`].
    pub fn proxy_timeout(mut self, timeout: Duration) -> Self {
        self.layers.code.proxy_timeout = Some(timeout);
        self
    }

    /// See [`Config::tls_timeout`].
    pub fn tls_timeout(mut self, timeout: Duration) -> Self {
        self.layers.code.tls_timeout = Some(timeout);
        self
    }

    /// See [`Config::settings_timeout`].
    pub fn settings_timeout(mut self, timeout: Duration) -> Self {
        self.layers.code.settings_timeout = Some(timeout);
        self
    }

    /// See [`Config::idle_timeout`].
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.layers.code.idle_timeout = Some(timeout);
        self
    }

    /// See [`Config::max_lifetime`].
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.layers.code.max_lifetime = Some(lifetime);
        self
    }

    /// See [`Config::max_requests_per_connection`].
    pub fn max_requests_per_connection(mut self, requests: Option<usize>) -> Self {
        self.layers.code.max_requests_per_connection = Some(requests);
        self
    }

    /// See [`Config::replay_safe_methods`].
    pub fn replay_safe_methods(mut self, replay: bool) -> Self {
        self.layers.code.replay_safe_methods = Some(replay);
        self
    }

    /// See [`Config::coalescing`].
    pub fn coalescing(mut self, coalescing: bool) -> Self {
        self.layers.code.coalescing = Some(coalescing);
        self
    }

    /// See [`Config::address_grace`].
    pub fn address_grace(mut self, grace: Duration) -> Self {
        self.layers.code.address_grace = Some(grace);
        self
    }

    /// See [`Config::validate_after`].
    pub fn validate_after(mut self, silence: Duration) -> Self {
        self.layers.code.validate_after = Some(silence);
        self
    }

    /// See [`Config::ping_interval`].
    pub fn ping_interval(mut self, interval: Option<Duration>) -> Self {
        self.layers.code.ping_interval = Some(interval);
        self
    }

    /// See [`Config::suspect_after`].
    pub fn suspect_after(mut self, wait: Duration) -> Self {
        self.layers.code.suspect_after = Some(wait);
        self
    }

    /// See [`Config::ping_timeout`].
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.layers.code.ping_timeout = Some(timeout);
        self
    }

    /// See [`Config::lease_age_alarm`].
    pub fn lease_age_alarm(mut self, age: Option<Duration>) -> Self {
        self.layers.code.lease_age_alarm = Some(age);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test]
    fn every_setting_has_its_setter() {
        let seconds = Duration::from_secs;
        let builder = PoolBuilder::default()
            .max_connections(1)
            .max_connections_per_host(2)
            .max_idle(3)
            .max_dials(4)
            .max_waiters_per_host(5)
            .max_streams_per_connection(6)
            .max_memory_per_connection(26)
            .max_retries(27)
            .min_warm(7)
            .acquire_timeout(seconds(8))
            .resolve_timeout(seconds(9))
            .connect_timeout(seconds(10))
            .proxy_timeout(seconds(28))
            .tls_timeout(seconds(11))
            .settings_timeout(seconds(12))
            .idle_timeout(seconds(13))
            .max_lifetime(seconds(14))
            .max_requests_per_connection(Some(15))
            .replay_safe_methods(true)
            .coalescing(true)
            .address_grace(seconds(21))
            .validate_after(seconds(16))
            .ping_interval(Some(seconds(17)))
            .suspect_after(seconds(18))
            .ping_timeout(seconds(19))
            .lease_age_alarm(Some(seconds(21)))
            .max_connections_per_address(15)
            .max_dials_per_host(16)
            .max_dials_per_address(17)
            .balance(Balance::Sticky)
            .blacklist_after(18)
            .blacklist_term(seconds(19))
            .max_blacklist_term(seconds(20))
            .circuit_breaker(true)
            .breaker_failures(21)
            .breaker_error_percent(22)
            .breaker_volume(23)
            .breaker_term(seconds(24))
            .max_breaker_term(seconds(25));
        // Without `..`: a setting that is added fails to compile here until it has a setter.
        let wanted = Settings {
            max_connections: Some(1),
            max_connections_per_host: Some(2),
            max_idle: Some(3),
            max_dials: Some(4),
            max_waiters_per_host: Some(5),
            max_streams_per_connection: Some(6),
            max_memory_per_connection: Some(26),
            max_retries: Some(27),
            min_warm: Some(7),
            acquire_timeout: Some(seconds(8)),
            resolve_timeout: Some(seconds(9)),
            connect_timeout: Some(seconds(10)),
            proxy_timeout: Some(seconds(28)),
            tls_timeout: Some(seconds(11)),
            settings_timeout: Some(seconds(12)),
            idle_timeout: Some(seconds(13)),
            max_lifetime: Some(seconds(14)),
            max_requests_per_connection: Some(Some(15)),
            replay_safe_methods: Some(true),
            coalescing: Some(true),
            address_grace: Some(seconds(21)),
            validate_after: Some(seconds(16)),
            ping_interval: Some(Some(seconds(17))),
            suspect_after: Some(seconds(18)),
            ping_timeout: Some(seconds(19)),
            lease_age_alarm: Some(Some(seconds(21))),
            max_connections_per_address: Some(15),
            max_dials_per_host: Some(16),
            max_dials_per_address: Some(17),
            balance: Some(Balance::Sticky),
            blacklist_after: Some(18),
            blacklist_term: Some(seconds(19)),
            max_blacklist_term: Some(seconds(20)),
            circuit_breaker: Some(true),
            breaker_failures: Some(21),
            breaker_error_percent: Some(22),
            breaker_volume: Some(23),
            breaker_term: Some(seconds(24)),
            max_breaker_term: Some(seconds(25)),
        };
        assert_eq!(builder.layers.code, wanted);
    }
}
