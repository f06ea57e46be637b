//! By example, and against a model that looks at each rule.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn what_is_denied_is_denied_even_where_it_is_allowed() {
    for list in [
        AccessList::deny_all(),
        AccessList::allow_all().allow("10.1.2.3").unwrap(),
    ] {
        let list = list.allow("10.0.0.0/8").unwrap();
        let list = list.deny("10.1.0.0/16").unwrap();
        assert!(list.permits(address("10.2.0.1")));
        assert!(!list.permits(address("10.1.2.3")));
    }
    assert!(AccessList::allow_all().permits_all());
    assert!(AccessList::allow_all().permits(address("::1")));
    assert!(!AccessList::deny_all().permits(address("::1")));
}

#[test]
fn ipv4_in_ipv6_is_judged_as_ipv4() {
    let list = AccessList::allow_all().deny("127.0.0.0/8").unwrap();
    assert!(!list.permits(address("::ffff:127.0.0.1")));
    let list = AccessList::allow_all().deny("::ffff:7f00:0/104").unwrap();
    assert!(!list.permits(address("127.0.0.1")));
    let list = AccessList::deny_all().allow("::/0").unwrap();
    assert!(list.permits(address("2001:db8::1")));
    assert!(!list.permits(address("192.0.2.1")) && !list.permits(address("::ffff:192.0.2.1")));
}

/// A gateway of NAT64 would connect to the IPv4 address within.
#[test]
fn what_is_denied_in_ipv4_is_denied_behind_nat64() {
    let public = AccessList::public_only();
    for denied in [
        "64:ff9b::10.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
    ] {
        assert!(!public.permits(address(denied)), "{denied}");
    }
    assert!(public.permits(address("64:ff9b::8.8.8.8")));
    let list = AccessList::deny_all().allow("64:ff9b::/96").unwrap();
    assert!(
        list.permits(address("64:ff9b::10.0.0.1")),
        "IPv4 is denied by default alone"
    );
    let list = list.deny("10.0.0.0/8").unwrap();
    let refusal = list.refusal(address("64:ff9b::10.0.0.1")).unwrap();
    assert_eq!(refusal.to_string(), "10.0.0.0/8 is denied");
}

#[test]
fn named_ranges_are_as_the_registries_say() {
    let public = AccessList::public_only();
    for denied in [
        "127.8.9.1",
        "::1",
        "10.255.255.255",
        "172.31.0.1",
        "192.168.0.1",
        "fd00::1",
        "169.254.169.254",
        "fe80::1",
        "febf::1",
        "100.64.0.1",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "0.0.0.0",
        "::",
    ] {
        assert!(!public.permits(address(denied)), "{denied}");
    }
    for allowed in [
        "172.32.0.1",
        "100.128.0.1",
        "2001:db8::1",
        "fec0::1",
        "8.8.8.8",
    ] {
        assert!(public.permits(address(allowed)), "{allowed}");
    }
    for range in NamedRange::ALL {
        let by_name = AccessList::allow_all().deny(range.as_str()).unwrap();
        assert_eq!(by_name, AccessList::allow_all().deny_range(*range));
    }
}

#[test]
fn faults_name_the_entry() {
    for rule in [
        "deny 10.0.0.0/33",
        "allow example.com",
        "deny 10.0.0",
        "deny",
        "refuse 10.0.0.1",
        "default perhaps",
        "allow lookback",
    ] {
        let error = AccessList::parse(["deny ::1", rule]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
        let entry = rule.split_once(' ').map_or(rule, |(_, entry)| entry);
        assert!(error.to_string().contains(entry), "{rule}: {error}");
    }
    assert!("default deny, default allow".parse::<AccessList>().is_err());
    assert!(AccessList::allow_all().deny("").is_err());
}

#[test]
fn a_refusal_says_what_refuses() {
    let list = AccessList::deny_all().deny("10.1.2.3/8").unwrap();
    let refusal = |text| list.refusal(address(text)).unwrap().to_string();
    assert_eq!(refusal("::ffff:10.0.0.1"), "10.0.0.0/8 is denied");
    assert_eq!(refusal("11.0.0.1"), "it is not among those allowed");
}

/// Few bits differ, so that networks and addresses often meet.
fn any_address() -> impl Strategy<Value = IpAddr> {
    let v4 = (any::<[bool; 4]>(), any::<u8>()).prop_map(|(high, low)| {
        let byte = |bit: bool| if bit { 10 } else { 138 };
        Ipv4Addr::new(byte(high[0]), byte(high[1]), byte(high[2]), low)
    });
    let v6 = (any::<bool>(), 0_u16..3, any::<u16>()).prop_map(|(first, middle, last)| {
        let first = if first { 0x2001 } else { 0 };
        Ipv6Addr::new(first, 0, 0, middle, 0, 0, 0, last)
    });
    prop_oneof![
        v4.clone().prop_map(IpAddr::V4),
        v4.prop_map(|v4| IpAddr::V6(v4.to_ipv6_mapped())),
        v6.prop_map(IpAddr::V6),
    ]
}

fn any_network() -> impl Strategy<Value = (IpAddr, u8)> {
    (any_address(), 0_u8..=128).prop_map(|(address, prefix)| match address {
        IpAddr::V4(_) => (address, prefix % 33),
        IpAddr::V6(_) => (address, prefix),
    })
}

/// Bit by bit, without what `ipnet` knows.
fn covers((network, prefix): (IpAddr, u8), address: IpAddr) -> bool {
    let (network, prefix) = match (network.to_canonical(), prefix.checked_sub(96)) {
        (v4 @ IpAddr::V4(_), Some(prefix)) if network.is_ipv6() => (v4, prefix),
        _ => (network, prefix),
    };
    match (network, address.to_canonical()) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            (0..prefix).all(|bit| (one.to_bits() ^ other.to_bits()) >> (31 - bit) & 1 == 0)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            (0..prefix).all(|bit| (one.to_bits() ^ other.to_bits()) >> (127 - bit) & 1 == 0)
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn judges_as_a_list_of_rules_does(
        denies_others: bool,
        rules in proptest::collection::vec((any::<bool>(), any_network()), 0..20),
        addresses in proptest::collection::vec(any_address(), 1..20),
    ) {
        let mut list = match denies_others {
            true => AccessList::deny_all(),
            false => AccessList::allow_all(),
        };
        for (allow, (network, prefix)) in &rules {
            let entry = format!("{network}/{prefix}");
            list = if *allow { list.allow(&entry) } else { list.deny(&entry) }.unwrap();
        }
        for address in addresses {
            let is_in = |wanted: bool| {
                rules.iter().any(|(allow, network)| *allow == wanted && covers(*network, address))
            };
            let permitted = !is_in(false) && (is_in(true) || !denies_others);
            prop_assert_eq!(list.permits(address), permitted, "{} in {}", address, list);
        }
        let again: AccessList = list.to_string().parse().unwrap();
        prop_assert_eq!(again, list);
    }
}
