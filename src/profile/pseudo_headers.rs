//! As much of HPACK (RFC 7541) as it takes to see in which order a client's first request has its pseudo-headers.

use super::read::Reader;

/// The initials of the request pseudo-headers in the header block: `m` for `:method`, `a` for `:authority`, `s` for
/// `:scheme`, `p` for `:path`. Other fields are stepped over; a broken one is the end.
pub(super) fn pseudo_headers(block: &[u8]) -> Vec<char> {
    let mut reader = Reader::new(block);
    let mut initials = Vec::new();
    while let Some(name) = next_name(&mut reader) {
        initials.extend(name.initial());
    }
    initials
}

enum Name<'a> {
    /// None: a change of the dynamic table's size.
    Absent,
    Indexed(usize),
    Literal(&'a [u8]),
}

impl Name<'_> {
    /// An entry of the dynamic table cannot be told from others here. In a first request it would repeat a field.
    fn initial(&self) -> Option<char> {
        match self {
            Self::Indexed(1) => Some('a'),
            Self::Indexed(2 | 3) => Some('m'),
            Self::Indexed(4 | 5) => Some('p'),
            Self::Indexed(6 | 7) => Some('s'),
            Self::Absent | Self::Indexed(_) => None,
            Self::Literal(name) => literal_initial(name),
        }
    }
}

/// A literal name as it is sent, raw or in its Huffman code; a string has only one.
fn literal_initial(name: &[u8]) -> Option<char> {
    match name {
        b":authority" | b"\xb8\x3b\x53\x39\xec\x32\x7d\x7f" => Some('a'),
        b":method" | b"\xb9\x49\x53\x39\xe4" => Some('m'),
        b":path" | b"\xb9\x58\xd3\x3f" => Some('p'),
        b":scheme" | b"\xb8\x82\x4e\x5a\x4b" => Some('s'),
        _ => None,
    }
}

/// Steps over one field representation (RFC 7541 section 6).
fn next_name<'a>(reader: &mut Reader<'a>) -> Option<Name<'a>> {
    let first = reader.u8()?;
    let index_bits = match first {
        0x80.. => return integer(reader, first, 7).map(Name::Indexed),
        0x40.. => 6,
        0x20.. => return integer(reader, first, 5).map(|_| Name::Absent),
        _ => 4,
    };
    let name = match integer(reader, first, index_bits)? {
        0 => Name::Literal(string(reader)?),
        index => Name::Indexed(index),
    };
    string(reader)?;
    Some(name)
}

/// A string literal, still in its code (RFC 7541 section 5.2).
fn string<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let first = reader.u8()?;
    let length = integer(reader, first, 7)?;
    reader.take(length)
}

/// An integer whose first `prefix_bits` bits are the low ones of `first` (RFC 7541 section 5.1).
fn integer(reader: &mut Reader<'_>, first: u8, prefix_bits: u32) -> Option<usize> {
    let full = (1 << prefix_bits) - 1;
    let mut value = usize::from(first & full);
    if value < usize::from(full) {
        return Some(value);
    }
    // Four more bytes hold 28 bits, more than the length of any frame.
    for shift in [0, 7, 14, 21] {
        let next = reader.u8()?;
        value += usize::from(next & 0x7f) << shift;
        if next & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(block: &[u8]) -> String {
        pseudo_headers(block).into_iter().collect()
    }

    #[test]
    fn the_request_examples_of_the_rfc() {
        // RFC 7541 appendix C.3.1 and C.4.1.
        assert_eq!(order(b"\x82\x86\x84\x41\x0fwww.example.com"), "mspa");
        assert_eq!(
            order(b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"),
            "mspa"
        );
    }

    #[test]
    fn names_may_be_spelled_out() {
        let raw =
            b"\x40\x07:method\x03PUT\x00\x05:path\x01/\x10\x07:scheme\x01x\x40\x0a:authority\x00";
        assert_eq!(order(raw), "mpsa");
        let huffman = b"\x40\x85\xb9\x49\x53\x39\xe4\x03PUT\x00\x84\xb9\x58\xd3\x3f\x01/\
            \x10\x85\xb8\x82\x4e\x5a\x4b\x01x\x40\x88\xb8\x3b\x53\x39\xec\x32\x7d\x7f\x00";
        assert_eq!(order(huffman), "mpsa");
    }

    #[test]
    fn other_fields_and_table_sizes_are_stepped_over() {
        assert_eq!(
            order(b"\x20\x3f\xe1\x1f\x82\x40\x01x\x01y\xbe\x53\x03*/*\x87"),
            "ms"
        );
    }

    #[test]
    fn integers_of_the_rfc() {
        // RFC 7541 appendix C.1.
        assert_eq!(integer(&mut Reader::new(&[]), 0x0a, 5), Some(10));
        assert_eq!(
            integer(&mut Reader::new(&[0x9a, 0x0a]), 0x1f, 5),
            Some(1337)
        );
        assert_eq!(integer(&mut Reader::new(&[0xff; 9]), 0x1f, 5), None);
    }

    #[test]
    fn a_broken_field_is_the_end() {
        assert_eq!(order(b"\x82\x41\x7fwww"), "m");
        assert_eq!(order(b"\x82\xff\xff\xff\xff\xff\xff\x84"), "m");
    }
}
