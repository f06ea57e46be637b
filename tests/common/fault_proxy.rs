//! Between a pool and a server: a network that is slow, lossy in time, or gone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::time::sleep;

use super::peer::Peer;

/// What the network does to one direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Line {
    /// Added to each piece of up to 16 KiB.
    pub delay: Duration,
    /// Up to as much more, another for each piece; the order stays.
    pub jitter: Duration,
    /// Bytes a second; `None` is as fast as it goes.
    pub rate: Option<usize>,
    /// Nothing passes, and nobody is told: a cable that was pulled, a NAT that forgot.
    pub held: bool,
    /// Of each connection, this many bytes pass before it is cut.
    pub cut_after: Option<usize>,
}

/// What becomes of a connection that is cut, and of one that is accepted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Network {
    pub up: Line,
    pub down: Line,
    /// Cuts by RST instead of FIN.
    pub resets: bool,
    /// New connections are cut at once.
    pub refuses: bool,
    /// One connection, counted from zero, whose way down is another.
    pub odd: Option<(usize, Line)>,
}

impl Network {
    fn line(&self, number: usize, direction: Direction) -> Line {
        match (direction, self.odd) {
            (Direction::Up, _) => self.up,
            (Direction::Down, Some((odd, line))) if odd == number => line,
            (Direction::Down, _) => self.down,
        }
    }

    /// Nothing passes either way.
    pub fn half_open() -> Self {
        let held = Line {
            held: true,
            ..Line::default()
        };
        Self {
            up: held,
            down: held,
            ..Self::default()
        }
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// Ends with the value.
pub struct FaultProxy {
    peer: Peer,
    network: Arc<watch::Sender<Network>>,
    /// Counts up to cut all that is open.
    cuts: Arc<watch::Sender<u64>>,
    open: Arc<AtomicUsize>,
}

impl FaultProxy {
    pub async fn to(server: SocketAddr) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), server).await
    }

    /// As [`to`](Self::to), at a given address.
    pub async fn at(address: SocketAddr, server: SocketAddr) -> Self {
        let network = Arc::new(watch::Sender::new(Network::default()));
        let cuts = Arc::new(watch::Sender::new(0));
        let open = Arc::new(AtomicUsize::new(0));
        let shared = (Arc::clone(&network), Arc::clone(&cuts), Arc::clone(&open));
        let peer = Peer::tcp_at(address, move |number, client| {
            let (network, cuts, open) = shared.clone();
            async move {
                open.fetch_add(1, Ordering::SeqCst);
                pass(client, server, &network, number, cuts.subscribe()).await;
                open.fetch_sub(1, Ordering::SeqCst);
            }
        })
        .await;
        Self {
            peer,
            network,
            cuts,
            open,
        }
    }

    /// Changes the network for all connections, those that are open too.
    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// Cuts all that is open now.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    pub fn address(&self) -> SocketAddr {
        self.peer.address
    }

    pub fn port(&self) -> u16 {
        self.peer.port()
    }

    pub fn target(&self) -> String {
        self.peer.target()
    }

    pub fn plain_target(&self) -> String {
        self.peer.plain_target()
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> usize {
        self.peer.accepted()
    }

    /// Connections that pass now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

async fn pass(
    client: TcpStream,
    server: SocketAddr,
    network: &Arc<watch::Sender<Network>>,
    number: usize,
    mut cut: watch::Receiver<u64>,
) {
    let refused = network.borrow().refuses;
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let _ = server.set_nodelay(true);
    if !refused {
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let (mut from_client, mut from_server) = (from_client, from_server);
        let (mut to_client, mut to_server) = (to_client, to_server);
        cut.mark_unchanged();
        let ended = {
            let up = pump(&mut from_client, &mut to_server, network, |network| {
                network.line(number, Direction::Up)
            });
            let down = pump(&mut from_server, &mut to_client, network, |network| {
                network.line(number, Direction::Down)
            });
            tokio::select! {
                ends = async { tokio::join!(up, down) } => ends,
                // A direction that is cut takes the other with it.
                _ = cut.changed() => (End::Cut, End::Cut),
            }
        };
        if ended.0 == End::Cut || ended.1 == End::Cut {
            let client = from_client.reunite(to_client).unwrap();
            let server = from_server.reunite(to_server).unwrap();
            close(&client, network);
            close(&server, network);
        }
    } else {
        close(&client, network);
    }
}

fn close(socket: &TcpStream, network: &watch::Sender<Network>) {
    if network.borrow().resets {
        SockRef::from(socket)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Closed,
    Cut,
}

async fn pump(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    network: &watch::Sender<Network>,
    line: impl Fn(&Network) -> Line,
) -> End {
    let mut changes = network.subscribe();
    let mut buffer = vec![0; 16_384];
    let mut passed = 0;
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => {
                // The end of a connection does not get through a pulled cable either.
                let _ = changes.wait_for(|network| !line(network).held).await;
                let _ = to.shutdown().await;
                return End::Closed;
            }
            Ok(read) => read,
        };
        let _ = changes.wait_for(|network| !line(network).held).await;
        let now = line(&network.borrow());
        let jitter = now.jitter.mul_f64(rand::random_range(0.0..=1.0));
        let transmission = now.rate.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64(read as f64 / rate as f64)
        });
        let wait = now.delay + jitter + transmission;
        if !wait.is_zero() {
            // The network's own time.
            sleep(wait).await;
        }
        let allowed = now
            .cut_after
            .map_or(read, |most| read.min(most.saturating_sub(passed)));
        let piece = buffer.get(..allowed).unwrap();
        if to.write_all(piece).await.is_err() {
            return End::Closed;
        }
        passed += allowed;
        if now.cut_after.is_some_and(|most| passed >= most) {
            return End::Cut;
        }
    }
}
