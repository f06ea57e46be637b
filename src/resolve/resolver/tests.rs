//! On paused time, with a name service that follows a script.

mod families;
mod https;
mod stale;

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use parking_lot::Mutex;
use tokio::time::{Instant, advance, sleep};

use super::*;
use crate::resolve::Answer;

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const DELAY: Duration = Duration::from_millis(10);

#[tokio::test(start_paused = true)]
async fn an_answer_is_used_until_its_time_to_live_has_passed() {
    let (resolver, script) = scripted(|_| Ok(Answer::new([ADDRESS], Duration::from_secs(60))));
    for (passed, asked) in [(0, 1), (59, 1), (1, 2), (59, 2)] {
        advance(Duration::from_secs(passed)).await;
        let addresses = resolver.resolve("example.com", 443).await.unwrap();
        assert_eq!(addresses, [SocketAddr::new(ADDRESS, 443)]);
        assert_eq!(script.asked().len(), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn times_to_live_are_clamped() {
    let day = 24 * 60 * 60;
    for (answer, kept) in [
        (Ok(Answer::new([ADDRESS], Duration::ZERO)), 1),
        (Ok(Answer::new([ADDRESS], Duration::MAX)), day),
        (Ok(Answer::none(Duration::ZERO)), 1),
        (Ok(Answer::none(Duration::MAX)), 300),
        (Err(ErrorKind::ResolveFailed), 1),
        (Err(ErrorKind::ResolveTimeout), 1),
    ] {
        let (resolver, script) = scripted(move |_| answer.clone());
        let _ = resolver.resolve("example.com", 443).await;
        advance(Duration::from_secs(kept) - Duration::from_millis(1)).await;
        let _ = resolver.resolve("example.com", 443).await;
        assert_eq!(script.asked().len(), 1, "kept for {kept} s");
        advance(Duration::from_millis(1)).await;
        let _ = resolver.resolve("example.com", 443).await;
        assert_eq!(script.asked().len(), 2, "kept for {kept} s");
    }
}

#[tokio::test(start_paused = true)]
async fn that_a_host_does_not_exist_is_remembered() {
    let (resolver, script) = scripted(|_| Ok(Answer::none(Duration::from_secs(30))));
    for (passed, asked) in [(0, 1), (29, 1), (1, 2)] {
        advance(Duration::from_secs(passed)).await;
        let error = resolver.resolve("example.com", 443).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostNotFound);
        assert_eq!(error.host(), Some("example.com"));
        assert_eq!(script.asked().len(), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_callers_share_one_lookup() {
    let (resolver, script) = scripted(|host| match host {
        "good" => Ok(Answer::new([ADDRESS], Duration::from_secs(60))),
        _ => Err(ErrorKind::ResolveFailed),
    });
    let good = join_all((0..100).map(|_| resolver.resolve("good", 443))).await;
    assert!(good.iter().all(Result::is_ok));
    let bad = join_all((0..100).map(|_| resolver.resolve("bad", 443))).await;
    for result in bad {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ResolveFailed);
    }
    assert_eq!(script.asked(), ["good", "bad"]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_caller_leaves_the_lookup_to_the_others() {
    let (resolver, script) = scripted(|_| Ok(Answer::new([ADDRESS], Duration::from_secs(60))));
    let mut first = tokio_test::task::spawn(resolver.resolve("example.com", 443));
    let mut second = tokio_test::task::spawn(resolver.resolve("example.com", 443));
    assert!(first.poll().is_pending() && second.poll().is_pending());
    drop(first);
    advance(DELAY).await;
    assert!(second.await.is_ok());
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lookup_whose_callers_all_left_starts_anew() {
    let (resolver, script) = scripted(|_| Ok(Answer::new([ADDRESS], Duration::from_secs(60))));
    for _ in 0..3 {
        let given_up = tokio::time::timeout(DELAY / 2, resolver.resolve("example.com", 443));
        assert!(given_up.await.is_err());
    }
    assert!(resolver.resolve("example.com", 443).await.is_ok());
    assert_eq!(script.asked().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_name_service_is_an_error() {
    let (resolver, _) = scripted(|_| panic!("in the script"));
    let error = resolver.resolve("example.com", 443).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResolveFailed);
}

#[tokio::test(start_paused = true)]
async fn case_makes_no_difference_and_a_trailing_dot_does() {
    let (resolver, script) = scripted(|_| Ok(Answer::new([ADDRESS], Duration::from_secs(60))));
    for host in ["Example.COM", "example.com.", "example.com", "EXAMPLE.com."] {
        assert!(resolver.resolve(host, 443).await.is_ok());
    }
    assert_eq!(script.asked(), ["example.com", "example.com."]);
    assert_eq!(resolver.cached(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_needs_no_lookup_gets_none() {
    let (resolver, script) = scripted(|_| Err(ErrorKind::ResolveFailed));
    for (host, expected) in [
        ("192.0.2.7", vec!["192.0.2.7:80"]),
        ("::1", vec!["[::1]:80"]),
        // What the kernel connects to, and what limits and lists are to count it as.
        ("[::ffff:192.0.2.7]", vec!["192.0.2.7:80"]),
        ("[2001:DB8::1]", vec!["[2001:db8::1]:80"]),
        ("localhost", vec!["[::1]:80", "127.0.0.1:80"]),
        ("a.LOCALHOST.", vec!["[::1]:80", "127.0.0.1:80"]),
    ] {
        let addresses = resolver.resolve(host, 80).await.unwrap();
        let addresses: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
        assert_eq!(addresses, expected, "{host}");
    }
    let error = resolver.resolve("no host", 80).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidTarget);
    assert!(script.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn overrides_come_first() {
    let script = Script::new(|_| Ok(Answer::new([ADDRESS], Duration::from_secs(60))));
    let mut overrides =
        Overrides::parse(["example.com:443:192.0.2.2,::2", "127.0.0.1:80:192.0.2.3"]).unwrap();
    overrides.insert("blocked.example", None, []).unwrap();
    let resolver = Resolver::builder()
        .overrides(overrides)
        .upstream(Arc::clone(&script) as Arc<dyn Resolve>)
        .build();
    for (host, port, expected) in [
        ("Example.com.", 443, "192.0.2.2:443 [::2]:443"),
        ("example.com", 80, "192.0.2.1:80"),
        ("127.0.0.1", 80, "192.0.2.3:80"),
        ("127.0.0.1", 81, "127.0.0.1:81"),
    ] {
        let addresses = resolver.resolve(host, port).await.unwrap();
        let addresses: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
        assert_eq!(addresses.join(" "), expected);
    }
    let blocked = resolver.resolve("blocked.example", 443).await.unwrap_err();
    assert_eq!(blocked.kind(), ErrorKind::HostNotFound);
    assert_eq!(script.asked(), ["example.com"]);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_host_is_asked_for_again() {
    let (resolver, script) = scripted(|_| Ok(Answer::new([ADDRESS], Duration::from_secs(60))));
    for asked in 1..=3 {
        assert!(resolver.resolve("example.com", 443).await.is_ok());
        assert_eq!((script.asked().len(), resolver.cached()), (asked, 1));
        resolver.forget("EXAMPLE.com").await;
        assert_eq!(resolver.cached(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn stale_entries_do_not_count_as_cached() {
    let (resolver, _) = scripted(|_| Ok(Answer::new([ADDRESS], Duration::from_secs(60))));
    assert!(resolver.resolve("a.example", 443).await.is_ok());
    assert!(resolver.clone().resolve("b.example", 443).await.is_ok());
    assert_eq!(resolver.cached(), 2);
    advance(Duration::from_secs(61)).await;
    assert_eq!(resolver.cached(), 0);
}

type Answers = dyn Fn(&str) -> Result<Answer, ErrorKind> + Send + Sync;

struct Script {
    answer: Box<Answers>,
    asked: Mutex<Vec<String>>,
}

impl Script {
    fn new(
        answer: impl Fn(&str) -> Result<Answer, ErrorKind> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            answer: Box::new(answer),
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().clone()
    }
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl Resolve for Script {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Answer, Error>> {
        async move {
            self.asked.lock().push(host.to_owned());
            // Paused time: so that others can come, or leave, while a lookup is under way.
            sleep(DELAY).await;
            (self.answer)(host).map_err(Error::new)
        }
        .boxed()
    }
}

fn scripted(
    answer: impl Fn(&str) -> Result<Answer, ErrorKind> + Send + Sync + 'static,
) -> (Resolver, Arc<Script>) {
    let script = Script::new(answer);
    let upstream = Arc::clone(&script) as Arc<dyn Resolve>;
    (Resolver::builder().upstream(upstream).build(), script)
}
