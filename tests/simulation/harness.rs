//! Runs scenarios under seeds, as many at the same time as there are cores, and each in a process of its own: what a process counts
//! and draws begins anew.

use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::client;
use crate::scenarios::{SCENARIOS, Scenario};
use crate::world::World;

const SEEDS: u64 = 20;

/// How long the disorder lasts, and how often something happens: milliseconds.
const LASTS: u64 = 1_500;
const STEP: u64 = 30;

/// How often a process is looked at, and how many times until it is taken to hang: two minutes, of which it needs one or two seconds.
const LOOK: Duration = Duration::from_millis(20);
const LONGEST: u32 = 6_000;

/// `[SCENARIO [SEED]]`; what begins with a hyphen is meant for the usual harness.
pub(crate) fn main() -> ExitCode {
    let arguments = env::args().skip(1).filter(|word| !word.starts_with('-'));
    let arguments: Vec<_> = arguments.collect();
    let (name, seed) = (arguments.first(), arguments.get(1));
    let mut scenarios = SCENARIOS.to_vec();
    scenarios.retain(|(known, _)| name.is_none_or(|name| name == known));
    match (&scenarios[..], seed) {
        ([(_, scenario)], Some(seed)) => {
            println!("{}", simulate(seed.parse().unwrap(), *scenario));
            ExitCode::SUCCESS
        }
        _ => run(&scenarios),
    }
}

fn run(scenarios: &[(&str, Scenario)]) -> ExitCode {
    let mut jobs = Vec::new();
    for (name, _) in scenarios {
        // The first seed's story is told twice, and has to be the same.
        jobs.extend([0].into_iter().chain(0..SEEDS).map(|seed| (*name, seed)));
    }
    let (next, told) = (AtomicUsize::new(0), Mutex::new(vec![None; jobs.len()]));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    let Some((name, seed)) = jobs.get(job) else {
                        return;
                    };
                    let story = apart(name, *seed);
                    told.lock()[job] = story;
                }
            });
        }
    });
    let told = told.into_inner();
    let mut good = true;
    for ((name, _), told) in scenarios.iter().zip(told.chunks(1 + SEEDS as usize)) {
        let ended = told[1..].iter().flatten().count();
        let again = told[0] == told[1];
        good &= again && ended == SEEDS as usize;
        println!("{name}: {ended} of {SEEDS} seeds ended well");
        println!("    seed 0: {}", told[1].as_deref().unwrap_or("badly"));
        if !again {
            println!(
                "    seed 0 again: {}",
                told[0].as_deref().unwrap_or("badly")
            );
        }
    }
    match good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// In a process of its own; `None` if it ended badly.
fn apart(name: &str, seed: u64) -> Option<String> {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([name, &seed.to_string()]);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    for _ in 0..LONGEST {
        if child.try_wait().unwrap().is_some() {
            break;
        }
        #[allow(
            clippy::disallowed_methods,
            reason = "there is no runtime here, and no clock"
        )]
        thread::sleep(LOOK);
    }
    // Nothing, if it has ended.
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return Some(said.trim_end().to_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    eprintln!("--- {name} {seed}: {}\n{said}{complaint}", output.status);
    None
}

/// What became of the requests, and a number that stands for what became of each, and when.
fn simulate(seed: u64, scenario: Scenario) -> String {
    // What the operating system gives as random, for whatever is seeded by it.
    mad_turmoil::rand::set_rng(StdRng::seed_from_u64(seed));
    let mut random = StdRng::seed_from_u64(seed);
    let (mut world, outside) = World::new(seed);
    let (settled, story) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let ledger = Arc::clone(&outside.ledger);
    let client = client::live(outside, Arc::clone(&settled), Arc::clone(&story), seed);
    world.client(client);
    let mut now = 0;
    while !world.sim.step().unwrap() {
        now += 1;
        if now % STEP == 0 && now < LASTS {
            scenario(&mut world, &mut random);
        }
        if now == LASTS {
            world.settle();
            settled.store(true, Ordering::Relaxed);
        }
    }
    let balance = ledger.close();
    assert!(balance.completed > 0 && balance.given_up > 0);
    let mut number = DefaultHasher::new();
    story.lock().hash(&mut number);
    format!("{balance}; {now} ms; story {:x}", number.finish())
}
