//! A proxy by hand, which keeps what it was told and what passed through it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::TcpStream;

use super::peer::Peer;

/// What the proxy does. Every name is `localhost` to it.
#[derive(Clone, Default)]
pub struct Manner {
    /// For CONNECT the value of `Proxy-Authorization`; for SOCKS5 the name, a colon, and the password.
    pub wants: Option<&'static str>,
    /// The first byte of the server is sent with the answer, in one piece.
    pub is_late: bool,
    /// What it says of these addresses is that they refuse.
    pub refuses: Vec<SocketAddr>,
}

/// One connection to the proxy.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// All that it was told before the tunnel was there, as text as far as it is text.
    pub told: String,
    /// What it was asked to connect to.
    pub asked: String,
    /// What the client sent through the tunnel.
    pub sent: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Speaks {
    Connect,
    Socks5,
}

/// Ends with the value.
pub struct ScriptedProxy {
    peer: Peer,
    seen: Arc<Mutex<Vec<Seen>>>,
    open: Arc<AtomicUsize>,
}

impl ScriptedProxy {
    pub async fn start(speaks: Speaks, manner: Manner) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), speaks, manner).await
    }

    pub async fn at(address: SocketAddr, speaks: Speaks, manner: Manner) -> Self {
        let (seen, open) = (Arc::default(), Arc::default());
        let conduct = Conduct::new(speaks, manner, &seen, &open);
        let peer = Peer::tcp_at(address, move |_, socket| conduct.clone().connection(socket)).await;
        Self { peer, seen, open }
    }

    pub async fn tls(config: Arc<ServerConfig>, manner: Manner) -> Self {
        let (seen, open) = (Arc::default(), Arc::default());
        let conduct = Conduct::new(Speaks::Connect, manner, &seen, &open);
        let peer = Peer::tls(config, move |_, stream| conduct.clone().connection(stream)).await;
        Self { peer, seen, open }
    }

    pub fn address(&self) -> SocketAddr {
        self.peer.address
    }

    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.peer.address)
    }

    pub fn accepted(&self) -> usize {
        self.peer.accepted()
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }

    pub fn last(&self) -> Seen {
        self.seen().pop().unwrap()
    }
}

#[derive(Clone)]
struct Conduct {
    speaks: Speaks,
    manner: Manner,
    seen: Arc<Mutex<Vec<Seen>>>,
    open: Arc<AtomicUsize>,
}

impl Conduct {
    fn new(
        speaks: Speaks,
        manner: Manner,
        seen: &Arc<Mutex<Vec<Seen>>>,
        open: &Arc<AtomicUsize>,
    ) -> Self {
        Self {
            speaks,
            manner,
            seen: Arc::clone(seen),
            open: Arc::clone(open),
        }
    }

    async fn connection<IO: AsyncRead + AsyncWrite + Unpin>(self, mut io: IO) {
        self.open.fetch_add(1, Ordering::SeqCst);
        let place = {
            let mut seen = self.seen.lock();
            seen.push(Seen::default());
            seen.len() - 1
        };
        let asked = match self.speaks {
            Speaks::Connect => self.connect(&mut io, place).await,
            Speaks::Socks5 => self.socks5(&mut io, place).await,
        };
        if let Some(server) = asked {
            self.pass(io, server, place).await;
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    async fn connect<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        io: &mut IO,
        place: usize,
    ) -> Option<TcpStream> {
        let head = super::http1::request(io).await?;
        let asked = head.split(' ').nth(1).unwrap().to_owned();
        self.note(place, |seen| seen.told.clone_from(&head));
        self.note(place, |seen| seen.asked.clone_from(&asked));
        let line = self
            .manner
            .wants
            .map(|value| format!("proxy-authorization: {value}\r\n"));
        if line.is_some_and(|line| !head.contains(&line)) {
            let answer = "HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic realm=\"r\"\r\nContent-Length: 2\r\n\r\nno";
            super::http1::answer(io, answer).await;
            return None;
        }
        let Some(mut server) = self.reach(&asked).await else {
            super::http1::answer(io, "HTTP/1.1 502 Not reached\r\n\r\n").await;
            return None;
        };
        let mut answer = b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n".to_vec();
        if self.manner.is_late {
            answer.push(server.read_u8().await.ok()?);
        }
        io.write_all(&answer).await.ok()?;
        io.flush().await.ok()?;
        Some(server)
    }

    async fn socks5<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        io: &mut IO,
        place: usize,
    ) -> Option<TcpStream> {
        let [5, count] = bytes(io).await? else {
            return None;
        };
        let mut methods = vec![0; usize::from(count)];
        io.read_exact(&mut methods).await.ok()?;
        let wanted = if self.manner.wants.is_some() { 2 } else { 0 };
        if !methods.contains(&wanted) {
            io.write_all(&[5, 0xff]).await.ok()?;
            return None;
        }
        io.write_all(&[5, wanted]).await.ok()?;
        if let Some(wants) = self.manner.wants {
            let [1] = bytes(io).await? else { return None };
            let (name, password) = (text(io).await?, text(io).await?);
            let told = format!("{name}:{password}");
            self.note(place, |seen| seen.told.clone_from(&told));
            let status = u8::from(told != wants);
            io.write_all(&[1, status]).await.ok()?;
            if status != 0 {
                return None;
            }
        }
        let [5, 1, 0, kind] = bytes(io).await? else {
            return None;
        };
        let host = match kind {
            1 => Ipv4Addr::from(bytes::<_, 4>(io).await?).to_string(),
            3 => text(io).await?,
            _ => return None,
        };
        let asked = format!("{host}:{}", u16::from_be_bytes(bytes(io).await?));
        self.note(place, |seen| seen.asked.clone_from(&asked));
        let Some(server) = self.reach(&asked).await else {
            io.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
            return None;
        };
        // A name, the longest form there is.
        let mut reply = vec![5, 0, 0, 3, 4];
        reply.extend(b"here\0\0");
        io.write_all(&reply).await.ok()?;
        Some(server)
    }

    async fn reach(&self, asked: &str) -> Option<TcpStream> {
        let (host, port) = asked.rsplit_once(':').unwrap();
        let ip = host.parse().unwrap_or(Ipv4Addr::LOCALHOST);
        let address = SocketAddr::from((ip, port.parse().unwrap()));
        if self.manner.refuses.contains(&address) {
            return None;
        }
        let server = TcpStream::connect(address).await.ok()?;
        let _ = server.set_nodelay(true);
        Some(server)
    }

    async fn pass<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        io: IO,
        server: TcpStream,
        place: usize,
    ) {
        let (mut from_client, mut to_client) = split(io);
        let (mut from_server, mut to_server) = server.into_split();
        let up = async {
            let mut buffer = Vec::with_capacity(16_384);
            while let Ok(1..) = from_client.read_buf(&mut buffer).await {
                self.note(place, |seen| seen.sent.extend(&buffer));
                if to_server.write_all(&buffer).await.is_err() {
                    break;
                }
                buffer.clear();
            }
            let _ = to_server.shutdown().await;
        };
        let down = async {
            let mut buffer = Vec::with_capacity(16_384);
            while let Ok(1..) = from_server.read_buf(&mut buffer).await {
                if to_client.write_all(&buffer).await.is_err() || to_client.flush().await.is_err() {
                    break;
                }
                buffer.clear();
            }
            let _ = to_client.shutdown().await;
        };
        tokio::join!(up, down);
    }

    fn note(&self, place: usize, note: impl FnOnce(&mut Seen)) {
        if let Some(seen) = self.seen.lock().get_mut(place) {
            note(seen);
        }
    }
}

async fn bytes<IO: AsyncRead + Unpin, const COUNT: usize>(io: &mut IO) -> Option<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    io.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}

/// Behind its length.
async fn text<IO: AsyncRead + Unpin>(io: &mut IO) -> Option<String> {
    let [length] = bytes(io).await?;
    let mut text = vec![0; usize::from(length)];
    io.read_exact(&mut text).await.ok()?;
    String::from_utf8(text).ok()
}
