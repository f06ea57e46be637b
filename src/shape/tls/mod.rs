//! Between TLS and the socket: keeps the ClientHello that was really sent.

mod stream;

pub(crate) use stream::{HelloStream, SentHello};
