//! HTTP/1.1's one sender, lent to one request at a time.

use super::Live;
use crate::dial::{Http1Sender, RequestBody, Sender};
use crate::error::{Error, ErrorKind, Result};

impl Live {
    /// Waits until the HTTP/1.1 connection can take a request, and hands it over.
    ///
    /// # Errors
    ///
    /// When the connection is closing; then `request` was not called.
    pub(crate) async fn send_http1(
        &self,
        request: impl FnOnce() -> http::Request<RequestBody>,
    ) -> Result<impl Future<Output = Http1Answer>> {
        let closing = || Error::new(ErrorKind::ConnectionClosed);
        let mut borrowed = BorrowedSender {
            live: self,
            sender: self.take_http1(),
        };
        let sender = borrowed.sender.as_mut().ok_or_else(closing)?;
        sender.ready().await.map_err(Error::from_http1)?;
        Ok(sender.try_send_request(request()))
    }

    fn take_http1(&self) -> Option<Http1Sender> {
        let mut sender = self.sender().lock();
        match sender.take() {
            Some(Sender::Http1(http1)) => Some(http1),
            other => {
                *sender = other;
                None
            }
        }
    }
}

/// What hyper answers: the response, or the request itself where nothing of it was sent.
pub(crate) type Http1Answer = std::result::Result<
    http::Response<hyper::body::Incoming>,
    hyper::client::conn::TrySendError<http::Request<RequestBody>>,
>;

/// HTTP/1.1's one sender, put back when dropped unless the connection began to close meanwhile.
struct BorrowedSender<'a> {
    live: &'a Live,
    sender: Option<Http1Sender>,
}

impl Drop for BorrowedSender<'_> {
    fn drop(&mut self) {
        let Some(sender) = self.sender.take() else {
            return;
        };
        // `close` asks first and takes the sender then, so under the lock one of the two sees the other.
        let mut place = self.live.sender().lock();
        if !self.live.entry().is_close_requested() {
            *place = Some(Sender::Http1(sender));
        }
    }
}
