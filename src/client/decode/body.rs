//! A body without its content codings.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::Frame;
use parking_lot::Mutex;
use tokio::io::AsyncBufRead;
use tokio_util::io::poll_read_buf;

use super::codings::{Coding, Reader, decoder};
use super::source::{Coded, Source};
use crate::client::raw_body::RawBody;
use crate::error::{Error, ErrorKind};

/// How much is decoded at a time: a TLS record's worth. However much a small body swells, this is all the memory that it takes.
const CHUNK: usize = 16 * 1024;

/// How many bytes may follow the end of the coding: some servers pad. More is another body than the head announced.
const MOST_SURPLUS: usize = 64 * 1024;

/// Decodes as it is read.
pub(in crate::client) struct DecodedBody {
    coded: Arc<Mutex<Coded>>,
    state: State,
    decoded: BytesMut,
}

enum State {
    /// Nothing has come yet: an empty body is in no coding.
    Waiting(Source, Vec<Coding>),
    Decoding(Reader),
    /// The coding has ended; of the body's rest, this much has been read over.
    Surplus(usize),
    Ended,
}

impl DecodedBody {
    pub(super) fn new(body: RawBody, codings: &[Coding]) -> Self {
        let coded = Coded::new(body);
        let source = Source::new(Arc::clone(&coded));
        Self {
            coded,
            state: State::Waiting(source, codings.to_vec()),
            decoded: BytesMut::new(),
        }
    }

    pub(in crate::client) fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    pub(in crate::client) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            match &mut self.state {
                State::Waiting(source, _) => match ready!(Pin::new(source).poll_fill_buf(cx)) {
                    Ok([]) => self.state = State::Surplus(0),
                    Ok(_) => self.begin(),
                    Err(error) => {
                        let error = self.told(error);
                        return self.fail(error);
                    }
                },
                State::Decoding(reader) => {
                    self.decoded.reserve(CHUNK);
                    match ready!(poll_read_buf(reader.as_mut(), cx, &mut self.decoded)) {
                        Ok(0) => self.state = State::Surplus(0),
                        Ok(_) => {
                            let data = self.decoded.split().freeze();
                            return Poll::Ready(Some(Ok(Frame::data(data))));
                        }
                        Err(error) => {
                            let error = self.told(error);
                            return self.fail(error);
                        }
                    }
                }
                State::Surplus(surplus) => {
                    // The exchange ends with the body, and its trailers come last.
                    let next = ready!(self.coded.lock().poll_data(cx));
                    match next {
                        Some(Ok(data)) => {
                            *surplus += data.len();
                            if *surplus > MOST_SURPLUS {
                                let error = Error::new(ErrorKind::ContentCoding)
                                    .with_detail("the body goes on after the end of its coding");
                                let error = self.coded.lock().fail(error);
                                return self.fail(error);
                            }
                        }
                        Some(Err(error)) => return self.fail(error),
                        None => {
                            self.state = State::Ended;
                            let trailers = self.coded.lock().take_trailers();
                            return Poll::Ready(
                                trailers.map(|trailers| Ok(Frame::trailers(trailers))),
                            );
                        }
                    }
                }
                State::Ended => return Poll::Ready(None),
            }
        }
    }

    fn begin(&mut self) {
        if let State::Waiting(source, codings) = std::mem::replace(&mut self.state, State::Ended) {
            self.state = State::Decoding(decoder(source, &codings));
        }
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.state = State::Ended;
        Poll::Ready(Some(Err(error)))
    }

    /// The body's own failure, or the coding's.
    fn told(&self, error: std::io::Error) -> Error {
        match error.downcast::<Error>() {
            Ok(error) => error,
            Err(error) => {
                let error = Error::new(ErrorKind::ContentCoding).with_source(error);
                self.coded.lock().fail(error)
            }
        }
    }
}
