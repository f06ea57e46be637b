//! A server that lives as long as its value.

use std::io::{self, Cursor, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use boring::ssl::{ErrorCode, HandshakeError, SslContext, SslStream};
use parking_lot::Mutex;

use crate::credential::Authority;
use crate::recorder::Recorder;
use crate::report::{Agreed, Report};
use crate::scenario::Scenario;
use crate::{answer, context, native};

/// The name in every server's certificate.
const NAME: &str = "localhost";

/// Longer than a handshake takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a server waits for more early data before it looks whether the handshake is done.
const GLANCE: Duration = Duration::from_millis(20);

/// A listener on loopback and a thread for each connection.
pub struct Server {
    address: SocketAddr,
    authority: Authority,
    ech_configs: Vec<u8>,
    reports: Mutex<Receiver<Report>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(scenario: Scenario) -> Self {
        let authority = Authority::new();
        let (context, ech_configs) = context::context(&scenario, &authority, NAME);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let (sender, reports) = channel();
        let end = Arc::clone(&ended);
        let thread = thread::spawn(move || accept(&listener, &context, &scenario, &sender, &end));
        Self {
            address,
            authority,
            ech_configs,
            reports: Mutex::new(reports),
            ended,
            thread: Some(thread),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// As a pool's target.
    pub fn target(&self) -> String {
        format!("{NAME}:{}", self.address.port())
    }

    /// Of the server's certificate, and of those that it asks its clients for.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The ECHConfigList of the server's ECH keys; empty without.
    pub fn ech_configs(&self) -> &[u8] {
        &self.ech_configs
    }

    /// The next connection's report, also when its handshake failed; in the order in which handshakes ended.
    pub fn report(&self) -> Report {
        self.reports
            .lock()
            .recv_timeout(PATIENCE)
            .expect("a connection should have come")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // So that the listener looks.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn accept(
    listener: &TcpListener,
    context: &SslContext,
    scenario: &Scenario,
    reports: &Sender<Report>,
    ended: &AtomicBool,
) {
    for socket in listener.incoming() {
        if ended.load(Ordering::SeqCst) {
            return;
        }
        let Ok(socket) = socket else { continue };
        let (context, scenario, reports) = (context.clone(), scenario.clone(), reports.clone());
        thread::spawn(move || serve(socket, &context, &scenario, &reports));
    }
}

fn serve(socket: TcpStream, context: &SslContext, scenario: &Scenario, reports: &Sender<Report>) {
    let _ = socket.set_nodelay(true);
    let _ = socket.set_read_timeout(Some(PATIENCE));
    let ssl = context::connection(context, scenario);
    let accepted = ssl.accept(Recorder::new(socket));
    let (mut stream, early) = match accepted.map_err(failed).and_then(finish) {
        Ok(done) => done,
        Err(report) => {
            let _ = reports.send(*report);
            return;
        }
    };
    let agreed = Agreed::of(stream.ssl());
    let http2 = agreed.alpn.as_deref() == Some("h2");
    let report = Report {
        hellos: stream.get_ref().hellos(),
        outcome: Ok(agreed),
    };
    let body = report.json().to_string();
    let _ = reports.send(report);
    let mut conversation = Conversation {
        early: Cursor::new(early),
        stream: &mut stream,
    };
    // It ends when the client leaves, whichever way.
    let _ = if http2 {
        answer::http2(&mut conversation, &body)
    } else {
        answer::http1(&mut conversation, &body)
    };
    let _ = stream.shutdown();
}

/// With early data BoringSSL's accept returns before the handshake is done: reads on until it is.
fn finish(mut stream: SslStream<Recorder>) -> Result<(SslStream<Recorder>, Vec<u8>), Box<Report>> {
    let mut early = Vec::new();
    let _ = stream.get_ref().socket().set_read_timeout(Some(GLANCE));
    for _ in 0..PATIENCE.as_millis() / GLANCE.as_millis() {
        if !native::in_early_data(stream.ssl()) {
            break;
        }
        let mut buffer = [0; 4096];
        match stream.ssl_read(&mut buffer) {
            Ok(count) => early.extend(&buffer[..count]),
            Err(error) if error.code() == ErrorCode::WANT_READ => {}
            Err(error) => {
                return Err(Box::new(Report {
                    hellos: stream.get_ref().hellos(),
                    outcome: Err(error.to_string()),
                }));
            }
        }
    }
    let _ = stream.get_ref().socket().set_read_timeout(Some(PATIENCE));
    Ok((stream, early))
}

fn failed(error: HandshakeError<Recorder>) -> Box<Report> {
    let failure = error.to_string();
    let hellos = match error {
        HandshakeError::Failure(middle) | HandshakeError::WouldBlock(middle) => {
            middle.get_ref().hellos()
        }
        HandshakeError::SetupFailure(_) => Vec::new(),
    };
    Box::new(Report {
        hellos,
        outcome: Err(failure),
    })
}

/// The early data, then the stream.
struct Conversation<'a> {
    early: Cursor<Vec<u8>>,
    stream: &'a mut SslStream<Recorder>,
}

impl Read for Conversation<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.early.read(buffer)? {
            0 => self.stream.read(buffer),
            count => Ok(count),
        }
    }
}

impl Write for Conversation<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
