//! A server that does everything a server may do, now and then, and keeps a ledger of what it processed.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::http1;
use super::ledger::{KEY, Ledger, NUMBER};

/// A request that hangs does so for longer than any caller here has patience.
const HANGS: Duration = Duration::from_secs(5);

/// So few that callers run into it.
const MAX_STREAMS: u32 = 4;

/// What it speaks.
#[derive(Clone)]
pub enum Speaks {
    Http1,
    Http2,
    /// Whatever the client picks of both.
    Tls(Arc<ServerConfig>),
}

/// How many requests in a hundred it treats in which way; it answers the others.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Habits {
    pub refuses: u32,
    pub resets: u32,
    pub hangs: u32,
    pub cuts: u32,
    pub takes_time: u32,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Orders {
    habits: Habits,
    restarts: u64,
    /// GOAWAYs, or the last answer on each HTTP/1.1 connection.
    leaves: u64,
    abruptly: bool,
    down: bool,
}

/// Ends with the value.
pub struct UnrulyServer {
    pub address: SocketAddr,
    control: Control,
    task: JoinHandle<()>,
}

/// Tells it what to do.
pub struct Control {
    orders: watch::Sender<Orders>,
    open: Arc<AtomicUsize>,
}

/// What it does with a connection.
#[derive(Clone)]
pub struct Conduct {
    speaks: Speaks,
    ledger: Arc<Ledger>,
    orders: watch::Receiver<Orders>,
    open: Arc<AtomicUsize>,
    seeds: Arc<AtomicU64>,
}

impl UnrulyServer {
    pub async fn start(speaks: Speaks, ledger: &Arc<Ledger>, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (control, conduct) = conduct(speaks, ledger, seed);
        #[allow(
            clippy::disallowed_methods,
            reason = "the value owns the task and aborts it"
        )]
        let task = tokio::spawn(conduct.run(listener));
        Self {
            address,
            control,
            task,
        }
    }
}

impl Deref for UnrulyServer {
    type Target = Control;

    fn deref(&self) -> &Control {
        &self.control
    }
}

impl Drop for UnrulyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// For connections that somebody else accepts.
pub fn conduct(speaks: Speaks, ledger: &Arc<Ledger>, seed: u64) -> (Control, Conduct) {
    let orders = watch::Sender::default();
    let open = Arc::new(AtomicUsize::new(0));
    let conduct = Conduct {
        speaks,
        ledger: Arc::clone(ledger),
        orders: orders.subscribe(),
        open: Arc::clone(&open),
        seeds: Arc::new(AtomicU64::new(seed)),
    };
    (Control { orders, open }, conduct)
}

impl Control {
    pub fn adopt(&self, habits: Habits) {
        self.orders.send_modify(|orders| orders.habits = habits);
    }

    /// Ends at once and does not listen until [`come_back`](Self::come_back).
    pub fn crash(&self) {
        self.orders.send_modify(|orders| {
            orders.restarts += 1;
            orders.down = true;
        });
    }

    pub fn come_back(&self) {
        self.orders.send_modify(|orders| orders.down = false);
    }

    /// Takes leave of everybody who is connected.
    pub fn leave(&self, abruptly: bool) {
        self.orders.send_modify(|orders| {
            orders.leaves += 1;
            orders.abruptly = abruptly;
        });
    }

    /// Connections that it has.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

impl Conduct {
    /// Connections that it has.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    async fn run(mut self, listener: TcpListener) {
        let address = listener.local_addr().unwrap();
        let mut listener = Some(listener);
        loop {
            let listening = match listener.take() {
                Some(listener) => listener,
                None => bound(address).await,
            };
            let restarts = self.orders.borrow().restarts;
            let mut crashed = self.orders.clone();
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listening.accept() => {
                        if let Ok((socket, _)) = accepted {
                            let _ = socket.set_nodelay(true);
                            connections.spawn(self.clone().connection(socket));
                        }
                    }
                    _ = crashed.wait_for(|orders| orders.restarts != restarts) => break,
                    Some(_) = connections.join_next() => {}
                }
            }
            drop(listening);
            connections.shutdown().await;
            let _ = self.orders.wait_for(|orders| !orders.down).await;
        }
    }

    pub async fn connection<IO: AsyncRead + AsyncWrite + Unpin>(self, io: IO) {
        let _open = Open::new(&self.open);
        match self.speaks.clone() {
            Speaks::Http1 => self.http1(io).await,
            Speaks::Http2 => self.http2(io).await,
            Speaks::Tls(config) => {
                let Ok(stream) = TlsAcceptor::from(config).accept(io).await else {
                    return;
                };
                match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => self.http2(stream).await,
                    _ => self.http1(stream).await,
                }
            }
        }
    }

    async fn http1<IO: AsyncRead + AsyncWrite + Unpin>(mut self, mut io: IO) {
        let mut random = self.random();
        self.orders.mark_unchanged();
        let leaves = self.orders.borrow().leaves;
        let mut key = None;
        while let Some(request) = http1::request(&mut io).await {
            self.ledger.belongs(&mut key, header(&request, KEY));
            let deed = self.deed(&mut random);
            if deed == Deed::Refuse {
                return;
            }
            let number = header(&request, NUMBER);
            self.ledger.process(number);
            let body = body(number);
            let last = self.orders.borrow().leaves != leaves;
            let close = if last { "connection: close\r\n" } else { "" };
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{close}\r\n",
                body.len()
            );
            match deed {
                Deed::Hang => return drop(timeout(HANGS, http1::silence(io)).await),
                Deed::TakeTime(time) => sleep(time).await,
                Deed::Cut => {
                    let (half, _) = body.split_at(body.len() / 2);
                    http1::answer(&mut io, &format!("{head}{half}")).await;
                    return;
                }
                Deed::Reset => return,
                Deed::Refuse | Deed::Answer => {}
            }
            http1::answer(&mut io, &format!("{head}{body}")).await;
            if last {
                let _ = io.shutdown().await;
                return;
            }
        }
    }

    async fn http2<IO: AsyncRead + AsyncWrite + Unpin>(mut self, io: IO) {
        let mut random = self.random();
        self.orders.mark_unchanged();
        let mut leaves = self.orders.borrow().leaves;
        let mut builder = h2::server::Builder::new();
        builder.max_concurrent_streams(MAX_STREAMS);
        let Ok(mut connection) = builder.handshake::<_, Bytes>(io).await else {
            return;
        };
        let (mut requests, mut key) = (JoinSet::new(), None);
        loop {
            tokio::select! {
                accepted = connection.accept() => {
                    let Some(Ok((request, respond))) = accepted else {
                        return;
                    };
                    let said = request.headers()[KEY].to_str().unwrap();
                    self.ledger.belongs(&mut key, said);
                    let deed = self.deed(&mut random);
                    requests.spawn(stream(request, respond, deed, Arc::clone(&self.ledger)));
                }
                Ok(()) = self.orders.changed() => {
                    let orders = *self.orders.borrow_and_update();
                    if orders.leaves != leaves {
                        leaves = orders.leaves;
                        match orders.abruptly {
                            true => connection.abrupt_shutdown(Reason::INTERNAL_ERROR),
                            false => connection.graceful_shutdown(),
                        }
                    }
                }
                Some(_) = requests.join_next() => {}
            }
        }
    }

    fn random(&self) -> StdRng {
        StdRng::seed_from_u64(self.seeds.fetch_add(1, Ordering::Relaxed))
    }

    fn deed(&self, random: &mut StdRng) -> Deed {
        let habits = self.orders.borrow().habits;
        let mut left = random.random_range(0..100);
        let time = Duration::from_millis(random.random_range(1..100));
        for (share, deed) in [
            (habits.refuses, Deed::Refuse),
            (habits.resets, Deed::Reset),
            (habits.hangs, Deed::Hang),
            (habits.cuts, Deed::Cut),
            (habits.takes_time, Deed::TakeTime(time)),
        ] {
            if left < share {
                return deed;
            }
            left -= share;
        }
        Deed::Answer
    }
}

/// An HTTP/1.1 request's.
fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(": ");
    request.lines().find_map(value).unwrap()
}

async fn bound(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            // Its former connections are still about to end.
            Err(_) => sleep(Duration::from_millis(5)).await,
        }
    }
}

/// What the answer to a request has to be: it differs from all others, in its length too.
pub fn body(number: &str) -> String {
    let times: usize = number.parse().unwrap();
    format!("{number};").repeat(1 + times * 7 % 3000)
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Deed {
    Answer,
    /// Does not process it.
    Refuse,
    /// Processes it and says nothing.
    Reset,
    Hang,
    /// Ends in the middle of the answer.
    Cut,
    TakeTime(Duration),
}

async fn stream(
    request: http::Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    deed: Deed,
    ledger: Arc<Ledger>,
) {
    if deed == Deed::Refuse {
        respond.send_reset(Reason::REFUSED_STREAM);
        return;
    }
    let number = request
        .headers()
        .get(NUMBER)
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let mut content = request.into_body();
    while let Some(chunk) = content.data().await {
        let Ok(chunk) = chunk else { return };
        let _ = content.flow_control().release_capacity(chunk.len());
    }
    ledger.process(&number);
    match deed {
        Deed::Reset => return respond.send_reset(Reason::INTERNAL_ERROR),
        Deed::Hang => sleep(HANGS).await,
        Deed::TakeTime(time) => sleep(time).await,
        Deed::Refuse | Deed::Cut | Deed::Answer => {}
    }
    let Ok(mut sending) = respond.send_response(http::Response::new(()), false) else {
        return;
    };
    let mut body = Bytes::from(body(&number));
    if deed == Deed::Cut {
        body.truncate(body.len() / 2);
        let _ = sending.send_data(body, false);
        sending.send_reset(Reason::INTERNAL_ERROR);
        return;
    }
    let _ = sending.send_data(body, true);
}

struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(open))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
