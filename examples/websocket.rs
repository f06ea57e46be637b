//! A WebSocket on a warm connection: `cargo run --example websocket --features websocket`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::net::Ipv4Addr;

use futures_util::{SinkExt, StreamExt};
use hotpool::websocket::{CloseCode, Message};
use hotpool::{Pool, Protocols, Target};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let host = format!("localhost:{}", listener.local_addr()?.port());
    let client = async {
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
        Ok::<(), hotpool::Error>(())
    };
    tokio::select! {
        outcome = client => outcome?,
        outcome = serve(listener) => outcome?,
    }
    Ok(())
}

/// Sends back what it is sent.
async fn serve(listener: TcpListener) -> Result<(), tungstenite::Error> {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (connection, _) = listener.accept().await?;
        connections.spawn(async {
            let Ok(mut socket) = tokio_tungstenite::accept_async(connection).await else {
                return;
            };
            while let Some(Ok(message)) = socket.next().await {
                if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err()
                {
                    return;
                }
            }
        });
    }
}
