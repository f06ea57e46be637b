//! What a template offers a server, beside how it is written.

use super::{Content, ExtensionTemplate, HelloTemplate, Value};

/// Which X25519 key the separate X25519 share carries beside a hybrid one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum HybridKey {
    /// A key of its own.
    #[default]
    Own,
    /// The one inside the hybrid share.
    Shared,
}

impl HelloTemplate {
    /// The extension with this number, unless it is GREASE.
    pub(crate) fn extension(&self, id: u16) -> Option<&ExtensionTemplate> {
        self.extensions
            .iter()
            .find(|extension| extension.id == Value::Fixed(id))
    }

    /// The cipher suites, without GREASE.
    pub(crate) fn suites(&self) -> impl Iterator<Item = u16> {
        fixed(&self.cipher_suites)
    }

    /// The numbers listed in this extension, without GREASE: groups, key shares' groups, versions, signature algorithms,
    /// compression algorithms. Empty if it is not sent.
    pub(crate) fn numbers(&self, id: u16) -> impl Iterator<Item = u16> {
        let values = match self.extension(id).map(|extension| &extension.content) {
            Some(Content::KeyShare(values) | Content::List8(values) | Content::List16(values)) => {
                &**values
            }
            _ => &[],
        };
        fixed(values)
    }

    /// How long a key is in this group, of which random bytes stand for one: nobody could use it.
    pub(crate) fn listed_key_length(&self, group: u16) -> Option<usize> {
        let own = self.key_lengths.iter().find(|(number, _)| *number == group);
        own.map(|(_, length)| *length)
            .or_else(|| listed_key_length(group))
    }

    /// The numbers of the extensions that offer application settings.
    pub(crate) fn application_settings(&self) -> impl Iterator<Item = u16> {
        self.extensions
            .iter()
            .filter_map(|extension| match (&extension.content, extension.id) {
                (Content::ApplicationSettings(_), Value::Fixed(id)) => Some(id),
                _ => None,
            })
    }
}

fn fixed(values: &[Value]) -> impl Iterator<Item = u16> {
    values.iter().filter_map(|value| match value {
        Value::Fixed(number) => Some(*number),
        Value::Grease(_) => None,
    })
}

/// The length of a public key in a group that is only listed: finite fields (RFC 7919 section 3) and X448.
pub(crate) fn listed_key_length(number: u16) -> Option<usize> {
    match number {
        0x001e => Some(56),
        0x0100 => Some(2048 / 8),
        0x0101 => Some(3072 / 8),
        0x0102 => Some(4096 / 8),
        0x0103 => Some(6144 / 8),
        0x0104 => Some(8192 / 8),
        // Two curves and lattices that rustls has not together (draft-ietf-tls-ecdhe-mlkem section 4.1).
        0x11ed => Some(97 + 1568),
        _ => None,
    }
}
