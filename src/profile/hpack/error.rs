//! What can be wrong with a header block.

use std::fmt;

/// Each one is a connection error of type COMPRESSION_ERROR (RFC 9113 §4.3), but for the last, which is this side's own limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HpackError {
    /// An index of zero, or beyond the end of both tables (RFC 7541 §2.3.3).
    IndexOutOfRange,
    /// An integer of more than 32 bits, or spelled with more bytes than those need (§5.1).
    IntegerOverflow,
    /// The block ends within a field.
    Truncated,
    /// What follows the last symbol is longer than seven bits, or not the beginning of EOS (§5.2).
    HuffmanPadding,
    /// The EOS symbol inside a string (§5.2).
    HuffmanEos,
    /// A dynamic table size above the limit that was agreed (§6.3).
    SizeUpdateTooLarge,
    /// A dynamic table size update after a field, or a third one (§4.2).
    SizeUpdateMisplaced,
    /// The limit was lowered below the table's size, and the block does not say that the encoder knows (§4.2).
    SizeUpdateMissing,
    /// The fields are larger than this side accepts (RFC 9113 §10.5.1).
    HeaderListTooLarge,
}

impl fmt::Display for HpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IndexOutOfRange => "header block: an index that is in neither table",
            Self::IntegerOverflow => "header block: an integer of more than 32 bits",
            Self::Truncated => "header block: it ends within a field",
            Self::HuffmanPadding => "header block: a Huffman string with wrong padding",
            Self::HuffmanEos => "header block: EOS within a Huffman string",
            Self::SizeUpdateTooLarge => "header block: a table size above the limit",
            Self::SizeUpdateMisplaced => "header block: a table size update out of place",
            Self::SizeUpdateMissing => "header block: a lowered table size was ignored",
            Self::HeaderListTooLarge => "header block: the header list is too large",
        })
    }
}

impl std::error::Error for HpackError {}
