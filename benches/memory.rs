//! What an idle warm TLS and HTTP/2 connection costs its client: resident memory and heap, beside raw h2 and rustls. Each figure is
//! the difference between two processes with more and fewer connections; the server is a process of its own.
//! `cargo bench --bench memory`; `… -- profile pool 200` writes dhat-heap.json, which says what holds the heap.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a benchmark prints, and fails by panicking"
)]

mod common;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::Server;
use h2::client::SendRequest;
use hotpool::{Pool, Trust};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Without a profiler it only hands on to the system's.
#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const WAYS: [(&str, &str); 4] = [
    ("raw h2 and rustls", "raw"),
    ("hotpool", "rustls"),
    ("hotpool, Chromium", "chromium-156"),
    ("hotpool, Firefox", "firefox-esr-153"),
];

/// Fewer and more connections: for resident memory, which comes in pages, and for the heap, which is counted by the byte.
const RESIDENT: [usize; 2] = [500, 3_500];
const HEAP: [usize; 2] = [50, 250];

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["server"] => serve(),
        ["client", measure, way, count, address, authority] => {
            let address = address.parse().unwrap();
            client(measure, way, count.parse().unwrap(), address, authority);
        }
        ["profile", way, count] => {
            println!("{} bytes of heap", measured("profile", way, count));
        }
        _ => compare(),
    }
}

fn compare() {
    println!("for each idle warm connection, with TLS and HTTP/2");
    let mut raw = None;
    for (name, way) in WAYS {
        let each = |measure: &str, [fewer, more]: [usize; 2]| {
            let [low, high] = [fewer, more].map(|count| measured(measure, way, &count.to_string()));
            (high - low) as f64 / (more - fewer) as f64
        };
        let (resident, heap) = (each("resident", RESIDENT), each("heap", HEAP));
        let (raw_resident, raw_heap) = *raw.get_or_insert((resident, heap));
        println!(
            "  {name:<18} resident {:>5.1} KiB (raw {:+.1})   heap {heap:>6.0} bytes (raw {:+.0})",
            resident / 1024.0,
            (resident - raw_resident) / 1024.0,
            heap - raw_heap,
        );
    }
}

/// What a client's process measured, in bytes.
fn measured(measure: &str, way: &str, count: &str) -> i64 {
    let myself = std::env::current_exe().unwrap();
    let mut server = Command::new(&myself)
        .arg("server")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let address = lines.next().unwrap().unwrap();
    let authority: String = lines
        .map_while(|line| line.ok().filter(|line| !line.is_empty()))
        .flat_map(|line| [line, "\n".to_owned()])
        .collect();
    let output = Command::new(&myself)
        .args(["client", measure, way, count, &address, &authority])
        .stderr(Stdio::inherit())
        .output();
    end(server);
    let output = String::from_utf8(output.unwrap().stdout).unwrap();
    output.trim().parse().unwrap()
}

fn end(mut server: Child) {
    server.kill().unwrap();
    server.wait().unwrap();
}

fn serve() {
    let server = Server::start();
    println!("{}\n{}", server.address, server.certificate_pem);
    // Until the parent ends it, or has ended.
    let _ = std::io::stdin().lines().count();
}

fn client(measure: &str, way: &str, count: usize, address: SocketAddr, authority: &str) {
    let _profiler = match measure {
        "resident" => None,
        "profile" => Some(dhat::Profiler::builder().trim_backtraces(Some(24)).build()),
        _ => Some(dhat::Profiler::builder().testing().build()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut raw = Vec::new();
        let mut drivers = JoinSet::new();
        let mut pool = None;
        if way == "raw" {
            let connector = connector(authority);
            for _ in 0..count {
                raw.push(raw_h2(&connector, address, &mut drivers).await);
            }
        } else {
            let pool = pool.insert(
                Pool::builder()
                    .trust(Trust::only(authority.as_bytes()).unwrap())
                    .profile(way)
                    .max_connections(count)
                    .max_connections_per_host(count)
                    .min_warm(count)
                    .build()
                    .unwrap(),
            );
            let report = pool
                .preheat([format!("localhost:{}", address.port())])
                .await;
            assert!(report.is_complete(), "{report:?}");
            assert_eq!(pool.stats().connections, count);
        }
        // Until the tickets and the acknowledgements have arrived.
        tokio::time::sleep(Duration::from_secs(2)).await;
        match measure {
            "resident" => println!("{}", resident()),
            _ => println!("{}", dhat::HeapStats::get().curr_bytes),
        }
        if measure == "profile" {
            // What is there when the profiler ends is what it attributes.
            drop(_profiler);
        }
    });
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes.unwrap().parse::<u64>().unwrap() * 1024
}

fn connector(authority: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(authority.as_bytes()).unwrap();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// With the windows that the pool's connections have.
async fn raw_h2(
    connector: &TlsConnector,
    address: SocketAddr,
    drivers: &mut JoinSet<()>,
) -> SendRequest<Bytes> {
    let socket = TcpStream::connect(address).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let name = "localhost".try_into().unwrap();
    let stream = connector.connect(name, socket).await.unwrap();
    let (sender, connection) = h2::client::Builder::new()
        .initial_window_size(2 * 1024 * 1024)
        .initial_connection_window_size(5 * 1024 * 1024)
        .max_header_list_size(64 * 1024)
        .enable_push(false)
        .handshake(stream)
        .await
        .unwrap();
    drivers.spawn(async move { connection.await.unwrap() });
    sender
}
