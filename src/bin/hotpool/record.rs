//! What became of one request.

use std::time::Duration;

use hotpool::dial::{DialTiming, TlsInfo};
use hotpool::profile::Profile;
use hotpool::registry::Protocol;
use hotpool::{Connection, ErrorKind};
use http::Version;
use serde_json::{Value, json};

use crate::failure::with_sources;

/// One request's line or JSON object; what does not apply is `None`.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) url: String,
    pub(crate) failed: Option<Failed>,
    pub(crate) status: Option<u16>,
    pub(crate) version: Option<Version>,
    /// Of the body, as they arrived.
    pub(crate) bytes: Option<u64>,
    pub(crate) carrier: Option<Carrier>,
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

/// The connection it went over.
#[derive(Debug)]
pub(crate) struct Carrier {
    pub(crate) id: u64,
    pub(crate) reused: bool,
    remote_addr: String,
    profile: String,
    is_http2: bool,
    akamai: Option<String>,
    tls: Option<TlsInfo>,
    dial: DialTiming,
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
}

impl Carrier {
    pub(crate) fn of(connection: &Connection) -> Self {
        Self {
            id: connection.id().as_u64(),
            reused: connection.is_reused(),
            remote_addr: connection.remote_addr().to_string(),
            profile: connection.profile().to_owned(),
            is_http2: connection.protocol() == Protocol::Http2,
            akamai: connection.akamai(),
            tls: connection.tls().cloned(),
            dial: connection.dial_timing(),
        }
    }
}

impl Record {
    pub(crate) fn json(&self) -> Value {
        let carrier = self.carrier.as_ref();
        let fresh = carrier.filter(|carrier| !carrier.reused);
        let tls = carrier.and_then(|carrier| carrier.tls.as_ref());
        json!({
            "url": self.url,
            "error": self.failed.as_ref().map(|failed| json!({
                "kind": failed.kind.as_str(),
                "message": failed.message,
                "sent": failed.sent,
                "retryable": failed.retryable,
            })),
            "status": self.status,
            "bytes": self.bytes,
            "connection_id": carrier.map(|carrier| carrier.id),
            "reused": carrier.map(|carrier| carrier.reused),
            "http_version": self.version.map(version_name),
            "remote_addr": carrier.map(|carrier| &carrier.remote_addr),
            "profile": carrier.map_or(&**Profile::rustls().name(), |carrier| &carrier.profile),
            "tls": tls.map(tls_json),
            "http2": carrier
                .filter(|carrier| carrier.is_http2)
                .map(|carrier| json!({ "akamai": carrier.akamai })),
            "timing_us": {
                "resolve": fresh.map(|carrier| micros(carrier.dial.resolve)),
                "connect": fresh.map(|carrier| micros(carrier.dial.connect)),
                "tls": fresh.filter(|_| tls.is_some()).map(|carrier| micros(carrier.dial.tls)),
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
        match &self.carrier {
            None => format!("{status} {version:<8} {bytes:>9} B {time:>9} ms  {url}"),
            Some(Carrier {
                id,
                reused,
                remote_addr,
                ..
            }) => {
                let reused = if *reused { "reused" } else { "new" };
                let connection = format!("#{id}");
                format!(
                    "{status} {version:<8} {bytes:>9} B {time:>9} ms  {reused:<6} {connection:<5} {remote_addr}  {url}"
                )
            }
        }
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
