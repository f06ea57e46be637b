//! From rustls's hello to the profile's.

use std::sync::Arc;

use super::bundle;
use super::fault::Fault;
use super::handshake::{Handshake, State, Substitution};
use super::wire::{self, Extension, HEADER, extension, kind, read_extensions};
use crate::profile::ClientHello;
use crate::profile::read::Reader;
use crate::profile::template::{HelloInputs, KeyShares, PreSharedKey, SessionId};

impl Handshake {
    /// The hello that is sent instead of rustls's, which is cut short by `missing` bytes where rustls computes a binder
    /// (RFC 8446 section 4.2.11.2): then so is the other. `None` if there is none, which is a fault.
    pub(super) fn shaped(&self, own: &[u8], missing: usize) -> Option<Vec<u8>> {
        let mut state = self.state.lock();
        if let Some(known) = state.hellos.iter().find(|known| *known.from == *own) {
            return Some(known.to.to_vec());
        }
        let whole = [own, &vec![0; missing]].concat();
        match self.render(&mut state, &whole, missing == 0) {
            Ok(mut shaped) => {
                shaped.truncate(shaped.len().saturating_sub(missing));
                Some(shaped)
            }
            Err(fault) => {
                state.fault.get_or_insert(fault);
                None
            }
        }
    }

    fn render(&self, state: &mut State, own: &[u8], is_final: bool) -> Result<Vec<u8>, Fault> {
        let is_retry = !state.hellos.is_empty();
        let too_long = match is_retry {
            true => Fault::LongCookie,
            false => Fault::Hello("it does not fit into one record"),
        };
        // Of what rustls writes in several records, this may be the first.
        if wire::message_length(own).is_some_and(|length| length > MAXIMUM_FRAGMENT) {
            return Err(too_long);
        }
        let hello = OwnHello::read(own).ok_or(Fault::Hello("it was not understood"))?;
        let protocols: Vec<&[u8]> = self.protocols.iter().map(Vec::as_slice).collect();
        let share = hello.first_key_share();
        let bundled = match share {
            Some((bundle::NUMBER, shares)) => Some(bundle::split(shares)),
            _ => None,
        };
        let key_shares = match (&bundled, share) {
            (Some(shares), _) => KeyShares::Offered(shares),
            (None, Some((group, key))) => KeyShares::Requested(group, key),
            (None, None) => KeyShares::Offered(&[]),
        };
        let session_id = match hello.session_id {
            [] => &self.session_id[..],
            own => own,
        };
        let inputs = HelloInputs {
            random: hello.random,
            session_id,
            host: &self.host,
            is_name: self.is_name,
            protocols: Some(&protocols),
            key_shares,
            ticket: hello.extension(extension::SESSION_TICKET).unwrap_or(&[]),
            pre_shared_key: hello.extension(extension::PRE_SHARED_KEY).map(PreSharedKey),
            early_data: hello.extension(extension::EARLY_DATA).is_some(),
            cookie: hello.extension(extension::COOKIE),
            retry: is_retry,
        };
        let shaped = Arc::clone(&self.template)
            .render(&inputs, &mut state.draw)
            .map_err(|_| too_long)?;
        if is_final {
            let sent = OwnHello::read(&shaped).ok_or(Fault::Hello("it is malformed"))?;
            if hello.extension(extension::PRE_SHARED_KEY).is_some()
                && sent.extensions.last().map(|(id, _)| *id) != Some(extension::PRE_SHARED_KEY)
            {
                return Err(Fault::Hello("its pre-shared key is not the last extension"));
            }
            if hello.extension(extension::COOKIE).is_some()
                && sent.extension(extension::COOKIE).is_none()
            {
                return Err(Fault::Hello("it has no place for the server's cookie"));
            }
            state.shares = match (&bundled, share) {
                (Some(shares), _) => shares.iter().map(|(group, _)| *group).collect(),
                (None, share) => share.iter().map(|(group, _)| *group).collect(),
            };
            state.is_bundle = bundled.is_some();
            state.offered = sent.ids();
            state.own_offer = hello.ids();
            let sent = ClientHello::from_records(&self.record(&shaped, is_retry)).ok();
            match is_retry {
                false => state.first = sent,
                true => state.second = sent,
            }
            state.hellos.push(Substitution {
                from: own.into(),
                to: shaped.as_slice().into(),
            });
        }
        Ok(shaped)
    }

    /// The record that carries a hello.
    pub(super) fn record(&self, shaped: &[u8], retry: bool) -> Vec<u8> {
        const HANDSHAKE: u8 = 22;
        let mut record = vec![HANDSHAKE];
        record.extend(self.template.record_version(retry).to_be_bytes());
        wire::vector16(&mut record, shaped);
        record
    }

    /// Whether the profile's hellos have an empty session id where rustls's have 32 bytes.
    pub(super) fn hides_session_id(&self) -> bool {
        self.template.session_id == SessionId::Empty
    }

    /// The session id of rustls's last hello.
    pub(super) fn own_session_id(&self) -> Vec<u8> {
        let state = self.state.lock();
        state
            .hellos
            .last()
            .and_then(|hello| OwnHello::read(&hello.from).map(|hello| hello.session_id.to_vec()))
            .unwrap_or_default()
    }
}

/// A record carries at most this much (RFC 8446 section 5.1).
const MAXIMUM_FRAGMENT: usize = 1 << 14;

/// A ClientHello that this program wrote.
struct OwnHello<'a> {
    random: &'a [u8; 32],
    session_id: &'a [u8],
    extensions: Vec<Extension<'a>>,
}

impl<'a> OwnHello<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(message);
        let header = reader.take(HEADER)?;
        if header.first() != Some(&kind::CLIENT_HELLO) {
            return None;
        }
        reader.u16()?;
        let random = reader.take(32)?.first_chunk()?;
        let session_id = reader.vector8()?.rest();
        reader.vector16()?;
        reader.vector8()?;
        let extensions = match reader.is_empty() {
            true => Vec::new(),
            false => read_extensions(&mut reader)?,
        };
        Some(Self {
            random,
            session_id,
            extensions,
        })
    }

    fn extension(&self, id: u16) -> Option<&'a [u8]> {
        self.extensions
            .iter()
            .find(|(other, _)| *other == id)
            .map(|(_, body)| *body)
    }

    fn ids(&self) -> Vec<u16> {
        self.extensions.iter().map(|(id, _)| *id).collect()
    }

    fn first_key_share(&self) -> Option<(u16, &'a [u8])> {
        let mut shares = Reader::new(self.extension(extension::KEY_SHARE)?).vector16()?;
        Some((shares.u16()?, shares.vector16()?.rest()))
    }
}
