//! The command through a proxy.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test fails by panicking, and uses its own part of what is shared"
)]

mod common;
#[path = "cli/echo.rs"]
mod echo;
#[path = "cli/run.rs"]
mod run;
#[path = "cli/world.rs"]
mod world;

use common::proxy::{Manner, ScriptedProxy, Speaks};
use run::{command, finish, hotpool};
use world::World;

const SECRET: &str = "s3cret";

async fn proxy(speaks: Speaks, wants: &'static str) -> ScriptedProxy {
    let manner = Manner {
        wants: Some(wants),
        ..Manner::default()
    };
    ScriptedProxy::start(speaks, manner).await
}

#[tokio::test]
async fn get_goes_through_the_proxy() {
    let world = World::new("proxied", &["h2", "http/1.1"]).await;
    for (speaks, scheme, wants) in [
        (Speaks::Connect, "http", "Basic dTpzM2NyZXQ="),
        (Speaks::Socks5, "socks5h", "u:s3cret"),
    ] {
        let through = proxy(speaks, wants).await;
        let url = format!("{scheme}://u:{SECRET}@{}", through.address());
        let more = ["--proxy", &url, "--profile", "chrome", "--cold", "--json"];
        let object = world.get("/", &more).await.object();
        assert_eq!(
            (&object["status"], &object["http_version"]),
            (&200.into(), &"HTTP/2".into())
        );
        assert_eq!(object["remote_addr"], through.address().to_string());
        assert!(object["timing_us"]["connect"].as_u64() > Some(0));
        let asked = format!("localhost:{}", world.peer.port());
        assert_eq!((through.accepted(), through.last().asked), (1, asked));

        let wrong = format!("{scheme}://u:{SECRET}x@{}", through.address());
        let run = world.get("/", &["--proxy", &wrong, "--json"]).await;
        assert_eq!(
            (run.status, run.error_kind().as_str()),
            (Some(1), "proxy-auth-required")
        );
        assert!(!format!("{run:?}").contains(SECRET), "{run:?}");
    }
}

#[tokio::test]
async fn bench_goes_through_the_proxy() {
    let world = World::new("benched", &["h2"]).await;
    let through = proxy(Speaks::Connect, "Basic dTpzM2NyZXQ=").await;
    let url = format!("http://u:{SECRET}@{}", through.address());
    let cacert = world.cacert.as_str();
    let arguments = [
        "bench", &world.url, "--cacert", cacert, "-n", "20", "--proxy", &url, "--json",
    ];
    let run = hotpool(&arguments).await;
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(through.accepted() >= 1);
    assert_eq!(through.accepted(), world.peer.accepted());
}

#[tokio::test]
async fn the_environment_is_asked_only_where_it_is_wanted() {
    let world = World::new("environment", &["h2"]).await;
    let through = ScriptedProxy::start(Speaks::Connect, Manner::default()).await;
    for (flag, except, passed) in [("", "", 0), ("env", "localhost", 0), ("env", "", 1)] {
        let mut arguments = vec!["get", &world.url, "--cacert", &world.cacert, "--json"];
        if !flag.is_empty() {
            arguments.extend(["--proxy", flag]);
        }
        let mut command = command(&arguments);
        command
            .env("https_proxy", through.url("http"))
            .env("no_proxy", except);
        for name in ["HTTPS_PROXY", "NO_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(name);
        }
        let run = finish(command, "").await;
        assert_eq!(run.status, Some(0), "{run:?}");
        assert_eq!(through.accepted(), passed, "{flag} {except}");
    }
}

#[tokio::test]
async fn what_is_no_proxy_is_usage_and_shows_no_password() {
    for url in [
        "socks4://u:s3cret@p",
        "http://u:s3cret",
        "http://u:s3cret@p/x",
    ] {
        let run = hotpool(&["get", "https://localhost:1", "--proxy", url]).await;
        assert_eq!(run.status, Some(2), "{run:?}");
        assert!(run.stderr.contains("proxy"), "{run:?}");
        assert!(!run.stderr.contains(SECRET), "{run:?}");
    }
}
