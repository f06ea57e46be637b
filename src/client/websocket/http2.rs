//! A WebSocket as a stream of an HTTP/2 connection, by extended CONNECT (RFC 8441).

use std::sync::Arc;
use std::time::Duration;

use h2::ext::Protocol as ConnectProtocol;
use http::{Method, Request};
use tokio::time::timeout;

use super::opened::{self, WebSocket};
use super::opening::{Opening, unanswered};
use super::tunnel::Tunnel;
use crate::client::appearance::Appearance;
use crate::client::exchange::Exchange;
use crate::client::http2::failed;
use crate::client::outgoing::http2_uri;
use crate::dial::Origin;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::Connection;
use crate::websocket::{Agreed, Limits};

/// Whether the connection's server has announced extended CONNECT.
pub(super) fn is_offered_on(connection: &Connection) -> bool {
    let lease = connection.share();
    let sender = lease.live().http2();
    sender.is_some_and(|(sender, _)| sender.is_extended_connect_protocol_enabled())
}

/// Opens it on `connection`, of which it is one use until it ends.
pub(super) async fn open(
    connection: Connection,
    opening: &Opening,
    answer_timeout: Duration,
    limits: Limits,
) -> Result<WebSocket> {
    let lease = connection.share();
    let entry = Arc::clone(lease.live().entry());
    let exchange = Exchange::begin(lease)?;
    let info = exchange.lease().info().clone();
    let (tunnel, agreed) = connect(exchange, opening, answer_timeout).await?;
    Ok(opened::on(tunnel, info, entry, agreed, limits).await)
}

async fn connect(
    mut exchange: Exchange,
    opening: &Opening,
    answer_timeout: Duration,
) -> Result<(Tunnel, Agreed)> {
    let appearance = Appearance::of(exchange.lease());
    let request = request(appearance.origin(), opening, &appearance)
        .map_err(|error| exchange.place(error))?;
    let offered = request.headers().clone();
    let Some((sender, peer)) = exchange.lease().live().http2() else {
        return Err(exchange.unsent(Error::new(ErrorKind::ConnectionClosed)));
    };
    let mut sender = match sender.ready().await {
        Ok(sender) => sender,
        Err(error) => return Err(exchange.unsent(Error::from_http2(error))),
    };
    let (response, outbound) = match sender.send_request(request, false) {
        Ok(sent) => sent,
        Err(error) => return Err(exchange.unsent(Error::from_http2(error))),
    };
    drop(sender);
    exchange.request_sent();
    let stream_id = response.stream_id().as_u32();
    let response = match timeout(answer_timeout, response).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(failed(exchange, &peer, stream_id, error)),
        Err(_) => return Err(exchange.place(unanswered(answer_timeout))),
    };
    exchange.response_received();
    let (answer, inbound) = response.into_parts();
    match opening.connected(&offered, answer) {
        Ok(agreed) => Ok((Tunnel::new(inbound, outbound, exchange), agreed)),
        Err(error) => Err(exchange.place(error)),
    }
}

fn request(origin: &Origin, opening: &Opening, appearance: &Appearance<'_>) -> Result<Request<()>> {
    let mut headers = opening.http2_headers(appearance)?;
    let mut request = Request::new(());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = http2_uri(origin, opening.path(), &mut headers)?;
    *request.headers_mut() = headers;
    let websocket = ConnectProtocol::from_static("websocket");
    request.extensions_mut().insert(websocket);
    Ok(request)
}
