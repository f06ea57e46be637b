//! The pool's resolver for a plain reqwest client.

use std::sync::Arc;

use ::reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::pool::Pool;

/// Resolves names as the pool does: its resolver, its overrides, its cache, its access list.
///
/// ```no_run
/// use std::sync::Arc;
/// use hotpool::Pool;
/// use hotpool::client::reqwest::PoolResolver;
///
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::builder().build()?;
/// let client = reqwest::Client::builder().dns_resolver(Arc::new(PoolResolver::new(pool))).build()?;
/// # Ok(())
/// # }
/// ```
///
/// What is asked for by address never comes to a resolver: a reqwest client connects to such a host whatever the access list says.
#[derive(Clone, Debug)]
pub struct PoolResolver(Pool);

impl PoolResolver {
    /// Of this pool.
    pub fn new(pool: Pool) -> Self {
        Self(pool)
    }
}

impl Resolve for PoolResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let pool = self.0.clone();
        Box::pin(async move {
            // reqwest puts the URL's port in the place of none.
            let addresses = pool.resolve(name.as_str(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

impl From<Pool> for Arc<dyn Resolve> {
    fn from(pool: Pool) -> Self {
        Arc::new(PoolResolver::new(pool))
    }
}
