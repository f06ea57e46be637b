//! The metrics' names. Times are in seconds. Each has the label `pool`, the name given to [`Metrics::new`](super::Metrics::new).

macro_rules! names {
    ($($name:ident: $kind:ident $text:literal [$($label:literal),*] $doc:literal;)*) => {
        $(
            #[doc = concat!("`", $text, "`, a ", stringify!($kind), ". ", $doc)]
            #[doc = concat!("\n\nLabels: `pool`", $(", `", $label, "`",)* ".")]
            pub const $name: &str = $text;
        )*

        /// All of them.
        pub const ALL: &[&str] = &[$($name,)*];

        /// Tells the recorder what each one is.
        pub(super) fn describe() {
            $(describe_one!($kind $text $doc);)*
        }
    };
}

macro_rules! describe_one {
    (counter $text:literal $doc:literal) => {
        ::metrics::describe_counter!($text, $doc)
    };
    (gauge $text:literal $doc:literal) => {
        ::metrics::describe_gauge!($text, $doc)
    };
    (histogram $text:literal $doc:literal) => {
        ::metrics::describe_histogram!($text, $doc)
    };
}

names! {
    DIALS_STARTED: counter "hotpool_dials_started_total" ["host"] "Dials begun.";
    DIALS_FAILED: counter "hotpool_dials_failed_total" ["host", "kind"] "Dials that brought no connection, by the error's kind.";
    DIAL_STEP_SECONDS: histogram "hotpool_dial_step_seconds" ["host", "step"] "How long each step of a dial took that brought a connection: resolve, connect, proxy, tls, settings.";
    CONNECTIONS_OPENED: counter "hotpool_connections_opened_total" ["host", "protocol"] "Connections opened.";
    CONNECTIONS_CLOSED: counter "hotpool_connections_closed_total" ["host", "reason"] "Connections that ended, by the first cause.";
    CONNECTION_AGE_SECONDS: histogram "hotpool_connection_age_seconds" ["host"] "How old connections became, their dials included.";
    ACQUIRE_WAIT_SECONDS: histogram "hotpool_acquire_wait_seconds" ["host"] "How long callers waited that found no free connection at once, until they were served or refused.";
    ACQUIRE_TIMEOUTS: counter "hotpool_acquire_timeouts_total" ["host"] "Callers whose deadline passed before a connection was free.";
    ANSWER_SECONDS: histogram "hotpool_answer_seconds" ["host"] "From a request to the head of its answer.";
    REQUESTS_FAILED: counter "hotpool_requests_failed_total" ["host", "kind"] "Requests that failed on a connection, by the error's kind; some of them were sent again.";
    LIMITS_REACHED: counter "hotpool_limits_reached_total" ["host", "limit"] "How often a limit stood in the way.";
    EVENTS: counter "hotpool_events_total" ["event"] "Everything that a pool tells, by the event's name.";
    CONNECTIONS: gauge "hotpool_connections" ["state"] "Connections that can be handed out, idle or used.";
    USES: gauge "hotpool_uses" [] "Uses handed out: streams for HTTP/2, connections for HTTP/1.1.";
    WAITING: gauge "hotpool_waiting" [] "Callers that wait for a connection.";
    DIALING: gauge "hotpool_dialing" [] "Dials under way.";
    PLACES_TAKEN: gauge "hotpool_places_taken" [] "Places taken of max_connections: handshaking, open and draining connections.";
    HEALTH: gauge "hotpool_health" [] "How the pool is doing: 0 healthy, 1 degraded, 2 overloaded, 3 unavailable.";
    HOST_HEALTH: gauge "hotpool_host_health" ["host"] "How the host is doing, as for the pool; the worst of those that share a label.";
    HOSTS: gauge "hotpool_hosts" [] "Hosts that the pool knows.";
}
