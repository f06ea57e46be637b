//! WebSockets over HTTP/2 (RFC 8441), as the browsers asked for them: a page, and three sockets that stay open.

use std::future::poll_fn;

use h2::ext::Protocol;
use http::header::{COOKIE, SEC_WEBSOCKET_PROTOCOL, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use serde_json::Value;
use tokio::io::duplex;

use super::client::Client;
use super::outward::{block, h2_encoder};
use super::server::{Frame, Server};
use crate::profile::requests::Occasion;
use crate::profile::{Http2Opening, Http2Request, Profile};
use crate::shape::h2::PRIORITY_MARK;
use crate::shape::h2::head::{ACK, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS};

const HEADER_TABLE_SIZE: u16 = 1;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const ENABLE_CONNECT_PROTOCOL: u16 = 8;

/// What of a request is the page's, and not in the profile; and what headless Chromium calls itself.
const OWN: [HeaderName; 3] = [COOKIE, SEC_WEBSOCKET_PROTOCOL, USER_AGENT];

fn captured(client: &str) -> Vec<u8> {
    let kept = include_str!("../../../../tests/captures/openings.jsonl").lines();
    let mut kept = kept.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let line = kept
        .find(|line| line["client"] == format!("{client}-websocket"))
        .unwrap();
    let digits = line["opening_hex"].as_str().unwrap();
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

/// What the pool would hand to h2 for a request of this kind, to the captured place and with the captured page's headers.
fn dressed(profile: &Profile, kind: &str, captured: &Http2Request) -> Request<()> {
    let text = |name: &str| std::str::from_utf8(captured.header(name).unwrap()).unwrap();
    let method: Method = text(":method").parse().unwrap();
    let (scheme, authority) = (text(":scheme"), text(":authority"));
    let mut own = HeaderMap::new();
    for name in OWN {
        let headers = captured.headers();
        for header in headers.filter(|header| *header.name == *name.as_str().as_bytes()) {
            own.append(&name, HeaderValue::from_bytes(header.value).unwrap());
        }
    }
    let occasion = Occasion {
        method: &method,
        scheme,
        authority,
        accept_language: None,
        defaults: true,
        without: &[],
    };
    let kind = profile.request_templates().unwrap().kind(Some(kind));
    let kind = kind.unwrap();
    let mut request = Request::new(());
    *request.headers_mut() = kind.http2.dress(&own, &occasion).headers;
    let priority = HeaderValue::from(kind.priority.unwrap());
    request.headers_mut().insert(PRIORITY_MARK, priority);
    *request.uri_mut() = [scheme, "://", authority, text(":path")]
        .concat()
        .parse()
        .unwrap();
    if method == Method::CONNECT {
        let protocol = Protocol::from(text(":protocol"));
        request.extensions_mut().insert(protocol);
    }
    *request.method_mut() = method;
    request
}

/// The captured connection once more, with the same answers: to the page, and none to the sockets.
async fn replay(profile: &Profile, requests: &[Http2Request], frames: usize) -> Vec<Frame> {
    let (near, far) = duplex(1 << 16);
    let template = profile.http2_template().unwrap();
    let mut client = Client::new((**template).clone(), near).await;
    let mut server = Server::accept(far).await;
    let page = dressed(profile, "navigation", &requests[0]);
    let _page = client.sender.send_request(page, true).unwrap();
    let mut sent: Vec<Frame> = Vec::new();
    while !sent.iter().any(|frame| frame.kind == HEADERS) {
        sent.push(server.read().await.unwrap());
    }
    server
        .settings(&[
            (HEADER_TABLE_SIZE, 4096),
            (MAX_CONCURRENT_STREAMS, 100),
            (ENABLE_CONNECT_PROTOCOL, 1),
        ])
        .await;
    let answer = block(&mut h2_encoder(), &[(":status", "200")]);
    let flags = END_HEADERS | END_STREAM;
    let stream = requests[0].stream();
    server
        .write(&Frame::new(HEADERS, flags, stream, &answer))
        .await;
    while !sent.iter().any(|frame| frame.is(SETTINGS, ACK)) {
        sent.push(server.read().await.unwrap());
    }
    assert!(client.sender.is_extended_connect_protocol_enabled());
    let mut sockets = Vec::new();
    for socket in &requests[1..] {
        poll_fn(|cx| client.sender.poll_ready(cx)).await.unwrap();
        let request = dressed(profile, "websocket", socket);
        sockets.push(client.sender.send_request(request, false).unwrap());
    }
    while sent.len() < frames {
        sent.push(server.read().await.unwrap());
    }
    sent
}

async fn assert_frame_for_frame(client: &str, pseudo_headers: [&str; 5]) {
    let bytes = captured(client);
    let frames = Frame::all(bytes.strip_prefix(PREFACE).unwrap());
    let opening = Http2Opening::parse(&bytes);
    let [_, sockets @ ..] = opening.requests() else {
        panic!("no request");
    };
    assert_eq!(sockets.len(), 3);
    for socket in sockets {
        let names = socket.headers().map(|header| header.name);
        let wanted = pseudo_headers.map(str::as_bytes);
        assert!(names.take(5).eq(wanted), "{socket:?}");
    }
    let profile = Profile::named(client).unwrap();
    let sent = replay(&profile, opening.requests(), frames.len()).await;
    assert_eq!(sent, frames);
}

#[tokio::test]
async fn chromium_frame_for_frame() {
    let order = [":method", ":authority", ":scheme", ":path", ":protocol"];
    assert_frame_for_frame("chromium-156", order).await;
}

#[tokio::test]
async fn firefox_frame_for_frame() {
    let order = [":method", ":path", ":authority", ":scheme", ":protocol"];
    assert_frame_for_frame("firefox-esr-153", order).await;
}
