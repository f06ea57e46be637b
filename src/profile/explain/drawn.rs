//! Whether what is random in a hello is what its client can draw.

use super::Difference;
use super::draw::draw_of;
use super::taken::{Taken, shares};
use crate::profile::document::Registry;
use crate::profile::template::{
    EchPayload, HelloDraw, HelloTemplate, HybridKey, SessionId, Value, inner_payload_length,
    listed_key_length,
};
use crate::profile::{ClientHello, is_grease};

pub(super) fn check_drawn(
    template: &HelloTemplate,
    draw: &HelloDraw,
    hello: &ClientHello,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    session_id(template, hello, &mut differences);
    grease(template, draw, &mut differences);
    keys(template, hello, &mut differences);
    ech(template, draw, hello, &mut differences);
    differences
}

fn session_id(template: &HelloTemplate, hello: &ClientHello, differences: &mut Vec<Difference>) {
    let expected = match template.session_id {
        SessionId::Empty => 0,
        SessionId::Random => 32,
    };
    let found = hello.session_id().len();
    if found != expected {
        differences.push(Difference::new(
            "session_id",
            format!("{expected} bytes"),
            format!("{found} bytes"),
        ));
    }
}

fn grease(template: &HelloTemplate, draw: &HelloDraw, differences: &mut Vec<Difference>) {
    let extensions: Vec<u16> = template
        .extensions
        .iter()
        .filter_map(|extension| match extension.id {
            Value::Grease(slot) => Some(draw.grease(slot)),
            Value::Fixed(_) => None,
        })
        .filter(|value| is_grease(*value))
        .collect();
    for (index, value) in extensions.iter().enumerate() {
        if extensions.iter().take(index).any(|other| other == value) {
            differences.push(Difference::new(
                "extensions",
                "GREASE values that differ",
                format!("{value:#06x} twice"),
            ));
        }
    }
}

fn keys(template: &HelloTemplate, hello: &ClientHello, differences: &mut Vec<Difference>) {
    let shares = shares(hello);
    // GREASE is compared with the rest of what is fixed.
    let expected: Vec<u16> = template.numbers(KEY_SHARE).collect();
    let found: Vec<u16> = shares
        .iter()
        .map(|(group, _)| *group)
        .filter(|group| !is_grease(*group))
        .collect();
    if hello.extension(KEY_SHARE).is_some() && found != expected {
        let text = |groups: &[u16]| {
            let names = groups.iter().map(|group| Registry::Group.text(*group));
            names.collect::<Vec<_>>().join(", ")
        };
        differences.push(Difference::new(
            "extension key_share",
            text(&expected),
            text(&found),
        ));
    }
    for (group, key) in &shares {
        let length = key_length(*group).or_else(|| template.listed_key_length(*group));
        if let Some(length) = length.filter(|length| *length != key.len()) {
            let place = format!("extension key_share, group {group:#06x}");
            differences.push(Difference::new(
                place,
                format!("{length} bytes"),
                format!("{} bytes", key.len()),
            ));
        }
    }
    if let Some(found) = hybrid_key(hello)
        && found != template.hybrid_key
    {
        let text = |hybrid| match hybrid {
            HybridKey::Own => "two X25519 keys",
            HybridKey::Shared => "the same X25519 key twice",
        };
        differences.push(Difference::new(
            "extension key_share",
            text(template.hybrid_key),
            text(found),
        ));
    }
}

/// Whether the length of the hello's GREASE ECH payload is one that the template can have; a hello without one fits.
pub(in crate::profile) fn payload_fits(template: &HelloTemplate, hello: &ClientHello) -> bool {
    let (draw, _) = draw_of(template, hello);
    let length = draw
        .ech()
        .and_then(|ech| ech.payload.as_ref())
        .map(|payload| payload.len());
    length.is_none_or(|length| payload_lengths(template, &draw, hello).contains(&length))
}

/// Whether the hello's hybrid share and its separate one have an X25519 key each; `None` if it has not both.
pub(in crate::profile) fn hybrid_key(hello: &ClientHello) -> Option<HybridKey> {
    let shares = shares(hello);
    let key = |wanted| {
        shares
            .iter()
            .find(|(group, _)| *group == wanted)
            .map(|(_, key)| *key)
    };
    let (hybrid, separate) = (key(X25519MLKEM768)?, key(X25519)?);
    Some(if hybrid.ends_with(separate) {
        HybridKey::Shared
    } else {
        HybridKey::Own
    })
}

const KEY_SHARE: u16 = 51;
const X25519: u16 = 0x001d;
const X25519MLKEM768: u16 = 0x11ec;

/// How long a public key of this group is (RFC 8446 section 4.2.8.2, draft-ietf-tls-ecdhe-mlkem section 4.1).
fn key_length(group: u16) -> Option<usize> {
    Some(match group {
        0x0017 => 65,
        0x0018 => 97,
        0x0019 => 133,
        X25519 => 32,
        0x11eb => 65 + 1184,
        X25519MLKEM768 => 1184 + 32,
        _ => return listed_key_length(group),
    })
}

fn ech(
    template: &HelloTemplate,
    draw: &HelloDraw,
    hello: &ClientHello,
    differences: &mut Vec<Difference>,
) {
    const PLACE: &str = "extension encrypted_client_hello";
    let (Some(template_ech), Some(found)) = (template.ech(), draw.ech()) else {
        return;
    };
    if !template_ech.aeads.contains(&found.aead) {
        let expected = format!("an AEAD of {:?}", template_ech.aeads);
        differences.push(Difference::new(PLACE, expected, found.aead.to_string()));
    }
    if found.key.len() != ECH_KEY {
        differences.push(Difference::new(
            PLACE,
            "a key of 32 bytes",
            format!("{} bytes", found.key.len()),
        ));
    }
    let length = found.payload.as_ref().map_or(0, |payload| payload.len());
    let lengths = payload_lengths(template, draw, hello);
    if !lengths.contains(&length) {
        differences.push(Difference::new(
            PLACE,
            format!("a payload of {lengths:?} bytes"),
            length.to_string(),
        ));
    }
}

fn payload_lengths(template: &HelloTemplate, draw: &HelloDraw, hello: &ClientHello) -> Vec<usize> {
    match template.ech().map(|ech| &ech.payload) {
        Some(EchPayload::Lengths(lengths)) => lengths.iter().copied().map(usize::from).collect(),
        Some(EchPayload::Inner { .. }) => inner_lengths(template, draw, hello),
        None => Vec::new(),
    }
}

/// An X25519 public key.
const ECH_KEY: usize = 32;

/// The longest an address is as text.
const LONGEST_ADDRESS: usize = 39;

/// How long a payload can be that depends on the rest of the hello, of which an address as host is not to be seen.
fn inner_lengths(template: &HelloTemplate, draw: &HelloDraw, hello: &ClientHello) -> Vec<usize> {
    let taken = Taken::from_hello(hello, false);
    let inputs = taken.inputs();
    let mut lengths: Vec<usize> = match inputs.is_name {
        true => vec![inner_payload_length(template, &inputs, draw)],
        false => (2..=LONGEST_ADDRESS)
            .map(|length| {
                inner_payload_length(
                    template,
                    &crate::profile::template::HelloInputs {
                        host: &"0".repeat(length),
                        ..inputs.clone()
                    },
                    draw,
                )
            })
            .collect(),
    };
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}
