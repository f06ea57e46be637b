//! What a browser is answered: a page that makes it send every kind of request.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::Full;

const PAGE: &str = "<!doctype html><title>hotpool capture</title><link rel=stylesheet href=/style.css><script src=/script.js></script>\
<p>What your client sent first has been kept. Wait three seconds and reload the page to send it once more.\n\
<p><img src=/image.svg><iframe src=/frame.html></iframe>\
<form method=post action=/><button name=button>Send a form</button></form>\n";

/// A WebSocket, and a fetch that reads and one that writes; neither has a header of its own.
const SCRIPT: &str = "new WebSocket(`wss://${location.host}/socket`, 'capture'); fetch('/fetch'); fetch('/fetch', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });\n";

const IMAGE: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\" height=\"1\"></svg>\n";

pub(super) fn answer<B>(request: &Request<B>) -> Response<Full<Bytes>> {
    if request.method() == Method::CONNECT {
        return tunnel(request);
    }
    let (content_type, body) = match request.uri().path() {
        "/style.css" => ("text/css", "p { font-family: sans-serif }\n"),
        "/script.js" => ("text/javascript", SCRIPT),
        "/image.svg" | "/favicon.ico" => ("image/svg+xml", IMAGE),
        "/fetch" => ("application/json", "{}\n"),
        "/frame.html" => (
            "text/html; charset=utf-8",
            "<!doctype html><title>frame</title>\n",
        ),
        _ => ("text/html; charset=utf-8", PAGE),
    };
    // hyper would send it in answer to a HEAD over HTTP/2.
    let body = if request.method() == Method::HEAD {
        ""
    } else {
        body
    };
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A WebSocket over HTTP/2 (RFC 8441) is opened, and closed at once for want of somebody who takes it. Were it refused, Firefox would take
/// the connection for unfit, and send the rest on another.
fn tunnel<B>(request: &Request<B>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    if let Some(offered) = request.headers().get(SEC_WEBSOCKET_PROTOCOL) {
        let offered = offered.clone();
        response
            .headers_mut()
            .insert(SEC_WEBSOCKET_PROTOCOL, offered);
    }
    response
}
