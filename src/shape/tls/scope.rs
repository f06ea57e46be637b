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

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::profile::Profile;
    use crate::shape::tls::Resume;

    fn handshake() -> Arc<Handshake> {
        let profile = Profile::named("firefox").unwrap();
        let template = Arc::clone(profile.hello_template().unwrap());
        let host = "localhost".try_into().unwrap();
        let mut rng = StdRng::seed_from_u64(0);
        let resume = Resume::IfPossible;
        Arc::new(Handshake::new(
            template,
            &host,
            Vec::new(),
            resume,
            &mut rng,
        ))
    }

    fn is_current(handshake: &Arc<Handshake>) -> bool {
        current().is_some_and(|current| Arc::ptr_eq(&current, handshake))
    }

    #[test]
    fn the_one_before_comes_back_whatever_happens() {
        let (outer, inner) = (handshake(), handshake());
        assert!(current().is_none());
        {
            let _outer = enter(&outer);
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let _inner = enter(&inner);
                assert!(is_current(&inner));
                panic!("on purpose");
            }));
            assert!(panicked.is_err());
            assert!(is_current(&outer));
        }
        assert!(current().is_none());
        assert_eq!(Arc::strong_count(&inner), 1);
    }
}
