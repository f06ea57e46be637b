//! The client's side of the Autobahn test suite for WebSockets: what is sent is sent back, hundreds of times, to a server that breaks every
//! rule of RFC 6455 and RFC 7692 in turn. `.ci/autobahn` starts that server, judges its report, and names it in `AUTOBAHN_URL`; without it
//! there is nothing to do here. tungstenite, as published, is judged beside the pool's client.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::fmt::Debug;
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use hotpool::Pool;
use hotpool::websocket::Message;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::{WebSocketStream, client_async};

/// The server gives a case up after 480 s at the latest, and most after one.
const LONGEST_CASE: Duration = Duration::from_secs(600);

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
            echo(case, &mut socket).await;
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
        echo(case, &mut server.open(&path).await).await;
    }
    server.report("tungstenite").await;
}

/// As any application would: until an error or the end, then the WebSocket is dropped.
async fn echo<S, E>(case: usize, socket: &mut S)
where
    S: Sink<Message, Error = E> + Stream<Item = Result<Message, E>> + Unpin,
    E: Debug,
{
    let echoing = async {
        while let Some(Ok(message)) = socket.next().await {
            if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
                return;
            }
        }
    };
    let outcome = timeout(LONGEST_CASE, echoing).await;
    assert!(outcome.is_ok(), "case {case} does not end");
}

struct Server {
    authority: String,
}

impl Server {
    fn named() -> Option<Self> {
        let Ok(url) = std::env::var("AUTOBAHN_URL") else {
            println!("SKIP: the Autobahn test suite is run by .ci/autobahn");
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
