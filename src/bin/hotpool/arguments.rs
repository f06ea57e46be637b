//! The command line.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use http::Method;

use crate::capture::CaptureArguments;
use crate::profile::ProfileArguments;
use crate::url::Url;
use crate::values::{Data, Header, seconds};

/// A client connection pool that is kept hot.
#[derive(Debug, Parser)]
#[command(name = "hotpool", version, after_help = AFTERWORD)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Load through the pool: latency histogram, requests per second, errors by kind
    #[command(after_help = AFTERWORD)]
    Bench(BenchArguments),
    /// Be a TLS and HTTP/2 server, and turn the client that connects into a profile
    #[command(after_help = EXIT_STATUS)]
    Capture(CaptureArguments),
    /// An embedded world on loopback: preheat, requests, what the servers saw, hot beside cold
    Demo(DemoArguments),
    /// Requests through the pool
    #[command(after_help = AFTERWORD)]
    Get(GetArguments),
    /// Profiles, which say what a client looks like on the wire: list, show, sample, learn, check and compare them
    #[command(after_help = EXIT_STATUS)]
    Profile(ProfileArguments),
}

#[derive(Args, Debug)]
pub(crate) struct DemoArguments {
    /// Print one JSON object instead of a table; times are nanoseconds where their name does not say otherwise
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct GetArguments {
    /// Where the requests go; without a scheme it is https
    #[arg(value_name = "URL", required = true)]
    pub(crate) urls: Vec<Url>,

    /// Requests per URL; they are spread over the URLs
    #[arg(short = 'n', long, value_name = "N", default_value = "1")]
    pub(crate) requests: NonZeroU64,

    /// Requests under way at the same time
    #[arg(short = 'c', long, value_name = "N", default_value = "1")]
    pub(crate) concurrency: NonZeroUsize,

    /// Write the response's body to FILE instead of standard output (which is -); for one request only
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) request: RequestArguments,

    /// Print one JSON object per request, in order of completion, and nothing else; times are microseconds: what resolve, connect
    /// (a proxy's tunnel included) and tls took, and when the connection, the first byte and all of the answer were there
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BenchArguments {
    /// Where the requests go; without a scheme it is https
    #[arg(value_name = "URL")]
    pub(crate) url: Url,

    /// Requests in total [default: 1000, or as many as the duration allows]
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) requests: Option<NonZeroU64>,

    /// Requests under way at the same time
    #[arg(short = 'c', long, value_name = "N", default_value = "10")]
    pub(crate) concurrency: NonZeroUsize,

    /// Stop after this many seconds (fractions allowed), or earlier when the requests are done [default: none]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) duration: Option<Duration>,

    #[command(flatten)]
    pub(crate) request: RequestArguments,

    /// Print one JSON object instead of a table; latencies in microseconds
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `get` and `bench` have in common: the request, and how its connection is made.
#[derive(Args, Debug)]
pub(crate) struct RequestArguments {
    /// Look like this client: a profile by name (see `hotpool profile list`) or a profile file [default: rustls, no shaping]
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) profile: Option<String>,

    /// What the requests are for, of the kinds that the profile knows: navigation, fetch, ... [default: the profile's first]
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,

    /// Hand out bodies in the coding in which they come, also where the profile asked for it
    #[arg(long)]
    pub(crate) raw: bool,

    /// Trust the authorities in this PEM file and no others [default: Mozilla's roots, compiled in]
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,

    /// Accept every server certificate: whoever sits on the path can read and change everything
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,

    /// Client certificate chain, PEM [default: none]
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,

    /// The client certificate's private key, PEM [default: in the file of --cert]
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// Use ADDR for HOST and PORT instead of asking the name service; repeatable; * is any host or any port
    #[arg(long, value_name = "HOST:PORT:ADDR")]
    pub(crate) resolve: Vec<String>,

    /// Reach all hosts through this proxy: http://, https://, socks5:// (names are resolved here) or socks5h:// (by the proxy), with
    /// USER:PASSWORD@ before the host if it wants them; env: what HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say [default: none]
    #[arg(long, value_name = "URL|env")]
    pub(crate) proxy: Option<String>,

    /// Offer HTTP/1.1 only [default: HTTP/2 and HTTP/1.1, the server chooses]
    #[arg(long = "http1.1", conflicts_with = "http2")]
    pub(crate) http1: bool,

    /// Offer HTTP/2 only; a server that lacks it is an error
    #[arg(long)]
    pub(crate) http2: bool,

    /// The request's method [default: GET, or POST with -d]
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub(crate) method: Option<Method>,

    /// A header to send; repeatable; 'Name:' leaves a default one out, 'Name;' sends it empty
    #[arg(
        short = 'H',
        long,
        value_name = "NAME: VALUE",
        allow_hyphen_values = true
    )]
    pub(crate) header: Vec<Header>,

    /// Content to send; @FILE reads a file and @- standard input, without their line breaks, as curl does; several are joined by &
    #[arg(short = 'd', long, value_name = "DATA", allow_hyphen_values = true)]
    pub(crate) data: Vec<Data>,

    /// No preheating, and a connection of its own for each request
    #[arg(long)]
    pub(crate) cold: bool,

    /// Seconds (fractions allowed) that a request may take, waiting for its connection included [default: no limit]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
}

const AFTERWORD: &str = "\
The pool's limits and deadlines come from the environment: HOTPOOL_MAX_CONNECTIONS_PER_HOST=64, HOTPOOL_CONNECT_TIMEOUT=5s, ...

Exit status: 0 all done (whatever status the servers answered), 1 some failed, 2 usage or unreadable input.";

const EXIT_STATUS: &str = "\
Exit status: 0 done, 1 some failed (check: it differs or contradicts itself, diff: they differ), 2 usage or unreadable input.";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once("hotpool").chain(line.split_whitespace()))
    }

    fn get(line: &str) -> GetArguments {
        match parse(line).unwrap().command {
            Command::Get(arguments) => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn defaults_of_get() {
        let arguments = get("get example.com");
        assert_eq!(
            (arguments.requests.get(), arguments.concurrency.get()),
            (1, 1)
        );
        assert!(!arguments.json && !arguments.request.cold && arguments.request.timeout.is_none());
    }

    #[test]
    fn every_flag_of_get() {
        let arguments = get(
            "get https://a https://b/c -n 4 -c 2 -o f --cacert ca -k --cert c --key k \
             --resolve a:443:127.0.0.1 --resolve b:*:::1 --http2 -X PUT -H a:b -H -c:d -d -x -d @y \
             --cold --timeout 1.5 --proxy socks5h://p --profile chrome --kind fetch --raw --json",
        );
        assert_eq!(arguments.urls.len(), 2);
        assert_eq!(
            (arguments.requests.get(), arguments.concurrency.get()),
            (4, 2)
        );
        let request = arguments.request;
        assert_eq!(request.profile.as_deref(), Some("chrome"));
        assert_eq!(request.kind.as_deref(), Some("fetch"));
        assert!(request.raw);
        assert_eq!(request.proxy.as_deref(), Some("socks5h://p"));
        assert_eq!(request.resolve, ["a:443:127.0.0.1", "b:*:::1"]);
        assert_eq!((request.header.len(), request.data.len()), (2, 2));
        assert_eq!(request.method, Some(Method::PUT));
        assert_eq!(request.timeout, Some(Duration::from_millis(1500)));
        assert!(request.http2 && !request.http1 && request.insecure && request.cold);
    }

    #[test]
    fn a_profile_is_checked_with_captures_or_without() {
        for line in [
            "profile check chrome",
            "profile check chrome --hello a b --opening c",
            "profile check rustls --opening c",
        ] {
            assert!(parse(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (line, wanted) in [
            ("", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("get", ErrorKind::MissingRequiredArgument),
            ("get a --http2 --http1.1", ErrorKind::ArgumentConflict),
            ("get a --key k", ErrorKind::MissingRequiredArgument),
            ("get a -n 0", ErrorKind::ValueValidation),
            ("get a -c -1", ErrorKind::UnknownArgument),
            ("get a --timeout 0", ErrorKind::ValueValidation),
            ("get a -H nonsense", ErrorKind::ValueValidation),
            ("get ftp://a", ErrorKind::ValueValidation),
            ("get a --duration 1", ErrorKind::UnknownArgument),
            ("bench", ErrorKind::MissingRequiredArgument),
            ("bench a b", ErrorKind::UnknownArgument),
            ("bench a --duration x", ErrorKind::ValueValidation),
            ("profile check", ErrorKind::MissingRequiredArgument),
            ("profile check chrome --hello", ErrorKind::InvalidValue),
            ("profile hello chrome --count 0", ErrorKind::ValueValidation),
            ("profile hello chrome --sni a/b", ErrorKind::ValueValidation),
            ("profile from-hello", ErrorKind::MissingRequiredArgument),
            ("profile diff chrome", ErrorKind::MissingRequiredArgument),
            ("capture", ErrorKind::MissingRequiredArgument),
            ("capture --listen nowhere", ErrorKind::ValueValidation),
        ] {
            assert_eq!(parse(line).unwrap_err().kind(), wanted, "{line}");
        }
    }
}
