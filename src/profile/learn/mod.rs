//! A profile from what a client sent.
//!
//! One capture shows what is in a hello; several of one client show what it permutes and what it draws. Where the captures are too
//! few to tell, the less random guess is taken: what was always equal stays so. The same goes for what the client sent over HTTP: its
//! openings show its connections, its requests show the kinds that it has.

mod capture;
mod ech;
mod extensions;
mod grease;
mod header_list;
mod hpack;
mod http2;
mod kind;
mod notes;
mod order;
mod requests;
mod trials;

use std::collections::BTreeMap;

use super::document::{
    ClientHelloDocument, Day, HybridKeyDocument, ProfileDocument, Provenance, ProvenanceKind,
    Registry, ResumptionDocument, SessionIdDocument,
};
use super::{ClientHello, Http2Opening, ProfileError};
pub use capture::HelloCapture;
use grease::Labels;
use notes::Notes;

/// The profile document of the client that sent `captures`.
pub(super) fn document(
    name: &str,
    captures: &[HelloCapture],
) -> Result<ProfileDocument, ProfileError> {
    let error = |fault: &str| ProfileError::new(name, fault);
    // What is different on resumption is told apart only where there is a hello without it.
    let base = captures
        .iter()
        .find(|capture| !is_resuming(&capture.hello))
        .or_else(|| captures.first());
    let base = &base
        .ok_or_else(|| error("there is no hello to learn from"))?
        .hello;
    let hellos: Vec<&ClientHello> = captures.iter().map(|capture| &capture.hello).collect();
    for (place, differs) in [
        (
            "cipher suites",
            hellos
                .iter()
                .any(|hello| !same(hello.cipher_suites(), base.cipher_suites())),
        ),
        (
            "groups",
            hellos
                .iter()
                .any(|hello| !same(hello.supported_groups(), base.supported_groups())),
        ),
        (
            "signature algorithms",
            hellos
                .iter()
                .any(|hello| !same(hello.signature_algorithms(), base.signature_algorithms())),
        ),
        (
            "versions",
            hellos
                .iter()
                .any(|hello| !same(hello.supported_versions(), base.supported_versions())),
        ),
    ] {
        if differs {
            return Err(error(&format!(
                "these are hellos of different clients: their {place} differ"
            )));
        }
    }
    let labels = Labels::of(&hellos);
    let extensions = order::extensions(&hellos);
    let mut hello = ClientHelloDocument {
        record_version: version(base.record_version().unwrap_or(TLS10)),
        retry_record_version: version(retry_record_version(captures)),
        legacy_version: version(base.legacy_version()),
        session_id: if base.session_id().is_empty() {
            SessionIdDocument::Empty
        } else {
            SessionIdDocument::Random
        },
        cipher_suites: labels.suites(base),
        compression_methods: base.compression_methods().to_vec(),
        extensions: extensions.listed,
        extension_order: extensions.order,
        pinned: extensions.pinned,
        key_share_lengths: key_share_lengths(base),
        hybrid_key: hybrid_key(base),
        resumption: ResumptionDocument {
            without: extensions.without_when_resuming,
        },
        ..ClientHelloDocument::default()
    };
    extensions::describe(&mut hello, base, &hellos, &labels);
    let openings: Vec<&Http2Opening> = captures
        .iter()
        .filter_map(|capture| capture.opening.as_ref())
        .filter(|opening| opening.is_complete())
        .collect();
    let mut notes = Notes::of(captures, &openings);
    let http2 = http2::http2(&openings, &mut notes).map_err(|differs| {
        error(&format!(
            "these are HTTP/2 openings of different clients: their {differs} differ"
        ))
    })?;
    let requests = requests::requests(captures, &mut notes);
    Ok(ProfileDocument {
        name: name.to_owned(),
        aliases: Vec::new(),
        extends: None,
        provenance: Provenance {
            kind: ProvenanceKind::Captured,
            client: "unknown".to_owned(),
            version: "unknown".to_owned(),
            os: "unknown".to_owned(),
            date: Day::of(std::time::SystemTime::now()),
            expires: None,
            note: notes.into_text(),
        },
        client_hello: Some(hello),
        http2,
        requests,
        variants: Vec::new(),
    })
}

const TLS10: u16 = 0x0301;
const TLS12: u16 = 0x0303;
const PRE_SHARED_KEY: u16 = 41;

fn is_resuming(hello: &ClientHello) -> bool {
    hello.extension(PRE_SHARED_KEY).is_some()
}

fn version(number: u16) -> String {
    Registry::Version.text(number)
}

fn retry_record_version(captures: &[HelloCapture]) -> u16 {
    let retry = captures.iter().find_map(|capture| capture.retry.as_ref());
    retry.and_then(ClientHello::record_version).unwrap_or(TLS12)
}

/// The lengths of the keys in groups that are not known here.
fn key_share_lengths(hello: &ClientHello) -> BTreeMap<String, u16> {
    let shares = super::explain::shares(hello);
    let unknown = shares.into_iter().filter(|(group, _)| {
        !super::is_grease(*group)
            && !super::deliverable::GROUPS.contains(group)
            && super::template::listed_key_length(*group).is_none()
    });
    unknown
        .filter_map(|(group, key)| Some((Registry::Group.text(group), key.len().try_into().ok()?)))
        .collect()
}

fn hybrid_key(hello: &ClientHello) -> HybridKeyDocument {
    match super::explain::hybrid_key(hello) {
        Some(super::template::HybridKey::Shared) => HybridKeyDocument::Shared,
        _ => HybridKeyDocument::Own,
    }
}

/// Whether two lists are equal but for the values of their GREASE.
fn same(one: &[u16], other: &[u16]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| {
            one == other || (super::is_grease(*one) && super::is_grease(*other))
        })
}

#[cfg(test)]
mod tests;
