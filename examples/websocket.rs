//! A WebSocket on a warm connection: `cargo run --example websocket --features server,websocket`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hotpool::registry::Entry;
use hotpool::server::websocket::WebSocketUpgrade;
use hotpool::server::{Listener, Server};
use hotpool::websocket::{CloseCode, Message};
use hotpool::{Pool, Protocols, Target};
use http::Request;
use http_body_util::Full;
use hyper::body::Incoming;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = echo().await?;
    let host = format!("localhost:{}", server.local_addr().port());

    let pool = Pool::builder().build()?;
    let target = Target::parse(&format!("http://{host}"))?.protocols(Protocols::Http1);
    pool.preheat_streams([target]).await;

    let mut socket = pool.websocket(format!("ws://{host}/chat")).await?;
    let warm = socket.connection().is_reused();
    println!("open, on a connection that was warm: {warm}");
    socket.send(Message::text("hello")).await?;
    if let Some(message) = socket.recv().await {
        println!("the server says {}", message?);
    }
    let goodbye = socket.close(CloseCode::Normal, "done").await?;
    println!("the server took leave: {goodbye:?}");

    pool.shutdown(Duration::from_secs(5)).await;
    server.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

/// Sends back what it is sent.
async fn echo() -> Result<Server, hotpool::Error> {
    let listener = Listener::builder().bind((Ipv4Addr::LOCALHOST, 0).into());
    let answer = |mut request: Request<Incoming>, _: Arc<Entry>| {
        let response = match WebSocketUpgrade::of(&mut request) {
            Ok(upgrade) => upgrade.serve(|mut socket| async move {
                while let Some(Ok(message)) = socket.recv().await {
                    if message.is_text() && socket.send(message).await.is_err() {
                        break;
                    }
                }
            }),
            Err(refusal) => refusal.into_response::<Full<Bytes>>(),
        };
        async move { response }
    };
    Ok(listener.await?.serve(answer))
}
