//! Extended CONNECT (RFC 8441).

use std::sync::Arc;

use bytes::Bytes;
use h2::client::{self, SendRequest};
use h2::ext::Protocol;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::support::{LOOPBACK, NAME, PATIENCE, tcp};
use crate::config::Protocols;
use crate::registry::Entry;
use crate::server::{Handler, Listener, ListenerBuilder};

/// Who asked for which tunnel.
type Tunnels = mpsc::Receiver<(String, OnUpgrade)>;

/// Grants each tunnel, and hands it to the test.
fn granting() -> (impl Handler, Tunnels) {
    let (granted, tunnels) = mpsc::channel(1);
    let handler = move |mut request: Request<Incoming>, _connection: Arc<Entry>| {
        if request.method() == Method::CONNECT {
            let protocol = request.extensions().get::<hyper::ext::Protocol>();
            let protocol = protocol.unwrap().as_str().to_owned();
            let tunnel = hyper::upgrade::on(&mut request);
            granted.try_send((protocol, tunnel)).unwrap();
        }
        async { Response::new(Empty::<Bytes>::new()) }
    };
    (handler, tunnels)
}

fn listening() -> ListenerBuilder {
    Listener::builder().protocols(Protocols::Http2)
}

/// A client that knows the server's settings, for a request has been answered.
async fn connected(
    address: std::net::SocketAddr,
) -> (SendRequest<Bytes>, JoinSet<Result<(), h2::Error>>) {
    let (sender, connection) = client::handshake(tcp(address).await).await.unwrap();
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    let page = Request::get(format!("https://{NAME}/")).body(()).unwrap();
    let (answer, _) = sender.send_request(page, true).unwrap();
    assert_eq!(answer.await.unwrap().status(), StatusCode::OK);
    (sender, driver)
}

fn socket() -> Request<()> {
    Request::builder()
        .method(Method::CONNECT)
        .uri(format!("https://{NAME}/socket"))
        .extension(Protocol::from_static("websocket"))
        .body(())
        .unwrap()
}

#[tokio::test]
async fn a_tunnel_is_granted_where_it_is_allowed() {
    let builder = listening().extended_connect(true);
    let (handler, mut tunnels) = granting();
    let server = builder.bind(LOOPBACK).await.unwrap().serve(handler);
    let (mut sender, _driver) = connected(server.local_addr()).await;
    assert!(sender.is_extended_connect_protocol_enabled());
    let (answer, mut out) = sender.send_request(socket(), false).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let (protocol, tunnel) = tunnels.recv().await.unwrap();
    assert_eq!(protocol, "websocket");
    let mut tunnel = TokioIo::new(tunnel.await.unwrap());
    out.send_data(Bytes::from_static(b"there"), false).unwrap();
    let mut there = [0; 5];
    tunnel.read_exact(&mut there).await.unwrap();
    assert_eq!(&there, b"there");
    tunnel.write_all(b"and back").await.unwrap();
    let mut body = answer.into_body();
    assert_eq!(body.data().await.unwrap().unwrap(), "and back");
    drop(tunnel);
    server.shutdown(PATIENCE).await;
    assert_eq!(server.tasks(), 0);
}

#[tokio::test]
async fn a_tunnel_that_nobody_takes_ends() {
    let builder = listening().extended_connect(true);
    let (handler, mut tunnels) = granting();
    let server = builder.bind(LOOPBACK).await.unwrap().serve(handler);
    let (mut sender, _driver) = connected(server.local_addr()).await;
    let (answer, _out) = sender.send_request(socket(), false).unwrap();
    let answer = answer.await.unwrap();
    drop(tunnels.recv().await.unwrap());
    let mut body = answer.into_body();
    // The client's half is reset once the server's has ended.
    while let Some(Ok(piece)) = timeout(PATIENCE, body.data()).await.unwrap() {
        assert!(piece.is_empty(), "{piece:?}");
    }
    server.shutdown(PATIENCE).await;
    assert_eq!(server.tasks(), 0);
}

#[tokio::test]
async fn tunnels_are_not_announced_unless_allowed() {
    let (handler, _tunnels) = granting();
    let server = listening().bind(LOOPBACK).await.unwrap().serve(handler);
    let (sender, _driver) = connected(server.local_addr()).await;
    assert!(!sender.is_extended_connect_protocol_enabled());
    server.shutdown(PATIENCE).await;
}
