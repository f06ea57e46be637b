//! Addresses and HTTPS records of one origin, asked for at once.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::Either;
use tokio::time::{Instant, timeout};

use super::host::Host;
use super::remembered::Held;
use super::resolved::Resolved;
use super::resolver::{MAX_ADDRESSES_PER_FAMILY, Resolver, at_port};
use super::service::Services;
use crate::error::Error;

type Addresses = Result<Held<Arc<[IpAddr]>>, Error>;

/// `host` is a name that needs a lookup.
pub(super) async fn look_up_origin(
    resolver: &Resolver,
    host: &str,
    port: u16,
) -> Result<Resolved, Error> {
    let mut addresses = resolver.ask_addresses(host);
    let mut services = resolver.ask_services(host, port);
    let first = tokio::select! {
        biased;
        landed = addresses.wait() => Either::Left(landed),
        landed = services.wait() => Either::Right(landed),
    };
    match first {
        Either::Left(landed) => {
            let patience = match landed {
                Ok(_) => RESOLUTION_DELAY,
                Err(_) => RESCUE_DELAY,
            };
            let services = match timeout(patience, services.wait()).await {
                Ok(services) => services.ok().map(|held| held.value),
                Err(_) => {
                    services.park();
                    None
                }
            };
            combine(resolver, port, landed, services).await
        }
        Either::Right(landed) => {
            let services = landed.ok().map(|held| held.value);
            let hints = services
                .as_ref()
                .map_or_else(Vec::new, |services| hints(services, port));
            if hints.is_empty() {
                let landed = addresses.wait().await;
                return combine(resolver, port, landed, services).await;
            }
            match timeout(RESOLUTION_DELAY, addresses.wait()).await {
                Ok(landed) => combine(resolver, port, landed, services).await,
                Err(_) => {
                    addresses.park();
                    Ok(hinted(hints, services))
                }
            }
        }
    }
}

async fn combine(
    resolver: &Resolver,
    port: u16,
    addresses: Addresses,
    services: Option<Arc<Services>>,
) -> Result<Resolved, Error> {
    let error = match addresses {
        Ok(held) => return Ok(answered(&held, port, services)),
        Err(error) => error,
    };
    let Some(services) = services else {
        return Err(error);
    };
    let hints = hints(&services, port);
    if !hints.is_empty() {
        return Ok(hinted(hints, Some(services)));
    }
    // A name from the network is held to the rules of one from a caller.
    let elsewhere = services.elsewhere().map(Host::parse);
    let Some(Ok(elsewhere @ Host::Name(_))) = elsewhere else {
        return Err(error);
    };
    if elsewhere.well_known().is_some() {
        return Err(error);
    }
    match resolver.ask_addresses(&elsewhere.to_string()).wait().await {
        Ok(held) => {
            let port = port_elsewhere(&services).unwrap_or(port);
            Ok(answered(&held, port, Some(services)))
        }
        // What the caller asked for is what failed.
        Err(_) => Err(error),
    }
}

fn answered(held: &Held<Arc<[IpAddr]>>, port: u16, services: Option<Arc<Services>>) -> Resolved {
    Resolved {
        addresses: at_port(&held.value, port),
        valid_until: Some(held.until),
        is_stale: held.is_stale,
        services,
    }
}

/// Hints are no answer: they are used this once, and the addresses are asked for again.
fn hinted(addresses: Vec<SocketAddr>, services: Option<Arc<Services>>) -> Resolved {
    Resolved {
        addresses,
        valid_until: Some(Instant::now()),
        is_stale: false,
        services,
    }
}

/// The addresses that the records hint at, those of the preferred service first.
fn hints(services: &Services, port: u16) -> Vec<SocketAddr> {
    let mut hints = Vec::new();
    for service in services.services() {
        for address in &service.address_hints {
            let hint = SocketAddr::new(*address, service.port.unwrap_or(port));
            if !hints.contains(&hint) && hints.len() < MAX_ADDRESSES_PER_FAMILY {
                hints.push(hint);
            }
        }
    }
    hints
}

/// The port of the service whose target is looked up.
fn port_elsewhere(services: &Services) -> Option<u16> {
    let mut services = services.services().iter();
    services.find(|service| service.target.is_some())?.port
}

/// RFC 8305 §3 waits so long for what may still come, when it has something to begin with.
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// Without addresses there is nothing to begin with, and the records may know some.
const RESCUE_DELAY: Duration = Duration::from_millis(500);
