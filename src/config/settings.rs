//! The one list of settings; everything else about them is derived from it.

use std::time::Duration;

use super::Balance;

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr, $written:literal;)*) => {
        /// What one layer says: every entry optional, nothing checked yet.
        #[derive(Clone, Debug, Default, Eq, PartialEq)]
        pub struct Settings {
            $($(#[$doc])* #[doc = concat!("\n\nDefault: ", $written, ".")] pub $name: Option<$type>,)*
        }

        impl Settings {
            /// Lays `stronger` over this layer: what it says wins, what it leaves open stays.
            #[must_use]
            pub fn overlaid_by(self, stronger: Self) -> Self {
                Self { $($name: stronger.$name.or(self.$name),)* }
            }

            pub(super) const NAMES: &[&str] = &[$(stringify!($name),)*];

            /// Sets one entry from what stands in a file; an unknown name or unfit value leaves the layer as it was.
            #[cfg(feature = "config-file")]
            pub(super) fn set_written(&mut self, name: &str, value: super::value::Written<'_>) -> Result<(), String> {
                match name {
                    $(stringify!($name) => self.$name = Some(<$type as super::value::FromText>::from_written(value)?),)*
                    _ => return Err("unknown setting".into()),
                }
                Ok(())
            }

            /// Sets one entry from text; an unknown name or unreadable value leaves the layer as it was.
            pub(super) fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
                match name {
                    $(stringify!($name) => self.$name = Some(<$type as super::value::FromText>::from_text(text)?),)*
                    _ => return Err("unknown setting".into()),
                }
                Ok(())
            }
        }

        /// A complete and valid configuration; made from [`Settings`].
        #[derive(Clone, Debug, Eq, PartialEq)]
        pub struct Config {
            $($name: $type,)*
        }

        impl Config {
            $($(#[$doc])* #[doc = concat!("\n\nDefault: ", $written, ".")]
            pub fn $name(&self) -> $type { self.$name })*

            /// The names of the settings in which the two differ.
            pub(crate) fn differences(&self, other: &Self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$name != other.$name {
                    names.push(stringify!($name));
                })*
                names
            }

            pub(super) fn complete(settings: Settings) -> Self {
                Self { $($name: settings.$name.unwrap_or($default),)* }
            }
        }
    };
}

settings! {
    /// Connections of the pool in total, handshaking ones included. At the limit an idle connection makes room: unhealthy ones
    /// first, then the least recently used; if none is idle, callers wait.
    max_connections: usize = 100, "100";
    /// Connections to one host (and port, profile, verification policy, …), handshaking ones included.
    max_connections_per_host: usize = 10, "10";
    /// Idle connections kept in total; those that `preheat` asked for are not counted. Enforced by the housekeeper, within a
    /// quarter of a second.
    max_idle: usize = 20, "20";
    /// Dials under way at the same time in the whole pool: a full handshake costs about 0.3 ms of one core, so more than this only
    /// makes all of them late. Hosts take turns, and a quarter is for hosts that have none under way: those whose dials hang do not hold
    /// up the others.
    max_dials: usize = 32, "32";
    /// Callers that may wait for one host. One more is refused at once ([`QueueFull`](crate::ErrorKind::QueueFull)).
    max_waiters_per_host: usize = 10_000, "10 000";
    /// Streams used at the same time on one HTTP/2 connection, if the server allows as many.
    max_streams_per_connection: usize = 1_000, "1 000";
    /// What one connection may take in memory, in bytes, for what the other side makes it keep: answers that nobody reads (HTTP/2's
    /// windows, up to 5 MiB and 2 MiB a stream), answers' heads (up to 64 KiB each), bodies on their way out, TLS's and HTTP's buffers. Less of it
    /// makes these smaller and allows fewer streams at the same time: one for every 128 KiB, or 32 KiB where there is no more. An answer
    /// whose head is larger than its share fails ([`ResponseHeadTooLarge`](crate::ErrorKind::ResponseHeadTooLarge)).
    ///
    /// Where a profile says how large HTTP/2's windows are, they are as the profile says: a server sees them. What they allow comes on
    /// top; browsers' let a server fill up to 15 MiB. How large a head may be that such a profile takes is bounded all the same, by a 64th. Not
    /// counted is what the caller holds: pieces of a body, heads that were handed out. HTTP/1.1 takes a few hundred KiB at most.
    ///
    /// The default takes nothing from anybody: it is what a thousand streams come to. At least 512 KiB. Connections that are open keep
    /// theirs, except for the number of streams.
    max_memory_per_connection: usize = 256 << 20, "268 435 456 (256 MiB)";
    /// Connections to one address, whatever hosts, profiles and partitions they are for, handshaking ones included. At the limit an
    /// idle connection to that address makes room; if none is idle, callers wait. The default sets no limit of its own.
    max_connections_per_address: usize = 1 << 20, "1 048 576";
    /// Dials under way at the same time to one host: as many as it may have connections by default. What is beyond waits for one of
    /// them to end.
    max_dials_per_host: usize = 10, "10";
    /// Dials under way at the same time to one address, of all hosts: half of what a small server's accept queue holds.
    max_dials_per_address: usize = 16, "16";
    /// How connections, and addresses for new connections, are chosen: `power-of-two`, `round-robin`, `least-loaded`, `weighted` or
    /// `sticky`.
    balance: Balance = Balance::PowerOfTwo, "`power-of-two`";
    /// Dials in a row that must fail at an address before it is blacklisted, or connections to it that must fall silent one after the
    /// other: fewer, and a server that restarts is; more, and callers pay for what is known.
    blacklist_after: usize = 3, "3";
    /// How long an address is blacklisted first, as Envoy ejects; doubled each time that the connection which then probes it fails.
    blacklist_term: Duration = Duration::from_secs(30), "30 s";
    /// The longest that an address is blacklisted at a time.
    max_blacklist_term: Duration = Duration::from_secs(900), "900 s";
    /// Whether callers of a host that fails again and again are refused at once for a while
    /// ([`CircuitOpen`](crate::ErrorKind::CircuitOpen)). Off by default, since some of those who are refused would have been served.
    circuit_breaker: bool = false, "`false`";
    /// Failures in a row (dials that failed at all addresses, connections that broke under a request) that open a host's circuit.
    breaker_failures: usize = 5, "5";
    /// The part of the last ten seconds' dials and requests whose failure opens a host's circuit, in percent.
    breaker_error_percent: usize = 50, "50";
    /// Dials and requests there must have been in the last ten seconds before that part counts.
    breaker_volume: usize = 20, "20";
    /// How long a circuit is open first; doubled each time that those who are then let through fail.
    breaker_term: Duration = Duration::from_secs(1), "1 s";
    /// The longest that a circuit is open at a time.
    max_breaker_term: Duration = Duration::from_secs(60), "60 s";
    /// Connections kept warm for a host once it was preheated; refilled in the background.
    min_warm: usize = 1, "1";
    /// How long a caller waits for a connection, everything included.
    acquire_timeout: Duration = Duration::from_secs(30), "30 s";
    /// How long name resolution may take for one dial.
    resolve_timeout: Duration = Duration::from_secs(5), "5 s";
    /// How long the TCP handshake may take for one dial, all addresses together.
    connect_timeout: Duration = Duration::from_secs(30), "30 s";
    /// How long a proxy may take to open the tunnel once TCP is there: its own TLS handshake, if it has one, and its answer, for which
    /// it looks the host up and connects to it in its turn.
    proxy_timeout: Duration = Duration::from_secs(30), "30 s";
    /// How long the TLS handshake may take.
    tls_timeout: Duration = Duration::from_secs(10), "10 s";
    /// How long the server's HTTP/2 SETTINGS may take after the handshake.
    settings_timeout: Duration = Duration::from_secs(10), "10 s";
    /// How long a connection may be unused before it is closed; connections kept warm stay.
    idle_timeout: Duration = Duration::from_secs(60), "60 s";
    /// How old a connection may become. Each connection draws its own age between nine tenths of this and all of it, so that
    /// connections opened together do not all end together. Past that age it takes no new use, ends when it is unused, and is not
    /// cut before. One that is kept warm is replaced first: it stays in use until its replacement is there, at most a tenth of this
    /// longer; where a limit leaves its replacement no place, it goes without.
    max_lifetime: Duration = Duration::from_secs(300), "300 s";
    /// How many requests a connection may carry before it is replaced, as after [`max_lifetime`](Self::max_lifetime): some servers
    /// go away after a number of their own (10,000 at AWS's load balancers), and it is better to go first. `None`: no limit.
    max_requests_per_connection: Option<usize> = None, "off";
    /// Whether every GET, HEAD, OPTIONS and TRACE without a body counts as [replayable](crate::client::RequestOptions::replayable): sent again,
    /// once, when a connection that had been of use before ends without an answer. RFC 9110 §9.2.2 allows that; whether the servers keep to it, you know.
    replay_safe_methods: bool = false, "off";
    /// How often one request is sent again at most, whatever the reasons, where that is safe or allowed; zero: never. A server that
    /// restarts leaves every connection of a host dead, ten by default. Of these tries at most three may be for a living server that refused
    /// the request, and one for a [replayable](crate::client::RequestOptions::replayable) request that may have been processed; a budget for the host
    /// bounds them too. Single requests can [have their own](crate::client::RequestOptions::max_retries).
    max_retries: usize = 16, "16";
    /// How long connections to an address stay in use that the name service no longer names. Large hosts show a part of their
    /// addresses at a time: absent is not gone.
    address_grace: Duration = Duration::from_secs(300), "300 s";
    /// Whether an https host may use an HTTP/2 connection of another host that is at the same address, was made in the same way, and whose
    /// certificate is for both, as browsers do (RFC 9113 §9.1.1), instead of one of its own. Profiles of clients that do not do so
    /// never do. A server that answers 421 is asked again on a connection of the host's own.
    coalescing: bool = false, "off";
    /// After this much silence a connection that nobody uses proves that it still works before it is handed out: HTTP/2 by the answer
    /// to a PING, which costs the next caller one round trip. One that is used and as silent is asked too, at most every 30 s, and stays
    /// in rotation meanwhile. To have quiet hosts answer at once, set [`ping_interval`](Self::ping_interval) below this.
    validate_after: Duration = Duration::from_secs(10), "10 s";
    /// After this much silence an HTTP/2 connection is asked whether it still works, used or not. Servers may take a short interval for
    /// abuse: gRPC's go away after three PINGs within five minutes; then the host is left in peace for a while. `None`: only as
    /// [`validate_after`](Self::validate_after) says.
    ping_interval: Option<Duration> = None, "off";
    /// A PING that is unanswered for so long, from when it was due, takes the connection out of rotation until the answer comes.
    suspect_after: Duration = Duration::from_secs(1), "1 s";
    /// A PING that is unanswered for so long, from when it was due, ends the connection with all that is under way on it.
    ping_timeout: Duration = Duration::from_secs(10), "10 s";
    /// A use of a connection that is not given back for so long is told of, once, by
    /// [`LeaseOverdue`](crate::pool::PoolEvent::LeaseOverdue) and a warning: most likely it was leaked. To the clock's quarter of a
    /// second. While it is set, handing a connection out takes a lock more, and uses handed out before are not watched. `None`: nobody
    /// watches.
    lease_age_alarm: Option<Duration> = None, "off";
}
