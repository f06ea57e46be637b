//! RFC 7541 appendix C, both ways.

use super::policies::plain;
use super::{decode, decoder, encode, encoder, hex};
use crate::profile::hpack::table::Table;
use crate::profile::hpack::{
    Coding, Decoder, Encoder, FieldRule, HeaderBlock, HpackError, HuffmanUse, IndexedUse, Indexing,
    NameForm, Representation, Rule,
};

/// A block, its fields, and afterwards the dynamic table and its size.
struct Example {
    block: &'static str,
    fields: &'static [(&'static str, &'static str)],
    table: &'static [(&'static str, &'static str)],
    size: usize,
}

const AUTHORITY: (&str, &str) = (":authority", "www.example.com");
const NO_CACHE: (&str, &str) = ("cache-control", "no-cache");
const CUSTOM: (&str, &str) = ("custom-key", "custom-value");
const FIRST: Example = Example {
    block: "",
    fields: &[
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        AUTHORITY,
    ],
    table: &[AUTHORITY],
    size: 57,
};
const SECOND: Example = Example {
    block: "",
    fields: &[
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        AUTHORITY,
        NO_CACHE,
    ],
    table: &[NO_CACHE, AUTHORITY],
    size: 110,
};
const THIRD: Example = Example {
    block: "",
    fields: &[
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/index.html"),
        AUTHORITY,
        CUSTOM,
    ],
    table: &[CUSTOM, NO_CACHE, AUTHORITY],
    size: 164,
};

const PRIVATE: (&str, &str) = ("cache-control", "private");
const DATE: (&str, &str) = ("date", "Mon, 21 Oct 2013 20:13:21 GMT");
const LATER: (&str, &str) = ("date", "Mon, 21 Oct 2013 20:13:22 GMT");
const LOCATION: (&str, &str) = ("location", "https://www.example.com");
const GZIP: (&str, &str) = ("content-encoding", "gzip");
const COOKIE: (&str, &str) = (
    "set-cookie",
    "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
);
const FOUND: Example = Example {
    block: "",
    fields: &[(":status", "302"), PRIVATE, DATE, LOCATION],
    table: &[LOCATION, DATE, PRIVATE, (":status", "302")],
    size: 222,
};
const REDIRECT: Example = Example {
    block: "",
    fields: &[(":status", "307"), PRIVATE, DATE, LOCATION],
    table: &[(":status", "307"), LOCATION, DATE, PRIVATE],
    size: 222,
};
const OK: Example = Example {
    block: "",
    fields: &[(":status", "200"), PRIVATE, LATER, LOCATION, GZIP, COOKIE],
    table: &[COOKIE, GZIP, LATER],
    size: 215,
};

/// A dynamic table size update to 256, which the examples leave out.
const SIZE_256: &str = "3fe101";

fn assert_table(table: &Table, example: &Example) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let entries: Vec<_> = (0..table.len() as u32)
        .filter_map(|age| table.get(age))
        .map(|(name, value)| (text(name), text(value)))
        .collect();
    let expected: Vec<_> = example
        .table
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    assert_eq!(entries, expected);
    assert_eq!(table.size(), example.size);
}

fn both_ways(decoder: &mut Decoder, encoder: &mut Encoder, examples: &[Example]) {
    for example in examples {
        let fields: Vec<_> = example
            .fields
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec(), false))
            .collect();
        let block = hex(example.block);
        assert_eq!(decode(decoder, &block).as_ref(), Ok(&fields));
        assert_table(decoder.table(), example);
        assert_eq!(encode(encoder, &fields), block);
        assert_table(encoder.table(), example);
    }
}

#[test]
fn c2_literals() {
    let mut policy = plain(HuffmanUse::Never);
    let literal = |name: &str, indexing| FieldRule {
        name: name.into(),
        value_shorter_than: None,
        rule: Rule {
            indexed: IndexedUse::Both,
            indexing,
        },
    };
    policy.rules = vec![
        literal(":path", Indexing::Without),
        literal("password", Indexing::Never),
    ];
    for (block, name, value, sensitive, kept) in [
        (
            "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
            "custom-key",
            "custom-header",
            false,
            1,
        ),
        (
            "040c2f73616d706c652f70617468",
            ":path",
            "/sample/path",
            false,
            0,
        ),
        (
            "100870617373776f726406736563726574",
            "password",
            "secret",
            true,
            0,
        ),
        ("82", ":method", "GET", false, 0),
    ] {
        let (mut decoder, mut encoder) = (decoder(), encoder(policy.clone()));
        let fields = vec![(name.into(), value.into(), sensitive)];
        assert_eq!(decode(&mut decoder, &hex(block)).as_ref(), Ok(&fields));
        assert_eq!(decoder.table().len(), kept);
        // The policy alone decides here.
        let fields = [(name.into(), value.into(), false)];
        assert_eq!(encode(&mut encoder, &fields), hex(block));
    }
}

#[test]
fn c3_requests_without_huffman() {
    both_ways(
        &mut decoder(),
        &mut encoder(plain(HuffmanUse::Never)),
        &[
            Example {
                block: "828684410f7777772e6578616d706c652e636f6d",
                ..FIRST
            },
            Example {
                block: "828684be58086e6f2d6361636865",
                ..SECOND
            },
            Example {
                block: "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
                ..THIRD
            },
        ],
    );
}

#[test]
fn c4_requests_with_huffman() {
    both_ways(
        &mut decoder(),
        &mut encoder(plain(HuffmanUse::IfShorter)),
        &[
            Example {
                block: "828684418cf1e3c2e5f23a6ba0ab90f4ff",
                ..FIRST
            },
            Example {
                block: "828684be5886a8eb10649cbf",
                ..SECOND
            },
            Example {
                block: "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
                ..THIRD
            },
        ],
    );
}

#[test]
fn c5_responses_without_huffman() {
    responses(
        HuffmanUse::Never,
        [
            "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54
             6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            "4803333037c1c0bf",
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d
             4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b20766572
             73696f6e3d31",
        ],
    );
}

#[test]
fn c6_responses_with_huffman() {
    responses(
        HuffmanUse::IfNotLonger,
        [
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b
             97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdf
             cd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ],
    );
}

fn responses(huffman: HuffmanUse, blocks: [&'static str; 3]) {
    let (mut decoder, mut encoder) = (decoder(), encoder(plain(huffman)));
    decoder.set_table_limit(256);
    encoder.set_table_limit(256);
    assert_eq!(decode(&mut decoder, &hex(SIZE_256)), Ok(vec![]));
    assert_eq!(encode(&mut encoder, &[]), hex(SIZE_256));
    let [first, second, third] = blocks;
    both_ways(
        &mut decoder,
        &mut encoder,
        &[
            Example {
                block: first,
                ..FOUND
            },
            Example {
                block: second,
                ..REDIRECT
            },
            Example { block: third, ..OK },
        ],
    );
}

#[test]
fn representations_are_told() {
    let mut block = HeaderBlock::default();
    decoder()
        .decode(
            &hex("82 418cf1e3c2e5f23a6ba0ab90f4ff 0001610162 5301 61 be"),
            &mut block,
        )
        .unwrap();
    let literal = |indexing, name, value| Representation::Literal {
        indexing,
        name,
        value,
    };
    let found: Vec<_> = block.representations().collect();
    let raw = NameForm::Literal(Coding::Raw);
    assert_eq!(
        found,
        [
            Representation::Indexed(2),
            literal(Indexing::Incremental, NameForm::Index(1), Coding::Huffman),
            literal(Indexing::Without, raw, Coding::Raw),
            literal(Indexing::Incremental, NameForm::Index(19), Coding::Raw),
            Representation::Indexed(62),
        ]
    );
    assert_eq!(block.get(4).unwrap().name, b"accept");
    assert_eq!(block.list_size(), 42 + 57 + 34 + 39 + 39);
}

#[test]
fn every_fault_has_its_name() {
    for (block, error) in [
        ("80", HpackError::IndexOutOfRange),
        ("be", HpackError::IndexOutOfRange),
        ("7f00 00", HpackError::IndexOutOfRange),
        ("ffffffffffff00", HpackError::IntegerOverflow),
        ("ffffffffff0f", HpackError::IntegerOverflow),
        ("ff", HpackError::Truncated),
        ("40", HpackError::Truncated),
        ("4003 6162", HpackError::Truncated),
        ("4001 61", HpackError::Truncated),
        ("5381 00", HpackError::HuffmanPadding),
        ("5384 ffffffff", HpackError::HuffmanEos),
        ("3fe21f", HpackError::SizeUpdateTooLarge),
        ("82 20", HpackError::SizeUpdateMisplaced),
        ("20 20 20", HpackError::SizeUpdateMisplaced),
        ("5f 7f 00", HpackError::Truncated),
    ] {
        assert_eq!(decode(&mut decoder(), &hex(block)), Err(error), "{block}");
    }
    let mut decoder = Decoder::new(100);
    assert_eq!(decode(&mut decoder, &hex("8282")).unwrap().len(), 2);
    assert_eq!(
        decode(&mut decoder, &hex("828282")),
        Err(HpackError::HeaderListTooLarge)
    );
    decoder.set_table_limit(100);
    assert_eq!(
        decode(&mut decoder, &hex("82")),
        Err(HpackError::SizeUpdateMissing)
    );
    assert_eq!(
        decode(&mut decoder, &hex("3f46")),
        Err(HpackError::SizeUpdateTooLarge)
    );
    assert_eq!(decode(&mut decoder, &hex("203f4582")).unwrap().len(), 1);
}

#[test]
fn the_smallest_size_in_between_is_signalled() {
    for (limits, prefix) in [
        (&[4096][..], ""),
        (&[8192], "3fe13f"),
        (&[0, 4096], "20 3fe11f"),
        (&[2000, 3000], "3fb10f 3f9917"),
        (&[5000, 6000], "3fd12e"),
        (&[8192, 4096], "3fe11f"),
    ] {
        let mut encoder = encoder(plain(HuffmanUse::Never));
        limits
            .iter()
            .for_each(|limit| encoder.set_table_limit(*limit));
        assert_eq!(encode(&mut encoder, &[]), hex(prefix), "{limits:?}");
        assert_eq!(encode(&mut encoder, &[]), b"", "{limits:?}");
    }
}
