//! hyper-util's client on warm streams: `cargo run --example hyper --features server,hyper-util`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::net::Ipv4Addr;

use bytes::Bytes;
use hotpool::client::hyper_util::HotConnector;
use hotpool::server::{Listener, Server, ServerTls};
use hotpool::{ConnectionInfo, Pool, Trust};
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (world, certificate) = server().await?;
    let url = format!("https://localhost:{}/", world.local_addr().port());

    let pool = Pool::builder()
        .trust(Trust::only(certificate.as_bytes())?)
        .build()?;
    pool.preheat_streams([&url]).await;

    let client: Client<_, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).build(HotConnector::new(pool));
    let response = client.get(url.parse()?).await?;
    let stream = response.extensions().get::<ConnectionInfo>();
    println!(
        "{:?} {}, on a stream that was warm: {:?}",
        response.version(),
        response.status(),
        stream.map(ConnectionInfo::is_reused)
    );
    let body = response.into_body().collect().await?.to_bytes();
    println!("{}", String::from_utf8_lossy(&body));
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
