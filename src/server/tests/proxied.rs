//! Connections that a proxy forwards, and says so before anything else.

use std::time::Duration;

use ipnet::IpNet;
use proxy_header::{ProxiedAddress, Tlv};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::support::{Authority, Client, Gate, LOOPBACK, NAME, PATIENCE, site, tcp, until};
use crate::error::ErrorKind;
use crate::registry::{CloseReason, State};
use crate::server::{Listener, ListenerBuilder, ProxyHeader, ProxyProtocol, Server};

/// Short enough to be waited for.
const SHORT: Duration = Duration::from_millis(50);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: server.test\r\n\r\n";

const LINE: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";

fn proxied(mode: ProxyProtocol, trusted: &str) -> ListenerBuilder {
    let trusted: IpNet = trusted.parse().unwrap();
    Listener::builder()
        .proxy_protocol(mode)
        .trusted_proxies([trusted])
}

async fn serve(builder: ListenerBuilder) -> Server {
    let server = builder.bind(LOOPBACK).await.unwrap();
    server.serve(site(&Gate::closed()))
}

/// What comes back for `sent`, to the end.
async fn answer(server: &Server, sent: &[u8]) -> String {
    let mut stream = tcp(server.local_addr()).await;
    stream.write_all(sent).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // A reset is an end, too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("no end");
    String::from_utf8_lossy(&answer).into_owned()
}

fn version2() -> Vec<u8> {
    let [source, destination] =
        ["[2001:db8::7]:4711", "[2001:db8::1]:443"].map(|address| address.parse().unwrap());
    let address = ProxiedAddress::stream(source, destination);
    let tlvs = [Tlv::Authority("shop.test".into())];
    let mut bytes = Vec::new();
    let header = proxy_header::ProxyHeader::with_tlvs(Some(address), tlvs);
    header.encode_v2(&mut bytes).unwrap();
    bytes
}

#[tokio::test]
async fn the_client_behind_the_proxy_is_known() {
    let server = serve(proxied(ProxyProtocol::Required, "127.0.0.0/8")).await;
    for (header, client, authority) in [
        (LINE.to_vec(), "192.0.2.7:4711", None),
        (version2(), "[2001:db8::7]:4711", Some("shop.test")),
    ] {
        let mut stream = tcp(server.local_addr()).await;
        // In one piece, as a proxy may: nothing behind the header is lost.
        stream
            .write_all(&[&header[..], REQUEST].concat())
            .await
            .unwrap();
        let mut status = [0; 15];
        stream.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 200 OK");

        let entry = server.registry().entries().pop().unwrap();
        assert_eq!(entry.client_addr(), Some(client.parse().unwrap()));
        assert_eq!(entry.remote_addr(), Some(stream.local_addr().unwrap()));
        let said = ProxyHeader::of(&entry).unwrap();
        assert_eq!(said.source(), Some(client.parse().unwrap()));
        assert_eq!(said.authority(), authority);
        drop(stream);
        until("gone", || server.registry().count() == 0).await;
    }
}

#[tokio::test]
async fn tls_begins_behind_the_header() {
    let authority = Authority::new();
    let builder = proxied(ProxyProtocol::FromTrusted, "127.0.0.1/32");
    let server = serve(builder.tls(authority.server_tls())).await;
    let connector = authority.client(&["h2"], None);
    for header in [LINE.to_vec(), version2()] {
        let mut stream = tcp(server.local_addr()).await;
        stream.write_all(&header).await.unwrap();
        let name = NAME.try_into().unwrap();
        let stream = connector.connect(name, stream).await.unwrap();
        let mut client = Client::http2(stream).await;
        assert_eq!(client.ask("/echo", "behind").await.unwrap().1, "behind");
        let entry = server.registry().by_host(NAME).pop().unwrap();
        let client_addr = ProxyHeader::of(&entry).unwrap().source();
        assert_eq!(entry.client_addr(), client_addr);
        drop(client);
        until("gone", || server.registry().count() == 0).await;
    }
}

#[tokio::test]
async fn who_speaks_for_itself_is_its_own_client() {
    let server = serve(proxied(ProxyProtocol::Required, "127.0.0.1/32")).await;
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    for header in [&b"PROXY UNKNOWN\r\n"[..], local] {
        let mut stream = tcp(server.local_addr()).await;
        stream.write_all(&[header, REQUEST].concat()).await.unwrap();
        stream.read_exact(&mut [0; 15]).await.unwrap();
        let entry = server.registry().entries().pop().unwrap();
        assert_eq!(entry.client_addr(), Some(stream.local_addr().unwrap()));
        drop(stream);
        until("gone", || server.registry().count() == 0).await;
    }
}

/// R13: who is not trusted says nothing about addresses.
#[tokio::test]
async fn a_strangers_header_is_refused_and_never_believed() {
    for mode in [ProxyProtocol::Off, ProxyProtocol::FromTrusted] {
        let server = serve(proxied(mode, "192.0.2.0/24")).await;
        for header in [LINE.to_vec(), version2()] {
            let entry = refused_entry(&server, &[&header[..], REQUEST].concat()).await;
            assert_eq!(entry, Some(CloseReason::ProtocolError), "{mode:?}");
        }
        // Without one it is a client.
        assert!(answer(&server, REQUEST).await.starts_with("HTTP/1.1 200"));
        assert_eq!(server.registry().stats().requests, 1);
    }
    let server = serve(proxied(ProxyProtocol::Required, "192.0.2.0/24")).await;
    for sent in [LINE, REQUEST] {
        assert_eq!(answer(&server, sent).await, "");
    }
    let stats = server.registry().stats();
    assert_eq!(stats.closed_for(CloseReason::ProxyHeader), 2);
    assert_eq!((stats.errors, stats.requests), (2, 0));
}

/// Why the connection ended, whose client was nobody but the peer all along.
async fn refused_entry(server: &Server, sent: &[u8]) -> Option<CloseReason> {
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    until("accepted", || server.registry().count() == 1).await;
    let entry = server.registry().entries().pop().unwrap();
    stream.write_all(sent).await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("no end");
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
    until("gone", || entry.state() == State::Closed).await;
    assert_eq!(entry.client_addr(), entry.remote_addr());
    assert_eq!(ProxyHeader::of(&entry), None);
    entry.close_reason()
}

#[tokio::test]
async fn a_trusted_proxy_without_a_header_is_cut() {
    for mode in [ProxyProtocol::Required, ProxyProtocol::FromTrusted] {
        let server = serve(proxied(mode, "127.0.0.1/32").proxy_header_timeout(SHORT)).await;
        let oversized = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"[..], &[0; 12]].concat();
        let endless = [&b"PROXY UNKNOWN "[..], &[b'f'; 200]].concat();
        let cut: [&[u8]; 6] = [
            REQUEST,
            &oversized,
            &endless,
            &LINE[..20],
            b"P",
            b"PROXY TCP4\r\n",
        ];
        for (count, sent) in (1..).zip(cut) {
            // Not shut down: what is not refused at once is refused at the deadline.
            let mut stream = tcp(server.local_addr()).await;
            stream.write_all(sent).await.unwrap();
            let mut answer = Vec::new();
            let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
                .await
                .expect("no end");
            assert!(answer.is_empty());
            let closed = || {
                server
                    .registry()
                    .stats()
                    .closed_for(CloseReason::ProxyHeader)
            };
            until("counted", || closed() == count).await;
        }
        assert_eq!(server.registry().stats().requests, 0);
    }
}

#[tokio::test]
async fn headers_without_trust_are_no_configuration() {
    let builder = Listener::builder().proxy_protocol(ProxyProtocol::Required);
    let error = builder.bind(LOOPBACK).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
    assert!(error.to_string().contains("trusted_proxies"), "{error}");
}

#[tokio::test]
async fn a_server_does_not_wait_for_headers_when_it_stops() {
    let server = serve(proxied(ProxyProtocol::Required, "127.0.0.1/32")).await;
    let _stream = tcp(server.local_addr()).await;
    until("accepted", || server.registry().count() == 1).await;
    let report = server.shutdown(PATIENCE).await;
    assert_eq!(report.cut, 0);
    let stats = server.registry().stats();
    assert_eq!(stats.closed_for(CloseReason::Shutdown), 1);
}
