//! What becomes of answers that run out.

use std::sync::atomic::{AtomicU8, Ordering};

use super::*;

const VALID: Duration = Duration::from_secs(100);

/// A name service whose answer can be exchanged.
struct Mood(AtomicU8);

const WELL: u8 = 0;
const FAILING: u8 = 1;
const DENYING: u8 = 2;

fn moody() -> (Resolver, Arc<Script>, Arc<Mood>) {
    let mood = Arc::new(Mood(AtomicU8::new(WELL)));
    let asked = Arc::clone(&mood);
    let (resolver, script) = scripted(move |_| match asked.0.load(Ordering::Relaxed) {
        WELL => Ok(Answer::new([ADDRESS], VALID)),
        FAILING => Err(ErrorKind::ResolveFailed),
        _ => Ok(Answer::none(Duration::from_secs(60))),
    });
    (resolver, script, mood)
}

impl Mood {
    fn becomes(&self, mood: u8) {
        self.0.store(mood, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_is_used_while_refreshing_fails() {
    let (resolver, script, mood) = moody();
    let fresh = resolver.look_up("example.com", 443).await.unwrap();
    assert!(!fresh.is_stale());
    assert_eq!(fresh.valid_until(), Some(Instant::now() + VALID));
    mood.becomes(FAILING);
    advance(VALID).await;
    for _ in 0..3 {
        let stale = resolver.look_up("example.com", 443).await.unwrap();
        assert!(stale.is_stale());
        assert_eq!(stale.addresses(), fresh.addresses());
        assert!(stale.valid_until() <= Some(Instant::now() + Duration::from_secs(30)));
    }
    assert_eq!(script.asked().len(), 2, "the pause after a failure holds");
    mood.becomes(WELL);
    advance(Duration::from_secs(1)).await;
    assert!(
        !resolver
            .look_up("example.com", 443)
            .await
            .unwrap()
            .is_stale()
    );
}

#[tokio::test(start_paused = true)]
async fn staleness_has_an_end() {
    let (resolver, _, mood) = moody();
    resolver.look_up("example.com", 443).await.unwrap();
    mood.becomes(FAILING);
    advance(VALID + Duration::from_secs(24 * 60 * 60)).await;
    let error = resolver.look_up("example.com", 443).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResolveFailed);
}

#[tokio::test(start_paused = true)]
async fn a_denial_ends_staleness() {
    let (resolver, _, mood) = moody();
    resolver.look_up("example.com", 443).await.unwrap();
    mood.becomes(DENYING);
    advance(VALID).await;
    let error = resolver.look_up("example.com", 443).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HostNotFound);
    mood.becomes(FAILING);
    advance(Duration::from_secs(60)).await;
    let error = resolver.look_up("example.com", 443).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResolveFailed);
}

/// Answers at once the first time, and then only after so long.
#[derive(Debug)]
struct Slow {
    asked: Mutex<usize>,
    delay: Duration,
}

impl Resolve for Slow {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer, Error>> {
        async move {
            let asked = {
                let mut asked = self.asked.lock();
                *asked += 1;
                *asked
            };
            if asked > 1 {
                // The name service's slowness is what is tested.
                sleep(self.delay).await;
            }
            Ok(Answer::new([ADDRESS], VALID))
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_refresh_does_not_hold_up_a_stale_answer_and_is_not_lost() {
    let slow = Arc::new(Slow {
        asked: Mutex::default(),
        delay: Duration::from_secs(2),
    });
    let resolver = Resolver::builder()
        .upstream(Arc::clone(&slow) as Arc<dyn Resolve>)
        .build();
    resolver.look_up("example.com", 443).await.unwrap();
    advance(VALID).await;
    let began = Instant::now();
    let stale = resolver.look_up("example.com", 443).await.unwrap();
    assert!(stale.is_stale());
    assert_eq!(began.elapsed(), Duration::from_millis(250));
    assert!(
        resolver
            .look_up("example.com", 443)
            .await
            .unwrap()
            .is_stale()
    );
    advance(Duration::from_secs(2)).await;
    // The lookup that both have left has been answered meanwhile.
    assert!(
        !resolver
            .look_up("example.com", 443)
            .await
            .unwrap()
            .is_stale()
    );
    assert_eq!(*slow.asked.lock(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_is_due_before_the_answer_runs_out() {
    let (resolver, script, mood) = moody();
    assert!(!resolver.refresh_due("example.com"));
    resolver.look_up("Example.com", 443).await.unwrap();
    advance(VALID.mul_f64(0.79)).await;
    assert!(!resolver.refresh_due("example.com"));
    resolver.refresh("example.com").await.unwrap();
    assert_eq!(script.asked().len(), 1, "nothing is due");
    advance(VALID.mul_f64(0.11)).await;
    assert!(resolver.refresh_due("EXAMPLE.com"));
    assert!(
        !resolver
            .look_up("example.com", 443)
            .await
            .unwrap()
            .is_stale()
    );
    assert_eq!(script.asked().len(), 1, "a caller does not wait for it");
    mood.becomes(FAILING);
    resolver.refresh("example.com").await.unwrap();
    assert!(!resolver.refresh_due("example.com"), "not at once again");
    advance(Duration::from_secs(1)).await;
    assert!(resolver.refresh_due("example.com"));
    mood.becomes(WELL);
    resolver.refresh("example.com").await.unwrap();
    assert!(!resolver.refresh_due("example.com"));
    assert_eq!(script.asked().len(), 3);
    let renewed = resolver.look_up("example.com", 443).await.unwrap();
    assert_eq!(renewed.valid_until(), Some(Instant::now() + VALID));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_and_its_callers_share_one_lookup() {
    let (resolver, script, _) = moody();
    let (refreshed, resolved) = tokio::join!(
        resolver.refresh("example.com"),
        resolver.look_up("example.com", 443),
    );
    assert!(refreshed.is_ok() && resolved.is_ok());
    assert_eq!(script.asked().len(), 1);
    resolver.refresh("127.0.0.1").await.unwrap();
    assert!(!resolver.refresh_due("127.0.0.1") && !resolver.refresh_due("no host"));
    assert_eq!(script.asked().len(), 1);
}

/// A name service that is slow for one caller is not waited for by the next.
#[tokio::test(start_paused = true)]
async fn one_slow_refresh_holds_up_one_caller() {
    let slow = Arc::new(Slow {
        asked: Mutex::default(),
        delay: Duration::from_secs(2),
    });
    let resolver = Resolver::builder().upstream(slow).build();
    resolver.look_up("example.com", 443).await.unwrap();
    advance(VALID).await;
    for waited in [250, 0, 0] {
        let began = Instant::now();
        resolver.look_up("example.com", 443).await.unwrap();
        assert_eq!(began.elapsed(), Duration::from_millis(waited));
    }
}
