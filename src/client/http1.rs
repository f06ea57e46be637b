//! One exchange over HTTP/1.1, by hyper.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, Empty};

use super::appearance::Appearance;
use super::body::Body;
use super::decode::decoded;
use super::exchange::Exchange;
use super::outgoing::{Head, Outgoing};
use super::raw_body::RawBody;
use super::tracked::{Tracked, Whole};
use crate::dial::RequestBody;
use crate::error::{Error, Result};

/// Sends the request and waits for the response's head. Dropping the future closes the connection: what was sent cannot be unsent.
pub(super) async fn send(
    mut exchange: Exchange,
    outgoing: &mut Outgoing,
) -> Result<Response<Body>> {
    let live = Arc::clone(exchange.lease().live());
    let Head { request, codings } = match outgoing.http1_head(&Appearance::of(exchange.lease())) {
        Ok(head) => head,
        Err(error) => return Err(exchange.unsent(error)),
    };
    let whole = Whole::default();
    if !outgoing.is_empty() {
        exchange.must_reach(whole.clone());
    }
    let mut body = || match outgoing.take_body() {
        Some(body) => RequestBody::new(Tracked::new(body, whole.clone())),
        None => no_body(),
    };
    let response = match live.send_http1(|| request.map(|()| body())).await {
        Ok(response) => response,
        Err(error) => return Err(exchange.unsent(error)),
    };
    exchange.request_sent();
    match response.await {
        Ok(response) => {
            exchange.response_received();
            if let Some(window) = keep_alive_timeout(response.headers()) {
                live.idle_window_announced(window);
            }
            let response = response.map(|incoming| RawBody::http1(incoming, exchange));
            Ok(decoded(response, codings))
        }
        Err(mut failed) => match failed.take_message() {
            Some(untouched) => {
                outgoing.put_body(untouched.into_body());
                Err(exchange.unsent(Error::from_http1(failed.into_error())))
            }
            None => Err(exchange.fail(Error::from_http1(failed.into_error()))),
        },
    }
}

/// `Keep-Alive: timeout=5, max=100`: how long the server leaves the connection open. Obsolete and sent everywhere.
fn keep_alive_timeout(headers: &HeaderMap) -> Option<Duration> {
    let parameters = headers.get("keep-alive")?.to_str().ok()?.split(',');
    let seconds = parameters
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("timeout"))?
        .1;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

fn no_body() -> RequestBody {
    RequestBody::new(Empty::<Bytes>::new().map_err(|never| match never {}))
}
