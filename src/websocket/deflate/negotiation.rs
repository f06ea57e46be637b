//! Agreeing upon permessage-deflate in the opening handshake (RFC 7692 §5 and §7.1).

use std::fmt::{self, Display};

use super::offer::{
    CLIENT_MAX_WINDOW_BITS, ClientWindow, PERMESSAGE_DEFLATE, SERVER_MAX_WINDOW_BITS,
    SERVER_NO_CONTEXT_TAKEOVER, Spelled,
};
#[cfg(any(test, feature = "server"))]
use super::parameters::SMALLEST_COMPRESSOR_BITS;
use super::parameters::{DeflateParameters, LARGEST_WINDOW_BITS};
use crate::websocket::extension::{Extension, Malformed};

/// Why a server's answer is none to the client's offer. The client must fail the connection (RFC 7692 §5.1 and §7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NegotiationError {
    /// The header is no list of extensions.
    Malformed,
    /// An extension that is not permessage-deflate, or was not offered.
    UnknownExtension(String),
    /// permessage-deflate is accepted more than once.
    SeveralAnswers,
    /// The extension has no such parameter.
    UnknownParameter(String),
    /// A parameter stands twice.
    Repeated(String),
    /// A parameter has a value that it cannot have, or lacks the one that it needs.
    InvalidValue(String),
    /// A parameter is answered that may only be if it was offered.
    NotOffered(&'static str),
    /// A parameter is not answered, or not with as little, although the offer depends upon it.
    NotGranted(&'static str),
}

impl DeflateParameters {
    /// What a client may expect that sent `offered` and was sent `answered`; `None` if the server wants no extension.
    ///
    /// # Errors
    ///
    /// [`NegotiationError`] if the answer is none to any of the offers.
    pub(crate) fn answered(
        offered: &[Extension],
        answered: &[Extension],
    ) -> Result<Option<Self>, NegotiationError> {
        let answer = match answered {
            [] => return Ok(None),
            [answer, ..] => answer,
        };
        let mut offers = deflate(offered).peekable();
        if let Some(other) = answered
            .iter()
            .find(|other| other.name != PERMESSAGE_DEFLATE)
        {
            return Err(NegotiationError::UnknownExtension(other.name.clone()));
        }
        if offers.peek().is_none() {
            return Err(NegotiationError::UnknownExtension(answer.name.clone()));
        }
        if answered.len() > 1 {
            return Err(NegotiationError::SeveralAnswers);
        }
        let answer = Spelled::answer(answer)?;
        let mut reason = None;
        for offer in offers {
            match Spelled::offer(offer).and_then(|offer| agree(offer, answer)) {
                Ok(parameters) => return Ok(Some(parameters)),
                // An answer is to one of them; the offer that the client prefers tells the most.
                Err(why) => reason = reason.or(Some(why)),
            }
        }
        reason.map_or(Ok(None), Err)
    }

    /// What a server that would like `wanted` agrees upon with a client that sent `offered`, and what it answers: the first of the
    /// offers that is one. `None` if there is none; then nothing is answered.
    ///
    /// A client that offers no `client_max_window_bits` uses windows of any size, whatever is wanted.
    #[cfg(any(test, feature = "server"))]
    pub(crate) fn accepted(offered: &[Extension], wanted: Self) -> Option<(Self, Extension)> {
        deflate(offered).find_map(|offer| {
            let offer = Spelled::offer(offer).ok()?;
            let window = offer.server_max_window_bits.unwrap_or(LARGEST_WINDOW_BITS);
            let window = window.min(wanted.server_max_window_bits);
            if window < SMALLEST_COMPRESSOR_BITS {
                return None;
            }
            let client_window = offer.client_max_window_bits.bits();
            let client_window = client_window.min(wanted.client_max_window_bits);
            let answer = Spelled {
                server_no_context_takeover: offer.server_no_context_takeover
                    || wanted.server_no_context_takeover,
                client_no_context_takeover: offer.client_no_context_takeover
                    || wanted.client_no_context_takeover,
                server_max_window_bits: (offer.server_max_window_bits.is_some()
                    || window < LARGEST_WINDOW_BITS)
                    .then_some(window),
                client_max_window_bits: match offer.client_max_window_bits {
                    ClientWindow::Absent => ClientWindow::Absent,
                    _ if client_window == LARGEST_WINDOW_BITS => ClientWindow::Absent,
                    _ => ClientWindow::AtMost(client_window),
                },
            };
            let parameters = agree(offer, answer).ok()?;
            Some((parameters, answer.to_extension()))
        })
    }
}

fn deflate(extensions: &[Extension]) -> impl Iterator<Item = &Extension> {
    let is_deflate = |extension: &&Extension| extension.name == PERMESSAGE_DEFLATE;
    extensions.iter().filter(is_deflate)
}

/// What is in force if `offer` is answered with `answer`.
fn agree(offer: Spelled, answer: Spelled) -> Result<DeflateParameters, NegotiationError> {
    if offer.server_no_context_takeover && !answer.server_no_context_takeover {
        return Err(NegotiationError::NotGranted(SERVER_NO_CONTEXT_TAKEOVER));
    }
    // A window that nobody asked for is allowed (§7.1.2.1).
    let asked = offer.server_max_window_bits.unwrap_or(LARGEST_WINDOW_BITS);
    let server_max_window_bits = answer.server_max_window_bits.unwrap_or(LARGEST_WINDOW_BITS);
    let is_missing =
        offer.server_max_window_bits.is_some() && answer.server_max_window_bits.is_none();
    if is_missing || server_max_window_bits > asked {
        return Err(NegotiationError::NotGranted(SERVER_MAX_WINDOW_BITS));
    }
    if offer.client_max_window_bits == ClientWindow::Absent
        && answer.client_max_window_bits != ClientWindow::Absent
    {
        return Err(NegotiationError::NotOffered(CLIENT_MAX_WINDOW_BITS));
    }
    Ok(DeflateParameters {
        server_no_context_takeover: answer.server_no_context_takeover,
        // The offer's is the client's promise, also where the answer says nothing of it (§7.1.1.2); and so is the size of its window
        // (§7.1.2.2), also where the answer allows more: servers with a size of their own answer it without looking.
        client_no_context_takeover: offer.client_no_context_takeover
            || answer.client_no_context_takeover,
        server_max_window_bits,
        client_max_window_bits: offer
            .client_max_window_bits
            .bits()
            .min(answer.client_max_window_bits.bits()),
    })
}

impl From<Malformed> for NegotiationError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl Display for NegotiationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => Malformed.fmt(f),
            Self::UnknownExtension(name) => {
                write!(f, "the extension {name} was accepted but not offered")
            }
            Self::SeveralAnswers => write!(f, "{PERMESSAGE_DEFLATE} was accepted more than once"),
            Self::UnknownParameter(name) => write!(f, "{PERMESSAGE_DEFLATE} has no {name}"),
            Self::Repeated(name) => write!(f, "{PERMESSAGE_DEFLATE} was accepted with two {name}"),
            Self::InvalidValue(name) => {
                write!(
                    f,
                    "{PERMESSAGE_DEFLATE} was accepted with an invalid {name}"
                )
            }
            Self::NotOffered(name) => {
                write!(
                    f,
                    "{PERMESSAGE_DEFLATE} was accepted with {name}, which was not offered"
                )
            }
            Self::NotGranted(name) => {
                write!(
                    f,
                    "{PERMESSAGE_DEFLATE} was accepted without the {name} of the offer"
                )
            }
        }
    }
}

impl std::error::Error for NegotiationError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn extensions(field: &str) -> Vec<Extension> {
        Extension::parse_all([field.as_bytes()]).unwrap()
    }

    fn answered(offer: &str, answer: &str) -> Result<Option<DeflateParameters>, NegotiationError> {
        DeflateParameters::answered(&extensions(offer), &extensions(answer))
    }

    fn accepted(offer: &str, wanted: DeflateParameters) -> Option<(DeflateParameters, String)> {
        let (parameters, answer) = DeflateParameters::accepted(&extensions(offer), wanted)?;
        Some((parameters, answer.to_string()))
    }

    /// In the order of the fields.
    fn parameters(
        server: bool,
        client: bool,
        server_bits: u8,
        client_bits: u8,
    ) -> DeflateParameters {
        DeflateParameters {
            server_no_context_takeover: server,
            client_no_context_takeover: client,
            server_max_window_bits: server_bits,
            client_max_window_bits: client_bits,
        }
    }

    #[test]
    fn answers_to_offers() {
        for (offer, answer, expected) in [
            (
                "permessage-deflate",
                "permessage-deflate",
                parameters(false, false, 15, 15),
            ),
            // What may be answered without being offered.
            (
                "permessage-deflate",
                "permessage-deflate; server_max_window_bits=8; server_no_context_takeover; client_no_context_takeover",
                parameters(true, true, 8, 15),
            ),
            (
                "permessage-deflate; client_max_window_bits",
                "permessage-deflate; client_max_window_bits=\"8\"",
                parameters(false, false, 15, 8),
            ),
            // What the client promises holds whatever is answered.
            (
                "permessage-deflate; client_no_context_takeover; client_max_window_bits=10",
                "permessage-deflate",
                parameters(false, true, 15, 10),
            ),
            (
                "permessage-deflate; client_max_window_bits=10",
                "permessage-deflate; client_max_window_bits=12",
                parameters(false, false, 15, 10),
            ),
            (
                "permessage-deflate; server_max_window_bits=12",
                "permessage-deflate; server_max_window_bits=12",
                parameters(false, false, 12, 15),
            ),
            // Another's offer, and a second one of ours.
            (
                "other, permessage-deflate; server_max_window_bits=10, permessage-deflate",
                "permessage-deflate",
                parameters(false, false, 15, 15),
            ),
        ] {
            assert_eq!(
                answered(offer, answer),
                Ok(Some(expected)),
                "{offer} {answer}"
            );
        }
        assert_eq!(answered("permessage-deflate", ""), Ok(None));
        assert_eq!(answered("", ""), Ok(None));
    }

    #[test]
    fn what_is_no_answer() {
        let invalid = |name: &str| NegotiationError::InvalidValue(name.to_owned());
        for (offer, answer, why) in [
            (
                "permessage-deflate",
                ", permessage-deflate",
                NegotiationError::SeveralAnswers,
            ),
            (
                "permessage-deflate",
                ", other",
                NegotiationError::UnknownExtension("other".to_owned()),
            ),
            (
                "other",
                "",
                NegotiationError::UnknownExtension(PERMESSAGE_DEFLATE.to_owned()),
            ),
            (
                "permessage-deflate",
                "; other",
                NegotiationError::UnknownParameter("other".to_owned()),
            ),
            (
                "permessage-deflate",
                "; server_no_context_takeover; server_no_context_takeover",
                NegotiationError::Repeated(SERVER_NO_CONTEXT_TAKEOVER.to_owned()),
            ),
            (
                "permessage-deflate",
                "; server_no_context_takeover=1",
                invalid(SERVER_NO_CONTEXT_TAKEOVER),
            ),
            (
                "permessage-deflate",
                "; client_no_context_takeover=x",
                invalid("client_no_context_takeover"),
            ),
            (
                "permessage-deflate",
                "; server_max_window_bits",
                invalid(SERVER_MAX_WINDOW_BITS),
            ),
            (
                "permessage-deflate",
                "; server_max_window_bits=7",
                invalid(SERVER_MAX_WINDOW_BITS),
            ),
            (
                "permessage-deflate",
                "; server_max_window_bits=16",
                invalid(SERVER_MAX_WINDOW_BITS),
            ),
            (
                "permessage-deflate",
                "; server_max_window_bits=09",
                invalid(SERVER_MAX_WINDOW_BITS),
            ),
            (
                "permessage-deflate",
                "; server_max_window_bits=+9",
                invalid(SERVER_MAX_WINDOW_BITS),
            ),
            (
                "permessage-deflate; client_max_window_bits",
                "; client_max_window_bits",
                invalid(CLIENT_MAX_WINDOW_BITS),
            ),
            (
                "permessage-deflate",
                "; client_max_window_bits=15",
                NegotiationError::NotOffered(CLIENT_MAX_WINDOW_BITS),
            ),
            (
                "permessage-deflate; server_max_window_bits=10",
                "",
                NegotiationError::NotGranted(SERVER_MAX_WINDOW_BITS),
            ),
            (
                "permessage-deflate; server_max_window_bits=15",
                "",
                NegotiationError::NotGranted(SERVER_MAX_WINDOW_BITS),
            ),
            (
                "permessage-deflate; server_max_window_bits=10",
                "; server_max_window_bits=11",
                NegotiationError::NotGranted(SERVER_MAX_WINDOW_BITS),
            ),
            (
                "permessage-deflate; server_no_context_takeover",
                "; client_no_context_takeover",
                NegotiationError::NotGranted(SERVER_NO_CONTEXT_TAKEOVER),
            ),
        ] {
            let answer = format!("permessage-deflate{answer}");
            assert_eq!(answered(offer, &answer), Err(why), "{offer} {answer}");
        }
    }

    #[test]
    fn a_server_accepts_the_first_offer_that_it_can() {
        let wanted = DeflateParameters::default();
        for (offer, expected) in [
            ("permessage-deflate", "permessage-deflate"),
            (
                "permessage-deflate; client_max_window_bits",
                "permessage-deflate",
            ),
            (
                "permessage-deflate; client_max_window_bits=8",
                "permessage-deflate; client_max_window_bits=8",
            ),
            (
                "permessage-deflate; server_max_window_bits=9; server_no_context_takeover",
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
            ),
            (
                "permessage-deflate; server_max_window_bits=15; client_no_context_takeover",
                "permessage-deflate; client_no_context_takeover; server_max_window_bits=15",
            ),
            // zlib cannot compress within 256 bytes; the other one is invalid.
            (
                "permessage-deflate; server_max_window_bits=8, permessage-deflate; x, permessage-deflate",
                "permessage-deflate",
            ),
        ] {
            assert_eq!(accepted(offer, wanted).unwrap().1, expected, "{offer}");
        }
        for none in [
            "",
            "other",
            "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; x=1",
        ] {
            assert_eq!(accepted(none, wanted), None, "{none}");
        }
    }

    #[test]
    fn a_server_s_own_wishes() {
        let wanted = parameters(true, true, 11, 10);
        assert_eq!(
            accepted("permessage-deflate", wanted).unwrap(),
            (
                parameters(true, true, 11, 15),
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11"
                    .to_owned(),
            )
        );
        let offer = "permessage-deflate; client_max_window_bits; server_max_window_bits=10";
        assert_eq!(
            accepted(offer, wanted).unwrap().0,
            parameters(true, true, 10, 10)
        );
    }

    fn takeover_and_windows() -> impl Strategy<Value = DeflateParameters> {
        (any::<bool>(), any::<bool>(), 8..=15_u8, 8..=15_u8).prop_map(
            |(server, client, server_bits, client_bits)| {
                parameters(server, client, server_bits, client_bits)
            },
        )
    }

    proptest! {
        #[test]
        fn both_sides_agree(
            server_takeover: bool,
            client_takeover: bool,
            server_bits in prop::option::of(8..=15_u8),
            client_bits in prop::option::of(prop::option::of(8..=15_u8)),
            wanted in takeover_and_windows(),
        ) {
            let offer = Spelled {
                server_no_context_takeover: server_takeover,
                client_no_context_takeover: client_takeover,
                server_max_window_bits: server_bits,
                client_max_window_bits: match client_bits {
                    None => ClientWindow::Absent,
                    Some(None) => ClientWindow::Any,
                    Some(Some(bits)) => ClientWindow::AtMost(bits),
                },
            };
            let offered = [offer.to_extension()];
            let within = wanted.server_max_window_bits.min(server_bits.unwrap_or(15));
            match DeflateParameters::accepted(&offered, wanted) {
                None => prop_assert_eq!(within, 8),
                Some((server, answer)) => {
                    prop_assert_eq!(server.server_max_window_bits, within);
                    let read = extensions(&answer.to_string());
                    prop_assert_eq!(DeflateParameters::answered(&offered, &read), Ok(Some(server)));
                }
            }
        }
    }
}
