//! A name service that answers for each family by itself, on paused time.

use std::collections::HashMap;
use std::net::Ipv6Addr;

use super::*;
use crate::resolve::{Families, Family, Service, Services};

const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
const V4: IpAddr = ADDRESS;
const MINUTE: Duration = Duration::from_secs(60);

/// Milliseconds until the answer, and the answer; `None` is silence.
type Script = Option<(u64, Result<Answer, ErrorKind>)>;

/// Each family's script, which can be exchanged, and what was asked.
#[derive(Debug, Default)]
struct Apart {
    scripts: Mutex<HashMap<Family, Script>>,
    asked: Mutex<Vec<Family>>,
    services: Mutex<Option<u64>>,
}

impl Apart {
    fn set(&self, family: Family, script: Script) {
        self.scripts.lock().insert(family, script);
    }

    fn asked(&self) -> Vec<Family> {
        std::mem::take(&mut self.asked.lock())
    }
}

impl Resolve for Apart {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer, Error>> {
        unreachable!("it is asked for each family")
    }

    fn tells_families_apart(&self) -> bool {
        true
    }

    fn resolve_family<'a>(
        &'a self,
        _: &'a str,
        family: Family,
    ) -> BoxFuture<'a, Result<Answer, Error>> {
        async move {
            self.asked.lock().push(family);
            let script = self.scripts.lock().get(&family).cloned().flatten();
            let Some((delay, answer)) = script else {
                return std::future::pending().await;
            };
            // Which of the answers comes first is what is tested.
            sleep(Duration::from_millis(delay)).await;
            answer.map_err(Error::new)
        }
        .boxed()
    }

    fn services<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, Result<Services, Error>> {
        async move {
            let delay = *self.services.lock();
            let Some(delay) = delay else {
                return std::future::pending().await;
            };
            // As above.
            sleep(Duration::from_millis(delay)).await;
            let service = Service {
                priority: 1,
                protocols: vec!["h2".into()],
                ..Service::default()
            };
            Ok(Services::new([service], MINUTE))
        }
        .boxed()
    }
}

fn apart(v6: Script, v4: Script) -> (Resolver, Arc<Apart>) {
    let service = Arc::new(Apart::default());
    service.set(Family::V6, v6);
    service.set(Family::V4, v4);
    let upstream = Arc::clone(&service) as Arc<dyn Resolve>;
    (Resolver::builder().upstream(upstream).build(), service)
}

fn found(delay: u64, address: IpAddr, valid_for: Duration) -> Script {
    Some((delay, Ok(Answer::new([address], valid_for))))
}

fn none(delay: u64) -> Script {
    Some((delay, Ok(Answer::none(MINUTE))))
}

fn failure(delay: u64) -> Script {
    Some((delay, Err(ErrorKind::ResolveFailed)))
}

fn ips(resolved: &Resolved) -> Vec<IpAddr> {
    resolved.addresses().iter().map(SocketAddr::ip).collect()
}

/// When which addresses were handed over, in milliseconds.
async fn course(resolver: &Resolver, by_https: bool) -> Vec<(u128, Vec<IpAddr>)> {
    let began = Instant::now();
    let mut lookup = resolver.begin("a", 443, by_https).unwrap();
    let mut course = Vec::new();
    while let Some(resolved) = lookup.next().await {
        course.push((began.elapsed().as_millis(), ips(&resolved.unwrap())));
    }
    course
}

#[tokio::test(start_paused = true)]
async fn each_family_is_handed_over_when_it_is_there() {
    for (v6, v4, wanted) in [
        (10, 30, vec![(10, vec![V6]), (30, vec![V6, V4])]),
        (30, 10, vec![(30, vec![V6, V4])]),
        (200, 10, vec![(60, vec![V4]), (200, vec![V6, V4])]),
    ] {
        let (resolver, service) = apart(found(v6, V6, MINUTE), found(v4, V4, MINUTE));
        assert_eq!(course(&resolver, false).await, wanted);
        assert_eq!(course(&resolver, false).await, [(0, vec![V6, V4])], "known");
        assert_eq!(service.asked().len(), 2);
    }
}

/// Neither the absence of a record nor its silence takes any time.
#[tokio::test(start_paused = true)]
async fn records_hold_up_no_connection() {
    let (resolver, service) = apart(found(10, V6, MINUTE), none(10));
    *service.services.lock() = Some(400);
    let began = Instant::now();
    let mut lookup = resolver.begin("a", 443, true).unwrap();
    let first = lookup.next().await.unwrap().unwrap();
    assert_eq!(
        (began.elapsed().as_millis(), first.speaks("h2")),
        (10, None)
    );
    let second = lookup.next().await.unwrap().unwrap();
    assert_eq!(began.elapsed().as_millis(), 400);
    assert_eq!(second.speaks("h2"), Some(true));
    assert!(lookup.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_silent_family_is_waited_for_once() {
    let (resolver, service) = apart(None, found(10, V4, MINUTE));
    let mut first = resolver.begin("a", 443, false).unwrap();
    let began = Instant::now();
    assert_eq!(ips(&first.next().await.unwrap().unwrap()), [V4]);
    assert_eq!(began.elapsed().as_millis(), 60);
    first.park();
    drop(first);
    let began = Instant::now();
    let mut second = resolver.begin("a", 443, false).unwrap();
    let resolved = second.next().await.unwrap().unwrap();
    assert_eq!(ips(&resolved), [V4]);
    assert_eq!(resolved.families(), Families::NONE.with(Family::V4));
    assert_eq!(began.elapsed().as_millis(), 0);
    assert_eq!(service.asked(), Family::ALL, "once each");
}

#[tokio::test(start_paused = true)]
async fn who_wants_all_at_once_waits_half_a_second_for_the_other_family() {
    for (v6, taken, wanted) in [
        (found(300, V6, MINUTE), 300, vec![V6, V4]),
        (none(300), 300, vec![V4]),
        (failure(300), 300, vec![V4]),
        (None, 510, vec![V4]),
    ] {
        let (resolver, _) = apart(v6, found(10, V4, MINUTE));
        for taken in [taken, 0] {
            let began = Instant::now();
            let resolved = resolver.look_up("a", 443).await.unwrap();
            assert_eq!(
                (began.elapsed().as_millis(), ips(&resolved)),
                (taken, wanted.clone())
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_family_has_its_own_time_to_live() {
    let (resolver, service) = apart(found(1, V6, MINUTE), found(1, V4, 5 * MINUTE));
    resolver.look_up("a", 443).await.unwrap();
    assert_eq!(service.asked(), Family::ALL);
    advance(MINUTE).await;
    let resolved = resolver.look_up("a", 443).await.unwrap();
    assert_eq!(service.asked(), [Family::V6]);
    assert_eq!(resolved.valid_until(), Some(Instant::now() + MINUTE));
    assert_eq!(resolver.cached(), 1);
}

/// RFC 2308: that there is no address of a family is remembered as long as its zone says, whatever the other does.
#[tokio::test(start_paused = true)]
async fn the_absence_of_one_family_is_remembered_and_is_not_the_hosts() {
    let (resolver, service) = apart(none(1), found(1, V4, 5 * MINUTE));
    for asked in [&Family::ALL[..], &[], &[Family::V6]] {
        assert_eq!(ips(&resolver.look_up("a", 443).await.unwrap()), [V4]);
        assert_eq!(service.asked(), asked);
        advance(MINUTE / 2).await;
    }
    service.set(Family::V4, none(1));
    advance(5 * MINUTE).await;
    let error = resolver.look_up("a", 443).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HostNotFound);
}

/// RFC 8767: what has run out is used while its servers fail, and the fresh other one with it.
#[tokio::test(start_paused = true)]
async fn a_family_that_fails_is_stale_and_not_absent() {
    let (resolver, service) = apart(found(1, V6, MINUTE), found(1, V4, 5 * MINUTE));
    resolver.look_up("a", 443).await.unwrap();
    for script in [failure(1), None] {
        service.set(Family::V6, script);
        advance(MINUTE).await;
        let resolved = resolver.look_up("a", 443).await.unwrap();
        assert_eq!(ips(&resolved), [V6, V4]);
        assert_eq!(resolved.families(), Families::BOTH);
        assert!(!resolved.is_stale(), "one of them is fresh");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_both_is_one_and_a_failure_of_one_is_no_absence() {
    for (v6, v4, kind) in [
        (failure(1), failure(1), ErrorKind::ResolveFailed),
        (failure(1), none(1), ErrorKind::ResolveFailed),
        (none(1), failure(1), ErrorKind::ResolveFailed),
        (none(1), none(1), ErrorKind::HostNotFound),
    ] {
        let (resolver, _) = apart(v6, v4);
        let error = resolver.look_up("a", 443).await.unwrap_err();
        assert_eq!((error.kind(), error.host()), (kind, Some("a")));
        let error = resolver.refresh("a").await.unwrap_err();
        assert_eq!(error.kind(), kind);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_renews_what_is_due_and_forgetting_forgets_both() {
    let (resolver, service) = apart(found(1, V6, MINUTE), found(1, V4, 5 * MINUTE));
    resolver.look_up("a", 443).await.unwrap();
    service.asked();
    advance(MINUTE.mul_f64(0.95)).await;
    assert!(resolver.refresh_due("a"));
    resolver.refresh("a").await.unwrap();
    assert_eq!(service.asked(), [Family::V6]);
    assert!(!resolver.refresh_due("a"));
    resolver.forget("a").await;
    assert_eq!(resolver.cached(), 0);
    resolver.look_up("a", 443).await.unwrap();
    assert_eq!(service.asked(), Family::ALL);
}

/// So that no dial waits for the name service to say once more that there is no IPv6.
#[tokio::test(start_paused = true)]
async fn the_absence_of_one_family_is_renewed_before_it_runs_out() {
    let (resolver, service) = apart(none(1), found(1, V4, 5 * MINUTE));
    resolver.look_up("a", 443).await.unwrap();
    service.asked();
    advance(MINUTE / 2).await;
    assert!(!resolver.refresh_due("a"));
    advance(MINUTE.mul_f64(0.45)).await;
    assert!(resolver.refresh_due("a"));
    resolver.refresh("a").await.unwrap();
    assert_eq!(service.asked(), [Family::V6]);
    assert!(!resolver.refresh_due("a"));

    // A host that has no address at all is asked for when somebody wants it.
    let (resolver, _) = apart(none(1), none(1));
    resolver.look_up("a", 443).await.unwrap_err();
    advance(MINUTE.mul_f64(0.95)).await;
    assert!(!resolver.refresh_due("a"));
}

/// Whoever gives up, at whatever moment, leaves the next a whole answer.
#[tokio::test(start_paused = true)]
async fn dropped_at_each_await_it_answers_the_next() {
    for (v6, v4) in [(10, 30), (30, 10), (200, 10)] {
        for is_parked in [false, true] {
            for patience in (0..260).step_by(20) {
                let (resolver, _) = apart(found(v6, V6, MINUTE), found(v4, V4, MINUTE));
                let mut lookup = resolver.begin("a", 443, true).unwrap();
                let all = async { while lookup.next().await.is_some() {} };
                let _ = tokio::time::timeout(Duration::from_millis(patience), all).await;
                if is_parked {
                    lookup.park();
                }
                drop(lookup);
                let resolved = resolver.look_up("a", 443).await.unwrap();
                assert_eq!(ips(&resolved), [V6, V4], "{v6} {v4} {patience}");
            }
        }
    }
}
