//! What a handler is told of the client with each request.

use std::net::SocketAddr;

use http::Request;

use super::builder::ListenerBuilder;
use super::client_address::{AddressHeader, ClientAddress};
use super::trusted::TrustedProxies;
use crate::registry::Entry;

/// What is known of the client of a connection.
#[derive(Debug)]
pub(super) struct Introduction {
    client: Option<SocketAddr>,
    header: AddressHeader,
    trusted: TrustedProxies,
}

impl Introduction {
    pub(super) fn new(settings: &ListenerBuilder, entry: &Entry) -> Self {
        Self {
            client: entry.client_addr(),
            header: settings.address_header,
            trusted: settings.trusted_proxies.clone(),
        }
    }

    /// Adds to `request` who makes it.
    pub(super) fn add_to<B>(&self, request: &mut Request<B>) {
        if let Some(client) = self.client {
            let connection = ClientAddress::of_connection(client);
            let headers = request.headers();
            let client = ClientAddress::of_request(connection, headers, self.header, &self.trusted);
            request.extensions_mut().insert(client);
        }
    }
}
