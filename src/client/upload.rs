//! A request's body on its way into an HTTP/2 stream.

use std::future::poll_fn;

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;

use crate::dial::RequestBody;

/// Sends the body as the server's window allows. Ends early, without fault, when the stream was reset or the connection ended; a body
/// that fails resets the stream.
pub(super) async fn upload(mut stream: SendStream<Bytes>, mut body: RequestBody) {
    loop {
        let frame = tokio::select! {
            biased;
            // The server wants no more of it: keep the body's source from producing in vain.
            _ = poll_fn(|cx| stream.poll_reset(cx)) => return,
            frame = body.frame() => frame,
        };
        let frame = match frame {
            None => {
                let _ = stream.send_data(Bytes::new(), true);
                return;
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "a request's body failed");
                stream.send_reset(Reason::CANCEL);
                return;
            }
            Some(Ok(frame)) => frame,
        };
        let sent = match frame.into_data() {
            Ok(data) => {
                let last = body.is_end_stream();
                let sent = send_data(&mut stream, data, last).await;
                if last {
                    return;
                }
                sent
            }
            Err(frame) => match frame.into_trailers() {
                Ok(trailers) => {
                    if let Err(error) = stream.send_trailers(trailers) {
                        // h2 leaves the stream open when it does not take them; the server would wait for its end.
                        tracing::debug!(%error, "a request's trailers cannot be sent");
                        stream.send_reset(Reason::CANCEL);
                    }
                    return;
                }
                Err(_) => Some(()),
            },
        };
        if sent.is_none() {
            return;
        }
    }
}

/// Sends one piece, window by window; `None` when the stream takes no more.
async fn send_data(stream: &mut SendStream<Bytes>, mut data: Bytes, last: bool) -> Option<()> {
    loop {
        if data.is_empty() {
            return stream.send_data(data, last).ok();
        }
        stream.reserve_capacity(data.len());
        let room = match stream.capacity() {
            0 => poll_fn(|cx| stream.poll_capacity(cx)).await?.ok()?,
            room => room,
        };
        if room == 0 {
            continue;
        }
        let piece = data.split_to(room.min(data.len()));
        let end = last && data.is_empty();
        stream.send_data(piece, end).ok()?;
        if data.is_empty() {
            return Some(());
        }
    }
}
