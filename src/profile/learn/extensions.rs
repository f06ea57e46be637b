//! What is in the extensions that the format has fields for.

use super::ech;
use super::grease::{Labels, Place};
use crate::profile::document::{
    ClientHelloDocument, ExtensionDocument, PaddingDocument, Registry, TrustAnchorOrder,
};
use crate::profile::read::Reader;
use crate::profile::{ClientHello, Extension, hex};

/// Fills the fields of the extensions that `document` lists by name.
pub(super) fn describe(
    document: &mut ClientHelloDocument,
    base: &ClientHello,
    hellos: &[&ClientHello],
    labels: &Labels,
) {
    let mut listed: Vec<u16> = document
        .extensions
        .iter()
        .filter_map(|entry| match entry {
            ExtensionDocument::Named(name) => Registry::Extension.number(name),
            ExtensionDocument::Opaque(_) => None,
        })
        .collect();
    // How long a GREASE ECH is can depend on all the rest.
    listed.sort_by_key(|id| *id == ENCRYPTED_CLIENT_HELLO);
    for id in listed {
        let found = base
            .extension(id)
            .or_else(|| hellos.iter().find_map(|hello| hello.extension(id)));
        if let Some(extension) = found {
            field(document, base, extension, hellos, labels);
        }
    }
}

/// Whether an extension's body is none that its fields, or the format itself, can describe.
pub(super) fn is_opaque(hello: &ClientHello, extension: &Extension) -> bool {
    let body = extension.body();
    let list8 = || {
        Reader::new(body)
            .vector8()
            .is_some_and(|list| body.len() == 1 + list.rest().len() && !list.is_empty())
    };
    match extension.id() {
        STATUS_REQUEST => body != [1, 0, 0, 0, 0],
        EC_POINT_FORMATS | PSK_KEY_EXCHANGE_MODES => !list8(),
        SIGNATURE_ALGORITHMS_CERT | DELEGATED_CREDENTIAL => {
            numbers16(body).is_none_or(|numbers| numbers.is_empty())
        }
        COMPRESS_CERTIFICATE => numbers8(body).is_none_or(|numbers| numbers.is_empty()),
        APPLICATION_SETTINGS | APPLICATION_SETTINGS_OLD => {
            let offered: Vec<&[u8]> = hello.alpn_protocols().collect();
            protocols(body).is_none_or(|names| {
                names.is_empty() || names.iter().any(|name| !offered.contains(&name.as_bytes()))
            })
        }
        ALPN => protocols(body).is_none_or(|names| names.is_empty()),
        // RFC 8449 section 4: it is at least 64.
        RECORD_SIZE_LIMIT => !matches!(body, [high, low] if *high > 0 || *low >= 64),
        PADDING => padding(hello).is_none(),
        TRUST_ANCHORS => anchors(body).is_none(),
        ENCRYPTED_CLIENT_HELLO => ech::is_opaque(body),
        RENEGOTIATION_INFO => body != [0],
        ENCRYPT_THEN_MAC
        | EXTENDED_MASTER_SECRET
        | POST_HANDSHAKE_AUTH
        | SIGNED_CERTIFICATE_TIMESTAMP
        | EARLY_DATA => !body.is_empty(),
        SERVER_NAME => {
            // One host name, as every client sends it.
            hello
                .server_name()
                .is_none_or(|name| body.len() != 5 + name.len())
        }
        SUPPORTED_GROUPS | SIGNATURE_ALGORITHMS | SUPPORTED_VERSIONS | KEY_SHARE
        | SESSION_TICKET | PRE_SHARED_KEY | COOKIE => false,
        _ => true,
    }
}

fn field(
    document: &mut ClientHelloDocument,
    base: &ClientHello,
    extension: &Extension,
    hellos: &[&ClientHello],
    labels: &Labels,
) {
    let body = extension.body();
    let list = |numbers: &[u16], registry: Registry| {
        numbers
            .iter()
            .map(|number| registry.text(*number))
            .collect()
    };
    match extension.id() {
        SUPPORTED_GROUPS => {
            document.supported_groups =
                labels.list(base.supported_groups(), Registry::Group, Place::Group);
        }
        SIGNATURE_ALGORITHMS => {
            document.signature_algorithms = labels.list(
                base.signature_algorithms(),
                Registry::SignatureScheme,
                Place::SignatureAlgorithm,
            );
        }
        SUPPORTED_VERSIONS => {
            document.supported_versions =
                labels.list(base.supported_versions(), Registry::Version, Place::Version);
        }
        KEY_SHARE => {
            document.key_shares =
                labels.list(base.key_share_groups(), Registry::Group, Place::KeyShare);
        }
        EC_POINT_FORMATS => document.ec_point_formats = base.point_formats().to_vec(),
        PSK_KEY_EXCHANGE_MODES => {
            document.psk_key_exchange_modes = body.get(1..).unwrap_or_default().to_vec();
        }
        SIGNATURE_ALGORITHMS_CERT => {
            document.signature_algorithms_cert = list(
                &numbers16(body).unwrap_or_default(),
                Registry::SignatureScheme,
            );
        }
        DELEGATED_CREDENTIAL => {
            document.delegated_credential = list(
                &numbers16(body).unwrap_or_default(),
                Registry::SignatureScheme,
            );
        }
        COMPRESS_CERTIFICATE => {
            document.compress_certificate = list(
                &numbers8(body).unwrap_or_default(),
                Registry::CertificateCompression,
            );
        }
        ALPN => document.alpn = longest(hellos, ALPN),
        APPLICATION_SETTINGS | APPLICATION_SETTINGS_OLD => {
            document.application_settings = longest(hellos, extension.id());
        }
        RECORD_SIZE_LIMIT => document.record_size_limit = Reader::new(body).u16(),
        PADDING => document.padding = hellos.iter().find_map(|hello| padding(hello)),
        TRUST_ANCHORS => {
            let lists: Vec<_> = hellos
                .iter()
                .filter_map(|hello| hello.extension(TRUST_ANCHORS))
                .filter_map(|found| anchors(found.body()))
                .collect();
            if lists.iter().any(|list| Some(list) != lists.first()) {
                document.trust_anchor_order = TrustAnchorOrder::Shuffled;
            }
            document.trust_anchors = lists.into_iter().next();
        }
        ENCRYPTED_CLIENT_HELLO => document.ech_grease = ech::describe(document, hellos),
        _ => {}
    }
}

/// The longest list of protocols in any hello: one that wants a single protocol offers no other.
fn longest(hellos: &[&ClientHello], id: u16) -> Vec<String> {
    let lists = hellos
        .iter()
        .filter_map(|hello| protocols(hello.extension(id)?.body()));
    lists.max_by_key(Vec::len).unwrap_or_default()
}

fn protocols(body: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader::new(body);
    let list = reader.vector16()?;
    let names = list.all(|list| {
        std::str::from_utf8(list.vector8()?.rest())
            .ok()
            .map(ToOwned::to_owned)
    });
    names.filter(|_| reader.is_empty())
}

fn numbers16(body: &[u8]) -> Option<Vec<u16>> {
    let mut reader = Reader::new(body);
    let list = reader.vector16()?;
    list.all(Reader::u16).filter(|_| reader.is_empty())
}

fn numbers8(body: &[u8]) -> Option<Vec<u16>> {
    let mut reader = Reader::new(body);
    let list = reader.vector8()?;
    list.all(Reader::u16).filter(|_| reader.is_empty())
}

fn anchors(body: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader::new(body);
    let list = reader.vector16()?;
    let ids = list.all(|list| {
        Some(list.vector8()?.rest())
            .filter(|id| !id.is_empty())
            .map(hex::encode)
    });
    ids.filter(|_| reader.is_empty())
}

/// The rule of a hello that is padded: servers that choke on 256 to 511 bytes (RFC 7685 section 1) are why there is one at all.
fn padding(hello: &ClientHello) -> Option<PaddingDocument> {
    const RULE: PaddingDocument = PaddingDocument {
        from: 256,
        length: 512,
    };
    let zeros = hello
        .extension(PADDING)?
        .body()
        .iter()
        .all(|byte| *byte == 0);
    let length = hello.message_length();
    let alone = hello.extension(PADDING)?.body().len() == 1;
    (zeros && (length == usize::from(RULE.length) || (alone && length > usize::from(RULE.length))))
        .then_some(RULE)
}

const SERVER_NAME: u16 = 0;
const STATUS_REQUEST: u16 = 5;
const SUPPORTED_GROUPS: u16 = 10;
const EC_POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SIGNED_CERTIFICATE_TIMESTAMP: u16 = 18;
const PADDING: u16 = 21;
const ENCRYPT_THEN_MAC: u16 = 22;
const EXTENDED_MASTER_SECRET: u16 = 23;
const COMPRESS_CERTIFICATE: u16 = 27;
const RECORD_SIZE_LIMIT: u16 = 28;
const DELEGATED_CREDENTIAL: u16 = 34;
const SESSION_TICKET: u16 = 35;
const PRE_SHARED_KEY: u16 = 41;
const EARLY_DATA: u16 = 42;
const SUPPORTED_VERSIONS: u16 = 43;
const COOKIE: u16 = 44;
const PSK_KEY_EXCHANGE_MODES: u16 = 45;
const POST_HANDSHAKE_AUTH: u16 = 49;
const SIGNATURE_ALGORITHMS_CERT: u16 = 50;
const KEY_SHARE: u16 = 51;
const APPLICATION_SETTINGS_OLD: u16 = 0x4469;
const APPLICATION_SETTINGS: u16 = 0x44cd;
const TRUST_ANCHORS: u16 = 0xca34;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
const RENEGOTIATION_INFO: u16 = 0xff01;
