//! Many requests on one connection, with every kind of table size: what the corpus lacks.
//!
//! `captures/*.txt`: the header blocks that the installed browsers sent to a local server on 2026-11-20 and 21 (Chromium 156, Firefox
//! ESR 153), in order, and where among
//! them they acknowledged SETTINGS with which SETTINGS_HEADER_TABLE_SIZE.

use super::policies::{chromium, firefox};
use super::{decoder, encode, encoder, hex, owned};
use crate::profile::hpack::{HeaderBlock, Policy};

pub(in crate::profile) const CHROMIUM: &str = include_str!("captures/chromium-156.txt");
pub(in crate::profile) const FIREFOX: &str = include_str!("captures/firefox-153.txt");

/// The blocks that `policy` encodes otherwise than the browser did.
pub(super) fn different(captures: &str, policy: &Policy) -> Vec<String> {
    let (mut decoder_, mut encoder_) = (decoder(), encoder(policy.clone()));
    let mut fields = HeaderBlock::default();
    let (mut scenario, mut number) = ("", 0);
    let mut different = Vec::new();
    for line in captures.lines() {
        let (what, rest) = line.split_once(' ').unwrap();
        match what {
            "connection" => {
                (decoder_, encoder_) = (decoder(), encoder(policy.clone()));
                (scenario, number) = (rest, 0);
            }
            "settings" => {
                for size in rest.split_whitespace() {
                    let size = size.parse().unwrap();
                    decoder_.set_table_limit(size);
                    encoder_.set_table_limit(size);
                }
            }
            "block" => {
                let block = hex(rest);
                decoder_.decode(&block, &mut fields).expect(scenario);
                if encode(&mut encoder_, &owned(&fields)) != block {
                    different.push(format!("{scenario} {number}"));
                }
                number += 1;
            }
            _ => panic!("{line}"),
        }
    }
    different
}

#[test]
fn chromium_byte_for_byte() {
    assert_eq!(different(CHROMIUM, &chromium()), Vec::<String>::new());
}

#[test]
fn firefox_byte_for_byte() {
    assert_eq!(different(FIREFOX, &firefox()), Vec::<String>::new());
}
