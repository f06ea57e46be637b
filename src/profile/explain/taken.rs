//! What a connection brought to a hello that was sent.

use crate::profile::ClientHello;
use crate::profile::extension::{KEY_SHARE, key_shares};
use crate::profile::template::{HelloInputs, KeyShares, PreSharedKey};

const SESSION_TICKET: u16 = 35;
const PRE_SHARED_KEY: u16 = 41;
const EARLY_DATA: u16 = 42;
const COOKIE: u16 = 44;

/// The inputs of a hello, read off it.
pub(super) struct Taken<'a> {
    hello: &'a ClientHello,
    protocols: Vec<&'a [u8]>,
    shares: Vec<(u16, &'a [u8])>,
    retry: bool,
}

impl<'a> Taken<'a> {
    pub(super) fn from_hello(hello: &'a ClientHello, retry: bool) -> Self {
        Self {
            hello,
            protocols: hello.alpn_protocols().collect(),
            shares: shares(hello),
            retry,
        }
    }

    pub(super) fn inputs(&self) -> HelloInputs<'_> {
        let body = |id| self.hello.extension(id).map(|extension| extension.body());
        HelloInputs {
            random: self.hello.random(),
            session_id: self.hello.session_id(),
            host: self.hello.server_name().unwrap_or_default(),
            is_name: self.hello.server_name().is_some(),
            protocols: Some(&self.protocols),
            key_shares: match *self.shares {
                [(group, key)] if self.retry => KeyShares::Requested(group, key),
                // The server gave a cookie and asked for no other share.
                _ => KeyShares::Offered(&self.shares),
            },
            ticket: body(SESSION_TICKET).unwrap_or_default(),
            pre_shared_key: body(PRE_SHARED_KEY).map(PreSharedKey),
            early_data: body(EARLY_DATA).is_some(),
            cookie: body(COOKIE),
            retry: self.retry,
        }
    }
}

/// The groups and keys of a hello's shares.
pub(in crate::profile) fn shares(hello: &ClientHello) -> Vec<(u16, &[u8])> {
    hello
        .extension(KEY_SHARE)
        .and_then(|extension| key_shares(extension.body()))
        .unwrap_or_default()
}
