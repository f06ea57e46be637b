//! A program that uses reqwest, over the pool by changing a line: `cargo run --example reqwest --features server,reqwest`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::net::Ipv4Addr;

use bytes::Bytes;
use hotpool::client::reqwest::{HotClient, SendHot};
use hotpool::server::{Listener, Server, ServerTls};
use hotpool::{ConnectionInfo, Pool, Trust};
use http_body_util::Full;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (world, certificate) = server().await?;
    let url = format!("https://localhost:{}/", world.local_addr().port());

    let pool = Pool::builder()
        .trust(Trust::only(certificate.as_bytes())?)
        .build()?;
    pool.preheat([&url]).await;
    let hot = HotClient::builder(pool).user_agent("example/1").build()?;

    // As before, but for the last call of the chain.
    let client = reqwest::Client::new();
    let response = client.get(&url).send_hot(&hot).await?.error_for_status()?;
    let connection = response.extensions().get::<ConnectionInfo>();
    println!(
        "{:?} {}, reused: {:?}",
        response.version(),
        response.status(),
        connection.map(ConnectionInfo::is_reused)
    );
    println!("{}", response.text().await?);
    Ok(())
}

async fn server() -> Result<(Server, String), Box<dyn std::error::Error>> {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (certificate, key) = (signed.cert.pem(), signed.signing_key.serialize_pem());
    let listener = Listener::builder()
        .tls(ServerTls::from_pem(certificate.as_bytes(), key.as_bytes())?)
        .bind((Ipv4Addr::LOCALHOST, 0).into())
        .await?;
    let server =
        listener.serve(|_, _| async { http::Response::new(Full::new(Bytes::from("hello"))) });
    Ok((server, certificate))
}
