//! Header blocks: as h2 writes them, and as the profile's client would.

use std::sync::Arc;

use super::announced::TableSizes;
use super::dependencies::Dependencies;
use super::head::{CONTINUATION, END_HEADERS, END_STREAM, HAS_PRIORITY, HEADERS, Head};
use super::mark::{self, PRIORITY_MARK};
use crate::profile::StreamPriority;
use crate::profile::hpack::{Decoder, Encoder, HeaderBlock, HpackError, MAX_HEADER_LIST_SIZE};
use crate::profile::http2::{Http2Template, PseudoHeader};

/// The payload of a HEADERS or CONTINUATION frame: every peer has to take as much (RFC 9113 §4.2), and browsers do not send more,
/// whatever SETTINGS_MAX_FRAME_SIZE the server has.
const MAX_PAYLOAD: usize = 16_384;

/// Buffers above this are given back after use.
const KEPT_CAPACITY: usize = 16 * 1024;

/// Both ends of the header compression that is between h2 and the server.
#[derive(Debug)]
pub(super) struct Transcoder {
    template: Arc<Http2Template>,
    /// h2 is the peer.
    decoder: Decoder,
    /// The server is the peer.
    encoder: Encoder,
    fields: HeaderBlock,
    /// The places in `fields` of what is sent, in its order.
    order: Vec<usize>,
    /// Priority fields and block of what is sent.
    payload: Vec<u8>,
}

impl Transcoder {
    pub(super) fn new(template: Arc<Http2Template>) -> Self {
        Self {
            decoder: Decoder::new(MAX_HEADER_LIST_SIZE),
            encoder: Encoder::new(Arc::clone(&template.hpack)),
            template,
            fields: HeaderBlock::default(),
            order: Vec::new(),
            payload: Vec::new(),
        }
    }

    /// h2 has acknowledged the server's SETTINGS: from the next block on they hold.
    pub(super) fn acknowledged(&mut self, sizes: TableSizes) {
        self.decoder.set_table_limit(sizes.last);
        if sizes.lowest != sizes.last {
            self.encoder.set_table_limit(sizes.lowest);
        }
        self.encoder.set_table_limit(sizes.last);
    }

    /// Appends the frames of a header block of h2's, and says whether it is a request's.
    pub(super) fn transcode(
        &mut self,
        stream: u32,
        end_stream: bool,
        block: &[u8],
        dependencies: Option<&mut Dependencies>,
        out: &mut Vec<u8>,
    ) -> Result<bool, HpackError> {
        self.decoder.decode(block, &mut self.fields)?;
        self.payload.clear();
        let (is_request, priority) = self.arrange();
        let mut flags = if end_stream { END_STREAM } else { 0 };
        if let Some(priority) = priority.filter(|_| is_request) {
            let priority = match dependencies {
                Some(open) => open.opens(stream, priority, end_stream),
                None => independent(priority, stream),
            };
            self.payload.extend(priority);
            flags |= HAS_PRIORITY;
        }
        let Self {
            encoder,
            fields,
            order,
            payload,
            ..
        } = self;
        let fields = order.iter().filter_map(|place| fields.get(*place));
        encoder.encode(fields, payload);
        write_frames(stream, flags, payload, out);
        if payload.capacity() > KEPT_CAPACITY {
            *payload = Vec::new();
        }
        Ok(is_request)
    }

    /// Finds the order; whether there are pseudo-headers, and the mark's priority.
    fn arrange(&mut self) -> (bool, Option<[u8; 5]>) {
        let Self {
            template,
            fields,
            order,
            ..
        } = self;
        order.clear();
        let mut names = fields.fields().map(|field| field.name);
        let pseudo = names
            .by_ref()
            .take_while(|name| name.starts_with(b":"))
            .count();
        for wanted in &template.pseudo_headers {
            let is_it = |place: &usize| {
                fields
                    .get(*place)
                    .is_some_and(|field| field.name == name(*wanted))
            };
            order.extend((0..pseudo).find(is_it));
        }
        for place in 0..pseudo {
            if !order.contains(&place) {
                order.push(place);
            }
        }
        let mut priority = None;
        for (place, field) in fields.fields().enumerate().skip(pseudo) {
            if field.name == PRIORITY_MARK.as_str().as_bytes() {
                priority = mark::priority(field.value);
            } else {
                order.push(place);
            }
        }
        (pseudo > 0, priority)
    }
}

/// No stream may depend on itself (RFC 7540 §5.3.1): then it depends on none.
fn independent(priority: [u8; 5], stream: u32) -> [u8; 5] {
    let named = StreamPriority::from_bytes(priority);
    if named.dependency != stream {
        return priority;
    }
    let dependency = 0;
    StreamPriority {
        dependency,
        ..named
    }
    .to_bytes()
}

fn write_frames(stream: u32, flags: u8, payload: &[u8], out: &mut Vec<u8>) {
    let (mut kind, mut flags, mut rest) = (HEADERS, flags, payload);
    loop {
        let (part, more) = rest.split_at(rest.len().min(MAX_PAYLOAD));
        if more.is_empty() {
            flags |= END_HEADERS;
        }
        out.extend(Head::new(part.len() as u32, kind, flags, stream).to_bytes());
        out.extend_from_slice(part);
        if more.is_empty() {
            return;
        }
        (kind, flags, rest) = (CONTINUATION, 0, more);
    }
}

const fn name(pseudo_header: PseudoHeader) -> &'static [u8] {
    match pseudo_header {
        PseudoHeader::Method => b":method",
        PseudoHeader::Authority => b":authority",
        PseudoHeader::Scheme => b":scheme",
        PseudoHeader::Path => b":path",
        PseudoHeader::Protocol => b":protocol",
    }
}
