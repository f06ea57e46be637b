//! `hotpool demo`: the main job on an embedded world. Servers on loopback, a pool, hot requests beside cold ones, and what the
//! servers saw.

mod progress;
mod report;
mod runs;
mod world;

use std::error::Error;
use std::io;
use std::time::Duration;

use hotpool::Pool;
use tokio::time::Instant;

use crate::arguments::DemoArguments;
use crate::failure::{Failure, Status};
use crate::interrupt::Interrupt;
use crate::output::to_stdout;

use progress::Progress;
use report::{HostReport, Report};
use runs::{COLD_REQUESTS, HOT_REQUESTS};
use world::World;

/// Longer than closing loopback connections takes; what is left then is cut.
const GOODBYE: Duration = Duration::from_secs(5);

/// Done when every request was answered and no connection is left.
pub(crate) async fn run(arguments: &DemoArguments) -> Result<Status, Failure> {
    let interrupt = Interrupt::listen();
    let report = tokio::select! {
        biased;
        () = interrupt.asked() => return Ok(Status::SomeFailed),
        report = play() => report.map_err(Failure::Demo)?,
    };
    let mut out = io::stdout().lock();
    let written = if arguments.json {
        report.write_json(&mut out)
    } else {
        report.write_table(&mut out)
    };
    written.map_err(to_stdout)?;
    Ok(Status::of(report.is_complete()))
}

async fn play() -> Result<Report, Box<dyn Error>> {
    let mut progress = Progress::new(io::stderr());
    progress.say("starting three servers on loopback");
    let world = World::start().await?;
    let pool = Pool::builder()
        .trust(world.trust()?)
        .resolver(world.resolver()?)
        .build()?;

    let began = Instant::now();
    let preheated = pool
        .preheat(world.hosts.iter().map(world::Host::target))
        .await;
    let preheat = began.elapsed();
    for (target, error) in preheated.failed() {
        progress.say(&format!("{target} is not hot: {error}"));
    }

    let mut hosts = Vec::new();
    for host in &world.hosts {
        progress.begin(&format!("hot  {}", host.name), HOT_REQUESTS);
        let hot = runs::hot(&pool, host, &mut progress).await?;
        let seen = host.seen();
        progress.begin(&format!("cold {}", host.name), COLD_REQUESTS);
        let cold = runs::cold(&world, host, &mut progress).await?;
        hosts.push(HostReport::new(host, seen, hot, cold));
    }
    progress.end();

    let closed = pool.shutdown(GOODBYE).await;
    world.shutdown(GOODBYE).await;
    Ok(Report {
        preheat,
        hosts,
        cut: closed.cut,
        registered: pool.registry().count(),
    })
}
