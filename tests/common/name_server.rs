//! A name server on loopback that answers from a script, over UDP.
#![allow(
    clippy::indexing_slicing,
    reason = "what a resolver under test sends is well-formed, or the test fails"
)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hotpool::resolve::{DnsResolver, Resolver};
use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Types of records.
pub const A: u16 = 1;
pub const CNAME: u16 = 5;
pub const SOA: u16 = 6;
pub const AAAA: u16 = 28;
pub const HTTPS: u16 = 65;

/// How long answers hold, in seconds, unless it is said.
pub const TIME_TO_LIVE: u32 = 300;

const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;

/// What a query is answered with.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Records of the name asked for: their types, times to live and data.
    Records(Vec<(u16, u32, Vec<u8>)>),
    /// The name has none of this type; a SOA says for how many seconds.
    Nothing(u32),
    NoSuchName,
    Failure,
    Silence,
    After(Duration, Box<Self>),
}

impl Reply {
    /// Addresses of one family, which is the one that is asked for.
    pub fn addresses(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let record = |address| match address {
            IpAddr::V4(v4) => (A, TIME_TO_LIVE, v4.octets().to_vec()),
            IpAddr::V6(v6) => (AAAA, TIME_TO_LIVE, v6.octets().to_vec()),
        };
        Self::Records(addresses.into_iter().map(record).collect())
    }

    /// One HTTPS record (RFC 9460 §2.2).
    pub fn service(priority: u16, target: &str, parameters: &[(u16, &[u8])]) -> Self {
        let mut data = priority.to_be_bytes().to_vec();
        data.extend(encode_name(target));
        for (key, value) in parameters {
            data.extend(key.to_be_bytes());
            data.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
            data.extend(*value);
        }
        Self::Records(vec![(HTTPS, TIME_TO_LIVE, data)])
    }

    /// An HTTPS record of the origin itself that names these protocols and no other.
    pub fn speaks(protocols: &[&str]) -> Self {
        const ALPN: u16 = 1;
        const NO_DEFAULT_ALPN: u16 = 2;
        let mut names = Vec::new();
        for protocol in protocols {
            names.push(u8::try_from(protocol.len()).unwrap());
            names.extend(protocol.bytes());
        }
        Self::service(1, ".", &[(ALPN, &names), (NO_DEFAULT_ALPN, b"")])
    }

    pub fn after(self, delay: Duration) -> Self {
        Self::After(delay, Box::new(self))
    }
}

type Script = dyn Fn(&str, u16) -> Reply + Send + Sync;

/// Ends with the value.
pub struct NameServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, u16)>>>,
    _task: JoinSet<()>,
}

impl NameServer {
    /// Answers each query with what `script` says to its name and type.
    pub async fn start(script: impl Fn(&str, u16) -> Reply + Send + Sync + 'static) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<(String, u16)>>> = Arc::default();
        let mut task = JoinSet::new();
        task.spawn(serve(socket, Arc::new(script), Arc::clone(&asked)));
        Self {
            address,
            asked,
            _task: task,
        }
    }

    /// A resolver that asks this server.
    pub fn resolver(&self) -> Resolver {
        let upstream = DnsResolver::with_name_servers([self.address]);
        Resolver::builder().upstream(Arc::new(upstream)).build()
    }

    /// The names and types asked for, repetitions included.
    pub fn asked(&self) -> Vec<(String, u16)> {
        self.asked.lock().clone()
    }
}

async fn serve(socket: UdpSocket, script: Arc<Script>, asked: Arc<Mutex<Vec<(String, u16)>>>) {
    let socket = Arc::new(socket);
    let mut late = JoinSet::new();
    let mut buffer = [0; 1500];
    loop {
        let (length, peer) = socket.recv_from(&mut buffer).await.unwrap();
        let (question, name, kind) = parse(&buffer[..length]);
        let mut reply = script(&name, kind);
        asked.lock().push((name, kind));
        let mut delay = Duration::ZERO;
        while let Reply::After(more, then) = reply {
            delay += more;
            reply = *then;
        }
        let Some(message) = encode(&buffer[..2], question, &reply) else {
            continue;
        };
        let socket = Arc::clone(&socket);
        late.spawn(async move {
            // The script's slowness is what is tested.
            sleep(delay).await;
            socket.send_to(&message, peer).await.unwrap();
        });
    }
}

/// The question's bytes, its name and its type (RFC 1035 §4.1.2).
fn parse(message: &[u8]) -> (&[u8], String, u16) {
    let mut labels = Vec::new();
    let mut at = 12;
    while message[at] != 0 {
        let end = at + 1 + usize::from(message[at]);
        labels.push(String::from_utf8(message[at + 1..end].to_vec()).unwrap());
        at = end;
    }
    let kind = u16::from_be_bytes([message[at + 1], message[at + 2]]);
    (&message[12..at + 5], labels.join("."), kind)
}

fn encode(id: &[u8], question: &[u8], reply: &Reply) -> Option<Vec<u8>> {
    const OWNER: &[u8] = &[0xc0, 12];
    let (code, answers, authority) = match reply {
        Reply::Records(records) => (0, records.clone(), None),
        Reply::Nothing(minimum) => (0, Vec::new(), Some(*minimum)),
        Reply::NoSuchName => (NXDOMAIN, Vec::new(), Some(TIME_TO_LIVE)),
        Reply::Failure => (SERVFAIL, Vec::new(), None),
        Reply::Silence | Reply::After(..) => return None,
    };
    let mut message = [id, &[0x81, 0x80 | code, 0, 1]].concat();
    message.extend(u16::try_from(answers.len()).unwrap().to_be_bytes());
    message.extend(u16::from(authority.is_some()).to_be_bytes());
    message.extend([0, 0]);
    message.extend(question);
    for (kind, time_to_live, data) in &answers {
        message.extend(record(OWNER, *kind, *time_to_live, data));
    }
    if let Some(minimum) = authority {
        let mut data = vec![0; 2 + 4 * 4];
        data.extend(minimum.to_be_bytes());
        message.extend(record(&[0], SOA, 86_400, &data));
    }
    Some(message)
}

fn record(owner: &[u8], kind: u16, time_to_live: u32, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let class = 1_u16;
    let mut bytes = owner.to_vec();
    bytes.extend(kind.to_be_bytes());
    bytes.extend(class.to_be_bytes());
    bytes.extend(time_to_live.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend(data);
    bytes
}

pub fn encode_name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}
