//! Three hosts on loopback: two speak HTTP/2, one only HTTP/1.1.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use hotpool::registry::RegistryStats;
use hotpool::resolve::{Overrides, Resolver};
use hotpool::server::{Listener, Server, ServerTls};
use hotpool::{Protocols, Trust};
use http::Response;
use http_body_util::Full;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

const HOSTS: [(&str, Protocols); 3] = [
    ("www.demo.example", Protocols::Any),
    ("api.demo.example", Protocols::Any),
    ("legacy.demo.example", Protocols::Http1),
];

/// What every request is answered with.
const ANSWER: &[u8] = b"hello from the other side of a hot connection\n";

/// The servers and the authority that vouches for them.
pub(super) struct World {
    authority: String,
    pub(super) hosts: Vec<Host>,
}

/// One server.
pub(super) struct Host {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    server: Server,
}

impl World {
    pub(super) async fn start() -> Result<Self, Box<dyn Error>> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let mut hosts = Vec::new();
        for (name, protocols) in HOSTS {
            let key = KeyPair::generate()?;
            let certificate =
                CertificateParams::new([name.to_owned()])?.signed_by(&key, &authority)?;
            let tls =
                ServerTls::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())?;
            let listener = Listener::builder()
                .tls(tls)
                .protocols(protocols)
                .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
                .await?;
            let address = listener.local_addr();
            let server = listener
                .serve(|_, _| async { Response::new(Full::new(Bytes::from_static(ANSWER))) });
            hosts.push(Host {
                name,
                address,
                server,
            });
        }
        Ok(Self {
            authority: authority.pem(),
            hosts,
        })
    }

    /// Only this world's authority.
    pub(super) fn trust(&self) -> hotpool::error::Result<Trust> {
        Trust::only(self.authority.as_bytes())
    }

    /// Knows the hosts' names, and nothing else needs asking.
    pub(super) fn resolver(&self) -> hotpool::error::Result<Resolver> {
        let mut overrides = Overrides::new();
        for host in &self.hosts {
            overrides.insert(
                host.name,
                Some(host.address.port()),
                [IpAddr::V4(Ipv4Addr::LOCALHOST)],
            )?;
        }
        Ok(Resolver::builder().overrides(overrides).build())
    }

    pub(super) async fn shutdown(self, deadline: Duration) {
        for host in self.hosts {
            host.server.shutdown(deadline).await;
        }
    }
}

impl Host {
    /// `name:port`.
    pub(super) fn target(&self) -> String {
        format!("{}:{}", self.name, self.address.port())
    }

    /// What the server has counted so far.
    pub(super) fn seen(&self) -> RegistryStats {
        self.server.registry().stats()
    }
}
