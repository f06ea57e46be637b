//! The profile a connection is made with.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use super::coherence::{self, Contradiction};
use super::deliverable::Deliverable;
use super::document::{ProfileDocument, Provenance};
use super::explain::Difference;
use super::hello::ClientHello;
use super::http2::Http2Template;
use super::installation::{Installation, Installations};
use super::learn::{self, HelloCapture};
use super::load;
use super::opening::Http2Opening;
use super::profile_error::ProfileError;
use super::requests::RequestTemplates;
use super::template::HelloTemplate;

/// What a client looks like on the wire.
///
/// A clone shares the original's memory. Profiles are compared by identity: what was loaded twice is two profiles, whose connections
/// and session tickets are kept apart, since a file may have changed in between. Those that are compiled in are loaded once.
#[derive(Clone, Debug)]
pub struct Profile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: Arc<str>,
    document: ProfileDocument,
    installations: Installations,
}

impl Profile {
    /// No shaping: what stock rustls and stock h2 send.
    pub fn rustls() -> Self {
        static RUSTLS: LazyLock<Option<Profile>> = LazyLock::new(|| Profile::named("rustls").ok());
        // It is compiled in, and a test loads every profile that is.
        RUSTLS
            .clone()
            .unwrap_or_else(|| Self::new(ProfileDocument::rustls(), Installations::default()))
    }

    /// The profile that is compiled in under this name or alias, of those that [`catalogue`](super::catalogue) lists.
    ///
    /// # Errors
    ///
    /// There is none of that name; the error tells those that there are.
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        load::named(name)
    }

    /// The profile in this JSON text; `fingerprints/README.md` describes the format. It may extend one that is compiled in.
    ///
    /// `origin` says in errors where the text is from: a file's name.
    ///
    /// # Errors
    ///
    /// The text is no JSON, a field is unknown or of another type, or the parts contradict each other. The error names the field.
    pub fn from_json(origin: &str, text: &str) -> Result<Self, ProfileError> {
        load::from_json(origin, text)
    }

    /// The profile in this file, as [`from_json`](Self::from_json) reads it.
    ///
    /// # Errors
    ///
    /// As there; and the file cannot be read.
    pub fn from_file(path: impl AsRef<std::path::Path>) -> Result<Self, ProfileError> {
        load::from_file(path.as_ref())
    }

    /// The profile that `text` names: one that is compiled in, or else a file.
    ///
    /// # Errors
    ///
    /// As [`from_file`](Self::from_file); and there is neither.
    pub fn named_or_file(text: &str) -> Result<Self, ProfileError> {
        load::named_or_file(text)
    }

    pub(super) fn new(document: ProfileDocument, installations: Installations) -> Self {
        Self(Arc::new(Inner {
            name: Arc::from(&*document.name),
            document,
            installations,
        }))
    }

    /// The profile of the client that sent these TLS records: what is in them, and nothing about what it draws or permutes.
    ///
    /// # Errors
    ///
    /// The records hold no hello.
    pub fn from_client_hello(records: &[u8]) -> Result<Self, ProfileError> {
        let hello = ClientHello::from_records(records)
            .map_err(|error| ProfileError::new(CAPTURED, error.to_string()))?;
        Self::from_captures(CAPTURED, &[HelloCapture::new(hello)])
    }

    /// The profile of the one client that sent all of these. Hellos of several connections show what it permutes and draws; resumed ones
    /// and those after a HelloRetryRequest show what is different then. What the captures have of HTTP/2 and HTTP/1.1 becomes the
    /// profile's too: its connections, and the kinds of its requests, with what all requests of a kind have alike. The note of its
    /// provenance says what was not seen.
    ///
    /// # Errors
    ///
    /// There is no capture, or they are of different clients: their cipher suites, groups, signature algorithms or versions differ,
    /// or what their HTTP/2 openings begin with.
    pub fn from_captures(name: &str, captures: &[HelloCapture]) -> Result<Self, ProfileError> {
        load::from_document(name, learn::document(name, captures)?)
    }

    /// The profile as a file, all that it extends written out.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&self.0.document).unwrap_or_default()
    }

    /// The name.
    pub fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// Where it comes from.
    pub fn provenance(&self) -> &Provenance {
        &self.0.document.provenance
    }

    /// Whether the time is over for which it could be expected to be what its client sends.
    pub fn is_expired(&self) -> bool {
        self.0.document.provenance.is_expired(SystemTime::now())
    }

    /// What is in `hello` that the profile's client would not have sent; nothing if it could have sent just this. `retry` is the hello
    /// that followed a HelloRetryRequest, if there was one.
    ///
    /// Of a client with variants, the one counts that is nearest. Nothing is ever different from [`rustls`](Self::rustls), which
    /// promises no bytes.
    pub fn differences(&self, hello: &ClientHello, retry: Option<&ClientHello>) -> Vec<Difference> {
        let templates = self
            .0
            .installations
            .all
            .iter()
            .filter_map(|installation| installation.client_hello.as_ref());
        let each = templates.map(|template| template.differences(hello, retry));
        each.min_by_key(Vec::len).unwrap_or_default()
    }

    /// Where its parts contradict each other, or say something else than the client's own name: nothing if it is coherent. A server can
    /// tell such a client from the one that it says it is.
    ///
    /// Loading a file warns of them. The profiles that are compiled in have none.
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let mut found = Vec::new();
        for installation in self.installations() {
            for contradiction in coherence::contradictions(&self.0.document, installation) {
                if !found.contains(&contradiction) {
                    found.push(contradiction);
                }
            }
        }
        found
    }

    /// Whether its hello offers HTTP/2 and nothing is said of what the client sends then: stock h2's frames follow, which contradict the
    /// hello of any other client.
    pub fn leaves_http2_open(&self) -> bool {
        self.installations()
            .iter()
            .any(coherence::leaves_http2_open)
    }

    /// What is in `opening` that the profile's client would not have sent; nothing if it could have sent just this, or if the profile
    /// leaves HTTP/2 to stock h2.
    ///
    /// The connection's frames must be the client's, and so must each request's stream, window update, order of pseudo-headers and
    /// header block, given its headers: the same HPACK bytes. Its headers are held against the kind of request that they are nearest to:
    /// they must be in the kind's order, those that it does not name at the place for others, and have its default values. Only where
    /// the user of a client has a say, a default may be missing or have another value: `referer`, `origin`, `cookie`, `authorization`,
    /// `sec-fetch-site`, `sec-fetch-user`, `content-*` and `access-control-request-*`. After a header block that differs, later ones
    /// are not compared: tables that differ make them differ too.
    ///
    /// Of a client with variants, the one counts that is nearest.
    pub fn opening_differences(&self, opening: &Http2Opening) -> Vec<Difference> {
        let all = self.0.installations.all.iter();
        let each = all.filter_map(|installation| {
            let http2 = installation.http2.as_ref()?;
            Some(http2.differences(opening, installation.requests.as_deref()))
        });
        each.min_by_key(Vec::len).unwrap_or_default()
    }

    /// The Akamai fingerprint of its HTTP/2 connections, as [`Http2Opening::akamai`] spells it; a setting
    /// that is drawn is `GREASE`. `None` if HTTP/2 is stock h2's.
    pub fn akamai(&self) -> Option<String> {
        self.http2_template().map(|template| template.akamai())
    }

    /// What the profile offers that a connection can live up to, and what it only lists.
    pub fn deliverable(&self) -> Deliverable {
        self.hello_template()
            .map_or_else(Deliverable::default, |template| Deliverable::of(template))
    }

    /// The kinds of requests that it knows, the first being the default; none if requests have only the headers that their user gives.
    pub fn request_kinds(&self) -> Vec<&str> {
        let templates = self.request_templates();
        templates.map_or_else(Vec::new, |templates| templates.names().collect())
    }

    /// All that there can be.
    pub(super) fn installations(&self) -> &[Installation] {
        &self.0.installations.all
    }

    pub(super) fn document(&self) -> &ProfileDocument {
        &self.0.document
    }

    /// Whether there are more handles to it than these.
    pub(crate) fn is_shared(&self, handles: usize) -> bool {
        Arc::strong_count(&self.0) > handles
    }

    pub(crate) fn hello_template(&self) -> Option<&Arc<HelloTemplate>> {
        self.0.installations.drawn.client_hello.as_ref()
    }

    pub(crate) fn http2_template(&self) -> Option<&Arc<Http2Template>> {
        self.0.installations.drawn.http2.as_ref()
    }

    pub(crate) fn request_templates(&self) -> Option<&Arc<RequestTemplates>> {
        self.0.installations.drawn.requests.as_ref()
    }
}

/// What a profile is called that has no name.
const CAPTURED: &str = "captured";

impl PartialEq for Profile {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Profile {}

impl Hash for Profile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::Profile;

    #[test]
    fn what_is_compiled_in_is_one_profile() {
        assert_eq!(Profile::rustls(), Profile::named("rustls").unwrap());
        assert_eq!(&**Profile::rustls().name(), "rustls");
        assert!(Profile::rustls().hello_template().is_none());
    }
}
