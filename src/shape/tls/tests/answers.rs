//! Servers that take up what only the profile offers, and servers that answer what nobody did.

use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, HandshakeKind, ServerConfig, SupportedProtocolVersion};

use super::compressor::Adding;
use super::meddler::Meddling;
use super::support::{Authority, Client, Cut, Identity, Probe, echo, serve, serve_telling};
use super::templates::{chromium, firefox, without};
use crate::profile::template::{Content, ExtensionTemplate, HelloTemplate, Presence, Value};
use crate::shape::tls::{Failure, Fault, Outcome, Resume, scope};

pub(super) const ALPS: u16 = 0x44cd;

pub(super) struct World {
    pub(super) authority: Authority,
    pub(super) identity: Identity,
}

impl World {
    pub(super) fn new() -> Self {
        let authority = Authority::new();
        let identity = authority.issue(|_| {});
        Self {
            authority,
            identity,
        }
    }

    pub(super) fn server(
        &self,
        meddling: &Arc<Meddling>,
        version: &'static SupportedProtocolVersion,
    ) -> ServerConfig {
        let base = self.identity.server(&[version]);
        let mut config = ServerConfig::builder_with_provider(Arc::new(meddling.provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&base.cert_resolver));
        config.alpn_protocols = base.alpn_protocols;
        config.cert_compressors = Vec::new();
        config
    }
}

async fn visit(
    world: &World,
    template: HelloTemplate,
    meddling: Meddling,
    version: &'static SupportedProtocolVersion,
) -> Result<Outcome, Failure> {
    let client = Client::new(template, &world.authority);
    let meddling = Arc::new(meddling);
    let server = Arc::new(world.server(&meddling, version));
    let (mut stream, outcome) = once(&client, &server, &meddling).await?;
    echo(&mut stream).await;
    Ok(outcome)
}

/// The plaintext ServerHello is exchanged on its way, since no key protects it.
pub(super) async fn once(
    client: &Client,
    server: &Arc<ServerConfig>,
    meddling: &Arc<Meddling>,
) -> Result<crate::shape::tls::Connected<Probe<tokio::io::DuplexStream>>, Failure> {
    let (mut io, _) = Probe::new(serve(Arc::clone(server)), Cut::default());
    let meddling = Arc::clone(meddling);
    io.exchange_hello(move |message| meddling.exchange_all(message));
    client.connect(io, 0).await
}

pub(super) fn encrypted(extensions: &[(u16, &[u8])]) -> Meddling {
    Meddling {
        extensions: owned(extensions),
        ..Meddling::default()
    }
}

fn leaf(extensions: &[(u16, &[u8])]) -> Meddling {
    Meddling {
        leaf: owned(extensions),
        ..Meddling::default()
    }
}

pub(super) fn owned(extensions: &[(u16, &[u8])]) -> Vec<(u16, Vec<u8>)> {
    extensions
        .iter()
        .map(|(id, body)| (*id, body.to_vec()))
        .collect()
}

/// Chromium, if it offered early data.
fn early_chromium() -> HelloTemplate {
    let mut template = chromium();
    let early = ExtensionTemplate {
        id: Value::Fixed(42),
        content: Content::EarlyData,
        pinned: false,
        presence: Presence::Always,
    };
    template.extensions.insert(1, early);
    template
}

#[tokio::test]
async fn application_settings_are_taken_up() {
    let world = World::new();
    for (early, asks) in [(false, false), (false, true), (true, false), (true, true)] {
        let template = if early { early_chromium() } else { chromium() };
        let own = world.authority.issue(|_| {});
        let client = Client::with_identity(template, &world.authority, Some(own));
        for number in 0..3 {
            let meddling = Arc::new(encrypted(&[(ALPS, b"settings")]));
            let mut server = world.server(&meddling, &TLS13);
            if asks {
                let verifier = WebPkiClientVerifier::builder_with_provider(
                    world.authority.roots(),
                    Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
                );
                let resolver = Arc::clone(&server.cert_resolver);
                let alpn = server.alpn_protocols.clone();
                server = ServerConfig::builder_with_provider(Arc::new(meddling.provider()))
                    .with_protocol_versions(&[&TLS13])
                    .unwrap()
                    .with_client_cert_verifier(verifier.build().unwrap())
                    .with_cert_resolver(resolver);
                server.alpn_protocols = alpn;
            }
            server.max_early_data_size = if early { 1 << 14 } else { 0 };
            server.ticketer = ticketer();
            let (mut stream, outcome) = once(&client, &Arc::new(server), &meddling).await.unwrap();
            echo(&mut stream).await;
            assert_eq!(outcome.application_settings(), Some(&b"settings"[..]));
            let received = meddling.received.lock().clone();
            assert_eq!(received.unwrap(), [8, 0, 0, 6, 0, 4, 0x44, 0xcd, 0, 0]);
            let kind = stream.get_ref().get_ref().1.handshake_kind().unwrap();
            assert_eq!(kind == HandshakeKind::Resumed, number > 0, "{early} {asks}");
        }
    }
}

/// The client's flight takes two records, and its ticket more than one.
#[tokio::test]
async fn application_settings_before_a_long_certificate() {
    let world = World::new();
    let own = world.authority.issue_long(20_000);
    let client = Client::with_identity(chromium(), &world.authority, Some(own));
    for number in 0..2 {
        let meddling = Arc::new(encrypted(&[(ALPS, b"settings")]));
        let provider = Arc::new(meddling.provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(world.authority.roots(), provider);
        let mut server = ServerConfig::builder_with_provider(Arc::new(meddling.provider()))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_cert_resolver(Arc::clone(&world.server(&meddling, &TLS13).cert_resolver));
        server.alpn_protocols = vec![b"h2".to_vec()];
        server.ticketer = ticketer();
        let server = Arc::new(server);
        if number > 0 {
            let failure = once(&client, &server, &meddling).await.err().unwrap();
            assert!(failure.retry_without_session, "{failure:?}");
        }
        let io = serve(server);
        let (mut stream, outcome) = client.connect_resuming(io, 0, Resume::Never).await.unwrap();
        echo(&mut stream).await;
        assert!(outcome.application_settings().is_some());
    }
}

/// One for all servers, so that each resumes what another began.
fn ticketer() -> Arc<dyn rustls::server::ProducesTickets> {
    use std::sync::LazyLock;
    static TICKETER: LazyLock<Arc<dyn rustls::server::ProducesTickets>> =
        LazyLock::new(|| rustls::crypto::aws_lc_rs::Ticketer::new().unwrap());
    Arc::clone(&TICKETER)
}

#[tokio::test]
async fn application_settings_without_a_protocol_are_refused() {
    let world = World::new();
    let client = Client::new(chromium(), &world.authority);
    let meddling = Arc::new(encrypted(&[(ALPS, b"settings")]));
    let mut server = world.server(&meddling, &TLS13);
    server.alpn_protocols = Vec::new();
    let failure = once(&client, &Arc::new(server), &meddling)
        .await
        .err()
        .unwrap();
    assert_eq!(failure.fault, Some(Fault::Malformed(ALPS)));
}

#[tokio::test]
async fn answers_are_kept_for_the_caller() {
    let world = World::new();
    let chromium_answers = encrypted(&[(0xfe0d, b"configs"), (0xca34, b"anchors")]);
    let outcome = visit(&world, chromium(), chromium_answers, &TLS13)
        .await
        .unwrap();
    assert_eq!(outcome.ech_retry_configs(), Some(&b"configs"[..]));
    assert_eq!(outcome.extension(0xca34), Some(&b"anchors"[..]));
    assert_eq!(outcome.application_settings(), None);
    for (template, version) in [(chromium(), &TLS13), (firefox(), &TLS13)] {
        let outcome = visit(&world, template, leaf(&[(18, b"timestamps")]), version)
            .await
            .unwrap();
        assert_eq!(outcome.certificate_timestamps(), Some(&b"timestamps"[..]));
    }
    for template in [chromium(), firefox()] {
        let meddling = Meddling {
            server_hello: owned(&[(18, b"timestamps")]),
            ..Meddling::default()
        };
        let outcome = visit(&world, template, meddling, &TLS12).await.unwrap();
        assert_eq!(outcome.certificate_timestamps(), Some(&b"timestamps"[..]));
    }
}

#[tokio::test]
async fn timestamps_in_a_compressed_certificate() {
    let world = World::new();
    for compressor in rustls::compress::default_cert_compressors() {
        let client = Client::new(firefox(), &world.authority);
        let meddling = Arc::new(leaf(&[(18, &[7; 3000])]));
        let mut server = world.server(&meddling, &TLS13);
        let adding = Adding::new(*compressor, &meddling);
        server.cert_compressors = vec![adding];
        let (mut stream, outcome) = once(&client, &Arc::new(server), &meddling).await.unwrap();
        echo(&mut stream).await;
        assert_eq!(outcome.certificate_timestamps(), Some(&[7; 3000][..]));
        assert_eq!(adding.uses(), 1);
    }
}

#[tokio::test]
async fn no_record_is_larger_than_the_server_wants() {
    let world = World::new();
    for (limit, version) in [
        (64_u16, &TLS13),
        (1000, &TLS13),
        (1000, &TLS12),
        (16385, &TLS13),
    ] {
        let answer = owned(&[(28, &limit.to_be_bytes())]);
        let (extensions, server_hello) = match version.version {
            rustls::ProtocolVersion::TLSv1_3 => (answer, Vec::new()),
            _ => (Vec::new(), answer),
        };
        let meddling = Arc::new(Meddling {
            extensions,
            server_hello,
            ..Meddling::default()
        });
        let client = Client::new(firefox(), &world.authority);
        let server = Arc::new(world.server(&meddling, version));
        let (mut io, written) = Probe::new(serve(server), Cut::default());
        let exchange = Arc::clone(&meddling);
        io.exchange_hello(move |message| exchange.exchange_all(message));
        let (mut stream, outcome) = client.connect(io, 0).await.unwrap();
        assert_eq!(outcome.record_size_limit(), Some(limit));
        let before = written.bytes().len();
        echo(&mut stream).await;
        let mut records = &written.bytes()[before..];
        let mut largest = 0;
        while let [_, _, _, high, low, rest @ ..] = records {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            largest = largest.max(length);
            records = &rest[length..];
        }
        let overhead = if version.version == rustls::ProtocolVersion::TLSv1_3 {
            16
        } else {
            24
        };
        let most = usize::from(limit).min(10_001) + overhead;
        assert!(largest <= most, "{largest} for {limit}");
        assert!(largest + 8 > most, "{largest} for {limit}");
    }
}

#[tokio::test]
async fn what_was_not_offered_is_refused() {
    let world = World::new();
    let alpn = |template| without(template, 16);
    let cases: [(HelloTemplate, Meddling, u16); 8] = [
        (chromium(), encrypted(&[(0x1234, b"")]), 0x1234),
        (chromium(), encrypted(&[(28, &[1, 0])]), 28),
        (firefox(), encrypted(&[(ALPS, b"")]), ALPS),
        // Of the kind that belongs into another message.
        (firefox(), encrypted(&[(18, b"")]), 18),
        // rustls sends these and would take the answer.
        (alpn(firefox()), encrypted(&[(16, b"\0\x03\x02h2")]), 16),
        (without(firefox(), 0), encrypted(&[(0, b"")]), 0),
        (without(firefox(), 5), leaf(&[(5, &[1, 0, 0, 1, 0])]), 5),
        (chromium(), leaf(&[(34, b"credential")]), 34),
    ];
    for (template, meddling, id) in cases {
        let described = format!("{meddling:?}");
        let failure = visit(&world, template, meddling, &TLS13)
            .await
            .err()
            .unwrap();
        assert_eq!(
            failure.fault,
            Some(Fault::Unsolicited(id)),
            "{described} {failure:?}"
        );
        assert!(failure.error.get_ref().unwrap().is::<rustls::Error>());
    }
    for (id, body) in [(28, &[1, 0][..]), (0x1234, &[])] {
        let meddling = Meddling {
            server_hello: owned(&[(id, body)]),
            ..Meddling::default()
        };
        let failure = visit(&world, chromium(), meddling, &TLS12)
            .await
            .err()
            .unwrap();
        assert_eq!(failure.fault, Some(Fault::Unsolicited(id)));
    }
}

/// rustls knows nothing of protocols that stand in a body of the profile's own.
#[tokio::test]
async fn a_protocol_that_only_the_profile_offered_is_named() {
    let world = World::new();
    let mut template = without(firefox(), 16);
    template.extensions.insert(
        1,
        ExtensionTemplate {
            id: Value::Fixed(16),
            content: Content::Bytes(b"\0\x03\x02h2".as_slice().into()),
            pinned: true,
            presence: Presence::Always,
        },
    );
    for version in [&TLS13, &TLS12] {
        let failure = visit(&world, template.clone(), Meddling::default(), version).await;
        assert_eq!(failure.err().unwrap().fault, Some(Fault::Extension(16)));
    }
}

#[tokio::test]
async fn nonsense_in_an_answer_is_refused() {
    let world = World::new();
    for body in [&[][..], &[1], &[0, 63], &[1, 0, 0]] {
        let failure = visit(&world, firefox(), encrypted(&[(28, body)]), &TLS13).await;
        assert_eq!(failure.err().unwrap().fault, Some(Fault::Malformed(28)));
    }
    // Twice: rustls's own parser refuses it.
    let twice = encrypted(&[(0xca34, b""), (0xca34, b"")]);
    let failure = visit(&world, chromium(), twice, &TLS13)
        .await
        .err()
        .unwrap();
    assert!(
        failure.error.to_string().contains("DuplicateExtension"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_message_across_a_change_of_keys_is_refused() {
    let world = World::new();
    for trailer in [&[4, 0, 0, 0][..], &[4]] {
        let meddling = Meddling {
            trailer: trailer.to_vec(),
            ..Meddling::default()
        };
        let failure = visit(&world, chromium(), meddling, &TLS13)
            .await
            .err()
            .unwrap();
        let text = failure.error.to_string();
        assert!(text.contains("KeyEpochWithPendingFragment"), "{text}");
    }
}

#[tokio::test]
async fn a_spoilt_record_is_refused() {
    let world = World::new();
    let meddling = Meddling {
        spoils: true,
        ..Meddling::default()
    };
    let failure = visit(&world, firefox(), meddling, &TLS13)
        .await
        .err()
        .unwrap();
    let error = failure.error.get_ref().unwrap();
    assert_eq!(error.downcast_ref(), Some(&rustls::Error::DecryptError));
    assert_eq!(failure.fault, None);
}

#[tokio::test]
async fn the_server_is_told_why() {
    let world = World::new();
    let told = async |meddling: Meddling| {
        let client = Client::new(chromium(), &world.authority);
        let server = Arc::new(world.server(&Arc::new(meddling), &TLS13));
        let (io, told) = serve_telling(server);
        client.connect(io, 0).await.err().unwrap();
        assert!(scope::current().is_none());
        told.await.unwrap()
    };
    let alert = rustls::Error::AlertReceived;
    assert_eq!(
        told(encrypted(&[(0x1234, b"")])).await,
        alert(AlertDescription::UnsupportedExtension)
    );
    let spoilt = Meddling {
        spoils: true,
        ..Meddling::default()
    };
    assert_eq!(told(spoilt).await, alert(AlertDescription::BadRecordMac));
}
