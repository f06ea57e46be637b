//! Whether a request that failed is sent again, and where.

use std::time::Duration;

use http::Method;
use rand::RngExt;

use super::outgoing::Outgoing;
use crate::error::{Error, ErrorKind, Fault};

/// How often a request that may be processed twice is sent again after a connection ended under it: once. A second connection that ends
/// under the same request says something about the request.
const REPLAYS: u32 = 1;

/// How often a request that a living server refused is tried again: the server is short of something, and each try costs it more.
const REFUSALS: u32 = 3;

/// Before the first of those tries; doubled for each and jittered.
const REFUSAL_PAUSE: Duration = Duration::from_millis(10);

/// Where a request is sent again.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Again {
    /// On another connection.
    Elsewhere,
    /// On the same connection, after this time.
    Here(Duration),
}

/// What became of a request so far.
#[derive(Debug, Default)]
pub(super) struct Retries {
    /// How often it has been sent again, whatever the reasons.
    resent: usize,
    replays: u32,
    refusals: u32,
    /// Some try may have reached the server.
    sent: bool,
    /// Some try may have been processed.
    perhaps_processed: bool,
}

impl Retries {
    /// What to do after this failure, if anything. `safe_methods`: those count as replayable here. At `most` so many times in all.
    pub(super) fn again(
        &mut self,
        outgoing: &Outgoing,
        error: &Error,
        safe_methods: bool,
        most: usize,
    ) -> Option<Again> {
        self.sent |= error.was_sent();
        self.perhaps_processed |= error.was_sent() && !error.is_retryable();
        if self.resent >= most || error.was_sent() && outgoing.resend_unsent_only() {
            return None;
        }
        self.resent += 1;
        if error.is_retryable() && outgoing.is_whole() {
            if error.kind() == ErrorKind::StreamRefused {
                self.refusals += 1;
                return (self.refusals <= REFUSALS).then(|| Again::Here(pause(self.refusals)));
            }
            return Some(Again::Elsewhere);
        }
        let replayable = outgoing.is_replayable() || safe_methods && is_safe(outgoing);
        if replayable && outgoing.is_whole() && ended(error) {
            self.replays += 1;
            return (self.replays <= REPLAYS).then_some(Again::Elsewhere);
        }
        None
    }

    /// The server did not process it and said so; it got it.
    pub(super) fn misdirected(&mut self) {
        self.sent = true;
    }

    /// The last error, true of all tries.
    pub(super) fn tell(&self, error: Error) -> Error {
        if self.perhaps_processed {
            return error.sent();
        }
        match (self.sent && !error.was_sent(), error.is_retryable()) {
            (true, true) => error.sent().not_processed(),
            (true, false) => error.sent(),
            (false, _) => error,
        }
    }
}

/// What a request meets that was not sent. A connection that has carried answers and fails between them (an alert, a breach of the
/// protocol) has ended, and says nothing of the next one; one that never carried any says what the server thinks of this client.
pub(super) fn unsent_on(used_before: bool, error: Error) -> Error {
    let transport = matches!(error.fault(), Fault::Network | Fault::Peer);
    match used_before && transport && !error.is_retryable() {
        true => Error::new(ErrorKind::ConnectionClosed).with_source(error),
        false => error,
    }
}

/// Whether the server feels it when the request is sent again: it refused it, being short of something, or may have seen it.
pub(super) fn is_felt(error: &Error) -> bool {
    error.kind() == ErrorKind::StreamRefused || (error.was_sent() && !error.is_retryable())
}

/// RFC 9110 §9.2.1: it asks for nothing to be done.
fn is_safe(outgoing: &Outgoing) -> bool {
    let method = outgoing.method();
    outgoing.is_empty()
        && matches!(
            *method,
            Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
        )
}

/// Whether the connection ended before any answer, as an idle one does when the server closes it.
fn ended(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionClosed
            | ErrorKind::ConnectionReset
            | ErrorKind::GoAway
            | ErrorKind::Unresponsive
    )
}

/// Half to all of the doubled time.
fn pause(refusals: u32) -> Duration {
    let doubled = REFUSAL_PAUSE * (1 << refusals.saturating_sub(1).min(REFUSALS));
    doubled.mul_f64(rand::rng().random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::RequestOptions;
    use crate::dial::Origin;
    use bytes::Bytes;
    use http::Request;
    use http_body_util::Full;

    const MOST: usize = 16;

    fn request(method: Method, body: &'static str) -> Outgoing {
        let origin = Origin::parse("example.com").unwrap();
        let request = Request::builder()
            .method(method)
            .uri("/")
            .body(Full::<Bytes>::from(body))
            .unwrap();
        Outgoing::new(request, &origin).unwrap()
    }

    fn marked(method: Method, body: &'static str) -> Outgoing {
        with_options(method, body, RequestOptions::new().replayable())
    }

    fn with_options(method: Method, body: &'static str, options: RequestOptions) -> Outgoing {
        let origin = Origin::parse("example.com").unwrap();
        let request = Request::builder()
            .method(method)
            .uri("/")
            .extension(options)
            .body(Full::<Bytes>::from(body))
            .unwrap();
        Outgoing::new(request, &origin).unwrap()
    }

    fn unsent() -> Error {
        Error::new(ErrorKind::ConnectionClosed)
    }

    #[test]
    fn what_was_not_sent_goes_elsewhere_within_bounds() {
        let post = request(Method::POST, "body");
        let mut retries = Retries::default();
        for _ in 0..MOST {
            assert_eq!(
                retries.again(&post, &unsent(), false, MOST),
                Some(Again::Elsewhere)
            );
        }
        assert_eq!(retries.again(&post, &unsent(), false, MOST), None);
    }

    #[test]
    fn what_may_have_been_processed_is_sent_again_once_and_only_if_the_caller_allows() {
        let (get, post) = (request(Method::GET, ""), request(Method::POST, "order"));
        let mut retries = Retries::default();
        assert_eq!(retries.again(&post, &unsent().sent(), true, MOST), None);
        assert_eq!(retries.again(&get, &unsent().sent(), false, MOST), None);
        assert_eq!(
            retries.again(&get, &unsent().sent(), true, MOST),
            Some(Again::Elsewhere)
        );
        assert_eq!(retries.again(&get, &unsent().sent(), true, MOST), None);

        let marked = marked(Method::POST, "order");
        let mut retries = Retries::default();
        let refused = Error::new(ErrorKind::StreamReset).sent();
        assert_eq!(retries.again(&marked, &refused, false, MOST), None);
        assert_eq!(
            retries.again(&marked, &unsent().sent(), false, MOST),
            Some(Again::Elsewhere)
        );
        assert_eq!(retries.again(&marked, &unsent().sent(), false, MOST), None);
    }

    #[test]
    fn what_may_have_arrived_is_left_to_a_sender_who_wants_to_decide() {
        let mut options = RequestOptions::new().replayable();
        options.resend_unsent_only = true;
        let get = with_options(Method::GET, "", options);
        let refused = Error::new(ErrorKind::StreamRefused).sent().not_processed();
        let gone = Error::new(ErrorKind::GoAway).sent().not_processed();
        for error in [refused, gone, unsent().sent()] {
            let mut retries = Retries::default();
            assert_eq!(retries.again(&get, &error, true, MOST), None, "{error}");
            let unsent = retries.again(&get, &unsent(), true, MOST);
            assert_eq!(unsent, Some(Again::Elsewhere));
        }
    }

    /// The simulation met it: a replayed request that is refused.
    #[test]
    fn a_refusal_says_nothing_of_the_try_before_it() {
        let mut retries = Retries::default();
        let get = marked(Method::GET, "");
        let ended = Error::new(ErrorKind::ConnectionClosed).sent();
        assert!(retries.again(&get, &ended, false, MOST).is_some());
        let refused = Error::new(ErrorKind::StreamRefused).sent().not_processed();
        let told = retries.tell(refused);
        assert!(told.was_sent() && !told.is_retryable(), "{told:?}");
    }

    #[test]
    fn a_refusal_is_tried_again_here_after_growing_pauses() {
        let get = request(Method::GET, "");
        let refused = Error::new(ErrorKind::StreamRefused).sent().not_processed();
        let mut retries = Retries::default();
        for nth in 0..REFUSALS {
            let Some(Again::Here(pause)) = retries.again(&get, &refused, true, MOST) else {
                panic!("not tried again")
            };
            assert!(pause >= REFUSAL_PAUSE * (1 << nth) / 2, "{pause:?}");
        }
        assert_eq!(retries.again(&get, &refused, true, MOST), None);
    }

    #[test]
    fn what_ends_a_used_connection_does_not_keep_a_request_from_the_next() {
        use ErrorKind::{ConnectionClosed, GoAway, InvalidRequest, ProtocolViolation, TlsAlert};
        let kind = |used_before, kind| unsent_on(used_before, Error::new(kind)).kind();
        for found in [TlsAlert, ProtocolViolation] {
            let error = unsent_on(true, Error::new(found));
            assert_eq!(error.kind(), ConnectionClosed);
            assert!(!error.was_sent());
            let again =
                Retries::default().again(&request(Method::POST, "body"), &error, false, MOST);
            assert_eq!(again, Some(Again::Elsewhere));
            // A server that wants a certificate says so after its handshake, on every connection.
            assert_eq!(kind(false, found), found);
        }
        assert_eq!(kind(true, InvalidRequest), InvalidRequest);
        assert_eq!(kind(true, GoAway), GoAway);
    }

    #[test]
    fn the_last_error_tells_of_all_tries() {
        let get = request(Method::GET, "");
        let refused_dial = || Error::new(ErrorKind::ConnectRefused);
        let mut retries = Retries::default();
        assert!(!retries.tell(refused_dial()).was_sent());
        retries.again(
            &get,
            &Error::new(ErrorKind::GoAway).sent().not_processed(),
            true,
            MOST,
        );
        let told = retries.tell(refused_dial());
        assert!(told.was_sent() && told.is_retryable());
        retries.again(&get, &unsent().sent(), true, MOST);
        let told = retries.tell(refused_dial());
        assert!(told.was_sent() && !told.is_retryable());
    }
}
