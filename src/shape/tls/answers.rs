//! What the server answered to extensions that rustls knows nothing of, and what becomes of each answer.

use super::fault::Fault;
use super::handshake::{Handshake, State};
use super::wire::{Extension, extension};
use crate::profile::is_grease;

/// What the server chose and sent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Answers {
    /// The group of the key share, in TLS 1.3.
    pub(super) group: Option<u16>,
    pub(super) extensions: Vec<(u16, Box<[u8]>)>,
    /// The number of the extension by which the server took up application settings.
    pub(super) settings: Option<u16>,
}

impl Answers {
    /// The body of what the server answered to this extension.
    pub(crate) fn extension(&self, id: u16) -> Option<&[u8]> {
        self.extensions
            .iter()
            .find(|(answered, _)| *answered == id)
            .map(|(_, body)| &**body)
    }

    fn take(&mut self, (id, body): Extension<'_>) {
        if self.extension(id).is_none() {
            self.extensions.push((id, body.into()));
        }
    }
}

/// Where an extension stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    EncryptedExtensions,
    /// TLS 1.2's.
    ServerHello,
    /// An entry of TLS 1.3's Certificate: the server's own certificate's, or one above.
    Certificate {
        is_leaf: bool,
    },
}

impl Handshake {
    /// The extensions that rustls gets: without those that only the profile offered, which are kept; and with those renamed which
    /// only rustls offered and the profile did not send, so that rustls refuses them as it refuses all that was not offered.
    pub(super) fn sift<'a>(
        &self,
        place: Place,
        extensions: &[Extension<'a>],
    ) -> Vec<Extension<'a>> {
        let mut state = self.state.lock();
        let has_alpn = extensions.iter().any(|(id, _)| *id == extension::ALPN);
        let mut rest = Vec::with_capacity(extensions.len());
        for &(id, body) in extensions {
            match self.judge(&state, place, (id, body), has_alpn) {
                Verdict::Keep => rest.push((id, body)),
                Verdict::Refuse(fault) => {
                    state.fault.get_or_insert(fault);
                    rest.push((NEVER_OFFERED, body));
                }
                Verdict::Take => {
                    if place != (Place::Certificate { is_leaf: false }) {
                        state.answers.take((id, body));
                    }
                    if self
                        .template
                        .application_settings()
                        .any(|codepoint| codepoint == id)
                    {
                        state.answers.settings = Some(id);
                    }
                }
            }
        }
        rest
    }

    fn judge(
        &self,
        state: &State,
        place: Place,
        (id, body): Extension<'_>,
        has_alpn: bool,
    ) -> Verdict {
        let is_offered = state.offered.contains(&id) || self.signals_renegotiation(id);
        let is_rustls_own = match place {
            Place::Certificate { .. } => id == extension::STATUS_REQUEST,
            _ => state.own_offer.contains(&id) || id == extension::RENEGOTIATION_INFO,
        };
        match (is_offered, is_rustls_own) {
            (true, true) => Verdict::Keep,
            (false, true) => Verdict::Refuse(Fault::Unsolicited(id)),
            (false, false) => Verdict::Refuse(Fault::Unsolicited(id)),
            (true, false) if is_grease(id) || !place.may_carry(id) => {
                Verdict::Refuse(Fault::Unsolicited(id))
            }
            (true, false) if id == extension::SESSION_TICKET => Verdict::Refuse(Fault::Downgraded),
            (true, false) if UNDELIVERABLE.contains(&id) => Verdict::Refuse(Fault::Extension(id)),
            (true, false) => match self.is_sound(id, body, has_alpn) {
                true => Verdict::Take,
                false => Verdict::Refuse(Fault::Malformed(id)),
            },
        }
    }

    /// RFC 5746 section 3.3: by the extension, or by a cipher suite that is none.
    fn signals_renegotiation(&self, id: u16) -> bool {
        const SIGNALLING_SUITE: u16 = 0x00ff;
        id == extension::RENEGOTIATION_INFO
            && self
                .template
                .suites()
                .any(|suite| suite == SIGNALLING_SUITE)
    }

    fn is_sound(&self, id: u16, body: &[u8], has_alpn: bool) -> bool {
        match id {
            extension::RECORD_SIZE_LIMIT => record_size_limit(body).is_some(),
            // Settings belong to the protocol that ALPN chose.
            _ if self
                .template
                .application_settings()
                .any(|codepoint| codepoint == id) =>
            {
                has_alpn
            }
            _ => true,
        }
    }
}

/// The limit that the server sets, in bytes of plaintext (RFC 8449 section 4).
pub(super) fn record_size_limit(body: &[u8]) -> Option<u16> {
    const SMALLEST: u16 = 64;
    let limit = body.try_into().map(u16::from_be_bytes).ok()?;
    (limit >= SMALLEST).then_some(limit)
}

enum Verdict {
    Keep,
    Refuse(Fault),
    Take,
}

impl Place {
    /// Whether an answer that rustls does not know may stand here.
    fn may_carry(self, id: u16) -> bool {
        match self {
            // What belongs into other messages (RFC 8446 section 4.2); of anything else there may be.
            Self::EncryptedExtensions => {
                !matches!(id, 5 | 13 | 18 | 21 | 23 | 27 | 34 | 35 | 41..=45 | 47..=51 | 0xff01)
            }
            Self::ServerHello => matches!(
                id,
                1 | 15
                    | extension::ALPN
                    | 18
                    | 20
                    | 22
                    | 24
                    | 28
                    | extension::SESSION_TICKET
                    | NEXT_PROTOCOL
                    | CHANNEL_ID_OLD
                    | CHANNEL_ID
            ),
            Self::Certificate { .. } => matches!(
                id,
                extension::SIGNED_CERTIFICATE_TIMESTAMP | extension::DELEGATED_CREDENTIAL
            ),
        }
    }
}

/// What is no extension of any client's, so that rustls refuses it.
const NEVER_OFFERED: u16 = 0xffff;

const NEXT_PROTOCOL: u16 = 13172;
const CHANNEL_ID_OLD: u16 = 30031;
const CHANNEL_ID: u16 = 30032;

/// Taking up one of these changes the protocol: max_fragment_length, use_srtp, ALPN (where only the profile's own bytes offer it), client and server certificate type, token binding,
/// connection_id, QUIC's transport parameters, NPN, channel ID.
const UNDELIVERABLE: [u16; 12] = [
    1,
    14,
    extension::ALPN,
    19,
    20,
    24,
    54,
    57,
    NEXT_PROTOCOL,
    CHANNEL_ID_OLD,
    CHANNEL_ID,
    0xffa5,
];
