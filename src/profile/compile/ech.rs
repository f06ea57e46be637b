//! A GREASE ECH extension.

use super::numbers::number;
use super::{Fault, Result};
use crate::profile::document::{EchGreaseDocument, EchKeyDocument, EchPayloadDocument, Registry};
use crate::profile::template::{EchKey, EchPayload, EchTemplate};

pub(super) fn ech(document: &EchGreaseDocument) -> Result<EchTemplate> {
    if document.aeads.is_empty() {
        return Err(Fault::new("ech_grease.aeads", "there is none to draw"));
    }
    Ok(EchTemplate {
        kdf: document.kdf,
        aeads: document.aeads.clone(),
        key: match document.key {
            EchKeyDocument::Random => EchKey::Random,
            EchKeyDocument::X25519 => EchKey::X25519,
        },
        payload: match &document.payload {
            EchPayloadDocument::Lengths(lengths) => EchPayload::Lengths(checked(lengths)?),
            EchPayloadDocument::Inner(inner) => {
                let less_field = "ech_grease.payload.less";
                if inner.less >= inner.multiple {
                    return Err(Fault::new(less_field, "it must be less than `multiple`"));
                }
                let without = inner.without.iter().enumerate().map(|(index, text)| {
                    number(
                        &format!("ech_grease.payload.without[{index}]"),
                        Registry::Extension,
                        text,
                    )
                });
                EchPayload::Inner {
                    maximum_name_length: inner.maximum_name_length.into(),
                    multiple: inner.multiple.into(),
                    less: inner.less.into(),
                    without: without.collect::<Result<_>>()?,
                }
            }
        },
    })
}

fn checked(lengths: &[u16]) -> Result<Vec<u16>> {
    if lengths.is_empty() {
        return Err(Fault::new(
            "ech_grease.payload",
            "there is no length to draw",
        ));
    }
    // The payload of a real one is never empty, and its extension must fit into a record beside the rest.
    match lengths
        .iter()
        .position(|length| !(1..=8192).contains(length))
    {
        Some(index) => Err(Fault::new(
            format!("ech_grease.payload[{index}]"),
            "a payload has 1 to 8,192 bytes",
        )),
        None => Ok(lengths.to_vec()),
    }
}
