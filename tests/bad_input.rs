//! What a pool is not meant to be given, and is: names without addresses, no descriptors left, a clock that leaps.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::check::{idle, quiet};
use common::http1;
use common::http2::Http2;
use common::peer::Peer;
use common::request::{fetch, plain};
use common::wait::{PATIENCE, a_round, until};
use futures_util::future::{BoxFuture, join_all};
use hotpool::resolve::{Answer, Resolve, Resolver};
use hotpool::{Error, ErrorKind, Pool, Protocols};
use ipnet::IpNet;
use tokio::time::{self, timeout};

/// Of no address, and counts who asks.
#[derive(Debug, Default)]
struct Nowhere(AtomicUsize);

impl Resolve for Nowhere {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer, Error>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(Answer::none(Duration::from_secs(60))) })
    }
}

#[tokio::test]
async fn a_host_without_an_address_is_asked_for_once_and_leaves_nothing_behind() {
    const CALLERS: usize = 200;
    let nowhere = Arc::new(Nowhere::default());
    let upstream = Arc::clone(&nowhere) as Arc<dyn Resolve>;
    let resolver = Resolver::builder().upstream(upstream).build();
    let pool = Pool::builder().resolver(resolver).build().unwrap();
    let callers = (0..CALLERS).map(|_| pool.get("http://nowhere.test"));
    for outcome in timeout(PATIENCE, join_all(callers)).await.unwrap() {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostNotFound, "{error}");
        assert!(!error.is_retryable() && error.host() == Some("nowhere.test"));
    }
    assert_eq!(nowhere.0.load(Ordering::SeqCst), 1);
    // It can only speak HTTP/1.1, so that its callers get a dial each, up to its limit.
    let most = pool.config().max_connections_per_host() as u64;
    assert!((1..=most).contains(&pool.stats().dials_started));
    quiet(&pool).await;
}

/// Set in the process that may have few descriptors.
const SMALL: &str = "HOTPOOL_TEST_FEW_DESCRIPTORS";

/// A process of its own: the limit is the whole process's.
#[test]
fn without_descriptors_the_pool_does_not_spin_and_comes_back() {
    if std::env::var_os(SMALL).is_some() {
        return with_few_descriptors();
    }
    let name = "without_descriptors_the_pool_does_not_spin_and_comes_back";
    let script = "ulimit -n 64 && exec \"$0\" --exact \"$1\" --nocapture";
    let status = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(SMALL, "1")
        .status()
        .unwrap();
    assert!(status.success());
}

fn with_few_descriptors() {
    /// The first attempt of each, and a few more after pauses; a pool that spins makes tens of thousands.
    const MOST_DIALS: u64 = 60;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let peer = Peer::tcp(|_, socket| http1::serve(socket)).await;
        let pool = plain(Protocols::Http1).acquire_timeout(PATIENCE);
        let pool = pool.build().unwrap();
        let target = peer.plain_target();
        let held = pool.get(&target).await.unwrap();
        let mut files = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            files.push(file);
        }
        let callers = join_all((0..20).map(|_| fetch(&pool, &target)));
        let mut callers = Box::pin(callers);
        // The passing of time is what a pool that spins would use.
        let early = timeout(Duration::from_secs(2), &mut callers).await;
        assert!(early.is_err(), "without a descriptor");
        let stats = pool.stats();
        assert!(stats.dials_failed > 0, "{stats:?}");
        assert!(stats.dials_started <= MOST_DIALS, "{stats:?}");
        // One connection serves them all, and then there are descriptors for others again.
        drop(held);
        for outcome in timeout(PATIENCE, &mut callers).await.unwrap() {
            assert_eq!(outcome.unwrap(), "hello");
        }
        drop(files);
        // Nine dials that failed at the same time are one failure; after nine in a row the next would be half a minute away.
        let both = [pool.get(&target), pool.get(&target)];
        for outcome in timeout(PATIENCE, join_all(both)).await.unwrap() {
            drop(outcome.unwrap());
        }
        quiet(&pool).await;
    });
}

/// A laptop that slept for weeks, as the clock sees it: all at once every deadline has passed.
#[tokio::test]
async fn a_clock_that_leaps_by_days_finds_the_pool_usable() {
    const LEAPS: [u64; 3] = [1, 30, 400];
    for protocols in [Protocols::Http1, Protocols::Http2] {
        let peer = Peer::tcp(move |_, socket| async move {
            match protocols {
                Protocols::Http1 => http1::serve(socket).await,
                _ => {
                    if let Some(mut http2) = Http2::accept(socket, &[]).await {
                        http2.serve().await;
                    }
                }
            }
        })
        .await;
        let pool = plain(protocols).min_warm(2).build().unwrap();
        let target = peer.plain_target();
        assert!(pool.preheat([&target]).await.is_complete());
        for days in LEAPS {
            let mut listed: u32 = 0;
            let nobody = u32::from(Ipv4Addr::new(198, 18, 0, 0));
            while listed < 100_000 {
                let address = IpAddr::V4(Ipv4Addr::from(nobody + listed));
                let term = Some(Duration::from_secs(60));
                if pool.blacklist().add(IpNet::from(address), term).is_err() {
                    break;
                }
                listed += 1;
            }
            assert!(listed < 100_000, "the blacklist is never full");
            time::pause();
            time::advance(Duration::from_secs(days * 24 * 3600)).await;
            time::resume();
            let answer = timeout(PATIENCE, fetch(&pool, &target)).await.unwrap();
            assert_eq!(answer.unwrap(), "hello");
            assert!(pool.blacklist().list().is_empty());
            // Their lifetimes have passed: others take their place, in the second round after the leap.
            a_round().await;
            a_round().await;
            until("two warm connections", || pool.stats().connections >= 2).await;
            idle(&pool).await;
            let stats = pool.stats();
            assert!(stats.connections <= 4, "{stats:?}");
        }
        assert!(peer.accepted() > 2, "nothing was renewed");
        quiet(&pool).await;
    }
}
