//! The bytes of header blocks.

use std::sync::Arc;

use super::{Difference, list};
use crate::profile::Http2Request;
use crate::profile::hpack::{
    Decoder, Encoder, HeaderBlock, INITIAL_TABLE_SIZE, MAX_HEADER_LIST_SIZE, Policy, Representation,
};

/// A connection's header blocks as the client would have written them.
pub(in crate::profile) struct Replay {
    encoder: Encoder,
    /// The encoder's, as the captured blocks tell it.
    table_size: u32,
    /// Reads what the encoder wrote.
    decoder: Decoder,
    /// A block was different, so later ones say nothing: the tables are.
    is_lost: bool,
}

impl Replay {
    pub(in crate::profile) fn new(policy: &Arc<Policy>) -> Self {
        let mut decoder = Decoder::new(MAX_HEADER_LIST_SIZE);
        decoder.set_table_limit(u32::MAX);
        Self {
            encoder: Encoder::new(Arc::clone(policy)),
            table_size: INITIAL_TABLE_SIZE,
            decoder,
            is_lost: false,
        }
    }

    /// The block that the client would have written of the request's headers, to be called for each in turn.
    pub(in crate::profile) fn encode(&mut self, request: &Http2Request) -> Vec<u8> {
        // What the server allowed shows in nothing else. The size that there was is told when it was raised in between.
        for size in request.size_updates() {
            if *size == self.table_size {
                self.encoder.set_table_limit(size.saturating_add(1));
            }
            self.encoder.set_table_limit(*size);
            self.table_size = *size;
        }
        let mut block = Vec::with_capacity(request.block().len());
        let fields = request.headers().map(|header| header.field());
        self.encoder.encode(fields, &mut block);
        block
    }

    /// How the client would have represented the request's headers, to be called for each in turn.
    pub(in crate::profile) fn representations(
        &mut self,
        request: &Http2Request,
    ) -> Vec<Representation> {
        let block = self.encode(request);
        let mut own = HeaderBlock::default();
        // An encoder's blocks are read without fault, up to the size of list that is written here.
        let _ = self.decoder.decode(&block, &mut own);
        own.representations().collect()
    }

    pub(super) fn differences(&mut self, request: &Http2Request) -> Vec<Difference> {
        if self.is_lost {
            return Vec::new();
        }
        let block = self.encode(request);
        let mut own = HeaderBlock::default();
        let decoded = self.decoder.decode(&block, &mut own);
        if decoded.is_ok() && block == request.block() {
            return Vec::new();
        }
        self.is_lost = true;
        let mut differences = Vec::new();
        if own.size_updates() != request.size_updates() {
            let sizes = |sizes: &[u32]| list(sizes.iter().map(u32::to_string));
            differences.push(Difference::new(
                "HPACK table size",
                sizes(own.size_updates()),
                sizes(request.size_updates()),
            ));
        }
        for (expected, found) in own.representations().zip(request.headers()) {
            let (expected, representation) = (expected.to_string(), found.representation());
            if expected != representation {
                let place = format!("HPACK of {}", String::from_utf8_lossy(found.name));
                differences.push(Difference::new(place, expected, representation));
            }
        }
        if differences.is_empty() {
            differences.push(Difference::new("HPACK", "other bytes", "these"));
        }
        differences
    }
}
