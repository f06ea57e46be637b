//! What a server can tell a client by, under different profiles: `cargo run --example profiles --features server`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::net::Ipv4Addr;

use bytes::Bytes;
use hotpool::profile::Profile;
use hotpool::server::{Listener, Server, ServerTls};
use hotpool::{Pool, Target, Trust};
use http_body_util::{BodyExt, Empty, Full};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (world, certificate) = server().await?;
    let host = format!("localhost:{}", world.local_addr().port());
    let pool = Pool::builder()
        .trust(Trust::only(certificate.as_bytes())?)
        .build()?;
    for name in ["chrome", "firefox", "safari", "rustls"] {
        let profile = Profile::named(name)?;
        let connection = pool.get(Target::parse(&host)?.profile(profile)).await?;
        let request = http::Request::get("/").body(Empty::<Bytes>::new())?;
        connection
            .send(request)
            .await?
            .into_body()
            .collect()
            .await?;

        let seen = connection.fingerprint();
        println!("{}", connection.profile());
        if let Some(tls) = seen.tls {
            println!("  JA4    {}\n  JA3    {}", tls.ja4, tls.ja3_hash);
        }
        println!("  Akamai {}", seen.akamai.unwrap_or_default());
    }
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
