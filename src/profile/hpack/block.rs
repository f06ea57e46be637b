//! A decoded header block.

use super::error::HpackError;
use super::field::{Field, Representation};
use super::text::Text;

/// The fields of one header block, in its order. To be used again: it keeps its memory.
#[derive(Debug, Default)]
pub(crate) struct HeaderBlock {
    text: Text,
    fields: Vec<Span>,
    size_updates: Vec<u32>,
    list_size: usize,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    value: usize,
    end: usize,
    representation: Representation,
}

impl HeaderBlock {
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(crate) fn get(&self, place: usize) -> Option<Field<'_>> {
        Some(self.field(self.fields.get(place)?))
    }

    pub(crate) fn fields(&self) -> impl ExactSizeIterator<Item = Field<'_>> {
        self.fields.iter().map(|span| self.field(span))
    }

    pub(crate) fn representations(&self) -> impl ExactSizeIterator<Item = Representation> {
        self.fields.iter().map(|span| span.representation)
    }

    /// The dynamic table sizes that the block began with (RFC 7541 §4.2).
    pub(crate) fn size_updates(&self) -> &[u32] {
        &self.size_updates
    }

    /// As SETTINGS_MAX_HEADER_LIST_SIZE counts it (RFC 9113 §6.5.2).
    pub(crate) fn list_size(&self) -> usize {
        self.list_size
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.fields.clear();
        self.size_updates.clear();
        self.list_size = 0;
    }

    pub(super) fn push_size_update(&mut self, size: u32) {
        self.size_updates.push(size);
    }

    /// Where the next field's name goes, and then its value.
    pub(super) fn text(&mut self) -> &mut Text {
        &mut self.text
    }

    /// Makes a field of the text since the last one.
    pub(super) fn push(
        &mut self,
        name_length: usize,
        representation: Representation,
        max_list_size: usize,
    ) -> Result<(), HpackError> {
        let start = self.fields.last().map_or(0, |span| span.end);
        let span = Span {
            start,
            value: start + name_length,
            end: self.text.len(),
            representation,
        };
        self.list_size += self.field(&span).size();
        if self.list_size > max_list_size {
            return Err(HpackError::HeaderListTooLarge);
        }
        self.fields.push(span);
        Ok(())
    }

    pub(super) fn last(&self) -> Option<Field<'_>> {
        self.fields.last().map(|span| self.field(span))
    }

    fn field(&self, span: &Span) -> Field<'_> {
        Field {
            name: self.text.get(span.start, span.value),
            value: self.text.get(span.value, span.end),
            sensitive: span.representation.is_never_indexed(),
        }
    }
}
