//! Names and labels to numbers and slots.

use super::{Fault, Result};
use crate::profile::document::Registry;
use crate::profile::is_grease;
use crate::profile::template::{Slot, Value};

/// Reads lists of numbers, and keeps the GREASE slots that they name.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    slots: Vec<Slot>,
}

impl Numbers {
    pub(super) fn suites(&mut self, texts: &[String]) -> Result<Vec<Value>> {
        self.list("cipher_suites", Registry::CipherSuite, texts)
    }

    /// The values of a list, in which one may be twice.
    pub(super) fn list(
        &mut self,
        field: &str,
        registry: Registry,
        texts: &[String],
    ) -> Result<Vec<Value>> {
        texts
            .iter()
            .enumerate()
            .map(|(index, text)| self.value(&format!("{field}[{index}]"), registry, text))
            .collect()
    }

    /// A name, hex, or GREASE.
    pub(super) fn value(&mut self, field: &str, registry: Registry, text: &str) -> Result<Value> {
        match grease_label(text) {
            Some(label) => self
                .slot(field, label, registry == Registry::Extension)
                .map(Value::Grease),
            None => number(field, registry, text).map(Value::Fixed),
        }
    }

    pub(super) fn into_slots(self) -> Vec<Slot> {
        self.slots
    }

    fn slot(&mut self, field: &str, label: &str, is_extension: bool) -> Result<usize> {
        // One without a label is like no other.
        let known = self
            .slots
            .iter_mut()
            .enumerate()
            .find(|(_, slot)| !label.is_empty() && &*slot.label == label);
        if let Some((index, slot)) = known {
            if is_extension && slot.is_extension {
                return Err(Fault::new(
                    field,
                    format!("GREASE:{label} is used twice: no two extensions may be equal"),
                ));
            }
            slot.is_extension |= is_extension;
            return Ok(index);
        }
        self.slots.push(Slot {
            label: label.into(),
            is_extension,
        });
        Ok(self.slots.len() - 1)
    }
}

/// The number that `text` names in `registry`.
pub(super) fn number(field: &str, registry: Registry, text: &str) -> Result<u16> {
    match registry.number(text) {
        Some(number) if is_grease(number) => Err(Fault::new(
            field,
            format!("{text} is a GREASE value, which is drawn anew each time: write GREASE"),
        )),
        Some(number) => Ok(number),
        None => Err(Fault::new(
            field,
            format!(
                "{text:?} is no {}: neither a name that is known here nor hex like 0x1301",
                what(registry)
            ),
        )),
    }
}

pub(super) fn version(field: &str, text: &str) -> Result<u16> {
    number(field, Registry::Version, text)
}

/// The label of a GREASE value, empty if it has none; `None` if `text` is something else.
pub(super) fn grease_label(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("GREASE")?;
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix(':').filter(|label| !label.is_empty())
    }
}

const fn what(registry: Registry) -> &'static str {
    match registry {
        Registry::CertificateCompression => "certificate compression algorithm",
        Registry::CipherSuite => "cipher suite",
        Registry::Extension => "extension",
        Registry::Group => "group",
        Registry::Setting => "HTTP/2 setting",
        Registry::SignatureScheme => "signature scheme",
        Registry::Version => "version",
    }
}
