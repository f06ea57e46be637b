//! Whether a connection that failed between TCP and its first request is dialed again, and at which address.

use std::net::SocketAddr;

use super::destination::{MOST_ADDRESSES, interleave};
use crate::error::ErrorKind;

/// How often a dial goes on with another address after one that accepted it at TCP. More would take longer than its callers wait.
const MOST_FAILOVERS: usize = 3;

/// How far a connection had come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// The proxy itself.
    Proxy,
    /// The proxy's way to the host.
    Tunnel,
    Tls,
    /// The wait for HTTP/2's SETTINGS.
    Opening,
}

/// The addresses that are left to one dial.
#[derive(Debug)]
pub(super) struct Failover {
    addresses: Vec<SocketAddr>,
    /// Those that are out.
    struck: Vec<SocketAddr>,
    done: usize,
    has_repeated: bool,
}

impl Failover {
    /// `preferred` are the addresses known when the dial begins, the preferred first.
    pub(super) fn new(preferred: Vec<SocketAddr>) -> Self {
        Self {
            addresses: interleave(&preferred, None, MOST_ADDRESSES),
            struck: Vec::new(),
            done: 0,
            has_repeated: false,
        }
    }

    /// Those to race, the preferred first.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// These failed before TCP was there.
    pub(super) fn strike(&mut self, failed: &[SocketAddr]) {
        self.addresses.retain(|address| !failed.contains(address));
        self.struck.extend(failed);
    }

    /// These are all that are known now, the preferred first; `begun` have been tried in the race that is on. Returns what it is to try
    /// next: the families in turn, from the one that was not tried last (RFC 8305 §6).
    pub(super) fn arrange(
        &mut self,
        preferred: &[SocketAddr],
        begun: &[SocketAddr],
    ) -> Vec<SocketAddr> {
        let is_new =
            |address: &&SocketAddr| !begun.contains(address) && !self.struck.contains(address);
        let untried: Vec<_> = preferred.iter().filter(is_new).copied().collect();
        let last = begun.last().or_else(|| self.struck.last()).copied();
        let tried = self
            .struck
            .iter()
            .filter(|address| !begun.contains(address));
        let room = MOST_ADDRESSES.saturating_sub(begun.len() + tried.count());
        let untried = interleave(&untried, last, room);
        self.addresses.retain(|address| begun.contains(address));
        self.addresses.extend(&untried);
        untried
    }

    /// `address` is to be dialed again, before others.
    pub(super) fn prefer(&mut self, address: SocketAddr) {
        self.addresses.retain(|other| *other != address);
        self.addresses.insert(0, address);
    }

    /// A connection to `address` failed. True when [`addresses`](Self::addresses) are worth another race, or those are that may come.
    pub(super) fn go_on(
        &mut self,
        address: SocketAddr,
        stage: Stage,
        kind: ErrorKind,
        more_may_come: bool,
    ) -> bool {
        if !is_the_addresses(kind) || self.done >= MOST_FAILOVERS {
            return false;
        }
        self.strike(&[address]);
        self.done += 1;
        if !self.addresses.is_empty() {
            return true;
        }
        // A server that reloads its configuration takes connections that its old processes close at once; the new ones do not.
        let is_leaving = !matches!(kind, ErrorKind::TlsTimeout | ErrorKind::SettingsTimeout);
        if stage == Stage::Opening && is_leaving && !self.has_repeated {
            self.has_repeated = true;
            self.addresses.push(address);
            return true;
        }
        more_may_come
    }
}

/// Whether another address may fare better. What is wrong with a certificate or a protocol is mostly wrong at all of them.
pub(super) fn is_the_addresses(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionClosed
            | ErrorKind::ConnectionReset
            | ErrorKind::GoAway
            | ErrorKind::ProxyClosed
            | ErrorKind::ProxyTimeout
            | ErrorKind::SettingsTimeout
            | ErrorKind::TlsTimeout
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(count: u16) -> Vec<SocketAddr> {
        let address = |n| SocketAddr::from(([192, 0, 2, 1], 1 + n));
        (0..count).map(address).collect()
    }

    #[test]
    fn each_address_has_its_chance_up_to_a_limit() {
        let all = addresses(9);
        let mut failover = Failover::new(all.clone());
        failover.strike(&all[..1]);
        for failed in 1..=MOST_FAILOVERS {
            assert!(failover.go_on(all[failed], Stage::Tls, ErrorKind::TlsTimeout, false));
            assert_eq!(failover.addresses(), &all[failed + 1..]);
        }
        assert!(!failover.go_on(all[4], Stage::Tls, ErrorKind::TlsTimeout, false));
    }

    #[test]
    fn verdicts_end_the_dial() {
        for kind in [
            ErrorKind::CertificateExpired,
            ErrorKind::TlsAlert,
            ErrorKind::NotTls,
            ErrorKind::ProtocolNotOffered,
            ErrorKind::ProtocolViolation,
            ErrorKind::ClosedLocally,
        ] {
            let all = addresses(2);
            let mut failover = Failover::new(all.clone());
            assert!(!failover.go_on(all[0], Stage::Tls, kind, false), "{kind}");
        }
    }

    #[test]
    fn the_last_address_is_dialed_again_once_where_the_server_left_before_settings() {
        let all = addresses(1);
        for (stage, kind, again) in [
            (Stage::Opening, ErrorKind::GoAway, true),
            (Stage::Opening, ErrorKind::ConnectionClosed, true),
            (Stage::Opening, ErrorKind::SettingsTimeout, false),
            (Stage::Tls, ErrorKind::ConnectionClosed, false),
        ] {
            let mut failover = Failover::new(all.clone());
            assert_eq!(
                failover.go_on(all[0], stage, kind, false),
                again,
                "{stage:?} {kind}"
            );
            assert!(!failover.go_on(all[0], stage, kind, false), "only once");
        }
    }
}
