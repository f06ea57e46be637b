//! BoringSSL's own client side, to check the server against: what fails with another client is that client's fault.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part"
)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use boring::ssl::{
    HandshakeError, Ssl, SslContext, SslContextBuilder, SslMethod, SslRef, SslSession,
    SslSessionCacheMode, SslStream, SslVerifyMode,
};
use boring::x509::X509;
use interop::{Report, Server};
use parking_lot::Mutex;

pub type Stream = SslStream<TcpStream>;

/// A browser's way of connecting, to one server.
pub struct Client {
    context: SslContext,
    sessions: Receiver<SslSession>,
}

impl Client {
    pub fn new(server: &Server) -> Self {
        Self::with(server, |_| {})
    }

    pub fn with(server: &Server, change: impl FnOnce(&mut SslContextBuilder)) -> Self {
        let mut context = SslContext::builder(SslMethod::tls()).unwrap();
        let authority = X509::from_pem(server.authority().pem().as_bytes()).unwrap();
        context.cert_store_mut().add_cert(authority).unwrap();
        context.set_verify(SslVerifyMode::PEER);
        context.set_grease_enabled(true);
        context.set_permute_extensions(true);
        context.enable_ocsp_stapling();
        context.enable_signed_cert_timestamps();
        context.set_session_cache_mode(SslSessionCacheMode::CLIENT);
        let (sender, sessions) = channel();
        let sender = Mutex::new(sender);
        context.set_new_session_callback(move |_, session| {
            let _ = sender.lock().send(session);
        });
        change(&mut context);
        Self {
            context: context.build(),
            sessions,
        }
    }

    pub fn connect(&self, server: &Server) -> Stream {
        self.connect_with(server, |_| {}).unwrap()
    }

    pub fn connect_with(
        &self,
        server: &Server,
        change: impl FnOnce(&mut SslRef),
    ) -> Result<Stream, HandshakeError<TcpStream>> {
        let socket = TcpStream::connect(server.address()).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut ssl = Ssl::new(&self.context).unwrap();
        ssl.set_hostname("localhost").unwrap();
        ssl.verify_param_mut().set_host("localhost").unwrap();
        change(&mut ssl);
        ssl.connect(socket)
    }

    /// A handshake, a request and its answer, which is the server's report.
    pub fn visit(&self, server: &Server) -> Report {
        self.visit_with(server, |_| {})
    }

    pub fn visit_with(&self, server: &Server, change: impl FnOnce(&mut SslRef)) -> Report {
        let mut stream = self.connect_with(server, change).unwrap();
        let answer = get(&mut stream);
        let report = server.report();
        assert_eq!(answer, report.json().to_string());
        report
    }

    /// The latest session that a server gave.
    pub fn session(&self) -> SslSession {
        self.sessions().pop().unwrap()
    }

    /// Those that came since the last call.
    pub fn sessions(&self) -> Vec<SslSession> {
        self.sessions.try_iter().collect()
    }

    /// A visit that offers a session.
    pub fn resume(&self, server: &Server, session: &SslSession) -> Report {
        self.visit_with(server, |ssl| offer(ssl, session))
    }
}

pub fn offer(ssl: &mut SslRef, session: &SslSession) {
    // SAFETY: the session came from the same context.
    unsafe { ssl.set_session(session) }.unwrap();
}

/// HTTP/1.1's GET; the answer's body.
pub fn get(stream: &mut Stream) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

/// A list for ALPN.
pub fn alpn(protocols: &[&str]) -> Vec<u8> {
    let entry = |name: &&str| [&[name.len() as u8], name.as_bytes()].concat();
    protocols.iter().flat_map(entry).collect()
}

/// The types of a hello's extensions, in its order.
pub fn extensions(record: &[u8]) -> Vec<u16> {
    let two = |at: usize| usize::from(u16::from_be_bytes([record[at], record[at + 1]]));
    // Record and message header, version, random; then session id, suites, compression.
    let mut at = 5 + 4 + 2 + 32;
    at += 1 + usize::from(record[at]);
    at += 2 + two(at);
    at += 1 + usize::from(record[at]);
    at += 2;
    let mut types = Vec::new();
    while at < record.len() {
        types.push(two(at) as u16);
        at += 4 + two(at + 2);
    }
    types
}
