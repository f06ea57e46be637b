//! What the pool's WebSocket costs beside stock tungstenite on stock rustls, in the same run: messages per second and allocations.
//! `cargo bench --bench websocket --features websocket`
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a benchmark measures real time, prints, and fails by panicking"
)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Times, median};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use hotpool::websocket::Message;
use hotpool::{Pool, Trust};
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// One way's turn; the ways take turns, so that a slow moment of the machine meets all of them.
const TURN: Duration = Duration::from_millis(400);
const TURNS: usize = 9;

/// Over which allocations are counted; before that as many go by uncounted.
const COUNTED: usize = 2_000;

/// How many messages are on their way at the same time, and how long each is.
const LOADS: [(usize, usize); 3] = [(1, 32), (64, 32), (16, 16 * 1024)];

fn main() {
    let server = EchoServer::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let pool = |profile: &str| {
            let trust = Trust::only(server.pem.as_bytes()).unwrap();
            Pool::builder().trust(trust).profile(profile).build().unwrap()
        };
        let uri = format!("wss://localhost:{}/", server.address.port());
        let mut stock = stock(&server).await;
        let mut plain = pool("rustls").websocket(&*uri).await.unwrap();
        let mut shaped = pool("chrome").websocket(&*uri).await.unwrap();
        for (in_flight, length) in LOADS {
            let mut times = [Times::new(), Times::new(), Times::new()];
            let mut rates = [const { Vec::new() }; 3];
            for _ in 0..TURNS {
                rates[0].push(turn(&mut stock, in_flight, length, &mut times[0]).await);
                rates[1].push(turn(&mut plain, in_flight, length, &mut times[1]).await);
                rates[2].push(turn(&mut shaped, in_flight, length, &mut times[2]).await);
            }
            println!("{in_flight} messages of {length} bytes on their way, {TURNS} turns of {TURN:?} each, medians");
            let blocks = [
                allocations(&mut stock, in_flight, length).await,
                allocations(&mut plain, in_flight, length).await,
                allocations(&mut shaped, in_flight, length).await,
            ];
            for (place, name) in ["tungstenite on rustls", "pool", "pool, Chromium's hello"].iter().enumerate() {
                let ratios = rates[place].iter().zip(&rates[0]);
                println!(
                    "  {name:<24} {:>7.0} messages/s   p50 {:>7} ns   p99 {:>7} ns   rate / tungstenite's {:.3}   {:.2} allocations each, the server's included",
                    median(rates[place].clone()),
                    times[place].median(),
                    times[place].p99(),
                    median(ratios.map(|(own, stock)| own / stock).collect()),
                    blocks[place],
                );
            }
        }
    });
}

/// Sends back what it is sent, over TLS, on a thread of its own; it does not compress.
struct EchoServer {
    address: SocketAddr,
    certificate: rustls::pki_types::CertificateDer<'static>,
    pem: String,
}

impl EchoServer {
    fn start() -> Self {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = signed.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key.into())
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(serve(listener, TlsAcceptor::from(Arc::new(config))));
        });
        Self {
            address,
            certificate,
            pem: signed.cert.pem(),
        }
    }
}

async fn serve(listener: std::net::TcpListener, acceptor: TlsAcceptor) {
    let listener = TcpListener::from_std(listener).unwrap();
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            let stream = acceptor.accept(socket).await.unwrap();
            let socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            let (sink, stream) = socket.split();
            let _ = stream.forward(sink).await;
        });
    }
}

/// tungstenite with the settings that the pool gives it.
async fn stock(server: &EchoServer) -> WebSocketStream<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(server.certificate.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = TcpStream::connect(server.address).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, socket).await.unwrap();
    let uri = format!("wss://localhost:{}/", server.address.port());
    let (socket, _) = tokio_tungstenite::client_async(uri, stream).await.unwrap();
    let config = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(16 * 1024);
    WebSocketStream::from_raw_socket(socket.into_inner(), Role::Client, Some(config)).await
}

fn provider() -> rustls::crypto::CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

/// Messages per second in a turn; the times are those of whole rounds.
async fn turn<S, E>(socket: &mut S, in_flight: usize, length: usize, times: &mut Times) -> f64
where
    S: Sink<Message> + Stream<Item = Result<Message, E>> + Unpin,
    <S as Sink<Message>>::Error: std::fmt::Debug,
    E: std::fmt::Debug,
{
    let (began, mut done) = (Instant::now(), 0);
    while began.elapsed() < TURN {
        let sent = Instant::now();
        round(socket, in_flight, length).await;
        times.record(sent.elapsed());
        done += in_flight;
    }
    done as f64 / began.elapsed().as_secs_f64()
}

async fn allocations<S, E>(socket: &mut S, in_flight: usize, length: usize) -> f64
where
    S: Sink<Message> + Stream<Item = Result<Message, E>> + Unpin,
    <S as Sink<Message>>::Error: std::fmt::Debug,
    E: std::fmt::Debug,
{
    let rounds = COUNTED / in_flight;
    for _ in 0..rounds {
        round(socket, in_flight, length).await;
    }
    let _profiler = dhat::Profiler::builder().testing().build();
    for _ in 0..rounds {
        round(socket, in_flight, length).await;
    }
    dhat::HeapStats::get().total_blocks as f64 / (rounds * in_flight) as f64
}

/// So many messages out, and back again.
async fn round<S, E>(socket: &mut S, in_flight: usize, length: usize)
where
    S: Sink<Message> + Stream<Item = Result<Message, E>> + Unpin,
    <S as Sink<Message>>::Error: std::fmt::Debug,
    E: std::fmt::Debug,
{
    static MESSAGE: [u8; 16 * 1024] = [7; 16 * 1024];
    for _ in 0..in_flight {
        let message = Message::binary(bytes::Bytes::from_static(&MESSAGE[..length]));
        socket.feed(message).await.unwrap();
    }
    socket.flush().await.unwrap();
    for _ in 0..in_flight {
        socket.next().await.unwrap().unwrap();
    }
}
