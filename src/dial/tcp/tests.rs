//! With sockets on loopback, and a policy that keeps a diary.

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket};

use super::*;
use crate::dial::LocalAddressChoice;
use crate::resolve::Families;

/// What a policy was asked and told.
#[derive(Debug, Default)]
struct Diary {
    forbidden: Vec<SocketAddr>,
    began: Mutex<Vec<SocketAddr>>,
    ended: Mutex<Vec<(SocketAddr, ErrorKind)>>,
    /// As many copies as there are permits, and this one.
    permits: Arc<()>,
}

impl AddressPolicy for Diary {
    fn order(&self, resolved: Vec<SocketAddr>, _: Families) -> Result<Vec<SocketAddr>> {
        Ok(resolved)
    }

    fn begin(&self, address: SocketAddr) -> Result<AddressPermit> {
        if self.forbidden.contains(&address) {
            return Err(Error::new(ErrorKind::AcquireTimeout));
        }
        self.began.lock().push(address);
        Ok(Box::new(Arc::clone(&self.permits)))
    }

    fn ended(&self, address: SocketAddr, outcome: std::result::Result<Duration, &Error>) {
        self.ended
            .lock()
            .push((address, outcome.unwrap_err().kind()));
    }
}

async fn connect(policy: &Diary, addresses: &[SocketAddr]) -> Result<Connected> {
    let local = LocalAddresses::default();
    connect_from(policy, &local, addresses).await
}

async fn connect_from(
    policy: &Diary,
    local: &LocalAddresses,
    addresses: &[SocketAddr],
) -> Result<Connected> {
    let connector = Connector {
        host: "a",
        policy,
        local,
        deadline: Instant::now() + Duration::from_secs(5),
    };
    race(&connector, addresses).await
}

async fn race(connector: &Connector<'_>, addresses: &[SocketAddr]) -> Result<Connected> {
    let mut failover = Failover::new(addresses.to_vec());
    connector
        .connect(&mut failover, &mut Destinations::none())
        .await
}

async fn open(ip: &str) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((ip, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Nobody listens there.
async fn closed(ip: &str) -> SocketAddr {
    open(ip).await.1
}

/// A listener whose queue is full: what comes is neither answered nor refused.
struct Silent {
    _listener: TcpListener,
    _streams: Vec<TcpStream>,
    address: SocketAddr,
}

async fn silent(ip: &str) -> Silent {
    let socket = TcpSocket::new_v4().unwrap();
    socket
        .bind(SocketAddr::new(ip.parse().unwrap(), 0))
        .unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut streams = Vec::new();
    // Until one more does not get through: how many do is the kernel's choice.
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
    {
        streams.push(stream);
        assert!(streams.len() < 20, "the queue does not fill");
    }
    Silent {
        _listener: listener,
        _streams: streams,
        address,
    }
}

#[tokio::test]
async fn a_refusing_address_gives_way_to_the_next() {
    let (_listener, open) = open("127.0.0.1").await;
    let closed = closed("127.0.0.2").await;
    let diary = Diary::default();
    let connected = connect(&diary, &[closed, open]).await.unwrap();
    assert_eq!(
        (connected.address, &connected.failed[..]),
        (open, &[closed][..])
    );
    assert!(connected.stream.nodelay().unwrap());
    assert!(SockRef::from(&connected.stream).keepalive().unwrap());
    assert_eq!(*diary.ended.lock(), [(closed, ErrorKind::ConnectRefused)]);

    let error = connect(&diary, &[closed]).await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectRefused);
    assert_eq!(error.address(), Some(closed));
}

#[tokio::test]
async fn a_silent_address_is_overtaken_and_not_blamed() {
    let silent = silent("127.0.0.1").await;
    let (_listener, open) = open("127.0.0.2").await;
    let diary = Diary::default();
    let connected = connect(&diary, &[silent.address, open]).await.unwrap();
    assert_eq!(connected.address, open);
    assert_eq!(*diary.began.lock(), [silent.address, open]);
    assert!(diary.ended.lock().is_empty(), "it only lost a race");
    assert_eq!(Arc::strong_count(&diary.permits), 2, "the loser's is back");
    drop(connected);
    assert_eq!(Arc::strong_count(&diary.permits), 1);
}

#[tokio::test]
async fn the_deadline_is_held_against_those_that_had_a_fair_chance() {
    let silent = silent("127.0.0.1").await;
    let diary = Diary::default();
    for (left, blamed) in [(FAIR_CHANCE / 4, 0), (FAIR_CHANCE, 1)] {
        let connector = Connector {
            host: "a",
            policy: &diary,
            local: &LocalAddresses::default(),
            deadline: Instant::now() + left + Duration::from_millis(50),
        };
        let error = race(&connector, &[silent.address]).await.map(|_| ());
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectTimeout);
        assert_eq!(error.address(), Some(silent.address));
        assert_eq!(diary.ended.lock().len(), blamed);
    }
}

#[tokio::test]
async fn a_forbidden_address_is_passed_over_and_its_limit_named_when_nothing_else_failed() {
    let (_first, one) = open("127.0.0.1").await;
    let (_second, other) = open("127.0.0.2").await;
    let diary = Diary {
        forbidden: vec![one],
        ..Diary::default()
    };
    assert_eq!(connect(&diary, &[one, other]).await.unwrap().address, other);
    let error = connect(&diary, &[one]).await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AcquireTimeout);
    let closed = closed("127.0.0.3").await;
    let error = connect(&diary, &[one, closed]).await.map(|_| ());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::ConnectRefused);
}

#[tokio::test]
async fn connections_come_from_the_local_addresses_and_their_faults_are_not_the_remotes() {
    let (_listener, open) = open("127.0.0.1").await;
    let diary = Diary::default();
    let here: IpAddr = "127.0.0.77".parse().unwrap();
    let local = LocalAddresses::new([here], LocalAddressChoice::Rotate);
    let connected = connect_from(&diary, &local, &[open]).await.unwrap();
    assert_eq!(connected.stream.local_addr().unwrap().ip(), here);

    // From TEST-NET-1 (RFC 5737), which no machine has.
    let alien = LocalAddresses::new(["192.0.2.77".parse().unwrap()], LocalAddressChoice::Rotate);
    let error = connect_from(&diary, &alien, &[open]).await.map(|_| ());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::OutOfResources);
    assert!(diary.ended.lock().is_empty());
}

#[test]
fn exhaustion_is_ours() {
    let address: SocketAddr = "192.0.2.1:443".parse().unwrap();
    let eaddrnotavail = 99;
    for (code, is_ours, is_exhaustion) in [
        (EMFILE, true, true),
        (ENFILE, true, true),
        (ENOMEM, true, true),
        (ENOBUFS, true, true),
        (eaddrnotavail, true, false),
        (111, false, false),
    ] {
        let missed = Missed::new(io::Error::from_raw_os_error(code), address);
        assert_eq!(
            (missed.is_ours, missed.is_exhaustion),
            (is_ours, is_exhaustion),
            "{code}"
        );
        assert!(missed.error.is_retryable());
    }
}
