//! What `boring` has no safe function for, for either side.

use std::ffi::c_int;
use std::{ptr, slice};

use boring::ssl::{SslContextBuilder, SslRef};
use boring_sys as ffi;
use foreign_types_shared::ForeignTypeRef;

/// Offers or accepts application settings (ALPS) for a protocol.
pub fn set_settings(ssl: &SslRef, protocol: &str, settings: &[u8], new_codepoint: bool) {
    // SAFETY: the connection is alive and of one thread; the bytes are copied.
    let done = unsafe {
        ffi::SSL_set_alps_use_new_codepoint(ssl.as_ptr(), c_int::from(new_codepoint));
        ffi::SSL_add_application_settings(
            ssl.as_ptr(),
            protocol.as_ptr(),
            protocol.len(),
            settings.as_ptr(),
            settings.len(),
        )
    };
    assert_eq!(done, 1);
}

/// The peer's application settings, if both agreed on ALPS.
pub fn peer_settings(ssl: &SslRef) -> Option<Vec<u8>> {
    // SAFETY: the connection is alive.
    let agreed = unsafe { ffi::SSL_has_application_settings(ssl.as_ptr()) } == 1;
    agreed.then(|| bytes(ssl, ffi::SSL_get0_peer_application_settings))
}

/// The server's SCT list, as the client got it; empty if it got none.
pub fn sct_list(ssl: &SslRef) -> Vec<u8> {
    bytes(ssl, ffi::SSL_get0_signed_cert_timestamp_list)
}

/// The server's stapled OCSP response, as the client got it; empty if it got none.
pub fn ocsp_response(ssl: &SslRef) -> Vec<u8> {
    bytes(ssl, ffi::SSL_get0_ocsp_response)
}

/// The trust anchors that the server says it has: known during the handshake only.
pub fn available_trust_anchors(ssl: &SslRef) -> Vec<u8> {
    bytes(ssl, ffi::SSL_get0_peer_available_trust_anchors)
}

pub fn set_sct_list(context: &SslContextBuilder, list: &[u8]) {
    give(context, list, ffi::SSL_CTX_set_signed_cert_timestamp_list);
}

pub fn set_ocsp_response(context: &SslContextBuilder, response: &[u8]) {
    give(context, response, ffi::SSL_CTX_set_ocsp_response);
}

pub fn set_available_trust_anchors(context: &SslContextBuilder, ids: &[u8]) {
    give(context, ids, ffi::SSL_CTX_set1_available_trust_anchors);
}

/// Makes a client send the extension; without ids it says that it can retry.
pub fn set_requested_trust_anchors(context: &SslContextBuilder, ids: &[u8]) {
    give(context, ids, ffi::SSL_CTX_set1_requested_trust_anchors);
}

pub fn enable_early_data(context: &SslContextBuilder) {
    // SAFETY: the context is alive and not in use yet.
    unsafe { ffi::SSL_CTX_set_early_data_enabled(context.as_ptr(), 1) };
}

/// The handshake goes on, and early data is being sent or taken.
pub fn in_early_data(ssl: &SslRef) -> bool {
    // SAFETY: the connection is alive.
    unsafe { ffi::SSL_in_early_data(ssl.as_ptr()) == 1 }
}

pub fn early_data_accepted(ssl: &SslRef) -> bool {
    // SAFETY: the connection is alive.
    unsafe { ffi::SSL_early_data_accepted(ssl.as_ptr()) == 1 }
}

type Getter = unsafe extern "C" fn(*const ffi::SSL, *mut *const u8, *mut usize);

fn bytes(ssl: &SslRef, get: Getter) -> Vec<u8> {
    let (mut data, mut length) = (ptr::null(), 0);
    // SAFETY: the connection is alive; the places are for the results.
    unsafe { get(ssl.as_ptr(), &raw mut data, &raw mut length) };
    if data.is_null() {
        return Vec::new();
    }
    // SAFETY: the getter leaves a buffer of that length, valid while the connection is not changed.
    unsafe { slice::from_raw_parts(data, length) }.to_vec()
}

type Setter = unsafe extern "C" fn(*mut ffi::SSL_CTX, *const u8, usize) -> c_int;

fn give(context: &SslContextBuilder, bytes: &[u8], set: Setter) {
    // SAFETY: the context is alive and not in use yet; the bytes are copied.
    let done = unsafe { set(context.as_ptr(), bytes.as_ptr(), bytes.len()) };
    assert_eq!(done, 1, "BoringSSL refuses {bytes:02x?}");
}
