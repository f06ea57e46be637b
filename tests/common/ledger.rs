//! A book of numbered requests, kept by those who send them and by those who process them.

use std::collections::BTreeMap;
use std::fmt;

use hotpool::{Error, ErrorKind};
use parking_lot::Mutex;

/// The header with a request's number.
pub const NUMBER: &str = "x-number";

/// The header with what its sender asked a connection for: all of a connection's requests have the same.
pub const KEY: &str = "x-key";

/// How often a request that is marked as replayable may be processed: it is sent again once.
const REPLAYED: u32 = 2;

#[derive(Debug, Default)]
pub struct Ledger {
    lines: Mutex<BTreeMap<u64, Line>>,
    /// What servers processed that nobody sent.
    strays: Mutex<Vec<String>>,
}

#[derive(Debug, Default)]
struct Line {
    replayable: bool,
    /// By servers.
    processed: u32,
    outcome: Option<Outcome>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    Completed,
    Failed {
        kind: ErrorKind,
        sent: bool,
        retryable: bool,
    },
    GivenUp,
}

/// What became of all requests.
#[derive(Debug, Default)]
pub struct Balance {
    pub issued: usize,
    pub completed: usize,
    pub given_up: usize,
    /// By the error's stable name.
    pub failed: BTreeMap<&'static str, usize>,
    /// Those processed twice, which all of them were allowed to be.
    pub replayed: usize,
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed: usize = self.failed.values().sum();
        write!(
            f,
            "{} issued: {} completed, {failed} failed, {} given up; {} replayed; {:?}",
            self.issued, self.completed, self.given_up, self.replayed, self.failed
        )
    }
}

impl Ledger {
    /// A request that is about to be sent. Given up, unless something else is said about it.
    pub fn issue(&self, replayable: bool) -> Issued<'_> {
        let mut lines = self.lines.lock();
        let number = lines.len() as u64;
        lines.insert(
            number,
            Line {
                replayable,
                ..Line::default()
            },
        );
        Issued {
            ledger: self,
            number,
        }
    }

    /// A server begins to process a request, by its number in text.
    pub fn process(&self, number: &str) {
        let known = number.parse().ok();
        let mut lines = self.lines.lock();
        match known.and_then(|number: u64| lines.get_mut(&number)) {
            Some(line) => line.processed += 1,
            None => self.strays.lock().push(format!("nobody sent {number:?}")),
        }
    }

    /// A request came by a connection whose first one was for `first`.
    pub fn belongs(&self, first: &mut Option<String>, key: &str) {
        let first = first.get_or_insert_with(|| key.to_owned());
        if first != key {
            let stray = format!("a connection for {first} was given a request for {key}");
            self.strays.lock().push(stray);
        }
    }

    /// What must not have happened up to now; the books need not be closed.
    pub fn faults(&self) -> Vec<String> {
        let lines = self.lines.lock();
        let faulty = lines.iter().filter_map(|(number, line)| {
            let fault = line.fault()?;
            Some(format!("request {number}: {fault}: {line:?}"))
        });
        faulty.chain(self.strays.lock().iter().cloned()).collect()
    }

    /// The sums, once everything has ended.
    #[track_caller]
    pub fn close(&self) -> Balance {
        let faults = self.faults();
        assert!(faults.is_empty(), "{faults:#?}");
        let lines = self.lines.lock();
        let mut balance = Balance {
            issued: lines.len(),
            ..Balance::default()
        };
        for line in lines.values() {
            balance.replayed += usize::from(line.processed > 1);
            match line.outcome {
                Some(Outcome::Completed) => balance.completed += 1,
                Some(Outcome::GivenUp) => balance.given_up += 1,
                Some(Outcome::Failed { kind, .. }) => {
                    *balance.failed.entry(kind.as_str()).or_default() += 1;
                }
                None => panic!("a request without an outcome: {line:?}"),
            }
        }
        let failed: usize = balance.failed.values().sum();
        assert_eq!(
            balance.issued,
            balance.completed + failed + balance.given_up
        );
        balance
    }

    fn end(&self, number: u64, outcome: Outcome) {
        let mut lines = self.lines.lock();
        let line = lines.get_mut(&number).unwrap();
        assert_eq!(line.outcome, None, "request {number} ended twice");
        line.outcome = Some(outcome);
    }
}

impl Line {
    fn fault(&self) -> Option<&'static str> {
        let most = if self.replayable { REPLAYED } else { 1 };
        match self.outcome {
            _ if self.processed > most => Some("processed too often"),
            Some(Outcome::Completed) if self.processed == 0 => Some("answered, never processed"),
            Some(Outcome::Failed { sent: false, .. }) if self.processed > 0 => {
                Some("processed, but said to be unsent")
            }
            Some(Outcome::Failed {
                retryable: true, ..
            }) if self.processed > 0 => Some("processed, but said to be safe to try again"),
            _ => None,
        }
    }
}

/// A request under way.
#[derive(Debug)]
pub struct Issued<'a> {
    ledger: &'a Ledger,
    pub number: u64,
}

impl Issued<'_> {
    pub fn complete(self) {
        self.ends(Outcome::Completed);
    }

    pub fn fail(self, error: &Error) {
        self.ends(Outcome::Failed {
            kind: error.kind(),
            sent: error.was_sent(),
            retryable: error.is_retryable(),
        });
    }

    fn ends(self, outcome: Outcome) {
        self.ledger.end(self.number, outcome);
        std::mem::forget(self);
    }
}

impl Drop for Issued<'_> {
    fn drop(&mut self) {
        self.ledger.end(self.number, Outcome::GivenUp);
    }
}
