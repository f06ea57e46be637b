//! The parameters as offers and answers spell them (RFC 7692 §7.1).

use super::negotiation::NegotiationError;
use super::parameters::{LARGEST_WINDOW_BITS, SMALLEST_WINDOW_BITS};
use crate::websocket::extension::Extension;

/// The extension's name.
pub(crate) const PERMESSAGE_DEFLATE: &str = "permessage-deflate";

pub(super) const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
pub(super) const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
pub(super) const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
pub(super) const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// What is written, whether offered or answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spelled {
    pub(super) server_no_context_takeover: bool,
    pub(super) client_no_context_takeover: bool,
    pub(super) server_max_window_bits: Option<u8>,
    pub(super) client_max_window_bits: ClientWindow,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ClientWindow {
    /// The server may not name one.
    #[default]
    Absent,
    /// Only in offers: the server may name one.
    Any,
    AtMost(u8),
}

impl ClientWindow {
    pub(super) fn bits(self) -> u8 {
        match self {
            Self::AtMost(bits) => bits,
            Self::Absent | Self::Any => LARGEST_WINDOW_BITS,
        }
    }
}

impl Spelled {
    pub(super) fn offer(extension: &Extension) -> Result<Self, NegotiationError> {
        Self::parse(extension)
    }

    /// In an answer every window has its size.
    pub(super) fn answer(extension: &Extension) -> Result<Self, NegotiationError> {
        let spelled = Self::parse(extension)?;
        match spelled.client_max_window_bits {
            ClientWindow::Any => Err(NegotiationError::InvalidValue(
                CLIENT_MAX_WINDOW_BITS.to_owned(),
            )),
            _ => Ok(spelled),
        }
    }

    fn parse(extension: &Extension) -> Result<Self, NegotiationError> {
        let mut spelled = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in &extension.parameters {
            if seen.contains(&name.as_str()) {
                return Err(NegotiationError::Repeated(name.clone()));
            }
            seen.push(name);
            let invalid = || NegotiationError::InvalidValue(name.clone());
            match (name.as_str(), value.as_deref()) {
                (SERVER_NO_CONTEXT_TAKEOVER, None) => spelled.server_no_context_takeover = true,
                (CLIENT_NO_CONTEXT_TAKEOVER, None) => spelled.client_no_context_takeover = true,
                (SERVER_MAX_WINDOW_BITS, Some(value)) => {
                    spelled.server_max_window_bits = Some(bits(value).ok_or_else(invalid)?);
                }
                (CLIENT_MAX_WINDOW_BITS, None) => {
                    spelled.client_max_window_bits = ClientWindow::Any;
                }
                (CLIENT_MAX_WINDOW_BITS, Some(value)) => {
                    let bits = bits(value).ok_or_else(invalid)?;
                    spelled.client_max_window_bits = ClientWindow::AtMost(bits);
                }
                (
                    SERVER_NO_CONTEXT_TAKEOVER
                    | CLIENT_NO_CONTEXT_TAKEOVER
                    | SERVER_MAX_WINDOW_BITS,
                    _,
                ) => return Err(invalid()),
                _ => return Err(NegotiationError::UnknownParameter(name.clone())),
            }
        }
        Ok(spelled)
    }

    #[cfg(any(test, feature = "server"))]
    pub(super) fn to_extension(self) -> Extension {
        let mut parameters = Vec::new();
        let mut add = |name: &str, value| parameters.push((name.to_owned(), value));
        if self.server_no_context_takeover {
            add(SERVER_NO_CONTEXT_TAKEOVER, None);
        }
        if self.client_no_context_takeover {
            add(CLIENT_NO_CONTEXT_TAKEOVER, None);
        }
        if let Some(bits) = self.server_max_window_bits {
            add(SERVER_MAX_WINDOW_BITS, Some(bits.to_string()));
        }
        match self.client_max_window_bits {
            ClientWindow::Absent => {}
            ClientWindow::Any => add(CLIENT_MAX_WINDOW_BITS, None),
            ClientWindow::AtMost(bits) => add(CLIENT_MAX_WINDOW_BITS, Some(bits.to_string())),
        }
        Extension {
            name: PERMESSAGE_DEFLATE.to_owned(),
            parameters,
        }
    }
}

/// A decimal number without leading zeros (RFC 7692 §7.1.2.1).
fn bits(value: &str) -> Option<u8> {
    let digits_only = value.bytes().all(|byte| byte.is_ascii_digit());
    let bits: u8 = value.parse().ok()?;
    let in_range = (SMALLEST_WINDOW_BITS..=LARGEST_WINDOW_BITS).contains(&bits);
    (digits_only && !value.starts_with('0') && in_range).then_some(bits)
}
