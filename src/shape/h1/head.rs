//! A request's head, rewritten.

use std::collections::HashMap;

use super::framing::Framing;
use crate::profile::requests::RequestTemplates;

/// How a profile's client writes the names of headers.
#[derive(Clone, Debug)]
pub(crate) struct Spelling(HashMap<Box<[u8]>, Box<[u8]>>);

impl Spelling {
    /// Of all kinds of requests. Where two differ about a header, the first counts.
    pub(crate) fn of(templates: &RequestTemplates) -> Self {
        let mut names = HashMap::new();
        for slot in templates.kinds.iter().flat_map(|kind| &kind.http1.slots) {
            names
                .entry(slot.name.as_str().as_bytes().into())
                .or_insert_with(|| slot.spelled.as_bytes().into());
        }
        Self(names)
    }

    fn of_name<'a>(&'a self, name: &'a [u8]) -> &'a [u8] {
        self.0.get(name).map_or(name, |spelled| spelled)
    }
}

/// Appends a complete head with its names respelled, and tells how the body behind it is framed.
pub(super) fn respell(head: &[u8], spelling: &Spelling, out: &mut Vec<u8>) -> Framing {
    let mut framing = Framing::None;
    for (place, line) in lines(head).enumerate() {
        let colon = line
            .iter()
            .position(|byte| *byte == b':')
            .filter(|_| place > 0);
        match colon.and_then(|colon| line.split_at_checked(colon)) {
            Some((name, value)) => {
                out.extend_from_slice(spelling.of_name(name));
                out.extend_from_slice(value);
                framing = framing.with(name, value.get(1..).unwrap_or_default());
            }
            None => out.extend_from_slice(line),
        }
        out.extend_from_slice(b"\r\n");
    }
    framing
}

/// Without their ends; the empty line that ends the head is one of them.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let inner = head.strip_suffix(b"\r\n").unwrap_or(head);
    inner
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn spelling() -> Spelling {
        let names = ["Host", "User-Agent", "sec-ch-ua", "Content-Length", "DNT"];
        let entry = |name: &str| {
            let lower = name.to_ascii_lowercase();
            (lower.into_bytes().into(), name.as_bytes().into())
        };
        Spelling(names.map(entry).into())
    }

    #[test]
    fn names_are_respelled_and_nothing_else() {
        let head = b"GET /host:user-agent HTTP/1.1\r\nhost: host\r\nsec-ch-ua: q\r\nuser-agent:x\r\nx-own: dnt: 1\r\n\r\n";
        let mut out = Vec::new();
        assert_eq!(respell(head, &spelling(), &mut out), Framing::None);
        let wanted = b"GET /host:user-agent HTTP/1.1\r\nHost: host\r\nsec-ch-ua: q\r\nUser-Agent:x\r\nx-own: dnt: 1\r\n\r\n";
        assert_eq!(
            out.escape_ascii().to_string(),
            wanted.escape_ascii().to_string()
        );
    }
}
