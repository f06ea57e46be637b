//! Names that are short for others: both families are looked for at the same one.

use hickory_resolver::Hosts;
use hickory_resolver::config::{ResolverConfig, ResolverOpts};
use hickory_resolver::proto::rr::Name;

use super::super::settings::name_server;
use super::*;

/// What each family's lookup of `db` comes to, with `a.test` and `b.test` to be searched, and what was asked.
async fn look_up(script: fn(&str, u16) -> Reply) -> Found {
    look_up_name("db", script).await
}

type Found = ([Result<Vec<IpAddr>, ErrorKind>; 2], Vec<(String, u16)>);

async fn look_up_name(name: &str, script: fn(&str, u16) -> Reply) -> Found {
    let server = NameServer::start(script).await;
    let search = ["a.test.", "b.test."].map(|name| Name::from_ascii(name).unwrap());
    let config = ResolverConfig::from_parts(None, search.into(), vec![name_server(server.address)]);
    let settings = Settings::new(config, ResolverOpts::default(), Hosts::default());
    let (settings, queries) = (Arc::new(settings.unwrap()), Queries::default());
    let of = |family| queries.look_up(&settings, name, family);
    let (v6, v4) = futures_util::future::join(of(Family::V6), of(Family::V4)).await;
    let brief = |answer: Result<Answer, Error>| match answer {
        Ok(answer) => Ok(answer.addresses().to_vec()),
        Err(error) => Err(error.kind()),
    };
    let mut asked = server.asked();
    asked.sort();
    ([brief(v6), brief(v4)], asked)
}

fn each(names: &[&str]) -> Vec<(String, u16)> {
    let both = |name: &&str| [A, AAAA].map(|kind| ((*name).to_owned(), kind));
    names.iter().flat_map(both).collect()
}

#[tokio::test]
async fn one_name_has_both_families_and_each_is_asked_for_once() {
    let (found, asked) = look_up(|name, kind| match (name, kind) {
        ("db.b.test", A) => Reply::Record(V4.octets().into(), 300),
        ("db.b.test", AAAA) => Reply::Record(V6.octets().into(), 300),
        _ => Reply::None(NXDOMAIN, 300),
    })
    .await;
    assert_eq!(found, [Ok(vec![V6.into()]), Ok(vec![V4.into()])]);
    assert_eq!(asked, each(&["db.a.test", "db.b.test"]));
}

/// The next name's IPv6 addresses would be another host's.
#[tokio::test]
async fn a_name_with_one_family_ends_the_search_for_the_other() {
    let (found, asked) = look_up(|name, kind| match (name, kind) {
        ("db.a.test", A) => Reply::Record(V4.octets().into(), 300),
        ("db.b.test", AAAA) => Reply::Record(V6.octets().into(), 300),
        _ => Reply::None(0, 300),
    })
    .await;
    assert_eq!(found, [Ok(Vec::new()), Ok(vec![V4.into()])]);
    assert_eq!(asked, each(&["db.a.test"]));
}

#[tokio::test]
async fn a_failure_ends_the_search() {
    let ([v6, v4], asked) = look_up(|name, kind| match (name, kind) {
        ("db.a.test", AAAA) => Reply::Failure(SERVFAIL),
        ("db.b.test", A) => Reply::Record(V4.octets().into(), 300),
        _ => Reply::None(NXDOMAIN, 300),
    })
    .await;
    let failed = Err(ErrorKind::ResolveFailed);
    assert_eq!((v6, v4), (failed.clone(), failed));
    assert!(
        asked.iter().all(|(name, _)| name == "db.a.test"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_name_with_a_trailing_dot_is_short_for_no_other() {
    let (found, asked) = look_up_name("db.", |_, _| Reply::None(NXDOMAIN, 300)).await;
    assert_eq!(found, [Ok(Vec::new()), Ok(Vec::new())]);
    assert_eq!(asked, each(&["db"]));
}

#[tokio::test]
async fn a_name_that_is_nowhere_is_asked_for_everywhere() {
    let (found, asked) = look_up(|_, _| Reply::None(NXDOMAIN, 300)).await;
    assert_eq!(found, [Ok(Vec::new()), Ok(Vec::new())]);
    assert_eq!(asked, each(&["db", "db.a.test", "db.b.test"]));
}
