//! The right to one more dial under way to a host.

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Given out in the order in which they are asked for, and given back on drop.
#[derive(Debug)]
pub(in crate::pool) struct Turns {
    semaphore: Semaphore,
    /// How many there are, given out or not.
    most: Mutex<usize>,
}

impl Turns {
    pub(super) fn new(most: usize) -> Self {
        Self {
            semaphore: Semaphore::new(most),
            most: Mutex::new(most),
        }
    }

    /// Waits for one; there may be `most`, which may be another number than before. Cancel-safe. `None` never happens: nobody closes
    /// them.
    pub(in crate::pool) async fn take(&self, most: usize) -> Option<SemaphorePermit<'_>> {
        self.allow(most);
        self.semaphore.acquire().await.ok()
    }

    /// Whether the next one waits.
    pub(in crate::pool) fn are_all_taken(&self) -> bool {
        self.semaphore.available_permits() == 0
    }

    /// From now on there may be so many. What is given out already is taken back only when it is returned: until then there are more
    /// than allowed.
    pub(in crate::pool) fn allow(&self, wanted: usize) {
        let mut most = self.most.lock();
        if wanted > *most {
            self.semaphore.add_permits(wanted - *most);
            *most = wanted;
        } else {
            *most -= self.semaphore.forget_permits(*most - wanted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_test::{assert_pending, assert_ready, task::spawn};

    #[test]
    fn they_follow_the_setting_and_come_back() {
        let turns = Turns::new(1);
        let one = assert_ready!(spawn(turns.take(1)).poll());
        let mut waiting = spawn(turns.take(1));
        assert_pending!(waiting.poll());
        assert!(turns.are_all_taken());
        // Raised: whoever waits is let through.
        let two = assert_ready!(spawn(turns.take(3)).poll());
        let three = assert_ready!(waiting.poll());
        drop((one, two, three));
        let one = assert_ready!(spawn(turns.take(1)).poll());
        assert_pending!(spawn(turns.take(1)).poll());
        drop(one);
        assert!(!turns.are_all_taken());
    }
}
