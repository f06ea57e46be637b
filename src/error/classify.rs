//! How the errors of the libraries below become ours.

use std::error::Error as StdError;
use std::io;

use rustls::{AlertDescription, CertificateError, InvalidMessage};

use super::{Error, ErrorKind};

impl Error {
    /// A failed `connect`.
    pub(crate) fn from_connect(error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::ConnectionRefused => ErrorKind::ConnectRefused,
            io::ErrorKind::ConnectionReset => ErrorKind::ConnectionReset,
            io::ErrorKind::TimedOut => ErrorKind::ConnectTimeout,
            _ if is_exhaustion(&error) => ErrorKind::OutOfResources,
            _ => ErrorKind::ConnectFailed,
        };
        Self::new(kind).with_source(error)
    }

    /// A failed TLS handshake.
    pub(crate) fn from_handshake(error: io::Error) -> Self {
        let (kind, detail) = classify_io(&error);
        let detail = detail.unwrap_or_else(|| "during the TLS handshake".into());
        Self::new(kind).with_detail(detail).with_source(error)
    }

    /// What TLS says about an established connection; `None` when it is not TLS that failed.
    pub(crate) fn from_tls(error: &io::Error) -> Option<Self> {
        let tls = find::<rustls::Error>(error)?;
        let (kind, detail) = classify_tls(tls);
        Some(Self::classified(kind, detail).with_source(tls.clone()))
    }

    /// A failure of an HTTP/1.1 connection.
    pub(crate) fn from_http1(error: hyper::Error) -> Self {
        let (kind, detail) = match find::<io::Error>(&error) {
            _ if error.is_user() => (ErrorKind::RequestBody, None),
            Some(io) => classify_io(io),
            None if is_head_too_large(&error) => (ErrorKind::ResponseHeadTooLarge, None),
            None if error.is_parse() => (ErrorKind::ProtocolViolation, None),
            None => (ErrorKind::ConnectionClosed, None),
        };
        Self::classified(kind, detail).with_source(error)
    }

    /// A failure of a connection on which no protocol of ours runs.
    pub(crate) fn from_connection(error: io::Error) -> Self {
        let (kind, detail) = classify_io(&error);
        Self::classified(kind, detail).with_source(error)
    }

    /// A failure of an HTTP/2 connection or of one of its streams.
    pub(crate) fn from_http2(error: h2::Error) -> Self {
        let reason = error.reason();
        let classified = Self::new(match error.get_io() {
            Some(io) => classify_io(io).0,
            None if error.is_reset() && error.is_remote() => match reason {
                Some(h2::Reason::REFUSED_STREAM) => ErrorKind::StreamRefused,
                _ => ErrorKind::StreamReset,
            },
            None if error.is_go_away() && error.is_remote() => ErrorKind::GoAway,
            None if error.is_library() => ErrorKind::ProtocolViolation,
            // The only stream that this side resets and still waits for is one whose request body failed.
            None if error.is_reset() => ErrorKind::RequestBody,
            None => ErrorKind::ConnectionClosed,
        });
        match reason {
            Some(reason) => classified.with_detail(format!("{reason:?}")),
            None => classified,
        }
        .with_source(error)
    }

    fn classified(kind: ErrorKind, detail: Option<String>) -> Self {
        match detail {
            Some(detail) => Self::new(kind).with_detail(detail),
            None => Self::new(kind),
        }
    }
}

/// The first error of type `T` in a source chain, looking into `io::Error`s, which hide what they wrap from `source`.
pub(crate) fn find<'a, T: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a T> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        current = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// hyper has a method for that where it serves; to clients it only says so.
fn is_head_too_large(error: &hyper::Error) -> bool {
    error.is_parse() && error.to_string() == "message head is too large"
}

/// TLS faults show as I/O errors too.
fn classify_io(error: &io::Error) -> (ErrorKind, Option<String>) {
    match find::<rustls::Error>(error) {
        Some(tls) => classify_tls(tls),
        None => (io_kind(error), None),
    }
}

fn io_kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::TimedOut => ErrorKind::ConnectionReset,
        // The second is how hyper reports a broken chunk.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => ErrorKind::ProtocolViolation,
        _ if is_exhaustion(error) => ErrorKind::OutOfResources,
        _ => ErrorKind::ConnectionClosed,
    }
}

/// Linux: EMFILE 24, ENFILE 23, ENOMEM 12, ENOBUFS 105, EADDRNOTAVAIL 99 (no free local port).
fn is_exhaustion(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::OutOfMemory | io::ErrorKind::AddrNotAvailable
    ) || matches!(error.raw_os_error(), Some(12 | 23 | 24 | 105))
}

fn classify_tls(error: &rustls::Error) -> (ErrorKind, Option<String>) {
    match error {
        rustls::Error::InvalidCertificate(certificate) => (
            classify_certificate(certificate),
            Some(certificate.to_string()),
        ),
        rustls::Error::NoCertificatesPresented => (ErrorKind::CertificateInvalid, None),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => (
            ErrorKind::NotTls,
            Some("the answer is no TLS record".into()),
        ),
        rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)
        | rustls::Error::NoApplicationProtocol => (ErrorKind::ProtocolNotOffered, None),
        rustls::Error::AlertReceived(alert) => (ErrorKind::TlsAlert, Some(format!("{alert:?}"))),
        other => (ErrorKind::TlsFailed, Some(other.to_string())),
    }
}

fn classify_certificate(error: &CertificateError) -> ErrorKind {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ErrorKind::CertificateExpired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ErrorKind::CertificateNotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            ErrorKind::CertificateWrongName
        }
        CertificateError::UnknownIssuer => ErrorKind::CertificateUnknownIssuer,
        CertificateError::Revoked => ErrorKind::CertificateRevoked,
        _ => ErrorKind::CertificateInvalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(error: rustls::Error) -> ErrorKind {
        Error::from_handshake(io::Error::new(io::ErrorKind::InvalidData, error)).kind()
    }

    #[test]
    fn three_certificate_faults_are_three_kinds() {
        let kind = |error| handshake(rustls::Error::InvalidCertificate(error));
        assert_eq!(
            kind(CertificateError::Expired),
            ErrorKind::CertificateExpired
        );
        assert_eq!(
            kind(CertificateError::NotValidForName),
            ErrorKind::CertificateWrongName
        );
        assert_eq!(
            kind(CertificateError::UnknownIssuer),
            ErrorKind::CertificateUnknownIssuer
        );
    }

    #[test]
    fn a_wrapped_tls_error_is_found_through_io_errors() {
        let inner = io::Error::other(rustls::Error::NoApplicationProtocol);
        let outer = io::Error::other(inner);
        assert!(find::<rustls::Error>(&outer).is_some());
        assert_eq!(
            Error::from_handshake(outer).kind(),
            ErrorKind::ProtocolNotOffered
        );
    }

    #[test]
    fn descriptor_exhaustion_is_ours() {
        let error = Error::from_connect(io::Error::from_raw_os_error(24));
        assert_eq!(error.kind(), ErrorKind::OutOfResources);
    }
}
