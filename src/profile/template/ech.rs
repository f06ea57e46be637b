//! GREASE Encrypted Client Hello: an extension that looks like the real one (RFC 9849 section 6.2).

use crate::profile::write::vector16;

/// What the client chooses from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct EchTemplate {
    pub(crate) kdf: u16,
    /// Drawn from, each with the same chance.
    pub(crate) aeads: Vec<u16>,
    pub(crate) key: EchKey,
    pub(crate) payload: EchPayload,
}

/// What stands where the client's key would.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum EchKey {
    /// 32 random bytes, half of which are no key that X25519 could have made.
    Random,
    /// The public key of a fresh X25519 key pair.
    X25519,
}

/// How long the payload is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum EchPayload {
    /// Drawn from, each with the same chance.
    Lengths(Vec<u16>),
    /// What the EncodedClientHelloInner of this hello would take (RFC 9849 section 5.1), the host's name padded to
    /// `maximum_name_length`, the whole filled up to `less` bytes short of a multiple of `multiple`, and a tag of 16 bytes.
    Inner {
        maximum_name_length: usize,
        multiple: usize,
        less: usize,
        /// The extensions that an inner hello leaves out.
        without: Vec<u16>,
    },
}

/// What was drawn for one connection; the hello after a HelloRetryRequest repeats it byte for byte.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct EchDraw {
    pub(crate) aead: u16,
    pub(crate) config_id: u8,
    pub(crate) key: Box<[u8]>,
    /// The length drawn, if the template draws one.
    pub(crate) length: Option<u16>,
    /// Filled when the length is known, which is when the first hello is rendered.
    pub(crate) payload: Option<Box<[u8]>>,
}

impl EchDraw {
    /// The extension's body (RFC 9849 section 5). `length` is called for a payload that nothing has fixed yet.
    pub(super) fn write(
        &mut self,
        template: &EchTemplate,
        out: &mut Vec<u8>,
        length: impl FnOnce(&EchPayload) -> usize,
        fill: impl FnOnce(&mut [u8]),
    ) {
        const OUTER: u8 = 0;
        let payload = self.payload.get_or_insert_with(|| {
            let length = self
                .length
                .map_or_else(|| length(&template.payload), usize::from);
            let mut payload = vec![0; length].into_boxed_slice();
            fill(&mut payload);
            payload
        });
        out.push(OUTER);
        out.extend(template.kdf.to_be_bytes());
        out.extend(self.aead.to_be_bytes());
        out.push(self.config_id);
        vector16(out, |out| out.extend_from_slice(&self.key));
        vector16(out, |out| out.extend_from_slice(payload));
    }
}
