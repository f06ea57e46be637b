//! A table of settings and requests: each row is asked of reqwest and of `HotClient`, at each form of the same server.

use std::net::Ipv4Addr;
use std::sync::Arc;

use futures_util::future::join_all;
use hotpool::Pool;
use hotpool::client::reqwest::{HotClient, HotClientBuilder};
use hotpool::resolve::{Overrides, Resolver};
use reqwest::{Client, ClientBuilder, RequestBuilder};
use rustls::ServerConfig;
use tokio::sync::Barrier;

use crate::common::certificates::Authority;
use crate::common::check::{idle, quiet};
use crate::common::request::trusting;
use crate::outcome::{Failure, Outcome, failure, hot_failure};
use crate::server::{NAMES, Site};

pub(crate) type Answers = Vec<Result<Outcome, Failure>>;

/// Rows: a name, settings, and requests made by a client with a way to name the server. The settings are written once and made of both
/// builders' methods.
macro_rules! table {
    ($($name:literal [$($setting:ident($($argument:expr),*)),*] |$client:ident, $at:ident| $requests:expr;)*) => {
        let ready = tokio::sync::Barrier::new([$($name),*].len() * crate::table::FORMS);
        let mut rows = Vec::new();
        $({
            let row = crate::table::row(
                $name,
                &ready,
                |builder| {
                    #[allow(unused_imports, reason = "few settings need them")]
                    use reqwest::{redirect::Policy, retry};
                    builder$(.$setting($($argument),*))*
                },
                |builder| {
                    #[allow(unused_imports, reason = "few settings need them")]
                    use hotpool::client::reqwest::{redirect::Policy, retry};
                    builder$(.$setting($($argument),*))*
                },
                |$client, $at| $requests.into_iter().collect(),
            );
            rows.push(futures_util::FutureExt::boxed_local(row));
        })*
        let differences = futures_util::future::join_all(rows).await.concat();
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    };
}

pub(crate) const FORMS: usize = 3;

/// The same server in each form: HTTP/1.1, over TLS too, and HTTP/2. Plain reqwest and the pool know its names.
pub(crate) struct World {
    authority: Authority,
    pub(crate) sites: [Site; FORMS],
}

impl World {
    pub(crate) async fn start() -> Self {
        let authority = Authority::new();
        let sites = [
            Site::plain().await,
            Site::tls(&authority, "http/1.1").await,
            Site::tls(&authority, "h2").await,
        ];
        Self { authority, sites }
    }

    /// Of a server with its names.
    pub(crate) fn server_config(&self, protocol: &str) -> Arc<ServerConfig> {
        self.authority.issue(&NAMES).server_config(&[protocol])
    }

    pub(crate) fn reqwest(&self) -> ClientBuilder {
        let root = reqwest::Certificate::from_pem(self.authority.pem().as_bytes()).unwrap();
        let builder = Client::builder().no_proxy().tls_certs_only([root]);
        NAMES.iter().fold(builder, |builder, name| {
            builder.resolve(name, (Ipv4Addr::LOCALHOST, 0).into())
        })
    }

    pub(crate) fn pool(&self) -> Pool {
        let mut overrides = Overrides::new();
        for name in NAMES {
            overrides
                .insert(name, None, [Ipv4Addr::LOCALHOST.into()])
                .unwrap();
        }
        let resolver = Resolver::builder().overrides(overrides).build();
        trusting(&self.authority)
            .resolver(resolver)
            .build()
            .unwrap()
    }
}

/// Where the pool's answers are not reqwest's, or the server got to see something else. The requests are built once for each client;
/// rows have servers of their own, so that those that wait do not wait for each other.
pub(crate) async fn row(
    name: &str,
    ready: &Barrier,
    plainly: impl Fn(ClientBuilder) -> ClientBuilder,
    hotly: impl Fn(HotClientBuilder) -> HotClientBuilder,
    requests: impl Fn(&Client, &dyn Fn(&str) -> String) -> Vec<RequestBuilder>,
) -> Vec<String> {
    let world = World::start().await;
    let at_sites = join_all(world.sites.iter().map(async |site| {
        let plain = plainly(world.reqwest()).build().unwrap();
        let pool = world.pool();
        let hot = hotly(HotClient::builder(pool.clone())).build().unwrap();
        let requests = || requests(&plain, &|path| site.at(path));
        // Else the making of other rows' clients would run into the deadlines of this one.
        ready.wait().await;
        let expected = (ask(requests()).await, site.seen.take());
        let connections = site.accepted();
        let found = (ask_hot(&hot, requests()).await, site.seen.take());
        let more = site.accepted() - connections;
        // What is left unread, of redirects say, costs no connection that it does not cost reqwest.
        assert!(more <= connections, "{name}: {more} connections");
        idle(&pool).await;
        drop(hot);
        pool.close();
        quiet(&pool).await;
        compare(&format!("{name} at {}", site.at("")), &found, &expected)
    }));
    at_sites.await.concat()
}

/// Each builder knows its own client.
pub(crate) async fn ask(requests: Vec<RequestBuilder>) -> Answers {
    let mut answers = Vec::new();
    for request in requests {
        answers.push(match request.send().await {
            Ok(response) => Ok(Outcome::of(response).await),
            Err(error) => Err(failure(&error)),
        });
    }
    answers
}

pub(crate) async fn ask_hot(client: &HotClient, requests: Vec<RequestBuilder>) -> Answers {
    let mut answers = Vec::new();
    for request in requests {
        // What cannot be built fails before any client sees it.
        let Ok(request) = request.build() else {
            answers.push(Err("builder"));
            continue;
        };
        answers.push(match client.execute(request).await {
            Ok(response) => Ok(Outcome::of(response).await),
            Err(error) => Err(hot_failure(&error)),
        });
    }
    answers
}

type Run = (Answers, Vec<String>);

/// Nothing that the table asks for is unknown to the server.
fn compare(name: &str, found: &Run, expected: &Run) -> Vec<String> {
    let ((found, seen), (expected, to_be_seen)) = (found, expected);
    let unknown = |answer: &Outcome| answer.status == 404;
    assert!(!expected.iter().flatten().any(unknown), "{name}");
    assert_eq!(found.len(), expected.len(), "{name}");
    let pairs = found.iter().zip(expected).enumerate();
    let mut differences: Vec<String> = pairs
        .filter(|(_, (found, expected))| found != expected)
        .map(|(n, (found, expected))| {
            format!("{name}, {n}:\n  pool    {found:?}\n  reqwest {expected:?}")
        })
        .collect();
    if seen != to_be_seen {
        differences.push(format!(
            "{name}, what the server saw:\n  pool    {seen:?}\n  reqwest {to_be_seen:?}"
        ));
    }
    differences
}
