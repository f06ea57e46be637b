//! Limits and deadlines: what each one is, its unit, its default and why.
//!
//! [`Settings`] is what code, the environment or a file says, every entry optional; [`Config`] is complete and valid. Layers are laid
//! over each other, the later the stronger: defaults, file, environment, code. An impossible setting is refused when the layers are put together, by
//! name, so a [`Config`] that exists can be used.
//!
//! The environment counts only where it is asked for: by [`PoolBuilder::environment`](crate::pool::PoolBuilder::environment), or by
//! [`Settings::from_environment`]; the `hotpool` command does.
//!
//! A file, with the feature `config-file`, is TOML: the settings' names, numbers as such, durations as `"30s"`, `"250ms"` or a number of
//! seconds. A [`PoolBuilder`](crate::pool::PoolBuilder) reads one by `config_file`, and `watch_config_file` follows its changes.
//!
//! Nothing here limits how long an answer may take: only the caller knows whether it asked for a word or for a day's events. Put
//! `tokio::time::timeout` around the request; dropping it is safe at any point.
//!
//! ```
//! use hotpool::config::{Config, Settings};
//!
//! let code = Settings { max_connections: Some(200), ..Settings::default() };
//! let config = Config::try_from(code)?;
//! assert_eq!(config.max_connections(), 200);
//! assert_eq!(config.max_connections_per_host(), 10);
//!
//! let impossible = Settings { max_connections: Some(0), ..Settings::default() };
//! assert!(Config::try_from(impossible).unwrap_err().to_string().contains("max_connections"));
//! # Ok::<(), hotpool::Error>(())
//! ```

mod balance;
mod environment;
#[cfg(feature = "config-file")]
pub(crate) mod file;
mod layers;
mod memory;
mod protocols;
mod settings;
mod validate;
mod value;

pub use balance::{Balance, Weights};
pub(crate) use layers::Layers;
pub(crate) use memory::Shares;
#[cfg(feature = "server")]
pub(crate) use protocols::ALPN_HTTP1;
pub(crate) use protocols::ALPN_HTTP2;
pub use protocols::Protocols;
pub use settings::{Config, Settings};
