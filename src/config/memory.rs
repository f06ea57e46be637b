//! How the memory that one connection may take is shared out among those who buffer.
//!
//! A quarter for answers that nobody reads (HTTP/2's window), one for answers' heads, one for requests' bodies on their way out, and
//! one for what has no setting: TLS records, frames, header tables. Heads and uploads are each stream's, so the number of streams
//! follows.

use super::Config;

/// The least that can be shared out: HTTP/2's first window, 64 KiB, cannot be taken back, and a record and a frame are 16 KiB each.
pub(super) const LEAST: usize = 512 << 10;

/// More than any connection can take.
pub(super) const MOST: usize = 1 << 40;

/// What one response may send before it is read: 2 MiB is a 160 Mbit/s stream at 100 ms. Also hyper's default.
const STREAM_WINDOW: usize = 2 << 20;

/// What all responses of a connection may send before they are read. Also hyper's default.
const CONNECTION_WINDOW: usize = 5 << 20;

/// What a response's head, and what of a request's body is written ahead, may weigh: nginx and Apache allow heads of 8 to 16 KiB, and
/// hardly anybody sends more.
const LEAST_SHARE: usize = 16 << 10;

/// Four times hyper's default for heads, and rustls's for records that wait to be written.
const MOST_SHARE: usize = 64 << 10;

/// Which part of a connection's memory one stream may take for its head, or its upload.
const PART: usize = 64;

/// What each who buffers may hold, in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Shares {
    /// HTTP/2: of one response that nobody reads.
    pub(crate) stream_window: u32,
    /// HTTP/2: of all of them.
    pub(crate) connection_window: u32,
    /// A response's head, and HTTP/1.1's buffers.
    pub(crate) head: u32,
    /// A response's head where a profile says how large it may be: never more than this all the same.
    pub(crate) profiled_head: u32,
    /// HTTP/2: a request's body, handed over and not yet written.
    pub(crate) upload: usize,
    /// TLS records that wait to be written.
    pub(crate) records: usize,
}

impl Config {
    pub(crate) fn shares(&self) -> Shares {
        let memory = self.max_memory_per_connection();
        let share = share(memory);
        let connection_window = (memory / 4).min(CONNECTION_WINDOW);
        Shares {
            stream_window: word(connection_window.min(STREAM_WINDOW)),
            connection_window: word(connection_window),
            head: word(share),
            profiled_head: word((memory / PART).max(LEAST_SHARE)),
            upload: share,
            records: share,
        }
    }

    /// Streams used at the same time on one connection: as many as may be, and as there is memory for.
    pub(crate) fn streams_per_connection(&self) -> u32 {
        let memory = self.max_memory_per_connection();
        let fit = (memory / 4 / share(memory)).max(1);
        word(fit.min(self.max_streams_per_connection()))
    }
}

fn share(memory: usize) -> usize {
    (memory / PART).clamp(LEAST_SHARE, MOST_SHARE)
}

fn word(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Settings;

    fn with(memory: usize, streams: usize) -> Config {
        let settings = Settings {
            max_memory_per_connection: Some(memory),
            max_streams_per_connection: Some(streams),
            ..Settings::default()
        };
        Config::try_from(settings).unwrap()
    }

    #[test]
    fn the_default_takes_nothing_from_anybody() {
        let config = Config::default();
        let shares = config.shares();
        assert_eq!(shares.connection_window as usize, CONNECTION_WINDOW);
        assert_eq!(shares.stream_window as usize, STREAM_WINDOW);
        assert_eq!(shares.head as usize, MOST_SHARE);
        assert_eq!(config.streams_per_connection(), 1_000);
    }

    proptest! {
        #[test]
        fn three_quarters_hold_what_is_shared_out(memory in LEAST..1 << 30, streams in 1..2_000_usize) {
            let config = with(memory, streams);
            let shares = config.shares();
            let streams = config.streams_per_connection() as usize;
            let taken = shares.connection_window as usize + streams * (shares.head as usize + shares.upload);
            prop_assert!(streams >= 1 && taken <= memory / 4 * 3);
            // What RFC 9113 §6.9.2 lets nobody take back.
            prop_assert!(shares.connection_window >= 65_535);
            prop_assert!(shares.head >= 16 << 10 && shares.profiled_head >= shares.head);
        }
    }
}
