//! How long the payload of a GREASE ECH extension is for a client that sizes it like a real one.

use super::render::{EXTENSION_HEADER, Preamble};
use super::{Content, EchPayload, ExtensionTemplate, HelloInputs};

/// The length of an encrypted EncodedClientHelloInner (RFC 9849 section 5.1) of the hello with these extensions.
///
/// Extensions that the inner hello shares with the outer one are named in `ech_outer_extensions`, two bytes each; the server's
/// name, the versions (TLS 1.3 alone) and the pre-shared key are its own.
pub(super) fn length(
    payload: &EchPayload,
    preamble: Preamble,
    inputs: &HelloInputs<'_>,
    bodies: &[(u16, Option<Vec<u8>>, &ExtensionTemplate)],
) -> usize {
    let EchPayload::Inner {
        maximum_name_length,
        multiple,
        less,
        without,
    } = payload
    else {
        return 0;
    };
    let mut own = 0;
    let mut shared = 0;
    for (id, body, extension) in bodies {
        let Some(body) = body else { continue };
        match extension.content {
            Content::ServerName | Content::PreSharedKey => own += EXTENSION_HEADER + body.len(),
            _ if *id == SUPPORTED_VERSIONS => own += EXTENSION_HEADER + ONLY_TLS13,
            _ if without.contains(id) => {}
            _ => shared += OUTER_EXTENSION,
        }
    }
    if shared > 0 {
        own += EXTENSION_HEADER + OUTER_LIST_LENGTH + shared;
    }
    // The inner hello's session id is empty.
    let fixed = preamble.length - preamble.session_id + LIST_LENGTH + INNER_ECH;
    let padded = fixed + own + maximum_name_length.saturating_sub(inputs.host.len());
    (padded + less).next_multiple_of((*multiple).max(1)) - less + TAG
}

const SUPPORTED_VERSIONS: u16 = 43;

/// A list of one version.
const ONLY_TLS13: usize = 1 + 2;

/// A name in `ech_outer_extensions`.
const OUTER_EXTENSION: usize = 2;

/// The length before the names in `ech_outer_extensions`.
const OUTER_LIST_LENGTH: usize = 1;

/// The length before the list of extensions.
const LIST_LENGTH: usize = 2;

/// The extension that marks an inner hello: type, length, `inner`.
const INNER_ECH: usize = 5;

/// The tag of AES-GCM and of ChaCha20-Poly1305.
const TAG: usize = 16;
