//! What is known about one connection's handshake by all who take part in shaping it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::{Rng, RngExt};
use rustls::crypto::cipher::MessageDecrypter;
use rustls_pki_types::{ServerName, UnixTime};

use super::answers::Answers;
use super::fault::Fault;
use super::wire::kind;
use crate::profile::ClientHello;
use crate::profile::template::{HelloDraw, HelloTemplate};

/// The length of a seal, which is that of an AEAD tag.
pub(super) const SEAL: usize = 16;

/// One connection's handshake. rustls's state machine, the cryptography under it and the stream below all share it.
pub(crate) struct Handshake {
    pub(super) template: Arc<HelloTemplate>,
    pub(super) host: Box<str>,
    pub(super) is_name: bool,
    /// The application protocols that rustls was told to offer.
    pub(super) protocols: Vec<Vec<u8>>,
    /// Sent where rustls has none.
    pub(super) session_id: [u8; 32],
    pub(super) resume: Resume,
    /// What the stream puts under records that it has decrypted itself, so that rustls takes no others.
    pub(super) seal: [u8; SEAL],
    pub(super) state: Mutex<State>,
}

/// Whether sessions are resumed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Resume {
    IfPossible,
    Never,
}

pub(super) struct State {
    pub(super) draw: HelloDraw,
    /// rustls's hellos, and what was sent instead.
    pub(super) hellos: Vec<Substitution>,
    /// The server's messages as rustls got them, and as they came.
    pub(super) inbound: Vec<Substitution>,
    pub(super) first: Option<ClientHello>,
    /// The hello after a HelloRetryRequest.
    pub(super) second: Option<ClientHello>,
    /// Of the last hello: the extensions sent, those of rustls's own, and the groups with key shares.
    pub(super) offered: Vec<u16>,
    pub(super) own_offer: Vec<u16>,
    pub(super) shares: Vec<u16>,
    /// Whether the last hello carried the bundle's key shares.
    pub(super) is_bundle: bool,
    /// Whether the server has sent a HelloRetryRequest.
    pub(super) is_retry_asked: bool,
    pub(super) answers: Answers,
    server_key: ServerKey,
    /// What is wrong with the record that the stream could not decrypt.
    pub(super) refusal: Option<rustls::Error>,
    /// What goes before records that rustls has made and not yet written, in their order.
    inserted: VecDeque<Inserted>,
    /// Whether the client's last flight of the handshake has been encrypted.
    pub(super) flight_sent: bool,
    pub(super) verified_at: Option<UnixTime>,
    pub(super) fault: Option<Fault>,
}

/// A message, and what stands for it.
pub(super) struct Substitution {
    pub(super) from: Box<[u8]>,
    pub(super) to: Box<[u8]>,
}

/// Records that rustls does not know of.
pub(super) struct Inserted {
    pub(super) records: Vec<u8>,
    /// The content of rustls's own record that they go before: it is encrypted, and so no other's.
    pub(super) before: Box<[u8]>,
}

/// What decrypts the server's handshake records.
enum ServerKey {
    Unknown,
    Kept(Box<dyn MessageDecrypter>),
    HandedOver,
}

impl Handshake {
    pub(crate) fn new(
        template: Arc<HelloTemplate>,
        host: &ServerName<'_>,
        protocols: Vec<Vec<u8>>,
        resume: Resume,
        rng: &mut impl Rng,
    ) -> Self {
        let draw = template.draw(rng);
        Self {
            template,
            host: host.to_str().into(),
            is_name: matches!(host, ServerName::DnsName(_)),
            protocols,
            session_id: rng.random(),
            resume,
            seal: rng.random(),
            state: Mutex::new(State {
                draw,
                hellos: Vec::new(),
                inbound: Vec::new(),
                first: None,
                second: None,
                offered: Vec::new(),
                own_offer: Vec::new(),
                shares: Vec::new(),
                is_bundle: false,
                is_retry_asked: false,
                answers: Answers::default(),
                server_key: ServerKey::Unknown,
                refusal: None,
                inserted: VecDeque::new(),
                flight_sent: false,
                verified_at: None,
                fault: None,
            }),
        }
    }

    /// The first fault is the one that counts.
    pub(super) fn set_fault(&self, fault: Fault) {
        self.state.lock().fault.get_or_insert(fault);
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.state.lock().fault.clone()
    }

    /// Keeps what decrypts the server's handshake records: the first decrypter made. Any other is given back.
    pub(super) fn keep_server_key(
        &self,
        decrypter: Box<dyn MessageDecrypter>,
    ) -> Result<(), Box<dyn MessageDecrypter>> {
        let key = &mut self.state.lock().server_key;
        match key {
            ServerKey::Unknown => {
                *key = ServerKey::Kept(decrypter);
                Ok(())
            }
            _ => Err(decrypter),
        }
    }

    pub(super) fn take_server_key(&self) -> Option<Box<dyn MessageDecrypter>> {
        let key = &mut self.state.lock().server_key;
        match std::mem::replace(key, ServerKey::HandedOver) {
            ServerKey::Kept(decrypter) => Some(decrypter),
            ServerKey::Unknown | ServerKey::HandedOver => None,
        }
    }

    pub(super) fn insert(&self, inserted: Inserted) {
        self.state.lock().inserted.push_back(inserted);
    }

    /// Whether something is to be inserted before this record of rustls's.
    pub(super) fn is_preceded(&self, record: &[u8]) -> bool {
        let state = self.state.lock();
        let next = state.inserted.front();
        next.is_some_and(|next| record.ends_with(&next.before))
    }

    /// What is to be inserted next.
    pub(super) fn take_inserted(&self) -> Vec<u8> {
        let next = self.state.lock().inserted.pop_front();
        next.map(|next| next.records).unwrap_or_default()
    }

    /// Notes that rustls got `rewritten` instead of what the server sent.
    pub(super) fn substitute(&self, original: &[u8], rewritten: &[u8]) {
        if original != rewritten {
            self.state.lock().inbound.push(Substitution {
                from: rewritten.into(),
                to: original.into(),
            });
        }
    }

    /// What really went over the wire, given a whole message as rustls knows it.
    pub(super) fn on_the_wire(&self, message: &[u8]) -> Option<Vec<u8>> {
        if message.first() == Some(&kind::CLIENT_HELLO) {
            return self.shaped(message, 0);
        }
        self.state
            .lock()
            .inbound
            .iter()
            .find(|substitution| *substitution.from == *message)
            .map(|substitution| substitution.to.to_vec())
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}
