//! Two hellos, field by field.

use super::Difference;
use crate::profile::document::Registry;
use crate::profile::{ClientHello, Extension, hex, is_grease};

/// What differs in `found` from `expected`, and from the version that its record should have.
pub(super) fn compare(
    expected: &ClientHello,
    found: &ClientHello,
    record_version: u16,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut field = |place: &str, expected: String, found: String| {
        if expected != found {
            differences.push(Difference::new(place, expected, found));
        }
    };
    if let Some(found) = found.record_version() {
        field("record_version", version(record_version), version(found));
    }
    field(
        "legacy_version",
        version(expected.legacy_version()),
        version(found.legacy_version()),
    );
    field(
        "session_id",
        hex::encode(expected.session_id()),
        hex::encode(found.session_id()),
    );
    field("cipher_suites", suites(expected), suites(found));
    field(
        "compression_methods",
        hex::encode(expected.compression_methods()),
        hex::encode(found.compression_methods()),
    );
    field("extensions", order(expected), order(found));
    for extension in found.extensions() {
        let same = expected
            .extensions()
            .iter()
            .find(|other| other.id() == extension.id());
        if let Some(same) = same {
            field(
                &format!("extension {}", name(extension)),
                hex::encode(same.body()),
                hex::encode(extension.body()),
            );
        }
    }
    differences
}

fn version(number: u16) -> String {
    Registry::Version.text(number)
}

fn suites(hello: &ClientHello) -> String {
    list(
        hello
            .cipher_suites()
            .iter()
            .map(|suite| text(Registry::CipherSuite, *suite)),
    )
}

fn order(hello: &ClientHello) -> String {
    list(hello.extensions().iter().map(name))
}

fn name(extension: &Extension) -> String {
    text(Registry::Extension, extension.id())
}

fn text(registry: Registry, number: u16) -> String {
    if is_grease(number) {
        format!("GREASE {number:#06x}")
    } else {
        registry.text(number)
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}
