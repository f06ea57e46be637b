//! What a browser is answered.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::Full;

const PAGE: &str = "<!doctype html><title>hotpool capture</title>\
<p>What your client sent first has been kept. Wait three seconds and reload the page to send it once more.\n";

pub(super) fn answer<B>(request: &Request<B>) -> Response<Full<Bytes>> {
    // hyper would send it in answer to a HEAD over HTTP/2.
    let body = if request.method() == Method::HEAD {
        ""
    } else {
        PAGE
    };
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
