//! The lock of the registry and its entries, which shuttle (`--cfg shuttle`) puts its own in the
//! place of, to try the orders in which threads can come by.

#[cfg(not(all(test, shuttle)))]
pub(super) use parking_lot::RwLock;
#[cfg(all(test, shuttle))]
pub(super) use scheduled::RwLock;

#[cfg(all(test, shuttle))]
mod scheduled {
    use shuttle::sync::{RwLockReadGuard, RwLockWriteGuard};

    /// Shuttle's, locked as parking_lot's is.
    #[derive(Debug, Default)]
    pub(in crate::registry) struct RwLock<T>(shuttle::sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub(in crate::registry) fn new(value: T) -> Self {
            Self(shuttle::sync::RwLock::new(value))
        }

        pub(in crate::registry) fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().unwrap()
        }

        pub(in crate::registry) fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap()
        }
    }
}
