//! What the Autobahn test suite for WebSockets is run against: clients and servers that send back what they are sent, hundreds of times, to
//! a peer that breaks every rule of RFC 6455 and RFC 7692 in turn. `.ci/autobahn` brings the peer and judges its report: a server, named in
//! `AUTOBAHN_URL`, or a client, the command in `AUTOBAHN_CLIENT`. Without it there is nothing to do here. tungstenite, as published, is
//! judged beside the pool's client and the listener.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::fmt::Debug;
use std::future::ready;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use hotpool::Pool;
use hotpool::registry::Entry;
use hotpool::server::Listener;
use hotpool::server::websocket::WebSocketUpgrade;
use hotpool::websocket::Message;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

const SKIP: &str = "SKIP: the Autobahn test suite is run by .ci/autobahn";

/// The suite gives a case up after 480 s at the latest, and most after one.
const LONGEST_CASE: Duration = Duration::from_secs(600);

/// The suite's largest messages have 16 MiB.
const LARGEST_MESSAGE: usize = 16 << 20;

#[tokio::test]
async fn hotpools_client() {
    let Some(server) = Server::named() else {
        return;
    };
    let pool = Pool::builder().build().unwrap();
    // The server grants compression in its own tests of that, and to the second agent everywhere.
    for agent in ["hotpool", "hotpool-compressing"] {
        for case in 1..=server.cases().await {
            let uri = server.uri(&format!("/runCase?case={case}&agent={agent}"));
            let mut socket = pool.websocket(uri).compression(true).await.unwrap();
            let outcome = timeout(LONGEST_CASE, echo(&mut socket)).await;
            assert!(outcome.is_ok(), "{agent}'s case {case} does not end");
        }
        server.report(agent).await;
    }
}

#[tokio::test]
async fn stock_tungstenite() {
    let Some(server) = Server::named() else {
        return;
    };
    for case in 1..=server.cases().await {
        let path = format!("/runCase?case={case}&agent=tungstenite");
        let mut socket = server.open(&path).await;
        let outcome = timeout(LONGEST_CASE, echo(&mut socket)).await;
        assert!(outcome.is_ok(), "case {case} does not end");
    }
    server.report("tungstenite").await;
}

#[tokio::test]
async fn servers() {
    let Ok(client) = std::env::var("AUTOBAHN_CLIENT") else {
        println!("{SKIP}");
        return;
    };
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = Listener::builder().bind(any_port).await.unwrap();
    let server = listener.serve(|mut request: Request<Incoming>, _: Arc<Entry>| {
        let response: Response<Full<Bytes>> = match WebSocketUpgrade::of(&mut request) {
            Ok(upgrade) => upgrade
                .compression(true)
                .max_message_size(LARGEST_MESSAGE)
                .serve(|mut socket| async move { echo(&mut socket).await }),
            Err(refusal) => refusal.into_response(),
        };
        ready(response)
    });
    let stock = TcpListener::bind(any_port).await.unwrap();
    let mut suite = Command::new(client);
    for address in [server.local_addr(), stock.local_addr().unwrap()] {
        suite.arg(format!("ws://{address}"));
    }
    let mut suite = suite.kill_on_drop(true).spawn().unwrap();
    let status = tokio::select! {
        status = suite.wait() => status.unwrap(),
        () = serve_stock(stock) => return,
    };
    assert!(status.success(), "{status}");
    let report = server.shutdown(LONGEST_CASE).await;
    assert_eq!(report.cut, 0, "{report:?}");
    assert_eq!((server.tasks(), server.registry().count()), (0, 0));
}

async fn serve_stock(listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        let (connection, _) = listener.accept().await.unwrap();
        connection.set_nodelay(true).unwrap();
        connections.spawn(async {
            if let Ok(mut socket) = accept_async(connection).await {
                echo(&mut socket).await;
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// As any application would: until an error or the end, then the WebSocket is dropped.
async fn echo<S, E>(socket: &mut S)
where
    S: Sink<Message, Error = E> + Stream<Item = Result<Message, E>> + Unpin,
    E: Debug,
{
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

/// The suite's.
struct Server {
    authority: String,
}

impl Server {
    fn named() -> Option<Self> {
        let Ok(url) = std::env::var("AUTOBAHN_URL") else {
            println!("{SKIP}");
            return None;
        };
        let authority = url.strip_prefix("ws://").unwrap().to_owned();
        Some(Self { authority })
    }

    fn uri(&self, path: &str) -> String {
        format!("ws://{}{path}", self.authority)
    }

    async fn open(&self, path: &str) -> WebSocketStream<TcpStream> {
        let connection = TcpStream::connect(&self.authority).await.unwrap();
        connection.set_nodelay(true).unwrap();
        client_async(self.uri(path), connection).await.unwrap().0
    }

    async fn cases(&self) -> usize {
        let mut socket = self.open("/getCaseCount").await;
        let count = socket.next().await.unwrap().unwrap();
        count.to_text().unwrap().parse().unwrap()
    }

    /// Has the report written.
    async fn report(&self, agent: &str) {
        let mut socket = self.open(&format!("/updateReports?agent={agent}")).await;
        while let Some(Ok(_)) = socket.next().await {}
    }
}
