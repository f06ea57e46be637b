//! What is sent again, and what the server gets to see of it: a row compares that too.

use hotpool::client::reqwest::{HotClient, retry};
use http::StatusCode;
use reqwest::Body;

use crate::common::check::quiet;
use crate::common::http2::{Http2, NO_ERROR};
use crate::common::peer::Peer;
use crate::outcome::Failure;
use crate::table::{World, ask, ask_hot};

/// More than a pool keeps for another try.
const LARGE: usize = 1 << 20;

/// A classifier for either crate.
macro_rules! if_unavailable {
    () => {
        |attempt| match attempt.status() {
            Some(http::StatusCode::SERVICE_UNAVAILABLE) => attempt.retryable(),
            _ => attempt.success(),
        }
    };
}
pub(crate) use if_unavailable;

fn stream() -> Body {
    Body::wrap_stream(futures_util::stream::iter([
        Ok::<_, std::io::Error>("or"),
        Ok("der"),
    ]))
}

#[tokio::test]
async fn answers_that_a_policy_wants_again() {
    let other = |url: String| url.replace("one.test", "two.test");
    table! {
        "without a policy, none" [] |c, at| [c.get(at("/failing/1")), c.post(at("/failing/1")).body("order")];
        "without a classifier, none" [retry(retry::for_host("one.test"))] |c, at| [c.get(at("/failing/1"))];
        "at most twice" [retry(retry::for_host("one.test").classify_fn(if_unavailable!()))] |c, at| [0, 1, 2, 3, 9].map(|times| c.get(at(&format!("/failing/{times}"))));
        "with the body" [retry(retry::for_host("one.test").classify_fn(if_unavailable!()))] |c, at| [c.post(at("/failing/2")).body("order"), c.put(at("/failing/1")).json(&[1, 2]), c.post(at("/failing/1")).body(vec![b'x'; LARGE])];
        "as often as is wanted" [retry(retry::for_host("one.test").max_retries_per_request(5).classify_fn(if_unavailable!()))] |c, at| [c.get(at("/failing/5")), c.get(at("/failing/6"))];
        "not even once" [retry(retry::for_host("one.test").max_retries_per_request(0).classify_fn(if_unavailable!()))] |c, at| [c.get(at("/failing/1"))];
        "never" [retry(retry::never())] |c, at| [c.get(at("/failing/1"))];
        "not a stream" [retry(retry::for_host("one.test").classify_fn(if_unavailable!()))] |c, at| [c.post(at("/failing/1")).body(stream())];
        "an empty body" [retry(retry::for_host("one.test").classify_fn(if_unavailable!()))] |c, at| [c.post(at("/failing/1")).body(""), c.head(at("/failing/1"))];
        "by method, host and path" [retry(retry::for_host("one.test").classify_fn(|attempt| match (attempt.method().as_str(), attempt.uri().host(), attempt.uri().path()) {
            ("GET", Some("one.test"), "/failing/1") => attempt.retryable(),
            _ => attempt.success(),
        }))] |c, at| [c.post(at("/failing/1")), c.get(at("/failing/1")), c.get(at("/failing/2")), c.get(at("/echo"))];
        "at the end of a redirect" [retry(retry::for_host("two.test").classify_fn(if_unavailable!()))] |c, at| [302, 307].map(|status| c.post(at(&format!("/redirect/{status}/?{}", other(at("/failing/2"))))).body("order"));
        "redirects, each by itself" [retry(retry::for_host("one.test").max_retries_per_request(1).classify_fn(|attempt| match attempt.status() {
            Some(StatusCode::FOUND | StatusCode::SERVICE_UNAVAILABLE) => attempt.retryable(),
            _ => attempt.success(),
        }))] |c, at| [c.get(at("/redirect/302/redirect/302/failing/1"))];
    }
}

#[tokio::test]
async fn errors_that_a_policy_wants_again() {
    table! {
        "without a policy, none" [] |c, at| [c.get(at("/broken/1")), c.get(at("/broken/1"))];
        "those that are wanted" [retry(retry::for_host("one.test").classify_fn(|attempt| match attempt.error() {
            Some(_) => attempt.retryable(),
            None => attempt.success(),
        }))] |c, at| [c.get(at("/broken/2")), c.post(at("/broken/1")).body("order"), c.get(at("/refused/2")), c.get(at("/broken/9")), c.post(at("/broken/1")).body(stream())];
        "nobody there" [retry(retry::for_host("127.0.0.1").classify_fn(|attempt| match attempt.error() {
            Some(_) => attempt.retryable(),
            None => attempt.success(),
        }))] |c, _at| [c.get("http://127.0.0.1:1/")];
    }
}

/// A hundred in ten seconds, and a part of those that succeed: a row takes a fraction of that time, and longer beside others.
#[tokio::test]
async fn budgets() {
    let failing = 0..13;
    table! {
        "no more load" [retry(retry::for_host("one.test").max_extra_load(0.0).max_retries_per_request(10).classify_fn(if_unavailable!()))] |c, at| failing.clone().map(|n| c.get(at(&format!("/failing/99/{n}"))));
    }
    table! {
        "a fifth more" [retry(retry::for_host("one.test").max_retries_per_request(10).classify_fn(if_unavailable!()))] |c, at| (0..10).map(|_| c.get(at("/echo"))).chain(failing.clone().map(|n| c.get(at(&format!("/failing/99/{n}")))));
    }
    table! {
        "as much more" [retry(retry::for_host("one.test").max_extra_load(1.0).max_retries_per_request(10).classify_fn(if_unavailable!()))] |c, at| (0..10).map(|_| c.get(at("/echo"))).chain(failing.clone().map(|n| c.get(at(&format!("/failing/99/{n}")))));
    }
    table! {
        "without bounds" [retry(retry::for_host("one.test").no_budget().max_retries_per_request(10).classify_fn(if_unavailable!()))] |c, at| failing.clone().map(|n| c.get(at(&format!("/failing/99/{n}"))));
    }
}

/// Streams refused over HTTP/2, as over HTTP/1.1 connections closed without an answer.
#[tokio::test]
async fn refused_streams() {
    table! {
        "sent again" [] |c, at| [c.get(at("/refused/2")), c.post(at("/refused/1")).body("order"), c.post(at("/refused/2")).body(vec![b'x'; LARGE])];
        "a large body, at most twice" [] |c, at| [c.post(at("/refused/9")).body(vec![b'x'; LARGE])];
        "never" [retry(retry::never())] |c, at| [c.get(at("/refused/1")), c.post(at("/refused/1")).body(vec![b'x'; LARGE])];
        "not by a policy that does not say so" [retry(retry::for_host("one.test").classify_fn(if_unavailable!()))] |c, at| [c.get(at("/refused/1"))];
    }
}

/// What is above the last stream that a server names goes to another connection.
#[tokio::test]
async fn a_server_that_goes_away() {
    let world = World::start().await;
    let (hot, plain) = going_away(&world, NO_ERROR, false).await;
    assert_eq!(hot, plain);
    assert_eq!(hot, (vec![Ok("hello".to_owned())], 2));
}

#[tokio::test]
async fn a_server_that_goes_away_from_a_client_that_never_retries() {
    let world = World::start().await;
    let (hot, plain) = going_away(&world, NO_ERROR, true).await;
    assert_eq!(hot, plain);
    assert_eq!(hot, (vec![Err("request")], 1));
}

/// As much of an answer as can be told over frames written by hand, and how many connections there were.
type Run = (Vec<Result<String, Failure>>, usize);

/// Ours and reqwest's, with a server whose first connection ends at its first request.
pub(crate) async fn going_away(world: &World, code: u32, never: bool) -> (Run, Run) {
    let run = async |hot: bool| {
        let config = world.server_config("h2");
        let peer = Peer::tls(config, move |number, stream| async move {
            let mut http2 = Http2::accept(stream, &[]).await.unwrap();
            if number == 0 {
                http2.request().await;
                http2.go_away(0, code).await;
            }
            http2.serve().await;
        })
        .await;
        let (mut plain, pool) = (world.reqwest(), world.pool());
        let mut adapter = HotClient::builder(pool.clone());
        if never {
            plain = plain.retry(reqwest::retry::never());
            adapter = adapter.retry(retry::never());
        }
        let plain = plain.build().unwrap();
        let url = format!("https://one.test:{}/", peer.port());
        let requests = vec![plain.post(url).body("order")];
        let answers = match hot {
            true => ask_hot(&adapter.build().unwrap(), requests).await,
            false => ask(requests).await,
        };
        quiet(&pool).await;
        let bodies = answers.into_iter();
        let bodies = bodies.map(|answer| answer.and_then(|answer| answer.body));
        (bodies.collect(), peer.accepted())
    };
    (run(true).await, run(false).await)
}
