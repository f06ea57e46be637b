//! From a profile as it is written to a template: names become numbers, labels slots, and what cannot be is refused.

mod check;
mod ech;
mod extension;
mod header_list;
mod hpack;
mod http2;
mod numbers;
mod requests;
#[cfg(test)]
mod tests;

use super::document::{ClientHelloDocument, HybridKeyDocument, Registry, SessionIdDocument};
use super::template::{HelloTemplate, HybridKey, SessionId};
use extension::extensions;
pub(super) use hpack::hpack;
pub(super) use http2::http2;
use numbers::{Numbers, number, version};
pub(super) use requests::requests;

/// A field and what is wrong with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    pub(crate) field: String,
    pub(crate) fault: String,
}

impl Fault {
    fn new(field: impl Into<String>, fault: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            fault: fault.into(),
        }
    }
}

type Result<T> = std::result::Result<T, Fault>;

/// The lengths of keys in groups that are not known here.
fn key_lengths(document: &ClientHelloDocument) -> Result<Vec<(u16, usize)>> {
    let lengths = document.key_share_lengths.iter();
    lengths
        .map(|(group, length)| {
            let field = format!("key_share_lengths.{group}");
            Ok((
                number(&field, Registry::Group, group)?,
                usize::from(*length),
            ))
        })
        .collect()
}

/// The template of `document`. Fields are named by their path below `client_hello`.
pub(super) fn client_hello(document: &ClientHelloDocument) -> Result<HelloTemplate> {
    check::combinations(document)?;
    let mut numbers = Numbers::default();
    let template = HelloTemplate {
        record_version: version("record_version", &document.record_version)?,
        retry_record_version: version("retry_record_version", &document.retry_record_version)?,
        legacy_version: version("legacy_version", &document.legacy_version)?,
        session_id: match document.session_id {
            SessionIdDocument::Empty => SessionId::Empty,
            SessionIdDocument::Random => SessionId::Random,
        },
        cipher_suites: numbers.suites(&document.cipher_suites)?,
        compression_methods: document.compression_methods.clone(),
        extensions: extensions(document, &mut numbers)?,
        slots: numbers.into_slots(),
        key_lengths: key_lengths(document)?,
        hybrid_key: match document.hybrid_key {
            HybridKeyDocument::Own => HybridKey::Own,
            HybridKeyDocument::Shared => HybridKey::Shared,
        },
    };
    check::template(&template)?;
    Ok(template)
}
