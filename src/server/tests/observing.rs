//! What an observer sees.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;

use super::support::{Authority, Client, Gate, LOOPBACK, site, tcp, tls, until};
use crate::profile::ClientHello;
use crate::registry::{ConnectionId, Entry};
use crate::server::{Layer, Listener, Observer};

#[derive(Debug, Default)]
struct Diary(Mutex<HashMap<ConnectionId, Seen>>);

#[derive(Clone, Debug, Default)]
struct Seen {
    wire: Vec<u8>,
    plain: Vec<u8>,
    ends: usize,
}

impl Observer for Diary {
    fn received(&self, connection: &Entry, layer: Layer, bytes: &[u8]) {
        let mut diary = self.0.lock();
        let seen = diary.entry(connection.id()).or_default();
        match layer {
            Layer::Wire => seen.wire.extend(bytes),
            Layer::Plain => seen.plain.extend(bytes),
        }
    }

    fn ended(&self, connection: &Entry) {
        self.0.lock().entry(connection.id()).or_default().ends += 1;
    }
}

impl Diary {
    async fn of_the_only_one(&self) -> Seen {
        let ended = || self.0.lock().values().any(|seen| seen.ends > 0);
        until("ended", ended).await;
        let seen: Vec<Seen> = self.0.lock().drain().map(|(_, seen)| seen).collect();
        assert_eq!((seen.len(), seen[0].ends), (1, 1), "{seen:?}");
        seen[0].clone()
    }
}

#[tokio::test]
async fn the_wire_and_what_is_inside_tls_are_seen() {
    let authority = Authority::new();
    let diary = Arc::new(Diary::default());
    let builder = Listener::builder()
        .tls(authority.server_tls())
        .observer(Arc::clone(&diary) as Arc<dyn Observer>);
    let server = builder.bind(LOOPBACK).await.unwrap();
    let server = server.serve(site(&Gate::closed()));
    let address = server.local_addr();

    let connector = authority.client(&["http/1.1"], None);
    let stream = tls(address, &connector).await.unwrap();
    let mut client = Client::http1(stream).await;
    client.ask("/echo", "content").await.unwrap();
    drop(client);
    let seen = diary.of_the_only_one().await;
    assert!(ClientHello::from_records(&seen.wire).is_ok());
    let plain = String::from_utf8_lossy(&seen.plain);
    assert!(
        plain.contains("/echo") && plain.ends_with("content"),
        "{plain}"
    );

    let mut garbage = tcp(address).await;
    garbage.write_all(b"no TLS at all").await.unwrap();
    let seen = diary.of_the_only_one().await;
    assert_eq!(
        (&*seen.wire, &*seen.plain),
        (&b"no TLS at all"[..], &b""[..])
    );

    drop(tcp(address).await);
    let seen = diary.of_the_only_one().await;
    assert!(seen.wire.is_empty());
}

#[tokio::test]
async fn without_tls_there_is_only_the_wire() {
    let diary = Arc::new(Diary::default());
    let builder = Listener::builder().observer(Arc::clone(&diary) as Arc<dyn Observer>);
    let server = builder.bind(LOOPBACK).await.unwrap();
    let server = server.serve(site(&Gate::closed()));
    let mut client = Client::http1(tcp(server.local_addr()).await).await;
    client.ask("/echo", "content").await.unwrap();
    drop(client);
    let seen = diary.of_the_only_one().await;
    assert!(seen.wire.ends_with(b"content") && seen.plain.is_empty());
}
