//! The captured fields that encoders are tried on, and how much trying there may be.

use std::sync::Arc;

use http::HeaderName;

use crate::profile::document::HpackDocument;
use crate::profile::explain::Replay;
use crate::profile::{Http2Opening, Http2Request, compile};

/// Captured fields that each trial writes anew: some forty requests of a browser, and more show nothing new.
const MAXIMUM_FIELDS: usize = 600;

/// Octets of their names and values: a browser's have some fifty each, and a few bytes of HPACK can stand for many.
const MAXIMUM_OCTETS: usize = 64 << 10;

/// Fields that all trials together write: a hundred trials of the most fields, which each client of the corpus does with.
const MAXIMUM_WRITTEN: usize = 60_000;

/// Names for which rules are sought: far more than any compiled-in profile has rules.
const MAXIMUM_NAMES: usize = 64;

pub(in crate::profile) struct Trials<'a> {
    /// Of each opening the first requests: how a block is encoded depends on those before it.
    openings: Vec<&'a [Http2Request]>,
    fields: usize,
    written: usize,
    is_whole: bool,
}

impl<'a> Trials<'a> {
    pub(in crate::profile) fn of(openings: &[&'a Http2Opening]) -> Self {
        let mut trials = Self {
            openings: Vec::new(),
            fields: 0,
            written: 0,
            is_whole: true,
        };
        let mut octets = 0;
        for opening in openings {
            let requests = opening.requests();
            let mut taken = 0;
            for request in requests {
                let lengths = request
                    .headers()
                    .map(|header| header.name.len() + header.value.len());
                let fields = trials.fields + request.headers().count();
                let sum = octets + lengths.sum::<usize>();
                if fields > MAXIMUM_FIELDS || sum > MAXIMUM_OCTETS {
                    trials.is_whole = false;
                    break;
                }
                (trials.fields, octets) = (fields, sum);
                taken += 1;
            }
            if let Some(requests) = requests.get(..taken).filter(|taken| !taken.is_empty()) {
                trials.openings.push(requests);
            }
        }
        trials
    }

    /// Whether every captured field was looked at, and every trial made that there was to make.
    pub(super) const fn are_whole(&self) -> bool {
        self.is_whole
    }

    /// How many fields the trials wrote.
    #[cfg(test)]
    pub(super) const fn written(&self) -> usize {
        self.written
    }

    /// How many fields the encoder writes as they were captured, if more than `most`; none as well once there were too many trials.
    pub(super) fn better(&mut self, hpack: &HpackDocument, most: usize) -> Option<usize> {
        if self.written >= MAXIMUM_WRITTEN {
            self.is_whole = false;
            return None;
        }
        let (mut same, mut rest) = (0, self.fields);
        self.each_field(hpack, |_, is_same| {
            rest = rest.saturating_sub(1);
            same += usize::from(is_same);
            same + rest > most
        });
        (same > most).then_some(same)
    }

    /// How many fields the encoder writes as they were captured, and how many there are.
    pub(in crate::profile) fn score(&mut self, hpack: &HpackDocument) -> (usize, usize) {
        let mut same = 0;
        self.each_field(hpack, |_, is_same| {
            same += usize::from(is_same);
            true
        });
        (same, self.fields)
    }

    /// The names of the fields that the encoder writes otherwise, as many as rules are sought for.
    pub(super) fn different(&mut self, hpack: &HpackDocument) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        self.each_field(hpack, |name, is_same| {
            let name = String::from_utf8_lossy(name);
            let plain = name.strip_prefix(':').unwrap_or(&name);
            let can_have_rule = HeaderName::from_bytes(plain.as_bytes()).is_ok();
            if !is_same && can_have_rule && !names.iter().any(|known| *known == name) {
                names.push(name.into_owned());
            }
            true
        });
        self.is_whole &= names.len() <= MAXIMUM_NAMES;
        names.truncate(MAXIMUM_NAMES);
        names
    }

    /// Tells the name of each field and whether the encoder writes it as it was captured; ends behind a request in which the answer
    /// was that it need not go on.
    fn each_field(&mut self, hpack: &HpackDocument, mut tell: impl FnMut(&[u8], bool) -> bool) {
        let Some(policy) = compile::hpack(hpack).ok().map(Arc::new) else {
            return;
        };
        for requests in &self.openings {
            let mut replay = Replay::new(&policy);
            for request in *requests {
                let written = replay.representations(request);
                let mut goes_on = true;
                for (header, written) in request.headers().zip(written) {
                    self.written += 1;
                    goes_on = tell(header.name, header.is_written(written));
                }
                if !goes_on {
                    return;
                }
            }
        }
    }
}
