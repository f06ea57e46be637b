//! Windows of every size, and that they are kept to.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::wire::{frames, received, sent};
use crate::websocket::deflate::DeflateParameters;

fn windows(bits: u8) -> DeflateParameters {
    DeflateParameters {
        server_max_window_bits: bits,
        client_max_window_bits: bits,
        ..DeflateParameters::default()
    }
}

/// Noise that comes again at every distance that a window may have, and beyond.
fn echoes() -> Vec<Message> {
    let mut noise = vec![0; 40_000];
    StdRng::seed_from_u64(1).fill_bytes(&mut noise);
    let message = |bits: u32| {
        let piece = &noise[..1 << bits];
        Message::binary([piece, &piece[..100], piece].concat())
    };
    (7..=15).map(message).collect()
}

#[test]
fn each_size_there_and_back() {
    for bits in 8..=15 {
        for (from, to) in [(Role::Client, Role::Server), (Role::Server, Role::Client)] {
            let bytes = sent(from, windows(bits), 0, echoes());
            let (got, _) = received(to, windows(bits), &bytes);
            assert!(got == echoes(), "{bits}");
            let compressed = frames(&bytes).iter().all(|(head, _)| head.first.rsv1());
            assert_eq!(compressed, bits > 8, "zlib has no window of 256 bytes");
        }
    }
}

/// Noise shrinks only if it comes again within the window, less the longest match and four bytes: zlib looks no further.
#[test]
fn the_agreed_window_is_used_and_not_more() {
    for bits in 9..=15 {
        for echo in echoes() {
            let distance = (echo.len() - 100) / 2 + 100;
            let bytes = sent(Role::Server, windows(bits), 0, [echo.clone()]);
            let is_shorter = bytes.len() < echo.len() * 3 / 4;
            assert_eq!(
                is_shorter,
                distance + 258 + 4 <= 1 << bits,
                "{bits} {distance}"
            );
        }
    }
}
