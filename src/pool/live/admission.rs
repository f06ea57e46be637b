//! A connection as its dial hands it over, taken in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32};

use http::HeaderValue;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::Live;
use super::eviction::UNCOUNTED;
use crate::dial::{Dialed, Driver, Sender};
use crate::pool::acquire::{Leases, Preference, Slot};
use crate::pool::dialing::Permit;
use crate::pool::health::{Asked, PeakEwma};
use crate::pool::host::HostPool;
use crate::pool::key::Key;
use crate::profile::Profile;

/// What the pool decides about a connection that was just dialed.
pub(in crate::pool) struct Admission {
    pub(in crate::pool) host: Arc<HostPool>,
    /// What it was dialed to look like.
    pub(in crate::pool) profile: Profile,
    pub(in crate::pool) permit: Permit,
    pub(in crate::pool) fresh: bool,
    pub(in crate::pool) now: u64,
    pub(in crate::pool) expires: u64,
    pub(in crate::pool) max_streams: u32,
    pub(in crate::pool) accept_language: Option<HeaderValue>,
    pub(in crate::pool) generation: u64,
}

impl Live {
    pub(in crate::pool) fn admit(dialed: Dialed, admission: Admission) -> (Arc<Self>, Driver) {
        let Dialed {
            registration,
            address,
            sender,
            driver,
            tls,
            timing,
            socket,
            permit: at_address,
            head_limit,
            beyond,
        } = dialed;
        let Admission {
            host,
            profile,
            permit,
            fresh,
            now,
            expires,
            max_streams,
            accept_language,
            generation,
        } = admission;
        let (peer, pinger, limit) = match &sender {
            Sender::Http1(_) | Sender::Stream(_) => (None, None, 1),
            Sender::Http2(_, peer, pinger) => {
                let limit = max_streams.min(peer.max_concurrent_streams());
                (Some(Arc::clone(peer)), Some(Arc::clone(pinger)), limit)
            }
        };
        let live = Arc::new(Self {
            slot: Slot::new(limit, now),
            preference: Preference::new(host.addresses().affinity(address)),
            key: Key {
                host: Arc::clone(host.key()),
                address,
            },
            host,
            profile,
            registration,
            peer,
            pinger,
            socket,
            asked: Asked::default(),
            resets: Mutex::default(),
            guests: Mutex::default(),
            has_guests: AtomicBool::new(false),
            leases: Leases::default(),
            latency: PeakEwma::new(now, timing.connect.max(timing.proxy)),
            opened: now,
            sender: Mutex::new(Some(sender)),
            busy: AtomicBool::new(false),
            tls,
            timing,
            accept_language,
            fresh: AtomicBool::new(fresh),
            generation,
            max_streams: AtomicU32::new(max_streams),
            head_limit,
            beyond,
            expires,
            permits: Mutex::new(Some((permit, at_address))),
            suspected: AtomicBool::new(false),
            slow: AtomicBool::new(false),
            eviction: AtomicU8::new(UNCOUNTED),
            cut: CancellationToken::new(),
        });
        (live, driver)
    }
}
