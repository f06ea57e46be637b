//! HTTP/1.1 by hand, for servers that break it.

use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// A whole answer whose connection stays.
pub const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// Reads one request with the body that its content-length announces; `None` at the end of the connection.
pub async fn request<IO: AsyncRead + Unpin>(io: &mut IO) -> Option<String> {
    let mut text = Vec::new();
    loop {
        let byte = io.read_u8().await.ok()?;
        text.push(byte);
        if text.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let mut text = String::from_utf8(text).unwrap();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    io.read_exact(&mut body).await.ok()?;
    text.push_str(std::str::from_utf8(&body).unwrap());
    Some(text)
}

/// Writes; a client that left is the test's business.
pub async fn answer<IO: AsyncWrite + Unpin>(io: &mut IO, text: &str) {
    let _ = io.write_all(text.as_bytes()).await;
    let _ = io.flush().await;
}

/// Answers every request with `hello` until the client leaves.
pub async fn serve<IO: AsyncRead + AsyncWrite + Unpin>(mut io: IO) {
    while request(&mut io).await.is_some() {
        answer(&mut io, HELLO).await;
    }
}

/// Closes with RST instead of FIN.
pub fn reset(socket: TcpStream) {
    SockRef::from(&socket)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

/// Stays silent until the client leaves.
pub async fn silence<IO: AsyncRead + Unpin>(mut io: IO) {
    let mut ignored = [0; 1024];
    while matches!(io.read(&mut ignored).await, Ok(1..)) {}
}
