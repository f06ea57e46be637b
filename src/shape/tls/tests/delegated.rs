//! Delegated credentials.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rcgen::{CustomExtension, KeyPair, KeyUsagePurpose, PublicKeyData, date_time_ymd};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};

use super::answers::{World, once};
use super::meddler::Meddling;
use super::support::{Authority, Client, Identity, echo};
use super::templates::firefox;
use crate::shape::tls::wire::{vector16, vector24};
use crate::shape::tls::{Failure, Fault};

const ECDSA_P256: u16 = 0x0403;
const DAY: u64 = 24 * 60 * 60;

/// What may be wrong with a credential.
struct Case {
    may_delegate: bool,
    may_sign: bool,
    days_left: i64,
    algorithm: u16,
    spoils: bool,
    /// Whether the server signs with the credential's key.
    uses_it: bool,
}

const GOOD: Case = Case {
    may_delegate: true,
    may_sign: true,
    days_left: 6,
    algorithm: ECDSA_P256,
    spoils: false,
    uses_it: true,
};

fn identity(authority: &Authority, case: &Case) -> Identity {
    authority.issue(|params| {
        params.not_before = date_time_ymd(2025, 1, 1);
        if case.may_delegate {
            let null = vec![5, 0];
            let id = [1, 3, 6, 1, 4, 1, 44363, 44];
            let usage = CustomExtension::from_oid_content(&id, null);
            params.custom_extensions.push(usage);
        }
        params.key_usages = vec![match case.may_sign {
            true => KeyUsagePurpose::DigitalSignature,
            false => KeyUsagePurpose::KeyAgreement,
        }];
    })
}

fn credential(identity: &Identity, key: &KeyPair, case: &Case) -> Vec<u8> {
    // 2025-01-01.
    let not_before = 1_735_689_600;
    let age = i64::try_from(UnixTime::now().as_secs() - not_before).unwrap();
    let valid = age + case.days_left * i64::try_from(DAY).unwrap();
    let mut body = u32::try_from(valid).unwrap().to_be_bytes().to_vec();
    body.extend(case.algorithm.to_be_bytes());
    vector24(&mut body, &key.subject_public_key_info());
    body.extend(ECDSA_P256.to_be_bytes());
    let mut signed = vec![b' '; 64];
    signed.extend(b"TLS, server delegated credentials\0");
    signed.extend(&*identity.chain[0]);
    signed.extend(&body);
    let certificates =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, identity.key.secret_der())
            .unwrap();
    let signature = certificates.sign(&SystemRandom::new(), &signed).unwrap();
    let mut signature = signature.as_ref().to_vec();
    if case.spoils {
        *signature.last_mut().unwrap() ^= 1;
    }
    vector16(&mut body, &signature);
    body
}

async fn visit(case: &Case) -> Result<(), Failure> {
    let authority = Authority::new();
    let identity = identity(&authority, case);
    let key = KeyPair::generate().unwrap();
    let meddling = Arc::new(Meddling {
        leaf: vec![(34, credential(&identity, &key, case))],
        ..Meddling::default()
    });
    let chain = identity.chain.clone();
    let der: PrivateKeyDer<'static> = match case.uses_it {
        true => PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        false => identity.key.clone_key(),
    };
    let world = World {
        authority,
        identity,
    };
    let mut server = world.server(&meddling, &TLS13);
    let certified = CertifiedKey::new(chain, any_supported_type(&der).unwrap());
    server.cert_resolver = Arc::new(SingleCertAndKey::from(certified));
    let client = Client::new(firefox(), &world.authority);
    let (mut stream, outcome) = once(&client, &Arc::new(server), &meddling).await?;
    echo(&mut stream).await;
    assert!(outcome.extension(34).is_some());
    Ok(())
}

#[tokio::test]
async fn a_good_one_is_believed() {
    visit(&GOOD).await.unwrap();
}

#[tokio::test]
async fn others_are_not() {
    let cases = [
        (
            Case {
                may_delegate: false,
                ..GOOD
            },
            "may not delegate",
        ),
        (
            Case {
                may_sign: false,
                ..GOOD
            },
            "may not delegate",
        ),
        (
            Case {
                days_left: -1,
                ..GOOD
            },
            "has expired",
        ),
        (
            Case {
                days_left: 8,
                ..GOOD
            },
            "more than seven days",
        ),
        (
            Case {
                algorithm: 0x0804,
                ..GOOD
            },
            "for an algorithm that was not offered",
        ),
        (
            Case {
                spoils: true,
                ..GOOD
            },
            "not signed by the certificate",
        ),
        (
            Case {
                uses_it: false,
                ..GOOD
            },
            "did not sign the handshake",
        ),
    ];
    for (case, wrong) in cases {
        let failure = visit(&case).await.unwrap_err();
        let fault = failure.fault.unwrap();
        assert!(matches!(fault, Fault::DelegatedCredential(_)));
        assert!(fault.to_string().contains(wrong), "{fault}, not {wrong}");
    }
}
