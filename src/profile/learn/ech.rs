//! How a client makes its GREASE ECH.

use crate::profile::compile::client_hello;
use crate::profile::document::{
    ClientHelloDocument, EchGreaseDocument, EchKeyDocument, EchPayloadDocument, InnerHelloDocument,
    Registry,
};
use crate::profile::explain::{ech_of, payload_fits};
use crate::profile::template::EchPayload;
use crate::profile::{ClientHello, read::Reader};

use super::is_resuming;

const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// An X25519 key: any other is of a kind that is not known here.
const KEY: usize = 32;

pub(super) fn is_opaque(body: &[u8]) -> bool {
    const OUTER: u8 = 0;
    body.first() != Some(&OUTER)
        || ech_of(body).is_none_or(|ech| {
            ech.key.len() != KEY || ech.payload.is_none_or(|payload| payload.is_empty())
        })
}

/// What all the hellos' extensions have in common. `document` has all but this field.
pub(super) fn describe(
    document: &ClientHelloDocument,
    hellos: &[&ClientHello],
) -> Option<EchGreaseDocument> {
    let found: Vec<_> = hellos
        .iter()
        .filter_map(|hello| Some((*hello, hello.extension(ENCRYPTED_CLIENT_HELLO)?.body())))
        .filter_map(|(hello, body)| {
            Some((hello, Reader::new(body.get(1..)?).u16()?, ech_of(body)?))
        })
        .collect();
    let (_, kdf, _) = found.first()?;
    let mut aeads: Vec<u16> = found.iter().map(|(_, _, ech)| ech.aead).collect();
    aeads.sort_unstable();
    aeads.dedup();
    // The last bit of an X25519 public key is never set, since it is below 2^255 - 19.
    let could_be_key = found
        .iter()
        .all(|(_, _, ech)| ech.key.last().is_some_and(|last| last & 0x80 == 0));
    let length = |payload: &Option<Box<[u8]>>| {
        payload
            .as_ref()
            .and_then(|payload| u16::try_from(payload.len()).ok())
    };
    let mut lengths: Vec<u16> = found
        .iter()
        .filter_map(|(_, _, ech)| length(&ech.payload))
        .collect();
    lengths.sort_unstable();
    lengths.dedup();
    let drawn = EchGreaseDocument {
        kdf: *kdf,
        aeads,
        key: if could_be_key {
            EchKeyDocument::X25519
        } else {
            EchKeyDocument::Random
        },
        payload: EchPayloadDocument::Lengths(lengths),
    };
    let resumed = found.iter().filter(|(hello, ..)| is_resuming(hello));
    let grows = resumed
        .filter_map(|(_, _, ech)| length(&ech.payload))
        .any(|resumed| {
            found
                .iter()
                .filter(|(hello, ..)| !is_resuming(hello))
                .all(|(_, _, ech)| length(&ech.payload) < Some(resumed))
        });
    let inner = || inner_rule(document, &drawn, hellos);
    grows.then(inner).flatten().or(Some(drawn))
}

/// What an inner hello has no use for: extensions of TLS 1.2.
const TLS12_ONLY: [u16; 4] = [11, 23, 35, 0xff01];

/// The rule by which each payload is as long as a real one, if there is one: inner hellos are padded to a multiple of 32 (RFC 9849
/// section 6.1.3), which some clients miss by one.
fn inner_rule(
    document: &ClientHelloDocument,
    drawn: &EchGreaseDocument,
    hellos: &[&ClientHello],
) -> Option<EchGreaseDocument> {
    let whole = ClientHelloDocument {
        ech_grease: Some(drawn.clone()),
        ..document.clone()
    };
    let mut template = client_hello(&whole).ok()?;
    let mut fitting = Vec::new();
    for less in [0, 1] {
        for maximum_name_length in 0..=u16::from(u8::MAX) {
            let rule = InnerHelloDocument {
                maximum_name_length,
                multiple: 32,
                less,
                without: TLS12_ONLY.map(|id| Registry::Extension.text(id)).to_vec(),
            };
            template.ech_mut()?.payload = EchPayload::Inner {
                maximum_name_length: maximum_name_length.into(),
                multiple: 32,
                less: less.into(),
                without: TLS12_ONLY.to_vec(),
            };
            if hellos.iter().all(|hello| payload_fits(&template, hello)) {
                fitting.push((maximum_name_length, rule));
            }
        }
    }
    // Of several, one that a person would have chosen.
    let roundness = |length: u16| {
        (
            !length.is_multiple_of(100),
            !length.is_multiple_of(50),
            !length.is_multiple_of(10),
            length,
        )
    };
    fitting
        .into_iter()
        .min_by_key(|(length, _)| roundness(*length))
        .map(|(_, rule)| EchGreaseDocument {
            payload: EchPayloadDocument::Inner(rule),
            ..drawn.clone()
        })
}
