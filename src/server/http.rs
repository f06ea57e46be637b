//! HTTP on an established stream.

use std::pin::Pin;
use std::sync::Arc;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::House;
use super::dispatch::Dispatch;
use super::drive::{Graceful, drive};
use super::ending::Ending;
use super::executor::StreamTasks;
use super::handler::Handler;
use super::introduction::Introduction;
use super::limits::MAX_HEADER_BYTES;
use super::orders::Follower;
use super::upgrade::{Streams, Switch};
use super::witness::Witness;
use crate::registry::{Protocol, Registration, State};

/// Answers requests on `stream` until it ends.
pub(super) async fn serve<H, IO>(
    house: &House<H>,
    stream: IO,
    protocol: Protocol,
    introduction: Introduction,
    registration: &Arc<Registration>,
    follower: &mut Follower,
) -> Ending
where
    H: Handler,
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    registration.set_protocol(protocol);
    registration.set_state(State::Open);
    let entry = registration.entry();
    let stream = TokioIo::new(Witness::new(stream, Arc::clone(registration)));
    let settings = &house.settings;
    let dispatch = |switch: &Arc<Switch>| {
        Dispatch::new(
            Arc::clone(&house.handler),
            Arc::clone(entry),
            introduction,
            Arc::clone(switch),
        )
    };
    if protocol == Protocol::Http2 {
        let tasks = StreamTasks::new(house.tasks.clone(), house.runtime.clone());
        let _cut_with_the_connection = tasks.guard();
        let streams = tasks.clone();
        let mut builder = http2::Builder::new(tasks);
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(settings.max_concurrent_streams)
            .max_header_list_size(MAX_HEADER_BYTES);
        if settings.extended_connect {
            builder.enable_connect_protocol();
        }
        let switch = Arc::new(Switch::http2(Streams {
            tasks: streams,
            settings: Arc::clone(settings),
            connection: Arc::clone(entry),
            follower: follower.clone(),
        }));
        let connection = builder.serve_connection(stream, dispatch(&switch));
        drive(connection, settings, registration, follower).await
    } else {
        let switch = Arc::new(Switch::http1());
        // hyper's deadline would count from the end of the response before: the watchdog's do.
        let connection = http1::Builder::new()
            .header_read_timeout(None)
            .max_header_size(MAX_HEADER_BYTES as usize)
            .serve_connection(stream, dispatch(&switch))
            .with_upgrades();
        let ending = drive(connection, settings, registration, follower).await;
        switch
            .speak_on(ending, settings, registration, follower)
            .await
    }
}

impl<IO, H> Graceful for http1::UpgradeableConnection<TokioIo<IO>, Dispatch<H>>
where
    H: Handler,
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        // The inherent method, which goes before this one.
        Self::graceful_shutdown(self);
    }
}

impl<IO, H> Graceful for http2::Connection<TokioIo<IO>, Dispatch<H>, StreamTasks>
where
    H: Handler,
    IO: AsyncRead + AsyncWrite + Unpin + 'static,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        Self::graceful_shutdown(self);
    }
}
