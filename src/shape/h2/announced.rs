//! The server's SETTINGS_HEADER_TABLE_SIZE, between its arrival and its acknowledgement.

use std::collections::VecDeque;

use crate::error::{Error, ErrorKind};

/// h2 acknowledges each SETTINGS frame before it reads on, so these are those of one read of its: at most about a thousand in its
/// buffer of 16 KiB. 64 KiB of memory.
pub(super) const MAX_UNACKNOWLEDGED: usize = 4096;

/// Header table sizes that take effect when h2's acknowledgement passes outward.
#[derive(Debug, Default)]
pub(super) struct Announced {
    /// Of the frame that is arriving.
    arriving: Option<TableSizes>,
    /// SETTINGS frames that have arrived.
    arrived: u64,
    acknowledged: u64,
    /// Those frames that had the setting, by their number.
    waiting: VecDeque<(u64, TableSizes)>,
}

/// What one SETTINGS frame says; its entries take effect one after the other (RFC 9113 §6.5.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TableSizes {
    pub(super) lowest: u32,
    /// The only one that h2 heeds.
    pub(super) last: u32,
}

impl Announced {
    pub(super) fn table_size(&mut self, size: u32) {
        let lowest = self.arriving.map_or(size, |known| known.lowest.min(size));
        self.arriving = Some(TableSizes { lowest, last: size });
    }

    /// A SETTINGS frame has arrived whole.
    ///
    /// # Errors
    ///
    /// There are too many to be acknowledged.
    pub(super) fn arrived(&mut self) -> Result<(), Error> {
        if let Some(sizes) = self.arriving.take() {
            if self.waiting.len() == MAX_UNACKNOWLEDGED {
                return Err(
                    Error::new(ErrorKind::ProtocolViolation).with_detail(format!(
                        "more than {MAX_UNACKNOWLEDGED} SETTINGS at once change the header table"
                    )),
                );
            }
            self.waiting.push_back((self.arrived, sizes));
        }
        self.arrived += 1;
        Ok(())
    }

    /// h2 acknowledges the oldest one. What it said of the header table.
    pub(super) fn acknowledged(&mut self) -> Option<TableSizes> {
        let number = self.acknowledged;
        self.acknowledged += 1;
        let (waiting, sizes) = *self.waiting.front()?;
        if waiting != number {
            return None;
        }
        self.waiting.pop_front();
        Some(sizes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrive(announced: &mut Announced, sizes: &[u32]) {
        for size in sizes {
            announced.table_size(*size);
        }
        announced.arrived().unwrap();
    }

    #[test]
    fn each_acknowledgement_is_for_the_oldest() {
        let mut announced = Announced::default();
        arrive(&mut announced, &[]);
        arrive(&mut announced, &[7]);
        arrive(&mut announced, &[]);
        assert_eq!(announced.acknowledged(), None);
        arrive(&mut announced, &[4096, 0, 100]);
        let sizes = |lowest, last| Some(TableSizes { lowest, last });
        assert_eq!(announced.acknowledged(), sizes(7, 7));
        assert_eq!(announced.acknowledged(), None);
        assert_eq!(announced.acknowledged(), sizes(0, 100));
        assert!(announced.waiting.is_empty());
    }

    #[test]
    fn there_is_a_limit() {
        let mut announced = Announced::default();
        for _ in 0..MAX_UNACKNOWLEDGED {
            arrive(&mut announced, &[1]);
        }
        for _ in 0..10_000 {
            arrive(&mut announced, &[]);
        }
        announced.table_size(1);
        let error = announced.arrived().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ProtocolViolation);
    }
}
