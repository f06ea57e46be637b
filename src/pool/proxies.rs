//! Which proxies a pool's hosts are reached through.

use super::builder::PoolBuilder;
use crate::dial::{Proxies, Proxy};

impl PoolBuilder {
    /// The proxy that all hosts are reached through, but for [targets](crate::Target::proxy) and requests that say otherwise. Default: none.
    pub fn proxy(self, proxy: Proxy) -> Self {
        self.proxies(proxy)
    }

    /// Which proxy each host is reached through: by [rules](Proxies), or what the [environment](Proxies::from_environment) says, which
    /// is not read unless asked for. Default: none.
    pub fn proxies(mut self, proxies: impl Into<Proxies>) -> Self {
        self.proxies = proxies.into();
        self
    }
}
