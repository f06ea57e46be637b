//! A header field, and the ways to represent one (RFC 7541 §6).

use std::fmt;

/// A header field line. Neither name nor value need be text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
    /// Was, or by its author's wish should be, never indexed (§7.1.3).
    pub(crate) sensitive: bool,
}

impl<'a> Field<'a> {
    pub(crate) const fn new(name: &'a [u8], value: &'a [u8]) -> Self {
        Self {
            name,
            value,
            sensitive: false,
        }
    }

    /// What the field counts for in a dynamic table and in a header list (§4.1).
    pub(crate) const fn size(&self) -> usize {
        self.name.len() + self.value.len() + ENTRY_OVERHEAD
    }
}

const ENTRY_OVERHEAD: usize = 32;

/// How a field was represented.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Representation {
    /// §6.1; up to 61 an index of the static table.
    Indexed(u32),
    /// §6.2.
    Literal {
        indexing: Indexing,
        name: NameForm,
        value: Coding,
    },
}

impl Representation {
    pub(crate) const fn is_never_indexed(self) -> bool {
        matches!(
            self,
            Self::Literal {
                indexing: Indexing::Never,
                ..
            }
        )
    }
}

/// What a literal does to the dynamic table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Indexing {
    /// It becomes an entry (§6.2.1).
    Incremental,
    /// It does not (§6.2.2).
    Without,
    /// It does not, and must not further on either (§6.2.3).
    Never,
}

/// How a literal's name was given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NameForm {
    Index(u32),
    Literal(Coding),
}

/// A string literal's coding (§5.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Coding {
    Raw,
    Huffman,
}

impl fmt::Display for Representation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Indexed(index) => write!(f, "index {index}"),
            Self::Literal {
                indexing,
                name,
                value,
            } => write!(f, "{indexing}, name {name}, value {value}"),
        }
    }
}

impl fmt::Display for Indexing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incremental => "incremental",
            Self::Without => "without indexing",
            Self::Never => "never indexed",
        })
    }
}

impl fmt::Display for NameForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => index.fmt(f),
            Self::Literal(coding) => coding.fmt(f),
        }
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raw => "raw",
            Self::Huffman => "Huffman",
        })
    }
}
