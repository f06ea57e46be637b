//! One exchange over HTTP/2, by h2.

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Response};

use super::appearance::Appearance;
use super::body::Body;
use super::decode::decoded;
use super::exchange::Exchange;
use super::outgoing::{Head, Outgoing};
use super::raw_body::RawBody;
use super::upload::upload;
use crate::error::{Error, ErrorKind, Result};
use crate::shape::h2::Http2Peer;

/// Sends the request and waits for the response's head. Dropping the future cancels the stream.
pub(super) async fn send(
    mut exchange: Exchange,
    outgoing: &mut Outgoing,
) -> Result<Response<Body>> {
    let head = outgoing.http2_head(&Appearance::of(exchange.lease()));
    let Head { request, codings } = match head {
        Ok(head) => head,
        Err(error) => return Err(exchange.unsent(error)),
    };
    let Some((sender, peer)) = exchange.lease().live().http2() else {
        return Err(exchange.unsent(Error::new(ErrorKind::ConnectionClosed)));
    };
    let mut sender = match sender.ready().await {
        Ok(sender) => sender,
        Err(error) => return Err(exchange.unsent(Error::from_http2(error))),
    };
    let has_body = !outgoing.is_empty();
    let (response, stream) = match sender.send_request(request, !has_body) {
        Ok(sent) => sent,
        Err(error) => return Err(exchange.unsent(Error::from_http2(error))),
    };
    drop(sender);
    exchange.request_sent();
    let stream_id = response.stream_id().as_u32();
    let outcome = match outgoing.take_body().filter(|_| has_body) {
        None => response.await,
        Some(body) => {
            exchange.upload(upload(stream, body));
            response.await
        }
    };
    match outcome {
        Ok(response) => {
            exchange.response_received();
            // RFC 9110 §8.6: what a GET's answer would have.
            let length = match *outgoing.method() {
                Method::HEAD => Some(0),
                _ => announced_length(response.headers()),
            };
            let response =
                response.map(|stream| RawBody::http2(stream, length, has_body, exchange));
            Ok(decoded(response, codings))
        }
        Err(error) => Err(failed(exchange, &peer, stream_id, error)),
    }
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// RFC 9113 §6.8 and §8.7: a refused stream, and one above the last that a GOAWAY names, was not processed.
pub(super) fn failed(
    exchange: Exchange,
    peer: &Http2Peer,
    stream_id: u32,
    error: h2::Error,
) -> Error {
    let beyond_last = peer.last_stream_id().is_some_and(|last| stream_id > last);
    let too_large = peer.is_head_too_large(&error, stream_id, exchange.lease().live().head_limit());
    let error = peer.explain(error);
    let error = match too_large {
        true => Error::new(ErrorKind::ResponseHeadTooLarge).with_source(error),
        false => error,
    };
    let refused = error.kind() == ErrorKind::StreamRefused;
    let error = if beyond_last && !refused {
        Error::new(ErrorKind::GoAway).with_source(error)
    } else {
        error
    };
    let error = exchange.fail(error);
    if beyond_last || refused {
        error.not_processed()
    } else {
        error
    }
}
