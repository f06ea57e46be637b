//! Which of addresses and HTTPS records waits for which, on paused time.

use std::net::Ipv6Addr;

use super::*;
use crate::resolve::{Service, Services};

const HINT: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7));
const VALID: Duration = Duration::from_secs(60);
const NEVER: u64 = 1_000_000;

/// Answers after so many milliseconds.
#[derive(Debug)]
struct Timed {
    addresses: (u64, Result<Answer, ErrorKind>),
    services: (u64, Result<Services, ErrorKind>),
    asked: Mutex<Vec<String>>,
}

impl Resolve for Timed {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Answer, Error>> {
        async move {
            self.asked.lock().push(host.to_owned());
            // Which of two answers comes first is what is tested.
            sleep(Duration::from_millis(self.addresses.0)).await;
            match host {
                "elsewhere." => Ok(Answer::new([ADDRESS], VALID)),
                _ => self.addresses.1.clone().map_err(Error::new),
            }
        }
        .boxed()
    }

    fn services<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Services, Error>> {
        async move {
            self.asked.lock().push(format!("{host}:{port}"));
            // As above.
            sleep(Duration::from_millis(self.services.0)).await;
            self.services.1.clone().map_err(Error::new)
        }
        .boxed()
    }
}

fn resolver(
    addresses: (u64, Result<Answer, ErrorKind>),
    services: (u64, Result<Services, ErrorKind>),
) -> (Resolver, Arc<Timed>) {
    let timed = Arc::new(Timed {
        addresses,
        services,
        asked: Mutex::default(),
    });
    let upstream = Arc::clone(&timed) as Arc<dyn Resolve>;
    (Resolver::builder().upstream(upstream).build(), timed)
}

fn found() -> Result<Answer, ErrorKind> {
    Ok(Answer::new([ADDRESS], VALID))
}

fn hinting() -> Result<Services, ErrorKind> {
    let service = Service {
        priority: 1,
        protocols: vec!["h2".into()],
        address_hints: vec![HINT],
        ..Service::default()
    };
    Ok(Services::new([service], VALID))
}

#[tokio::test(start_paused = true)]
async fn records_are_waited_for_a_moment_and_then_come_later() {
    for (delay, known, waited) in [(5, true, 10), (40, true, 40), (300, false, 60)] {
        let (resolver, timed) = resolver((10, found()), (delay, hinting()));
        let began = Instant::now();
        let resolved = resolver.look_up_https("a", 443).await.unwrap();
        assert_eq!(resolved.addresses(), [SocketAddr::new(ADDRESS, 443)]);
        assert_eq!(resolved.speaks("h2").is_some(), known, "{delay}");
        assert_eq!(began.elapsed(), Duration::from_millis(waited), "{delay}");
        advance(Duration::from_millis(300)).await;
        let resolved = resolver.look_up_https("a", 443).await.unwrap();
        assert_eq!(resolved.speaks("h2"), Some(true), "{delay}");
        assert_eq!(timed.asked.lock().len(), 2, "{delay}");
    }
}

#[tokio::test(start_paused = true)]
async fn failing_records_are_as_none_and_not_asked_for_in_a_storm() {
    let (resolver, timed) = resolver((10, found()), (5, Err(ErrorKind::ResolveFailed)));
    for _ in 0..5 {
        let resolved = resolver.look_up_https("a", 443).await.unwrap();
        assert!(resolved.services().is_none());
        advance(Duration::from_secs(5)).await;
    }
    assert_eq!(timed.asked.lock().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn hints_stand_in_for_addresses_that_are_late() {
    let (resolver, timed) = resolver((200, found()), (5, hinting()));
    let began = Instant::now();
    let resolved = resolver.look_up_https("a", 8443).await.unwrap();
    assert_eq!(resolved.addresses(), [SocketAddr::new(HINT, 8443)]);
    assert_eq!(began.elapsed(), Duration::from_millis(55));
    advance(Duration::from_millis(200)).await;
    let resolved = resolver.look_up_https("a", 8443).await.unwrap();
    assert_eq!(resolved.addresses(), [SocketAddr::new(ADDRESS, 8443)]);
    assert_eq!(*timed.asked.lock(), ["a", "a:8443"]);
}

#[tokio::test(start_paused = true)]
async fn hints_stand_in_for_addresses_that_cannot_be_had() {
    for addresses in [Err(ErrorKind::ResolveFailed), Ok(Answer::none(VALID))] {
        let (resolver, _) = resolver((5, addresses), (20, hinting()));
        let resolved = resolver.look_up_https("a", 443).await.unwrap();
        assert_eq!(resolved.addresses(), [SocketAddr::new(HINT, 443)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_elsewhere_is_looked_for_where_the_host_has_no_address() {
    let service = Service {
        priority: 1,
        target: Some("elsewhere".into()),
        port: Some(8443),
        protocols: vec!["h2".into()],
        ..Service::default()
    };
    let services = Services::new([service], VALID);
    let (resolver, timed) = resolver((5, Ok(Answer::none(VALID))), (20, Ok(services)));
    let resolved = resolver.look_up_https("a", 443).await.unwrap();
    // Absolute: records name nobody by a name that is short for another.
    assert_eq!(*timed.asked.lock(), ["a", "a:443", "elsewhere."]);
    assert_eq!(resolved.addresses(), [SocketAddr::new(ADDRESS, 8443)]);
    assert_eq!(resolved.speaks("h2"), None, "it is about another place");
}

#[tokio::test(start_paused = true)]
async fn without_help_the_addresses_error_stands() {
    for target in ["localhost", "127.0.0.1", "no host", "a"] {
        let services = Services::none(VALID).with_alias(target);
        let (resolver, _) = resolver((5, Ok(Answer::none(VALID))), (20, Ok(services)));
        let error = resolver.look_up_https("a", 443).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostNotFound, "{target}");
    }
    let (resolver, _) = resolver((5, Err(ErrorKind::ResolveFailed)), (NEVER, hinting()));
    let began = Instant::now();
    let error = resolver.look_up_https("a", 443).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResolveFailed);
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn name_services_that_know_no_records_need_not_say_so() {
    let (resolver, _) = scripted(|_| Ok(Answer::new([ADDRESS], VALID)));
    let resolved = resolver.look_up_https("a", 443).await.unwrap();
    assert!(resolved.services().unwrap().services().is_empty());
    assert_eq!(resolved.speaks("h2"), None);
}

/// Polled so often, then dropped.
async fn polled<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    let mut left = polls;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return std::task::Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(None),
            polled => polled.map(Some),
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn dropped_at_each_await_it_answers_the_next() {
    for (addresses, services) in [(10, 300), (200, 5), (10, 20)] {
        let (resolver, _) = resolver((addresses, found()), (services, hinting()));
        for age in [Duration::ZERO, VALID.mul_f64(0.95), VALID] {
            for polls in 0..6 {
                advance(age).await;
                let _ = polled(polls, resolver.look_up_https("a", 443)).await;
                let _ = polled(polls, resolver.refresh("a")).await;
                let resolved = resolver.look_up_https("a", 443).await.unwrap();
                assert_eq!(resolved.addresses().len(), 1);
                resolver.refresh("a").await.unwrap();
                assert!(!resolver.refresh_due("a"));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn forgetting_a_host_forgets_its_records() {
    let (resolver, timed) = resolver((5, found()), (5, hinting()));
    for asked in [2, 4] {
        resolver.look_up_https("a", 443).await.unwrap();
        assert_eq!(timed.asked.lock().len(), asked);
        resolver.forget("a").await;
    }
}

/// What the records let one expect of a server that is connected to by TCP.
#[tokio::test(start_paused = true)]
async fn what_is_announced_is_what_tcp_can_carry() {
    for (protocols, announced) in [
        (&["h2", "http/1.1"][..], Some(true)),
        (&["h3", "h2"], Some(true)),
        (&["http/1.1"], Some(false)),
        (&["h3", "http/1.1"], Some(false)),
        (&["h3"], None),
    ] {
        let service = Service {
            priority: 1,
            protocols: protocols.iter().map(|name| (*name).into()).collect(),
            ..Service::default()
        };
        let (resolver, _) = resolver((5, found()), (5, Ok(Services::new([service], VALID))));
        let resolved = resolver.look_up_https("a", 443).await.unwrap();
        assert_eq!(resolved.announces_http2(), announced, "{protocols:?}");
    }
}

/// Hints of a service that is not spoken to are not used.
#[tokio::test(start_paused = true)]
async fn hints_are_used_of_services_that_can_be_used() {
    let service = |priority, protocol: &str, address| Service {
        priority,
        protocols: vec![protocol.into()],
        address_hints: vec![address],
        ..Service::default()
    };
    let services = Services::new([service(1, "h3", ADDRESS), service(2, "h2", HINT)], VALID);
    let (resolver, _) = resolver((5, Err(ErrorKind::ResolveFailed)), (5, Ok(services)));
    let resolved = resolver.look_up_https("a", 443).await.unwrap();
    assert_eq!(resolved.addresses(), [SocketAddr::new(HINT, 443)]);
}
