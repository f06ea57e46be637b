//! Requests that are in a [`Ledger`](super::ledger::Ledger).

use bytes::Bytes;
use hotpool::client::RequestOptions;
use hotpool::{Error, Pool, Target};
use http::Request;
use http_body_util::{BodyExt, Full};

use super::ledger::{KEY, NUMBER};
use super::unruly_server::body;

/// The answer has to be this request's and whole. `key` names the target to the server.
pub async fn exchange(
    pool: &Pool,
    target: &Target,
    key: &str,
    number: u64,
    size: usize,
    replayable: bool,
) -> Result<(), Error> {
    let connection = pool.get(target).await?;
    let options = RequestOptions::new();
    let request = Request::post("/")
        .header(NUMBER, number)
        .header(KEY, key)
        .extension(match replayable {
            true => options.replayable(),
            false => options,
        })
        .body(Full::new(Bytes::from(vec![b'x'; size])))
        .unwrap();
    let response = connection.send(request).await?;
    let answer = response.into_body().collect().await?.to_bytes();
    assert!(answer == body(&number.to_string()), "another's answer");
    Ok(())
}
