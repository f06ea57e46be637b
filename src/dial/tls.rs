//! Verification policies and client identities, with the sessions that they make resumable.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::handshaker::Handshaker;
use super::trust::{ClientIdentity, Trust};
use crate::error::Result;
use crate::profile::Profile;

/// Session tickets kept, about 1 KiB each, and hosts that they are of: those of the thousand hosts that were last dialed, with two
/// or three each, as servers send them.
const TICKETS: usize = 4 * 1024;

/// For one host alone.
const ISOLATED_TICKETS: usize = 8;

/// A verification policy and a client identity, ready for use; cloning is cheap.
///
/// Session tickets are kept in here, apart for each profile: connections made through one `TlsClient` with the same profile resume
/// each other's sessions, and nobody else's.
#[derive(Clone)]
pub struct TlsClient(Arc<Inner>);

struct Inner {
    trust: Trust,
    identity: Option<ClientIdentity>,
    tickets: usize,
    /// Those of the profiles in use.
    handshakers: Mutex<Vec<(Profile, Arc<Handshaker>)>>,
    /// With proxies that are verified in the same way.
    for_proxies: Mutex<Option<Arc<Handshaker>>>,
}

impl TlsClient {
    /// Puts a client together. What it offers is its connections' profiles' choice.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](crate::ErrorKind::InvalidConfiguration) when an authority's certificate is unusable or the identity's
    /// key does not fit its certificate.
    pub fn new(trust: Trust, identity: Option<ClientIdentity>) -> Result<Self> {
        let client = Self::with_tickets(trust, identity, TICKETS);
        // What is wrong with either shows with any profile.
        client.handshaker(&Profile::rustls())?;
        Ok(client)
    }

    /// The same policy and identity, with session tickets of its own.
    pub(crate) fn isolated(&self) -> Self {
        Self::with_tickets(
            self.0.trust.clone(),
            self.0.identity.clone(),
            ISOLATED_TICKETS,
        )
    }

    /// As [`isolated`](Self::isolated), for as many hosts as this one is for.
    pub(crate) fn apart(&self) -> Self {
        let Inner {
            trust, identity, ..
        } = &*self.0;
        Self::with_tickets(trust.clone(), identity.clone(), TICKETS)
    }

    /// How servers' certificates are verified.
    pub fn trust(&self) -> &Trust {
        &self.0.trust
    }

    /// What is presented to servers that ask for a certificate.
    pub(crate) fn identity(&self) -> Option<&ClientIdentity> {
        self.0.identity.as_ref()
    }

    /// Whether connections can be made that look like `profile`'s.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](crate::ErrorKind::InvalidConfiguration) when nothing of what the profile offers can be delivered.
    pub(crate) fn check(&self, profile: &Profile) -> Result<()> {
        self.handshaker(profile).map(|_| ())
    }

    pub(super) fn handshaker(&self, profile: &Profile) -> Result<Arc<Handshaker>> {
        let mut handshakers = self.0.handshakers.lock();
        if let Some((_, known)) = handshakers.iter().find(|(known, _)| known == profile) {
            return Ok(Arc::clone(known));
        }
        let Inner {
            trust,
            identity,
            tickets,
            ..
        } = &*self.0;
        let fresh = Handshaker::new(trust, identity.as_ref(), profile.clone(), *tickets)?;
        let fresh = Arc::new(fresh);
        // Reloading profiles must not fill the memory with the sessions of those that nobody holds any more.
        handshakers.retain(|(profile, handshaker)| {
            Arc::strong_count(handshaker) > 1 || profile.is_shared(HANDLES_HERE)
        });
        handshakers.push((profile.clone(), Arc::clone(&fresh)));
        Ok(fresh)
    }

    /// The same policy for a proxy: rustls's own hello, no identity, and sessions of its own.
    pub(super) fn for_proxies(&self) -> Result<Arc<Handshaker>> {
        let mut known = self.0.for_proxies.lock();
        if let Some(known) = &*known {
            return Ok(Arc::clone(known));
        }
        let Inner { trust, tickets, .. } = &*self.0;
        let fresh = Handshaker::new(trust, None, Profile::rustls(), *tickets)?;
        Ok(Arc::clone(known.insert(Arc::new(fresh))))
    }

    fn with_tickets(trust: Trust, identity: Option<ClientIdentity>, tickets: usize) -> Self {
        Self(Arc::new(Inner {
            trust,
            identity,
            tickets,
            handshakers: Mutex::new(Vec::new()),
            for_proxies: Mutex::new(None),
        }))
    }
}

/// A handshaker holds its profile, and the list of handshakers does.
const HANDLES_HERE: usize = 2;

impl PartialEq for TlsClient {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.trust == other.0.trust && self.0.identity == other.0.identity)
    }
}

impl Eq for TlsClient {}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient")
            .field("trust", &self.0.trust)
            .field("identity", &self.0.identity)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn captured() -> Profile {
        let json = Profile::named("curl-7.88").unwrap().to_json();
        Profile::from_json("a file", &json).unwrap()
    }

    #[test]
    fn a_key_that_does_not_fit_is_refused() {
        let one = rcgen::generate_simple_self_signed(["one".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["other".to_owned()]).unwrap();
        let identity = ClientIdentity::from_pem(
            one.cert.pem().as_bytes(),
            other.signing_key.serialize_pem().as_bytes(),
        )
        .unwrap();
        let error = TlsClient::new(Trust::webpki(), Some(identity)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
    }

    #[test]
    fn each_profile_has_its_own_sessions() {
        let client = TlsClient::new(Trust::webpki(), None).unwrap();
        let chrome = Profile::named("chrome").unwrap();
        let first = client.handshaker(&chrome).unwrap();
        assert!(Arc::ptr_eq(&first, &client.handshaker(&chrome).unwrap()));
        assert!(!Arc::ptr_eq(
            &first,
            &client.handshaker(&captured()).unwrap()
        ));
        assert!(!Arc::ptr_eq(
            &first,
            &client.isolated().handshaker(&chrome).unwrap()
        ));
    }

    #[test]
    fn profiles_that_nobody_holds_are_forgotten() {
        let client = TlsClient::new(Trust::webpki(), None).unwrap();
        let held = captured();
        client.check(&held).unwrap();
        for _ in 0..10 {
            client.check(&captured()).unwrap();
        }
        let known = client.0.handshakers.lock();
        // rustls's, the one that is held, and the last.
        assert_eq!(known.len(), 3);
        assert!(known.iter().any(|(profile, _)| *profile == held));
    }

    #[test]
    fn a_profile_of_which_nothing_can_be_delivered_is_refused() {
        let json = Profile::named("curl-7.88").unwrap().to_json();
        let mut document: serde_json::Value = serde_json::from_str(&json).unwrap();
        document["client_hello"]["cipher_suites"] =
            serde_json::json!(["TLS_RSA_WITH_AES_128_CBC_SHA"]);
        let profile = Profile::from_json("a file", &document.to_string()).unwrap();
        let error = TlsClient::new(Trust::webpki(), None)
            .unwrap()
            .check(&profile)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
        assert_eq!(error.profile(), Some("curl-7.88"));
    }
}
