//! The request that the command line describes.

use std::fs;
use std::io::{self, Read};

use bytes::Bytes;
use hotpool::client::RequestOptions;
use hotpool::profile::Profile;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::Full;

use crate::arguments::RequestArguments;
use crate::failure::Failure;
use crate::url::Url;
use crate::values::{Data, Header};

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");
const OURSELVES: HeaderValue =
    HeaderValue::from_static(concat!("hotpool/", env!("CARGO_PKG_VERSION")));

/// Everything about a request but where it goes.
#[derive(Debug)]
pub(crate) struct Template {
    method: Method,
    headers: HeaderMap,
    options: RequestOptions,
    content: Bytes,
}

impl Template {
    /// Reads what `-d` names.
    pub(crate) fn new(arguments: &RequestArguments, profile: &Profile) -> Result<Self, Failure> {
        let kinds = profile.request_kinds();
        let content = read(&arguments.data)?;
        let default_method = match content {
            Some(_) => Method::POST,
            None => Method::GET,
        };
        Ok(Self {
            method: arguments.method.clone().unwrap_or(default_method),
            headers: headers(&arguments.header, kinds.is_empty(), content.is_some()),
            options: options(arguments, profile.name(), &kinds)?,
            content: content.unwrap_or_default(),
        })
    }

    pub(crate) fn request(&self, url: &Url) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.content.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = url.path().clone().into();
        *request.headers_mut() = self.headers.clone();
        request.extensions_mut().insert(self.options.clone());
        request
    }
}

/// What the user asks of the profile.
fn options(
    arguments: &RequestArguments,
    profile: &str,
    kinds: &[&str],
) -> Result<RequestOptions, Failure> {
    let mut options = RequestOptions::new();
    if let Some(kind) = &arguments.kind {
        if !kinds.contains(&&**kind) {
            let fault = match kinds {
                [] => "it has no kinds of requests".to_owned(),
                kinds => format!("it has {}", kinds.join(", ")),
            };
            return Err(Failure::Usage(format!(
                "--kind {kind}: {fault} (profile {profile})"
            )));
        }
        options = options.kind(kind.clone());
    }
    if arguments.raw {
        options = options.raw_body();
    }
    for header in &arguments.header {
        if let Header::Leave(name) = header {
            options = options.without(name.clone());
        }
    }
    Ok(options)
}

/// What this command sends where the profile has no requests of its own, less what the user leaves out or sends instead, and what
/// the user sends.
fn headers(given: &[Header], names_itself: bool, has_content: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if names_itself {
        headers.insert(USER_AGENT, OURSELVES);
        headers.insert(ACCEPT, ANYTHING);
    }
    if has_content {
        headers.insert(CONTENT_TYPE, FORM);
    }
    for header in given {
        let (Header::Leave(name) | Header::Send(name, _)) = header;
        headers.remove(name);
    }
    for header in given {
        if let Header::Send(name, value) = header {
            headers.append(name, value.clone());
        }
    }
    headers
}

/// All content, joined as curl does; `None` when there was no `-d`.
fn read(data: &[Data]) -> Result<Option<Bytes>, Failure> {
    if data.is_empty() {
        return Ok(None);
    }
    let parts = data.iter().map(|part| {
        let unreadable =
            |place: &str, error| Failure::Usage(format!("cannot read {place}: {error}"));
        match part {
            Data::Given(text) => Ok(text.clone().into_bytes()),
            Data::File(path) => fs::read(path)
                .map(without_breaks)
                .map_err(|error| unreadable(&path.display().to_string(), error)),
            Data::Stdin => {
                let mut content = Vec::new();
                io::stdin()
                    .lock()
                    .read_to_end(&mut content)
                    .map(|_| without_breaks(content))
                    .map_err(|error| unreadable("standard input", error))
            }
        }
    });
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    Ok(Some(parts.join(&b'&').into()))
}

/// curl's `-d @FILE` leaves these out.
fn without_breaks(mut content: Vec<u8>) -> Vec<u8> {
    content.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(headers: &[&str]) -> Vec<Header> {
        headers.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn defaults_yield_to_what_is_given() {
        let defaults = headers(&[], true, true);
        assert_eq!(defaults[CONTENT_TYPE], FORM);
        assert_eq!(
            (&defaults[ACCEPT], &defaults[USER_AGENT]),
            (&ANYTHING, &OURSELVES)
        );
        let own = headers(
            &given(&["Content-Type: text/plain", "Accept:", "X-A: 1", "x-a: 2"]),
            true,
            true,
        );
        assert_eq!(own.get_all(CONTENT_TYPE).iter().count(), 1);
        assert_eq!(own[CONTENT_TYPE], "text/plain");
        assert!(!own.contains_key(ACCEPT));
        assert_eq!(own.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert!(!headers(&[], true, false).contains_key(CONTENT_TYPE));
        assert!(headers(&[], false, false).is_empty());
    }

    #[test]
    fn content_is_joined_and_a_missing_file_is_the_users_fault() {
        let text = |text: &str| Data::Given(text.into());
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[text("")]).unwrap().unwrap(), "");
        assert_eq!(
            read(&[text("a=1"), text("b\n")]).unwrap().unwrap(),
            "a=1&b\n"
        );
        assert_eq!(without_breaks(b"a\r\nb\0c".to_vec()), b"abc");
        let missing = read(&[Data::File("/does/not/exist".into())]);
        assert!(matches!(missing, Err(Failure::Usage(text)) if text.contains("/does/not/exist")));
    }
}
