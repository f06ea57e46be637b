//! Every rule of the browsers' policies is there because some captured block is encoded so.

use super::later_requests::{CHROMIUM, FIREFOX, different};
use super::policies::{chromium, firefox};
use crate::profile::hpack::{HuffmanUse, IndexedUse, Indexing, NameSource, Policy, SizeSignal};

fn without(policy: &Policy, name: &str) -> Policy {
    let mut policy = policy.clone();
    policy.rules.retain(|rule| rule.name != name.as_bytes());
    policy
}

/// How many captured blocks come out otherwise when one thing is changed.
fn changed(captures: &str, changes: Vec<(&str, Policy)>) -> Vec<(String, usize)> {
    let changes = changes.into_iter();
    changes
        .map(|(what, policy)| (what.to_owned(), different(captures, &policy).len()))
        .collect()
}

fn assert_needed(client: &str, counts: Vec<(String, usize)>) {
    for (what, count) in counts {
        println!("{client}: {what}: {count} blocks differ");
        assert!(count > 0, "{client}: {what} changes nothing");
    }
}

#[test]
fn chromium_needs_each_rule() {
    let policy = chromium();
    let changes = vec![
        (":path incremental", without(&policy, ":path")),
        (":method incremental", without(&policy, ":method")),
        (
            "values: Huffman also when equal",
            Policy {
                value_huffman: HuffmanUse::IfNotLonger,
                ..policy.clone()
            },
        ),
        (
            "values: Huffman always",
            Policy {
                value_huffman: HuffmanUse::Always,
                ..policy.clone()
            },
        ),
        (
            "names: never Huffman",
            Policy {
                name_huffman: HuffmanUse::Never,
                ..policy.clone()
            },
        ),
        (
            "names: last static entry",
            Policy {
                names: vec![NameSource::StaticLast, NameSource::DynamicNewest],
                ..policy.clone()
            },
        ),
        (
            "names: oldest dynamic entry",
            Policy {
                names: vec![NameSource::StaticFirst, NameSource::DynamicOldest],
                ..policy.clone()
            },
        ),
        (
            "names: dynamic table first",
            Policy {
                names: vec![NameSource::DynamicNewest, NameSource::StaticFirst],
                ..policy.clone()
            },
        ),
        (
            "names: no dynamic entry",
            Policy {
                names: vec![NameSource::StaticFirst],
                ..policy.clone()
            },
        ),
        (
            "entries up to 75 % of the table",
            Policy {
                largest_entry_percent: Some(75),
                ..policy.clone()
            },
        ),
        (
            "entries up to the table",
            Policy {
                largest_entry_percent: Some(100),
                ..policy.clone()
            },
        ),
        (
            "a table of at most 4096",
            Policy {
                largest_table: 4096,
                ..policy.clone()
            },
        ),
        (
            "a size update for each announcement",
            Policy {
                size_signal: SizeSignal::Announcement,
                ..policy.clone()
            },
        ),
    ];
    assert_needed("chromium", changed(CHROMIUM, changes));
}

#[test]
fn firefox_needs_each_rule() {
    let policy = firefox();
    let mut path = policy.clone();
    path.rules[0].rule.indexed = IndexedUse::Both;
    let mut any_cookie = policy.clone();
    any_cookie.rules[2].value_shorter_than = None;
    let mut longer_cookie = policy.clone();
    longer_cookie.rules[2].value_shorter_than = Some(21);
    let mut shorter_cookie = policy.clone();
    shorter_cookie.rules[2].value_shorter_than = Some(19);
    let mut merely_without = policy.clone();
    merely_without.rules[1].rule.indexing = Indexing::Without;
    let names = |names: &[NameSource]| Policy {
        names: names.into(),
        ..policy.clone()
    };
    use NameSource::{DynamicNewest, DynamicOldest, SameValue, StaticFirst, StaticLast};
    let changes = vec![
        (":path incremental", without(&policy, ":path")),
        (":path indexed where it can be", path),
        ("authorization as others", without(&policy, "authorization")),
        ("authorization without indexing", merely_without),
        ("cookies as others", without(&policy, "cookie")),
        ("all cookies never indexed", any_cookie),
        ("cookies below 21 never indexed", longer_cookie),
        ("cookies below 19 never indexed", shorter_cookie),
        (
            "values: Huffman only if not longer",
            Policy {
                value_huffman: HuffmanUse::IfNotLonger,
                ..policy.clone()
            },
        ),
        (
            "names: Huffman only if shorter",
            Policy {
                name_huffman: HuffmanUse::IfShorter,
                ..policy.clone()
            },
        ),
        (
            "names: the same value's entry is nothing special",
            names(&[DynamicOldest, StaticLast]),
        ),
        (
            "names: first static entry",
            names(&[SameValue, DynamicOldest, StaticFirst]),
        ),
        (
            "names: newest dynamic entry",
            names(&[SameValue, DynamicNewest, StaticLast]),
        ),
        (
            "names: static table first",
            names(&[SameValue, StaticLast, DynamicOldest]),
        ),
        (
            "entries up to 75 % of the table",
            Policy {
                largest_entry_percent: Some(75),
                ..policy.clone()
            },
        ),
        (
            "entries into any small table",
            Policy {
                smallest_table: 0,
                ..policy.clone()
            },
        ),
        (
            "a table of at most 4096",
            Policy {
                largest_table: 4096,
                ..policy.clone()
            },
        ),
        (
            "a size update only for a change",
            Policy {
                size_signal: SizeSignal::Change,
                ..policy.clone()
            },
        ),
    ];
    assert_needed("firefox", changed(FIREFOX, changes));
}
