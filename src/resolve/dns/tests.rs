//! Against a name server on loopback that answers from a script.

mod https;
mod search;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

use super::*;
use crate::error::ErrorKind;
use crate::resolve::Resolver;

const A: u16 = 1;
const AAAA: u16 = 28;
const HTTPS: u16 = 65;
const V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

#[tokio::test]
async fn both_families_with_the_shorter_time_to_live() {
    let server = NameServer::start(|name, kind| match (name, kind) {
        ("example.com", A) => Reply::Record(V4.octets().into(), 300),
        ("example.com", AAAA) => Reply::Record(V6.octets().into(), 60),
        _ => Reply::Failure(SERVFAIL),
    })
    .await;
    let answer = server.resolver().resolve("example.com").await.unwrap();
    let mut addresses = answer.addresses().to_vec();
    addresses.sort();
    assert_eq!(addresses, [V4.into(), IpAddr::from(V6)]);
    assert_eq!(answer.valid_for(), Duration::from_secs(60));
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn hickory_does_not_cache() {
    let server = NameServer::start(|_, kind| match kind {
        A => Reply::Record(V4.octets().into(), 300),
        _ => Reply::None(0, 300),
    })
    .await;
    let resolver = server.resolver();
    for rounds in 1..=3 {
        let answer = resolver.resolve("example.com").await.unwrap();
        assert_eq!(answer, Answer::new([V4.into()], Duration::from_secs(300)));
        assert_eq!(server.asked().len(), 2 * rounds);
    }
}

#[tokio::test]
async fn a_missing_name_is_an_empty_answer_for_the_zones_negative_time() {
    let server = NameServer::start(|_, _| Reply::None(NXDOMAIN, 120)).await;
    let answer = server.resolver().resolve("missing.example").await.unwrap();
    assert_eq!(answer, Answer::none(Duration::from_secs(120)));

    let resolver = through(&server);
    for _ in 0..2 {
        let error = resolver.resolve("missing.example", 443).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostNotFound);
        assert_eq!(error.host(), Some("missing.example"));
    }
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_failing_server_is_a_failure_and_no_denial() {
    let server = NameServer::start(|_, kind| match kind {
        A => Reply::None(0, 300),
        _ => Reply::Failure(SERVFAIL),
    })
    .await;
    let error = through(&server)
        .resolve("example.com", 443)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResolveFailed);
    assert!(error.is_retryable());
    assert!(error.to_string().contains("Server Failure"), "{error}");

    let server = NameServer::start(|_, _| Reply::Failure(REFUSED)).await;
    let error = server.resolver().resolve("example.com").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResolveFailed);
}

#[tokio::test]
async fn silence_about_one_family_does_not_hold_up_the_other() {
    let server = NameServer::start(|_, kind| match kind {
        A => Reply::Record(V4.octets().into(), 300),
        _ => Reply::Silence,
    })
    .await;
    let started = Instant::now();
    let answer = server.resolver().resolve("example.com").await.unwrap();
    assert_eq!(answer.addresses(), [IpAddr::from(V4)]);
    assert!(answer.valid_for() < Duration::from_secs(300));
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn what_does_not_fit_is_asked_for_over_tcp() {
    // The port that UDP was given may be somebody else's in TCP.
    let (server, listener) = loop {
        let server = NameServer::start(|_, kind| match kind {
            A => Reply::Truncated,
            _ => Reply::None(0, 300),
        })
        .await;
        if let Ok(listener) = TcpListener::bind(server.address).await {
            break (server, listener);
        }
    };
    let over_tcp = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut query = vec![0; stream.read_u16().await.unwrap().into()];
        stream.read_exact(&mut query).await.unwrap();
        let (question, ..) = parse(&query);
        let record = Reply::Record(V4.octets().into(), 300);
        let reply = encode(&query[..2], question, record).unwrap();
        let length = u16::try_from(reply.len()).unwrap();
        stream.write_u16(length).await.unwrap();
        stream.write_all(&reply).await.unwrap();
        stream
    };
    let resolver = server.resolver();
    let both = futures_util::future::join(resolver.resolve("example.com"), over_tcp);
    let deadline = Duration::from_secs(20);
    let (answer, _stream) = tokio::time::timeout(deadline, both).await.unwrap();
    assert_eq!(answer.unwrap().addresses(), [IpAddr::from(V4)]);
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_timeout() {
    let server = NameServer::start(|_, _| Reply::Silence).await;
    let started = Instant::now();
    let error = server.resolver().resolve("example.com").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResolveTimeout);
    assert!(started.elapsed() < Duration::from_secs(11));
    assert!(server.asked().len() > 2, "queries are repeated");
}

#[tokio::test]
async fn nobody_listening_is_a_failure() {
    let error = DnsResolver::with_name_servers([])
        .resolve("example.com")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResolveFailed);
}

#[tokio::test]
async fn localhost_is_not_asked_for() {
    let server = NameServer::start(|_, _| Reply::Failure(SERVFAIL)).await;
    let answer = server.resolver().resolve("a.localhost").await.unwrap();
    assert!(answer.addresses().iter().all(IpAddr::is_loopback));
    assert!(server.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_systems_settings_are_read_again_after_a_while() {
    let resolver = DnsResolver::system();
    let first = resolver.current();
    tokio::time::advance(SETTINGS_VALIDITY / 2).await;
    assert!(Arc::ptr_eq(&first, &resolver.current()));
    tokio::time::advance(SETTINGS_VALIDITY / 2).await;
    assert!(!Arc::ptr_eq(&first, &resolver.current()));
}

#[test]
fn setting_up_needs_no_runtime() {
    let _ = DnsResolver::system();
    let _ = DnsResolver::with_name_servers([SocketAddr::from(([127, 0, 0, 1], 53))]);
    let _ = Resolver::default();
}

fn through(server: &NameServer) -> Resolver {
    Resolver::builder()
        .upstream(Arc::new(server.resolver()))
        .build()
}

enum Reply {
    Failure(u8),
    /// HTTPS records and their time to live.
    Https(Vec<Vec<u8>>, u32),
    /// A response code without answers, and a SOA with this minimum.
    None(u8, u32),
    /// An address and its time to live.
    Record(Vec<u8>, u32),
    Silence,
    Truncated,
}

const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;
const REFUSED: u8 = 5;

struct NameServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, u16)>>>,
    _task: JoinSet<()>,
}

impl NameServer {
    async fn start(script: fn(&str, u16) -> Reply) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut buffer = [0; 1500];
            loop {
                let (length, peer) = socket.recv_from(&mut buffer).await.unwrap();
                let (question, name, kind) = parse(&buffer[..length]);
                let reply = encode(&buffer[..2], question, script(&name, kind));
                log.lock().push((name, kind));
                if let Some(reply) = reply {
                    socket.send_to(&reply, peer).await.unwrap();
                }
            }
        });
        Self {
            address,
            asked,
            _task: task,
        }
    }

    fn resolver(&self) -> DnsResolver {
        DnsResolver::with_name_servers([self.address])
    }

    fn asked(&self) -> Vec<(String, u16)> {
        self.asked.lock().clone()
    }
}

/// The question's bytes, its name and its type (RFC 1035 §4.1.2).
fn parse(message: &[u8]) -> (&[u8], String, u16) {
    let mut labels = Vec::new();
    let mut at = 12;
    while message[at] != 0 {
        let end = at + 1 + usize::from(message[at]);
        labels.push(String::from_utf8(message[at + 1..end].to_vec()).unwrap());
        at = end;
    }
    let kind = u16::from_be_bytes([message[at + 1], message[at + 2]]);
    (&message[12..at + 5], labels.join("."), kind)
}

fn encode(id: &[u8], question: &[u8], reply: Reply) -> Option<Vec<u8>> {
    let truncated = if matches!(reply, Reply::Truncated) {
        2
    } else {
        0
    };
    let (code, answers, authorities, record) = match reply {
        Reply::Silence => return None,
        Reply::Truncated => (0, 0, 0, Vec::new()),
        Reply::Failure(code) => (code, 0, 0, Vec::new()),
        Reply::Https(records, time_to_live) => {
            let count = u8::try_from(records.len()).unwrap();
            let encode = |data: &Vec<u8>| encode_record(&[0xc0, 12], HTTPS, time_to_live, data);
            (0, count, 0, records.iter().flat_map(encode).collect())
        }
        Reply::Record(address, time_to_live) => {
            let kind = if address.len() == 4 { A } else { AAAA };
            let record = encode_record(&[0xc0, 12], kind, time_to_live, &address);
            (0, 1, 0, record)
        }
        Reply::None(code, minimum) => {
            let mut data = vec![0; 2 + 4 * 4];
            data.extend(minimum.to_be_bytes());
            (code, 0, 1, encode_record(&[0], 6, 86_400, &data))
        }
    };
    let header = [
        0x81 | truncated,
        0x80 | code,
        0,
        1,
        0,
        answers,
        0,
        authorities,
        0,
        0,
    ];
    Some([id, &header, question, &record].concat())
}

fn encode_record(owner: &[u8], kind: u16, time_to_live: u32, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let class = 1_u16;
    [
        owner,
        &kind.to_be_bytes(),
        &class.to_be_bytes(),
        &time_to_live.to_be_bytes(),
        &length.to_be_bytes(),
        data,
    ]
    .concat()
}
