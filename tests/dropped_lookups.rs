//! Lookups dropped after each number of polls: the name service is left in peace, and the next caller has its answer.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod common;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::dropping::dropped_everywhere;
use common::wait::{PATIENCE, until};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hotpool::Error;
use hotpool::resolve::{Answer, Resolve, Resolver, Services};
use tokio::task::yield_now;
use tokio::time::timeout;

const HOST: &str = "slow.test";

/// A name service that takes a few turns.
#[derive(Clone, Debug, Default)]
struct Slow {
    asked: Arc<AtomicUsize>,
    /// Lookups under way.
    busy: Arc<AtomicUsize>,
}

struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Slow {
    async fn take_time(&self) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.busy.fetch_add(1, Ordering::SeqCst);
        let _busy = Busy(Arc::clone(&self.busy));
        for _ in 0..3 {
            yield_now().await;
        }
    }
}

impl Resolve for Slow {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer, Error>> {
        async {
            self.take_time().await;
            let address = IpAddr::from([127, 0, 0, 1]);
            Ok(Answer::new([address], Duration::from_secs(60)))
        }
        .boxed()
    }

    fn services<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, Result<Services, Error>> {
        async {
            self.take_time().await;
            Ok(Services::none(Duration::from_secs(60)))
        }
        .boxed()
    }
}

fn resolver() -> (Resolver, Slow) {
    let service = Slow::default();
    let upstream = Arc::new(service.clone());
    (Resolver::builder().upstream(upstream).build(), service)
}

/// Nobody asks for nothing, and whoever asks next is answered.
async fn usable((resolver, service): (Resolver, Slow)) {
    until("no lookup", || service.busy.load(Ordering::SeqCst) == 0).await;
    let both = async {
        resolver.resolve(HOST, 443).await.unwrap();
        resolver.look_up_https(HOST, 443).await.unwrap()
    };
    let answer = timeout(PATIENCE, both).await.unwrap();
    assert_eq!(answer.addresses().len(), 1);
    until("no lookup", || service.busy.load(Ordering::SeqCst) == 0).await;
    assert_eq!(resolver.cached(), 1);
    // One for the dropped caller and one for the next, of each kind of record.
    assert!(service.asked.load(Ordering::SeqCst) <= 4);
}

#[tokio::test]
async fn resolve_and_look_up() {
    dropped_everywhere(
        async || resolver(),
        async |(resolver, _)| drop(resolver.resolve(HOST, 443).await.unwrap()),
        async |world, _| usable(world).await,
    )
    .await;
    dropped_everywhere(
        async || resolver(),
        async |(resolver, _)| drop(resolver.look_up(HOST, 443).await.unwrap()),
        async |world, _| usable(world).await,
    )
    .await;
    dropped_everywhere(
        async || resolver(),
        async |(resolver, _)| drop(resolver.look_up_https(HOST, 443).await.unwrap()),
        async |world, _| usable(world).await,
    )
    .await;
}

#[tokio::test]
async fn refresh_and_forget() {
    for known in [false, true] {
        let world = async || {
            let (resolver, service) = resolver();
            if known {
                resolver.resolve(HOST, 443).await.unwrap();
            }
            (resolver, service)
        };
        dropped_everywhere(
            world,
            async |(resolver, _)| resolver.refresh(HOST).await.unwrap(),
            async |world, _| usable(world).await,
        )
        .await;
        dropped_everywhere(
            world,
            async |(resolver, _)| resolver.forget(HOST).await,
            async |world, _| usable(world).await,
        )
        .await;
    }
}

/// One of two callers leaves; the other has the answer of the lookup that they shared.
#[tokio::test]
async fn the_other_caller_is_answered() {
    dropped_everywhere(
        async || {
            let (resolver, service) = resolver();
            let others = resolver.clone();
            #[allow(clippy::disallowed_methods, reason = "joined below")]
            let other = tokio::spawn(async move { others.resolve(HOST, 443).await });
            (resolver, service, other)
        },
        async |(resolver, _, _)| drop(resolver.resolve(HOST, 443).await.unwrap()),
        async |(_, service, other), _| {
            let answer = timeout(PATIENCE, other).await.unwrap().unwrap();
            assert_eq!(answer.unwrap().len(), 1);
            until("no lookup", || service.busy.load(Ordering::SeqCst) == 0).await;
        },
    )
    .await;
}
