//! Requests that proxies forward for many clients.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use super::support::{LOOPBACK, tcp};
use crate::config::Protocols;
use crate::registry::Entry;
use crate::server::{ClientAddress, Listener, ListenerBuilder, ProxyProtocol, Server};

async fn serve(builder: ListenerBuilder) -> Server {
    let server = builder.bind(LOOPBACK).await.unwrap();
    server.serve(|request: Request<Incoming>, _: Arc<Entry>| {
        let client = request.extensions().get::<ClientAddress>();
        let ip = client.map_or_else(String::new, |client| client.ip().to_string());
        async move { Response::new(Full::new(Bytes::from(ip))) }
    })
}

/// The client that the server takes one for whose first bytes are `start`.
async fn client(server: &Server, start: &str, header: &str) -> String {
    let mut stream = tcp(server.local_addr()).await;
    let request =
        format!("{start}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{header}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.rsplit("\r\n").next().unwrap().to_owned()
}

/// R13: the last element of `X-Forwarded-For` was believed from any peer.
#[tokio::test]
async fn a_stranger_cannot_choose_its_address() {
    let trusting_others = Listener::builder().trusted_proxies(["192.0.2.0/24".parse().unwrap()]);
    for builder in [Listener::builder(), trusting_others] {
        let server = serve(builder).await;
        for header in [
            "X-Forwarded-For: 192.0.2.1",
            "Forwarded: for=192.0.2.1",
            "X-A: b",
        ] {
            assert_eq!(client(&server, "", header).await, "127.0.0.1", "{header}");
        }
    }
}

#[tokio::test]
async fn a_trusted_proxy_says_for_whom_it_asks() {
    let trusted = ["127.0.0.0/8", "10.0.0.0/8"].map(|text| text.parse().unwrap());
    let server = serve(Listener::builder().trusted_proxies(trusted)).await;
    for (header, expected) in [
        (
            "X-Forwarded-For: 198.51.100.66, 192.0.2.1, 10.1.1.1",
            "192.0.2.1",
        ),
        ("Forwarded: for=192.0.2.1;proto=https", "192.0.2.1"),
        (
            "Forwarded: for=192.0.2.1\r\nX-Forwarded-For: 192.0.2.2",
            "127.0.0.1",
        ),
        ("X-A: b", "127.0.0.1"),
    ] {
        assert_eq!(client(&server, "", header).await, expected, "{header}");
    }
}

#[tokio::test]
async fn a_balancer_that_is_no_http_proxy_may_stand_in_front_of_one() {
    let trusted = ["127.0.0.1/32", "10.0.0.0/8"].map(|text| text.parse().unwrap());
    let builder = Listener::builder().trusted_proxies(trusted);
    let server = serve(builder.proxy_protocol(ProxyProtocol::Required)).await;
    let header = "X-Forwarded-For: 192.0.2.1";
    for (source, expected) in [("10.1.1.1", "192.0.2.1"), ("192.0.2.9", "192.0.2.9")] {
        let start = format!("PROXY TCP4 {source} 10.1.1.2 4711 80\r\n");
        assert_eq!(client(&server, &start, header).await, expected);
    }
}

#[tokio::test]
async fn the_requests_of_one_connection_are_of_many_clients() {
    let trusted = ["127.0.0.1/32".parse().unwrap()];
    let builder = Listener::builder().trusted_proxies(trusted);
    let server = serve(builder.protocols(Protocols::Http2)).await;
    let stream = TokioIo::new(tcp(server.local_addr()).await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream)
        .await
        .unwrap();
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    for expected in ["192.0.2.1", "2001:db8::2", "192.0.2.3"] {
        let request = Request::get("http://server.test/").header("x-forwarded-for", expected);
        let response = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap());
        let body = response.await.unwrap().collect().await.unwrap().to_bytes();
        assert_eq!(body, expected);
    }
    let entry = server.registry().entries().pop().unwrap();
    assert_eq!(entry.client_addr(), entry.remote_addr());
}
