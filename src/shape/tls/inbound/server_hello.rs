//! The server's hello: rewritten where it answers what rustls did not send.

use super::super::answers::Place;
use super::super::bundle;
use super::super::fault::Fault;
use super::super::groups::group;
use super::super::handshake::Handshake;
use super::super::suites::suite;
use super::super::wire::{
    self, Extension, HEADER, extension, kind, read_extensions, write_extensions,
};
use crate::profile::read::Reader;

/// Which hello it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Hello {
    Retry,
    Tls13,
    /// Or one that rustls refuses.
    Tls12,
}

/// The hello that rustls gets, and which one it is.
pub(super) fn rewrite(handshake: &Handshake, message: &[u8]) -> (Hello, Vec<u8>) {
    let Some(mut hello) = ServerHello::read(message) else {
        return (Hello::Tls12, message.to_vec());
    };
    let which = hello.which();
    hello.check_choices(handshake, which);
    if which != Hello::Tls12 && handshake.hides_session_id() && hello.session_id.is_empty() {
        hello.session_id = handshake.own_session_id();
    }
    let mut share = Vec::new();
    match which {
        Hello::Tls12 => hello.extensions = handshake.sift(Place::ServerHello, &hello.extensions),
        Hello::Tls13 => hello.point_to_bundle(handshake, &mut share),
        Hello::Retry => hello.check_retry(handshake),
    }
    let rewritten = hello.write();
    handshake.substitute(message, &rewritten);
    (which, rewritten)
}

struct ServerHello<'a> {
    version: u16,
    random: &'a [u8],
    session_id: Vec<u8>,
    cipher_suite: u16,
    compression: u8,
    /// Before TLS 1.3 there may be no list at all.
    has_extensions: bool,
    extensions: Vec<Extension<'a>>,
}

impl<'a> ServerHello<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(message);
        reader.take(HEADER)?;
        let version = reader.u16()?;
        let random = reader.take(32)?;
        let session_id = reader.vector8()?.rest().to_vec();
        let cipher_suite = reader.u16()?;
        let compression = reader.u8()?;
        let has_extensions = !reader.is_empty();
        let extensions = match has_extensions {
            true => read_extensions(&mut reader)?,
            false => Vec::new(),
        };
        reader.is_empty().then_some(Self {
            version,
            random,
            session_id,
            cipher_suite,
            compression,
            has_extensions,
            extensions,
        })
    }

    fn write(&self) -> Vec<u8> {
        let mut body = self.version.to_be_bytes().to_vec();
        body.extend_from_slice(self.random);
        wire::vector8(&mut body, &self.session_id);
        body.extend(self.cipher_suite.to_be_bytes());
        body.push(self.compression);
        if self.has_extensions {
            write_extensions(&mut body, &self.extensions);
        }
        wire::message(kind::SERVER_HELLO, &body)
    }

    fn which(&self) -> Hello {
        match self.selected_version() {
            _ if self.random == RETRY => Hello::Retry,
            TLS_1_3 => Hello::Tls13,
            _ => Hello::Tls12,
        }
    }

    fn selected_version(&self) -> u16 {
        self.extension(extension::SUPPORTED_VERSIONS)
            .and_then(|mut body| body.u16())
            .unwrap_or(self.version)
    }

    fn extension(&self, id: u16) -> Option<Reader<'a>> {
        self.extensions
            .iter()
            .find(|(other, _)| *other == id)
            .map(|(_, body)| Reader::new(body))
    }

    /// What the profile lists and nobody can deliver is refused by rustls as something that was not offered; it is a fault that
    /// names it.
    fn check_choices(&self, handshake: &Handshake, which: Hello) {
        let template = &handshake.template;
        let version = self.selected_version();
        let lists = |id, wanted| template.numbers(id).any(|number| number == wanted);
        if which == Hello::Tls12
            && version != TLS_1_2
            && lists(extension::SUPPORTED_VERSIONS, version)
        {
            handshake.set_fault(Fault::Version(version));
        }
        if suite(self.cipher_suite).is_none()
            && template.suites().any(|suite| suite == self.cipher_suite)
        {
            handshake.set_fault(Fault::CipherSuite(self.cipher_suite));
        }
        let chosen = self
            .extension(extension::KEY_SHARE)
            .and_then(|mut body| body.u16());
        if let Some(chosen) = chosen
            && which != Hello::Tls12
            && group(chosen).is_none()
            && lists(extension::SUPPORTED_GROUPS, chosen)
        {
            handshake.set_fault(Fault::Group(chosen));
        }
        let mut state = handshake.state.lock();
        if which == Hello::Tls12 && state.own_offer.contains(&extension::EARLY_DATA) {
            state.fault.get_or_insert(Fault::Downgraded);
        }
        if which == Hello::Tls13 {
            state.answers.group = chosen;
        }
    }

    /// The bundle is what rustls offered; the real group goes in front of the key.
    fn point_to_bundle(&mut self, handshake: &Handshake, share: &'a mut Vec<u8>) {
        if !handshake.state.lock().is_bundle {
            return;
        }
        let chosen = self
            .extension(extension::KEY_SHARE)
            .and_then(|mut body| Some((body.u16()?, body.vector16()?.rest(), body.is_empty())));
        let Some((chosen, key, true)) = chosen else {
            return;
        };
        share.extend(bundle::NUMBER.to_be_bytes());
        wire::vector16(share, &bundle::join(chosen, key));
        self.replace(extension::KEY_SHARE, share);
    }

    fn check_retry(&mut self, handshake: &Handshake) {
        let mut state = handshake.state.lock();
        state.is_retry_asked = true;
        if state.offered.contains(&extension::ENCRYPTED_CLIENT_HELLO) {
            // The client sent GREASE and ignores the answer (RFC 9849 section 6.2.1).
            self.extensions
                .retain(|(id, _)| *id != extension::ENCRYPTED_CLIENT_HELLO);
        }
        let chosen = self
            .extension(extension::KEY_SHARE)
            .and_then(|mut body| body.u16());
        if let Some(chosen) = chosen
            && state.shares.contains(&chosen)
        {
            drop(state);
            handshake.set_fault(Fault::RepeatedGroup(chosen));
            self.replace(extension::KEY_SHARE, NO_GROUP);
        }
    }

    fn replace(&mut self, id: u16, body: &'a [u8]) {
        for extension in &mut self.extensions {
            if extension.0 == id {
                extension.1 = body;
            }
        }
    }
}

const TLS_1_2: u16 = 0x0303;
const TLS_1_3: u16 = 0x0304;

/// A group that nobody has offered.
const NO_GROUP: &[u8] = &[0xfe, 0xff];

/// The random of a HelloRetryRequest (RFC 8446 section 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];
