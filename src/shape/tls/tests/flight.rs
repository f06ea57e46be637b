//! The client's last flight, whatever its length.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls_pki_types::CertificateDer;

use super::answers::{ALPS, World, encrypted, owned};
use super::meddler::Meddling;
use super::support::{Client, Cut, Probe, echo, serve};
use super::templates::{chromium, firefox};
use crate::profile::template::HelloTemplate;
use crate::shape::tls::Resume;

/// A server that asks for a client certificate.
fn asking(world: &World, meddling: &Arc<Meddling>) -> Arc<ServerConfig> {
    let provider = Arc::new(meddling.provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(world.authority.roots(), provider);
    let mut server = ServerConfig::builder_with_provider(Arc::new(meddling.provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_cert_resolver(Arc::clone(&world.server(meddling, &TLS13).cert_resolver));
    server.alpn_protocols = vec![b"h2".to_vec()];
    server.cert_compressors = Vec::new();
    Arc::new(server)
}

/// The lengths of the encrypted records that the client sent up to the end of the handshake, with a chain that is so much longer.
async fn flight(
    world: &World,
    template: HelloTemplate,
    meddling: Meddling,
    padding: usize,
) -> Vec<usize> {
    let meddling = Arc::new(meddling);
    let mut own = world.authority.issue(|_| {});
    // What is behind the certificate that the authority issued is not looked at.
    own.chain.push(CertificateDer::from(vec![0x30; padding]));
    let client = Client::with_identity(template, &world.authority, Some(own));
    let (io, written) = Probe::new(serve(asking(world, &meddling)), Cut::default());
    let (mut stream, _) = client.connect_resuming(io, 0, Resume::Never).await.unwrap();
    let bytes = written.bytes();
    echo(&mut stream).await;
    let mut lengths = Vec::new();
    let mut records = &bytes[..];
    while let [kind, _, _, high, low, rest @ ..] = records {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if *kind == 23 {
            lengths.push(length);
        }
        records = &rest[length..];
    }
    lengths
}

#[tokio::test]
async fn settings_are_in_front_of_a_flight_of_any_length() {
    let world = World::new();
    let mut counts = BTreeSet::new();
    // Around the lengths at which the flight, with the settings and without, fills one record.
    for padding in (15_860..15_940).step_by(3) {
        let meddling = encrypted(&[(ALPS, b"settings")]);
        let records = flight(&world, chromium(), meddling, padding).await;
        assert!(
            records.iter().all(|length| *length <= (1 << 14) + 17),
            "{records:?}"
        );
        counts.insert(records.len());
    }
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn the_flight_is_cut_as_small_as_the_server_wants() {
    let world = World::new();
    for limit in [64_u16, 100, 1000] {
        let extensions = owned(&[(28, &limit.to_be_bytes())]);
        let meddling = Meddling {
            extensions,
            ..Meddling::default()
        };
        let records = flight(&world, firefox(), meddling, 3000).await;
        let most = usize::from(limit) + 16;
        let is_small = records.iter().all(|length| *length <= most);
        assert!(records.len() > 3 && is_small, "{records:?}");
    }
}
