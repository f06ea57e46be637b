//! What the opening announced of the connection's window before h2 did.

use super::head::MAX_31_BIT;
use crate::profile::http2::Http2Template;

/// RFC 9113 §6.9.2.
const INITIAL_WINDOW: u32 = 65_535;

/// h2 enlarges a window only by half of what it is, or more. It does so when the connection begins, before a server can have used what
/// the opening announced; less would never be told to it, and what the server then sends would be an error.
const LEAST_INCREMENT: u32 = INITIAL_WINDOW / 2;

/// The connection window that h2 has to be built with for this opening. It is what the opening announces, but for an opening that
/// announces less than 32 KiB: then h2 lets the server use up to 32 KiB more than it was told of.
pub(super) fn connection_window(template: &Http2Template) -> u32 {
    let increment = match template.connection_window_update {
        None => 0,
        Some(increment) => increment.get().max(LEAST_INCREMENT),
    };
    INITIAL_WINDOW.saturating_add(increment).min(MAX_31_BIT)
}

/// Of which h2's WINDOW_UPDATE frames for the connection have to be reduced.
#[derive(Debug)]
pub(super) struct Credit(u32);

impl Credit {
    pub(super) fn new(template: &Http2Template) -> Self {
        Self(connection_window(template) - INITIAL_WINDOW)
    }

    /// What is left of a WINDOW_UPDATE of h2's; `None`: nothing.
    pub(super) fn reduce(&mut self, increment: u32) -> Option<u32> {
        let used = increment.min(self.0);
        self.0 -= used;
        Some(increment - used).filter(|left| *left > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::templates::{chromium, okhttp};
    use super::*;
    use std::num::NonZeroU32;

    #[test]
    fn what_was_announced_is_taken_off_once() {
        let mut credit = Credit::new(&chromium());
        assert_eq!(credit.reduce(15_663_105), None);
        assert_eq!(credit.reduce(1), Some(1));

        let mut credit = Credit::new(&chromium());
        assert_eq!(credit.reduce(15_663_104), None);
        assert_eq!(credit.reduce(10), Some(9));
        assert_eq!(credit.reduce(MAX_31_BIT), Some(MAX_31_BIT));
    }

    #[test]
    fn nothing_announced_is_nothing_taken_off() {
        let mut template = okhttp();
        template.connection_window_update = None;
        assert_eq!(connection_window(&template), 65_535);
        assert_eq!(Credit::new(&template).reduce(7), Some(7));
    }

    #[test]
    fn windows_stay_within_the_protocol() {
        let mut template = okhttp();
        template.connection_window_update = NonZeroU32::new(1);
        assert_eq!(connection_window(&template), 65_535 + 32_767);
        template.connection_window_update = NonZeroU32::new(u32::MAX);
        assert_eq!(connection_window(&template), MAX_31_BIT);
    }
}
