//! The stream between stock WebSockets.

mod both_ends;
mod broadcast;
mod cut;
mod fair;
mod hostile;
mod refused;
mod rfc;
mod stuck;
mod windows;
mod wire;
