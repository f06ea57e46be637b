//! Handshakes with rustls as server.

use std::sync::Arc;

use rustls::compress::CertCompressor;
use rustls::crypto::{SupportedKxGroup, aws_lc_rs, aws_lc_rs::kx_group};
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, ServerConfig};

use super::compressor::{Adding, Zstd};
use super::support::{Authority, Client, Cut, Identity, Probe, Written, echo, serve};
use super::templates::{chromium, firefox};
use crate::profile::template::{Content, HelloTemplate, SessionId};
use crate::profile::{catalogue, is_grease};
use crate::shape::tls::{Fault, Outcome, Resume};

const PROFILES: [fn() -> HelloTemplate; 2] = [chromium, firefox];

/// One connection over which data went both ways.
async fn connect(
    client: &Client,
    server: &Arc<ServerConfig>,
    cut: Cut,
    seed: u64,
) -> (HandshakeKind, Outcome, Written) {
    let (io, written) = Probe::new(serve(Arc::clone(server)), cut);
    let (mut stream, outcome) = client.connect(io, seed).await.unwrap();
    echo(&mut stream).await;
    let kind = stream.get_ref().get_ref().1.handshake_kind().unwrap();
    (kind, outcome, written)
}

fn world() -> (Authority, Identity) {
    let authority = Authority::new();
    let identity = authority.issue(|_| {});
    (authority, identity)
}

fn only(group: &'static dyn SupportedKxGroup, mut config: ServerConfig) -> ServerConfig {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![group];
    let rebuilt = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(&config.cert_resolver));
    let alpn = std::mem::take(&mut config.alpn_protocols);
    let mut rebuilt = rebuilt;
    rebuilt.alpn_protocols = alpn;
    rebuilt
}

#[tokio::test]
async fn both_versions_fresh_and_resumed() {
    let (authority, identity) = world();
    for version in [&TLS13, &TLS12] {
        let server = Arc::new(identity.server(&[version]));
        for profile in PROFILES {
            let client = Client::new(profile(), &authority);
            for seed in 0..4 {
                let (kind, outcome, written) =
                    connect(&client, &server, Cut::default(), seed).await;
                let expected = match seed {
                    0 => HandshakeKind::Full,
                    _ => HandshakeKind::Resumed,
                };
                assert_eq!(kind, expected, "{version:?} {seed}");
                assert_eq!(outcome.hello.unwrap(), written.hello());
                let is_tls13 = version.version == rustls::ProtocolVersion::TLSv1_3;
                assert_eq!(
                    written.hello().extension(41).is_some(),
                    is_tls13 && seed > 0
                );
            }
        }
    }
}

#[tokio::test]
async fn every_shipped_profile() {
    let (authority, identity) = world();
    let server = Arc::new(identity.server(&[&TLS13, &TLS12]));
    let mut shaped = 0;
    for profile in catalogue().unwrap() {
        let name = profile.name();
        let Some(template) = profile.hello_template() else {
            continue;
        };
        shaped += 1;
        let client = Client::new((**template).clone(), &authority);
        for seed in 0..3 {
            let (kind, _, written) = connect(&client, &server, Cut::default(), seed).await;
            let resumes = template
                .extensions
                .iter()
                .any(|extension| extension.content == Content::PreSharedKey);
            assert_eq!(
                kind == HandshakeKind::Resumed,
                resumes && seed > 0,
                "{name} {seed}"
            );
            assert_eq!(
                profile.differences(&written.hello(), None),
                [],
                "{name} {seed}"
            );
        }
    }
    assert!(shaped > 8);
}

#[tokio::test]
async fn the_hundredth_hello_is_like_the_first() {
    let (authority, identity) = world();
    let server = Arc::new(identity.server(&[&TLS13]));
    let client = Client::new(chromium(), &authority);
    let mut orders = std::collections::HashSet::new();
    for seed in 0..100 {
        let (kind, _, written) = connect(&client, &server, Cut::default(), seed).await;
        assert_eq!(kind == HandshakeKind::Resumed, seed > 0);
        let hello = written.hello();
        assert_eq!(hello.key_share_groups().len(), 3, "{seed}");
        assert!(is_grease(hello.key_share_groups()[0]));
        assert_eq!(hello.key_share_groups()[1..], [0x11ec, 29]);
        assert!(hello.ja4().starts_with(if seed == 0 {
            "t13d1517h2_"
        } else {
            "t13d1518h2_"
        }));
        let order: Vec<u16> = hello
            .extensions()
            .iter()
            .map(|extension| extension.id())
            .filter(|id| !is_grease(*id))
            .collect();
        orders.insert(order);
    }
    assert!(orders.len() > 95, "{} orders", orders.len());
}

#[tokio::test]
async fn every_share_of_firefox_may_be_chosen() {
    let (authority, identity) = world();
    for group in [
        kx_group::X25519MLKEM768,
        kx_group::X25519,
        kx_group::SECP256R1,
    ] {
        let server = Arc::new(only(group, identity.server(&[&TLS13])));
        let client = Client::new(firefox(), &authority);
        for seed in 0..2 {
            let (_, outcome, written) = connect(&client, &server, Cut::default(), seed).await;
            assert_eq!(outcome.group(), Some(group.name().into()));
            assert_eq!(written.hello().key_share_groups(), [0x11ec, 29, 23]);
        }
    }
}

#[tokio::test]
async fn a_retry_repeats_what_the_first_hello_said() {
    let (authority, identity) = world();
    let server = Arc::new(only(kx_group::SECP384R1, identity.server(&[&TLS13])));
    for profile in PROFILES {
        let client = Client::new(profile(), &authority);
        for seed in 0..3 {
            let (kind, outcome, written) = connect(&client, &server, Cut::default(), seed).await;
            match seed {
                0 => assert_eq!(kind, HandshakeKind::FullWithHelloRetryRequest),
                _ => assert_eq!(kind, HandshakeKind::Resumed),
            }
            assert_eq!(outcome.group(), Some(24));
            let (first, second) = (written.hello(), second_hello(&written.bytes()));
            assert_eq!(second.record_version(), Some(0x0303));
            assert_eq!(second.key_share_groups(), [24]);
            assert_eq!(first.random(), second.random());
            assert_eq!(first.cipher_suites(), second.cipher_suites());
            for extension in second.extensions() {
                if ![51, 41].contains(&extension.id()) {
                    assert_eq!(first.extension(extension.id()), Some(extension));
                }
            }
        }
    }
}

#[tokio::test]
async fn splits_of_all_kinds() {
    let (authority, identity) = world();
    for fragment in [None, Some(32)] {
        let mut config = identity.server(&[&TLS13, &TLS12]);
        config.max_fragment_size = fragment;
        let server = Arc::new(config);
        for cut in [
            Cut {
                read: Some(1),
                record: None,
            },
            Cut {
                read: None,
                record: Some(1),
            },
            Cut {
                read: Some(7),
                record: Some(3),
            },
        ] {
            for profile in PROFILES {
                let client = Client::new(profile(), &authority);
                for seed in 0..2 {
                    connect(&client, &server, cut, seed).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_long_chain() {
    let authority = Authority::new();
    let identity = authority.issue_long(40_000);
    for version in [&TLS13, &TLS12] {
        for fragment in [None, Some(512)] {
            let mut config = identity.server(&[version]);
            config.max_fragment_size = fragment;
            // Not compressed.
            config.cert_compressors = Vec::new();
            let server = Arc::new(config);
            for profile in PROFILES {
                let client = Client::new(profile(), &authority);
                let (kind, ..) = connect(&client, &server, Cut::default(), 0).await;
                assert_eq!(kind, HandshakeKind::Full);
            }
        }
    }
}

#[tokio::test]
async fn compressed_certificates() {
    let (authority, identity) = world();
    let zstd: &'static dyn CertCompressor = &Zstd;
    let all = rustls::compress::default_cert_compressors().iter().copied();
    for compressor in all.chain([zstd]) {
        let counting = Adding::new(compressor, &Arc::default());
        let mut config = identity.server(&[&TLS13]);
        config.cert_compressors = vec![counting];
        let server = Arc::new(config);
        let client = Client::new(firefox(), &authority);
        connect(&client, &server, Cut::default(), 0).await;
        assert_eq!(counting.uses(), 1);
    }
}

#[tokio::test]
async fn client_certificates() {
    let (authority, identity) = world();
    for version in [&TLS13, &TLS12] {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
            authority.roots(),
            Arc::clone(&provider),
        )
        .build()
        .unwrap();
        let server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(identity.chain.clone(), identity.key.clone_key())
            .unwrap();
        let server = Arc::new(server);
        for profile in PROFILES {
            let own = authority.issue(|_| {});
            let client = Client::with_identity(profile(), &authority, Some(own));
            for seed in 0..2 {
                connect(&client, &server, Cut::default(), seed).await;
            }
        }
    }
}

#[tokio::test]
async fn an_empty_session_id() {
    let (authority, identity) = world();
    for version in [&TLS13, &TLS12] {
        for retries in [false, true] {
            let mut server = identity.server(&[version]);
            if retries && version.version == rustls::ProtocolVersion::TLSv1_3 {
                server = only(kx_group::SECP384R1, server);
            }
            let server = Arc::new(server);
            for profile in PROFILES {
                let mut template = profile();
                template.session_id = SessionId::Empty;
                let client = Client::new(template, &authority);
                for seed in 0..2 {
                    let (kind, _, written) = connect(&client, &server, Cut::default(), seed).await;
                    assert!(written.hello().session_id().is_empty());
                    let resumes = version.version == rustls::ProtocolVersion::TLSv1_3;
                    assert_eq!(kind == HandshakeKind::Resumed, resumes && seed > 0);
                }
            }
        }
    }
}

/// The server accepts early data, of which there is none.
#[tokio::test]
async fn early_data_that_is_accepted() {
    let (authority, identity) = world();
    let mut config = identity.server(&[&TLS13]);
    config.max_early_data_size = 1 << 14;
    let server = Arc::new(config);
    let client = Client::new(firefox(), &authority);
    for seed in 0..3 {
        let (kind, _, written) = connect(&client, &server, Cut::default(), seed).await;
        assert_eq!(kind == HandshakeKind::Resumed, seed > 0);
        assert_eq!(written.hello().extension(42).is_some(), seed > 0);
        // Firefox leaves out what is for TLS 1.2 where it resumes TLS 1.3.
        assert_eq!(written.hello().extension(35).is_some(), seed == 0);
    }
}

/// A server that has gone back to TLS 1.2 meets a client with a session of TLS 1.3.
#[tokio::test]
async fn a_downgraded_server_is_visited_again_without_a_session() {
    let (authority, identity) = world();
    for profile in PROFILES {
        let mut config = identity.server(&[&TLS13]);
        config.max_early_data_size = 1 << 14;
        let client = Client::new(profile(), &authority);
        connect(&client, &Arc::new(config), Cut::default(), 0).await;
        let mut old = identity.server(&[&TLS12]);
        old.ticketer = aws_lc_rs::Ticketer::new().unwrap();
        let old = Arc::new(old);
        let failure = client
            .connect(serve(Arc::clone(&old)), 1)
            .await
            .err()
            .unwrap();
        assert!(failure.retry_without_session, "{failure:?}");
        assert_eq!(failure.fault, Some(Fault::Downgraded));
        let (mut stream, _) = client
            .connect_resuming(serve(Arc::clone(&old)), 2, Resume::Never)
            .await
            .unwrap();
        echo(&mut stream).await;
        // And from then on sessions of TLS 1.2.
        let (kind, ..) = connect(&client, &old, Cut::default(), 3).await;
        assert_eq!(kind, HandshakeKind::Resumed);
    }
}

/// After the first hello and a ChangeCipherSpec.
fn second_hello(written: &[u8]) -> crate::profile::ClientHello {
    let first = 5 + usize::from(u16::from_be_bytes([written[3], written[4]]));
    let rest = &written[first..];
    assert_eq!(rest[..6], [20, 3, 3, 0, 1, 1]);
    crate::profile::ClientHello::from_records(&rest[6..]).unwrap()
}
