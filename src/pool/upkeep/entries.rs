//! A pool full of open connections without sockets, for tests of what keeps house.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::dial::{DialTiming, Dialed, Driver, Http2Sender, Pinger, Sender, SocketView};
use crate::pool::clock::millis;
use crate::pool::live::{Admission, Live};
use crate::pool::{Pool, Target};
use crate::registry::{Direction, Draft, Protocol, State};
use crate::shape::h2::Http2Peer;

/// Nothing ends by its age while a test lasts: what follows would be dials.
const LIFETIME: Duration = Duration::from_secs(3_600);

#[derive(Clone, Copy)]
pub(super) struct Entries {
    pub(super) hosts: usize,
    /// Connections to a host.
    pub(super) each: usize,
    pub(super) warm: bool,
    pub(super) max_idle: usize,
}

/// Its connections are as HTTP/2's are; all share the one behind them, which nobody uses.
pub(super) async fn pool_of(entries: Entries) -> Pool {
    let (near, _far) = tokio::io::duplex(1 << 16);
    let (sender, _connection) = h2::client::handshake(near).await.unwrap();
    let pool = Pool::builder()
        .max_connections(entries.hosts * entries.each.max(1))
        .max_idle(entries.max_idle)
        .max_lifetime(LIFETIME)
        .idle_timeout(LIFETIME)
        .build()
        .unwrap();
    for number in 0..entries.hosts {
        let target = Target::parse(&format!("host-{number}.example")).unwrap();
        let host = pool.host_pool(&target).unwrap();
        if entries.warm {
            host.keep_warm.store(entries.each, Ordering::Relaxed);
        }
        pool.shared().schedule(&host, 0);
        for _ in 0..entries.each {
            let dialed = dialed(&pool, sender.clone());
            let live = admitted(&pool, &host, dialed);
            host.queue().lock().members.push(Arc::clone(&live));
            host.add(&live);
        }
    }
    pool
}

fn dialed(pool: &Pool, sender: Http2Sender) -> Dialed {
    let draft = Draft::new(Direction::Outbound, Protocol::Tls);
    let registration = pool.shared().registry.register(draft);
    registration.set_state(State::Open);
    let driver: Driver = Box::pin(std::future::pending());
    Dialed {
        registration,
        address: ([127, 0, 0, 1], 443).into(),
        sender: Sender::Http2(
            sender,
            Arc::new(Http2Peer::new()),
            Arc::new(Pinger::default()),
        ),
        driver,
        tls: None,
        timing: DialTiming::default(),
        socket: SocketView::of(Weak::new()),
        permit: Box::new(()),
        head_limit: 65_536,
        beyond: None,
    }
}

fn admitted(pool: &Pool, host: &Arc<crate::pool::host::HostPool>, dialed: Dialed) -> Arc<Live> {
    let shared = pool.shared();
    let now = shared.clock.now();
    let admission = Admission {
        host: Arc::clone(host),
        profile: crate::profile::Profile::rustls(),
        permit: shared.permits.try_acquire().unwrap(),
        fresh: false,
        now,
        expires: now + millis(LIFETIME),
        max_streams: 100,
        accept_language: None,
        generation: shared.generation(),
    };
    let (live, _driver) = Live::admit(dialed, admission);
    live
}
