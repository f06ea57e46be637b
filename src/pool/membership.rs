//! Which addresses the name service names for a host, and since when one is missing. A decision only: no socket, no clock; times are
//! the pool's, in milliseconds.

use std::net::SocketAddr;

/// Addresses remembered for one host, the present ones included. A name service that rotates through more shows each only now and then.
const MOST_REMEMBERED: usize = 256;

#[derive(Clone, Debug, Default)]
pub(super) struct Membership {
    /// With the time when each was last named.
    members: Vec<(SocketAddr, u64)>,
}

impl Membership {
    /// Takes an answer in and returns the newcomers. The first answer has none: everything is new then.
    pub(super) fn named(&mut self, now: u64, addresses: &[SocketAddr]) -> Vec<SocketAddr> {
        let first = self.members.is_empty();
        let mut newcomers = Vec::new();
        for address in addresses {
            match self
                .members
                .iter_mut()
                .find(|(member, _)| member == address)
            {
                Some((_, last)) => *last = now,
                None => {
                    self.members.push((*address, now));
                    newcomers.push(*address);
                }
            }
        }
        if self.members.len() > MOST_REMEMBERED {
            self.members
                .sort_by_key(|(_, last)| std::cmp::Reverse(*last));
            self.members.truncate(MOST_REMEMBERED);
        }
        if first { Vec::new() } else { newcomers }
    }

    /// Whether an address that was named once has been missing for longer than `grace`. Missing from one answer of many is not gone:
    /// name services hand out a part of a large set.
    pub(super) fn is_gone(&self, address: SocketAddr, now: u64, grace: u64) -> bool {
        let member = self.members.iter().find(|(member, _)| *member == address);
        // Named just now means that the name service has been asked since.
        let asked = self.members.iter().map(|(_, last)| *last).max();
        member.is_some_and(|(_, last)| {
            asked.is_some_and(|asked| asked > *last) && now.saturating_sub(*last) > grace
        })
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
        assert!(members.named(0, &[address(1), address(2)]).is_empty());
        assert_eq!(members.named(1, &[address(2), address(3)]), [address(3)]);
        assert!(members.named(2, &[address(1), address(3)]).is_empty());
    }

    #[test]
    fn absent_is_not_dead_until_the_grace_is_over_and_others_were_named_since() {
        let mut members = Membership::default();
        members.named(0, &[address(1), address(2)]);
        assert!(
            !members.is_gone(address(1), 1_000, 100),
            "nobody has asked since"
        );
        members.named(50, &[address(2)]);
        assert!(!members.is_gone(address(1), 100, 100));
        assert!(members.is_gone(address(1), 101, 100));
        assert!(!members.is_gone(address(9), 101, 100), "never named");
        members.named(102, &[address(1)]);
        assert!(!members.is_gone(address(1), 150, 100));
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
                let mut newcomers = members.named(now, &answer);
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
                members.named(now as u64, &answer);
                prop_assert!(members.members.len() <= MOST_REMEMBERED);
            }
        }
    }
}
