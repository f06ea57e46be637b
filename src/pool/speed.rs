//! What keeping house costs: `cargo test --release --lib pool::speed -- --ignored --nocapture`.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::housekeeper::ROUND;
use super::live::{Admission, Live};
use super::{Pool, Target};
use crate::dial::{DialTiming, Dialed, Driver, Pinger, Sender, SocketView};
use crate::registry::{Direction, Draft, Protocol, State};
use crate::shape::h2::Http2Peer;

const ENTRIES: usize = 100_000;
/// Pool time that is looked at: most of an idle timeout, and past what makes silent connections doubtful.
const SPAN: Duration = Duration::from_secs(50);

#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    hosts: usize,
    warm: bool,
    max_idle: usize,
}

const CASES: [Case; 4] = [
    Case {
        name: "kept warm, one to a host",
        hosts: ENTRIES,
        warm: true,
        max_idle: 20,
    },
    Case {
        name: "idle, one to a host",
        hosts: ENTRIES,
        warm: false,
        max_idle: ENTRIES,
    },
    Case {
        name: "kept warm, ten to a host",
        hosts: ENTRIES / 10,
        warm: true,
        max_idle: 20,
    },
    Case {
        name: "hosts without connections",
        hosts: ENTRIES,
        warm: false,
        max_idle: 20,
    },
];

/// A sender as every HTTP/2 connection has one; all share the connection behind it, which nobody uses.
struct Behind {
    sender: crate::dial::Http2Sender,
    peer: Arc<Http2Peer>,
    pinger: Arc<Pinger>,
}

#[tokio::test(start_paused = true)]
#[ignore = "it prints figures, and takes a while"]
#[allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the pool's time is paused, what is measured is not; figures are printed"
)]
async fn housekeeping() {
    let (near, _far) = tokio::io::duplex(1 << 16);
    let (sender, _connection) = h2::client::handshake(near).await.unwrap();
    let behind = Behind {
        sender,
        peer: Arc::new(Http2Peer::new()),
        pinger: Arc::default(),
    };
    println!("housekeeping of {ENTRIES} entries without sockets, over {SPAN:?} of the pool's time");
    for case in CASES {
        let pool = pool_of(case, &behind);
        let (mut spent, mut longest) = (Duration::ZERO, Duration::ZERO);
        let rounds = SPAN.as_millis() / ROUND.as_millis();
        for _ in 0..rounds {
            let began = processor_time();
            tokio::time::advance(ROUND).await;
            tokio::task::yield_now().await;
            let round = processor_time() - began;
            spent += round;
            longest = longest.max(round);
        }
        println!(
            "  {:<26} {:.2} % of a core   longest round {:.1} ms",
            case.name,
            spent.as_secs_f64() / SPAN.as_secs_f64() * 100.0,
            longest.as_secs_f64() * 1e3,
        );
        drop(pool);
    }
}

fn pool_of(case: Case, behind: &Behind) -> Pool {
    let pool = Pool::builder()
        .max_connections(ENTRIES)
        .max_idle(case.max_idle)
        .build()
        .unwrap();
    let each = match case.name.contains("without") {
        true => 0,
        false => ENTRIES / case.hosts,
    };
    for number in 0..case.hosts {
        let target = Target::parse(&format!("host-{number}.example")).unwrap();
        let host = pool.host_pool(&target).unwrap();
        if case.warm {
            host.keep_warm
                .store(each, std::sync::atomic::Ordering::Relaxed);
        }
        let shared = pool.shared();
        shared.schedule(&host, 0);
        for _ in 0..each {
            let draft = Draft::new(Direction::Outbound, Protocol::Tls);
            let registration = shared.registry.register(draft);
            registration.set_state(State::Open);
            let driver: Driver = Box::pin(std::future::pending());
            let dialed = Dialed {
                registration,
                address: ([127, 0, 0, 1], 443).into(),
                sender: Sender::Http2(
                    behind.sender.clone(),
                    Arc::clone(&behind.peer),
                    Arc::clone(&behind.pinger),
                ),
                driver,
                tls: None,
                timing: DialTiming::default(),
                socket: SocketView::of(Weak::new()),
                permit: Box::new(()),
            };
            let now = shared.clock.now();
            let admission = Admission {
                host: Arc::clone(&host),
                profile: crate::profile::Profile::rustls(),
                permit: shared.permits.try_acquire().unwrap(),
                fresh: false,
                now,
                expires: now + 600_000,
                max_streams: 100,
                accept_language: None,
                generation: shared.generation(),
            };
            let (live, _driver) = Live::admit(dialed, admission);
            host.queue().lock().members.push(Arc::clone(&live));
            host.add(&live);
        }
    }
    pool
}

/// This thread's; reading it by the clock would count what other programs take.
fn processor_time() -> Duration {
    // Up to date only after the thread has been off the processor, which this sees to.
    std::thread::park_timeout(Duration::from_micros(1));
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = statistics.split(' ').next().unwrap();
    Duration::from_nanos(nanoseconds.parse().unwrap())
}
