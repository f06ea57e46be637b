//! Reads header blocks.

use super::block::HeaderBlock;
use super::error::HpackError;
use super::field::{Coding, Indexing, NameForm, Representation};
use super::table::{INITIAL_TABLE_SIZE, Table};
use super::text::Text;
use super::{huffman, integer, static_table};
use crate::profile::read::Reader;

/// What h2 itself accepts by default.
pub(crate) const MAX_HEADER_LIST_SIZE: usize = 16 << 20;

/// RFC 7541 §4.2: the smallest size since the last block, and the last one.
const MAX_SIZE_UPDATES: usize = 2;

/// One direction of a connection, as its receiver sees it.
#[derive(Debug)]
pub(crate) struct Decoder {
    table: Table,
    /// SETTINGS_HEADER_TABLE_SIZE, once acknowledged.
    table_limit: u32,
    max_list_size: usize,
}

impl Decoder {
    /// Header lists above `max_list_size` (as RFC 9113 §6.5.2 counts) are refused.
    pub(crate) fn new(max_list_size: usize) -> Self {
        Self {
            table: Table::new(),
            table_limit: INITIAL_TABLE_SIZE,
            max_list_size,
        }
    }

    /// The encoder has acknowledged SETTINGS_HEADER_TABLE_SIZE: from the next block on it keeps to `limit`.
    pub(crate) fn set_table_limit(&mut self, limit: u32) {
        self.table_limit = limit;
    }

    /// Reads a complete header block into `fields`, which has none else afterwards.
    ///
    /// # Errors
    ///
    /// `fields` has those before the fault, and the connection has to end.
    pub(crate) fn decode(
        &mut self,
        block: &[u8],
        fields: &mut HeaderBlock,
    ) -> Result<(), HpackError> {
        fields.clear();
        let mut reader = Reader::new(block);
        self.size_updates(&mut reader, fields)?;
        while let Some(first) = reader.u8() {
            match first {
                0x80.. => self.indexed(first, &mut reader, fields)?,
                0x40.. => self.literal(first, Indexing::Incremental, 6, &mut reader, fields)?,
                0x20.. => return Err(HpackError::SizeUpdateMisplaced),
                0x10.. => self.literal(first, Indexing::Never, 4, &mut reader, fields)?,
                _ => self.literal(first, Indexing::Without, 4, &mut reader, fields)?,
            }
        }
        Ok(())
    }

    fn size_updates(
        &mut self,
        reader: &mut Reader<'_>,
        fields: &mut HeaderBlock,
    ) -> Result<(), HpackError> {
        while let Some(&first @ 0x20..0x40) = reader.rest().first() {
            reader.u8();
            let size = integer::decode(first, 5, reader)?;
            if size > self.table_limit {
                return Err(HpackError::SizeUpdateTooLarge);
            }
            if fields.size_updates().len() == MAX_SIZE_UPDATES {
                return Err(HpackError::SizeUpdateMisplaced);
            }
            self.table.set_max_size(size);
            fields.push_size_update(size);
        }
        if self.table.max_size() > self.table_limit {
            return Err(HpackError::SizeUpdateMissing);
        }
        Ok(())
    }

    fn indexed(
        &mut self,
        first: u8,
        reader: &mut Reader<'_>,
        fields: &mut HeaderBlock,
    ) -> Result<(), HpackError> {
        let index = integer::decode(first, 7, reader)?;
        let (name, value) = self.entry(index)?;
        let text = fields.text();
        text.extend(name);
        text.extend(value);
        fields.push(
            name.len(),
            Representation::Indexed(index),
            self.max_list_size,
        )
    }

    fn literal(
        &mut self,
        first: u8,
        indexing: Indexing,
        prefix_bits: u32,
        reader: &mut Reader<'_>,
        fields: &mut HeaderBlock,
    ) -> Result<(), HpackError> {
        let text = fields.text();
        let start = text.len();
        let name = match integer::decode(first, prefix_bits, reader)? {
            0 => NameForm::Literal(string(reader, text)?),
            index => {
                text.extend(self.entry(index)?.0);
                NameForm::Index(index)
            }
        };
        let name_length = text.len() - start;
        let value = string(reader, text)?;
        let representation = Representation::Literal {
            indexing,
            name,
            value,
        };
        fields.push(name_length, representation, self.max_list_size)?;
        if indexing == Indexing::Incremental
            && let Some(field) = fields.last()
        {
            self.table.insert(&field);
        }
        Ok(())
    }

    fn entry(&self, index: u32) -> Result<(&[u8], &[u8]), HpackError> {
        let found = match index.checked_sub(static_table::LENGTH + 1) {
            Some(age) => self.table.get(age),
            None => static_table::get(index),
        };
        found.ok_or(HpackError::IndexOutOfRange)
    }

    #[cfg(test)]
    pub(super) fn table(&self) -> &Table {
        &self.table
    }
}

/// A string literal (RFC 7541 §5.2).
fn string(reader: &mut Reader<'_>, text: &mut Text) -> Result<Coding, HpackError> {
    let first = reader.u8().ok_or(HpackError::Truncated)?;
    let length = integer::decode(first, 7, reader)?;
    let string = reader.take(length as usize).ok_or(HpackError::Truncated)?;
    if first & 0x80 == 0 {
        text.extend(string);
        return Ok(Coding::Raw);
    }
    huffman::decode(string, text)?;
    Ok(Coding::Huffman)
}
