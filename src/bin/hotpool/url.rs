//! A URL of the command line.

use std::str::FromStr;

use hotpool::{Error, ErrorKind, Target};
use http::Uri;
use http::uri::PathAndQuery;

/// Where a request goes.
#[derive(Clone, Debug)]
pub(crate) struct Url {
    text: String,
    target: Target,
    path: PathAndQuery,
}

impl Url {
    /// As it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    pub(crate) fn path(&self) -> &PathAndQuery {
        &self.path
    }
}

impl FromStr for Url {
    type Err = Error;

    /// Without a scheme it is `https`; a fragment is the client's own and left out (RFC 9110 §4.2.5).
    fn from_str(text: &str) -> Result<Self, Error> {
        let absolute = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let target = Target::parse(&absolute)?;
        let invalid = |error: http::Error| {
            Error::new(ErrorKind::InvalidTarget)
                .with_detail(format!("{text:?}: {error}"))
                .with_source(error)
        };
        let without_fragment = absolute.split('#').next().unwrap_or_default();
        let uri = Uri::from_str(without_fragment).map_err(|error| invalid(error.into()))?;
        let path = uri.into_parts().path_and_query;
        Ok(Self {
            text: text.to_owned(),
            target,
            path: path.unwrap_or_else(|| PathAndQuery::from_static("/")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_path_and_fragment() {
        for (text, origin, path) in [
            ("example.com", "https://example.com", "/"),
            (
                "example.com:8443/a?b=c#d",
                "https://example.com:8443",
                "/a?b=c",
            ),
            ("http://[::1]:8080", "http://[::1]:8080", "/"),
            ("https://EXAMPLE.com?x", "https://example.com", "/?x"),
        ] {
            let url = Url::from_str(text).unwrap();
            assert_eq!(url.target().origin().to_string(), origin, "{text}");
            assert_eq!(url.path().to_string(), path, "{text}");
            assert_eq!(url.as_str(), text);
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in [
            "",
            "ftp://a",
            "https://",
            "https://a b/",
            "https://a/b c",
            "a:0",
            "u@h",
        ] {
            let error = Url::from_str(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidTarget, "{text}");
        }
    }
}
