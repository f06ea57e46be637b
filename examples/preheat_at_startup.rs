//! A service starts: warm what it will need, say what failed, find it hot later.
//! `cargo run --example preheat_at_startup --features server`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use hotpool::resolve::{Overrides, Resolver};
use hotpool::server::{Listener, Server, ServerTls};
use hotpool::{Pool, Trust};
use http_body_util::Full;
use tokio::time::Instant;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (server, certificate) = server().await?;
    let port = server.local_addr().port();

    // One name leads to the server, the other to a port where nobody listens.
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let mut overrides = Overrides::new();
    overrides.insert("api.example", Some(port), loopback)?;
    overrides.insert("gone.example", Some(1), loopback)?;
    let pool = Pool::builder()
        .trust(Trust::only(certificate.as_bytes())?)
        .resolver(Resolver::builder().overrides(overrides).build())
        .build()?;

    let api = format!("api.example:{port}");
    let report = pool.preheat([api.as_str(), "gone.example:1"]).await;
    println!("{} connection(s) hot", report.connections());
    for (host, error) in report.failed() {
        println!("{host} is not: {error} [{}]", error.kind());
    }

    let began = Instant::now();
    let connection = pool.get(&api).await?;
    println!(
        "got {} in {:?}, reused: {}",
        connection.origin(),
        began.elapsed(),
        connection.is_reused()
    );
    Ok(())
}

async fn server() -> Result<(Server, String), Box<dyn std::error::Error>> {
    let signed = rcgen::generate_simple_self_signed(["api.example".to_owned()])?;
    let (certificate, key) = (signed.cert.pem(), signed.signing_key.serialize_pem());
    let listener = Listener::builder()
        .tls(ServerTls::from_pem(certificate.as_bytes(), key.as_bytes())?)
        .bind((Ipv4Addr::LOCALHOST, 0).into())
        .await?;
    let server =
        listener.serve(|_, _| async { http::Response::new(Full::new(Bytes::from("hello"))) });
    Ok((server, certificate))
}
