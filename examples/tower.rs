//! The pool among tower's layers: a deadline, a limit, and retries that ask the error whether they are safe.
//! `cargo run --example tower --features server`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::future::{Ready, ready};
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use hotpool::server::{Listener, Server, ServerTls};
use hotpool::{Body, Error, Pool, Trust};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use tower::retry::Policy;
use tower::{ServiceBuilder, ServiceExt};

type Asked = Request<Empty<Bytes>>;

/// Up to so many times, what the server did not process.
#[derive(Clone)]
struct WhereSafe(usize);

impl Policy<Asked, Response<Body>, Error> for WhereSafe {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Asked,
        outcome: &mut Result<Response<Body>, Error>,
    ) -> Option<Ready<()>> {
        let safe = matches!(outcome, Err(error) if error.is_retryable());
        self.0 = self.0.checked_sub(1)?;
        safe.then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Asked) -> Option<Asked> {
        Some(request.clone())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (world, certificate) = server().await?;
    let pool = Pool::builder()
        .trust(Trust::only(certificate.as_bytes())?)
        .build()?;
    let service = ServiceBuilder::new()
        .concurrency_limit(64)
        .timeout(Duration::from_secs(10))
        .retry(WhereSafe(2))
        .service(pool);

    let url = format!("https://localhost:{}/", world.local_addr().port());
    let response = service
        .oneshot(Request::get(url).body(Empty::new())?)
        .await?;
    println!("{:?} {}", response.version(), response.status());
    let body = response.into_body().collect().await?.to_bytes();
    println!("{}", String::from_utf8_lossy(&body));
    Ok(())
}

async fn server() -> Result<(Server, String), Box<dyn std::error::Error + Send + Sync>> {
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
