//! Why a profile is none.

use std::fmt;

/// Why a profile could not be loaded: where it stands, in which field, and what is wrong with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProfileError {
    origin: Box<str>,
    field: Box<str>,
    fault: Box<str>,
}

impl ProfileError {
    pub(crate) fn new(origin: &str, fault: impl Into<Box<str>>) -> Self {
        Self {
            origin: origin.into(),
            field: Box::default(),
            fault: fault.into(),
        }
    }

    pub(crate) fn in_field(self, field: impl Into<Box<str>>) -> Self {
        Self {
            field: field.into(),
            ..self
        }
    }

    /// The file, or the name of a profile that is compiled in.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The field by its path, such as `client_hello.key_shares[1]`; empty if the fault is in none.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong.
    pub fn fault(&self) -> &str {
        &self.fault
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "profile {}: ", self.origin)?;
        if !self.field.is_empty() {
            write!(formatter, "{}: ", self.field)?;
        }
        formatter.write_str(&self.fault)
    }
}

impl std::error::Error for ProfileError {}
