//! The draw that a client must have made to send a hello.

use super::Difference;
use crate::profile::document::Registry;
use crate::profile::read::Reader;
use crate::profile::template::{
    Content, EchDraw, ExtensionTemplate, HelloDraw, HelloTemplate, Value, in_places,
};
use crate::profile::{ClientHello, Extension, is_grease};

/// The draw, as far as the hello shows it, and what in the hello no draw explains.
pub(super) fn draw_of(
    template: &HelloTemplate,
    hello: &ClientHello,
) -> (HelloDraw, Vec<Difference>) {
    draw_of_both(template, hello, None)
}

/// As [`draw_of`]; the hello after a HelloRetryRequest shows where in the order is what only it has, which is the cookie.
pub(super) fn draw_of_both(
    template: &HelloTemplate,
    hello: &ClientHello,
    retry: Option<&ClientHello>,
) -> (HelloDraw, Vec<Difference>) {
    let mut grease = vec![0; template.slots.len()];
    let mut differences = Vec::new();
    let mut set = |value: &Value, number: u16| {
        if let Value::Grease(slot) = value
            && let Some(drawn) = grease.get_mut(*slot)
            && is_grease(number)
        {
            *drawn = number;
        }
    };
    for (value, number) in template.cipher_suites.iter().zip(hello.cipher_suites()) {
        set(value, *number);
    }
    let matched = matched(template, hello, &mut differences);
    let order = order(template, &matched, retry);
    for (index, extension) in matched {
        let Some(template) = template.extensions.get(index) else {
            continue;
        };
        set(&template.id, extension.id());
        for (value, number) in values(&template.content)
            .iter()
            .zip(numbers(&template.content, extension.body()))
        {
            set(value, number);
        }
    }
    let ech = template
        .ech()
        .and_then(|_| hello.extension(ENCRYPTED_CLIENT_HELLO))
        .and_then(|ech| ech_of(ech.body()));
    fill_in(&mut grease);
    (HelloDraw::new(grease, order, ech), differences)
}

/// What the hello does not show is drawn from what it does not have: zero would be an extension of its own.
fn fill_in(grease: &mut [u16]) {
    for index in 0..grease.len() {
        // RFC 8701 section 2: 0x0a0a, 0x1a1a and so on.
        let mut all = (0..16).map(|nibble: u16| 0x0a0a + 0x1010 * nibble);
        let free = all.find(|value| !grease.contains(value));
        if let (Some(drawn @ 0), Some(free)) = (grease.get_mut(index), free) {
            *drawn = free;
        }
    }
}

const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// Which of the hello's extensions is which of the template's.
fn matched<'a>(
    template: &HelloTemplate,
    hello: &'a ClientHello,
    differences: &mut Vec<Difference>,
) -> Vec<(usize, &'a Extension)> {
    let mut matched: Vec<(usize, &Extension)> = Vec::new();
    for extension in hello.extensions() {
        let is_free = |index: &usize| matched.iter().all(|(taken, _)| taken != index);
        let fits = |candidate: &ExtensionTemplate| match candidate.id {
            Value::Fixed(id) => id == extension.id(),
            Value::Grease(_) => extension.is_grease(),
        };
        let candidates = (0..)
            .zip(&template.extensions)
            .filter(|(_, candidate)| fits(candidate));
        match candidates.map(|(index, _)| index).find(is_free) {
            Some(index) => matched.push((index, extension)),
            None => {
                let name = if extension.is_grease() {
                    "GREASE".to_owned()
                } else {
                    Registry::Extension.text(extension.id())
                };
                differences.push(Difference::new(
                    "extensions",
                    "those of the profile alone",
                    name,
                ));
            }
        }
    }
    matched
}

/// The order of the template's extensions in the hello.
fn order(
    template: &HelloTemplate,
    matched: &[(usize, &Extension)],
    retry: Option<&ClientHello>,
) -> Vec<usize> {
    let mut present: Vec<usize> = matched.iter().map(|(index, _)| *index).collect();
    if let Some(retry) = retry {
        let mut next = 0;
        for (index, _) in self::matched(template, retry, &mut Vec::new()) {
            match present.iter().position(|other| *other == index) {
                Some(place) => next = place + 1,
                None => {
                    present.insert(next, index);
                    next += 1;
                }
            }
        }
    }
    let is_pinned = |index: &usize| {
        template
            .extensions
            .get(*index)
            .is_none_or(|extension| extension.pinned)
    };
    let absent = (0..template.extensions.len()).filter(|index| !present.contains(index));
    let free = present
        .iter()
        .copied()
        .chain(absent)
        .filter(|index| !is_pinned(index))
        .collect();
    in_places(&template.extensions, free)
}

/// The numbers that a content lists, among which there may be GREASE.
fn values(content: &Content) -> &[Value] {
    match content {
        Content::KeyShare(values) | Content::List8(values) | Content::List16(values) => values,
        _ => &[],
    }
}

fn numbers(content: &Content, body: &[u8]) -> Vec<u16> {
    let mut reader = Reader::new(body);
    let list = match content {
        Content::List8(_) => reader.vector8().and_then(|list| list.all(Reader::u16)),
        Content::List16(_) => reader.vector16().and_then(|list| list.all(Reader::u16)),
        Content::KeyShare(_) => crate::profile::extension::key_shares(body)
            .map(|shares| shares.into_iter().map(|(group, _)| group).collect()),
        _ => None,
    };
    list.unwrap_or_default()
}

/// What an `encrypted_client_hello` of type outer carries (RFC 9849 section 5).
pub(in crate::profile) fn ech_of(body: &[u8]) -> Option<EchDraw> {
    let mut reader = Reader::new(body);
    let _outer = reader.u8()?;
    let _kdf = reader.u16()?;
    Some(EchDraw {
        aead: reader.u16()?,
        config_id: reader.u8()?,
        key: reader.vector16()?.rest().into(),
        length: None,
        payload: Some(reader.vector16()?.rest().into()),
    })
}
