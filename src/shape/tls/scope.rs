//! Which handshake the code that runs on this thread belongs to.
//!
//! rustls calls its cryptography through `&'static` objects that know no connection. While one connection's state machine runs, its
//! [`Handshake`] is set here; nothing else sets it, and nothing is left behind.

use std::cell::RefCell;
use std::sync::Arc;

use super::handshake::Handshake;

thread_local! {
    static CURRENT: RefCell<Option<Arc<Handshake>>> = const { RefCell::new(None) };
}

/// The handshake that is under way on this thread, if it is one that is shaped.
pub(super) fn current() -> Option<Arc<Handshake>> {
    CURRENT
        .try_with(|current| current.borrow().clone())
        .unwrap_or_default()
}

/// Sets the handshake until the guard is dropped, which brings back the one before.
pub(super) fn enter(handshake: &Arc<Handshake>) -> Entered {
    let handshake = Some(Arc::clone(handshake));
    Entered(
        CURRENT
            .try_with(|current| current.replace(handshake))
            .unwrap_or_default(),
    )
}

#[must_use]
#[derive(Debug)]
pub(super) struct Entered(Option<Arc<Handshake>>);

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.0.take();
        // Dropped only after the cell is free again: a handshake's own drop may look here.
        drop(CURRENT.try_with(|current| current.replace(before)));
    }
}
