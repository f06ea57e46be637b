//! Between a pool and a server: keeps what the client sends.

use std::net::SocketAddr;
use std::sync::Arc;

use hotpool::profile::ClientHello;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::peer::Peer;

/// Ends with the value.
pub struct Relay {
    peer: Peer,
    sent: Sent,
}

/// What the client sent, by connection.
type Sent = Arc<Mutex<Vec<Vec<u8>>>>;

impl Relay {
    pub async fn to(server: SocketAddr) -> Self {
        let sent = Sent::default();
        let store = Arc::clone(&sent);
        let peer = Peer::tcp(move |number, socket| {
            let store = Arc::clone(&store);
            async move {
                let server = TcpStream::connect(server).await.unwrap();
                let (mut from_client, mut to_client) = socket.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                let up = async {
                    let mut buffer = Vec::with_capacity(16_384);
                    while let Ok(1..) = from_client.read_buf(&mut buffer).await {
                        keep(&store, number, &buffer);
                        if to_server.write_all(&buffer).await.is_err() {
                            break;
                        }
                        buffer.clear();
                    }
                    let _ = to_server.shutdown().await;
                };
                let down = async {
                    let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
                    let _ = to_client.shutdown().await;
                };
                tokio::join!(up, down);
            }
        })
        .await;
        Self { peer, sent }
    }

    pub fn address(&self) -> SocketAddr {
        self.peer.address
    }

    /// All that the client sent on its last connection.
    pub fn sent(&self) -> Vec<u8> {
        self.sent.lock().last().unwrap().clone()
    }

    /// The hello of the last connection, and the one after a HelloRetryRequest.
    pub fn hellos(&self) -> (ClientHello, Option<ClientHello>) {
        let sent = self.sent();
        let mut hellos = records(&sent)
            .take_while(|(kind, _)| *kind != 23)
            .filter_map(|(_, record)| ClientHello::from_records(record).ok());
        (hellos.next().unwrap(), hellos.next())
    }

    /// The fatal alert at the end of the last connection, if it could be read: RFC 8446 section 6.
    pub fn alert(&self) -> Option<u8> {
        let sent = self.sent();
        records(&sent).find_map(|(_, record)| match *record {
            [21, _, _, 0, 2, 2, alert] => Some(alert),
            _ => None,
        })
    }

    /// The longest record of application data on the last connection, its header left out.
    pub fn longest_record(&self) -> usize {
        let sent = self.sent();
        let lengths = records(&sent)
            .filter(|(kind, _)| *kind == 23)
            .map(|(_, record)| record.len() - 5);
        lengths.max().unwrap_or_default()
    }
}

fn keep(sent: &Sent, number: usize, bytes: &[u8]) {
    let mut sent = sent.lock();
    let count = sent.len().max(number + 1);
    sent.resize(count, Vec::new());
    if let Some(connection) = sent.get_mut(number) {
        connection.extend(bytes);
    }
}

/// Types and whole records.
fn records(mut rest: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let [kind, _, _, high, low, ..] = *rest else {
            return None;
        };
        let length = 5 + usize::from(u16::from_be_bytes([high, low]));
        let (record, after) = rest.split_at_checked(length)?;
        rest = after;
        Some((kind, record))
    })
}
