//! What differs between the installations of one client, not between connections.

use std::borrow::Cow;

use super::{Content, ExtensionTemplate, HelloTemplate};
use crate::profile::ClientHello;
use crate::profile::read::Reader;

impl HelloTemplate {
    /// The template of the installation that sent `hello`: this one with the order of its trust anchors.
    pub(crate) fn adopt(&self, hello: &ClientHello) -> Cow<'_, Self> {
        let is_shuffled = |extension: &ExtensionTemplate| {
            matches!(
                extension.content,
                Content::TrustAnchors { shuffled: true, .. }
            )
        };
        if !self.extensions.iter().any(is_shuffled) {
            return Cow::Borrowed(self);
        }
        let mut template = self.clone();
        for extension in &mut template.extensions {
            let Content::TrustAnchors {
                ids,
                shuffled: true,
            } = &mut extension.content
            else {
                continue;
            };
            let sent = hello
                .extension(TRUST_ANCHORS)
                .and_then(|extension| anchors(extension.body()));
            if let Some(sent) = sent.filter(|sent| is_permutation(sent, ids)) {
                *ids = sent;
            }
        }
        Cow::Owned(template)
    }
}

const TRUST_ANCHORS: u16 = 0xca34;

fn anchors(body: &[u8]) -> Option<Vec<Box<[u8]>>> {
    Reader::new(body)
        .vector16()?
        .all(|list| Some(list.vector8()?.rest().into()))
}

fn is_permutation(one: &[Box<[u8]>], other: &[Box<[u8]>]) -> bool {
    let sorted = |ids: &[Box<[u8]>]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids
    };
    sorted(one) == sorted(other)
}
