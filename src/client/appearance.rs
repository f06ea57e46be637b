//! What a connection's profile makes of the requests on it.

use http::{HeaderMap, HeaderValue, Method, Version};

use super::options::RequestOptions;
use super::outgoing::invalid;
use crate::dial::Origin;
use crate::error::Result;
use crate::pool::Lease;
use crate::profile::hpack::{Field, MAX_HEADER_LIST_SIZE};
use crate::profile::requests::{Dressed, Occasion, RequestTemplate};
use crate::profile::{Profile, StreamPriority};
use crate::shape::h2::PRIORITY_MARK;

/// Half of what h2 and the stream below it take in a header list: the pseudo-headers are still to come. Servers take a few hundredths.
const LARGEST_HEADERS: usize = MAX_HEADER_LIST_SIZE / 2;

/// A connection's profile and language.
#[derive(Clone, Copy, Debug)]
pub(super) struct Appearance<'a> {
    profile: &'a Profile,
    accept_language: Option<&'a HeaderValue>,
    origin: &'a Origin,
}

impl<'a> Appearance<'a> {
    pub(super) fn new(
        profile: &'a Profile,
        accept_language: Option<&'a HeaderValue>,
        origin: &'a Origin,
    ) -> Self {
        Self {
            profile,
            accept_language,
            origin,
        }
    }

    pub(super) fn of(lease: &'a Lease) -> Self {
        let live = lease.live();
        Self::new(
            live.profile(),
            live.accept_language(),
            lease.info().origin(),
        )
    }

    pub(super) fn origin(&self) -> &'a Origin {
        self.origin
    }

    /// Whether the profile knows requests of this kind.
    #[cfg(feature = "websocket")]
    pub(super) fn has_kind(&self, kind: &str) -> bool {
        let templates = self.profile.request_templates();
        templates.is_some_and(|templates| templates.kind(Some(kind)).is_some())
    }

    /// The content codings to be decoded, whoever asked for them, where the profile adds nothing to requests.
    pub(super) fn undressed_codings(&self, options: &'a RequestOptions) -> Option<&'a HeaderValue> {
        let codings = options.undressed.codings.as_ref();
        codings.filter(|_| self.profile.request_templates().is_none())
    }

    /// The headers that the profile's client would have sent for this request.
    ///
    /// # Errors
    ///
    /// The profile has no such kind of request.
    pub(super) fn dress(
        &self,
        version: Version,
        method: &Method,
        options: &RequestOptions,
        own: HeaderMap,
    ) -> Result<Dressed> {
        let Some(template) = self.template(options)? else {
            let mut dressed = Dressed {
                headers: options.undressed.complete(own),
                asks_for_codings: false,
            };
            self.check_size(version, &dressed.headers)?;
            self.mark(version, options.priority, &mut dressed);
            return Ok(dressed);
        };
        let headers = match version {
            Version::HTTP_2 => &template.http2,
            _ => &template.http1,
        };
        let occasion = Occasion {
            method,
            scheme: self.origin.scheme().as_str(),
            authority: self.origin.authority(),
            accept_language: self.accept_language,
            without: &options.without,
            defaults: !options.own_headers_only,
        };
        let mut dressed = headers.dress(&own, &occasion);
        self.check_size(version, &dressed.headers)?;
        self.mark(
            version,
            options.priority.or(template.priority),
            &mut dressed,
        );
        Ok(dressed)
    }

    /// The stream below h2 takes no larger list, and its connection would end with all requests on it.
    fn check_size(&self, version: Version, headers: &HeaderMap) -> Result<()> {
        if version != Version::HTTP_2 || self.profile.http2_template().is_none() {
            return Ok(());
        }
        let size: usize = headers
            .iter()
            .map(|(name, value)| Field::new(name.as_str().as_bytes(), value.as_bytes()).size())
            .sum();
        if size < LARGEST_HEADERS {
            return Ok(());
        }
        Err(invalid(&format!(
            "its headers are larger than {LARGEST_HEADERS} bytes"
        )))
    }

    /// Only a connection that shapes HTTP/2 takes the mark out again.
    fn mark(&self, version: Version, priority: Option<StreamPriority>, dressed: &mut Dressed) {
        if version == Version::HTTP_2
            && self.profile.http2_template().is_some()
            && let Some(priority) = priority
        {
            dressed.headers.insert(PRIORITY_MARK, priority.into());
        }
    }

    fn template(&self, options: &RequestOptions) -> Result<Option<&'a RequestTemplate>> {
        let Some(templates) = self.profile.request_templates() else {
            return Ok(None);
        };
        let kind = options.kind.as_deref();
        if let Some(template) = templates.kind(kind) {
            return Ok(Some(template));
        }
        let known: Vec<&str> = templates.names().collect();
        Err(invalid(&format!(
            "the profile {} has no kind {:?} of requests; it has {}",
            self.profile.name(),
            kind.unwrap_or_default(),
            known.join(", ")
        )))
    }
}
