//! What the benchmarks share: a server on its own thread, and figures.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each benchmark uses its own part"
)]

pub mod shaped;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hdrhistogram::Histogram;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The answer to a request for `/large`.
pub const LARGE: usize = 4 << 20;

/// What clients may send before it is read: as much as hyper's servers allow.
const UPLOAD_WINDOW: u32 = 1 << 20;

/// An HTTP/2 server over TLS, on one thread of its own, that reads uploads and answers every other request with an empty 200.
pub struct Server {
    pub address: SocketAddr,
    pub certificate: CertificateDer<'static>,
    pub certificate_pem: String,
    accepted: Arc<AtomicUsize>,
}

impl Server {
    pub fn start() -> Self {
        Self::with_tickets(2)
    }

    /// With so many tickets for each connection.
    pub fn with_tickets(tickets: usize) -> Self {
        Self::speaking(Alpn::Http2, tickets)
    }

    /// Speaks HTTP/1.1 instead.
    pub fn http1() -> Self {
        Self::speaking(Alpn::Http1, 2)
    }

    fn speaking(alpn: Alpn, tickets: usize) -> Self {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = signed.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key.into())
            .unwrap();
        config.alpn_protocols = vec![match alpn {
            Alpn::Http1 => b"http/1.1".to_vec(),
            Alpn::Http2 => b"h2".to_vec(),
        }];
        config.send_tls13_tickets = tickets;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&accepted);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(serve(listener, Arc::new(config), alpn, &counter));
        });
        Self {
            address,
            certificate,
            certificate_pem: signed.cert.pem(),
            accepted,
        }
    }

    /// How many connections it has accepted so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

#[derive(Clone, Copy)]
enum Alpn {
    Http1,
    Http2,
}

async fn serve(
    listener: std::net::TcpListener,
    config: Arc<ServerConfig>,
    alpn: Alpn,
    accepted: &AtomicUsize,
) {
    let listener = TcpListener::from_std(listener).unwrap();
    let acceptor = TlsAcceptor::from(config);
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        accepted.fetch_add(1, Ordering::Relaxed);
        socket.set_nodelay(true).unwrap();
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            // The client may have gone.
            let Ok(stream) = acceptor.accept(socket).await else {
                return;
            };
            if let Alpn::Http1 = alpn {
                return answer_http1(stream).await;
            }
            let opening = h2::server::Builder::new()
                .initial_window_size(UPLOAD_WINDOW)
                .initial_connection_window_size(UPLOAD_WINDOW)
                .handshake::<_, Bytes>(stream);
            let Ok(mut connection) = opening.await else {
                return;
            };
            let mut uploads = JoinSet::new();
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                if request.method() == http::Method::POST {
                    uploads.spawn(async move {
                        let mut body = request.into_body();
                        while let Some(Ok(data)) = body.data().await {
                            let _ = body.flow_control().release_capacity(data.len());
                        }
                        let _ = respond.send_response(http::Response::new(()), true);
                    });
                    continue;
                }
                let is_large = request.uri().path() == "/large";
                // The client may have gone.
                let body = respond.send_response(http::Response::new(()), !is_large);
                if let (true, Ok(mut body)) = (is_large, body) {
                    let _ = body.send_data(Bytes::from_static(&[0; LARGE]), true);
                }
            }
        });
    }
}

/// An empty 200 to everything that ends with an empty line.
async fn answer_http1(mut stream: TlsStream<TcpStream>) {
    let mut head = Vec::new();
    while stream.read_buf(&mut head).await.is_ok_and(|read| read > 0) {
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            // The client may have gone.
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await;
        }
    }
}

/// Times in nanoseconds.
pub struct Times(Histogram<u64>);

impl Times {
    pub fn new() -> Self {
        Self(Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap())
    }

    pub fn record(&mut self, time: Duration) {
        self.0
            .saturating_record(u64::try_from(time.as_nanos()).unwrap().max(1));
    }

    pub fn record_nanoseconds(&mut self, time: u64) {
        self.0.saturating_record(time.max(1));
    }

    pub fn median(&self) -> u64 {
        self.0.value_at_quantile(0.5)
    }

    pub fn p99(&self) -> u64 {
        self.0.value_at_quantile(0.99)
    }

    pub fn p999(&self) -> u64 {
        self.0.value_at_quantile(0.999)
    }

    pub fn max(&self) -> u64 {
        self.0.max()
    }

    pub fn mean(&self) -> f64 {
        self.0.mean()
    }
}

/// The middle of a few measurements.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The calling thread's, in nanoseconds: what other programs on the machine do not disturb.
pub fn processor_time() -> f64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    statistics.split(' ').next().unwrap().parse().unwrap()
}

/// Requests per second in a turn of this length, with so many under way at any time.
pub async fn turn<F: Future<Output = ()>>(
    length: Duration,
    in_flight: usize,
    times: &mut Times,
    mut request: impl FnMut() -> F,
) -> f64 {
    let mut timed = || {
        let request = request();
        async move {
            let began = Instant::now();
            request.await;
            began.elapsed()
        }
    };
    let mut running: FuturesUnordered<_> = (0..in_flight).map(|_| timed()).collect();
    let (began, mut done) = (Instant::now(), 0u32);
    while began.elapsed() < length {
        times.record(running.next().await.unwrap());
        done += 1;
        running.push(timed());
    }
    let rate = f64::from(done) / began.elapsed().as_secs_f64();
    while running.next().await.is_some() {}
    rate
}
