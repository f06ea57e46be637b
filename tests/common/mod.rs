//! What the tests share: certificates, scripted peers, counts that must come back to zero.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part"
)]

pub mod certificates;
pub mod check;
pub mod dropping;
pub mod fault_proxy;
pub mod http1;
pub mod http2;
pub mod http2_servers;
pub mod ledger;
pub mod name_server;
pub mod numbered;
pub mod peer;
pub mod process;
pub mod proxy;
pub mod relay;
pub mod request;
pub mod tls_servers;
pub mod unruly_server;
pub mod wait;
