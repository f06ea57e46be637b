//! Asking a host now and then whether it still answers as it should.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::body::Body;
use super::outgoing::Outgoing;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{AsTarget, Connection, Pool, ProbedHost};

/// Once a round in which no connection passed has been followed by another, it is the host that fails and not its connections: they stay.
const ROUNDS_LOST: u32 = 2;

/// More of an answer is not worth reading for the sake of an HTTP/1.1 connection: a handshake costs less.
const LONGEST_ANSWER: usize = 64 * 1024;

/// What to ask, and what a good answer is. For [`Pool::probe`].
#[derive(Clone, Debug)]
pub struct Probe {
    method: Method,
    path: Uri,
    status: Option<StatusCode>,
    interval: Duration,
    timeout: Duration,
}

impl Probe {
    /// A GET of this path, of which any answer below 500 is a good one, every 30 s, to be answered within 5 s.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) when it is no path.
    pub fn get(path: &str) -> Result<Self> {
        let uri = path.parse::<Uri>().ok();
        let uri = uri.filter(|uri| uri.authority().is_none() && path.starts_with('/'));
        Ok(Self {
            method: Method::GET,
            path: uri.ok_or_else(|| {
                Error::new(ErrorKind::InvalidRequest).with_detail(format!("{path:?} is no path"))
            })?,
            status: None,
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
        })
    }

    /// Asks by HEAD instead.
    #[must_use]
    pub fn head(mut self) -> Self {
        self.method = Method::HEAD;
        self
    }

    /// Only this status is a good answer.
    #[must_use]
    pub fn expect(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// Asks this often; at least every millisecond.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(1));
        self
    }

    /// An answer that takes longer, from when the question was due, is none.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// Ends the probing when dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the probing"]
pub struct Probing(#[expect(dead_code, reason = "held for its drop")] DropGuard);

impl Pool {
    /// Sends a request over each connection to a host now and then. One whose answer is not as it should be, or late, takes no more
    /// requests and is replaced if it was kept warm; what is under way on it may finish. Where every connection fails twice in a row,
    /// the host does, and its connections stay; its [health](Pool::health) shows it.
    ///
    /// Probes count as requests, wear the profile's default kind, and are sent only where a connection is open and has room. They do
    /// not keep a connection from ending for being idle otherwise than any request does.
    ///
    /// # Errors
    ///
    /// [`InvalidTarget`](ErrorKind::InvalidTarget).
    pub fn probe(&self, target: impl AsTarget, probe: Probe) -> Result<Probing> {
        let host = self.probed_host(target)?;
        let ending = CancellationToken::new();
        let ended = ending.clone();
        host.spawn(move |host| async move {
            tokio::select! {
                biased;
                () = ended.cancelled() => {}
                () = keep_probing(host, probe) => {}
            }
        });
        Ok(Probing(ending.drop_guard()))
    }
}

async fn keep_probing(host: ProbedHost, probe: Probe) {
    let probe = Arc::new(probe);
    let mut due = Instant::now() + probe.interval;
    let mut lost = 0;
    loop {
        sleep_until(due).await;
        let deadline = due + probe.timeout;
        let asked = host.connections().into_iter().map(|connection| {
            let probe = Arc::clone(&probe);
            async move {
                let passed = passes(&connection, &probe, deadline).await;
                (connection, passed)
            }
        });
        let answers = join_all(asked).await;
        let any = answers.iter().any(|(_, passed)| *passed);
        lost = match (answers.is_empty(), any) {
            (true, _) => lost,
            (false, true) => 0,
            (false, false) => lost + 1,
        };
        for (connection, passed) in &answers {
            if !passed && lost < ROUNDS_LOST {
                connection.fail_probe();
            }
        }
        // What was missed while a round took longer is not made up for.
        due = (due + probe.interval).max(Instant::now());
    }
}

async fn passes(connection: &Connection, probe: &Probe, deadline: Instant) -> bool {
    let request = Request::builder()
        .method(&probe.method)
        .uri(&probe.path)
        .body(Empty::<Bytes>::new());
    let Ok(request) = request else { return false };
    let Ok(mut outgoing) = Outgoing::new(request, connection.origin()) else {
        return false;
    };
    let answer = async {
        let response = connection.send_once(&mut outgoing).await?;
        let status = response.status();
        read_out(response.into_body()).await?;
        Ok::<_, Error>(status)
    };
    let Ok(Ok(status)) = timeout_at(deadline, answer).await else {
        return false;
    };
    match probe.status {
        Some(wanted) => status == wanted,
        None => !status.is_server_error(),
    }
}

/// Reads the body, so that an HTTP/1.1 connection can carry the next request; one that is too long is broken off.
async fn read_out(mut body: Body) -> Result<()> {
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let length = frame?.data_ref().map_or(0, Bytes::len);
        read += length;
        if read > LONGEST_ANSWER {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_is_one() {
        assert!(Probe::get("/health?deep=1").is_ok());
        for text in ["health", "", "https://example.com/", "/with space", "*"] {
            let error = Probe::get(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{text}");
        }
    }
}
