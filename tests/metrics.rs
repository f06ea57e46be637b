//! What a pool's metrics say after it has done this and that. One test, since a process has one recorder.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::HashMap;
use std::time::Duration;

use common::http1;
use common::peer::Peer;
use common::request::{fetch, plain, read};
use common::wait::PATIENCE;
use hotpool::Protocols;
use hotpool::telemetry::{Metrics, Prometheus, names};

/// The value of each series.
fn series(text: &str) -> HashMap<&str, f64> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(series, value)| (series, value.parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn what_happened_is_counted_under_documented_names() {
    let prometheus = Prometheus::install().unwrap();
    assert!(Prometheus::install().is_err());
    let peer = Peer::tcp_at(([0, 0, 0, 0], 0).into(), |number, mut socket| async move {
        if number == 3 {
            // The request is read and never answered.
            http1::request(&mut socket).await;
            return;
        }
        http1::serve(socket).await;
    })
    .await;
    let host = |number| format!("http://127.0.0.{number}:{}", peer.port());
    let metrics = Metrics::most_hosts("test", 2);
    let pool = plain(Protocols::Http1)
        .metrics(&metrics)
        .max_connections_per_host(1)
        .acquire_timeout(Duration::from_secs(1))
        .build()
        .unwrap();
    for _ in 0..3 {
        assert_eq!(fetch(&pool, &host(1)).await.unwrap(), "hello");
    }
    let held = pool.get(host(2)).await.unwrap();
    pool.get(host(2)).await.unwrap_err();
    // A third host and a fourth share what is left.
    fetch(&pool, &host(3)).await.unwrap();
    let unlucky = pool.get(host(4)).await.unwrap();
    let request = http::Request::post("/").body(String::from("once")).unwrap();
    unlucky.send(request).await.unwrap_err();
    drop(unlucky);
    // Nobody listens at port 1.
    pool.get("http://127.0.0.5:1").await.unwrap_err();
    metrics.sample(&pool);

    let text = prometheus.render();
    let series = series(&text);
    let one = format!("{{pool=\"test\",host=\"{}\"", host(1));
    let two = format!("{{pool=\"test\",host=\"{}\"", host(2));
    let other = "{pool=\"test\",host=\"other\"";
    for (name, value) in [
        (format!("hotpool_dials_started_total{one}}}"), 1.0),
        (format!("hotpool_dials_started_total{other}}}"), 3.0),
        (
            format!("hotpool_dials_failed_total{other},kind=\"connect-refused\"}}"),
            1.0,
        ),
        (
            format!("hotpool_connections_opened_total{one},protocol=\"http1\"}}"),
            1.0,
        ),
        (
            format!("hotpool_connections_opened_total{other},protocol=\"http1\"}}"),
            2.0,
        ),
        (
            format!("hotpool_dial_step_seconds_count{one},step=\"connect\"}}"),
            1.0,
        ),
        (format!("hotpool_answer_seconds_count{one}}}"), 3.0),
        (format!("hotpool_acquire_wait_seconds_count{one}}}"), 1.0),
        (format!("hotpool_acquire_wait_seconds_count{two}}}"), 2.0),
        (format!("hotpool_acquire_timeouts_total{two}}}"), 1.0),
        (
            format!("hotpool_requests_failed_total{other},kind=\"connection-closed\"}}"),
            1.0,
        ),
        (
            "hotpool_events_total{pool=\"test\",event=\"dial-started\"}".to_owned(),
            5.0,
        ),
        (
            "hotpool_connections{pool=\"test\",state=\"used\"}".to_owned(),
            1.0,
        ),
        (
            "hotpool_connections{pool=\"test\",state=\"idle\"}".to_owned(),
            2.0,
        ),
        ("hotpool_uses{pool=\"test\"}".to_owned(), 1.0),
        ("hotpool_hosts{pool=\"test\"}".to_owned(), 5.0),
        // A caller of the second host was refused, the last one cannot be reached.
        ("hotpool_health{pool=\"test\"}".to_owned(), 2.0),
        (format!("hotpool_host_health{one}}}"), 0.0),
        (format!("hotpool_host_health{two}}}"), 2.0),
        (format!("hotpool_host_health{other}}}"), 3.0),
    ] {
        let name: &str = &name;
        assert_eq!(series.get(name), Some(&value), "{name} in\n{text}");
    }
    let limit = format!("hotpool_limits_reached_total{two},limit=\"max_connections_per_host\"}}");
    assert!(series[&*limit] >= 1.0, "{text}");

    assert_eq!(read(&held).await.unwrap(), "hello");
    drop(held);
    pool.shutdown(PATIENCE).await;
    let text = prometheus.render();
    let closed = format!("hotpool_connections_closed_total{one},reason=\"shutdown\"}} 1");
    assert!(text.contains(&closed), "{text}");
    // Each name in the table is recorded, and nothing that is not in the table.
    for name in names::ALL {
        assert!(
            text.contains(&format!("# TYPE {name} ")),
            "{name} is never recorded"
        );
    }
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for name in types.map(|line| line.split(' ').next().unwrap()) {
        assert!(names::ALL.contains(&name), "{name} is not documented");
    }
}
