//! The pool that the command line describes, or one for each request.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hotpool::config::Settings;
use hotpool::pool::PoolBuilder;
use hotpool::profile::Profile;
use hotpool::registry::Registry;
use hotpool::resolve::{Overrides, Resolver};
use hotpool::{ClientIdentity, Error, Pool, Protocols, Proxies, Proxy, TlsClient, Trust};

use crate::arguments::RequestArguments;
use crate::failure::Failure;

/// How long connections may take to close when everything has been answered.
const CLOSING: Duration = Duration::from_secs(1);

/// Where requests get their connections.
#[derive(Debug)]
pub(crate) struct Client {
    ingredients: Ingredients,
    /// `None` with `--cold`.
    hot: Option<Pool>,
}

/// What all pools of a command share: their TLS sessions and resolved names too.
#[derive(Debug)]
struct Ingredients {
    settings: Settings,
    tls: TlsClient,
    profile: Profile,
    protocols: Protocols,
    proxies: Proxies,
    resolver: Resolver,
    registry: Registry,
}

impl Client {
    pub(crate) fn new(arguments: &RequestArguments) -> Result<Self, Failure> {
        let overrides = Overrides::parse(arguments.resolve.iter().map(String::as_str))?;
        let ingredients = Ingredients {
            settings: Settings::from_environment()?,
            tls: TlsClient::new(trust(arguments)?, identity(arguments)?)?,
            profile: profile(arguments)?,
            protocols: match (arguments.http1, arguments.http2) {
                (true, _) => Protocols::Http1,
                (_, true) => Protocols::Http2,
                _ => Protocols::Any,
            },
            proxies: proxies(arguments)?,
            resolver: Resolver::builder().overrides(overrides).build(),
            registry: Registry::new(),
        };
        // Built in any case: impossible settings are the user's fault, not that of every request.
        let pool = ingredients.pool().build()?;
        Ok(Self {
            ingredients,
            hot: (!arguments.cold).then_some(pool),
        })
    }

    /// The one pool, unless every request is to have its own.
    pub(crate) fn hot(&self) -> Option<&Pool> {
        self.hot.as_ref()
    }

    /// The pool for one request.
    pub(crate) fn pool(&self) -> Result<Pool, Error> {
        match &self.hot {
            Some(pool) => Ok(pool.clone()),
            None => self.ingredients.pool().build(),
        }
    }

    /// The request has been answered or given up. Dropping its pool instead closes it as well, without waiting.
    pub(crate) async fn done_with(&self, pool: Pool) {
        if self.hot.is_none() {
            pool.shutdown(CLOSING).await;
        }
    }

    /// What connections look like.
    pub(crate) fn profile(&self) -> &Profile {
        &self.ingredients.profile
    }

    /// How many connections there have been, those that never opened included.
    pub(crate) fn dials(&self) -> u64 {
        self.ingredients.registry.stats().opened
    }

    pub(crate) async fn shutdown(&self) {
        if let Some(pool) = &self.hot {
            pool.shutdown(CLOSING).await;
        }
    }
}

impl Ingredients {
    fn pool(&self) -> PoolBuilder {
        Pool::builder()
            // As curl does; whoever runs the command says what it asks for.
            .replay_safe_methods(true)
            .settings(self.settings.clone())
            .tls(self.tls.clone())
            .profile(self.profile.clone())
            .protocols(self.protocols)
            .proxies(self.proxies.clone())
            .resolver(self.resolver.clone())
            .registry(self.registry.clone())
    }
}

fn profile(arguments: &RequestArguments) -> Result<Profile, Failure> {
    let named = arguments.profile.as_deref().map(Profile::named_or_file);
    named.map_or_else(
        || Ok(Profile::rustls()),
        |named| named.map_err(|error| Failure::Usage(error.to_string())),
    )
}

fn proxies(arguments: &RequestArguments) -> Result<Proxies, Error> {
    match arguments.proxy.as_deref() {
        None => Ok(Proxies::none()),
        Some("env") => Proxies::from_environment(),
        Some(url) => Proxy::parse(url).map(Proxies::from),
    }
}

fn trust(arguments: &RequestArguments) -> Result<Trust, Failure> {
    match &arguments.cacert {
        _ if arguments.insecure => Ok(Trust::dangerous_accept_any_certificate()),
        None => Ok(Trust::webpki()),
        Some(path) => Trust::only(&read(path)?).map_err(|error| about(path, &error)),
    }
}

fn identity(arguments: &RequestArguments) -> Result<Option<ClientIdentity>, Failure> {
    let Some(certificate) = &arguments.cert else {
        return Ok(None);
    };
    let key = arguments.key.as_ref().unwrap_or(certificate);
    ClientIdentity::from_pem(&read(certificate)?, &read(key)?)
        .map(Some)
        .map_err(|error| about(certificate, &error))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path)
        .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))
}

fn about(path: &Path, error: &Error) -> Failure {
    let error = crate::failure::with_sources(error);
    Failure::Usage(format!("{}: {error}", path.display()))
}
