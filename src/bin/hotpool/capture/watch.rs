//! Watches the connections of the listener, and says what each has sent.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use hotpool::profile::HelloError;
use hotpool::registry::{ConnectionId, Entry, Protocol};
use hotpool::server::{Layer, Observer};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::seen::{Caught, Progress, Seen};

/// Events that wait to be dealt with: each connection has three, and writing a profile anew takes longer than a handshake.
const BACKLOG: usize = 512;

/// What happened to a connection.
#[derive(Debug)]
pub(super) enum Event {
    /// Its first hello is there.
    Hello,
    /// Its first request is there.
    Request,
    /// Nothing more of interest is to come.
    Settled(Settled),
}

#[derive(Debug)]
pub(super) struct Settled {
    /// The client's address.
    pub(super) from: String,
    /// None if it sent nothing.
    pub(super) outcome: Option<Result<Box<Caught>, HelloError>>,
    /// Whether it shook hands and left without a request: browsers open connections that they may not need.
    pub(super) is_spare: bool,
}

#[derive(Debug)]
pub(super) struct Watch {
    /// None for those that have been told of.
    present: Mutex<HashMap<ConnectionId, Option<Watched>>>,
    events: mpsc::Sender<Event>,
    lost: AtomicU64,
}

#[derive(Debug)]
struct Watched {
    from: String,
    seen: Seen,
}

impl Watch {
    pub(super) fn new() -> (Self, mpsc::Receiver<Event>) {
        let (events, receiver) = mpsc::channel(BACKLOG);
        let watch = Self {
            present: Mutex::default(),
            events,
            lost: AtomicU64::new(0),
        };
        (watch, receiver)
    }

    /// A connection that has sent a request is not waited for any longer.
    pub(super) fn settle_request(&self) -> Option<Settled> {
        self.settle_one(|watched| watched.seen.has_request())
    }

    /// Nor is one that has sent its hello.
    pub(super) fn settle_hello(&self) -> Option<Settled> {
        self.settle_one(|watched| watched.seen.has_hello())
    }

    fn settle_one(&self, is_wanted: impl Fn(&Watched) -> bool) -> Option<Settled> {
        let mut present = self.present.lock();
        let mut wanted = present
            .values_mut()
            .filter(|watched| watched.as_ref().is_some_and(&is_wanted));
        wanted.next()?.take().map(|watched| watched.settle(false))
    }

    /// How many connections came too fast to be dealt with.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn tell(&self, event: Event) {
        let is_settled = matches!(event, Event::Settled(_));
        if self.events.try_send(event).is_err() && is_settled {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Observer for Watch {
    fn received(&self, connection: &Entry, layer: Layer, bytes: &[u8]) {
        let mut present = self.present.lock();
        let slot = present
            .entry(connection.id())
            .or_insert_with(|| Some(Watched::new(connection)));
        let Some(watched) = slot else {
            return;
        };
        if layer == Layer::Plain {
            match watched.seen.add_plain(bytes) {
                Progress::More => {}
                Progress::Request => self.tell(Event::Request),
                Progress::Full => {
                    if let Some(watched) = slot.take() {
                        self.tell(Event::Settled(watched.settle(false)));
                    }
                }
            }
        } else if watched.seen.add_wire(bytes) {
            self.tell(Event::Hello);
        }
    }

    fn ended(&self, connection: &Entry) {
        let removed = self.present.lock().remove(&connection.id());
        if let Some(watched) = removed.unwrap_or_else(|| Some(Watched::new(connection))) {
            let shook_hands = connection.protocol() != Protocol::Tls;
            let is_spare = shook_hands && !watched.seen.has_request();
            self.tell(Event::Settled(watched.settle(is_spare)));
        }
    }
}

impl Watched {
    fn new(connection: &Entry) -> Self {
        let from = connection.remote_addr();
        Self {
            from: from.map_or_else(|| "somebody".to_owned(), |address| address.to_string()),
            seen: Seen::default(),
        }
    }

    fn settle(self, is_spare: bool) -> Settled {
        Settled {
            is_spare,
            from: self.from,
            outcome: self.seen.finish().map(|caught| caught.map(Box::new)),
        }
    }
}
