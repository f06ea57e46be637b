//! What WebSocket clients and servers share: frames and extensions.

pub(crate) mod deflate;
pub(crate) mod extension;
mod frame;
mod mask;
