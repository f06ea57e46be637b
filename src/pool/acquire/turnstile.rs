//! Where callers wait for what others give back: nobody passes them, and nothing that is given back escapes them.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use crate::pool::sync::{AtomicUsize, Mutex, fence};

/// Those who wait, oldest first.
pub(in crate::pool) trait Line {
    /// The way to one of them.
    type Grant;

    fn len(&self) -> usize;
    fn pop(&mut self) -> Option<Self::Grant>;
    /// False when that one was already served.
    fn remove(&mut self, id: u64) -> bool;
}

/// A line under its lock, and its length beside it.
#[derive(Debug)]
pub(in crate::pool) struct Turnstile<L> {
    /// The line's length, to be looked at without the lock.
    waiting: AtomicUsize,
    line: Mutex<L>,
}

impl<L: Line> Turnstile<L> {
    /// In front of a line where nobody waits yet.
    pub(in crate::pool) fn new(line: L) -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            line: Mutex::new(line),
        }
    }

    /// Whoever changes who waits [notes](Self::note) it before the lock is free.
    pub(in crate::pool) fn line(&self) -> &Mutex<L> {
        &self.line
    }

    pub(in crate::pool) fn note(&self, line: &L) {
        self.waiting.store(line.len(), Ordering::SeqCst);
    }

    pub(in crate::pool) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Somebody waits no more.
    pub(in crate::pool) fn leave(&self, id: u64) {
        let mut line = self.line.lock();
        if line.remove(id) {
            self.note(&line);
        }
    }

    /// Hands what `take` finds to those who wait, oldest first; `give` gives back what its receiver did not wait for.
    ///
    /// To be called by those who have just begun to wait, and by those who have just given something back while somebody
    /// [waits](Self::waiting).
    pub(in crate::pool) fn serve<T>(
        &self,
        mut take: impl FnMut() -> Option<T>,
        give: impl Fn(L::Grant, T) -> Result<(), T>,
    ) {
        let mut undelivered: Option<T> = None;
        loop {
            let (grant, found) = {
                let mut line = self.line.lock();
                if line.len() == 0 {
                    break;
                }
                // A waiter stores `waiting` and then looks at the words; a releaser changes a word and then looks at `waiting`.
                // A word that is found full is only loaded, so the order between the two needs saying.
                fence(Ordering::SeqCst);
                let Some(found) = undelivered.take().or_else(&mut take) else {
                    break;
                };
                let Some(grant) = line.pop() else { break };
                self.note(&line);
                (grant, found)
            };
            // The caller left between the two steps: the next one gets it.
            undelivered = give(grant, found).err();
        }
        // Here the lock is free again: giving it back may look at the line.
        drop(undelivered);
    }
}

/// A line of which each has a number.
#[derive(Debug)]
pub(super) struct Waiters<G> {
    waiters: VecDeque<(u64, G)>,
    next_id: u64,
}

impl<G> Default for Waiters<G> {
    fn default() -> Self {
        Self {
            waiters: VecDeque::new(),
            next_id: 0,
        }
    }
}

impl<G> Waiters<G> {
    pub(super) fn push(&mut self, grant: G) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.waiters.push_back((id, grant));
        id
    }
}

impl<G> Line for Waiters<G> {
    type Grant = G;

    fn len(&self) -> usize {
        self.waiters.len()
    }

    fn pop(&mut self) -> Option<G> {
        self.waiters.pop_front().map(|(_, grant)| grant)
    }

    fn remove(&mut self, id: u64) -> bool {
        match self.waiters.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => self.waiters.remove(at).is_some(),
            Err(_) => false,
        }
    }
}
