//! Where sockets come from: the system, or under `--cfg turmoil` a network that a test simulates.

#[cfg(turmoil)]
pub(super) use simulated::{TcpSocket, keep_alive};
#[cfg(not(turmoil))]
pub(super) use system::keep_alive;
#[cfg(not(turmoil))]
pub(super) use tokio::net::{TcpSocket, TcpStream};
#[cfg(turmoil)]
pub(super) use turmoil::net::TcpStream;

#[cfg(not(turmoil))]
mod system {
    use std::io;

    use socket2::{SockRef, TcpKeepalive};
    use tokio::net::TcpStream;

    pub(in crate::dial) fn keep_alive(stream: &TcpStream, how: &TcpKeepalive) -> io::Result<()> {
        SockRef::from(stream).set_tcp_keepalive(how)
    }
}

#[cfg(turmoil)]
mod simulated {
    use std::io;
    use std::net::SocketAddr;

    use socket2::TcpKeepalive;
    use turmoil::net::TcpStream;

    /// The simulated network has one address for each machine, and binds as it connects.
    #[derive(Debug)]
    pub(in crate::dial) struct TcpSocket;

    impl TcpSocket {
        pub(in crate::dial) fn new_v4() -> io::Result<Self> {
            Ok(Self)
        }

        pub(in crate::dial) fn new_v6() -> io::Result<Self> {
            Ok(Self)
        }

        pub(in crate::dial) fn bind(&self, _: SocketAddr) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(in crate::dial) async fn connect(self, address: SocketAddr) -> io::Result<TcpStream> {
            // Given up, it goes on and is closed when it is answered, as the system's are: turmoil's would leave the other end a
            // connection for ever.
            #[allow(
                clippy::disallowed_methods,
                reason = "simulated: it ends with its runtime"
            )]
            let connecting = tokio::spawn(TcpStream::connect(address));
            connecting.await?
        }
    }

    /// It has no probes.
    pub(in crate::dial) fn keep_alive(_: &TcpStream, _: &TcpKeepalive) -> io::Result<()> {
        Ok(())
    }
}
