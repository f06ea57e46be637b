//! What a client asks for and nobody here can read.

use super::Contradiction;
use crate::profile::installation::Installation;

pub(super) fn contradictions(installation: &Installation) -> Vec<Contradiction> {
    let Some(requests) = &installation.requests else {
        return Vec::new();
    };
    let mut found: Vec<Contradiction> = Vec::new();
    for kind in &requests.kinds {
        for (version, list) in [("http2", &kind.http2), ("http1", &kind.http1)] {
            let value = list.fixed("accept-encoding").unwrap_or_default();
            let codings = value.split(',').map(|coding| {
                let (name, _weight) = coding.split_once(';').unwrap_or((coding, ""));
                name.trim()
            });
            let unknown = codings.filter(|name| !name.is_empty() && !DECODED.contains(name));
            found.extend(unknown.map(|name| {
                Contradiction::new(
                    format!("requests.kinds.{}.{version}.accept-encoding", kind.name),
                    format!("{name} is asked for, which is not decoded here"),
                )
            }));
        }
    }
    // One for all kinds is enough.
    found.truncate(1);
    found
}

/// The codings whose bodies can be given as they were before (RFC 9110 section 8.4.1, RFC 7932, RFC 8878), and those that change nothing.
const DECODED: [&str; 7] = ["gzip", "x-gzip", "deflate", "br", "zstd", "identity", "*"];
