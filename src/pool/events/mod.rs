//! What happens in a pool, as it happens: a stream for those who watch, and hooks for those who must not miss anything.
//!
//! A part of the pool that has something to say calls `shared.publish(|| PoolEvent::…)` or `host.publish(|| …)`, **never under a
//! lock**: hooks run there and then, and may ask the pool anything. The closure runs only if somebody listens. An event that can
//! come in storms goes through an [`Alarm`] first, as reached limits do.
//!
//! To add an event: a variant in `event.rs`, its name in `PoolEvent::name`, its host in `PoolEvent::host`, and the line that
//! publishes it. There is no variant that nobody publishes.

mod alarm;
mod event;
mod hook;
mod limit;
mod observer;
mod publisher;
mod voice;

pub(super) use alarm::Alarm;
pub use event::PoolEvent;
pub(super) use hook::Hook;
pub use limit::Limit;
pub(crate) use observer::Observer;
pub use publisher::PoolEvents;
pub(super) use publisher::Publisher;
pub(super) use voice::Voice;
