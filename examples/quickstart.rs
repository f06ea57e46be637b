//! A hot connection and a request, against a server of its own: `cargo run --example quickstart --features server`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use hotpool::server::{Listener, Server, ServerTls};
use hotpool::{Pool, Trust};
use http_body_util::{BodyExt, Empty, Full};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (server, certificate) = server().await?;
    let host = format!("localhost:{}", server.local_addr().port());

    let pool = Pool::builder()
        .trust(Trust::only(certificate.as_bytes())?)
        .build()?;
    let report = pool.preheat([&host]).await;
    println!("hot: {} connection(s)", report.connections());

    let connection = pool.get(&host).await?;
    let response = connection
        .send(http::Request::get("/").body(Empty::<Bytes>::new())?)
        .await?;
    println!(
        "{:?} {} over connection {}",
        response.version(),
        response.status(),
        connection.id()
    );
    let body = response.into_body().collect().await?.to_bytes();
    println!("{}", String::from_utf8_lossy(&body));

    drop(connection);
    let report = pool.shutdown(Duration::from_secs(5)).await;
    println!("drained {}, cut {}", report.drained, report.cut);
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
