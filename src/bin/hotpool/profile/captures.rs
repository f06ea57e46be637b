//! Captured hellos from files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use hotpool::profile::HelloCapture;

use crate::failure::Failure;
use crate::hex;

/// What is read of a file: ten thousand browsers' hellos in hex.
const MAXIMUM_FILE: u64 = 64 << 20;

/// A capture and where it is.
#[derive(Debug)]
pub(super) struct Found {
    /// `FILE:LINE`.
    pub(super) place: String,
    pub(super) capture: HelloCapture,
}

/// The hellos of these files, at least one in each.
pub(super) fn read_all<'a>(
    files: impl IntoIterator<Item = &'a std::path::PathBuf>,
) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    for file in files {
        found.extend(captures(&name(file), &read(file)?)?);
    }
    Ok(found)
}

/// The content of a file, or of standard input if it is called `-`.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::Usage(format!("cannot read {}: {error}", name(file)));
    let source: Box<dyn Read> = if file.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(file).map_err(unreadable)?)
    };
    let mut content = Vec::new();
    source
        .take(MAXIMUM_FILE + 1)
        .read_to_end(&mut content)
        .map_err(unreadable)?;
    if content.len() as u64 > MAXIMUM_FILE {
        return Err(Failure::Usage(format!(
            "{} is too large for captures: more than {} MiB",
            name(file),
            MAXIMUM_FILE >> 20
        )));
    }
    Ok(content)
}

/// What messages call a file.
pub(super) fn name(file: &Path) -> String {
    if file.as_os_str() == "-" {
        "standard input".into()
    } else {
        file.display().to_string()
    }
}

fn captures(name: &str, content: &[u8]) -> Result<Vec<Found>, Failure> {
    if content.first() == Some(&HANDSHAKE) {
        let capture = HelloCapture::from_records(content)
            .map_err(|error| Failure::Usage(format!("{name}:1: {error}")))?;
        let place = format!("{name}:1");
        return Ok(vec![Found { place, capture }]);
    }
    let text = std::str::from_utf8(content)
        .map_err(|_| Failure::Usage(format!("{name}: neither hex nor TLS records")))?;
    let captures = HelloCapture::numbered_from_text(text).map_err(|(line, error)| {
        let given = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let fault = match hex::decode(given) {
            Ok(_) => error.to_string(),
            Err(fault) => fault,
        };
        Failure::Usage(format!("{name}:{line}: {fault}"))
    })?;
    if captures.is_empty() {
        return Err(Failure::Usage(format!("{name}: there is no hello in it")));
    }
    let found = captures.into_iter().map(|(line, capture)| Found {
        place: format!("{name}:{line}"),
        capture,
    });
    Ok(found.collect())
}

/// The type of a record that carries a hello: no character of hex.
const HANDSHAKE: u8 = 0x16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_its_line() {
        for (content, wanted) in [
            (&b"\n# nothing\n"[..], "f: there is no hello"),
            (b"", "f: there is no hello"),
            (b"\n\n16 0301 zz", "f:3: no hex: 'z' is character 9"),
            (b"160", "f:1: no hex: the number of digits is odd"),
            (b"474554", "f:1: not a ClientHello"),
            (b"1603010200", "f:1: truncated ClientHello"),
            (b"\x16\x03\x01\x02\x00", "f:1: truncated ClientHello"),
            (b"\xff\xfe", "f: neither hex nor TLS records"),
        ] {
            let fault = captures("f", content).unwrap_err();
            let message = fault.message().unwrap();
            assert!(message.starts_with(wanted), "{message}");
        }
    }
}
