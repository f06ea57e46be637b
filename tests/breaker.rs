//! What a circuit breaker hears of requests.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use common::check::quiet;
use common::http1;
use common::peer::Peer;
use common::request::{get, plain, post};
use common::wait::PATIENCE;
use hotpool::Protocols;
use hotpool::pool::Circuit;
use tokio::time::timeout;

/// An answer whose end is not waited for is one.
#[tokio::test]
async fn an_answer_counts_when_its_body_is_dropped() {
    let peer = Peer::tcp(|number, mut socket| async move {
        http1::request(&mut socket).await;
        if number == 1 {
            let endless = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
            http1::answer(&mut socket, endless).await;
            http1::silence(socket).await;
        }
    })
    .await;
    let pool = plain(Protocols::Http1)
        .circuit_breaker(true)
        .breaker_failures(2)
        .build()
        .unwrap();
    let target = peer.plain_target();
    // All dialed before: a dial that succeeds counts as well.
    let [breaks, answers, breaks_too] = [
        pool.get(&target).await.unwrap(),
        pool.get(&target).await.unwrap(),
        pool.get(&target).await.unwrap(),
    ];
    breaks.send(post("once")).await.unwrap_err();
    let streaming = timeout(PATIENCE, answers.send(get())).await;
    drop(streaming.unwrap().unwrap());
    breaks_too.send(post("once")).await.unwrap_err();
    let circuit = pool.health().hosts[0].vitals.circuit;
    assert_eq!(circuit, Circuit::Closed);
    drop((breaks, answers, breaks_too));
    quiet(&pool).await;
}
