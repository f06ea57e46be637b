//! What became of one request.

use std::time::Duration;

use hotpool::dial::TlsInfo;
use hotpool::registry::Protocol;
use hotpool::{ConnectionInfo, ErrorKind};
use http::Version;
use serde_json::{Value, json};

use crate::failure::with_sources;

/// One request's line or JSON object; what does not apply is `None`.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) url: String,
    /// What its connection looks like, or would have.
    pub(crate) profile: String,
    pub(crate) failed: Option<Failed>,
    pub(crate) status: Option<u16>,
    pub(crate) version: Option<Version>,
    /// Of the body, as it was handed out: decoded, if its profile asked for a coding.
    pub(crate) bytes: Option<u64>,
    /// The connection that it went over, as far as it came.
    pub(crate) connection: Option<ConnectionInfo>,
    /// From the beginning until the connection was there.
    pub(crate) acquire: Option<Duration>,
    /// From the beginning until the response's head was there.
    pub(crate) first_byte: Option<Duration>,
    pub(crate) total: Duration,
}

/// Why it was not answered.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    pub(crate) sent: bool,
    pub(crate) retryable: bool,
}

impl Failed {
    pub(crate) fn new(error: &hotpool::Error) -> Self {
        Self {
            kind: error.kind(),
            message: with_sources(error),
            sent: error.was_sent(),
            retryable: error.is_retryable(),
        }
    }

    /// The limit that the user set has passed.
    pub(crate) fn late(limit: Duration, sent: bool) -> Self {
        let error = hotpool::Error::new(ErrorKind::RequestTimeout)
            .with_detail(format!("no whole answer within {limit:?}"));
        Self {
            sent,
            ..Self::new(&error)
        }
    }

    fn json(&self) -> Value {
        json!({
            "kind": self.kind.as_str(),
            "message": self.message,
            "sent": self.sent,
            "retryable": self.retryable,
        })
    }
}

impl Record {
    pub(crate) fn json(&self) -> Value {
        let connection = self.connection.as_ref();
        let tls = connection.and_then(|connection| connection.tls());
        let dial = connection
            .filter(|connection| !connection.is_reused())
            .map(|connection| connection.dial_timing());
        json!({
            "url": self.url,
            "error": self.failed.as_ref().map(Failed::json),
            "status": self.status,
            "bytes": self.bytes,
            "connection_id": connection.map(|connection| connection.id().as_u64()),
            "reused": connection.map(|connection| connection.is_reused()),
            "http_version": self.version.map(version_name),
            "remote_addr": connection.map(|connection| connection.remote_addr().to_string()),
            "profile": self.profile,
            "tls": tls.map(tls_json),
            "http2": connection
                .filter(|connection| connection.protocol() == Protocol::Http2)
                .map(|connection| json!({ "akamai": connection.fingerprint().akamai })),
            "timing_us": {
                "resolve": dial.map(|dial| micros(dial.resolve)),
                "connect": dial.map(|dial| micros(dial.connect + dial.proxy)),
                "tls": dial.filter(|_| tls.is_some()).map(|dial| micros(dial.tls)),
                "acquire": self.acquire.map(micros),
                "first_byte": self.first_byte.map(micros),
                "total": micros(self.total),
            },
        })
    }

    /// For a person: one line, for an answered request.
    pub(crate) fn line(&self) -> String {
        let status = self.status.unwrap_or_default();
        let version = self.version.map_or("-", version_name);
        let bytes = self.bytes.unwrap_or_default();
        let time = milliseconds(self.total);
        let url = &self.url;
        let connection = self.connection.as_ref().map(|connection| {
            let reused = if connection.is_reused() {
                "reused"
            } else {
                "new"
            };
            let id = format!("#{}", connection.id());
            format!("{reused:<6} {id:<5} {}", connection.remote_addr())
        });
        let connection = connection.unwrap_or_default();
        format!("{status} {version:<8} {bytes:>9} B {time:>9} ms  {connection}  {url}")
    }
}

fn tls_json(tls: &TlsInfo) -> Value {
    let fingerprint = tls.fingerprint.as_deref();
    json!({
        "version": tls.version,
        "cipher": tls.cipher,
        "group": tls.group,
        "alpn": tls.alpn,
        "resumed": tls.resumed,
        "ja3": fingerprint.map(|fingerprint| &*fingerprint.ja3),
        "ja3_hash": fingerprint.map(|fingerprint| &*fingerprint.ja3_hash),
        "ja4": fingerprint.map(|fingerprint| &*fingerprint.ja4),
        "ja4_r": fingerprint.map(|fingerprint| &*fingerprint.ja4_r),
    })
}

pub(crate) fn version_name(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

pub(crate) fn milliseconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64() * 1e3)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
