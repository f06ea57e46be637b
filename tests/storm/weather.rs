//! What happens to networks, servers, names and the pool while callers are busy: a plan that a seed decides.

use std::net::IpAddr;
use std::time::Duration;

use hotpool::config::Settings;
use ipnet::IpNet;
use rand::RngExt;
use rand::rngs::StdRng;

use super::world::{LIMITS, Place, World};
use crate::common::fault_proxy::{Line, Network};
use crate::common::unruly_server::Habits;

impl World {
    /// One thing more that happens.
    pub(crate) async fn change(&self, random: &mut StdRng) {
        let host = &self.hosts[random.random_range(0..self.hosts.len())];
        let place = &host.places[random.random_range(0..host.places.len())];
        match random.random_range(0..100) {
            0..30 => place.proxy.set(network(random)),
            30..45 => place.proxy.set(Network::default()),
            45..50 => place.proxy.cut(),
            50..58 => place.server.adopt(habits(random)),
            58..64 => place.server.crash(),
            64..74 => place.server.come_back(),
            74..82 => place.server.leave(random.random()),
            82..88 => {
                self.names.rotate(random);
                self.resolver.forget(host.name).await;
            }
            88..91 => drop(self.pool.flush()),
            91..96 => drop(self.pool.reconfigure(settings(random)).unwrap()),
            _ => self.blacklist(random),
        }
    }

    /// The sky clears.
    pub(crate) async fn settle(&self) {
        for Place { proxy, server } in self.places() {
            proxy.set(Network::default());
            // Connections that nothing passed through have no future.
            proxy.cut();
            server.adopt(Habits::default());
            server.come_back();
        }
        self.names.settle();
        for host in &self.hosts {
            self.resolver.forget(host.name).await;
        }
        for last in 1..=4 {
            self.pool.blacklist().remove(network_of(last));
        }
    }

    fn blacklist(&self, random: &mut StdRng) {
        let network = network_of(random.random_range(1..=4));
        let term = Duration::from_millis(random.random_range(1..300));
        match random.random() {
            true => self.pool.blacklist().add(network, Some(term)).unwrap(),
            false => drop(self.pool.blacklist().remove(network)),
        }
    }
}

fn network_of(last: u8) -> IpNet {
    IpNet::from(IpAddr::from([127, 0, 0, last]))
}

fn network(random: &mut StdRng) -> Network {
    let millis = |random: &mut StdRng| Duration::from_millis(random.random_range(0..40));
    let mut line = Line::default();
    let mut network = Network {
        resets: random.random(),
        ..Network::default()
    };
    match random.random_range(0..6) {
        0 => line.delay = millis(random),
        1 => line.jitter = millis(random),
        2 => line.rate = Some(random.random_range(20_000..200_000)),
        3 => line.cut_after = Some(random.random_range(1..60_000)),
        4 => line.held = true,
        _ => network.refuses = true,
    }
    // Both ways or only one.
    match random.random_range(0..3) {
        0 => network.up = line,
        1 => network.down = line,
        _ => (network.up, network.down) = (line, line),
    }
    network
}

fn habits(random: &mut StdRng) -> Habits {
    let mut share = || match random.random() {
        true => random.random_range(0..20),
        false => 0,
    };
    Habits {
        refuses: share(),
        resets: share(),
        hangs: share() / 4,
        cuts: share(),
        takes_time: share(),
    }
}

/// Never above the limits that the storm watches.
fn settings(random: &mut StdRng) -> Settings {
    Settings {
        max_connections: Some(random.random_range(2..=LIMITS.connections)),
        max_connections_per_host: Some(random.random_range(1..=LIMITS.per_host)),
        max_connections_per_address: Some(random.random_range(1..=LIMITS.per_address)),
        max_dials: Some(random.random_range(1..=LIMITS.dials)),
        max_streams_per_connection: Some(random.random_range(1..=8)),
        max_idle: Some(random.random_range(0..=LIMITS.connections)),
        ..Settings::default()
    }
}
