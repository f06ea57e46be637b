//! `hotpool demo`: the main job on an embedded world. Servers on loopback, a pool, hot requests beside cold ones, and what the
//! servers saw.

mod progress;
mod report;
mod runs;
mod world;

use std::io::Write;
use std::time::Duration;

use hotpool::Pool;
use tokio::time::Instant;

use progress::Progress;
use report::{HostReport, Report};
use runs::{COLD_REQUESTS, HOT_REQUESTS};
use world::World;

/// Longer than closing loopback connections takes; what is left then is cut.
const GOODBYE: Duration = Duration::from_secs(5);

/// Runs the demo; progress goes to `progress`, the result to `out`. True when every request was answered.
pub(crate) async fn run(
    json: bool,
    out: &mut impl Write,
    progress: &mut impl Write,
) -> Result<bool, Box<dyn std::error::Error>> {
    let mut progress = Progress::new(progress);
    progress.say("starting three servers on loopback")?;
    let world = World::start().await?;

    let pool = Pool::builder().trust(world.trust()?).resolver(world.resolver()).build()?;
    let began = Instant::now();
    let preheated = pool.preheat(world.hosts.iter().map(world::Host::target)).await;
    let preheat = began.elapsed();
    for (target, error) in preheated.failed() {
        progress.say(&format!("{target} is not hot: {error}"))?;
    }

    let mut hosts = Vec::new();
    for host in &world.hosts {
        progress.begin(&format!("hot  {}", host.name), HOT_REQUESTS);
        let hot = runs::hot(&pool, host, &mut progress).await?;
        progress.begin(&format!("cold {}", host.name), COLD_REQUESTS);
        let seen = host.seen();
        let cold = runs::cold(&world, host, &mut progress).await?;
        hosts.push(HostReport::new(host, seen, hot, cold));
    }
    progress.end()?;

    let closed = pool.shutdown(GOODBYE).await;
    world.shutdown(GOODBYE).await;
    let report = Report {
        preheat,
        hosts,
        cut: closed.cut,
        registered: pool.registry().count(),
    };
    if json { report.write_json(out)? } else { report.write_table(out)? }
    Ok(report.is_complete())
}
