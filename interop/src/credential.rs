//! Certificates made for one test, and delegated credentials (RFC 9345).

use std::ptr;
use std::time::{SystemTime, UNIX_EPOCH};

use boring::hash::MessageDigest;
use boring::pkey::{PKey, Private};
use boring::sign::Signer;
use boring::ssl::SslContextBuilder;
use boring::x509::X509;
use boring_sys as ffi;
use foreign_types_shared::ForeignType;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, RsaKeySize,
};

use crate::scenario::Scenario;

/// Says that the holder may sign delegated credentials.
const DELEGATION_USAGE: &[u64] = &[1, 3, 6, 1, 4, 1, 44363, 44];
const DER_NULL: &[u8] = &[5, 0];

/// Of a private arc; a verifier passes over what it does not know.
const BALLAST: &[u64] = &[1, 3, 6, 1, 4, 1, 44363, 99];

/// The certificate's scheme, and another for the credential's own key, to tell them apart.
const ECDSA_SECP256R1_SHA256: u16 = 0x0403;
const ECDSA_SECP384R1_SHA384: u16 = 0x0503;

/// From the certificate's beginning; RFC 9345 allows seven days from now.
const LIFETIME: u64 = 3600;

pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, in PEM.
#[derive(Debug)]
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    #[allow(clippy::new_without_default, reason = "each is another")]
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = "hotpool interop authority";
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn issue(&self, name: &str) -> Identity {
        self.issue_with(name, false, 0)
    }

    /// Made larger by so many bytes of ballast.
    pub(crate) fn issue_with(&self, name: &str, rsa: bool, ballast: usize) -> Identity {
        let key = if rsa {
            KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)
        } else {
            KeyPair::generate()
        }
        .unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let mut extension = |id, content| {
            let extension = CustomExtension::from_oid_content(id, content);
            params.custom_extensions.push(extension);
        };
        extension(DELEGATION_USAGE, DER_NULL.to_vec());
        if ballast > 0 {
            let mut noise = vec![0; ballast];
            boring::rand::rand_bytes(&mut noise).unwrap();
            extension(BALLAST, noise);
        }
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Identity {
    pub(crate) fn x509(&self) -> X509 {
        X509::from_pem(self.certificate.as_bytes()).unwrap()
    }

    pub(crate) fn private_key(&self) -> PKey<Private> {
        PKey::private_key_from_pem(self.key.as_bytes()).unwrap()
    }

    /// Signs a credential with a key of its own, and adds it to the server's, with the SCT list and the OCSP response that it has.
    pub(crate) fn delegate_to(&self, context: &SslContextBuilder, scenario: &Scenario) {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let private = PKey::private_key_from_pem(key.serialize_pem().as_bytes()).unwrap();
        let certificate = self.x509().to_der().unwrap();
        let delegated = self.delegated(&certificate, &private);
        let (certificate, delegated) = (Buffer::new(&certificate), Buffer::new(&delegated));
        // SAFETY: all of it is alive until the end; BoringSSL takes references of its own.
        unsafe {
            let credential = ffi::SSL_CREDENTIAL_new_delegated();
            let steps = [
                ffi::SSL_CREDENTIAL_set1_cert_chain(credential, &raw const certificate.0, 1),
                ffi::SSL_CREDENTIAL_set1_delegated_credential(credential, delegated.0),
                ffi::SSL_CREDENTIAL_set1_private_key(credential, private.as_ptr()),
                ffi::SSL_CTX_add1_credential(context.as_ptr(), credential),
            ];
            if let Some(list) = &scenario.sct {
                let list = Buffer::new(list);
                ffi::SSL_CREDENTIAL_set1_signed_cert_timestamp_list(credential, list.0);
            }
            if let Some(response) = &scenario.ocsp {
                ffi::SSL_CREDENTIAL_set1_ocsp_response(credential, Buffer::new(response).0);
            }
            ffi::SSL_CREDENTIAL_free(credential);
            assert_eq!(steps, [1; 4]);
        }
    }

    fn delegated(&self, certificate: &[u8], key: &PKey<Private>) -> Vec<u8> {
        let public = key.public_key_to_der().unwrap();
        // The certificate was valid long before it was made.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let valid = now.as_secs() - not_before(certificate) + LIFETIME;
        let mut credential = (valid as u32).to_be_bytes().to_vec();
        credential.extend(ECDSA_SECP384R1_SHA384.to_be_bytes());
        credential.extend(&(public.len() as u32).to_be_bytes()[1..]);
        credential.extend(public);
        credential.extend(ECDSA_SECP256R1_SHA256.to_be_bytes());
        let own = self.private_key();
        let mut signer = Signer::new(MessageDigest::sha256(), &own).unwrap();
        let context = b"TLS, server delegated credentials\0";
        for part in [&[b' '; 64][..], context, certificate, &credential] {
            signer.update(part).unwrap();
        }
        let signature = signer.sign_to_vec().unwrap();
        credential.extend((signature.len() as u16).to_be_bytes());
        credential.extend(signature);
        credential
    }
}

/// In seconds since 1970.
fn not_before(certificate: &[u8]) -> u64 {
    let certificate = X509::from_der(certificate).unwrap();
    let epoch = boring::asn1::Asn1Time::from_unix(0).unwrap();
    let since = epoch.diff(certificate.not_before()).unwrap();
    since.days as u64 * 86400 + since.secs as u64
}

struct Buffer(*mut ffi::CRYPTO_BUFFER);

impl Buffer {
    fn new(bytes: &[u8]) -> Self {
        // SAFETY: the bytes are copied.
        Self(unsafe { ffi::CRYPTO_BUFFER_new(bytes.as_ptr(), bytes.len(), ptr::null_mut()) })
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: this is our reference.
        unsafe { ffi::CRYPTO_BUFFER_free(self.0) };
    }
}
