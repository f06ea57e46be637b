//! Following a configuration file.

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::reconfigure::Besides;
use crate::config::{Settings, file};
use crate::error::{Error, Result};
use crate::pool::events::PoolEvent;
use crate::pool::shared::Shared;

/// How often the file is read. It is small, so its content is compared: a changed time or size would miss what is written within one
/// tick of the file system's clock, and tell of what changed nothing.
const ROUND: Duration = Duration::from_secs(1);

/// What a round found.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Found {
    Content(Vec<u8>),
    /// Why there was nothing to read.
    Nothing(String),
}

/// A file, and what it said last.
#[derive(Debug)]
pub(in crate::pool) struct Watched {
    path: Arc<Path>,
    last: Sight,
}

/// What has been seen of the file.
#[derive(Debug)]
struct Sight {
    /// What was last acted upon, taken over or refused.
    decided: Found,
    /// What the last round found, where that is something else.
    unsettled: Option<Found>,
}

impl Sight {
    fn new(content: Vec<u8>) -> Self {
        Self {
            decided: Found::Content(content),
            unsettled: None,
        }
    }

    /// Takes in what a round found. True when it is to be acted upon: it is news, and two rounds have found the same. A file that is
    /// just being written is thus left alone, though half of it may be valid, and so is one that is gone for a moment.
    fn settles(&mut self, found: Found) -> bool {
        if found == self.decided {
            self.unsettled = None;
            return false;
        }
        if self.unsettled.as_ref() != Some(&found) {
            self.unsettled = Some(found);
            return false;
        }
        self.unsettled = None;
        self.decided = found;
        true
    }
}

impl Watched {
    /// Reads the file for the first time.
    pub(in crate::pool) fn open(path: &Path) -> Result<(Self, Settings)> {
        let content = file::read(path).map_err(|error| file::unreadable(path, &error))?;
        let settings = Settings::from_content(path, &content)?;
        let watched = Self {
            path: path.into(),
            last: Sight::new(content),
        };
        Ok((watched, settings))
    }

    /// Follows the file until the pool ends.
    pub(in crate::pool) async fn follow(mut self, pool: Weak<Shared>, ending: CancellationToken) {
        let mut rounds = interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let found = async {
                rounds.tick().await;
                self.look().await
            };
            let found = tokio::select! {
                biased;
                () = ending.cancelled() => return,
                found = found => found,
            };
            if !self.last.settles(found) {
                continue;
            }
            match pool.upgrade() {
                Some(shared) => self.act(&shared),
                None => return,
            }
        }
    }

    /// On a thread that may wait for the disk. One that waits for ever keeps that thread, not the pool.
    async fn look(&self) -> Found {
        let path = Arc::clone(&self.path);
        match spawn_blocking(move || file::read(&path)).await {
            Ok(Ok(content)) => Found::Content(content),
            Ok(Err(error)) => Found::Nothing(error.to_string()),
            Err(error) => Found::Nothing(error.to_string()),
        }
    }

    fn act(&self, shared: &Arc<Shared>) {
        if let Err(error) = self.take_over(shared) {
            let path = self.path.display();
            tracing::warn!(%path, %error, "the configuration stays as it was");
            shared.publish(|| PoolEvent::ConfigurationRefused {
                path: Arc::clone(&self.path),
                error,
            });
        }
    }

    fn take_over(&self, shared: &Arc<Shared>) -> Result<(), Error> {
        let settings = match &self.last.decided {
            Found::Content(content) => Settings::from_content(&self.path, content)?,
            Found::Nothing(fault) => return Err(file::unreadable(&self.path, fault)),
        };
        shared.change(|layers, _| {
            layers.file = settings;
            Ok(Besides::default())
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn content(number: u8) -> Found {
        Found::Content(vec![number])
    }

    #[test]
    fn news_counts_when_it_is_seen_twice() {
        let mut sight = Sight::new(vec![1]);
        let mut told = Vec::new();
        let gone = || Found::Nothing("gone".to_owned());
        for found in [
            content(1),
            content(2), // half written
            content(3),
            content(3), // told
            content(3),
            gone(), // being replaced
            content(4),
            content(3), // as it was
            content(4),
            content(4), // told
            gone(),
            gone(), // told
            gone(),
            content(4),
            content(4), // told
        ] {
            told.push(sight.settles(found));
        }
        let places = told.iter().enumerate().filter(|(_, told)| **told);
        let places: Vec<_> = places.map(|(place, _)| place).collect();
        assert_eq!(places, [3, 9, 11, 14]);
    }

    proptest! {
        #[test]
        fn what_lasts_two_rounds_is_decided_exactly_once(found in prop::collection::vec(0..3_u8, 1..60)) {
            let mut sight = Sight::new(vec![0]);
            let (mut decided, mut before) = (0, 0);
            for number in found {
                let settled = number == before && number != decided;
                prop_assert_eq!(sight.settles(content(number)), settled);
                if settled {
                    decided = number;
                }
                before = number;
            }
        }
    }
}
