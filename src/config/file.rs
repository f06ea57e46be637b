//! Settings from a TOML file: `max_connections = 200`, `idle_timeout = "90s"`.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::Settings;
use super::value::Written;
use crate::error::{Error, ErrorKind, Result};

/// A file with every setting and a comment to each has a few kilobytes; what is larger is another file.
const LARGEST: u64 = 1 << 20;

impl Settings {
    /// The layer that a TOML file says. Waits for the disk.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] names the file, and the line and key that are wrong: an unknown name, since it is mostly
    /// a known one misspelled, a value of the wrong type, or what is no TOML. Nothing of such a file counts.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let content = read(path).map_err(|error| unreadable(path, &error))?;
        Self::from_content(path, &content)
    }

    /// The layer that the text of such a file says.
    ///
    /// # Errors
    ///
    /// As [`from_file`](Self::from_file).
    pub fn from_toml(text: &str) -> Result<Self> {
        Self::read_toml(text).map_err(invalid)
    }

    /// The layer that this content of a file says.
    pub(crate) fn from_content(path: &Path, content: &[u8]) -> Result<Self> {
        std::str::from_utf8(content)
            .map_err(|error| format!("{error}: expected UTF-8"))
            .and_then(Self::read_toml)
            .map_err(|fault| invalid(format!("{}: {fault}", path.display())))
    }

    fn read_toml(text: &str) -> Result<Self, String> {
        let line = |offset: usize| {
            let before = text.as_bytes().iter().take(offset);
            1 + before.filter(|byte| **byte == b'\n').count()
        };
        let table = DeTable::parse(text).map_err(|error| match error.span() {
            Some(span) => format!("line {}: {}", line(span.start), error.message()),
            None => error.message().to_owned(),
        })?;
        let mut settings = Self::default();
        // Of several faults the first in the file is told.
        let mut entries: Vec<_> = table.get_ref().iter().collect();
        entries.sort_unstable_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let name = key.get_ref();
            settings
                .set_value(name, value.get_ref())
                .map_err(|fault| format!("line {}: {name}: {fault}", line(key.span().start)))?;
        }
        Ok(settings)
    }

    fn set_value(&mut self, name: &str, value: &DeValue<'_>) -> Result<(), String> {
        match value {
            DeValue::String(text) => self.set_written(name, Written::Text(text)),
            DeValue::Integer(number) => {
                let decimal = i128::from_str_radix(number.as_str(), number.radix())
                    .map_err(|error| error.to_string())?;
                self.set_written(name, Written::Whole(&decimal.to_string()))
            }
            DeValue::Float(number) => self.set_written(name, Written::Fraction(number.as_str())),
            DeValue::Boolean(truth) => self.set_written(name, Written::Truth(*truth)),
            other => self.set_written(name, Written::Other(other.type_str())),
        }
    }
}

/// A regular file's whole content. Waits for the disk.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for somebody to write into it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut content = Vec::new();
    File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST {
        return Err(io::Error::other(format!(
            "it has more than {LARGEST} bytes"
        )));
    }
    Ok(content)
}

pub(crate) fn unreadable(path: &Path, fault: &impl std::fmt::Display) -> Error {
    invalid(format!("{}: {fault}", path.display()))
}

fn invalid(fault: String) -> Error {
    Error::new(ErrorKind::InvalidConfiguration).with_detail(fault)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn fault(text: &str) -> String {
        Settings::from_toml(text).unwrap_err().to_string()
    }

    #[test]
    fn a_file_says_what_the_environment_says() {
        let text = r#"
            # What is left out keeps its default.
            max_connections = 200
            max_idle = 0x10          # hexadecimal
            max_dials = 1_000
            idle_timeout = "90s"
            tls_timeout = "250ms"
            connect_timeout = 5
            acquire_timeout = 1.5
        "#;
        let wanted = Settings {
            max_connections: Some(200),
            max_idle: Some(16),
            max_dials: Some(1_000),
            idle_timeout: Some(Duration::from_secs(90)),
            tls_timeout: Some(Duration::from_millis(250)),
            connect_timeout: Some(Duration::from_secs(5)),
            acquire_timeout: Some(Duration::from_millis(1500)),
            ..Settings::default()
        };
        assert_eq!(Settings::from_toml(text).unwrap(), wanted);
        assert_eq!(Settings::from_toml("").unwrap(), Settings::default());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, wanted) in [
            (
                "max_idle = 1\nmax_idel = 2",
                "line 2: max_idel: unknown setting",
            ),
            (
                "\n\nmax_idle = \"1\"",
                "line 3: max_idle: expected a whole number, not the string \"1\"",
            ),
            (
                "max_idle = -1",
                "line 1: max_idle: expected a whole number, not the number -1",
            ),
            (
                "max_idle = 1.0",
                "line 1: max_idle: expected a whole number",
            ),
            (
                "max_idle = 99999999999999999999999",
                "line 1: max_idle: expected a whole",
            ),
            (
                "idle_timeout = true",
                "line 1: idle_timeout: expected \"30s\"",
            ),
            ("idle_timeout = \"soon\"", "not the string \"soon\""),
            (
                "idle_timeout = nan",
                "line 1: idle_timeout: expected seconds",
            ),
            (
                "idle_timeout = -3",
                "line 1: idle_timeout: expected seconds",
            ),
            ("[pool]\nmax_idle = 1", "line 1: pool: unknown setting"),
            (
                "[max_idle]",
                "line 1: max_idle: expected a whole number, not a value of type table",
            ),
            ("max_idle = 1\nmax_idle = 2", "line 2"),
            ("max_idle = 1\nmax_dials =", "line 2"),
            // Of two faults the first, though the second's name sorts before.
            ("zzz = 1\naaa = 1", "line 1: zzz"),
        ] {
            let fault = fault(text);
            assert!(
                fault.contains(wanted),
                "{text:?}: {fault:?} lacks {wanted:?}"
            );
        }
    }

    #[test]
    fn no_text_panics() {
        let nested = format!("max_idle = {}", "[".repeat(100_000));
        for text in [
            "\u{0}",
            "=",
            "max_idle",
            "'''",
            "\u{feff}max_idle = 1",
            &nested,
        ] {
            let _ = Settings::from_toml(text);
        }
        let path = Path::new("settings.toml");
        let error = Settings::from_content(path, b"max_idle = \xff").unwrap_err();
        assert!(error.to_string().contains("settings.toml: "), "{error}");
    }

    #[test]
    fn only_a_regular_file_is_read() {
        for path in ["/", "/dev/null", "/no/such/file"] {
            let error = Settings::from_file(path).unwrap_err();
            assert!(error.to_string().contains(path), "{error}");
        }
    }
}
