//! The labels of GREASE values, of which two profiles may have different ones for the same.

use std::collections::BTreeMap;

use serde_json::Value;

const LABELLED: &str = "GREASE:";

/// Renames labels: one that stands in a single place is none, the others are numbered as they come.
pub(super) fn normalise(content: &mut Value) {
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    each(content, &mut |text| {
        *uses.entry(text.clone()).or_default() += 1;
    });
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    each(content, &mut |text| {
        if uses.get(text).is_some_and(|uses| *uses == 1) {
            "GREASE".clone_into(text);
            return;
        }
        let next = format!("{LABELLED}{}", names.len() + 1);
        *text = names.entry(text.clone()).or_insert(next).clone();
    });
}

fn each(content: &mut Value, label: &mut impl FnMut(&mut String)) {
    match content {
        Value::String(text) if text.starts_with(LABELLED) => label(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each(item, label)),
        Value::Object(members) => members.values_mut().for_each(|member| each(member, label)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::normalise;

    #[test]
    fn only_what_is_shared_has_a_label() {
        let mut content =
            json!({"a": ["GREASE:x", "GREASE:y"], "b": [{"c": "GREASE:x"}, "GREASE", "GREASED"]});
        normalise(&mut content);
        let expected =
            json!({"a": ["GREASE:1", "GREASE"], "b": [{"c": "GREASE:1"}, "GREASE", "GREASED"]});
        assert_eq!(content, expected);
    }
}
