//! Content codings taken off a response's body (RFC 9110 §8.4).

use http::{HeaderValue, Response};

use super::body::Body;
use super::raw_body::RawBody;

#[cfg(feature = "decompression")]
mod body;
#[cfg(feature = "decompression")]
mod codings;
#[cfg(feature = "decompression")]
mod members;
#[cfg(feature = "decompression")]
mod source;
#[cfg(all(test, feature = "decompression"))]
mod tests;

#[cfg(feature = "decompression")]
pub(super) use body::DecodedBody;

/// The response with its body decoded, if that is in `accepted` codings.
#[cfg(feature = "decompression")]
pub(super) fn decoded(
    response: Response<RawBody>,
    accepted: Option<HeaderValue>,
) -> Response<Body> {
    use http::StatusCode;
    use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
    use http_body::Body as _;

    // A part of a coded body (RFC 9110 §14.2) cannot be decoded by itself.
    let whole =
        response.status() != StatusCode::PARTIAL_CONTENT && !response.body().is_end_stream();
    let codings = accepted
        .filter(|_| whole)
        .and_then(|accepted| codings::applied(response.headers(), &accepted));
    let Some(codings) = codings else {
        return response.map(Body::from);
    };
    let mut response = response.map(|body| Body::from(DecodedBody::new(body, &codings)));
    response.headers_mut().remove(CONTENT_ENCODING);
    response.headers_mut().remove(CONTENT_LENGTH);
    response
}

/// The response as it is.
#[cfg(not(feature = "decompression"))]
pub(super) fn decoded(response: Response<RawBody>, _: Option<HeaderValue>) -> Response<Body> {
    response.map(Body::from)
}
