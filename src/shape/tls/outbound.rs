//! The client's part of the handshake on its way from rustls: the profile's hello leaves instead of rustls's.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::fault::{Fault, TOO_LONG};
use super::handshake::Handshake;
use super::wire::kind;

/// What has not wholly left.
#[derive(Debug)]
pub(super) struct Outbound {
    handshake: Arc<Handshake>,
    hello: Option<PendingHello>,
    /// How much of rustls's current record is still to come, of which the rest has left.
    rest: usize,
    is_retry: bool,
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
            is_retry: false,
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
        if let Some(fault) = self.refusal(records) {
            return Poll::Ready(Err(refused(&fault)));
        }
        if self.rest == 0
            && let Some(first) = records.first().filter(|first| is_hello(first))
        {
            self.hello = Some(self.shape(first)?);
            return self.poll_hello(io, cx);
        }
        let until = records
            .iter()
            .enumerate()
            .position(|(index, slice)| (index > 0 || self.rest == 0) && is_hello(slice))
            .unwrap_or(records.len());
        let records = records.get(..until).unwrap_or_default();
        let written = ready!(Pin::new(io).poll_write_vectored(cx, records))?;
        self.rest = left_of_record(records, written);
        Poll::Ready(Ok(written))
    }

    /// Why nothing more may leave: there is no hello of the profile's, and rustls has one of its own, perhaps in several records.
    fn refusal(&self, records: &[IoSlice<'_>]) -> Option<Fault> {
        let too_long = match self.is_retry {
            false => Some(Fault::Hello(TOO_LONG)),
            // What else is a handshake's in TLS 1.3 is encrypted, and of another type.
            true => self.handshake.is_asked_again().then_some(Fault::LongCookie),
        };
        let mut whole = records.iter().skip(usize::from(self.rest > 0));
        if let Some(fault) = too_long
            && whole.any(|record| is_handshake(record) && !is_hello(record))
        {
            self.handshake.set_fault(fault);
        }
        self.handshake
            .fault()
            .filter(|fault| matches!(fault, Fault::Hello(_) | Fault::LongCookie))
    }

    fn shape(&mut self, record: &[u8]) -> io::Result<PendingHello> {
        let shaped = record
            .get(RECORD_HEADER..)
            .and_then(|message| self.handshake.shaped(message, 0));
        let Some(shaped) = shaped else {
            let fault = self.handshake.fault();
            return Err(fault.map_or_else(|| io::ErrorKind::InvalidData.into(), |it| refused(&it)));
        };
        let record_of = self.handshake.record(&shaped, self.is_retry);
        self.is_retry = true;
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

fn refused(fault: &Fault) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        rustls::Error::General(fault.to_string()),
    )
}

const RECORD_HEADER: usize = 5;

/// Whether the record carries a ClientHello. What is encrypted is of another type.
fn is_hello(record: &[u8]) -> bool {
    // In TLS 1.2 the client's Finished is a handshake record too, and encrypted: its first byte is an explicit nonce's.
    const SHORTEST: usize = RECORD_HEADER + 4 + 2 + 32;
    is_handshake(record)
        && record.get(RECORD_HEADER) == Some(&kind::CLIENT_HELLO)
        && record.len() > SHORTEST
        && declares_itself(record)
}

fn is_handshake(record: &[u8]) -> bool {
    const HANDSHAKE: u8 = 22;
    record.first() == Some(&HANDSHAKE)
}

/// Whether the message's length is that of the record's content.
fn declares_itself(record: &[u8]) -> bool {
    record
        .get(RECORD_HEADER..)
        .is_some_and(|message| super::wire::message_length(message) == Some(message.len()))
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
