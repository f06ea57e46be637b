//! What the tests share: certificates, scripted peers, counts that must come back to zero.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part"
)]

pub mod certificates;
pub mod peer;
pub mod wait;
