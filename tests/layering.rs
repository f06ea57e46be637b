//! Dependencies between the crate's modules go one way, in the order below.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom up; a module may import only from those before it.
const ORDER: [&str; 12] = [
    "error",
    "config",
    "registry",
    "profile",
    "shape",
    "websocket",
    "resolve",
    "dial",
    "pool",
    "client",
    "server",
    "telemetry",
];

/// Pairs that the order would allow and the design forbids: what they share is the registry.
const STRANGERS: [(&str, &str); 3] = [("server", "pool"), ("server", "client"), ("server", "dial")];

/// No file is longer, tests included.
const LONGEST_FILE: usize = 600;

#[test]
fn modules_import_only_from_those_below() {
    let mut faults = Vec::new();
    let mut edges = 0;
    for file in sources() {
        let Some(importer) = module_of(&file) else {
            continue;
        };
        let text = fs::read_to_string(&file).unwrap();
        for imported in imports(&text) {
            if imported == importer || !ORDER.contains(&imported.as_str()) {
                continue;
            }
            edges += 1;
            if position(&imported) > position(&importer)
                || STRANGERS.contains(&(&importer, &imported))
            {
                faults.push(format!("{}: {importer} imports {imported}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(edges > 20, "the test sees only {edges} imports");
}

#[test]
fn every_module_has_its_place() {
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name != "lib.rs" && name != "bin" {
            let module = name.trim_end_matches(".rs");
            assert!(ORDER.contains(&module), "{module} is not in the order");
        }
    }
}

#[test]
fn no_file_is_too_long_and_half_are_short() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut lengths: Vec<_> = sources()
        .chain(files_below(tests))
        .map(|file| (fs::read_to_string(&file).unwrap().lines().count(), file))
        .collect();
    lengths.sort();
    let (longest, file) = lengths.last().unwrap();
    assert!(
        *longest <= LONGEST_FILE,
        "{} has {longest} lines",
        file.display()
    );
    assert!(lengths[lengths.len() / 2].0 <= 200);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> impl Iterator<Item = PathBuf> {
    files_below(root())
}

fn files_below(folder: PathBuf) -> impl Iterator<Item = PathBuf> {
    let (mut folders, mut files) = (vec![folder], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.into_iter()
}

/// `src/pool/host.rs` belongs to `pool`; the crate's root and the programs to none.
fn module_of(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(root()).unwrap();
    let first = inside.components().next()?.as_os_str().to_str()?;
    let module = first.trim_end_matches(".rs");
    ORDER.contains(&module).then(|| module.to_owned())
}

/// The modules named after `crate::`, comments and documentation left aside, also in groups such as `crate::{a::B, c}`.
fn imports(text: &str) -> Vec<String> {
    let code: Vec<_> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => found.push(identifier(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut start = 0;
                for (at, letter) in group.char_indices() {
                    match letter {
                        '{' => depth += 1,
                        ',' if depth == 0 => {
                            found.push(identifier(group[start..at].trim_start()));
                            start = at + 1;
                        }
                        '}' if depth == 0 => {
                            found.push(identifier(group[start..at].trim_start()));
                            break;
                        }
                        '}' => depth -= 1,
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

fn identifier(text: &str) -> String {
    text.chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect()
}

fn position(module: &str) -> usize {
    ORDER.iter().position(|other| *other == module).unwrap()
}
