//! HPACK (RFC 7541) in a chosen representation.
//!
//! A header list can be encoded in many ways that all mean the same, and clients differ in which one they choose: what goes into
//! the dynamic table, what is indexed, where a name is taken from, when a string is Huffman-coded. [`Decoder`] reads a header block
//! and tells how each field was represented; [`Encoder`] writes a header block as a [`Policy`] says, which is data.
//!
//! Both take complete header blocks (HEADERS with its CONTINUATION frames). Neither panics, and the memory of both is bounded by the
//! table sizes and the header list limit. After a [`HpackError`] the decoder's table is no longer the peer's: the connection has to
//! end (RFC 9113 §4.3).

mod block;
mod decoder;
mod encoder;
mod error;
mod field;
mod huffman;
mod huffman_table;
mod integer;
mod lookup;
mod policy;
mod static_table;
mod table;
#[cfg(test)]
pub(super) mod tests;
mod text;

pub(crate) use block::HeaderBlock;
pub(crate) use decoder::{Decoder, MAX_HEADER_LIST_SIZE};
pub(crate) use encoder::Encoder;
pub(crate) use error::HpackError;
#[cfg(test)]
pub(crate) use field::{Coding, NameForm};
pub(crate) use field::{Field, Indexing, Representation};
pub(crate) use policy::{FieldRule, HuffmanUse, IndexedUse, NameSource, Policy, Rule, SizeSignal};
pub(crate) use table::INITIAL_TABLE_SIZE;
