//! The atomics and the lock of what hands connections out, which shuttle (`--cfg shuttle`) puts its own in the place of, to try the
//! orders in which threads can come by.

#[cfg(not(all(test, shuttle)))]
pub(super) use parking_lot::Mutex;
#[cfg(all(test, shuttle))]
pub(super) use scheduled::Mutex;
#[cfg(all(test, shuttle))]
pub(super) use shuttle::sync::atomic::{AtomicU64, AtomicUsize, fence};
#[cfg(not(all(test, shuttle)))]
pub(super) use std::sync::atomic::{AtomicU64, AtomicUsize, fence};

#[cfg(all(test, shuttle))]
mod scheduled {
    use shuttle::sync::MutexGuard;

    /// Shuttle's, locked as parking_lot's is.
    #[derive(Debug, Default)]
    pub(in crate::pool) struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(in crate::pool) fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        pub(in crate::pool) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }
}
