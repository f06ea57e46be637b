//! `hotpool profile diff`: where two profiles differ.

use hotpool::profile::Profile;
use serde_json::{Map, Value};

use super::merged::document;
use super::{grease, load};
use crate::failure::{Failure, Status};
use crate::output;

pub(super) fn run(one: &str, other: &str) -> Result<Status, Failure> {
    let (mut one, mut other) = (content(&load(one)?), content(&load(other)?));
    let mut lines = Vec::new();
    if is_permuted(&one) && is_permuted(&other) {
        unordered(EXTENSIONS, taken(&mut one), taken(&mut other), &mut lines);
    }
    compare("", &one, &other, &mut lines);
    for line in &lines {
        output::line(line)?;
    }
    Ok(Status::of(lines.is_empty()))
}

/// What a profile says, less whose it is.
fn content(profile: &Profile) -> Value {
    let mut document = document(profile);
    if let Value::Object(members) = &mut document {
        for member in ["name", "aliases", "provenance"] {
            members.remove(member);
        }
    }
    grease::normalise(&mut document);
    if let Some(settings) = document.pointer_mut("/http2/settings") {
        name_settings(settings);
    }
    document
}

/// Makes of a list of settings their order and what each is, so that they are compared by their names.
fn name_settings(settings: &mut Value) {
    let list = settings.as_array().map_or(&[][..], Vec::as_slice);
    let pairs: Vec<(String, Value)> = list
        .iter()
        .filter_map(|setting| {
            let name = setting.get(0)?.as_str()?.to_owned();
            Some((name, setting.get(1).cloned().unwrap_or_default()))
        })
        .collect();
    let is_named_twice =
        |name: &String| pairs.iter().filter(|(other, _)| other == name).count() > 1;
    // GREASE may stand there twice, and has no value.
    if pairs.len() != list.len()
        || pairs
            .iter()
            .any(|(name, _)| name != GREASE && is_named_twice(name))
    {
        return;
    }
    let names = pairs
        .iter()
        .map(|(name, _)| Value::from(name.as_str()))
        .collect();
    let mut named = Map::from_iter([("order".to_owned(), Value::Array(names))]);
    named.extend(pairs.into_iter().filter(|(name, _)| name != GREASE));
    *settings = Value::Object(named);
}

const GREASE: &str = "GREASE";

/// Whether the order in which the extensions are written says nothing.
fn is_permuted(content: &Value) -> bool {
    content.pointer("/client_hello/extension_order") == Some(&Value::from("permuted"))
}

const EXTENSIONS: &str = "client_hello.extensions";

fn taken(content: &mut Value) -> Vec<Value> {
    match content
        .pointer_mut("/client_hello/extensions")
        .map(Value::take)
    {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// What only one of two lists has, wherever.
fn unordered(path: &str, one: Vec<Value>, mut other: Vec<Value>, lines: &mut Vec<String>) {
    for item in one {
        match other.iter().position(|candidate| *candidate == item) {
            Some(place) => {
                other.remove(place);
            }
            None => lines.push(format!("{path}: - {}", text(&item))),
        }
    }
    for item in other {
        lines.push(format!("{path}: + {}", text(&item)));
    }
}

fn compare(path: &str, one: &Value, other: &Value, lines: &mut Vec<String>) {
    match (one, other) {
        (one, other) if one == other => {}
        (Value::Object(one), Value::Object(other)) => members(path, one, other, lines),
        // What is there on one side only is told member by member.
        (Value::Object(one), Value::Null) => members(path, one, &Map::new(), lines),
        (Value::Null, Value::Object(other)) => members(path, &Map::new(), other, lines),
        (Value::Array(one), Value::Array(other)) => items(path, one, other, lines),
        (Value::Array(one), Value::Null) if !one.is_empty() => items(path, one, &[], lines),
        (Value::Null, Value::Array(other)) if !other.is_empty() => items(path, &[], other, lines),
        (one, other) => lines.push(format!("{path}: {} | {}", text(one), text(other))),
    }
}

fn members(
    path: &str,
    one: &Map<String, Value>,
    other: &Map<String, Value>,
    lines: &mut Vec<String>,
) {
    let added = other.keys().filter(|name| !one.contains_key(*name));
    for name in one.keys().chain(added) {
        let path = match path {
            "" => name.clone(),
            path => format!("{path}.{name}"),
        };
        let [one, other] = [one, other].map(|members| members.get(name).unwrap_or(&Value::Null));
        compare(&path, one, other, lines);
    }
}

/// An item in another's place is told as such; others as taken out (-) or put in (+), by their places in the list they are in.
fn items(path: &str, one: &[Value], other: &[Value], lines: &mut Vec<String>) {
    let mut changes = changes(one, other).into_iter().peekable();
    while let Some(change) = changes.next() {
        let Change { place, item, .. } = change;
        if !change.is_out {
            lines.push(format!("{path}[{place}]: + {}", text(item)));
        } else if let Some(replacement) = changes.next_if(|next| change.is_replaced_by(next)) {
            compare(&format!("{path}[{place}]"), item, replacement.item, lines);
        } else {
            lines.push(format!("{path}[{place}]: - {}", text(item)));
        }
    }
}

/// An item taken out of a list or put into the other one.
#[derive(Clone, Copy)]
struct Change<'a> {
    is_out: bool,
    item: &'a Value,
    /// In the list that has it.
    place: usize,
    /// How far the other list has been gone through.
    other: usize,
}

impl Change<'_> {
    fn is_replaced_by(&self, next: &Self) -> bool {
        self.is_out && !next.is_out && next.place == self.other && next.other == self.place + 1
    }
}

/// The largest table for a shortest comparison, 8 MB: two lists of a thousand. Longer ones are compared place by place.
const MAXIMUM_TABLE: usize = 1 << 20;

/// What makes `one` into `other`: as little as possible, in order.
fn changes<'a>(one: &'a [Value], other: &'a [Value]) -> Vec<Change<'a>> {
    let width = other.len() + 1;
    let size = (one.len() + 1).saturating_mul(width);
    // How much the two have in common from each pair of places on.
    let mut common = vec![0_usize; if size > MAXIMUM_TABLE { 0 } else { size }];
    let at = |common: &[usize], i: usize, j: usize| {
        common.get(i * width + j).copied().unwrap_or_default()
    };
    if !common.is_empty() {
        for (i, item) in one.iter().enumerate().rev() {
            for (j, candidate) in other.iter().enumerate().rev() {
                let longest = if item == candidate {
                    at(&common, i + 1, j + 1) + 1
                } else {
                    at(&common, i + 1, j).max(at(&common, i, j + 1))
                };
                if let Some(cell) = common.get_mut(i * width + j) {
                    *cell = longest;
                }
            }
        }
    }
    let out = |item, place, other| Change {
        is_out: true,
        item,
        place,
        other,
    };
    let put = |item, place, other| Change {
        is_out: false,
        item,
        place,
        other,
    };
    let mut changes = Vec::new();
    let (mut i, mut j) = (0, 0);
    loop {
        match (one.get(i), other.get(j)) {
            (None, None) => return changes,
            (Some(item), Some(candidate)) if item == candidate => (i, j) = (i + 1, j + 1),
            (Some(item), candidate)
                if candidate.is_none() || at(&common, i + 1, j) >= at(&common, i, j + 1) =>
            {
                changes.push(out(item, i, j));
                i += 1;
                if common.is_empty()
                    && let Some(candidate) = candidate
                {
                    changes.push(put(candidate, j, i));
                    j += 1;
                }
            }
            (_, Some(candidate)) => {
                changes.push(put(candidate, j, i));
                j += 1;
            }
            (Some(_), None) => return changes,
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn compared(one: Value, other: Value) -> Vec<String> {
        let mut lines = Vec::new();
        super::compare("", &one, &other, &mut lines);
        lines
    }

    #[test]
    fn fields_and_items() {
        let one = json!({"a": 1, "b": {"c": ["x", "y", "z"]}, "same": [1], "only": "here"});
        let other =
            json!({"a": 2, "b": {"c": ["x", "w", "z", "v"]}, "same": [1], "d": {"e": true}});
        assert_eq!(
            compared(one, other),
            [
                "a: 1 | 2",
                "b.c[1]: y | w",
                "b.c[3]: + v",
                "only: here | nothing",
                "d.e: nothing | true",
            ]
        );
    }

    #[test]
    fn permuted_extensions_have_no_place() {
        let permuted = |list: &[&str]| json!({"client_hello": {"extension_order": "permuted", "extensions": list}});
        let mut one = permuted(&["a", "b", "c"]);
        let mut other = permuted(&["c", "d", "a"]);
        assert!(super::is_permuted(&one));
        let mut lines = Vec::new();
        let (first, second) = (super::taken(&mut one), super::taken(&mut other));
        super::unordered("e", first, second, &mut lines);
        assert_eq!(
            (lines, one),
            (vec!["e: - b".into(), "e: + d".into()], other)
        );
    }

    #[test]
    fn what_moved_is_taken_out_and_put_in() {
        let moved = compared(json!({"l": [1, 2, 3]}), json!({"l": [2, 3, 1]}));
        assert_eq!(moved, ["l[0]: - 1", "l[2]: + 1"]);
        assert_eq!(compared(json!({"l": [1]}), json!({})), ["l[0]: - 1"]);
        assert_eq!(compared(json!({}), json!({"l": []})), ["l: nothing | []"]);
    }

    #[test]
    fn settings_are_compared_by_name() {
        let named = |settings: Value| {
            let mut settings = settings;
            super::name_settings(&mut settings);
            settings
        };
        let one = named(json!([["A", 1], ["GREASE"], ["B", 2]]));
        let other = named(json!([["B", 3], ["A", 1], ["GREASE"]]));
        assert_eq!(
            compared(one, other),
            ["B: 2 | 3", "order[0]: + B", "order[2]: - B"]
        );
        let twice = json!([["A", 1], ["A", 2]]);
        assert_eq!(named(twice.clone()), twice);
    }

    #[test]
    fn long_lists_are_compared_place_by_place() {
        let mut one: Vec<usize> = (0..2000).collect();
        let other = json!({ "l": one });
        one[7] = 9999;
        one.push(1);
        assert_eq!(
            compared(json!({ "l": one }), other),
            ["l[7]: 9999 | 7", "l[2000]: - 1"]
        );
    }
}
