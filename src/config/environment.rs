//! Settings from the environment: `HOTPOOL_` and the setting's name in upper case, such as `HOTPOOL_MAX_CONNECTIONS=200` or
//! `HOTPOOL_IDLE_TIMEOUT=90s`.

use std::time::Duration;

use super::Settings;
use crate::error::{Error, ErrorKind, Result};

const PREFIX: &str = "HOTPOOL_";

impl Settings {
    /// The layer that the process's environment says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] names the variable whose value cannot be read. Variables that start with `HOTPOOL_` but
    /// name no setting are left alone: they may belong to the program.
    pub fn from_environment() -> Result<Self> {
        Self::from_variables(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// The layer that these variables say, as [`from_environment`](Self::from_environment) reads them.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let mut settings = Self::default();
        for (variable, value) in variables {
            let Some(name) = variable.strip_prefix(PREFIX).map(str::to_ascii_lowercase) else {
                continue;
            };
            if Self::NAMES.contains(&name.as_str()) {
                settings.set(&name, &value).map_err(|fault| {
                    Error::new(ErrorKind::InvalidConfiguration)
                        .with_detail(format!("{variable}={value}: {fault}"))
                })?;
            }
        }
        Ok(settings)
    }
}

/// A setting's value as text.
pub(super) trait FromText: Sized {
    fn from_text(text: &str) -> Result<Self, String>;
}

impl FromText for usize {
    fn from_text(text: &str) -> Result<Self, String> {
        text.trim()
            .parse()
            .map_err(|_| "expected a whole number".to_owned())
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings> {
        Settings::from_variables(
            variables
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned())),
        )
    }

    #[test]
    fn numbers_and_durations_are_read() {
        let settings = read(&[
            ("HOTPOOL_MAX_IDLE", "7"),
            ("HOTPOOL_IDLE_TIMEOUT", "1.5s"),
            ("HOTPOOL_TLS_TIMEOUT", "250ms"),
            ("HOTPOOL_MAX_LIFETIME", "60"),
            ("HOTPOOL_SOMETHING_ELSE", "x"),
            ("PATH", "/bin"),
        ])
        .unwrap();
        assert_eq!(settings.max_idle, Some(7));
        assert_eq!(settings.idle_timeout, Some(Duration::from_millis(1500)));
        assert_eq!(settings.tls_timeout, Some(Duration::from_millis(250)));
        assert_eq!(settings.max_lifetime, Some(Duration::from_secs(60)));
        assert_eq!(settings.max_connections, None);
    }

    #[test]
    fn an_unreadable_value_is_named() {
        for (value, wanted) in [
            ("-1s", "HOTPOOL_IDLE_TIMEOUT"),
            ("soon", "soon"),
            ("NaN", "seconds"),
        ] {
            let error = read(&[("HOTPOOL_IDLE_TIMEOUT", value)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
            assert!(error.to_string().contains(wanted), "{error}");
        }
    }
}
