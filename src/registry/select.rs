//! Finding what a selector means, in the index that leaves the least to try.

use std::ops::Bound;
use std::sync::Arc;

use tokio::time::Instant;

use super::index::Bucket;
use super::tables::Tables;
use super::{AddressGroup, ConnectionId, Entry, Registry, Selector};

impl Registry {
    /// The connections that `selector` means, oldest first.
    ///
    /// All are of one moment, in which none can open, close or change. Costs the shared lock and a
    /// trial of each connection that one index leaves: of an [`And`](Selector::And) the part that
    /// leaves fewest, of an [`Or`](Selector::Or) all parts. With a [`Not`](Selector::Not) or a
    /// property that is not looked up, alone or in an `Or`, it is every connection.
    pub fn select(&self, selector: &Selector) -> Vec<Arc<Entry>> {
        let now = Instant::now();
        let tables = self.shared.tables.read();
        let found = tables.select(selector, now);
        found.into_iter().cloned().collect()
    }

    /// How many connections `selector` means. Costs O(1) for a property that is looked up, and for
    /// what is [not](Selector::Not) that; otherwise what [`select`](Self::select) does.
    pub fn count_where(&self, selector: &Selector) -> usize {
        let now = Instant::now();
        self.shared.tables.read().count_where(selector, now)
    }

    /// The first `limit` connections that `selector` means, oldest first, of those whose id is
    /// greater than `after`.
    ///
    /// For a listing in pages give each time the last id of the page before; a page shorter than
    /// `limit` is the last. No connection is on two pages; one that is registered or changed
    /// meanwhile may be on none. Costs no more than [`select`](Self::select), and for
    /// [`Any`](Selector::Any) O(limit + log connections).
    pub fn page(
        &self,
        selector: &Selector,
        after: Option<ConnectionId>,
        limit: usize,
    ) -> Vec<Arc<Entry>> {
        let now = Instant::now();
        self.shared.tables.read().page(selector, after, limit, now)
    }
}

impl Tables {
    /// What is meant, oldest first, each once.
    pub(super) fn select(&self, selector: &Selector, now: Instant) -> Vec<&Arc<Entry>> {
        match self.narrow(selector) {
            Some(candidates) => candidates.select(selector, None, now),
            None => self
                .entries
                .values()
                .filter(|entry| fits(selector, entry, now))
                .collect(),
        }
    }

    fn count_where(&self, selector: &Selector, now: Instant) -> usize {
        match (selector, self.narrow(selector)) {
            (Selector::Any, _) => self.entries.len(),
            (Selector::Not(negated), _) => self.entries.len() - self.count_where(negated, now),
            (_, Some(candidates)) if is_key(selector) => candidates.count(),
            _ => self.select(selector, now).len(),
        }
    }

    fn page(
        &self,
        selector: &Selector,
        after: Option<ConnectionId>,
        limit: usize,
        now: Instant,
    ) -> Vec<Arc<Entry>> {
        if let Some(candidates) = self.narrow(selector) {
            // In the order of the ids about one of `entries / count` is a candidate, and `limit` of
            // them are looked for; if that is fewer steps, the candidates need not be sorted.
            let count = candidates.count();
            if count.saturating_mul(count) <= limit.saturating_mul(self.entries.len()) {
                let found = candidates.select(selector, after, now);
                return found.into_iter().take(limit).cloned().collect();
            }
        }
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.entries
            .range((after, Bound::Unbounded))
            .map(|(_, entry)| entry)
            .filter(|entry| fits(selector, entry, now))
            .take(limit)
            .cloned()
            .collect()
    }

    /// The smallest part of the indexes that holds all that is meant; `None` if that is everything.
    fn narrow(&self, selector: &Selector) -> Option<Candidates<'_>> {
        let bucket = match selector {
            Selector::Id(id) => return Some(Candidates::one(self.entries.get(id))),
            Selector::User(user) => self.by_user.bucket(user),
            Selector::Address(address) => self.by_address.bucket(address),
            Selector::Ip(ip) => self.by_address_group.bucket(&AddressGroup::from(*ip)),
            Selector::AddressGroup(group) => self.by_address_group.bucket(group),
            Selector::Host(host) => self.by_host.bucket(host),
            Selector::Protocol(protocol) => self.by_protocol.bucket(protocol),
            Selector::Direction(direction) => self.by_direction.bucket(direction),
            Selector::State(state) => self.by_state.bucket(state),
            Selector::Label(label) => self.by_label.bucket(label),
            Selector::And(all) => {
                let parts = all.iter().filter_map(|each| self.narrow(each));
                return parts.min_by_key(Candidates::count);
            }
            Selector::Or(any) => {
                let mut union = Candidates::default();
                for each in any {
                    union.append(self.narrow(each)?);
                }
                return Some(union);
            }
            Selector::Any
            | Selector::Authenticated
            | Selector::Activity(_)
            | Selector::Health(_)
            | Selector::IdleFor(_)
            | Selector::OlderThan(_)
            | Selector::Not(_) => return None,
        };
        Some(Candidates::of(bucket))
    }
}

/// Whether an index holds exactly what is meant.
fn is_key(selector: &Selector) -> bool {
    matches!(
        selector,
        Selector::Id(_)
            | Selector::User(_)
            | Selector::Address(_)
            | Selector::AddressGroup(_)
            | Selector::Host(_)
            | Selector::Protocol(_)
            | Selector::Direction(_)
            | Selector::State(_)
            | Selector::Label(_)
    )
}

fn fits(selector: &Selector, entry: &Entry, now: Instant) -> bool {
    selector.fits(entry, &entry.facts.read(), now)
}

/// Parts of the indexes. A connection may be in several of them.
#[derive(Debug, Default)]
struct Candidates<'a> {
    single: Vec<&'a Arc<Entry>>,
    buckets: Vec<&'a Bucket>,
}

impl<'a> Candidates<'a> {
    fn one(entry: Option<&'a Arc<Entry>>) -> Self {
        Self {
            single: entry.into_iter().collect(),
            buckets: Vec::new(),
        }
    }

    fn of(bucket: Option<&'a Bucket>) -> Self {
        Self {
            single: Vec::new(),
            buckets: bucket.into_iter().collect(),
        }
    }

    fn append(&mut self, mut other: Self) {
        self.single.append(&mut other.single);
        self.buckets.append(&mut other.buckets);
    }

    /// How many there are, those in several parts several times.
    fn count(&self) -> usize {
        let in_buckets: usize = self.buckets.iter().map(|bucket| bucket.len()).sum();
        self.single.len() + in_buckets
    }

    /// Those that fit, with a greater id than `after`: oldest first, each once.
    fn select(
        &self,
        selector: &Selector,
        after: Option<ConnectionId>,
        now: Instant,
    ) -> Vec<&'a Arc<Entry>> {
        let in_buckets = self.buckets.iter().flat_map(|bucket| bucket.iter());
        let candidates = self.single.iter().copied().chain(in_buckets);
        let mut found: Vec<_> = candidates
            .filter(|entry| after.is_none_or(|after| entry.id() > after))
            .filter(|entry| fits(selector, entry, now))
            .collect();
        found.sort_unstable_by_key(|entry| entry.id());
        found.dedup_by_key(|entry| entry.id());
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Direction, Draft, Protocol, Registration, State};

    fn register(registry: &Registry, protocol: Protocol) -> Registration {
        registry.register(Draft::new(Direction::Inbound, protocol))
    }

    /// How many connections are tried for a selector.
    fn tried(registry: &Registry, selector: &Selector) -> usize {
        let tables = registry.shared.tables.read();
        let narrowed = tables.narrow(selector).map(|candidates| candidates.count());
        narrowed.unwrap_or(tables.entries.len())
    }

    #[test]
    fn the_smallest_index_is_tried() {
        let registry = Registry::new();
        let kept = [(); 10].map(|()| register(&registry, Protocol::Http2));
        let (first, second) = (&kept[0], &kept[1]);
        first.add_label("red").unwrap();
        second.add_label("red").unwrap();
        second.set_host("a.example".into());

        let http2 = || Selector::Protocol(Protocol::Http2);
        let red = || Selector::Label("red".into());
        let host = || Selector::Host("a.example".into());
        let tries = |selector: Selector| tried(&registry, &selector);
        assert_eq!(tries(Selector::Any), 10);
        assert_eq!(tries(http2()), 10);
        assert_eq!(tries(http2().and(red())), 2);
        assert_eq!(tries(http2().and(red()).and(host())), 1);
        assert_eq!(tries(http2().and(red().or(host()))), 3);
        assert_eq!(tries(red().or(Selector::Authenticated)), 10);
        assert_eq!(tries(!red()), 10);
        assert_eq!(tries((!red()).and(host())), 1);
        assert_eq!(tries(Selector::State(State::Closed)), 0);
        assert_eq!(tries(Selector::Id(first.id()).or(host())), 2);
        assert_eq!(tries(Selector::And(Vec::new())), 10);
        assert_eq!(tries(Selector::Or(Vec::new())), 0);
    }

    #[test]
    fn pages_cover_each_connection_once() {
        const PAGE: usize = 3;
        let registry = Registry::new();
        let protocols = [Protocol::Tcp, Protocol::Http1, Protocol::Tcp];
        let mut kept: Vec<_> = (0..20)
            .map(|number| register(&registry, protocols[number % protocols.len()]))
            .collect();
        for selector in [
            Selector::Any,
            Selector::Protocol(Protocol::Tcp),
            Selector::Protocol(Protocol::Http1),
            !Selector::Protocol(Protocol::Tcp),
        ] {
            let all: Vec<_> = registry.select(&selector).iter().map(|e| e.id()).collect();
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let page = registry.page(&selector, after, PAGE);
                listed.extend(page.iter().map(|entry| entry.id()));
                if page.len() < PAGE {
                    break;
                }
                after = listed.last().copied();
            }
            assert_eq!(listed, all);
        }
        assert!(registry.page(&Selector::Any, None, 0).is_empty());

        // The one that the last page ended with may be gone.
        let first = registry.page(&Selector::Any, None, PAGE);
        let last = first.last().unwrap().id();
        drop(kept.remove(PAGE - 1));
        let next = registry.page(&Selector::Any, Some(last), 1);
        assert_eq!(next[0].id(), kept[PAGE - 1].id());
    }
}
