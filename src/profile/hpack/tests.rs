//! What no single file can show.

mod corpus;
mod h2_client;
pub(in crate::profile) mod later_requests;
mod necessity;
mod policies;
mod properties;
mod rfc;
mod speed;

use std::sync::Arc;

use super::{Decoder, Encoder, Field, HeaderBlock, HpackError, MAX_HEADER_LIST_SIZE, Policy};

/// A field that owns its text: name, value, sensitive.
type Owned = (Vec<u8>, Vec<u8>, bool);

fn owned(block: &HeaderBlock) -> Vec<Owned> {
    let fields = block.fields();
    fields
        .map(|field| (field.name.to_vec(), field.value.to_vec(), field.sensitive))
        .collect()
}

fn borrowed(fields: &[Owned]) -> impl Iterator<Item = Field<'_>> {
    fields.iter().map(|(name, value, sensitive)| Field {
        name,
        value,
        sensitive: *sensitive,
    })
}

fn decoder() -> Decoder {
    Decoder::new(MAX_HEADER_LIST_SIZE)
}

fn encoder(policy: Policy) -> Encoder {
    Encoder::new(Arc::new(policy))
}

fn encode(encoder: &mut Encoder, fields: &[Owned]) -> Vec<u8> {
    let mut out = Vec::new();
    encoder.encode(borrowed(fields), &mut out);
    out
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<Owned>, HpackError> {
    let mut fields = HeaderBlock::default();
    decoder.decode(block, &mut fields)?;
    Ok(owned(&fields))
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}
