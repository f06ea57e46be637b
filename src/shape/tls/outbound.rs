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
    pending: Option<Pending>,
    /// How much of rustls's current record is still to come, of which the rest has left.
    rest: usize,
    /// How many hellos have left, or are about to.
    hellos: u8,
}

/// What is written that rustls did not write.
#[derive(Debug)]
struct Pending {
    bytes: Vec<u8>,
    written: usize,
    /// The length of the record of rustls's for which it stands; none for what goes before one.
    instead_of: Option<usize>,
}

impl Outbound {
    pub(super) fn new(handshake: Arc<Handshake>) -> Self {
        Self {
            handshake,
            pending: None,
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
        let mut start = 0;
        while slices.get(start).is_some_and(|slice| slice.is_empty()) {
            start += 1;
        }
        let records = slices.get(start..).unwrap_or_default();
        loop {
            if self.pending.is_some()
                && let Some(instead_of) = ready!(self.poll_pending(io, cx))?
            {
                return Poll::Ready(Ok(instead_of));
            }
            let until = self.prepare(records)?;
            if self.pending.is_none() {
                let records = records.get(..until).unwrap_or_default();
                let written = ready!(Pin::new(io).poll_write_vectored(cx, records))?;
                self.rest = left_of_record(records, written);
                return Poll::Ready(Ok(written));
            }
        }
    }

    /// How many of the records can be written as they are; if it is none, what is to be written first is pending.
    fn prepare(&mut self, records: &[IoSlice<'_>]) -> io::Result<usize> {
        let is_due = self.is_hello_due();
        for (index, record) in records.iter().enumerate() {
            if index == 0 && self.rest > 0 {
                continue;
            }
            let is_hello = is_due && is_hello(record);
            if !is_hello && !self.handshake.is_preceded(record) {
                continue;
            }
            if index > 0 {
                return Ok(index);
            }
            let pending = match is_hello {
                true => self.shape(record)?,
                false => Pending {
                    bytes: self.handshake.take_inserted(),
                    written: 0,
                    instead_of: None,
                },
            };
            self.pending = Some(pending);
            return Ok(0);
        }
        Ok(records.len())
    }

    /// The first hello, and a second one if the server has asked for it: anything else that looks like one is encrypted.
    fn is_hello_due(&self) -> bool {
        match self.hellos {
            0 => true,
            1 => self.handshake.state.lock().is_retry_asked,
            _ => false,
        }
    }

    fn shape(&mut self, record: &[u8]) -> io::Result<Pending> {
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
        Ok(Pending {
            bytes: record_of,
            written: 0,
            instead_of: Some(record.len()),
        })
    }

    /// The length of the record that was replaced. rustls presents that again until it has been told that the whole of it was written.
    fn poll_pending<IO: AsyncWrite + Unpin>(
        &mut self,
        io: &mut IO,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<usize>>> {
        let Some(pending) = &mut self.pending else {
            return Poll::Ready(Ok(None));
        };
        while let Some(rest) = pending
            .bytes
            .get(pending.written..)
            .filter(|rest| !rest.is_empty())
        {
            match ready!(Pin::new(&mut *io).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => pending.written += written,
            }
        }
        let instead_of = pending.instead_of;
        self.pending = None;
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
