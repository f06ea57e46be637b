//! A WebSocket whose opening has been answered.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::pool::ConnectionInfo;
use crate::registry::Entry;
use crate::websocket::{self, Agreed, Limits, Parties};

/// A WebSocket that this side opened, and the connection that it is on.
pub type WebSocket = websocket::WebSocket<ConnectionInfo>;

/// On a connection, or a stream of one.
pub(super) async fn on(
    carrier: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    connection: ConnectionInfo,
    entry: Arc<Entry>,
    agreed: Agreed,
    limits: Limits,
) -> WebSocket {
    let parties = Parties {
        role: Role::Client,
        entry,
        host: Some(connection.origin().host().into()),
        address: connection.remote_addr(),
    };
    WebSocket::new(carrier, connection, parties, agreed, limits).await
}
