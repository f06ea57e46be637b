//! tonic's clients over the pool: its health service, asked once and watched.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::net::Ipv4Addr;

use common::check::{idle, quiet};
use common::request::plain;
use common::wait::PATIENCE;
use hotpool::Protocols;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::Code;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus as Status;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::server::health_reporter;

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

#[tokio::test]
async fn a_tonic_client_calls_and_streams_over_the_pool() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (reporter, health) = health_reporter();
    reporter
        .set_service_status("a", ServingStatus::Serving)
        .await;
    let mut tasks = JoinSet::new();
    let serving = Server::builder().add_service(health);
    tasks.spawn(serving.serve_with_incoming(TcpIncoming::from(listener)));

    let pool = plain(Protocols::Http2).build().unwrap();
    assert!(pool.preheat([&origin]).await.is_complete());
    let mut client = HealthClient::with_origin(pool.clone(), origin.parse().unwrap());
    let answer = client.check(of("a")).await.unwrap().into_inner();
    assert_eq!(answer.status(), Status::Serving);
    let unknown = client.check(of("b")).await.unwrap_err();
    assert_eq!(
        unknown.code(),
        Code::NotFound,
        "the trailers are the answer"
    );

    let mut watched = client.watch(of("a")).await.unwrap().into_inner();
    let mut next = async || {
        let message = timeout(PATIENCE, watched.message()).await.unwrap();
        message.unwrap().unwrap().status()
    };
    assert_eq!(next().await, Status::Serving);
    reporter
        .set_service_status("a", ServingStatus::NotServing)
        .await;
    assert_eq!(next().await, Status::NotServing);
    assert_eq!(pool.stats().in_use, 1, "the stream that is watched");
    drop(watched);
    idle(&pool).await;
    assert_eq!(pool.stats().connections_opened, 1);

    tasks.shutdown().await;
    quiet(&pool).await;
}
