//! What is done to hosts and connections without anybody calling for it.
//!
//! One task for the pool, the [`housekeeper`], turns the [`wheel`] and has a [`look`] at each host when something is due there: closes what
//! is old or idle, as the server's [`idle_window`] demands, and keeps warm what is to be kept ([`warmth`]). Hosts that nobody uses are
//! [looked at ever more seldom](resting). [`evict`] closes connections to make room for others, which dialing asks for as well. What the
//! looks found is added up in a [`census`].

mod census;
#[cfg(test)]
mod entries;
mod evict;
mod housekeeper;
mod idle_window;
mod look;
mod resting;
#[cfg(test)]
mod speed;
mod warmth;
mod wheel;

pub(super) use census::Census;
pub(super) use housekeeper::keep_house;
pub(super) use idle_window::IdleWindow;
pub(super) use wheel::Wheel;
