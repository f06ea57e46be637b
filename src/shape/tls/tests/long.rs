//! Tickets and cookies that no hello of one record can carry.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::crypto::aws_lc_rs::kx_group;
use rustls::server::ProducesTickets;
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, ServerConfig};

use super::meddler::Meddling;
use super::support::{Authority, Client, Cut, Probe, echo, serve};
use super::templates::{chromium, firefox};
use crate::profile::template::HelloTemplate;
use crate::shape::tls::{Fault, Resume};

/// More than a record carries, and a little less: no hello fits around that either.
const LENGTHS: [usize; 3] = [20_000, 16_200, 15_500];

#[tokio::test]
async fn a_ticket_too_long_for_the_hello() {
    for (version, profile) in [
        (&TLS13, chromium as fn() -> HelloTemplate),
        (&TLS13, firefox),
        (&TLS12, chromium),
        (&TLS12, firefox),
    ] {
        for length in LENGTHS {
            let authority = Authority::new();
            let mut config = authority.issue(|_| {}).server(&[version]);
            config.ticketer = Arc::new(Padded(aws_lc_rs::Ticketer::new().unwrap(), length));
            config.max_early_data_size = 1 << 14;
            let config = Arc::new(config);
            let client = Client::new(profile(), &authority);
            let (mut stream, _) = client.connect(serve(Arc::clone(&config)), 0).await.unwrap();
            echo(&mut stream).await;

            let (io, written) = Probe::new(serve(Arc::clone(&config)), Cut::default());
            let failure = client.connect(io, 1).await.err().unwrap();
            let sent = written.bytes();
            assert_eq!(sent, [0; 0], "rustls's own hello must not leave");
            assert!(failure.retry_without_session, "{failure:?}");

            let (io, written) = Probe::new(serve(Arc::clone(&config)), Cut::default());
            let (mut stream, _) = client.connect_resuming(io, 2, Resume::Never).await.unwrap();
            echo(&mut stream).await;
            let kind = stream.get_ref().get_ref().1.handshake_kind().unwrap();
            assert_eq!(kind, HandshakeKind::Full);
            assert_eq!(profile().differences(&written.hello(), None), []);
        }
    }
}

/// Firefox's GREASE ECH is longer by what the ticket is.
#[tokio::test]
async fn a_long_ticket_that_fits() {
    for (version, profile, length) in [
        (&TLS13, chromium as fn() -> HelloTemplate, 13_500),
        (&TLS12, chromium, 13_500),
        (&TLS13, firefox, 6_500),
        (&TLS12, firefox, 13_500),
    ] {
        let authority = Authority::new();
        let mut config = authority.issue(|_| {}).server(&[version]);
        config.ticketer = Arc::new(Padded(aws_lc_rs::Ticketer::new().unwrap(), length));
        let config = Arc::new(config);
        let client = Client::new(profile(), &authority);
        for seed in 0..3 {
            let (io, written) = Probe::new(serve(Arc::clone(&config)), Cut::default());
            let (mut stream, _) = client.connect(io, seed).await.unwrap();
            echo(&mut stream).await;
            let kind = stream.get_ref().get_ref().1.handshake_kind().unwrap();
            assert_eq!(kind == HandshakeKind::Resumed, seed > 0);
            assert_eq!(profile().differences(&written.hello(), None), []);
        }
    }
}

#[tokio::test]
async fn a_cookie_too_long_for_the_hello() {
    for profile in [chromium, firefox] {
        let authority = Authority::new();
        let server = Arc::new(asking(&authority));
        let client = Client::new(profile(), &authority);
        let cookie = [&20_000_u16.to_be_bytes()[..], &[7; 20_000]].concat();
        let meddling = Meddling {
            server_hello: vec![(44, cookie)],
            ..Meddling::default()
        };
        let (mut io, written) = Probe::new(serve(server), Cut::default());
        io.exchange_hello(move |message| meddling.exchange_all(message));
        let failure = client.connect(io, 0).await.err().unwrap();
        assert_eq!(failure.fault, Some(Fault::LongCookie));
        assert!(!failure.retry_without_session);
        assert!(failure.error.get_ref().unwrap().is::<rustls::Error>());
        let sent = written.bytes();
        let first = 5 + usize::from(u16::from_be_bytes([sent[3], sent[4]]));
        assert_eq!(profile().differences(&written.hello(), None), []);
        assert!(!sent[first..].contains(&22), "{:02x?}", &sent[first..]);
    }
}

/// For a group that no first hello has a share of.
fn asking(authority: &Authority) -> ServerConfig {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![kx_group::SECP384R1];
    let base = authority.issue(|_| {}).server(&[&TLS13]);
    ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(base.cert_resolver)
}

/// Tickets made longer.
#[derive(Debug)]
struct Padded(Arc<dyn ProducesTickets>, usize);

impl ProducesTickets for Padded {
    fn enabled(&self) -> bool {
        self.0.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.0.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let ticket = self.0.encrypt(plain)?;
        Some([ticket, vec![0; self.1]].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.0.decrypt(&cipher[..cipher.len().checked_sub(self.1)?])
    }
}
