//! What the server tells its connections and its acceptor.

use tokio::sync::watch;

use crate::registry::CloseReason;

/// The end that gives orders. Dropping it is [closing](Self::close).
#[derive(Debug)]
pub(super) struct Orders(watch::Sender<Standing>);

/// The end that obeys: one for each connection.
#[derive(Clone, Debug)]
pub(super) struct Follower {
    standing: watch::Receiver<Standing>,
    obeyed: Standing,
}

/// What a connection is to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    /// Drop everything.
    Cut,
    /// Take no more requests, end when the present ones are answered.
    Drain(CloseReason),
}

/// A state and not a message, so that a connection that is accepted late has missed nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    stage: Stage,
    /// How often those present were told to go while the server goes on.
    departures: u64,
}

#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
enum Stage {
    #[default]
    Serving,
    Draining,
    Closed,
}

impl Orders {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Standing::default()))
    }

    /// One who obeys what is ordered from now on, and what holds for good.
    pub(super) fn follower(&self) -> Follower {
        Follower::new(self.0.subscribe())
    }

    /// Those present are to drain; new ones are welcome.
    pub(super) fn drain_present(&self) {
        self.0.send_modify(|standing| standing.departures += 1);
    }

    /// Everybody is to drain, and nobody else to come.
    pub(super) fn drain(&self) {
        self.advance(Stage::Draining);
    }

    /// Everybody is to leave at once.
    pub(super) fn close(&self) {
        self.advance(Stage::Closed);
    }

    fn advance(&self, stage: Stage) {
        self.0
            .send_modify(|standing| standing.stage = standing.stage.max(stage));
    }
}

impl Follower {
    fn new(standing: watch::Receiver<Standing>) -> Self {
        let departures = standing.borrow().departures;
        Self {
            standing,
            obeyed: Standing {
                stage: Stage::Serving,
                departures,
            },
        }
    }

    /// One who has not obeyed anything yet, and was not present before now.
    pub(super) fn newcomer(&self) -> Self {
        Self::new(self.standing.clone())
    }

    /// The next order. Dropping the future loses none.
    pub(super) async fn next(&mut self) -> Order {
        let obeyed = self.obeyed;
        let is_new = |standing: &Standing| {
            standing.stage > obeyed.stage || standing.departures != obeyed.departures
        };
        let Ok(standing) = self.standing.wait_for(is_new).await.map(|new| *new) else {
            return Order::Cut;
        };
        self.obeyed = standing;
        match standing.stage {
            Stage::Serving => Order::Drain(CloseReason::LocalClose),
            Stage::Draining => Order::Drain(CloseReason::Shutdown),
            Stage::Closed => Order::Cut,
        }
    }

    /// Completes when nobody else is to come.
    pub(super) async fn closing_time(&mut self) {
        // It fails when the server is gone, which is closing time too.
        let _ = self
            .standing
            .wait_for(|standing| standing.stage > Stage::Serving)
            .await;
    }
}
