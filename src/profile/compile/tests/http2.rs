//! Faults of `http2`.

use serde_json::{Value, json};

use super::{assert_faults, loaded};
use crate::profile::http2::{PseudoHeader, SettingTemplate};

fn http2(members: Value) -> Value {
    json!({ "http2": members })
}

fn setting(setting: Value) -> Value {
    http2(json!({ "settings": [["HEADER_TABLE_SIZE", 1], setting] }))
}

fn hpack(members: Value) -> Value {
    http2(json!({ "hpack": members }))
}

#[test]
fn a_template_has_what_was_written() {
    let profile = loaded(json!({}));
    let template = profile.http2_template().unwrap();
    let fixed = |id, value| SettingTemplate::Fixed { id, value };
    assert_eq!(
        template.settings,
        [fixed(2, 0), fixed(7, 5), SettingTemplate::Grease]
    );
    assert_eq!(template.first_stream, 1);
    assert_eq!(template.connection_window_update, None);
    assert_eq!(template.pseudo_headers.len(), 4);
    assert_eq!(template.pseudo_headers[1], PseudoHeader::Authority);
}

#[test]
fn settings() {
    assert_faults([
        (
            setting(json!(["PUSH", 0])),
            "http2.settings[1]",
            "no HTTP/2 setting",
        ),
        (
            setting(json!(["ENABLE_PUSH"])),
            "http2.settings[1]",
            "has no value",
        ),
        (
            setting(json!(["ENABLE_PUSH", -1])),
            "http2.settings[1]",
            "expected a setting",
        ),
        (
            setting(json!(["ENABLE_PUSH", 4_294_967_296_u64])),
            "http2.settings[1]",
            "expected a setting",
        ),
        (
            setting(json!(["GREASE", 1])),
            "http2.settings[1]",
            "is drawn",
        ),
        (
            setting(json!(["0x3a4a", 1])),
            "http2.settings[1]",
            "drawn anew",
        ),
        (
            setting(json!(["ENABLE_PUSH", 2])),
            "http2.settings[1]",
            "ENABLE_PUSH is 0 to 1",
        ),
        (
            setting(json!(["ENABLE_CONNECT_PROTOCOL", 2])),
            "http2.settings[1]",
            "is 0 to 1",
        ),
        (
            setting(json!(["0x0009", 2])),
            "http2.settings[1]",
            "NO_RFC7540_PRIORITIES is 0 to 1",
        ),
        (
            setting(json!(["INITIAL_WINDOW_SIZE", 1_u32 << 31])),
            "http2.settings[1]",
            "is 0 to 2147483647",
        ),
        (
            setting(json!(["MAX_FRAME_SIZE", 16_383])),
            "http2.settings[1]",
            "is 16384 to 16777215",
        ),
        (
            setting(json!(["MAX_FRAME_SIZE", 1 << 24])),
            "http2.settings[1]",
            "is 16384 to 16777215",
        ),
        (
            http2(json!({"settings": vec![json!(["GREASE"]); 2731]})),
            "http2.settings",
            "at most 2730",
        ),
        (
            http2(json!({"settings": null})),
            "http2",
            "missing field `settings`",
        ),
        (
            http2(json!({"sittings": []})),
            "http2.sittings",
            "unknown field",
        ),
    ]);
    loaded(setting(json!(["MAX_FRAME_SIZE", (1 << 24) - 1])));
    loaded(setting(json!(["INITIAL_WINDOW_SIZE", (1_u32 << 31) - 1])));
}

#[test]
fn windows() {
    let most = (1_u32 << 31) - 1;
    let window = json!([["INITIAL_WINDOW_SIZE", most - 1]]);
    assert_faults([
        (
            http2(json!({"connection_window_update": 0})),
            "http2.connection_window_update",
            "is 1 to",
        ),
        (
            http2(json!({"stream_window_update": 0})),
            "http2.stream_window_update",
            "is 1 to",
        ),
        (
            http2(json!({"stream_window_update": 1_u32 << 31})),
            "http2.stream_window_update",
            "is 1 to",
        ),
        (
            http2(json!({"connection_window_update": most - 65_534})),
            "http2.connection_window_update",
            "the largest window",
        ),
        (
            http2(json!({"settings": window, "stream_window_update": 2})),
            "http2.stream_window_update",
            "the largest window",
        ),
    ]);
    loaded(http2(json!({"connection_window_update": most - 65_535})));
    loaded(http2(
        json!({"settings": window, "stream_window_update": 1}),
    ));
}

#[test]
fn streams() {
    let frame = |members: Value| {
        let mut frame = json!({"stream": 3, "weight": 201});
        crate::profile::document::merge(&mut frame, members);
        http2(json!({ "priority_frames": [frame] }))
    };
    assert_faults([
        (
            http2(json!({"first_stream": 0})),
            "http2.first_stream",
            "are odd",
        ),
        (
            http2(json!({"first_stream": 2})),
            "http2.first_stream",
            "are odd",
        ),
        (
            http2(json!({"first_stream": (1_u32 << 31) + 1})),
            "http2.first_stream",
            "31 bits",
        ),
        (
            http2(json!({"first_stream": (1_u32 << 16) + 1})),
            "http2.first_stream",
            "more than 65536",
        ),
        (
            frame(json!({"stream": 0})),
            "http2.priority_frames[0].stream",
            "stream 0",
        ),
        (
            frame(json!({"stream": 1_u32 << 31})),
            "http2.priority_frames[0].stream",
            "31 bits",
        ),
        (
            frame(json!({"depends_on": 1_u32 << 31})),
            "http2.priority_frames[0].depends_on",
            "31 bits",
        ),
        (
            frame(json!({"depends_on": 3})),
            "http2.priority_frames[0].depends_on",
            "on itself",
        ),
        (
            frame(json!({"weight": 0})),
            "http2.priority_frames[0].weight",
            "1 to 256",
        ),
        (
            frame(json!({"weight": 257})),
            "http2.priority_frames[0].weight",
            "1 to 256",
        ),
        (
            http2(json!({"dependencies": "tree"})),
            "http2.dependencies",
            "unknown variant",
        ),
    ]);
    loaded(frame(json!({"weight": 256, "exclusive": true})));
}

#[test]
fn pseudo_headers() {
    let order = |names: Value| http2(json!({ "pseudo_headers": names }));
    assert_faults([
        (
            order(json!(["method", "path", "authority"])),
            "http2.pseudo_headers",
            "scheme is missing",
        ),
        (
            order(json!(["method", "path", "authority", "scheme", "path"])),
            "http2.pseudo_headers[4]",
            "twice",
        ),
        (
            order(json!([":method"])),
            "http2.pseudo_headers[0]",
            "unknown variant",
        ),
    ]);
    loaded(order(json!([
        "method",
        "path",
        "authority",
        "scheme",
        "protocol"
    ])));
}

#[test]
fn header_blocks() {
    assert_faults([
        (
            hpack(json!({"fields": [{"name": "Cookie"}]})),
            "http2.hpack.fields[0].name",
            "in lower case",
        ),
        (
            hpack(json!({"fields": [{"name": ":"}]})),
            "http2.hpack.fields[0].name",
            "no header's name",
        ),
        (
            hpack(json!({"fields": [{"name": "cookie"}, {"name": "cookie", "shorter_than": 20}]})),
            "http2.hpack.fields[1]",
            "an earlier rule",
        ),
        (
            hpack(json!({"fields": [{"name": "cookie", "shorter_than": 0}]})),
            "http2.hpack.fields[0].shorter_than",
            "nothing",
        ),
        (
            hpack(json!({"fields": [{"name": "cookie", "literal": "sometimes"}]})),
            "http2.hpack.fields[0].literal",
            "unknown variant",
        ),
        (
            hpack(json!({"fields": [{"nome": "cookie"}]})),
            "http2.hpack.fields[0].nome",
            "unknown field",
        ),
        (
            hpack(json!({"default": {"index": "both"}})),
            "http2.hpack.default.index",
            "unknown field",
        ),
        (
            hpack(json!({"sensitive": {"indexed": "no"}})),
            "http2.hpack.sensitive.indexed",
            "unknown variant",
        ),
        (
            hpack(json!({"names": ["static-last", "static-last"]})),
            "http2.hpack.names[1]",
            "twice",
        ),
        (
            hpack(json!({"largest_entry_percent": 0})),
            "http2.hpack.largest_entry_percent",
            "1 to 100",
        ),
        (
            hpack(json!({"largest_entry_percent": 101})),
            "http2.hpack.largest_entry_percent",
            "1 to 100",
        ),
        (
            hpack(json!({"smallest_table": 5, "largest_table": 4})),
            "http2.hpack.smallest_table",
            "more than `largest_table`",
        ),
    ]);
    loaded(hpack(
        json!({"fields": [{"name": "cookie", "shorter_than": 20}, {"name": "cookie"}]}),
    ));
}
