//! Settings' values, as text in the environment and as what a file can hold.

use std::time::Duration;

/// A setting's value, read.
pub(super) trait FromText: Sized {
    fn from_text(text: &str) -> Result<Self, String>;

    /// From a file. What is no number, duration or truth is a string there, as in the environment.
    #[cfg(feature = "config-file")]
    fn from_written(value: Written<'_>) -> Result<Self, String> {
        match value {
            Written::Text(text) => Self::from_text(text),
            other => Err(format!("expected a string, not {}", other.kind())),
        }
    }
}

/// What stands in a file.
#[cfg(feature = "config-file")]
#[derive(Clone, Copy, Debug)]
pub(super) enum Written<'a> {
    Text(&'a str),
    /// In decimal digits.
    Whole(&'a str),
    Fraction(&'a str),
    Truth(bool),
    /// No setting is one of these: an array, a table, a date.
    Other(&'a str),
}

#[cfg(feature = "config-file")]
impl Written<'_> {
    fn kind(self) -> String {
        match self {
            Self::Text(text) => format!("the string {text:?}"),
            Self::Whole(number) | Self::Fraction(number) => format!("the number {number}"),
            Self::Truth(truth) => truth.to_string(),
            Self::Other(kind) => format!("a value of type {kind}"),
        }
    }
}

impl FromText for usize {
    fn from_text(text: &str) -> Result<Self, String> {
        text.trim()
            .parse()
            .map_err(|_| "expected a whole number".to_owned())
    }

    #[cfg(feature = "config-file")]
    fn from_written(value: Written<'_>) -> Result<Self, String> {
        let whole = match value {
            Written::Whole(number) => number.parse().ok(),
            _ => None,
        };
        whole.ok_or_else(|| format!("expected a whole number, not {}", value.kind()))
    }
}

impl FromText for bool {
    fn from_text(text: &str) -> Result<Self, String> {
        match text.trim() {
            "on" | "true" => Ok(true),
            "off" | "false" => Ok(false),
            _ => Err("expected on or off".to_owned()),
        }
    }

    #[cfg(feature = "config-file")]
    fn from_written(value: Written<'_>) -> Result<Self, String> {
        match value {
            Written::Truth(truth) => Ok(truth),
            Written::Text(text) => Self::from_text(text),
            other => Err(format!("expected true or false, not {}", other.kind())),
        }
    }
}

impl FromText for Duration {
    fn from_text(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (number, unit) = match text.strip_suffix("ms") {
            Some(number) => (number, Self::from_millis(1)),
            None => (text.strip_suffix('s').unwrap_or(text), Self::from_secs(1)),
        };
        number
            .trim_end()
            .parse::<f64>()
            .ok()
            .and_then(|number| Self::try_from_secs_f64(number * unit.as_secs_f64()).ok())
            .ok_or_else(|| "expected seconds, such as 30, 1.5s or 250ms".to_owned())
    }

    #[cfg(feature = "config-file")]
    fn from_written(value: Written<'_>) -> Result<Self, String> {
        let duration = match value {
            Written::Text(text) | Written::Whole(text) | Written::Fraction(text) => {
                Self::from_text(text)
            }
            Written::Truth(_) | Written::Other(_) => {
                Err("expected \"30s\", \"250ms\" or a number of seconds".to_owned())
            }
        };
        duration.map_err(|fault| format!("{fault}, not {}", value.kind()))
    }
}

/// `off` says that there is none.
impl<T: FromText> FromText for Option<T> {
    fn from_text(text: &str) -> Result<Self, String> {
        match text.trim() {
            "off" => Ok(None),
            other => T::from_text(other)
                .map(Some)
                .map_err(|fault| format!("{fault}, or off")),
        }
    }

    #[cfg(feature = "config-file")]
    fn from_written(value: Written<'_>) -> Result<Self, String> {
        match value {
            Written::Text("off") => Ok(None),
            other => T::from_written(other)
                .map(Some)
                .map_err(|fault| format!("{fault}, or \"off\"")),
        }
    }
}
