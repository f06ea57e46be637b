//! Pools to test and requests to send.

use bytes::Bytes;
use hotpool::pool::PoolBuilder;
use hotpool::{Connection, Error, Pool, Protocols, Trust};
use http::Request;
use http_body_util::{BodyExt, Empty, Full};

use super::certificates::Authority;

/// A pool that trusts `authority` alone.
pub fn trusting(authority: &Authority) -> PoolBuilder {
    Pool::builder().trust(Trust::only(authority.pem().as_bytes()).unwrap())
}

/// A pool for servers without TLS.
pub fn plain(protocols: Protocols) -> PoolBuilder {
    Pool::builder().protocols(protocols)
}

pub fn get() -> Request<Empty<Bytes>> {
    Request::get("/").body(Empty::new()).unwrap()
}

pub fn post(body: &'static str) -> Request<Full<Bytes>> {
    Request::post("/").body(Full::new(body.into())).unwrap()
}

/// A GET's whole answer.
pub async fn read(connection: &Connection) -> Result<Bytes, Error> {
    let response = connection.send(get()).await?;
    assert_eq!(response.status(), 200);
    Ok(response.into_body().collect().await?.to_bytes())
}

/// A connection, a GET on it, and its whole answer.
pub async fn fetch(pool: &Pool, target: &str) -> Result<Bytes, Error> {
    read(&pool.get(target).await?).await
}
