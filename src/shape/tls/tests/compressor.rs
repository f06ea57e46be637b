//! A certificate compressor that adds to what it compresses, and counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::CertificateCompressionAlgorithm;
use rustls::compress::{CertCompressor, CompressionFailed, CompressionLevel};

use super::meddler::Meddling;
use crate::shape::tls::wire::{HEADER, kind, message};

#[derive(Debug)]
pub(super) struct Adding {
    compressor: &'static dyn CertCompressor,
    meddling: Arc<Meddling>,
    uses: AtomicUsize,
}

impl Adding {
    pub(super) fn new(
        compressor: &'static dyn CertCompressor,
        meddling: &Arc<Meddling>,
    ) -> &'static Self {
        Box::leak(Box::new(Self {
            compressor,
            meddling: Arc::clone(meddling),
            uses: AtomicUsize::new(0),
        }))
    }

    pub(super) fn uses(&self) -> usize {
        self.uses.load(Ordering::Relaxed)
    }
}

impl CertCompressor for Adding {
    fn compress(
        &self,
        input: Vec<u8>,
        level: CompressionLevel,
    ) -> Result<Vec<u8>, CompressionFailed> {
        self.uses.fetch_add(1, Ordering::Relaxed);
        let exchanged = self.meddling.exchange(&message(kind::CERTIFICATE, &input));
        let body = &exchanged[HEADER..];
        *self.meddling.certificate_length.lock() = Some(body.len());
        self.compressor.compress(body.to_vec(), level)
    }

    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        self.compressor.algorithm()
    }
}

#[derive(Debug)]
pub(super) struct Zstd;

impl CertCompressor for Zstd {
    fn compress(&self, input: Vec<u8>, _: CompressionLevel) -> Result<Vec<u8>, CompressionFailed> {
        use ruzstd::encoding::{CompressionLevel, compress_to_vec};
        Ok(compress_to_vec(&*input, CompressionLevel::Fastest))
    }

    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm::Zstd
    }
}
