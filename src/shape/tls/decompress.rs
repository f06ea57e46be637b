//! Compressed certificates (RFC 8879).

use std::io::Read;

use rustls::CertificateCompressionAlgorithm;
use rustls::compress::{
    BROTLI_DECOMPRESSOR, CertDecompressor, DecompressionFailed, ZLIB_DECOMPRESSOR,
};
use ruzstd::decoding::FrameDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::certificate::sift;
use super::{decompressed, scope};

/// The decompressor with this number, if there is one.
pub(super) fn decompressor(number: u16) -> Option<&'static dyn CertDecompressor> {
    ALL.iter()
        .find(|known| u16::from(known.algorithm()) == number)
        .copied()
}

static ALL: [&dyn CertDecompressor; 3] = [
    &Sifting(ZLIB_DECOMPRESSOR),
    &Sifting(BROTLI_DECOMPRESSOR),
    &Sifting(&Zstd),
];

/// Takes out what rustls does not know. rustls reads the message from the front and ignores what is behind it, which is zero.
#[derive(Debug)]
struct Sifting(&'static dyn CertDecompressor);

impl CertDecompressor for Sifting {
    fn decompress(&self, input: &[u8], output: &mut [u8]) -> Result<(), DecompressionFailed> {
        let algorithm = u16::from(self.0.algorithm());
        if !decompressed::recall(algorithm, input, output) {
            self.0.decompress(input, output)?;
            decompressed::remember(algorithm, input, output);
        }
        let sifted = scope::current().and_then(|handshake| sift(&handshake, output));
        if let Some(sifted) = sifted
            && let Some((message, rest)) = output.split_at_mut_checked(sifted.len())
        {
            message.copy_from_slice(&sifted);
            rest.fill(0);
        }
        Ok(())
    }

    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        self.0.algorithm()
    }
}

#[derive(Debug)]
struct Zstd;

impl CertDecompressor for Zstd {
    fn decompress(&self, mut input: &[u8], output: &mut [u8]) -> Result<(), DecompressionFailed> {
        if window(input).is_none_or(|window| window > LARGEST_WINDOW) {
            return Err(DecompressionFailed);
        }
        let mut decoder = StreamingDecoder::<_, FrameDecoder>::new(&mut input)
            .map_err(|_| DecompressionFailed)?;
        decoder
            .read_exact(output)
            .map_err(|_| DecompressionFailed)?;
        // Neither more content nor more input.
        match decoder.read(&mut [0]) {
            Ok(0) if input.is_empty() => Ok(()),
            _ => Err(DecompressionFailed),
        }
    }

    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm::Zstd
    }
}

/// What a decoder must support (RFC 8878 section 3.1.1.1.2); one that keeps more would let a few bytes take that much memory.
const LARGEST_WINDOW: u64 = 8 << 20;

/// How much of its output a frame's decoder has to keep (RFC 8878 section 3.1.1.1).
fn window(frame: &[u8]) -> Option<u64> {
    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    const SINGLE_SEGMENT: u8 = 1 << 5;
    let (descriptor, rest) = frame.strip_prefix(&MAGIC)?.split_first()?;
    if descriptor & SINGLE_SEGMENT != 0 {
        let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
        let length = [1, 2, 4, 8].get(usize::from(descriptor >> 6))?;
        let size = rest.get(*dictionary..)?.get(..*length)?;
        return Some(
            size.iter()
                .rfold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        );
    }
    let window = rest.first()?;
    let base = 1_u64 << (10 + (window >> 3));
    Some(base + base / 8 * u64::from(window & 7))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compressed(content: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn zstd_gives_exactly_what_was_announced() {
        let content: Vec<u8> = (0..5000_u32).flat_map(u32::to_be_bytes).collect();
        let frame = compressed(&content);
        let decompress = |frame: &[u8], length: usize| {
            let mut output = vec![0; length];
            Zstd.decompress(frame, &mut output).map(|()| output)
        };
        assert_eq!(decompress(&frame, content.len()).unwrap(), content);
        assert!(decompress(&frame, content.len() - 1).is_err());
        assert!(decompress(&frame, content.len() + 1).is_err());
        assert!(decompress(&frame[..frame.len() - 1], content.len()).is_err());
        assert!(decompress(&[&frame[..], &[0]].concat(), content.len()).is_err());
        assert!(decompress(b"no frame at all", 10).is_err());
    }

    #[test]
    fn a_frame_that_needs_much_memory_is_refused() {
        // 2^(10 + 17) bytes of window, then blocks that repeat one byte 128 KiB times.
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3];
        for _ in 0..1000 {
            frame.extend([0x02, 0x00, 0x10, b'x']);
        }
        assert_eq!(window(&frame), Some(1 << 27));
        assert!(Zstd.decompress(&frame, &mut [0; 100]).is_err());
    }
}
