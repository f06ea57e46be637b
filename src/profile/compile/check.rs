//! What cannot be: combinations that no client could send, or that no server could answer.

use super::numbers::grease_label;
use super::{Fault, Result};
use crate::profile::deliverable::GROUPS;
use crate::profile::document::{ClientHelloDocument, ExtensionDocument, ExtensionOrder, Registry};
use crate::profile::template::{Content, HelloTemplate, HybridKey, Value};

/// Before the numbers are known: fields without their extension, and extensions that miss each other.
pub(super) fn combinations(document: &ClientHelloDocument) -> Result<()> {
    let listed = Listed::of(document);
    if document.cipher_suites.is_empty() {
        return Err(Fault::new("cipher_suites", "there is none"));
    }
    if document.compression_methods.is_empty() {
        return Err(Fault::new(
            "compression_methods",
            "there is none: the null method, 0, must be",
        ));
    }
    for (field, length, most) in [
        ("cipher_suites", document.cipher_suites.len(), MOST_SUITES),
        (
            "compression_methods",
            document.compression_methods.len(),
            LONGEST_LIST8,
        ),
        (
            "supported_versions",
            document.supported_versions.len(),
            LONGEST_LIST8 / 2,
        ),
        (
            "compress_certificate",
            document.compress_certificate.len(),
            LONGEST_LIST8 / 2,
        ),
    ] {
        if length > most {
            return Err(Fault::new(
                field,
                format!("there are {length}, and it holds at most {most}"),
            ));
        }
    }
    for (field, is_set, extensions) in fields(document) {
        let is_listed = extensions.iter().any(|extension| listed.has(extension));
        if is_set && !is_listed {
            return Err(Fault::new(
                field,
                format!(
                    "it is set, and `extensions` does not list {}",
                    extensions.join(" or ")
                ),
            ));
        }
        // Those of single values name their extension's place in the list themselves.
        let is_opaque = extensions
            .iter()
            .any(|extension| listed.is_opaque(extension));
        if !is_set && is_listed && !is_opaque {
            return Err(Fault::new(
                field,
                format!(
                    "`extensions` lists {}, and nothing is in it",
                    extensions.join(" or ")
                ),
            ));
        }
    }
    for (extension, needs) in NEEDS {
        if listed.has(extension) && !needs.iter().any(|needed| listed.has(needed)) {
            return Err(Fault::new(
                "extensions",
                format!("{extension} means nothing without {}", needs.join(" or ")),
            ));
        }
    }
    for (index, protocol) in document.application_settings.iter().enumerate() {
        if !document.alpn.contains(protocol) {
            return Err(Fault::new(
                format!("application_settings[{index}]"),
                format!("`alpn` does not offer {protocol}"),
            ));
        }
    }
    if let Some(padding) = document
        .padding
        .filter(|padding| padding.from >= padding.length)
    {
        return Err(Fault::new(
            "padding",
            format!(
                "a hello of {} bytes or more cannot be padded to {}",
                padding.from, padding.length
            ),
        ));
    }
    if document.extension_order == ExtensionOrder::Fixed && !document.pinned.is_empty() {
        return Err(Fault::new(
            "pinned",
            "every extension has its place where `extension_order` is fixed",
        ));
    }
    listed_too("pinned", &document.pinned, &listed)?;
    listed_too("resumption.without", &document.resumption.without, &listed)
}

/// After the numbers are known: nothing twice, the pre-shared key last, keys for groups that are listed.
pub(super) fn template(template: &HelloTemplate) -> Result<()> {
    extensions(template)?;
    key_shares(template)?;
    let tls13 = template
        .numbers(SUPPORTED_VERSIONS)
        .any(|version| version == TLS13);
    let shares = template.extension(KEY_SHARE).is_some();
    if tls13 != shares {
        return Err(Fault::new(
            "supported_versions",
            "TLS 1.3 and key_share go together: one is there without the other",
        ));
    }
    Ok(())
}

fn extensions(template: &HelloTemplate) -> Result<()> {
    let slots = template.slots.iter().filter(|slot| slot.is_extension);
    if slots.count() > GREASE_VALUES {
        return Err(Fault::new(
            "extensions",
            "there are only sixteen GREASE values, and no two extensions may be equal",
        ));
    }
    for (index, extension) in template.extensions.iter().enumerate() {
        let Value::Fixed(id) = extension.id else {
            continue;
        };
        let field = || format!("extensions[{index}]");
        let name = || Registry::Extension.text(id);
        let before = template.extensions.get(..index).unwrap_or_default();
        if before.iter().any(|other| other.id == extension.id) {
            return Err(Fault::new(field(), format!("{} is there twice", name())));
        }
        if OWN.contains(&id) && matches!(extension.content, Content::Bytes(_)) {
            return Err(Fault::new(
                field(),
                format!("what is in {} is the connection's own", name()),
            ));
        }
        if extension.content == Content::PreSharedKey {
            let is_last = index + 1 == template.extensions.len();
            if !is_last || !extension.pinned {
                return Err(Fault::new(
                    field(),
                    "pre_shared_key must be last (RFC 8446 section 4.2.11), and stay there",
                ));
            }
        }
    }
    Ok(())
}

fn key_shares(template: &HelloTemplate) -> Result<()> {
    let values = |id| match template.extension(id).map(|found| &found.content) {
        Some(Content::KeyShare(values) | Content::List16(values)) => values.as_slice(),
        _ => &[],
    };
    let shares = values(KEY_SHARE);
    for (index, share) in shares.iter().enumerate() {
        let fault = |fault| Err(Fault::new(format!("key_shares[{index}]"), fault));
        let is_listed = values(SUPPORTED_GROUPS).contains(share);
        match share {
            Value::Grease(_) if !is_listed => {
                return fault(
                    "it is none of the values in `supported_groups`: give both the same label, as in GREASE:group"
                        .to_owned(),
                );
            }
            Value::Fixed(group) if !is_listed => {
                return fault(format!(
                    "`supported_groups` does not list {}",
                    Registry::Group.text(*group)
                ));
            }
            Value::Fixed(group) if shares.iter().take(index).any(|other| other == share) => {
                return fault(format!("{} is there twice", Registry::Group.text(*group)));
            }
            Value::Fixed(group)
                if !GROUPS.contains(group) && template.listed_key_length(*group).is_none() =>
            {
                return fault(format!(
                    "nobody here knows how long a key of {} is: say it in `key_share_lengths`",
                    Registry::Group.text(*group)
                ));
            }
            _ => {}
        }
    }
    let has = |group| shares.contains(&Value::Fixed(group));
    if template.hybrid_key == HybridKey::Shared && !(has(X25519MLKEM768) && has(X25519)) {
        return Err(Fault::new(
            "hybrid_key",
            "there is no X25519MLKEM768 share beside an x25519 one to share a key with",
        ));
    }
    Ok(())
}

/// An extension, and what it means nothing without.
const NEEDS: &[(&str, &[&str])] = &[
    (
        "application_settings",
        &["application_layer_protocol_negotiation"],
    ),
    (
        "application_settings_old",
        &["application_layer_protocol_negotiation"],
    ),
    ("early_data", &["pre_shared_key"]),
    ("key_share", &["supported_groups"]),
    ("pre_shared_key", &["psk_key_exchange_modes"]),
];

/// A field of lists, whether it is set, and the extensions of which one must then be listed.
fn fields(document: &ClientHelloDocument) -> [(&'static str, bool, &'static [&'static str]); 13] {
    [
        (
            "alpn",
            !document.alpn.is_empty(),
            &["application_layer_protocol_negotiation"],
        ),
        (
            "application_settings",
            !document.application_settings.is_empty(),
            &["application_settings", "application_settings_old"],
        ),
        (
            "compress_certificate",
            !document.compress_certificate.is_empty(),
            &["compress_certificate"],
        ),
        (
            "delegated_credential",
            !document.delegated_credential.is_empty(),
            &["delegated_credential"],
        ),
        (
            "ec_point_formats",
            !document.ec_point_formats.is_empty(),
            &["ec_point_formats"],
        ),
        (
            "ech_grease",
            document.ech_grease.is_some(),
            &["encrypted_client_hello"],
        ),
        (
            "key_shares",
            !document.key_shares.is_empty(),
            &["key_share"],
        ),
        ("padding", document.padding.is_some(), &["padding"]),
        (
            "psk_key_exchange_modes",
            !document.psk_key_exchange_modes.is_empty(),
            &["psk_key_exchange_modes"],
        ),
        (
            "record_size_limit",
            document.record_size_limit.is_some(),
            &["record_size_limit"],
        ),
        (
            "signature_algorithms",
            !document.signature_algorithms.is_empty(),
            &["signature_algorithms"],
        ),
        (
            "supported_groups",
            !document.supported_groups.is_empty(),
            &["supported_groups"],
        ),
        (
            "supported_versions",
            !document.supported_versions.is_empty(),
            &["supported_versions"],
        ),
    ]
}

/// The extensions that a document lists, and whether it gives their body itself.
struct Listed(Vec<(String, bool)>);

impl Listed {
    fn of(document: &ClientHelloDocument) -> Self {
        let entry = |entry: &ExtensionDocument| match entry {
            ExtensionDocument::Named(text) => (canonical(text), false),
            ExtensionDocument::Opaque(opaque) => (canonical(&opaque.extension), true),
        };
        Self(document.extensions.iter().map(entry).collect())
    }

    fn has(&self, extension: &str) -> bool {
        self.0.iter().any(|(listed, _)| listed == extension)
    }

    fn is_opaque(&self, extension: &str) -> bool {
        self.0
            .iter()
            .any(|(listed, opaque)| listed == extension && *opaque)
    }
}

/// The name by which an extension goes here, whether it was written in hex or otherwise.
fn canonical(text: &str) -> String {
    match (grease_label(text), Registry::Extension.number(text)) {
        (Some(_), _) => "GREASE".to_owned(),
        (None, Some(number)) => Registry::Extension.text(number),
        (None, None) => text.to_owned(),
    }
}

fn listed_too(field: &str, names: &[String], listed: &Listed) -> Result<()> {
    match names.iter().position(|name| !listed.has(&canonical(name))) {
        Some(index) => Err(Fault::new(
            format!("{field}[{index}]"),
            "`extensions` does not list it",
        )),
        None => Ok(()),
    }
}

/// RFC 8701 section 2.
const GREASE_VALUES: usize = 16;

/// Two bytes each, in a record of 16,384.
const MOST_SUITES: usize = (1 << 14) / 2;

/// Its length stands in one byte.
const LONGEST_LIST8: usize = 255;

/// Without what rustls has for these no handshake can be completed.
const OWN: [u16; 3] = [PRE_SHARED_KEY, COOKIE, KEY_SHARE];

const SUPPORTED_GROUPS: u16 = 10;
const PRE_SHARED_KEY: u16 = 41;
const SUPPORTED_VERSIONS: u16 = 43;
const COOKIE: u16 = 44;
const KEY_SHARE: u16 = 51;
const TLS13: u16 = 0x0304;
const X25519: u16 = 0x001d;
const X25519MLKEM768: u16 = 0x11ec;
