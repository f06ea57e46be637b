//! HTTPS records on the wire, written here byte by byte (RFC 9460 §2.2, §7, appendix D).

use super::*;
use crate::resolve::{Service, Services};

/// The parameters' keys.
const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;
const PORT: u16 = 3;
const IPV4_HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6_HINT: u16 = 6;

fn name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}

fn record(priority: u16, target: &str, parameters: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = priority.to_be_bytes().to_vec();
    bytes.extend(name(target));
    for (key, value) in parameters {
        bytes.extend(key.to_be_bytes());
        bytes.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        bytes.extend(*value);
    }
    bytes
}

async fn ask(script: fn(&str, u16) -> Reply, port: u16) -> (Services, Vec<(String, u16)>) {
    let server = NameServer::start(script).await;
    let services = server.resolver().services("example.com", port).await;
    (services.unwrap(), server.asked())
}

#[tokio::test]
async fn every_parameter_is_read() {
    let script = |_: &str, _: u16| {
        let v6 = V6.octets();
        let own = record(
            1,
            ".",
            &[
                (ALPN, b"\x02h3\x02h2"),
                (IPV4_HINT, &[192, 0, 2, 1, 192, 0, 2, 2]),
                (ECH, &[0, 4, 0xfe, 0x0d, 0, 0]),
                (IPV6_HINT, &v6),
                (0xff00, b"whatever"),
            ],
        );
        let other = record(
            16,
            "Pool.Example.NET",
            &[
                (ALPN, b"\x02h2"),
                (NO_DEFAULT_ALPN, b""),
                (PORT, &8443_u16.to_be_bytes()),
            ],
        );
        Reply::Https(vec![other, own], 300)
    };
    let (services, asked) = ask(script, 443).await;
    assert_eq!(asked, [("example.com".to_owned(), HTTPS)]);
    assert_eq!(services.valid_for(), Duration::from_secs(300));
    assert_eq!(services.alias(), None);
    let text = |names: &[&str]| {
        names
            .iter()
            .map(|name| Box::from(*name))
            .collect::<Vec<_>>()
    };
    let expected = [
        Service {
            priority: 1,
            target: None,
            port: None,
            protocols: text(&["h3", "h2", "http/1.1"]),
            address_hints: vec![V4.into(), Ipv4Addr::new(192, 0, 2, 2).into(), V6.into()],
            has_ech: true,
        },
        Service {
            priority: 16,
            target: Some("pool.example.net".into()),
            port: Some(8443),
            protocols: text(&["h2"]),
            address_hints: Vec::new(),
            has_ech: false,
        },
    ];
    assert_eq!(services.services(), expected);
}

#[tokio::test]
async fn another_port_is_asked_for_by_its_name() {
    let (services, asked) = ask(|_, _| Reply::None(NXDOMAIN, 60), 8443).await;
    assert_eq!(asked, [("_8443._https.example.com".to_owned(), HTTPS)]);
    assert_eq!(services, Services::none(Duration::from_secs(60)));
}

#[tokio::test]
async fn aliases_are_followed_without_the_port() {
    let script = |name: &str, _: u16| match name {
        "_8443._https.example.com" => {
            // What stands beside an alias does not count.
            let beside = record(1, ".", &[(ALPN, b"\x02h3")]);
            Reply::Https(vec![beside, record(0, "a.example.net", &[])], 300)
        }
        "a.example.net" => Reply::Https(vec![record(0, "b.example.net", &[])], 30),
        "b.example.net" => Reply::Https(vec![record(1, ".", &[(ALPN, b"\x02h2")])], 600),
        _ => Reply::Failure(SERVFAIL),
    };
    let (services, asked) = ask(script, 8443).await;
    assert_eq!(asked.len(), 3);
    assert_eq!(services.alias(), Some("b.example.net"));
    assert_eq!(services.valid_for(), Duration::from_secs(30));
    assert_eq!(*services.services()[0].protocols[0], *"h2");
}

#[tokio::test]
async fn a_circle_of_aliases_ends() {
    let script = |name: &str, _: u16| match name {
        "example.com" => Reply::Https(vec![record(0, "a.example.net", &[])], 300),
        _ => Reply::Https(vec![record(0, "example.com", &[])], 300),
    };
    let (services, asked) = ask(script, 443).await;
    assert_eq!(services, Services::none(Duration::from_secs(300)));
    assert!(asked.len() < 12, "{}", asked.len());
}

#[tokio::test]
async fn records_that_ask_for_what_is_not_understood_are_passed_over() {
    let script = |_: &str, _: u16| {
        let strange = record(
            1,
            ".",
            &[(MANDATORY, &0xff00_u16.to_be_bytes()), (0xff00, b"")],
        );
        let ech = record(
            2,
            ".",
            &[
                (MANDATORY, &ECH.to_be_bytes()),
                (ECH, &[0, 4, 0xfe, 0x0d, 0, 0]),
            ],
        );
        let plain = record(
            3,
            ".",
            &[(MANDATORY, &ALPN.to_be_bytes()), (ALPN, b"\x02h2")],
        );
        Reply::Https(vec![strange, ech, plain], 300)
    };
    let (services, _) = ask(script, 443).await;
    let priorities: Vec<_> = services.services().iter().map(|one| one.priority).collect();
    assert_eq!(priorities, [3]);
}

#[tokio::test]
async fn a_malformed_set_is_no_answer_and_no_harm() {
    let server = NameServer::start(|_, kind| match kind {
        A => Reply::Record(V4.octets().into(), 300),
        // The value ends within its parameter.
        HTTPS => Reply::Https(vec![vec![0, 1, 0, 0, 1, 0, 9, 2]], 300),
        _ => Reply::None(0, 300),
    })
    .await;
    let direct = server.resolver().services("example.com", 443).await;
    assert!(!direct.is_ok_and(|services| !services.services().is_empty()));
    let resolved = through(&server).look_up_https("example.com", 443).await;
    let resolved = resolved.unwrap();
    assert_eq!(resolved.addresses(), [SocketAddr::new(V4.into(), 443)]);
    assert_eq!(resolved.speaks("h2"), None);
}

#[tokio::test]
async fn they_are_asked_for_beside_the_addresses_and_remembered() {
    let server = NameServer::start(|_, kind| match kind {
        A => Reply::Record(V4.octets().into(), 300),
        HTTPS => Reply::Https(vec![record(1, ".", &[(ALPN, b"\x02h2")])], 300),
        _ => Reply::None(0, 300),
    })
    .await;
    let resolver = through(&server);
    for _ in 0..2 {
        let resolved = resolver.look_up_https("example.com", 443).await.unwrap();
        assert_eq!(resolved.addresses(), [SocketAddr::new(V4.into(), 443)]);
        assert_eq!(resolved.speaks("h2"), Some(true));
        assert_eq!(resolved.speaks("h3"), Some(false));
    }
    assert_eq!(server.asked().len(), 3);
    let without = Resolver::builder()
        .upstream(Arc::new(server.resolver()))
        .https_records(false)
        .build();
    let resolved = without.look_up_https("example.com", 443).await.unwrap();
    assert!(resolved.services().is_none());
    assert_eq!(server.asked().len(), 5);
}

#[tokio::test]
async fn an_alias_has_the_addresses_that_its_name_lacks() {
    let server = NameServer::start(|name, kind| match (name, kind) {
        ("example.com", HTTPS) => Reply::Https(vec![record(0, "cdn.example.net", &[])], 300),
        ("cdn.example.net", A) => Reply::Record(V4.octets().into(), 300),
        _ => Reply::None(0, 300),
    })
    .await;
    let resolved = through(&server).look_up_https("example.com", 443).await;
    let addresses = resolved.unwrap().into_addresses();
    assert_eq!(addresses, [SocketAddr::new(V4.into(), 443)]);
}

#[tokio::test]
async fn localhost_has_none() {
    let server = NameServer::start(|_, _| Reply::Failure(SERVFAIL)).await;
    let services = server.resolver().services("localhost", 443).await.unwrap();
    assert!(services.services().is_empty());
    assert!(server.asked().is_empty());
}

/// Records that name no protocol that is spoken here are for others (RFC 9460 §7.1.2), their places and hints too.
#[tokio::test]
async fn services_for_other_clients_are_not_gone_to() {
    let server = NameServer::start(|name, kind| match (name, kind) {
        ("example.com", HTTPS) => {
            let quic: [(u16, &[u8]); 3] = [
                (ALPN, b"\x02h3"),
                (NO_DEFAULT_ALPN, b""),
                (IPV4_HINT, &[192, 0, 2, 9]),
            ];
            let own = record(1, "quic.example.net", &quic);
            let other = record(2, "tcp.example.net", &[(ALPN, b"\x02h2")]);
            Reply::Https(vec![own, other], 300)
        }
        ("quic.example.net", A) => Reply::Record(vec![192, 0, 2, 9], 300),
        ("tcp.example.net", A) => Reply::Record(V4.octets().into(), 300),
        _ => Reply::None(0, 300),
    })
    .await;
    let resolved = through(&server).look_up_https("example.com", 443).await;
    let resolved = resolved.unwrap();
    assert_eq!(resolved.addresses(), [SocketAddr::new(V4.into(), 443)]);
}

/// A port that is the origin's own is none of another place.
#[tokio::test]
async fn the_origins_own_port_may_be_written() {
    let script = |_: &str, _: u16| {
        let port = 8443_u16.to_be_bytes();
        Reply::Https(
            vec![record(1, ".", &[(ALPN, b"\x02h2"), (PORT, &port)])],
            300,
        )
    };
    let (services, _) = ask(script, 8443).await;
    assert_eq!(services.services()[0].port, None);
    let (services, _) = ask(script, 443).await;
    assert_eq!(services.services()[0].port, Some(8443));
}

/// Nothing can be connected to there.
#[tokio::test]
async fn port_0_is_no_service() {
    let script = |_: &str, _: u16| {
        let port = 0_u16.to_be_bytes();
        Reply::Https(vec![record(1, ".", &[(PORT, &port)])], 300)
    };
    let (services, _) = ask(script, 443).await;
    assert!(services.services().is_empty());
}

/// The service's port counts, also where the service is at the alias itself.
#[tokio::test]
async fn an_alias_has_the_port_of_its_service() {
    let server = NameServer::start(|name, kind| match (name, kind) {
        ("example.com", HTTPS) => Reply::Https(vec![record(0, "cdn.example.net", &[])], 300),
        ("cdn.example.net", HTTPS) => {
            let port = 8443_u16.to_be_bytes();
            Reply::Https(
                vec![record(1, ".", &[(ALPN, b"\x02h2"), (PORT, &port)])],
                300,
            )
        }
        ("cdn.example.net", A) => Reply::Record(V4.octets().into(), 300),
        _ => Reply::None(0, 300),
    })
    .await;
    let resolved = through(&server).look_up_https("example.com", 443).await;
    let addresses = resolved.unwrap().into_addresses();
    assert_eq!(addresses, [SocketAddr::new(V4.into(), 8443)]);
}
