//! The extensions of a template, from their names and the fields that say what is in them.

use rand::seq::SliceRandom;

use super::ech::ech;
use super::numbers::{Numbers, grease_label, number};
use super::{Fault, Result};
use crate::profile::document::{
    ClientHelloDocument, ExtensionDocument, ExtensionOrder, Registry, TrustAnchorOrder,
};
use crate::profile::hex;
use crate::profile::template::{Content, ExtensionTemplate, Presence, Value};

pub(super) fn extensions(
    document: &ClientHelloDocument,
    numbers: &mut Numbers,
) -> Result<Vec<ExtensionTemplate>> {
    let pinned = pinned(document)?;
    let without = names("resumption.without", &document.resumption.without)?;
    let mut extensions = Vec::with_capacity(document.extensions.len());
    for (index, entry) in document.extensions.iter().enumerate() {
        let field = format!("extensions[{index}]");
        let (text, body) = match entry {
            ExtensionDocument::Named(text) => (text, None),
            ExtensionDocument::Opaque(opaque) => (&opaque.extension, Some(&opaque.body)),
        };
        let id = numbers.value(&field, Registry::Extension, text)?;
        let content = match body {
            Some(body) => Content::Bytes(bytes(&format!("{field}.body"), body)?),
            None => content(&field, text, id, document, numbers)?,
        };
        extensions.push(ExtensionTemplate {
            pinned: pinned
                .as_ref()
                .is_none_or(|pinned| pinned.contains(&id.pin())),
            presence: match id {
                Value::Fixed(id) if without.contains(&id) => Presence::NotResuming,
                _ => Presence::Always,
            },
            id,
            content,
        });
    }
    Ok(extensions)
}

impl Value {
    /// The number, or none for any GREASE.
    const fn pin(self) -> Option<u16> {
        match self {
            Self::Fixed(number) => Some(number),
            Self::Grease(_) => None,
        }
    }
}

/// The extensions that keep their place: all of them if this is `None`.
fn pinned(document: &ClientHelloDocument) -> Result<Option<Vec<Option<u16>>>> {
    if document.extension_order == ExtensionOrder::Fixed {
        return Ok(None);
    }
    let pinned = document
        .pinned
        .iter()
        .enumerate()
        .map(|(index, text)| match grease_label(text) {
            Some(_) => Ok(None),
            None => number(&format!("pinned[{index}]"), Registry::Extension, text).map(Some),
        });
    pinned.collect::<Result<Vec<_>>>().map(Some)
}

fn names(field: &str, texts: &[String]) -> Result<Vec<u16>> {
    let numbers = texts.iter().enumerate();
    numbers
        .map(|(index, text)| number(&format!("{field}[{index}]"), Registry::Extension, text))
        .collect()
}

/// The content of an extension that is only named.
fn content(
    field: &str,
    text: &str,
    id: Value,
    document: &ClientHelloDocument,
    numbers: &mut Numbers,
) -> Result<Content> {
    let Value::Fixed(id) = id else {
        return Ok(Content::Bytes(Box::default()));
    };
    let missing = |member: &str| {
        Fault::new(
            field,
            format!("{text} is listed, and `{member}` does not say what is in it"),
        )
    };
    Ok(match Registry::Extension.text(id).as_str() {
        "server_name" => Content::ServerName,
        "status_request" => Content::Bytes(OCSP_REQUEST.into()),
        "supported_groups" => Content::List16(numbers.list(
            "supported_groups",
            Registry::Group,
            &document.supported_groups,
        )?),
        "ec_point_formats" => {
            Content::Bytes(list8("ec_point_formats", &document.ec_point_formats)?)
        }
        "signature_algorithms" => Content::List16(numbers.list(
            "signature_algorithms",
            Registry::SignatureScheme,
            &document.signature_algorithms,
        )?),
        "signature_algorithms_cert" => Content::List16(numbers.list(
            "signature_algorithms_cert",
            Registry::SignatureScheme,
            &document.signature_algorithms_cert,
        )?),
        "delegated_credential" => Content::List16(numbers.list(
            "delegated_credential",
            Registry::SignatureScheme,
            &document.delegated_credential,
        )?),
        "application_layer_protocol_negotiation" => {
            Content::Alpn(protocols("alpn", &document.alpn)?)
        }
        "application_settings" | "application_settings_old" => Content::ApplicationSettings(
            protocols("application_settings", &document.application_settings)?,
        ),
        "padding" => {
            let padding = document.padding.ok_or_else(|| missing("padding"))?;
            Content::Padding {
                from: padding.from.into(),
                length: padding.length.into(),
            }
        }
        "compress_certificate" => Content::List8(numbers.list(
            "compress_certificate",
            Registry::CertificateCompression,
            &document.compress_certificate,
        )?),
        "record_size_limit" => {
            let limit = document
                .record_size_limit
                .ok_or_else(|| missing("record_size_limit"))?;
            if limit < SMALLEST_LIMIT {
                return Err(Fault::new(
                    "record_size_limit",
                    "it is at least 64 (RFC 8449 section 4)",
                ));
            }
            Content::Bytes(limit.to_be_bytes().into())
        }
        "session_ticket" => Content::SessionTicket,
        "pre_shared_key" => Content::PreSharedKey,
        "early_data" => Content::EarlyData,
        "supported_versions" => Content::List8(numbers.list(
            "supported_versions",
            Registry::Version,
            &document.supported_versions,
        )?),
        "cookie" => Content::Cookie,
        "psk_key_exchange_modes" => Content::Bytes(list8(
            "psk_key_exchange_modes",
            &document.psk_key_exchange_modes,
        )?),
        "key_share" => {
            Content::KeyShare(numbers.list("key_shares", Registry::Group, &document.key_shares)?)
        }
        "trust_anchors" => trust_anchors(document).ok_or_else(|| missing("trust_anchors"))??,
        "encrypted_client_hello" => Content::Ech(ech(document
            .ech_grease
            .as_ref()
            .ok_or_else(|| missing("ech_grease"))?)?),
        // The length of an empty renegotiated_connection (RFC 5746 section 3.4).
        "renegotiation_info" => Content::Bytes([0].into()),
        "encrypt_then_mac"
        | "extended_master_secret"
        | "post_handshake_auth"
        | "signed_certificate_timestamp" => Content::Bytes(Box::default()),
        _ => {
            return Err(Fault::new(
                field,
                format!(
                    "what {text} carries is not known here: write {{\"extension\": {text:?}, \"body\": \"…\"}}"
                ),
            ));
        }
    })
}

/// In bytes.
const SMALLEST_LIMIT: u16 = 64;

/// A CertificateStatusRequest for OCSP without responders and extensions (RFC 6066 section 8).
const OCSP_REQUEST: &[u8] = &[1, 0, 0, 0, 0];

fn protocols(field: &str, names: &[String]) -> Result<Vec<Box<[u8]>>> {
    if names.is_empty() {
        return Err(Fault::new(field, "there is no protocol in it"));
    }
    let names = names.iter().enumerate();
    names
        .map(|(index, name)| match name.len() {
            1..=255 => Ok(name.as_bytes().into()),
            _ => Err(Fault::new(
                format!("{field}[{index}]"),
                "a protocol's name has 1 to 255 bytes",
            )),
        })
        .collect()
}

fn list8(field: &str, values: &[u8]) -> Result<Box<[u8]>> {
    let length = u8::try_from(values.len()).ok().filter(|length| *length > 0);
    let length = length.ok_or_else(|| Fault::new(field, "there must be 1 to 255 values"))?;
    Ok([&[length], values].concat().into())
}

/// Identifiers of one to 255 bytes (draft-ietf-tls-trust-anchor-ids section 4.1).
fn trust_anchors(document: &ClientHelloDocument) -> Option<Result<Content>> {
    let ids = document.trust_anchors.as_ref()?.iter().enumerate();
    let ids = ids.map(|(index, id)| {
        let field = format!("trust_anchors[{index}]");
        let id = bytes(&field, id)?;
        match id.len() {
            1..=255 => Ok(id),
            _ => Err(Fault::new(field, "an identifier has 1 to 255 bytes")),
        }
    });
    let content = ids.collect::<Result<Vec<_>>>().map(|mut ids| {
        let shuffled = document.trust_anchor_order == TrustAnchorOrder::Shuffled;
        if shuffled {
            ids.shuffle(&mut rand::rng());
        }
        Content::TrustAnchors { ids, shuffled }
    });
    Some(content)
}

fn bytes(field: &str, text: &str) -> Result<Box<[u8]>> {
    hex::decode(text)
        .map(Into::into)
        .ok_or_else(|| Fault::new(field, format!("{text:?} is no hex")))
}
