//! How many connections a host gets, and how they are made.
//!
//! [`demand`] decides whether to dial, for callers who wait or ahead of them; [`scale`] says how many connections the load needs. A dial
//! takes a place in the pool ([`permits`]); as an [`attempt`] it waits for its turn ([`dials`]), calls on the [`dial`](crate::dial) room
//! and settles with the host what came of it. After failures the next one waits ([`backoff`]). Called by the host when somebody waits,
//! and by the housekeeper.

mod attempt;
mod backoff;
mod demand;
mod dials;
mod permits;
mod scale;

pub(super) use dials::{Dials, Lane};
#[cfg(all(test, shuttle))]
pub(super) use permits::Starving;
pub(super) use permits::{Permit, Permits};
pub(super) use scale::{Load, Scale, is_slow};
