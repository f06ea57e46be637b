//! One lookup for many callers.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use parking_lot::Mutex;
use tokio::time::Instant;

/// The lookups under way, by host.
///
/// A lookup belongs to those who wait for it: whichever of them is polled drives it, a caller who is dropped leaves it
/// to the others as far as it got, and when all are dropped, so is the lookup. So it needs no task.
pub(super) struct Flights<T>(Arc<Mutex<Table<T>>>);

/// A seat in a lookup under way.
pub(super) type Flight<T> = Shared<BoxFuture<'static, T>>;

struct Departed<T> {
    number: u64,
    at: Instant,
    flight: WeakShared<BoxFuture<'static, T>>,
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Table {
            started: 0,
            by_host: HashMap::new(),
        })))
    }

    /// Joins the lookup for `host` that is under way, or starts `lookup`; with the time when it was started.
    pub(super) fn join(
        &self,
        host: &Arc<str>,
        lookup: impl Future<Output = T> + Send + 'static,
    ) -> (Flight<T>, Instant) {
        let mut table = self.0.lock();
        if let Some(departed) = table.by_host.get(host)
            && let Some(flight) = departed.flight.upgrade()
        {
            return (flight, departed.at);
        }
        let at = Instant::now();
        table.started += 1;
        let landing = Landing {
            flights: Self(Arc::clone(&self.0)),
            host: Arc::clone(host),
            number: table.started,
        };
        let flight = async move {
            let _landing = landing;
            lookup.await
        }
        .boxed()
        .shared();
        if let Some(weak) = flight.downgrade() {
            let departed = Departed {
                number: table.started,
                at,
                flight: weak,
            };
            table.by_host.insert(Arc::clone(host), departed);
        }
        (flight, at)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().by_host.len()
    }
}

struct Table<T> {
    started: u64,
    by_host: HashMap<Arc<str>, Departed<T>>,
}

/// Takes a lookup off the table when it is answered or dropped, unless another one has taken its place: that one can be
/// started between the departure of the last caller and this.
struct Landing<T> {
    flights: Flights<T>,
    host: Arc<str>,
    number: u64,
}

impl<T> Drop for Landing<T> {
    fn drop(&mut self) {
        let mut table = self.flights.0.lock();
        let current = table.by_host.get(&self.host);
        if current.is_some_and(|departed| departed.number == self.number) {
            table.by_host.remove(&self.host);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use tokio_test::{assert_pending, assert_ready_eq, task};

    #[test]
    fn the_second_takes_over_where_the_first_left() {
        let flights = Flights::new();
        let host = Arc::from("a");
        let (answer, answered) = tokio::sync::oneshot::channel();
        let mut first = task::spawn(flights.join(&host, async { answered.await.unwrap() }).0);
        let mut second = task::spawn(flights.join(&host, ready(2)).0);
        assert_pending!(first.poll());
        assert_pending!(second.poll());
        drop(first);
        answer.send(1).unwrap();
        assert!(second.is_woken());
        assert_ready_eq!(second.poll(), 1);
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn a_lookup_that_nobody_waits_for_is_dropped() {
        let flights = Flights::<u8>::new();
        let host = Arc::from("a");
        let lookup = Arc::new(());
        let held = Arc::clone(&lookup);
        let flight = flights
            .join(&host, async move {
                let _held = held;
                pending().await
            })
            .0;
        let mut polled = task::spawn(flight);
        assert_pending!(polled.poll());
        assert_eq!((flights.len(), Arc::strong_count(&lookup)), (1, 2));
        drop(polled);
        assert_eq!((flights.len(), Arc::strong_count(&lookup)), (0, 1));
    }

    /// Joins again while the lookup that it is part of is being dropped.
    struct Successor {
        flights: Arc<Flights<u8>>,
        seat: Arc<Mutex<Option<Flight<u8>>>>,
    }

    impl Drop for Successor {
        fn drop(&mut self) {
            *self.seat.lock() = Some(self.flights.join(&Arc::from("a"), ready(2)).0);
        }
    }

    #[test]
    fn a_dropped_lookup_leaves_its_successor_on_the_table() {
        let flights = Arc::new(Flights::new());
        let seat = Arc::default();
        let successor = Successor {
            flights: Arc::clone(&flights),
            seat: Arc::clone(&seat),
        };
        let lookup = async move {
            let _successor = successor;
            pending().await
        };
        let mut first = task::spawn(flights.join(&Arc::from("a"), lookup).0);
        assert_pending!(first.poll());
        drop(first);
        assert_eq!(flights.len(), 1);
        let successor = seat.lock().take().unwrap();
        assert_ready_eq!(task::spawn(successor).poll(), 2);
        assert_eq!(flights.len(), 0);
    }
}
