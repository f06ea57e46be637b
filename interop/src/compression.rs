//! Certificate compression (RFC 8879), for both sides.

use std::cell::Cell;
use std::ffi::c_int;
use std::io::{self, Read, Write};
use std::{ptr, slice};

use boring::ssl::SslContextBuilder;
use boring_sys as ffi;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Zlib = 1,
    Brotli = 2,
    Zstd = 3,
}

impl Compression {
    /// After those that the context has already.
    pub fn add_to(self, context: &SslContextBuilder) {
        let (compress, decompress) = match self {
            Self::Zlib => functions::<Zlib>(),
            Self::Brotli => functions::<Brotli>(),
            Self::Zstd => functions::<Zstd>(),
        };
        // SAFETY: the context is alive, and the functions keep to BoringSSL's contract.
        let added = unsafe {
            ffi::SSL_CTX_add_cert_compression_alg(
                context.as_ptr(),
                self as u16,
                compress,
                decompress,
            )
        };
        assert_eq!(added, 1, "{self:?} was there already");
    }
}

thread_local! {
    /// A connection has its own thread, and so this.
    static USED: Cell<Option<Compression>> = const { Cell::new(None) };
}

/// How this thread's connection compressed its certificate.
pub(crate) fn used() -> Option<Compression> {
    USED.get()
}

trait Algorithm {
    const NAME: Compression;

    fn compress(input: &[u8]) -> io::Result<Vec<u8>>;
    fn decompress(input: &[u8]) -> io::Result<Vec<u8>>;
}

struct Zlib;

impl Algorithm for Zlib {
    const NAME: Compression = Compression::Zlib;

    fn compress(input: &[u8]) -> io::Result<Vec<u8>> {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(input)?;
        writer.finish()
    }

    fn decompress(input: &[u8]) -> io::Result<Vec<u8>> {
        whole(flate2::read::ZlibDecoder::new(input))
    }
}

struct Brotli;

impl Algorithm for Brotli {
    const NAME: Compression = Compression::Brotli;

    fn compress(mut input: &[u8]) -> io::Result<Vec<u8>> {
        let mut output = Vec::new();
        brotli::BrotliCompress(&mut input, &mut output, &Default::default())?;
        Ok(output)
    }

    fn decompress(input: &[u8]) -> io::Result<Vec<u8>> {
        whole(brotli::Decompressor::new(input, 4096))
    }
}

struct Zstd;

impl Algorithm for Zstd {
    const NAME: Compression = Compression::Zstd;

    fn compress(input: &[u8]) -> io::Result<Vec<u8>> {
        zstd::encode_all(input, 19)
    }

    fn decompress(input: &[u8]) -> io::Result<Vec<u8>> {
        zstd::decode_all(input)
    }
}

fn whole(mut reader: impl Read) -> io::Result<Vec<u8>> {
    let mut output = Vec::new();
    reader.read_to_end(&mut output)?;
    Ok(output)
}

fn functions<A: Algorithm>() -> (
    ffi::ssl_cert_compression_func_t,
    ffi::ssl_cert_decompression_func_t,
) {
    (Some(compress::<A>), Some(decompress::<A>))
}

unsafe extern "C" fn compress<A: Algorithm>(
    _: *mut ffi::SSL,
    out: *mut ffi::CBB,
    input: *const u8,
    length: usize,
) -> c_int {
    // SAFETY: BoringSSL passes a readable buffer of that length.
    let input = unsafe { slice::from_raw_parts(input, length) };
    let Ok(output) = A::compress(input) else {
        return 0;
    };
    USED.set(Some(A::NAME));
    // SAFETY: BoringSSL passes a builder that is open for writing.
    unsafe { ffi::CBB_add_bytes(out, output.as_ptr(), output.len()) }
}

unsafe extern "C" fn decompress<A: Algorithm>(
    _: *mut ffi::SSL,
    out: *mut *mut ffi::CRYPTO_BUFFER,
    uncompressed: usize,
    input: *const u8,
    length: usize,
) -> c_int {
    // SAFETY: BoringSSL passes a readable buffer of that length.
    let input = unsafe { slice::from_raw_parts(input, length) };
    match A::decompress(input) {
        Ok(output) if output.len() == uncompressed => {
            // SAFETY: the bytes are copied; BoringSSL takes the new buffer over.
            let buffer =
                unsafe { ffi::CRYPTO_BUFFER_new(output.as_ptr(), output.len(), ptr::null_mut()) };
            // SAFETY: BoringSSL passes a place for the result.
            unsafe { *out = buffer };
            c_int::from(!buffer.is_null())
        }
        _ => 0,
    }
}
