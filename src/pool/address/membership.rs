//! Which addresses the name service names for a host, and since when one is missing. A decision only: no socket, no clock; times are
//! the pool's, in milliseconds.

use std::net::SocketAddr;

use crate::resolve::{Families, Family};

/// Addresses remembered for one host, the present ones included. A name service that rotates through more shows each only now and then.
const MOST_REMEMBERED: usize = 256;

#[derive(Clone, Debug, Default)]
pub(in crate::pool) struct Membership {
    /// With the time when each was last named.
    members: Vec<(SocketAddr, u64)>,
    /// When the name service last said what the host has of each family.
    v6: Option<u64>,
    v4: Option<u64>,
}

impl Membership {
    /// Takes in what the name service says about `families`, and returns the newcomers. The first answer about a family has none:
    /// everything is new then. Addresses of a family about which it says nothing do not count.
    pub(super) fn named(
        &mut self,
        now: u64,
        addresses: &[SocketAddr],
        families: Families,
    ) -> Vec<SocketAddr> {
        let mut newcomers = Vec::new();
        for address in addresses {
            let family = Family::of(address.ip());
            if !families.contains(family) {
                continue;
            }
            match self
                .members
                .iter_mut()
                .find(|(member, _)| member == address)
            {
                Some((_, last)) => *last = now,
                None => {
                    self.members.push((*address, now));
                    if self.asked(family).is_some() {
                        newcomers.push(*address);
                    }
                }
            }
        }
        for family in families.iter() {
            match family {
                Family::V6 => self.v6 = Some(now),
                Family::V4 => self.v4 = Some(now),
            }
        }
        if self.members.len() > MOST_REMEMBERED {
            self.members
                .sort_by_key(|(_, last)| std::cmp::Reverse(*last));
            self.members.truncate(MOST_REMEMBERED);
        }
        newcomers
    }

    /// Whether an address that was named once has been missing for longer than `grace`. Missing from one answer of many is not gone:
    /// name services hand out a part of a large set. That nothing was learned about its family says nothing about it.
    pub(super) fn is_gone(&self, address: SocketAddr, now: u64, grace: u64) -> bool {
        let member = self.members.iter().find(|(member, _)| *member == address);
        let asked = self.asked(Family::of(address.ip()));
        member.is_some_and(|(_, last)| {
            asked.is_some_and(|asked| asked > *last) && now.saturating_sub(*last) > grace
        })
    }

    fn asked(&self, family: Family) -> Option<u64> {
        match family {
            Family::V6 => self.v6,
            Family::V4 => self.v4,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 443))
    }

    #[test]
    fn newcomers_are_those_that_were_not_named_before() {
        let mut members = Membership::default();
        assert!(
            members
                .named(0, &[address(1), address(2)], Families::BOTH)
                .is_empty()
        );
        assert_eq!(
            members.named(1, &[address(2), address(3)], Families::BOTH),
            [address(3)]
        );
        assert!(
            members
                .named(2, &[address(1), address(3)], Families::BOTH)
                .is_empty()
        );
    }

    #[test]
    fn absent_is_not_dead_until_the_grace_is_over_and_others_were_named_since() {
        let mut members = Membership::default();
        members.named(0, &[address(1), address(2)], Families::BOTH);
        assert!(
            !members.is_gone(address(1), 1_000, 100),
            "nobody has asked since"
        );
        members.named(50, &[address(2)], Families::BOTH);
        assert!(!members.is_gone(address(1), 100, 100));
        assert!(members.is_gone(address(1), 101, 100));
        assert!(!members.is_gone(address(9), 101, 100), "never named");
        members.named(102, &[address(1)], Families::BOTH);
        assert!(!members.is_gone(address(1), 150, 100));
    }

    /// What is learned of one family is nothing about the other.
    #[test]
    fn families_are_judged_apart() {
        let v6 = SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 443));
        let [only_v6, only_v4] = Family::ALL.map(|family| Families::NONE.with(family));
        let mut members = Membership::default();
        assert!(members.named(0, &[v6], only_v6).is_empty());
        let first = members.named(1, &[v6, address(1)], Families::BOTH);
        assert!(first.is_empty(), "the first that is heard of IPv4");
        members.named(1_000, &[address(1)], only_v4);
        assert!(!members.is_gone(v6, 1_000, 100), "nobody has said so");
        members.named(1_001, &[address(1)], Families::BOTH);
        assert!(members.is_gone(v6, 1_001, 100));
        assert!(
            members
                .named(2_000, &[address(7)], Families::NONE)
                .is_empty()
        );
        assert!(
            !members.is_gone(address(7), 9_000, 100),
            "a hint is no member"
        );
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_log_of_all_answers(
            answers in proptest::collection::vec((1_u64..60, proptest::collection::vec(1_u8..8, 1..6)), 1..40),
            grace in 1_u64..100,
        ) {
            let mut members = Membership::default();
            let mut log: HashMap<SocketAddr, u64> = HashMap::new();
            let mut now = 0;
            for (nth, (later, answer)) in answers.into_iter().enumerate() {
                now += later;
                let answer: Vec<_> = answer.into_iter().map(address).collect();
                let mut wanted: Vec<_> = answer.iter().copied().filter(|one| !log.contains_key(one)).collect();
                wanted.sort_unstable();
                wanted.dedup();
                if nth == 0 {
                    wanted.clear();
                }
                let mut newcomers = members.named(now, &answer, Families::BOTH);
                newcomers.sort_unstable();
                prop_assert_eq!(newcomers, wanted);
                log.extend(answer.iter().map(|one| (*one, now)));
                for (one, last) in &log {
                    prop_assert_eq!(members.is_gone(*one, now, grace), now - last > grace);
                }
            }
        }

        #[test]
        fn it_is_bounded(answers in proptest::collection::vec(proptest::collection::vec(any::<[u8; 4]>(), 1..100), 1..20)) {
            let mut members = Membership::default();
            for (now, answer) in answers.into_iter().enumerate() {
                let answer: Vec<_> = answer.into_iter().map(|ip| SocketAddr::from((ip, 443))).collect();
                members.named(now as u64, &answer, Families::BOTH);
                prop_assert!(members.members.len() <= MOST_REMEMBERED);
            }
        }
    }
}
