//! A request of an HTTP/2 client.

use std::fmt;

use super::frame::HeadersFrame;
use crate::profile::hpack::{Field, HeaderBlock, Representation};
use crate::profile::http2::StreamPriority;

/// A request's HEADERS frame and what belongs to it.
#[derive(Clone, Eq, PartialEq)]
pub struct Http2Request {
    stream: u32,
    ends_stream: bool,
    priority: Option<StreamPriority>,
    window_update: Option<u32>,
    is_acknowledged: bool,
    block: Box<[u8]>,
    size_updates: Box<[u32]>,
    /// All names and values, one behind the other.
    text: Box<[u8]>,
    fields: Box<[Span]>,
}

/// Where the text of a header ends: the name's begins where the header before ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Span {
    name: usize,
    value: usize,
    representation: Representation,
}

/// A header, or a pseudo-header.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Http2Header<'a> {
    /// The name, as a rule in lower case.
    pub name: &'a [u8],
    /// The value, which need not be text.
    pub value: &'a [u8],
    representation: Representation,
}

impl Http2Request {
    pub(super) fn new(frame: HeadersFrame, list: &HeaderBlock, is_acknowledged: bool) -> Self {
        let mut text =
            Vec::with_capacity(list.fields().map(|f| f.name.len() + f.value.len()).sum());
        let mut fields = Vec::with_capacity(list.len());
        for (field, representation) in list.fields().zip(list.representations()) {
            text.extend_from_slice(field.name);
            let name = text.len();
            text.extend_from_slice(field.value);
            fields.push(Span {
                name,
                value: text.len(),
                representation,
            });
        }
        Self {
            stream: frame.stream,
            ends_stream: frame.ends_stream,
            priority: frame.priority,
            window_update: None,
            is_acknowledged,
            block: frame.block.into(),
            size_updates: list.size_updates().into(),
            text: text.into(),
            fields: fields.into(),
        }
    }

    pub(super) fn enlarge(&mut self, increment: u32) {
        self.window_update = Some(increment);
    }

    /// The stream's number.
    pub const fn stream(&self) -> u32 {
        self.stream
    }

    /// Whether the request has neither content nor trailers: END_STREAM is set.
    pub const fn ends_stream(&self) -> bool {
        self.ends_stream
    }

    /// The priority fields of the HEADERS frame, if it has them.
    pub const fn priority(&self) -> Option<StreamPriority> {
        self.priority
    }

    /// By how many bytes a WINDOW_UPDATE enlarges the stream's window that is the next frame behind the header block.
    pub const fn window_update(&self) -> Option<u32> {
        self.window_update
    }

    /// Whether the client had acknowledged the server's SETTINGS before.
    pub const fn settings_acknowledged(&self) -> bool {
        self.is_acknowledged
    }

    /// The header block as it was sent, without padding.
    pub fn block(&self) -> &[u8] {
        &self.block
    }

    /// The headers in their order, pseudo-headers among them.
    pub fn headers(&self) -> impl Iterator<Item = Http2Header<'_>> {
        let mut begin = 0;
        self.fields.iter().map(move |span| {
            let header = Http2Header {
                name: self.text.get(begin..span.name).unwrap_or_default(),
                value: self.text.get(span.name..span.value).unwrap_or_default(),
                representation: span.representation,
            };
            begin = span.value;
            header
        })
    }

    /// The value of the first header of this name, which is to be in lower case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers();
        headers
            .find(|header| header.name == name.as_bytes())
            .map(|header| header.value)
    }

    /// The dynamic table sizes that the block begins with (RFC 7541 section 6.3).
    pub(in crate::profile) fn size_updates(&self) -> &[u32] {
        &self.size_updates
    }
}

impl fmt::Debug for Http2Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Http2Request")
            .field("stream", &self.stream)
            .field("ends_stream", &self.ends_stream)
            .field("priority", &self.priority)
            .field("window_update", &self.window_update)
            .field("settings_acknowledged", &self.is_acknowledged)
            .field("headers", &self.headers().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl<'a> Http2Header<'a> {
    /// How the header was written in HPACK (RFC 7541 section 6): `index 2`, or `incremental, name 58, value Huffman`. A `name` is an
    /// index or a coding, indices above 61 are those of the dynamic table.
    pub fn representation(&self) -> String {
        self.representation.to_string()
    }

    /// Whether this is how it was written.
    pub(in crate::profile) fn is_written(&self, representation: Representation) -> bool {
        self.representation == representation
    }

    /// As a field, sensitive if it was never indexed.
    pub(in crate::profile) fn field(&self) -> Field<'a> {
        Field {
            name: self.name,
            value: self.value,
            sensitive: self.representation.is_never_indexed(),
        }
    }

    /// Whether it is one (RFC 9113 section 8.3).
    pub(in crate::profile) fn is_pseudo_header(&self) -> bool {
        self.name.first() == Some(&b':')
    }
}

impl fmt::Debug for Http2Header<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [name, value] = [self.name, self.value].map(String::from_utf8_lossy);
        write!(formatter, "{name}: {value} ({})", self.representation)
    }
}
