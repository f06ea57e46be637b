//! What one installation of a profile's client does: the profile as it is, or one of its variants.

use std::sync::Arc;

use rand::RngExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::compile::{self, Fault};
use super::document::{ProfileDocument, VariantDocument, merge};
use super::http2::Http2Template;
use super::profile_error::ProfileError;
use super::requests::RequestTemplates;
use super::template::HelloTemplate;

/// The parts of a client that are shaped; what there is none of is stock rustls's, stock h2's, or the user's.
#[derive(Clone, Debug, Default)]
pub(super) struct Installation {
    pub(super) client_hello: Option<Arc<HelloTemplate>>,
    pub(super) http2: Option<Arc<Http2Template>>,
    pub(super) requests: Option<Arc<RequestTemplates>>,
}

/// All that there can be, and the one that this process is.
#[derive(Debug, Default)]
pub(super) struct Installations {
    pub(super) drawn: Installation,
    pub(super) all: Vec<Installation>,
}

impl Installations {
    /// All are compiled, so that a fault shows whichever is drawn.
    pub(super) fn of(origin: &str, document: &ProfileDocument) -> Result<Self, ProfileError> {
        let base = Installation::of(origin, document, &VariantDocument::default(), "")?;
        if document.variants.is_empty() {
            return Ok(Self {
                drawn: base.clone(),
                all: vec![base],
            });
        }
        let error = |fault: &str| ProfileError::new(origin, fault).in_field("variants");
        if base.is_stock() {
            return Err(error("there is nothing to vary"));
        }
        let mut weighted = Vec::with_capacity(document.variants.len());
        for (index, variant) in document.variants.iter().enumerate() {
            let prefix = format!("variants[{index}].");
            let installation = Installation::of(origin, document, variant, &prefix)?;
            weighted.push((variant.weight, installation));
        }
        let drawn = draw(&weighted).ok_or_else(|| error("no variant has any weight"))?;
        Ok(Self {
            drawn,
            all: weighted
                .into_iter()
                .map(|(_, installation)| installation)
                .collect(),
        })
    }
}

impl Installation {
    fn of(
        origin: &str,
        document: &ProfileDocument,
        variant: &VariantDocument,
        prefix: &str,
    ) -> Result<Self, ProfileError> {
        let part = |name: &'static str| Part {
            origin,
            path: format!("{prefix}{name}"),
        };
        let http2 = part("http2").compile(
            document.http2.as_ref(),
            variant.http2.as_ref(),
            compile::http2,
        )?;
        let first_stream = http2
            .as_deref()
            .map_or(FIRST_STREAM, |http2: &Http2Template| http2.first_stream);
        Ok(Self {
            client_hello: part("client_hello").compile(
                document.client_hello.as_ref(),
                variant.client_hello.as_ref(),
                compile::client_hello,
            )?,
            http2,
            requests: part("requests").compile(
                document.requests.as_ref(),
                variant.requests.as_ref(),
                |requests| compile::requests(requests, first_stream),
            )?,
        })
    }

    const fn is_stock(&self) -> bool {
        self.client_hello.is_none() && self.http2.is_none() && self.requests.is_none()
    }
}

/// A client's first, unless its profile says another (RFC 9113 section 5.1.1).
const FIRST_STREAM: u32 = 1;

/// A part of a profile, and where it stands.
struct Part<'a> {
    origin: &'a str,
    path: String,
}

impl Part<'_> {
    fn compile<D: Clone + DeserializeOwned + Serialize, T>(
        &self,
        document: Option<&D>,
        patch: Option<&Value>,
        compile: impl Fn(&D) -> Result<T, Fault>,
    ) -> Result<Option<Arc<T>>, ProfileError> {
        let patched = match patch {
            Some(patch) => Some(self.patched(document, patch)?),
            None => document.cloned(),
        };
        let Some(document) = patched else {
            return Ok(None);
        };
        let template = compile(&document).map_err(|fault| {
            ProfileError::new(self.origin, fault.fault)
                .in_field(format!("{}.{}", self.path, fault.field))
        })?;
        Ok(Some(Arc::new(template)))
    }

    fn patched<D: DeserializeOwned + Serialize>(
        &self,
        document: Option<&D>,
        patch: &Value,
    ) -> Result<D, ProfileError> {
        let mut whole = serde_json::to_value(document)
            .map_err(|error| ProfileError::new(self.origin, error.to_string()))?;
        merge(&mut whole, patch.clone());
        typed(self.origin, whole).map_err(|error| {
            let field = format!("{}.{}", self.path, error.field());
            error.in_field(field)
        })
    }
}

/// A document, or the path of the field that is no such thing.
pub(super) fn typed<T: DeserializeOwned>(origin: &str, value: Value) -> Result<T, ProfileError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let field = error.path().to_string();
        let field = if field == "." { String::new() } else { field };
        ProfileError::new(origin, error.into_inner().to_string()).in_field(field)
    })
}

/// One of them, drawn by weight.
fn draw(weighted: &[(u32, Installation)]) -> Option<Installation> {
    let total: u64 = weighted.iter().map(|(weight, _)| u64::from(*weight)).sum();
    let mut drawn = (total > 0).then(|| rand::rng().random_range(0..total))?;
    for (weight, installation) in weighted {
        match drawn.checked_sub((*weight).into()) {
            Some(left) => drawn = left,
            None => return Some(installation.clone()),
        }
    }
    None
}
