//! Key exchange groups by number.

use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::ALL_KX_GROUPS;

use super::p521::SECP521R1;

/// The group, if there is an implementation.
pub(super) fn group(number: u16) -> Option<&'static dyn SupportedKxGroup> {
    ALL_KX_GROUPS
        .iter()
        .chain(std::iter::once(&SECP521R1))
        .find(|group| u16::from(group.name()) == number)
        .copied()
}

/// The classical group inside a hybrid one.
pub(super) fn component(hybrid: u16) -> Option<u16> {
    match hybrid {
        SECP256R1MLKEM768 => Some(SECP256R1),
        X25519MLKEM768 => Some(X25519),
        _ => None,
    }
}

const SECP256R1: u16 = 0x0017;
const X25519: u16 = 0x001d;
const SECP256R1MLKEM768: u16 = 0x11eb;
const X25519MLKEM768: u16 = 0x11ec;
