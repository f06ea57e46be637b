//! What the documentation says is not as in reqwest: that it is so, and that it still has to be said.

use hotpool::client::reqwest::{HotClient, SendHot, retry};
use hotpool::{ConnectionInfo, ErrorKind, Pool};
use reqwest::{Client, Version};

use crate::common::check::{idle, quiet};
use crate::common::http1;
use crate::common::http2::INTERNAL_ERROR;
use crate::common::peer::Peer;
use crate::retries::{going_away, if_unavailable};
use crate::table::{World, ask, ask_hot};

/// The same server, and both clients.
struct Pair {
    world: World,
    client: Client,
    pool: Pool,
}

impl Pair {
    async fn start() -> Self {
        let world = World::start().await;
        Self {
            client: world.reqwest().build().unwrap(),
            pool: world.pool(),
            world,
        }
    }

    fn hot(&self) -> HotClient {
        HotClient::new(self.pool.clone())
    }
}

#[tokio::test]
async fn the_settings_of_a_client_are_its_own() {
    let pair = Pair::start().await;
    let [http, ..] = &pair.world.sites;
    let client = pair.world.reqwest().user_agent("mine/1.0").build().unwrap();
    let plain = client.get(http.at("/echo")).send().await.unwrap();
    assert!(plain.text().await.unwrap().contains("mine/1.0"));
    let hot = client.get(http.at("/echo")).send_hot(&pair.pool);
    let hot = hot.await.unwrap();
    assert!(!hot.text().await.unwrap().contains("mine/1.0"));
    quiet(&pair.pool).await;
}

#[tokio::test]
async fn the_address_is_in_the_extensions() {
    let pair = Pair::start().await;
    for site in &pair.world.sites {
        let request = || pair.client.get(site.at("/status/204"));
        let address = request().send().await.unwrap().remote_addr();
        let hot = request().send_hot(&pair.pool).await.unwrap();
        assert_eq!(hot.remote_addr(), None);
        let info = hot.extensions().get::<ConnectionInfo>().unwrap();
        assert_eq!(Some(info.remote_addr()), address);
    }
    quiet(&pair.pool).await;
}

#[tokio::test]
async fn a_version_is_not_looked_at() {
    let pair = Pair::start().await;
    let [http, ..] = &pair.world.sites;
    let requests = || {
        let request = pair.client.get(http.at("/echo"));
        vec![request.version(Version::HTTP_2)]
    };
    assert_eq!(ask(requests()).await, [Err("request")]);
    let found = ask_hot(&pair.hot(), requests()).await;
    assert_eq!(found[0].as_ref().unwrap().version, "HTTP/1.1");
    quiet(&pair.pool).await;
}

#[tokio::test]
async fn connections_are_not_upgraded() {
    let peer = Peer::tcp(|_, mut socket| async move {
        let switched =
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n";
        if http1::request(&mut socket).await.is_some() {
            http1::answer(&mut socket, switched).await;
            http1::silence(socket).await;
        }
    })
    .await;
    let pair = Pair::start().await;
    let request = || {
        let request = pair.client.get(peer.plain_target());
        request
            .header("connection", "upgrade")
            .header("upgrade", "other")
    };
    assert!(request().send().await.unwrap().upgrade().await.is_ok());
    let error = request().send_hot(&pair.pool).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    quiet(&pair.pool).await;
}

#[tokio::test]
async fn a_part_is_asked_for_without_codings() {
    let pair = Pair::start().await;
    let [http, ..] = &pair.world.sites;
    let requests = || {
        let request = pair.client.get(http.at("/echo"));
        vec![request.header("range", "bytes=0-9")]
    };
    let asks = |answer: &str| answer.contains("accept-encoding");
    let expected = ask(requests()).await;
    assert!(asks(expected[0].as_ref().unwrap().body.as_ref().unwrap()));
    let found = ask_hot(&pair.hot(), requests()).await;
    assert!(!asks(found[0].as_ref().unwrap().body.as_ref().unwrap()));
    quiet(&pair.pool).await;
}

#[tokio::test]
async fn an_empty_body_is_announced() {
    let peer = Peer::tcp(|_, mut socket| async move {
        while let Some(request) = http1::request(&mut socket).await {
            let answer = match request.contains("content-length: 0\r\n") {
                true => "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nannounced",
                false => "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsilent",
            };
            http1::answer(&mut socket, answer).await;
        }
    })
    .await;
    let pair = Pair::start().await;
    let text = async |method: &str, hot: bool| {
        let method = method.parse().unwrap();
        let request = pair.client.request(method, peer.plain_target());
        let response = match hot {
            true => request.send_hot(&pair.pool).await.unwrap(),
            false => request.send().await.unwrap(),
        };
        response.text().await.unwrap()
    };
    for method in ["POST", "PUT", "PATCH"] {
        assert_eq!(text(method, false).await, "silent", "{method}");
        assert_eq!(text(method, true).await, "announced", "{method}");
    }
    assert_eq!(text("GET", true).await, "silent");
    quiet(&pair.pool).await;
}

#[tokio::test]
async fn a_head_has_a_body_of_no_length() {
    let pair = Pair::start().await;
    let [http, _, http2] = &pair.world.sites;
    for (site, length) in [(http, Some(0)), (http2, Some(3 << 20))] {
        let request = || pair.client.head(site.at("/large"));
        assert_eq!(request().send().await.unwrap().content_length(), length);
        let hot = request().send_hot(&pair.pool).await.unwrap();
        assert_eq!(hot.content_length(), Some(0));
    }
    quiet(&pair.pool).await;
}

/// It is asked once more than by reqwest, after pauses.
#[tokio::test]
async fn a_server_that_refuses_everything() {
    let pair = Pair::start().await;
    let [.., http2] = &pair.world.sites;
    let requests = || vec![pair.client.get(http2.at("/refused/9"))];
    let expected = (ask(requests()).await, http2.seen.take().len());
    let found = (
        ask_hot(&pair.hot(), requests()).await,
        http2.seen.take().len(),
    );
    assert_eq!(found.0, expected.0);
    assert_eq!((found.1, expected.1), (4, 3));
    quiet(&pair.pool).await;
}

/// Which of its streams it did not process, it says all the same.
#[tokio::test]
async fn a_server_that_goes_away_for_an_error() {
    let world = World::start().await;
    let (hot, plain) = going_away(&world, INTERNAL_ERROR, false).await;
    assert_eq!(hot, (vec![Ok("hello".to_owned())], 2));
    assert_eq!(plain, (vec![Err("request")], 1));
}

/// reqwest 0.13.5 looks at the scope after the first retry only, and documents otherwise.
#[tokio::test]
async fn another_host_is_out_of_scope() {
    let pair = Pair::start().await;
    let [http, ..] = &pair.world.sites;
    let policy = reqwest::retry::for_host("two.test").classify_fn(if_unavailable!());
    let plain = pair.world.reqwest().retry(policy).build().unwrap();
    let policy = retry::for_host("two.test").classify_fn(if_unavailable!());
    let hot = HotClient::builder(pair.pool.clone()).retry(policy);
    let requests = || vec![plain.get(http.at("/failing/9"))];
    let expected = (ask(requests()).await, http.seen.take().len());
    let found = (
        ask_hot(&hot.build().unwrap(), requests()).await,
        http.seen.take().len(),
    );
    assert_eq!(found.0, expected.0);
    assert_eq!((found.1, expected.1), (1, 2));
    idle(&pair.pool).await;
}

#[tokio::test]
async fn a_load_that_is_none_is_refused() {
    let pool = Pool::builder().build().unwrap();
    for load in [-0.1, 1_000.1, f32::NAN] {
        let policy = retry::for_host("one.test").max_extra_load(load);
        let builder = HotClient::builder(pool.clone()).retry(policy);
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
        assert!(error.to_string().contains("max_extra_load"), "{error}");
    }
}
