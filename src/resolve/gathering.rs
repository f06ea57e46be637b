//! When enough of a host's answers is there to begin with: a state machine without sockets or clock.
//!
//! Both families and the HTTPS records are asked for at once, and each answer comes when it comes (RFC 8305 §3). IPv6 is enough by itself;
//! IPv4 waits a moment for IPv6, unless it is known that there is none; the address hints of records wait a moment for either
//! (RFC 9460 §7.3). What comes later is offered in addition. HTTPS records hold up nothing but a failure, which their hints may avert.

use std::time::Duration;

use tokio::time::Instant;

use super::family::{Families, Family};

/// What became of asking for one family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Finding {
    Found,
    /// The host has none.
    Empty,
    Failed,
}

/// What there is to connect to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Offer {
    pub(super) v6: bool,
    pub(super) v4: bool,
    /// Only where there is nothing else.
    pub(super) hints: bool,
    /// The HTTPS records have come, or it is known that they cannot be had.
    pub(super) records: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// Connect to these; come back at once.
    Offer(Offer),
    /// Come back with the next answer, or at that time if there is one.
    Wait(Option<Instant>),
    /// There is nothing to connect to.
    Fail,
    /// Nothing more will come.
    Done,
}

#[derive(Clone, Copy, Debug)]
enum Half {
    Pending { since: Instant },
    Settled { at: Instant, finding: Finding },
}

#[derive(Clone, Copy, Debug)]
enum Records {
    Unasked,
    Pending,
    Settled { hints_since: Option<Instant> },
}

#[derive(Clone, Debug)]
pub(super) struct Gathering {
    v6: Half,
    v4: Half,
    records: Records,
    /// The last offer, and when the first one was made.
    offered: Option<(Offer, Instant)>,
}

impl Gathering {
    /// Each family has been asked for since so long, perhaps by somebody before.
    pub(super) fn new(v6_since: Instant, v4_since: Instant, asks_records: bool) -> Self {
        Self {
            v6: Half::Pending { since: v6_since },
            v4: Half::Pending { since: v4_since },
            records: match asks_records {
                true => Records::Pending,
                false => Records::Unasked,
            },
            offered: None,
        }
    }

    /// `at` is when it came; what was known before came before the other family was asked for.
    pub(super) fn answered(&mut self, at: Instant, family: Family, finding: Finding) {
        let half = match family {
            Family::V6 => &mut self.v6,
            Family::V4 => &mut self.v4,
        };
        *half = Half::Settled { at, finding };
    }

    /// The HTTPS records are there, with or without address hints, or cannot be had.
    pub(super) fn recorded(&mut self, now: Instant, with_hints: bool) {
        self.records = Records::Settled {
            hints_since: with_hints.then_some(now),
        };
    }

    pub(super) fn step(&mut self, now: Instant) -> Step {
        let offer = self.offer();
        match self.offered {
            Some((last, begun)) if offer != last => {
                self.offered = Some((offer, begun));
                Step::Offer(offer)
            }
            Some(_) if self.settled_at().is_none() || self.awaits_records() => Step::Wait(None),
            Some(_) => Step::Done,
            None => {
                let step = self.begin(now, offer);
                if matches!(step, Step::Offer(_)) {
                    self.offered = Some((offer, now));
                }
                step
            }
        }
    }

    /// The families of which nothing has been heard.
    pub(super) fn awaited(&self) -> Families {
        self.families(|half| matches!(half, Half::Pending { .. }))
    }

    pub(super) fn awaits_records(&self) -> bool {
        matches!(self.records, Records::Pending)
    }

    /// The families of which it is known what the host has.
    pub(super) fn known(&self) -> Families {
        self.families(
            |half| matches!(half, Half::Settled { finding, .. } if *finding != Finding::Failed),
        )
    }

    /// For one who wants all there is, and no more than once: until when to wait for more than the first offer.
    pub(super) fn whole_by(&self) -> Option<Instant> {
        let (offer, begun) = self.offered?;
        let of = |half| match half {
            Half::Pending { since } => since,
            Half::Settled { at, .. } => at,
        };
        Some(match self.settled_at() {
            _ if offer.hints => begun,
            None => of(self.v6).max(of(self.v4)) + SECOND_FAMILY_DELAY,
            Some(at) if self.awaits_records() => at.max(begun) + RESOLUTION_DELAY,
            Some(_) => begun,
        })
    }

    fn families(&self, which: impl Fn(&Half) -> bool) -> Families {
        let halves = [(Family::V6, &self.v6), (Family::V4, &self.v4)];
        let chosen = halves.into_iter().filter(|(_, half)| which(half));
        chosen.fold(Families::NONE, |chosen, (family, _)| chosen.with(family))
    }

    fn begin(&self, now: Instant, offer: Offer) -> Step {
        let offer_at = |at: Instant| match now < at {
            true => Step::Wait(Some(at)),
            false => Step::Offer(offer),
        };
        if offer.v6 {
            return Step::Offer(offer);
        }
        match (self.v6, self.v4) {
            (Half::Pending { since }, Half::Settled { at, .. }) if offer.v4 => {
                return offer_at(at.max(since) + RESOLUTION_DELAY);
            }
            _ if offer.v4 => return Step::Offer(offer),
            _ => {}
        }
        match (self.settled_at(), self.records) {
            (None, Records::Settled { hints_since }) => match hints_since {
                Some(since) => offer_at(since + RESOLUTION_DELAY),
                None => Step::Wait(None),
            },
            (None, _) => Step::Wait(None),
            (Some(_), _) if offer.hints => Step::Offer(offer),
            (Some(at), Records::Pending) if now < at + RESCUE_DELAY => {
                Step::Wait(Some(at + RESCUE_DELAY))
            }
            (Some(_), _) => Step::Fail,
        }
    }

    fn offer(&self) -> Offer {
        let found = self.families(
            |half| matches!(half, Half::Settled { finding, .. } if *finding == Finding::Found),
        );
        let (v6, v4) = (found.contains(Family::V6), found.contains(Family::V4));
        let hints = matches!(
            self.records,
            Records::Settled {
                hints_since: Some(_)
            }
        );
        Offer {
            v6,
            v4,
            hints: hints && !v6 && !v4,
            records: matches!(self.records, Records::Settled { .. }),
        }
    }

    /// When it was known what becomes of both families.
    fn settled_at(&self) -> Option<Instant> {
        match (self.v6, self.v4) {
            (Half::Settled { at: one, .. }, Half::Settled { at: other, .. }) => {
                Some(one.max(other))
            }
            _ => None,
        }
    }
}

/// RFC 8305 §3: how long what may be begun with waits for what is preferred.
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// Without addresses there is nothing to begin with, and the records may know some.
const RESCUE_DELAY: Duration = Duration::from_millis(500);

/// For one who takes no second answer: how long the addresses of one family wait for those of the other, because some name servers
/// never answer queries for IPv6.
pub(super) const SECOND_FAMILY_DELAY: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
