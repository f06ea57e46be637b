//! How many redials resume a TLS session, of those that had a ticket to do it with.
//!
//! A TLS 1.3 ticket is used once (RFC 8446 appendix C.4), and a server sends one or two with each handshake: who dials more at once than
//! there are tickets shakes hands in full with the rest.
//!
//! A real server that is not installed is skipped with a line that says so, unless `HOTPOOL_REQUIRE_REAL_SERVERS` is set, as in
//! `.ci/run`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and tells figures"
)]

mod common;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use common::certificates::Authority;
use common::http1;
use common::http2_servers::{Http2Server, Program};
use common::peer::Peer;
use common::request::{get, read, trusting};
use common::tls_servers::TlsServer;
use common::wait::until;
use futures_util::future::join_all;
use hotpool::pool::PoolBuilder;
use hotpool::profile::Profile;
use hotpool::{Connection, Pool, Protocols, Target};
use http_body_util::BodyExt;

const PROFILES: [&str; 5] = ["rustls", "chrome", "firefox", "safari", "curl"];

/// Tickets that are kept for one host.
const KEPT: usize = 16;

/// Handshakes on redialing.
#[derive(Clone, Copy, Debug, Default)]
struct Redials {
    resumed: usize,
    full: usize,
}

impl Redials {
    fn count(&mut self, connection: &Connection) {
        match connection.tls().unwrap().resumed {
            true => self.resumed += 1,
            false => self.full += 1,
        }
    }

    fn ratio(self) -> f64 {
        self.resumed as f64 / (self.resumed + self.full) as f64
    }

    /// Tells how many there were, and demands what the house promises.
    #[track_caller]
    fn demand(self, name: &str) {
        eprintln!("{name}: {self}");
        assert!(self.ratio() >= 0.95, "{name}: {self}");
    }
}

impl fmt::Display for Redials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resumed, full } = self;
        let percent = 100.0 * self.ratio();
        write!(
            f,
            "{resumed} of {} redials resumed, {percent:.1} %",
            resumed + full
        )
    }
}

/// A server for many names, which sends so many tickets with each handshake.
struct Server {
    authority: Authority,
    peer: Peer,
}

impl Server {
    async fn new(names: usize, tickets: usize) -> Self {
        let authority = Authority::new();
        let names: Vec<_> = (0..names).map(name).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let certificate = authority.issue(&names);
        let mut config = Arc::unwrap_or_clone(certificate.server_config(&["http/1.1"]));
        config.send_tls13_tickets = tickets;
        // By default rustls remembers 256 sessions.
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().unwrap();
        let peer = Peer::tls(Arc::new(config), |_, stream| http1::serve(stream)).await;
        Self { authority, peer }
    }

    fn pool(&self) -> PoolBuilder {
        trusting(&self.authority)
            .protocols(Protocols::Http1)
            .max_connections(1_000)
            .max_idle(1_000)
    }

    fn target(&self, number: usize) -> Target {
        let text = format!("https://{}:{}", name(number), self.peer.port());
        Target::parse(&text).unwrap().address(self.peer.address)
    }
}

fn name(number: usize) -> String {
    format!("host-{number}.test")
}

/// So many connections to each of the targets, all at once; each has carried a request.
async fn burst(pool: &Pool, targets: &[Target], each: usize) -> Vec<Connection> {
    let dials = targets
        .iter()
        .flat_map(|target| (0..each).map(move |_| target));
    let connections: Vec<_> = join_all(dials.map(|target| pool.get(target)))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    for connection in &connections {
        read(connection).await.unwrap();
    }
    connections
}

/// Dials and hangs up, again and again; the first round has nothing to resume.
async fn redials(pool: &Pool, targets: &[Target], each: usize, rounds: usize) -> Redials {
    let mut redials = Redials::default();
    for round in 0..=rounds {
        let connections = burst(pool, targets, each).await;
        if round > 0 {
            connections
                .iter()
                .for_each(|connection| redials.count(connection));
        }
        drop(connections);
        hang_up(pool).await;
    }
    redials
}

async fn hang_up(pool: &Pool) {
    pool.flush();
    until("hung up", || pool.stats().places_taken == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_after_the_other_each_profile_and_host_resumes() {
    const HOSTS: usize = 5;
    let server = Server::new(HOSTS, 2).await;
    let pool = server.pool().build().unwrap();
    for profile in PROFILES {
        let profile = Profile::named(profile).unwrap();
        let targets: Vec<_> = (0..HOSTS)
            .map(|number| server.target(number).profile(profile.clone()))
            .collect();
        let redials = redials(&pool, &targets, 1, 10).await;
        redials.demand(&format!("{} at {HOSTS} hosts", profile.name()));
        assert_eq!(redials.full, 0);
    }
}

/// As when a server restarts: as many dials at once as a host has connections, with one ticket for each handshake there was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_connections_of_a_host_at_once_resume() {
    for tickets in [1, 2] {
        let server = Server::new(3, tickets).await;
        let pool = server.pool().build().unwrap();
        let targets: Vec<_> = (0..3).map(|number| server.target(number)).collect();
        let redials = redials(&pool, &targets, 10, 10).await;
        redials.demand(&format!(
            "bursts of 10 at 3 hosts, {tickets} tickets a handshake"
        ));
        // Each host's first connection is dialed alone, and one of the next nine may resume it already: then nine tickets are left.
        assert!(redials.full <= targets.len() * (2 - tickets));
    }
}

/// Where more is dialed at once than there are tickets, each ticket is used, and the rest shake hands in full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_uses_every_ticket_there_is() {
    const EACH: usize = 24;
    let server = Server::new(1, 1).await;
    let pool = server.pool().max_connections_per_host(EACH);
    // Else tickets of those that are done first serve those that wait for their turn.
    let pool = pool
        .max_dials_per_host(EACH)
        .max_dials_per_address(EACH)
        .build()
        .unwrap();
    let targets = [server.target(0)];
    // One connection, two tickets' worth of visits: then a burst with one ticket.
    drop(burst(&pool, &targets, 1).await);
    hang_up(&pool).await;
    let mut few = Redials::default();
    let connections = burst(&pool, &targets, EACH).await;
    connections
        .iter()
        .for_each(|connection| few.count(connection));
    drop(connections);
    hang_up(&pool).await;
    eprintln!("a burst of {EACH} with one ticket: {few}");
    assert!(few.resumed >= 1);
    let mut many = Redials::default();
    let connections = burst(&pool, &targets, EACH).await;
    connections
        .iter()
        .for_each(|connection| many.count(connection));
    eprintln!("a burst of {EACH} with {KEPT} tickets: {many}");
    assert!(many.resumed >= KEPT);
}

/// More hosts than anybody keeps open, gone round again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_hosts_resume() {
    const HOSTS: usize = 600;
    let server = Server::new(HOSTS, 2).await;
    let pool = server.pool().build().unwrap();
    let targets: Vec<_> = (0..HOSTS).map(|number| server.target(number)).collect();
    let redials = redials(&pool, &targets, 1, 2).await;
    redials.demand(&format!("{HOSTS} hosts"));
}

/// OpenSSL, one connection at a time: two tickets with a full handshake, one with a resumed one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_resumes() {
    for version in ["-tls1_3", "-tls1_2"] {
        let Some(server) = TlsServer::openssl(&[version]).await else {
            return;
        };
        for profile in PROFILES {
            let pool = Pool::builder().trust(server.trust()).profile(profile);
            let pool = pool.build().unwrap();
            let mut redials = Redials::default();
            for round in 0..=20 {
                let connection = pool.get(server.target()).await.unwrap();
                let answer = connection.send(get()).await.unwrap();
                answer.into_body().collect().await.unwrap();
                if round > 0 {
                    redials.count(&connection);
                }
                drop(connection);
                hang_up(&pool).await;
            }
            redials.demand(&format!("{profile} at openssl {version}"));
        }
    }
}

/// nginx, ten connections at a time: the same tickets, and a session may be resumed more than once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_resumes() {
    for version in ["TLSv1.3", "TLSv1.2"] {
        // Safari sends no session_ticket: what it resumes in TLS 1.2 the server must remember.
        let line = format!("ssl_protocols {version}; ssl_session_cache shared:sessions:1m;");
        let Some(server) = Http2Server::start(Program::Nginx, &[&line]).await else {
            return;
        };
        server.put("index.html", "hello");
        let address: SocketAddr = server.address();
        let target = Target::parse(&server.target()).unwrap().address(address);
        for profile in PROFILES {
            let pool = server.builder(profile).protocols(Protocols::Http1);
            let pool = pool.max_connections_per_host(10).build().unwrap();
            let redials = redials(&pool, std::slice::from_ref(&target), 10, 10).await;
            redials.demand(&format!("{profile} at nginx {version}, bursts of 10"));
        }
    }
}
