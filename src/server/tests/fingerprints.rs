//! What is known of clients by what they send first, and who is turned away for it.

use std::sync::Arc;

use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{Authority, Client, Gate, LOOPBACK, NAME, PATIENCE, site, tcp, tls, until};
use crate::config::Protocols;
use crate::error::ErrorKind;
use crate::profile::{ClientHello, Profile, SampleOptions};
use crate::registry::{CloseReason, Entry, Protocol};
use crate::server::{ClientFingerprint, Fingerprints, Listener, ListenerBuilder, Server, Verdict};

type Told = Arc<Mutex<Vec<Option<ClientFingerprint>>>>;

/// A server, and what its handler was told.
async fn serve(builder: ListenerBuilder) -> (Server, Told) {
    let told = Told::default();
    let server = builder.bind(LOOPBACK).await.unwrap();
    let handlers = Arc::clone(&told);
    let server = server.serve(move |request: Request<Incoming>, _: Arc<Entry>| {
        handlers.lock().push(request.extensions().get().cloned());
        async { Response::new(Empty::<bytes::Bytes>::new()) }
    });
    (server, told)
}

#[tokio::test]
async fn over_tls_hello_and_opening_are_known() {
    let authority = Authority::new();
    let builder = Listener::builder().tls(authority.server_tls());
    let (server, told) = serve(builder.fingerprints(Fingerprints::Hello)).await;
    let connector = authority.client(&["h2"], None);
    let mut client = Client::http2(tls(server.local_addr(), &connector).await.unwrap()).await;
    let entry = server.registry().by_host(NAME).pop().unwrap();
    let known = ClientFingerprint::of(&entry).unwrap();
    assert_eq!(known.akamai(), None);
    for _ in 0..2 {
        client.ask("/", "").await.unwrap();
    }
    let hello = known.hello().unwrap();
    assert_eq!(hello.server_name(), Some(NAME));
    assert_eq!(known.ja4(), Some(&*hello.ja4()));
    assert_eq!(known.ja3_hash(), Some(&*hello.ja3_hash()));
    // What hyper's client sends: no push, its windows, frames of 16 KiB, header lists of the same.
    let akamai = known.akamai().unwrap();
    assert!(
        akamai.starts_with("2:0;4:2097152;5:16384;6:16384|5177345|0|m"),
        "{akamai}"
    );
    let logged = known.to_string();
    assert!(
        logged.starts_with("ja4=t13d") && logged.contains(" akamai=2:0;"),
        "{logged}"
    );
    let told = told.lock();
    assert_eq!(told.len(), 2);
    assert!(told.iter().flatten().all(|told| told.to_string() == logged));
}

#[tokio::test]
async fn without_tls_there_is_what_there_is() {
    let http2 = Listener::builder().protocols(Protocols::Http2);
    let (server, told) = serve(http2).await;
    Client::http2(tcp(server.local_addr()).await)
        .await
        .ask("/", "")
        .await
        .unwrap();
    let known = told.lock().pop().unwrap().unwrap();
    assert_eq!((known.ja4(), known.ja3_hash()), (None, None));
    assert!(known.akamai().is_some() && known.hello().is_none());

    let (server, told) = serve(Listener::builder()).await;
    Client::http1(tcp(server.local_addr()).await)
        .await
        .ask("/", "")
        .await
        .unwrap();
    assert!(told.lock().pop().unwrap().is_none());
}

#[tokio::test]
async fn no_more_is_kept_than_asked_for() {
    let authority = Authority::new();
    for (wanted, is_known) in [(Fingerprints::Off, false), (Fingerprints::Hashes, true)] {
        let builder = Listener::builder().tls(authority.server_tls());
        let (server, told) = serve(builder.fingerprints(wanted)).await;
        let stream = tls(server.local_addr(), &authority.client(&["h2"], None)).await;
        Client::http2(stream.unwrap())
            .await
            .ask("/", "")
            .await
            .unwrap();
        let known = told.lock().pop().unwrap();
        assert_eq!(known.is_some(), is_known);
        assert!(known.is_none_or(|known| known.hello().is_none()));
    }
}

#[tokio::test]
async fn an_opening_with_too_many_headers_is_not_kept() {
    let (server, told) = serve(Listener::builder().protocols(Protocols::Http2)).await;
    let mut client = Client::http2(tcp(server.local_addr()).await).await;
    let path = format!("/{}", "~".repeat(20_000));
    client.ask(&path, "").await.unwrap();
    client.ask("/", "").await.unwrap();
    let told = told.lock();
    assert!(told.iter().flatten().all(|told| told.akamai().is_none()));
    assert_eq!(told.len(), 2);
}

#[tokio::test]
async fn the_hook_turns_clients_away_before_the_handshake() {
    let authority = Authority::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let shown = Arc::clone(&seen);
    let builder = Listener::builder().tls(authority.server_tls());
    let builder = builder
        .fingerprints(Fingerprints::Off)
        .accept_hook(move |info| {
            let client = info.connection().client_addr().unwrap();
            let ja4 = info.fingerprint().ja4().unwrap().to_owned();
            shown.lock().push((client, ja4));
            match info.hello().alpn_protocols().next() {
                Some(b"h2") => Verdict::Accept,
                _ => Verdict::Refuse,
            }
        });
    let (server, _) = serve(builder).await;
    let address = server.local_addr();

    let welcome = tls(address, &authority.client(&["h2"], None))
        .await
        .unwrap();
    Client::http2(welcome).await.ask("/", "").await.unwrap();
    let error = tls(address, &authority.client(&["http/1.1"], None))
        .await
        .unwrap_err();
    let alert = error.get_ref().unwrap().downcast_ref::<rustls::Error>();
    let denied = rustls::Error::AlertReceived(rustls::AlertDescription::AccessDenied);
    assert_eq!(alert, Some(&denied));

    let registry = server.registry();
    until("counted", || {
        registry.stats().closed_for(CloseReason::Refused) == 1
    })
    .await;
    let seen = seen.lock();
    assert!(seen[0].1.contains("h2_"), "{seen:?}");
    assert!(
        seen[1].1.contains("h1_") && seen[0].0 != seen[1].0,
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_refused_client_costs_an_alert_and_no_handshake() {
    let authority = Authority::new();
    let builder = Listener::builder().tls(authority.server_tls());
    let server = builder
        .accept_hook(|_| Verdict::Refuse)
        .bind(LOOPBACK)
        .await
        .unwrap();
    let server = server.serve(site(&Gate::closed()));
    let chrome = Profile::named("chromium").unwrap();
    let hello = chrome
        .sample(&SampleOptions::default(), &mut rand::rng())
        .unwrap()
        .first;
    let mut stream = tcp(server.local_addr()).await;
    until("accepted", || server.registry().count() == 1).await;
    let entry = server.registry().entries().pop().unwrap();
    stream.write_all(&hello).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
    assert_eq!(answer, [21, 3, 3, 0, 2, 2, 49]);
    until("gone", || server.registry().count() == 0).await;
    assert_eq!(entry.close_reason(), Some(CloseReason::Refused));
    assert_eq!(entry.protocol(), Protocol::Tls);
    // Logs still say who it was.
    let ja4 = ClientHello::from_records(&hello).unwrap().ja4();
    assert_eq!(ClientFingerprint::of(&entry).unwrap().ja4(), Some(&*ja4));
}

#[tokio::test]
async fn a_hook_needs_hellos() {
    let builder = Listener::builder().accept_hook(|_| Verdict::Accept);
    let error = builder.bind(LOOPBACK).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
}
