//! A server to talk to.

use crate::common::certificates::Authority;
use crate::common::peer::Peer;
use crate::echo;
use crate::run::{Run, file, hotpool};

/// A server for `localhost`, the authority to believe, and the URL.
pub struct World {
    pub authority: Authority,
    pub peer: Peer,
    pub cacert: String,
    pub url: String,
}

impl World {
    pub async fn new(name: &str, alpn: &[&str]) -> Self {
        let authority = Authority::new();
        let peer = echo::tls(authority.issue(&["localhost"]).server_config(alpn)).await;
        Self {
            cacert: file(&format!("{name}.pem"), authority.pem()),
            url: format!("https://localhost:{}", peer.port()),
            authority,
            peer,
        }
    }

    /// `get URL --cacert FILE` and more.
    pub async fn get(&self, path: &str, more: &[&str]) -> Run {
        let url = format!("{}{path}", self.url);
        let mut arguments = vec!["get", url.as_str(), "--cacert", &self.cacert];
        arguments.extend(more);
        hotpool(&arguments).await
    }
}
