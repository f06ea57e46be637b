//! Captures that the tests of this module share, and how to build frames.

mod brands;
pub(super) mod captures;
pub(super) mod corpus;
mod hostile;
mod openings;
mod requests;

/// Chromium 156.0.8078.79 on Debian 12: its second hello, after a HelloRetryRequest.
pub(super) fn chromium() -> Vec<u8> {
    bytes(include_str!("tests/captures/chromium-156-retry.hex"))
}

/// Firefox ESR 153.7.0 on Debian 12: its second hello, after a HelloRetryRequest.
pub(super) fn firefox() -> Vec<u8> {
    bytes(include_str!("tests/captures/firefox-153-retry.hex"))
}

/// Go 1.19.8, net/http.
pub(super) fn go() -> Vec<u8> {
    bytes(include_str!("tests/captures/go-1.19.hex"))
}

/// The bytes that hexadecimal digits spell.
pub(super) fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<char> = hexadecimal.trim().chars().collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hexadecimal"))
        .collect()
}

/// An HTTP/2 frame with its payload in hexadecimal.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &str) -> Vec<u8> {
    let payload = bytes(payload);
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [
        &length[1..],
        &[kind, flags],
        &stream.to_be_bytes(),
        &payload,
    ]
    .concat()
}

/// What a client sends that begins with these frames.
pub(super) fn opening(frames: &[Vec<u8>]) -> Vec<u8> {
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frames.concat(),
    ]
    .concat()
}
