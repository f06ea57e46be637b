//! Bytes of a WebSocket connection with permessage-deflate, of both sides, in pieces: frames, compressed and uncompressed.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| hotpool::fuzzing::deflate_stream(bytes));
