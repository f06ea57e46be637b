//! Whatever is encoded, decoded, or said about table sizes.

use proptest::prelude::*;

use super::policies::{chromium, firefox};
use super::{Owned, decode, decoder, encode, encoder, hex};
use crate::profile::hpack::table::Table;
use crate::profile::hpack::{
    Decoder, FieldRule, HpackError, HuffmanUse, IndexedUse, Indexing, MAX_HEADER_LIST_SIZE,
    NameSource, Policy, Rule, SizeSignal,
};

#[derive(Clone, Debug)]
enum Step {
    Limit(u32),
    Block(Vec<Owned>),
}

fn rule() -> impl Strategy<Value = Rule> {
    let indexed = vec![IndexedUse::Both, IndexedUse::Static, IndexedUse::Nothing];
    let indexing = vec![Indexing::Incremental, Indexing::Without, Indexing::Never];
    (
        prop::sample::select(indexed),
        prop::sample::select(indexing),
    )
        .prop_map(|(indexed, indexing)| Rule { indexed, indexing })
}

fn policy() -> impl Strategy<Value = Policy> {
    let sources = vec![
        NameSource::SameValue,
        NameSource::StaticFirst,
        NameSource::StaticLast,
        NameSource::DynamicNewest,
        NameSource::DynamicOldest,
    ];
    let names = prop::sample::subsequence(sources, 0..=5).prop_shuffle();
    let huffman = prop::sample::select(vec![
        HuffmanUse::IfShorter,
        HuffmanUse::IfNotLonger,
        HuffmanUse::Always,
        HuffmanUse::Never,
    ]);
    let field_rule = (name(), prop::option::of(0_usize..30), rule()).prop_map(
        |(name, value_shorter_than, rule)| FieldRule {
            name,
            value_shorter_than,
            rule,
        },
    );
    let rules = (
        prop::collection::vec(field_rule, 0..4),
        rule(),
        prop::option::of(rule()),
    );
    let sizes = (
        prop::option::of(0_u8..=100),
        0_u32..300,
        prop_oneof![Just(u32::MAX), 0_u32..9000],
        prop::sample::select(vec![SizeSignal::Change, SizeSignal::Announcement]),
    );
    (rules, names, (huffman.clone(), huffman), sizes).prop_map(
        |((rules, default, sensitive), names, (name_huffman, value_huffman), sizes)| Policy {
            rules,
            default,
            sensitive,
            names,
            name_huffman,
            value_huffman,
            largest_entry_percent: sizes.0,
            smallest_table: sizes.1,
            largest_table: sizes.2,
            size_signal: sizes.3,
        },
    )
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(vec![
            ":method", ":path", "cookie", "accept", "x", "priority", "age"
        ])
        .prop_map(|name| name.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(vec!["", "GET", "/", "a=b", "gzip, deflate", "~~~~"])
            .prop_map(|value| value.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..300),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fields = prop::collection::vec((name(), value(), any::<bool>()), 0..20);
    let limit = prop_oneof![0_u32..400, 0_u32..10_000];
    prop::collection::vec(
        prop_oneof![1 => limit.prop_map(Step::Limit), 2 => fields.prop_map(Step::Block)],
        1..40,
    )
}

fn entries(table: &Table) -> Vec<(Vec<u8>, Vec<u8>)> {
    let ages = 0..table.len() as u32;
    ages.filter_map(|age| table.get(age))
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect()
}

fn assert_in_step(policy: Policy, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut encoder = encoder(policy);
    let mut decoder = Decoder::new(MAX_HEADER_LIST_SIZE);
    for step in steps {
        match step {
            Step::Limit(limit) => {
                encoder.set_table_limit(limit);
                decoder.set_table_limit(limit);
            }
            Step::Block(fields) => {
                let block = encode(&mut encoder, &fields);
                let found = decode(&mut decoder, &block)
                    .map_err(|error| TestCaseError::fail(format!("{error}: {block:02x?}")))?;
                let plain = |fields: &[Owned]| -> Vec<_> {
                    let fields = fields.iter().cloned();
                    fields.map(|(name, value, _)| (name, value)).collect()
                };
                prop_assert_eq!(plain(&found), plain(&fields));
                prop_assert_eq!(entries(encoder.table()), entries(decoder.table()));
                prop_assert_eq!(encoder.table().max_size(), decoder.table().max_size());
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_tables_never_diverge(policy in policy(), steps in steps()) {
        assert_in_step(policy, steps)?;
    }

    #[test]
    fn nor_do_the_browsers(steps in steps()) {
        assert_in_step(chromium(), steps.clone())?;
        assert_in_step(firefox(), steps)?;
    }

    #[test]
    fn no_bytes_panic(
        blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20),
        limit in 0_u32..10_000,
        max_list_size in 0_usize..10_000,
    ) {
        let mut decoder = Decoder::new(max_list_size);
        for block in blocks {
            let _: Result<_, HpackError> = decode(&mut decoder, &block);
            decoder.set_table_limit(limit);
        }
    }

    #[test]
    fn no_change_of_a_real_block_panics(at in 0_usize..60, with: u8, cut in 0_usize..60) {
        let mut block = hex("828684be5886a8eb10649cbf828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf");
        let length = block.len();
        block[at % length] = with;
        block.truncate(cut);
        let _: Result<_, HpackError> = decode(&mut super::decoder(), &block);
    }
}

/// h2 would use no more than 4 KiB of what a server offers.
#[test]
fn a_table_without_end_is_not_filled() {
    for policy in [chromium(), firefox()] {
        let (mut encoder, mut decoder) = (encoder(policy), decoder());
        encoder.set_table_limit(u32::MAX);
        decoder.set_table_limit(u32::MAX);
        for number in 0..3_000 {
            let length = if number % 1_000 == 999 { 70_000 } else { 1_000 };
            let value = format!("{number:04}{}", "x".repeat(length));
            let field = |name: &str| (name.into(), value.clone().into_bytes(), false);
            let fields: Vec<Owned> = vec![field("x-one"), field("x-two"), field("x-one")];
            let block = encode(&mut encoder, &fields);
            assert_eq!(decode(&mut decoder, &block).unwrap(), fields);
            assert!(encoder.table().size() <= 64 * 1024);
        }
        assert!(decoder.table().size() > 1 << 20);
    }
}
