//! `hotpool capture`: a server that keeps what clients send first.

mod arguments;
mod certificate;
mod collection;
mod page;
mod seen;
mod watch;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hotpool::server::{Listener, Observer, Server};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep_until};

use crate::failure::{Failure, Status};
use crate::interrupt::Interrupt;
use crate::output;

pub(crate) use arguments::CaptureArguments;
use collection::Collection;
use watch::{Event, Watch};

/// Connections at a time: a browser opens a handful, and each may keep 256 KiB of what it sent.
const MAXIMUM_CONNECTIONS: usize = 64;

/// How long a connection is kept after its last answer: so short that a reload makes a new one, so long that a page's own requests do not.
const IDLE: Duration = Duration::from_secs(2);

/// With `--once`, from the hello to the request: a handshake and what a browser thinks about in between, but a client that refuses the
/// certificate without a word, or never asks, is not waited for.
const REQUEST_WAIT: Duration = Duration::from_secs(5);

/// With `--once`, from the first request on: for those of what the page loads, which a browser asks for as soon as it has read it.
const PAGE_WAIT: Duration = Duration::from_secs(2);

/// With `--once`, for the request on another connection when one has come and gone without: what a browser opens, it opens at once.
const SPARE_WAIT: Duration = Duration::from_secs(1);

/// For the answers under way when all is over.
const GOODBYE: Duration = Duration::from_secs(1);

pub(crate) async fn run(arguments: CaptureArguments) -> Result<Status, Failure> {
    let mut collection = Collection::open(&arguments)?;
    let (watch, mut events) = Watch::new();
    let watch = Arc::new(watch);
    let interrupt = Interrupt::listen();
    let server = serve(&arguments, &watch).await?;
    tokio::select! {
        biased;
        () = interrupt.asked() => {}
        outcome = collect(arguments.once, &watch, &mut events, &mut collection) => outcome?,
    }
    server.shutdown(GOODBYE).await;
    if !arguments.once {
        while let Ok(event) = events.try_recv() {
            if let Event::Settled(settled) = event {
                collection.add(settled)?;
            }
        }
    }
    collection.learn()?;
    if watch.lost() > 0 {
        output::complain(&format!(
            "{} connections came too fast to be kept",
            watch.lost()
        ));
    }
    Ok(Status::of(collection.finish()?))
}

async fn serve(arguments: &CaptureArguments, watch: &Arc<Watch>) -> Result<Server, Failure> {
    let listener = Listener::builder()
        .tls(certificate::self_signed(arguments.listen.ip())?)
        .observer(Arc::clone(watch) as Arc<dyn Observer>)
        .max_connections(MAXIMUM_CONNECTIONS)
        .extended_connect(true)
        .idle_timeout(IDLE)
        .bind(arguments.listen)
        .await?;
    output::tell(&format!("listening on https://{}", listener.local_addr()));
    Ok(listener.serve(|request, _| {
        let answer = page::answer(&request);
        async move { answer }
    }))
}

/// Until there is one hello if that is enough, or else for ever.
async fn collect(
    once: bool,
    watch: &Watch,
    events: &mut Receiver<Event>,
    collection: &mut Collection,
) -> Result<(), Failure> {
    let mut patience = pin!(sleep_until(Instant::now()));
    let mut is_waiting = false;
    let mut has_request = false;
    let mut spare = None;
    loop {
        let settled = tokio::select! {
            event = events.recv() => match event {
                Some(Event::Settled(settled)) if once && settled.is_spare => {
                    if spare.is_none() && !has_request {
                        is_waiting = true;
                        patience.as_mut().reset(Instant::now() + SPARE_WAIT);
                        spare = Some(settled);
                    }
                    None
                }
                Some(Event::Settled(settled)) => Some(settled),
                Some(Event::Hello) => {
                    if once && !is_waiting {
                        is_waiting = true;
                        patience.as_mut().reset(Instant::now() + REQUEST_WAIT);
                    }
                    None
                }
                Some(Event::Request) => {
                    if once && !has_request {
                        (is_waiting, has_request) = (true, true);
                        patience.as_mut().reset(Instant::now() + PAGE_WAIT);
                    }
                    None
                }
                None => return Ok(()),
            },
            () = &mut patience, if is_waiting => {
                is_waiting = false;
                let settled = watch.settle_request();
                settled.or_else(|| spare.take()).or_else(|| watch.settle_hello())
            }
        };
        if let Some(settled) = settled
            && collection.add(settled)?
            && once
        {
            return Ok(());
        }
        // All at once when they come faster than they can be learned from.
        if events.is_empty() {
            collection.learn()?;
        }
    }
}
