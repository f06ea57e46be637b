//! The pool where others expect something else: a tower service, reqwest's client, its middleware, its resolver.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::future::{Ready, ready};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::certificates::Authority;
use common::check::{idle, quiet};
use common::http1;
use common::http2::{self, Http2};
use common::peer::Peer;
use common::proxy::{Manner, ScriptedProxy, Speaks};
use common::request::{plain, trusting};
use common::wait::PATIENCE;
use hotpool::client::RequestOptions;
use hotpool::client::reqwest::{HotClient, HotMiddleware, PoolResolver, SendHot};
use hotpool::pool::Reconfiguration;
use hotpool::profile::Profile;
use hotpool::resolve::{AccessList, Overrides, Resolver};
use hotpool::{Body, ConnectionInfo, Error, ErrorKind, Pool, Protocols, Proxy};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use reqwest::Client;
use tokio::sync::mpsc;
use tower::{Service, ServiceBuilder, ServiceExt};

fn request(peer: &Peer) -> Request<Empty<Bytes>> {
    Request::get(peer.plain_target())
        .body(Empty::new())
        .unwrap()
}

async fn server() -> Peer {
    Peer::tcp(|_, socket| http1::serve(socket)).await
}

/// Answers each request with its head, as it came.
async fn mirror() -> Peer {
    Peer::tcp(|_, mut socket| async move {
        while let Some(head) = http1::request(&mut socket).await {
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}",
                head.len()
            );
            http1::answer(&mut socket, &answer).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_pool_is_a_service_among_layers() {
    let peer = server().await;
    let pool = plain(Protocols::Http1).build().unwrap();
    let mut service = ServiceBuilder::new()
        .concurrency_limit(2)
        .timeout(PATIENCE)
        .service(pool.clone());
    for _ in 0..3 {
        let ready = ServiceExt::<Request<Empty<Bytes>>>::ready(&mut service)
            .await
            .unwrap();
        let response = ready.call(request(&peer)).await.unwrap();
        assert_eq!(
            response.into_body().collect().await.unwrap().to_bytes(),
            "hello"
        );
    }
    let response = (&pool).oneshot(request(&peer)).await.unwrap();
    assert!(
        response
            .extensions()
            .get::<ConnectionInfo>()
            .unwrap()
            .is_reused()
    );
    drop(response);
    quiet(&pool).await;
}

/// Sends again what the pool says is safe to send again.
#[derive(Clone)]
struct IfRetryable(usize);

impl tower::retry::Policy<Request<Empty<Bytes>>, Response<Body>, Error> for IfRetryable {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<Empty<Bytes>>,
        outcome: &mut Result<Response<Body>, Error>,
    ) -> Option<Ready<()>> {
        let again = self.0 > 0 && outcome.as_ref().is_err_and(Error::is_retryable);
        self.0 = self.0.saturating_sub(1);
        again.then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<Empty<Bytes>>) -> Option<Request<Empty<Bytes>>> {
        Some(request.clone())
    }
}

#[tokio::test]
async fn a_retry_layer_asks_the_error_whether_it_may() {
    // Refuses three streams, then serves.
    let peer = Peer::tcp(|_, socket| async move {
        let mut server = Http2::accept(socket, &[]).await.unwrap();
        for _ in 0..3 {
            let stream = server.request().await.unwrap();
            server.reset(stream, http2::REFUSED_STREAM).await;
        }
        server.serve().await;
    })
    .await;
    let pool = plain(Protocols::Http2).build().unwrap();
    let request = || {
        let mut request = request(&peer);
        request
            .extensions_mut()
            .insert(RequestOptions::new().max_retries(0));
        request
    };
    let error = pool.clone().oneshot(request()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StreamRefused);
    assert!(error.was_sent() && error.is_retryable());
    let layered = |times| {
        ServiceBuilder::new()
            .retry(IfRetryable(times))
            .service(pool.clone())
    };
    let error = layered(0).oneshot(request()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StreamRefused);
    let served = layered(1).oneshot(request()).await.unwrap();
    assert_eq!(
        served.into_body().collect().await.unwrap().to_bytes(),
        "hello"
    );
    idle(&pool).await;
}

#[tokio::test]
async fn what_reqwest_builds_is_sent_over_the_pool() {
    let peer = mirror().await;
    let pool = plain(Protocols::Http1).build().unwrap();
    pool.preheat([peer.plain_target()]).await;
    let client = Client::new();
    let hot = HotClient::builder(pool.clone())
        .user_agent("hot/1")
        .build()
        .unwrap();
    let get = || client.get(peer.plain_target()).header("x-own", "1");

    let over_pool = get().send_hot(&pool).await.unwrap();
    let info = over_pool.extensions().get::<ConnectionInfo>().unwrap();
    assert!(info.is_reused() && info.remote_addr() == peer.address);
    let head = over_pool.text().await.unwrap();
    assert!(
        head.contains("x-own: 1\r\n") && !head.contains("user-agent"),
        "{head}"
    );

    let head = get().send_hot(&hot).await.unwrap().text().await.unwrap();
    assert!(head.contains("user-agent: hot/1\r\n"), "{head}");
    let built = get().build().unwrap();
    assert!(built.send_hot(&hot).await.unwrap().text().await.is_ok());
    let answer = hot.clone().oneshot(get().build().unwrap()).await.unwrap();
    assert!(answer.text().await.is_ok());
    let wrong = client.get("no url").send_hot(&pool).await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::InvalidRequest);
    assert_eq!(peer.accepted(), 1);
    quiet(&pool).await;
}

/// A browser's headers are not mixed with reqwest's.
#[tokio::test]
async fn a_profile_dresses_what_reqwest_builds() {
    let peer = mirror().await;
    let chromium = Profile::named("chromium").unwrap();
    let pool = plain(Protocols::Http1).profile(chromium).build().unwrap();
    let hot = HotClient::new(pool.clone());
    let client = Client::new();
    let head = client
        .get(peer.plain_target())
        .send_hot(&hot)
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let accepts: Vec<&str> = head
        .lines()
        .filter(|line| line.to_lowercase().starts_with("accept:"))
        .collect();
    assert!(
        accepts.len() == 1 && accepts[0].contains("text/html"),
        "{head}"
    );
    let codings = head
        .lines()
        .find(|line| line.to_lowercase().starts_with("accept-encoding:"));
    assert!(
        codings.is_some_and(|codings| codings.contains("gzip, deflate")),
        "{head}"
    );

    let mut request = Request::get(peer.plain_target())
        .body(reqwest::Body::default())
        .unwrap();
    request
        .extensions_mut()
        .insert(RequestOptions::new().kind("fetch"));
    let request = reqwest::Request::try_from(request).unwrap();
    let head = hot.execute(request).await.unwrap().text().await.unwrap();
    assert!(
        head.contains("*/*") && !head.contains("text/html"),
        "{head}"
    );
    idle(&pool).await;
}

#[tokio::test]
async fn a_client_has_a_proxy_of_its_own() {
    let peer = server().await;
    let [pools, clients] =
        [(), ()].map(|()| ScriptedProxy::start(Speaks::Connect, Manner::default()));
    let (pools, clients) = (pools.await, clients.await);
    let proxy = |proxy: &ScriptedProxy| proxy.url("http").parse::<Proxy>().unwrap();
    let pool = plain(Protocols::Http1)
        .proxies(proxy(&pools))
        .build()
        .unwrap();
    let ask = async |client: HotClient| {
        let request = Client::new().get(peer.plain_target());
        assert_eq!(
            request
                .send_hot(&client)
                .await
                .unwrap()
                .text()
                .await
                .unwrap(),
            "hello"
        );
        [pools.accepted(), clients.accepted()]
    };
    assert_eq!(ask(HotClient::new(pool.clone())).await, [1, 0]);
    let own = HotClient::builder(pool.clone()).proxy(proxy(&clients));
    assert_eq!(ask(own.build().unwrap()).await, [1, 1]);
    let none = HotClient::builder(pool.clone()).no_proxy();
    assert_eq!(ask(none.build().unwrap()).await, [1, 1]);
    quiet(&pool).await;
}

#[tokio::test]
async fn a_middleware_chain_ends_in_the_pool() {
    let peer = mirror().await;
    let pool = plain(Protocols::Http1).build().unwrap();
    let hot = HotClient::builder(pool.clone())
        .user_agent("hot/1")
        .build()
        .unwrap();
    let client = reqwest_middleware::ClientBuilder::new(Client::new())
        .with(HotMiddleware::new(hot))
        .build();
    let response = client.get(peer.plain_target()).send().await.unwrap();
    assert!(response.extensions().get::<ConnectionInfo>().is_some());
    assert!(
        response
            .text()
            .await
            .unwrap()
            .contains("user-agent: hot/1\r\n")
    );
    let refused = client.get("http://127.0.0.1:1/").send().await.unwrap_err();
    let reqwest_middleware::Error::Middleware(cause) = refused else {
        panic!("{refused:?}")
    };
    let cause = cause.downcast_ref::<Error>().unwrap();
    assert_eq!(cause.kind(), ErrorKind::ConnectRefused);
    quiet(&pool).await;
}

#[tokio::test]
async fn a_plain_reqwest_client_resolves_as_the_pool_does() {
    let peer = server().await;
    let mut overrides = Overrides::new();
    overrides
        .insert("known.test", None, [Ipv4Addr::LOCALHOST.into()])
        .unwrap();
    let resolver = Resolver::builder().overrides(overrides).build();
    let pool = Pool::builder().resolver(resolver).build().unwrap();
    let resolves = Arc::new(PoolResolver::new(pool.clone()));
    let client = Client::builder()
        .no_proxy()
        .dns_resolver(resolves)
        .build()
        .unwrap();
    let url = format!("http://known.test:{}/", peer.port());
    assert_eq!(
        client.get(&url).send().await.unwrap().text().await.unwrap(),
        "hello"
    );

    let list = AccessList::allow_all().deny("127.0.0.0/8").unwrap();
    pool.reconfigure(Reconfiguration::default().access_list(list))
        .unwrap();
    let fresh = Client::builder()
        .no_proxy()
        .dns_resolver(Arc::new(PoolResolver::new(pool.clone())));
    let denied = fresh.build().unwrap().get(&url).send().await.unwrap_err();
    let mut cause: &dyn std::error::Error = &denied;
    while let Some(source) = cause.source() {
        cause = source;
        if cause.is::<Error>() {
            break;
        }
    }
    let cause = cause.downcast_ref::<Error>().unwrap();
    assert_eq!(cause.kind(), ErrorKind::AddressDenied);
}

/// What the server has not asked for is not read from the caller's stream, beyond what buffers hold.
#[tokio::test]
async fn an_upload_is_read_as_the_server_takes_it_and_ends_with_the_caller() {
    let authority = Authority::new();
    let config = authority.issue(&["localhost"]).server_config(&["h2"]);
    let peer = Peer::tls(config, |_, stream| async move {
        let mut server = Http2::accept(stream, &[]).await.unwrap();
        while server.read().await.is_some() {}
    })
    .await;
    let pool = trusting(&authority).build().unwrap();
    let (pieces, mut read) = mpsc::channel::<()>(1024);
    let stream = futures_util::stream::unfold(pieces, |pieces| async move {
        pieces.send(()).await.ok()?;
        Some((
            Ok::<_, std::io::Error>(Bytes::from(vec![0; 16 * 1024])),
            pieces,
        ))
    });
    let client = Client::new();
    let request = client
        .post(format!("https://{}/", peer.target()))
        .body(reqwest::Body::wrap_stream(stream));
    let answer = tokio::time::timeout(Duration::from_secs(2), request.send_hot(&pool)).await;
    assert!(answer.is_err(), "the server never answers");
    let mut pulled = 0;
    while tokio::time::timeout(PATIENCE, read.recv())
        .await
        .unwrap()
        .is_some()
    {
        pulled += 1;
    }
    assert!(
        (1..100).contains(&pulled),
        "{pulled} pieces were read ahead"
    );
    idle(&pool).await;
}
