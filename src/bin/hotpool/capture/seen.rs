//! What one client has sent so far.

use hotpool::profile::{HelloCapture, HelloError, Http1Head, Http2Opening};

/// What is kept of the wire: two hellos of 64 KiB, which is as long as rustls reads one.
const MAXIMUM_WIRE: usize = 128 << 10;

/// What is kept of the plaintext: a page and all that it loads; the server refuses a header block of 64 KiB.
const MAXIMUM_PLAIN: usize = 128 << 10;

/// The hellos, and all requests that there is room for.
#[derive(Debug, Default)]
pub(super) struct Seen {
    wire: Vec<u8>,
    plain: Vec<u8>,
    has_hello: bool,
    has_request: bool,
}

/// How far a client has got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Progress {
    More,
    /// The first request is there, and was not before.
    Request,
    /// No more is kept.
    Full,
}

/// All there is to know of one client.
#[derive(Debug)]
pub(super) struct Caught {
    pub(super) hello: HelloCapture,
    /// The records of its one or two hellos.
    pub(super) records: Vec<Vec<u8>>,
    /// Its HTTP/2 up to the last whole frame, if it has a request.
    pub(super) opening: Option<Vec<u8>>,
}

impl Seen {
    /// Whether the first hello is whole with these bytes, and was not before.
    pub(super) fn add_wire(&mut self, bytes: &[u8]) -> bool {
        // Inside TLS there are no hellos any more.
        if self.plain.is_empty() {
            keep(&mut self.wire, bytes, MAXIMUM_WIRE);
        }
        let is_new = !self.has_hello && HelloCapture::from_records(&self.wire).is_ok();
        self.has_hello |= is_new;
        is_new
    }

    pub(super) fn add_plain(&mut self, bytes: &[u8]) -> Progress {
        keep(&mut self.plain, bytes, MAXIMUM_PLAIN);
        if self.plain.len() == MAXIMUM_PLAIN {
            return Progress::Full;
        }
        if self.has_request || !self.is_request_whole() {
            return Progress::More;
        }
        self.has_request = true;
        Progress::Request
    }

    fn is_request_whole(&self) -> bool {
        let compared = self.plain.len().min(PREFACE.len());
        if self.plain.get(..compared) == PREFACE.get(..compared) {
            Http2Opening::parse(&self.plain).is_complete()
        } else {
            self.plain.windows(4).any(|end| end == b"\r\n\r\n")
        }
    }

    /// Whether the first hello is whole.
    pub(super) fn has_hello(&self) -> bool {
        self.has_hello
    }

    /// Whether the first request is whole.
    pub(super) fn has_request(&self) -> bool {
        self.has_request
    }

    /// None if there was nothing.
    pub(super) fn finish(self) -> Option<Result<Caught, HelloError>> {
        (!self.wire.is_empty()).then(|| self.caught())
    }

    fn caught(&self) -> Result<Caught, HelloError> {
        let opening = Http2Opening::parse(&self.plain);
        let bytes = self.plain.get(..opening.length());
        let opening_bytes = bytes.filter(|_| opening.is_complete()).map(<[u8]>::to_vec);
        let records = HelloCapture::records_in(&self.wire)?;
        let mut hello = HelloCapture::from_records(&self.wire)?;
        hello.opening = opening_bytes.is_some().then_some(opening);
        hello.http1 = Http1Head::parse(&self.plain);
        Ok(Caught {
            hello,
            records: records.into_iter().map(<[u8]>::to_vec).collect(),
            opening: opening_bytes,
        })
    }
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8], maximum: usize) {
    let room = maximum.saturating_sub(kept.len()).min(bytes.len());
    kept.extend_from_slice(bytes.get(..room).unwrap_or_default());
}

/// What HTTP/2 begins with (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;
    use hotpool::profile::{Profile, SampleOptions};

    fn hellos() -> (Vec<u8>, Vec<u8>) {
        let mut options = SampleOptions::default();
        options.retry = Some("secp384r1".into());
        let firefox = Profile::named("firefox").unwrap();
        let sampled = firefox.sample(&options, &mut rand::rng()).unwrap();
        (sampled.first, sampled.retry.unwrap())
    }

    fn opening() -> Vec<u8> {
        let frames =
            b"\0\0\x06\x04\0\0\0\0\0\0\x02\0\0\0\0\0\0\x06\x01\x05\0\0\0\x01\x82\x87\x41\x01a\x84";
        [PREFACE, frames].concat()
    }

    #[test]
    fn byte_by_byte_both_hellos_and_the_opening_are_found() {
        let (first, second) = hellos();
        let mut seen = Seen::default();
        let news = first.iter().filter(|byte| seen.add_wire(&[**byte]));
        assert_eq!(news.count(), 1);
        assert!(!seen.add_wire(&[20, 3, 3, 0, 1, 1]));
        assert!(!seen.add_wire(&second));
        let opening = opening();
        let (last, others) = opening.split_last().unwrap();
        let all_more = others
            .iter()
            .all(|byte| seen.add_plain(&[*byte]) == Progress::More);
        assert!(all_more && !seen.has_request());
        assert_eq!(seen.add_plain(&[*last]), Progress::Request);
        // A second request, and half a frame.
        let later = b"\0\0\x04\x01\x05\0\0\0\x03\x82\x87\xbe\x84\0\0";
        assert_eq!(seen.add_plain(later), Progress::More);
        let caught = seen.finish().unwrap().unwrap();
        assert_eq!(caught.records, [first, second]);
        assert!(caught.hello.retry.is_some());
        let opening = [&opening[..], &later[..later.len() - 2]].concat();
        assert_eq!(caught.opening, Some(opening));
        assert_eq!(caught.hello.opening.unwrap().requests().len(), 2);
        assert_eq!(caught.hello.http1, None);
    }

    #[test]
    fn without_http2_the_end_of_the_head_is_waited_for() {
        let mut seen = Seen::default();
        seen.add_wire(&hellos().0);
        assert_eq!(seen.add_plain(b"P"), Progress::More);
        let head = b"OST / HTTP/1.1\r\nhost: a\r\n";
        assert_eq!(seen.add_plain(head), Progress::More);
        assert_eq!(seen.add_plain(b"\r\ncontent"), Progress::Request);
        let caught = seen.finish().unwrap().unwrap();
        assert_eq!(caught.opening, None);
        assert_eq!(caught.hello.http1.unwrap().method(), "POST");
    }

    #[test]
    fn no_more_than_the_limit_is_kept() {
        let mut seen = Seen::default();
        for _ in 0..300 {
            seen.add_wire(&[22; 1024]);
        }
        assert_eq!(seen.wire.len(), MAXIMUM_WIRE);
        assert!(seen.finish().unwrap().is_err());
        let mut seen = Seen::default();
        let done = [(); 200].map(|()| seen.add_plain(&[b'a'; 1024]));
        assert_eq!(
            [done[0], done[127], done[199]],
            [Progress::More, Progress::Full, Progress::Full]
        );
        assert_eq!(seen.plain.len(), MAXIMUM_PLAIN);
    }

    #[test]
    fn nothing_garbage_and_half_a_hello_are_told_apart() {
        assert!(Seen::default().finish().is_none());
        for (bytes, error) in [
            (b"GET / HTTP/1.1\r\n".to_vec(), HelloError::NotClientHello),
            (hellos().0[..200].to_vec(), HelloError::Truncated),
        ] {
            let mut seen = Seen::default();
            assert!(!seen.add_wire(&bytes));
            assert_eq!(seen.finish().unwrap().unwrap_err(), error);
        }
    }
}
