//! What a handler is told of the client with each request.

use std::net::SocketAddr;

use http::Request;

use super::builder::ListenerBuilder;
use super::client_address::{AddressHeader, ClientAddress};
use super::fingerprint::{ClientFingerprint, Fingerprints};
use super::recording::Recording;
use super::trusted::TrustedProxies;
use crate::registry::{Entry, Protocol};

/// What is known of the client of a connection.
#[derive(Debug)]
pub(super) struct Introduction {
    client: Option<SocketAddr>,
    header: AddressHeader,
    trusted: TrustedProxies,
    fingerprint: Option<ClientFingerprint>,
    /// What HTTP/2 began with.
    opening: Option<Recording>,
}

impl Introduction {
    /// Of the client of `entry`, once it is known what it speaks, and which hello it sent.
    pub(super) fn new(settings: &ListenerBuilder, entry: &Entry, protocol: Protocol) -> Self {
        let fingerprint = match settings.fingerprints {
            Fingerprints::Off => None,
            _ => ClientFingerprint::of(entry)
                .or_else(|| (protocol == Protocol::Http2).then(|| unknown(entry))),
        };
        let has_opening = fingerprint.is_some() && protocol == Protocol::Http2;
        Self {
            client: entry.client_addr(),
            header: settings.address_header,
            trusted: settings.trusted_proxies.clone(),
            fingerprint,
            opening: has_opening.then(Recording::of_opening),
        }
    }

    /// Where what the connection begins with is to be recorded, if that is of interest.
    pub(super) fn recording(&self) -> Option<Recording> {
        self.opening.clone()
    }

    /// Adds to `request` who makes it.
    pub(super) fn add_to<B>(&self, request: &mut Request<B>) {
        if let Some(client) = self.client {
            let connection = ClientAddress::of_connection(client);
            let headers = request.headers();
            let client = ClientAddress::of_request(connection, headers, self.header, &self.trusted);
            request.extensions_mut().insert(client);
        }
        if let Some(fingerprint) = &self.fingerprint {
            if let Some(opening) = &self.opening {
                fingerprint.note_opening(opening);
            }
            request.extensions_mut().insert(fingerprint.clone());
        }
    }
}

fn unknown(entry: &Entry) -> ClientFingerprint {
    let fingerprint = ClientFingerprint::without_tls();
    let attributes = entry.attributes();
    attributes.insert(ClientFingerprint::ATTRIBUTE, fingerprint.clone());
    fingerprint
}
