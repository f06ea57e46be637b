//! A TCP socket that can be looked at while its connection's driver has it.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The driver's side. Dropping it closes the socket.
#[derive(Debug)]
pub(crate) struct Socket(Arc<TcpStream>);

/// What there is to see from outside.
#[derive(Clone, Debug)]
pub(crate) struct SocketView(Weak<TcpStream>);

/// What has arrived at a socket and was not read yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Arrived {
    Nothing,
    Bytes,
    /// The end of the connection, in order or not.
    End,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self(Arc::new(stream))
    }

    pub(crate) fn view(&self) -> SocketView {
        SocketView(Arc::downgrade(&self.0))
    }
}

impl SocketView {
    #[cfg(test)]
    pub(crate) fn of(socket: Weak<TcpStream>) -> Self {
        Self(socket)
    }

    /// Looks without reading: one system call.
    pub(crate) fn arrived(&self) -> Arrived {
        let Some(stream) = self.0.upgrade() else {
            return Arrived::End;
        };
        let mut byte = [MaybeUninit::uninit()];
        match SockRef::from(&*stream).peek(&mut byte) {
            Ok(0) => Arrived::End,
            Ok(_) => Arrived::Bytes,
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Arrived::Nothing,
                _ => Arrived::End,
            },
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            match self.0.try_read_buf(buffer) {
                Ok(_) => return Poll::Ready(Ok(())),
                // The readiness was out of date, and has been taken back.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(context, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(context, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.0).shutdown(Shutdown::Write))
    }
}

impl Socket {
    fn write(
        &self,
        context: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match write(&self.0) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return Poll::Ready(outcome),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (client, server) = tokio::join!(
            TcpStream::connect(listener.local_addr().unwrap()),
            listener.accept()
        );
        (Socket::new(client.unwrap()), server.unwrap().0)
    }

    async fn until(view: &SocketView, wanted: Arrived) {
        for _ in 0..10_000 {
            if view.arrived() == wanted {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("still {:?}", view.arrived());
    }

    #[tokio::test]
    async fn what_arrives_is_seen_and_still_there_to_be_read() {
        let (mut socket, mut server) = pair().await;
        let view = socket.view();
        assert_eq!(view.arrived(), Arrived::Nothing);
        server.write_all(b"ab").await.unwrap();
        until(&view, Arrived::Bytes).await;
        let mut read = [0; 2];
        socket.read_exact(&mut read).await.unwrap();
        assert_eq!((&read, view.arrived()), (b"ab", Arrived::Nothing));
        drop(server);
        until(&view, Arrived::End).await;
        assert_eq!(socket.read(&mut read).await.unwrap(), 0);
        drop(socket);
        assert_eq!(view.arrived(), Arrived::End);
    }

    #[tokio::test]
    async fn a_view_does_not_keep_the_socket_open() {
        let (socket, mut server) = pair().await;
        let _view = socket.view();
        drop(socket);
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn megabytes_pass_both_ways_and_shutdown_is_seen() {
        let (mut socket, mut server) = pair().await;
        let sent = vec![7; 4 << 20];
        let echo = async {
            let mut received = Vec::new();
            server.read_to_end(&mut received).await.unwrap();
            server.write_all(&received).await.unwrap();
            drop(server);
        };
        let client = async {
            let (head, rest) = sent.split_at(100);
            let slices = [IoSlice::new(&head[..50]), IoSlice::new(&head[50..])];
            let written = socket.write_vectored(&slices).await.unwrap();
            socket.write_all(&head[written..]).await.unwrap();
            socket.write_all(rest).await.unwrap();
            socket.shutdown().await.unwrap();
            let mut back = Vec::new();
            socket.read_to_end(&mut back).await.unwrap();
            assert!(back == sent);
        };
        tokio::join!(echo, client);
    }
}
