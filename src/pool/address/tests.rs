//! The book against a model that counts: whatever dials do, every place comes back.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::DialPolicy;
use crate::dial::{AddressPermit, AddressPolicy};
use crate::error::{Error, ErrorKind};
use crate::pool::Pool;
use crate::resolve::Families;

const MOST: usize = 4;
const MOST_DIALS: usize = 2;

fn address(number: u8) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, number], 443))
}

#[derive(Clone, Debug)]
enum Step {
    Begin { host: usize, address: u8 },
    Open(usize),
    Fail(usize, bool),
    Drop(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..2_usize, 1..3_u8).prop_map(|(host, address)| Step::Begin { host, address }),
        3 => (0..8_usize).prop_map(Step::Open),
        1 => (0..8_usize, any::<bool>()).prop_map(|(at, tls)| Step::Fail(at, tls)),
        2 => (0..8_usize).prop_map(Step::Drop),
    ];
    prop::collection::vec(step, 0..60)
}

struct Dial {
    policy: DialPolicy,
    address: SocketAddr,
    under_way: bool,
    _place: AddressPermit,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_place_comes_back(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let pool = {
            let _inside = runtime.enter();
            Pool::builder()
                .max_connections_per_address(MOST)
                .max_dials_per_address(MOST_DIALS)
                // Probation has its own test.
                .blacklist_after(1_000)
                .build()
                .unwrap()
        };
        let hosts = ["one.example", "two.example"].map(|host| pool.host_pool(&host).unwrap());
        let book = &pool.shared().book;
        let mut dials: Vec<Dial> = Vec::new();
        for step in steps {
            match step {
                Step::Begin { host, address: number } => {
                    let address = address(number);
                    let there = dials.iter().filter(|dial| dial.address == address);
                    let (taken, under_way) = there.fold((0, 0), |(taken, under_way), dial| {
                        (taken + 1, under_way + usize::from(dial.under_way))
                    });
                    let policy = DialPolicy::new(&hosts[host], pool.config(), true);
                    match policy.begin(address) {
                        Ok(place) => {
                            prop_assert!(taken < MOST && under_way < MOST_DIALS);
                            dials.push(Dial { policy, address, under_way: true, _place: place });
                        }
                        Err(error) => {
                            prop_assert_eq!(error.kind(), ErrorKind::LimitReached);
                            let limit = if taken == MOST {
                                "max_connections_per_address: 4 of 4"
                            } else {
                                prop_assert_eq!(under_way, MOST_DIALS);
                                "max_dials_per_address: 2 of 2"
                            };
                            prop_assert!(error.to_string().contains(limit), "{}", error);
                        }
                    }
                }
                Step::Open(at) => {
                    if let Some(dial) = dials.get_mut(at).filter(|dial| dial.under_way) {
                        dial.policy.ended(dial.address, Ok(Duration::from_millis(3)));
                        // What is told twice counts once.
                        dial.policy.ended(dial.address, Ok(Duration::from_millis(3)));
                        dial.under_way = false;
                    }
                }
                Step::Fail(at, tls) => {
                    if let Some(dial) = dials.get_mut(at).filter(|dial| dial.under_way) {
                        let kind = if tls { ErrorKind::TlsFailed } else { ErrorKind::ConnectRefused };
                        dial.policy.ended(dial.address, Err(&Error::new(kind)));
                        dials.swap_remove(at);
                    }
                }
                Step::Drop(at) => {
                    if at < dials.len() {
                        dials.swap_remove(at);
                    }
                }
            }
            let mut model: HashMap<SocketAddr, (usize, usize)> = HashMap::new();
            for dial in &dials {
                let (taken, under_way) = model.entry(dial.address).or_default();
                *taken += 1;
                *under_way += usize::from(dial.under_way);
            }
            for number in 1..3 {
                let address = address(number);
                prop_assert_eq!(book.used(address), model.get(&address).copied().unwrap_or_default());
            }
        }
        drop(dials);
        prop_assert_eq!(book.used(address(1)), (0, 0));
        prop_assert_eq!(book.used(address(2)), (0, 0));
    }
}

/// A pool with one host, whose addresses fail when told.
fn host_of(after: usize) -> (Pool, impl Fn(bool) -> DialPolicy) {
    let pool = Pool::builder()
        .blacklist_after(after)
        .blacklist_term(Duration::from_secs(10))
        .build()
        .unwrap();
    let host = pool.host_pool(&"example.com").unwrap();
    let config = pool.config();
    (pool, move |urgent| {
        DialPolicy::new(&host, Arc::clone(&config), urgent)
    })
}

fn order(policy: &DialPolicy) -> Vec<SocketAddr> {
    policy
        .order([1, 2, 3].map(address).into(), Families::BOTH)
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_address_that_never_answers_is_listed_though_it_loses_every_race() {
    let (pool, dial) = host_of(2);
    for _ in 0..2 {
        let dial = dial(true);
        let slow = dial.begin(address(1)).unwrap();
        tokio::time::advance(Duration::from_secs(3)).await;
        drop(slow);
    }
    let listed = pool.blacklist().list();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0].failures, 2);
    assert_eq!(order(&dial(true)), [2, 3].map(address));
}

#[tokio::test(start_paused = true)]
async fn one_that_lost_a_race_soon_is_only_slower() {
    let (pool, dial) = host_of(1);
    let winner = dial(true);
    let (slow, fast) = (
        winner.begin(address(1)).unwrap(),
        winner.begin(address(2)).unwrap(),
    );
    tokio::time::advance(Duration::from_millis(300)).await;
    winner.ended(address(2), Ok(Duration::from_millis(20)));
    drop((slow, fast));
    assert!(pool.blacklist().list().is_empty());
    // Proven and measured.
    assert_eq!(order(&dial(true))[0], address(2));
}

#[tokio::test(start_paused = true)]
async fn probation_is_one_connection_that_an_unhurried_dial_makes() {
    let (pool, dial) = host_of(1);
    let failing = dial(true);
    let place = failing.begin(address(1)).unwrap();
    failing.ended(address(1), Err(&ErrorKind::ConnectRefused.into()));
    drop(place);
    assert_eq!(order(&dial(true)), [2, 3].map(address));
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(pool.blacklist().list()[0].is_on_probation());
    // Those who wait come to it last.
    assert_eq!(order(&dial(true)), [2, 3, 1].map(address));
    let probe = dial(false);
    let place = probe.begin(address(1)).unwrap();
    assert_eq!(order(&dial(false)).len(), 2);
    let error = dial(false).begin(address(1)).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitReached);
    assert!(error.to_string().contains("probation"), "{error}");
    // Overtaken in spite of its head start.
    tokio::time::advance(Duration::from_millis(260)).await;
    drop(place);
    let listed = pool.blacklist().list();
    assert_eq!((listed[0].terms, listed[0].is_on_probation()), (2, false));
    tokio::time::advance(Duration::from_secs(20)).await;
    let probe = dial(false);
    let _place = probe.begin(address(1)).unwrap();
    probe.ended(address(1), Ok(Duration::from_millis(20)));
    assert!(pool.blacklist().list().is_empty());
}

#[tokio::test(start_paused = true)]
async fn when_all_are_listed_each_gets_its_turn_and_those_listed_by_hand_none() {
    let (pool, dial) = host_of(1);
    let network: std::net::IpAddr = address(3).ip();
    pool.blacklist().add(network, None).unwrap();
    for number in [1, 2] {
        let dial = dial(true);
        let _place = dial.begin(address(number)).unwrap();
        dial.ended(address(number), Err(&ErrorKind::ConnectRefused.into()));
    }
    let mut tried = HashMap::new();
    for _ in 0..6 {
        let dial = dial(true);
        let [only] = order(&dial)[..] else { panic!() };
        let _place = dial.begin(only).unwrap();
        dial.ended(only, Err(&ErrorKind::ConnectRefused.into()));
        *tried.entry(only).or_insert(0) += 1;
    }
    assert_eq!(tried, HashMap::from([(address(1), 3), (address(2), 3)]));
    assert_eq!(pool.blacklist().list().len(), 3);
    let by_hand = dial(true).order(vec![address(3)], Families::BOTH).unwrap();
    assert_eq!(by_hand, [address(3)], "rather than none");
}
