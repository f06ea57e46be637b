//! What a connection brings to its hello.

/// Everything in a hello that neither the profile fixes nor its draw decides.
#[derive(Clone, Debug)]
pub(crate) struct HelloInputs<'a> {
    pub(crate) random: &'a [u8; 32],
    /// Sent if the profile sends one at all.
    pub(crate) session_id: &'a [u8],
    /// The name or address dialled.
    pub(crate) host: &'a str,
    /// Whether `host` is a name: an address is not sent as server name (RFC 6066 section 3).
    pub(crate) is_name: bool,
    /// The application protocols wanted; of the profile's, those among them are offered. `None`: all.
    pub(crate) protocols: Option<&'a [&'a [u8]]>,
    pub(crate) key_shares: KeyShares<'a>,
    /// A TLS 1.2 session ticket (RFC 5077).
    pub(crate) ticket: &'a [u8],
    pub(crate) pre_shared_key: Option<PreSharedKey<'a>>,
    /// Whether early data is offered, which only happens beside a pre-shared key.
    pub(crate) early_data: bool,
    /// The server's cookie in its HelloRetryRequest: the extension's body.
    pub(crate) cookie: Option<&'a [u8]>,
    /// Whether this is the hello after a HelloRetryRequest.
    pub(crate) retry: bool,
}

/// The public keys offered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyShares<'a> {
    /// Those of the profile's groups, in any order.
    Offered(&'a [(u16, &'a [u8])]),
    /// The one that the server's HelloRetryRequest asked for, alone.
    Requested(u16, &'a [u8]),
}

/// The body of a `pre_shared_key` extension (RFC 8446 section 4.2.11), identities and binders.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PreSharedKey<'a>(pub(crate) &'a [u8]);
