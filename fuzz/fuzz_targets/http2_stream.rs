//! Bytes of an HTTP/2 connection, of h2 and of a server, in pieces: frames and header blocks, edited.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| hotpool::fuzzing::http2_stream(bytes));
