//! The client's part of the handshake on its way from rustls: the profile's hello leaves instead of rustls's.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::handshake::Handshake;
use super::wire::kind;

/// What has not wholly left.
#[derive(Debug)]
pub(super) struct Outbound {
    handshake: Arc<Handshake>,
    hello: Option<PendingHello>,
    /// How much of rustls's current record is still to come, of which the rest has left.
    rest: usize,
    /// How many hellos have left, or are about to.
    hellos: u8,
}

#[derive(Debug)]
struct PendingHello {
    record: Vec<u8>,
    written: usize,
    /// The length of the record that rustls wrote.
    instead_of: usize,
}

impl Outbound {
    pub(super) fn new(handshake: Arc<Handshake>) -> Self {
        Self {
            handshake,
            hello: None,
            rest: 0,
            hellos: 0,
        }
    }

    /// Each slice is one record of rustls's, or the rest of one; no hello shares a slice with anything.
    pub(super) fn poll_write<IO: AsyncWrite + Unpin>(
        &mut self,
        io: &mut IO,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.hello.is_some() {
            return self.poll_hello(io, cx);
        }
        let mut start = 0;
        while slices.get(start).is_some_and(|slice| slice.is_empty()) {
            start += 1;
        }
        let records = slices.get(start..).unwrap_or_default();
        let is_due = self.is_hello_due();
        let until = records
            .iter()
            .enumerate()
            .position(|(index, slice)| is_due && (index > 0 || self.rest == 0) && is_hello(slice))
            .unwrap_or(records.len());
        if let (0, Some(hello)) = (until, records.first()) {
            self.hello = Some(self.shape(hello)?);
            return self.poll_hello(io, cx);
        }
        let records = records.get(..until).unwrap_or_default();
        let written = ready!(Pin::new(io).poll_write_vectored(cx, records))?;
        self.rest = left_of_record(records, written);
        Poll::Ready(Ok(written))
    }

    /// The first hello, and a second one if the server has asked for it: anything else that looks like one is encrypted.
    fn is_hello_due(&self) -> bool {
        match self.hellos {
            0 => true,
            1 => self.handshake.state.lock().is_retry_asked,
            _ => false,
        }
    }

    fn shape(&mut self, record: &[u8]) -> io::Result<PendingHello> {
        let shaped = record
            .get(RECORD_HEADER..)
            .and_then(|message| self.handshake.shaped(message, 0));
        let Some(shaped) = shaped else {
            let fault = self.handshake.fault();
            let fault = fault.map_or_else(String::new, |fault| fault.to_string());
            let error = rustls::Error::General(fault);
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        };
        let record_of = self.handshake.record(&shaped, self.hellos > 0);
        self.hellos += 1;
        Ok(PendingHello {
            record: record_of,
            written: 0,
            instead_of: record.len(),
        })
    }

    /// rustls presents its record again until it has been told that the whole of it was written.
    fn poll_hello<IO: AsyncWrite + Unpin>(
        &mut self,
        io: &mut IO,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let Some(hello) = &mut self.hello else {
            return Poll::Ready(Ok(0));
        };
        while let Some(rest) = hello
            .record
            .get(hello.written..)
            .filter(|rest| !rest.is_empty())
        {
            match ready!(Pin::new(&mut *io).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => hello.written += written,
            }
        }
        let instead_of = hello.instead_of;
        self.hello = None;
        Poll::Ready(Ok(instead_of))
    }
}

const RECORD_HEADER: usize = 5;

fn is_hello(record: &[u8]) -> bool {
    const HANDSHAKE: u8 = 22;
    record.first() == Some(&HANDSHAKE) && record.get(RECORD_HEADER) == Some(&kind::CLIENT_HELLO)
}

/// How much of the record in which writing stopped is left.
fn left_of_record(records: &[IoSlice<'_>], mut written: usize) -> usize {
    for record in records {
        if written < record.len() {
            return match written {
                0 => 0,
                _ => record.len() - written,
            };
        }
        written -= record.len();
    }
    0
}
