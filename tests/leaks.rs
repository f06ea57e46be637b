//! Connections that are not given back.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::time::Duration;

use common::http1;
use common::http2::Http2;
use common::peer::Peer;
use common::request::{plain, read};
use common::wait::{PATIENCE, until};
use hotpool::Protocols;
use hotpool::config::Settings;
use hotpool::pool::{PoolEvent, PoolEvents};
use tokio::time::timeout;

async fn overdue(events: &mut PoolEvents) -> PoolEvent {
    loop {
        let event = timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        if event.name() == "lease-overdue" {
            return event;
        }
    }
}

#[tokio::test]
async fn a_use_that_is_not_given_back_is_told_once_with_its_site() {
    let peer = Peer::tcp(|_, socket| async move {
        Http2::accept(socket, &[]).await.unwrap().serve().await;
    })
    .await;
    let pool = plain(Protocols::Http2)
        .lease_age_alarm(Some(Duration::from_millis(500)))
        .build()
        .unwrap();
    let mut events = pool.subscribe();
    let target = peer.plain_target();
    let line = line!() + 1;
    let leaked = pool.get(&target).await.unwrap();
    let host = pool.host(&target).unwrap();
    // Others come and go on the same connection.
    until("many uses", || {
        drop(host.try_get());
        pool.stats().in_use == 1
    })
    .await;
    let PoolEvent::LeaseOverdue {
        id,
        host,
        address,
        age,
        site,
        ..
    } = overdue(&mut events).await
    else {
        panic!()
    };
    assert_eq!((id, address), (leaked.id(), peer.address));
    assert_eq!(&host, leaked.origin());
    assert!(age >= Duration::from_millis(500));
    if cfg!(debug_assertions) {
        let site = site.unwrap();
        assert_eq!((site.file(), site.line()), (file!(), line));
    }
    // A response that is not read holds its use as well, though its connection's handle is gone.
    assert_eq!(read(&leaked).await.unwrap(), "hello");
    let line = line!() + 1;
    let second = pool.get(&target).await.unwrap();
    let response = second.send(common::request::get()).await.unwrap();
    drop(second);
    let PoolEvent::LeaseOverdue { site, .. } = overdue(&mut events).await else {
        panic!()
    };
    assert_eq!(
        site.map(|site| site.line()),
        cfg!(debug_assertions).then_some(line)
    );
    drop((leaked, response));
    until("all is given back", || pool.stats().in_use == 0).await;
    while let Some(event) = events.try_recv() {
        assert_ne!(event.name(), "lease-overdue");
    }
}

#[tokio::test]
async fn a_shutdown_says_what_it_cut() {
    let peer = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let pool = plain(Protocols::Http1).build().unwrap();
    let target = peer.plain_target();
    drop(pool.get(&target).await.unwrap());
    // Watching begins while the pool is in use.
    let watching = Settings {
        lease_age_alarm: Some(Some(PATIENCE)),
        ..Settings::default()
    };
    pool.reconfigure(watching).unwrap();
    let line = line!() + 1;
    let leaked = pool.get(&target).await.unwrap();
    let report = pool.shutdown(Duration::from_millis(50)).await;
    assert_eq!((report.drained, report.cut), (0, 1));
    let [cut] = &report.overstayed[..] else {
        panic!("{report:?}")
    };
    assert_eq!((cut.id, cut.uses), (leaked.id(), 1));
    assert_eq!(&cut.host, leaked.origin());
    let lines: Vec<_> = cut.sites.iter().map(|site| site.line()).collect();
    assert_eq!(
        lines,
        if cfg!(debug_assertions) {
            vec![line]
        } else {
            vec![]
        }
    );
}
