//! Certificates that were decompressed before: a server sends the same one each time, and setting a decoder up takes longer than all
//! else that shaping a handshake does.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// More servers than a pool has connections by default.
const KEPT: usize = 128;

/// What a certificate chain takes, compressed; the few that take more are decompressed each time, so that all together stay below 4 MiB.
const LONGEST_INPUT: usize = 8 * 1024;
const LONGEST_OUTPUT: usize = 16 * 1024;

/// The latest first.
static LATEST: Mutex<VecDeque<Decompressed>> = Mutex::new(VecDeque::new());

struct Decompressed {
    algorithm: u16,
    input: Box<[u8]>,
    output: Box<[u8]>,
}

/// Fills `output` if this input was decompressed before, to as many bytes.
pub(super) fn recall(algorithm: u16, input: &[u8], output: &mut [u8]) -> bool {
    let latest = LATEST.lock();
    let is_same = |known: &&Decompressed| {
        known.algorithm == algorithm && known.output.len() == output.len() && *known.input == *input
    };
    let Some(known) = latest.iter().find(is_same) else {
        return false;
    };
    output.copy_from_slice(&known.output);
    true
}

pub(super) fn remember(algorithm: u16, input: &[u8], output: &[u8]) {
    if input.len() > LONGEST_INPUT || output.len() > LONGEST_OUTPUT {
        return;
    }
    let mut latest = LATEST.lock();
    latest.truncate(KEPT - 1);
    latest.push_front(Decompressed {
        algorithm,
        input: input.into(),
        output: output.into(),
    });
}

#[cfg(test)]
mod tests {
    use super::{KEPT, LATEST, LONGEST_INPUT, recall, remember};

    /// Of an algorithm that no other test uses.
    const ALGORITHM: u16 = 0xff01;

    #[test]
    fn only_the_same_is_recalled_and_not_for_ever() {
        remember(ALGORITHM, b"input", b"output");
        let recalled = |algorithm, input: &[u8], length| {
            let mut output = vec![0; length];
            recall(algorithm, input, &mut output).then_some(output)
        };
        assert_eq!(
            recalled(ALGORITHM, b"input", 6).as_deref(),
            Some(&b"output"[..])
        );
        assert_eq!(recalled(ALGORITHM, b"input", 7), None);
        assert_eq!(recalled(ALGORITHM, b"inpuT", 6), None);
        assert_eq!(recalled(ALGORITHM + 1, b"input", 6), None);
        remember(ALGORITHM, &[1; LONGEST_INPUT + 1], b"long");
        assert_eq!(recalled(ALGORITHM, &[1; LONGEST_INPUT + 1], 4), None);

        for number in 0..2 * KEPT {
            remember(ALGORITHM, &number.to_be_bytes(), b"output");
        }
        assert!(LATEST.lock().len() <= KEPT);
        let last = (2 * KEPT - 1).to_be_bytes();
        assert!(recall(ALGORITHM, &last, &mut [0; 6]));
        assert_eq!(recalled(ALGORITHM, b"input", 6), None);
    }
}
