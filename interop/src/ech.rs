//! Keys for encrypted client hellos (ECH), made for one test.

use std::ptr;

use boring::hpke::HpkeKey;
use boring::rand::rand_bytes;
use boring::ssl::SslEchKeys;
use boring_sys as ffi;
use foreign_types_shared::ForeignType;

/// The name that a client shows outside.
const PUBLIC_NAME: &std::ffi::CStr = c"public.example";

/// Keys whose configuration is sent to whoever used another, and that configuration's bytes.
pub(crate) fn keys() -> (SslEchKeys, Vec<u8>) {
    let mut secret = [0; 32];
    rand_bytes(&mut secret).unwrap();
    // X25519, whatever the function's name says.
    let key = HpkeKey::dhkem_p256_sha256(&secret).unwrap();
    let config = config(&key);
    let mut keys = SslEchKeys::builder().unwrap();
    keys.add_key(true, &config, key).unwrap();
    (keys.build(), list(&config))
}

fn config(key: &HpkeKey) -> Vec<u8> {
    let (mut data, mut length) = (ptr::null_mut(), 0);
    // SAFETY: the key and the name are alive; the places are for the results.
    let done = unsafe {
        ffi::SSL_marshal_ech_config(
            &raw mut data,
            &raw mut length,
            1,
            key.as_ptr(),
            PUBLIC_NAME.as_ptr(),
            64,
        )
    };
    assert_eq!(done, 1);
    // SAFETY: the function left a buffer of that length, ours to free.
    unsafe {
        let config = std::slice::from_raw_parts(data, length).to_vec();
        ffi::OPENSSL_free(data.cast());
        config
    }
}

/// An ECHConfigList of one.
fn list(config: &[u8]) -> Vec<u8> {
    [&(config.len() as u16).to_be_bytes(), config].concat()
}
