//! Two templates written down by hand from what the captures show.

use crate::profile::template::{
    Content, EchKey, EchPayload, EchTemplate, ExtensionTemplate, HelloTemplate, HybridKey,
    Presence, SessionId, Slot, Value,
};

/// Permutes, greases, sends application settings and an X25519 share with a key of its own.
pub(super) fn chromium() -> HelloTemplate {
    let grease = |slot| Value::Grease(slot);
    let mut extensions = vec![
        (0, Content::ServerName),
        (23, Content::Bytes([].into())),
        (0xff01, Content::Bytes([0].into())),
        (10, list16(&[0x11ec, 29, 23, 24], Some(grease(1)))),
        (11, Content::Bytes([1, 0].into())),
        (35, Content::SessionTicket),
        (16, Content::Alpn(protocols())),
        (5, Content::Bytes([1, 0, 0, 0, 0].into())),
        (
            13,
            list16(
                &[
                    0x0904, 0x0905, 0x0906, 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806,
                    0x0601,
                ],
                Some(grease(4)),
            ),
        ),
        (18, Content::Bytes([].into())),
        (
            51,
            Content::KeyShare(vec![grease(1), Value::Fixed(0x11ec), Value::Fixed(29)]),
        ),
        (45, Content::Bytes([1, 1].into())),
        (
            43,
            Content::List8(vec![grease(2), Value::Fixed(0x0304), Value::Fixed(0x0303)]),
        ),
        (27, Content::List8(vec![Value::Fixed(2)])),
        (0x44cd, Content::ApplicationSettings(vec![(*b"h2").into()])),
        (
            0xfe0d,
            Content::Ech(EchTemplate {
                kdf: 1,
                aeads: vec![1],
                key: EchKey::X25519,
                payload: EchPayload::Lengths(vec![144, 176, 208, 240]),
            }),
        ),
        (0xca34, Content::Bytes([0, 3, 2, 1, 2].into())),
    ]
    .into_iter()
    .map(|(id, content)| extension(Value::Fixed(id), content, false))
    .collect::<Vec<_>>();
    extensions.insert(0, extension(grease(5), Content::Bytes([].into()), true));
    extensions.push(extension(grease(6), Content::Bytes([0].into()), true));
    extensions.push(extension(Value::Fixed(41), Content::PreSharedKey, true));
    extensions.push(extension(Value::Fixed(44), Content::Cookie, false));
    let place = extensions.len() - 3;
    let cookie = extensions.pop().unwrap();
    extensions.insert(place, cookie);
    let mut suites = vec![grease(0)];
    suites.extend(fixed(&[
        0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
        0x009c, 0x009d, 0x002f, 0x0035,
    ]));
    HelloTemplate {
        cipher_suites: suites,
        extensions,
        slots: [
            "cipher",
            "group",
            "version",
            "unused",
            "signature",
            "first",
            "last",
        ]
        .into_iter()
        .enumerate()
        .map(|(index, label)| Slot {
            label: label.into(),
            is_extension: index > 4,
        })
        .collect(),
        hybrid_key: HybridKey::Own,
        ..plain()
    }
}

/// Fixed order, three shares of which two are one key, early data, delegated credentials, a record size limit, ECH of the length
/// of a real one.
pub(super) fn firefox() -> HelloTemplate {
    let mut extensions = [
        (0, Content::ServerName),
        (23, Content::Bytes([].into())),
        (0xff01, Content::Bytes([0].into())),
        (10, list16(&[0x11ec, 29, 23, 24, 25, 0x0100, 0x0101], None)),
        (11, Content::Bytes([1, 0].into())),
        (35, Content::SessionTicket),
        (16, Content::Alpn(protocols())),
        (5, Content::Bytes([1, 0, 0, 0, 0].into())),
        (34, list16(&[0x0403, 0x0503, 0x0603, 0x0203], None)),
        (18, Content::Bytes([].into())),
        (51, Content::KeyShare(fixed(&[0x11ec, 29, 23]))),
        (42, Content::EarlyData),
        (44, Content::Cookie),
        (43, Content::List8(fixed(&[0x0304, 0x0303]))),
        (
            13,
            list16(
                &[
                    0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203,
                    0x0201,
                ],
                None,
            ),
        ),
        (45, Content::Bytes([1, 1].into())),
        (28, Content::Bytes([0x40, 0x01].into())),
        (27, Content::List8(fixed(&[1, 2, 3]))),
        (
            0xfe0d,
            Content::Ech(EchTemplate {
                kdf: 1,
                aeads: vec![1, 3],
                key: EchKey::Random,
                payload: EchPayload::Inner {
                    maximum_name_length: 100,
                    multiple: 32,
                    less: 1,
                    without: Vec::new(),
                },
            }),
        ),
        (41, Content::PreSharedKey),
    ]
    .into_iter()
    .map(|(id, content)| extension(Value::Fixed(id), content, true))
    .collect::<Vec<_>>();
    for extension in &mut extensions {
        if extension.id == Value::Fixed(35) {
            extension.presence = Presence::NotResuming;
        }
    }
    HelloTemplate {
        cipher_suites: fixed(&[
            0x1301, 0x1303, 0x1302, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030, 0xc00a, 0xc013,
            0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
        ]),
        extensions,
        hybrid_key: HybridKey::Shared,
        ..plain()
    }
}

/// The template without this extension.
pub(super) fn without(mut template: HelloTemplate, id: u16) -> HelloTemplate {
    template
        .extensions
        .retain(|extension| extension.id != Value::Fixed(id));
    template
}

fn plain() -> HelloTemplate {
    HelloTemplate {
        key_lengths: Vec::new(),
        record_version: 0x0301,
        retry_record_version: 0x0303,
        legacy_version: 0x0303,
        session_id: SessionId::Random,
        cipher_suites: Vec::new(),
        compression_methods: vec![0],
        extensions: Vec::new(),
        slots: Vec::new(),
        hybrid_key: HybridKey::Own,
    }
}

fn extension(id: Value, content: Content, pinned: bool) -> ExtensionTemplate {
    ExtensionTemplate {
        id,
        content,
        pinned,
        presence: Presence::Always,
    }
}

fn fixed(numbers: &[u16]) -> Vec<Value> {
    numbers.iter().copied().map(Value::Fixed).collect()
}

fn list16(numbers: &[u16], first: Option<Value>) -> Content {
    Content::List16(first.into_iter().chain(fixed(numbers)).collect())
}

fn protocols() -> Vec<Box<[u8]>> {
    vec![(*b"h2").into(), (*b"http/1.1").into()]
}
