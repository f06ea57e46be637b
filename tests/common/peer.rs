//! A server whose behaviour a test scripts, connection by connection.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hotpool::Protocols;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::http1;
use super::http2::{Http2, REFUSED_STREAM};

/// Accepts connections and runs a script on each; ends with the value.
pub struct Peer {
    pub address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Peer {
    /// Runs `script` on each TCP connection, given its number from 0.
    pub async fn tcp<F, Fut>(script: F) -> Self
    where
        F: Fn(usize, TcpStream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::tcp_at(SocketAddr::from(([127, 0, 0, 1], 0)), script).await
    }

    /// As [`tcp`](Self::tcp), at a given address.
    pub async fn tcp_at<F, Fut>(address: SocketAddr, script: F) -> Self
    where
        F: Fn(usize, TcpStream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        #[allow(
            clippy::disallowed_methods,
            reason = "the value owns the task and aborts it"
        )]
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                // As servers do; else what follows a first small answer waits 40 ms for its acknowledgement.
                let _ = socket.set_nodelay(true);
                let number = count.fetch_add(1, Ordering::SeqCst);
                connections.spawn(script(number, socket));
            }
        });
        Self {
            address,
            accepted,
            task,
        }
    }

    /// Runs `script` on each connection after its TLS handshake; connections that fail it are dropped.
    pub async fn tls<F, Fut>(config: Arc<ServerConfig>, script: F) -> Self
    where
        F: Fn(usize, TlsStream<TcpStream>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::tls_at(SocketAddr::from(([127, 0, 0, 1], 0)), config, script).await
    }

    /// As [`tls`](Self::tls), at a given address.
    pub async fn tls_at<F, Fut>(address: SocketAddr, config: Arc<ServerConfig>, script: F) -> Self
    where
        F: Fn(usize, TlsStream<TcpStream>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let script = Arc::new(script);
        Self::tcp_at(address, move |number, socket| {
            let (acceptor, script) = (TlsAcceptor::from(Arc::clone(&config)), Arc::clone(&script));
            async move {
                if let Ok(stream) = acceptor.accept(socket).await {
                    script(number, stream).await;
                }
            }
        })
        .await
    }

    /// Answers every request, over one of the two protocols.
    pub async fn serving(protocols: Protocols) -> Self {
        Self::tcp(move |_, socket| async move {
            match protocols {
                Protocols::Http1 => http1::serve(socket).await,
                _ => {
                    if let Some(mut http2) = Http2::accept(socket, &[]).await {
                        http2.serve().await;
                    }
                }
            }
        })
        .await
    }

    /// Refuses every request, over HTTP/2; and how many came.
    pub async fn refusing() -> (Self, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let peer = Self::tcp(move |_, socket| {
            let count = Arc::clone(&count);
            async move {
                let mut http2 = Http2::accept(socket, &[]).await.unwrap();
                while let Some(stream) = http2.request().await {
                    count.fetch_add(1, Ordering::SeqCst);
                    http2.reset(stream, REFUSED_STREAM).await;
                }
            }
        })
        .await;
        (peer, asked)
    }

    /// How many TCP connections have been accepted.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// How a certificate for `localhost` wants it named.
    pub fn target(&self) -> String {
        format!("localhost:{}", self.port())
    }

    /// The same without TLS.
    pub fn plain_target(&self) -> String {
        format!("http://{}", self.target())
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
