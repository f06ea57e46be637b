//! Settings from the environment: `HOTPOOL_` and the setting's name in upper case, such as `HOTPOOL_MAX_CONNECTIONS=200` or
//! `HOTPOOL_IDLE_TIMEOUT=90s`.

use std::ffi::{OsStr, OsString};

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
        Self::from_os_variables(std::env::vars_os())
    }

    /// The layer that these variables say, as [`from_environment`](Self::from_environment) reads them.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let variables = variables.into_iter();
        Self::from_os_variables(variables.map(|(name, value)| (name.into(), value.into())))
    }

    fn from_os_variables(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self> {
        let mut settings = Self::default();
        for (variable, value) in variables {
            let Some(name) = setting_of(&variable) else {
                continue;
            };
            let set = match value.to_str() {
                Some(text) => settings.set(&name, text),
                None => Err("expected UTF-8".to_owned()),
            };
            set.map_err(|fault| {
                let (variable, value) = (variable.display(), value.display());
                Error::new(ErrorKind::InvalidConfiguration)
                    .with_detail(format!("{variable}={value}: {fault}"))
            })?;
        }
        Ok(settings)
    }
}

/// The setting that a variable names, if it names one.
fn setting_of(variable: &OsStr) -> Option<String> {
    let name = variable
        .to_str()?
        .strip_prefix(PREFIX)?
        .to_ascii_lowercase();
    Settings::NAMES.contains(&name.as_str()).then_some(name)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_no_text_is_named_where_it_matters() {
        use std::os::unix::ffi::OsStringExt;

        let read = |name: &str| {
            let value = OsString::from_vec(vec![b'7', 0xff]);
            Settings::from_os_variables([(name.into(), value)])
        };
        let error = read("HOTPOOL_MAX_IDLE").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
        assert!(error.to_string().contains("HOTPOOL_MAX_IDLE"), "{error}");
        for name in ["HOTPOOL_SOMETHING_ELSE", "PATH"] {
            assert_eq!(read(name).unwrap(), Settings::default());
        }
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
