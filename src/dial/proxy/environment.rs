//! Proxies from the environment: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, as curl reads them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::ffi::OsString;

use super::hosts::Hosts;
use super::proxies::Proxies;
use super::server::Proxy;
use crate::dial::origin::Scheme;
use crate::error::{Error, ErrorKind, Result};

/// A server that runs us as a CGI program hands over its client's `Proxy` header as `HTTP_PROXY` (CVE-2016-5385): then the upper-case
/// name is not ours to believe.
const CGI: &str = "REQUEST_METHOD";

impl Proxies {
    /// What the process's environment says now: `https_proxy` or `HTTPS_PROXY` for https hosts, `http_proxy` or `HTTP_PROXY` for http hosts,
    /// `all_proxy` or `ALL_PROXY` where there is none for the scheme, and `no_proxy` or `NO_PROXY` for hosts to be reached directly. The
    /// lower-case name wins; what is empty counts as not there. Where `REQUEST_METHOD` is set, as in CGI programs, `HTTP_PROXY` is not
    /// read. `localhost` is no exception unless `NO_PROXY` says so.
    ///
    /// What in `NO_PROXY` names no host (other programs have notations of their own) is left out, with a warning in the log.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration) names the variable that holds no proxy's URL.
    pub fn from_environment() -> Result<Self> {
        Self::from_os_variables(std::env::vars_os())
    }

    /// As [`from_environment`](Self::from_environment), from these variables.
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
        let variables: HashMap<String, OsString> = variables
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        let is_cgi = variables.contains_key(CGI);
        let found = |name: &str| -> Result<Option<(String, &str)>> {
            let upper = name.to_ascii_uppercase();
            let names = [name.to_owned(), upper];
            let mut known = names
                .into_iter()
                .filter(|name| !(is_cgi && name == "HTTP_PROXY"));
            let Some((name, value)) =
                known.find_map(|name| variables.get(&name).map(|value| (name, value)))
            else {
                return Ok(None);
            };
            match value.to_str() {
                Some(text) => Ok(Some((name, text.trim()))),
                None => Err(Error::new(ErrorKind::InvalidConfiguration)
                    .with_detail(format!("{name}: expected UTF-8"))),
            }
        };
        let mut proxies = Self::none();
        let all = found("all_proxy")?;
        for (scheme, name) in [(Scheme::Https, "https_proxy"), (Scheme::Http, "http_proxy")] {
            let Some((name, text)) = found(name)?.or_else(|| all.clone()) else {
                continue;
            };
            let proxy = Proxy::parse(text).map_err(|error| {
                Error::new(ErrorKind::InvalidConfiguration)
                    .with_detail(format!("the environment's {name} holds no proxy"))
                    .with_source(error)
            })?;
            proxies = proxies.for_scheme(scheme, proxy);
        }
        if let Some((name, text)) = found("no_proxy")? {
            let Ok(exceptions) = Hosts::read(text, |part| {
                tracing::warn!(variable = name, part, "names no host and is left out");
                Ok::<_, Infallible>(())
            });
            proxies = proxies.with_exceptions(&exceptions);
        }
        Ok(proxies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::Origin;

    fn read(variables: &[(&str, &str)]) -> Result<Proxies> {
        Proxies::from_variables(
            variables
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned())),
        )
    }

    fn chosen(variables: &[(&str, &str)], target: &str) -> Option<String> {
        let proxies = read(variables).unwrap();
        let proxy = proxies.of(&Origin::parse(target).unwrap());
        proxy.map(|proxy| proxy.host().to_owned())
    }

    #[test]
    fn each_scheme_has_its_variable_and_all_is_for_both() {
        let both = [("HTTPS_PROXY", "http://s:1"), ("HTTP_PROXY", "p:2")];
        assert_eq!(chosen(&both, "https://a").as_deref(), Some("s"));
        assert_eq!(chosen(&both, "http://a").as_deref(), Some("p"));
        let all = [("ALL_PROXY", "socks5://x"), ("HTTP_PROXY", "")];
        assert_eq!(chosen(&all, "https://a").as_deref(), Some("x"));
        assert_eq!(chosen(&all, "http://a").as_deref(), Some("x"));
        let some = [("all_proxy", "x"), ("https_proxy", "s")];
        assert_eq!(chosen(&some, "https://a").as_deref(), Some("s"));
        assert_eq!(chosen(&some, "http://a").as_deref(), Some("x"));
        assert_eq!(chosen(&[("PATH", "/bin")], "https://a"), None);
    }

    #[test]
    fn lower_case_wins_and_what_is_empty_is_not_there() {
        let two = [("HTTPS_PROXY", "upper"), ("https_proxy", "lower")];
        assert_eq!(chosen(&two, "a").as_deref(), Some("lower"));
        let one = [("HTTPS_PROXY", "upper"), ("https_proxy", "")];
        assert_eq!(chosen(&one, "a").as_deref(), Some("upper"));
    }

    #[test]
    fn no_proxy_names_exceptions_and_what_is_none_is_left_out() {
        let variables = [
            ("ALL_PROXY", "x"),
            ("NO_PROXY", "localhost,.internal,10.0.0.0/8,<local>"),
        ];
        for direct in ["localhost:99", "http://a.internal", "10.1.1.1"] {
            assert_eq!(chosen(&variables, direct), None, "{direct}");
        }
        assert_eq!(chosen(&variables, "example.com").as_deref(), Some("x"));
        assert_eq!(chosen(&[("ALL_PROXY", "x"), ("no_proxy", "*")], "a"), None);
    }

    #[test]
    fn a_cgi_program_does_not_believe_its_clients_header() {
        let variables = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "evil")];
        assert_eq!(chosen(&variables, "http://a"), None);
        let variables = [("REQUEST_METHOD", "GET"), ("http_proxy", "fine")];
        assert_eq!(chosen(&variables, "http://a").as_deref(), Some("fine"));
    }

    #[test]
    fn what_holds_no_proxy_is_named_without_its_value() {
        let error = read(&[("HTTPS_PROXY", "http://user:secret@host:x")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
        assert!(error.to_string().contains("HTTPS_PROXY"), "{error}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_no_text_is_named_where_it_matters() {
        use std::os::unix::ffi::OsStringExt;

        let read = |name: &str| {
            let value = OsString::from_vec(vec![b'7', 0xff]);
            Proxies::from_os_variables([(name.into(), value)])
        };
        assert!(
            read("HTTPS_PROXY")
                .unwrap_err()
                .to_string()
                .contains("HTTPS_PROXY")
        );
        assert_eq!(read("SOMETHING_ELSE").unwrap(), Proxies::none());
    }
}
