//! Profiles from files, and those that are compiled in.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use parking_lot::Mutex;
use serde_json::Value;

use super::document::{ProfileDocument, merge};
use super::installation::{Installations, typed};
use super::model::Profile;
use super::profile_error::ProfileError;

/// How long a chain of `extends` may be: the longest here has three links, and a circle has none.
const MAXIMUM_EXTENSIONS: usize = 8;

/// A profile file takes 20 kB at most; what is longer than this is something else.
const MAXIMUM_FILE: u64 = 1 << 20;

static FINGERPRINTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/fingerprints");

/// The files that are compiled in, by their profiles' names and aliases.
static COMPILED_IN: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let mut by_name = BTreeMap::new();
    for file in FINGERPRINTS.files().filter(|file| {
        file.path()
            .extension()
            .is_some_and(|extension| extension == "json")
    }) {
        let Ok(document) = serde_json::from_slice::<Value>(file.contents()) else {
            continue;
        };
        let aliases = document
            .get("aliases")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for name in document
            .get("name")
            .into_iter()
            .chain(aliases)
            .filter_map(Value::as_str)
        {
            by_name.insert(name.to_owned(), document.clone());
        }
    }
    by_name
});

/// Those already loaded, by the name in their file.
static LOADED: Mutex<BTreeMap<String, Profile>> = Mutex::new(BTreeMap::new());

/// The profiles that are compiled in, by name; aliases are not listed again.
///
/// # Errors
///
/// None of those that are released: a test loads them all.
pub fn catalogue() -> Result<Vec<Profile>, ProfileError> {
    let own_name = |(name, document): &(&String, &Value)| {
        document.get("name").and_then(Value::as_str) == Some(name.as_str())
    };
    COMPILED_IN
        .iter()
        .filter(own_name)
        .map(|(name, _)| named(name))
        .collect()
}

/// Names that stand for a profile that is compiled in, each with the profile's own name.
pub fn aliases() -> Vec<(String, String)> {
    let alias = |(name, document): (&String, &Value)| {
        let own = document.get("name").and_then(Value::as_str)?;
        (own != name).then(|| (name.clone(), own.to_owned()))
    };
    COMPILED_IN.iter().filter_map(alias).collect()
}

pub(super) fn named(name: &str) -> Result<Profile, ProfileError> {
    let document = COMPILED_IN.get(name).ok_or_else(|| {
        let known: Vec<&str> = COMPILED_IN.keys().map(String::as_str).collect();
        ProfileError::new(
            name,
            format!("there is none of this name; there are {}", known.join(", ")),
        )
    })?;
    let own = document.get("name").and_then(Value::as_str).unwrap_or(name);
    if let Some(profile) = LOADED.lock().get(own) {
        return Ok(profile.clone());
    }
    let profile = from_value(own, document.clone())?;
    // Of two that load it at once, the first wins: a profile that is compiled in is one.
    Ok(LOADED
        .lock()
        .entry(own.to_owned())
        .or_insert(profile)
        .clone())
}

pub(super) fn from_json(origin: &str, text: &str) -> Result<Profile, ProfileError> {
    let document = serde_json::from_str(text)
        .map_err(|error| ProfileError::new(origin, format!("no JSON: {error}")))?;
    let profile = from_value(origin, document)?;
    if profile.leaves_http2_open() {
        tracing::warn!(
            profile = &**profile.name(),
            "the profile offers HTTP/2 and says nothing of it: stock h2's opening is sent, which contradicts its hello"
        );
    }
    // Of those that are compiled in, a test says that there are none.
    for contradiction in profile.contradictions() {
        tracing::warn!(profile = &**profile.name(), %contradiction, "the profile contradicts itself: no client is like this");
    }
    Ok(profile)
}

pub(super) fn from_file(path: &Path) -> Result<Profile, ProfileError> {
    let origin = path.display().to_string();
    let unreadable =
        |error: std::io::Error| ProfileError::new(&origin, format!("cannot be read: {error}"));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut file = file.take(MAXIMUM_FILE + 1);
    file.read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAXIMUM_FILE {
        return Err(ProfileError::new(
            &origin,
            "is too large to be one: more than 1 MiB",
        ));
    }
    from_json(&origin, &text)
}

pub(super) fn named_or_file(text: &str) -> Result<Profile, ProfileError> {
    let path = Path::new(text);
    match named(text) {
        Ok(profile) => Ok(profile),
        // What is written like a file's name is missed as a file.
        Err(_) if path.is_file() || path.extension().is_some_and(|end| end == "json") => {
            from_file(path)
        }
        Err(error) => Err(error),
    }
}

fn from_value(origin: &str, document: Value) -> Result<Profile, ProfileError> {
    from_document(origin, typed(origin, inherited(origin, document)?)?)
}

pub(super) fn from_document(
    origin: &str,
    document: ProfileDocument,
) -> Result<Profile, ProfileError> {
    let installations = Installations::of(origin, &document)?;
    let profile = Profile::new(document, installations);
    if let Some(last) = profile
        .provenance()
        .expires
        .filter(|_| profile.is_expired())
    {
        tracing::warn!(profile = &**profile.name(), %last, "the profile has expired: its client may send something else by now");
    }
    Ok(profile)
}

/// The document with all that it extends merged into it.
fn inherited(origin: &str, document: Value) -> Result<Value, ProfileError> {
    let mut chain = vec![document];
    while let Some(parent) = chain.last().and_then(|document| document.get("extends")) {
        let fault = |fault: String| ProfileError::new(origin, fault).in_field("extends");
        let name = parent
            .as_str()
            .ok_or_else(|| fault("it must be the name of a profile".to_owned()))?;
        if chain.len() > MAXIMUM_EXTENSIONS {
            return Err(fault(format!(
                "{name} extends itself, or the chain is longer than {MAXIMUM_EXTENSIONS}"
            )));
        }
        let parent = COMPILED_IN
            .get(name)
            .ok_or_else(|| fault(format!("there is no profile {name}")))?;
        let mut parent = parent.clone();
        if let Value::Object(members) = &mut parent {
            // What belongs to the parent alone.
            for member in ["name", "aliases", "provenance"] {
                members.remove(member);
            }
        }
        chain.push(parent);
    }
    let mut whole = Value::Null;
    for document in chain.into_iter().rev() {
        forget_variants(&mut whole, &document);
        merge(&mut whole, document);
    }
    if let Value::Object(members) = &mut whole {
        members.remove("extends");
    }
    Ok(whole)
}

/// What a variant does otherwise was said of the parent's parts, not of those that were changed since.
fn forget_variants(parent: &mut Value, child: &Value) {
    let Some(Value::Array(variants)) = parent.get_mut("variants") else {
        return;
    };
    let changed = PARTS.iter().filter(|part| child.get(part).is_some());
    for part in changed {
        for variant in variants.iter_mut().filter_map(Value::as_object_mut) {
            variant.remove(*part);
        }
    }
    let varies = |variant: &Value| PARTS.iter().any(|part| variant.get(part).is_some());
    if !variants.iter().any(varies)
        && let Value::Object(members) = parent
    {
        members.remove("variants");
    }
}

/// What of a profile can vary.
const PARTS: [&str; 3] = ["client_hello", "http2", "requests"];
