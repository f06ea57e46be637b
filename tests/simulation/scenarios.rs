//! What happens to the network, the servers and their names while the client calls.

use rand::RngExt;
use rand::rngs::StdRng;

use crate::common::unruly_server::Habits;
use crate::world::{SERVERS, World};

/// What happens at one step.
pub(crate) type Scenario = fn(&mut World, &mut StdRng);

pub(crate) const SCENARIOS: [(&str, Scenario); 6] = [
    ("partition", partition),
    ("hold", hold),
    ("crash", crash),
    ("goaway", goaway),
    ("names", names),
    ("all", all),
];

fn partition(world: &mut World, random: &mut StdRng) {
    let server = any(random);
    match random.random_range(0..4) {
        0 => world.cut(server),
        1 => world.cut_one_way(server, random.random()),
        _ => world.mend(server),
    }
}

fn hold(world: &mut World, random: &mut StdRng) {
    let server = any(random);
    match random.random() {
        true => world.hold(server),
        false => world.mend(server),
    }
}

fn crash(world: &mut World, random: &mut StdRng) {
    let server = any(random);
    match world.is_up(server) {
        true => world.crash(server, random.random()),
        false => world.start(server),
    }
}

fn goaway(world: &mut World, random: &mut StdRng) {
    let habits = Habits {
        refuses: random.random_range(0..30),
        takes_time: 50,
        ..Habits::default()
    };
    for control in world.controls(any(random)) {
        control.adopt(habits);
        control.leave(random.random());
    }
}

fn names(world: &mut World, random: &mut StdRng) {
    // At the last address there is nobody.
    let mut all: Vec<_> = (1..=SERVERS + 1).collect();
    while all.len() > 2 {
        all.remove(random.random_range(0..all.len()));
    }
    world.names.say(all);
}

fn all(world: &mut World, random: &mut StdRng) {
    let others = SCENARIOS.len() - 1;
    SCENARIOS[random.random_range(0..others)].1(world, random);
}

fn any(random: &mut StdRng) -> u8 {
    random.random_range(1..=SERVERS)
}
