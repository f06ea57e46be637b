//! Machines with a runtime, a clock and a network stack each, and the network between them: one thread, a millisecond at a time.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;
use turmoil_net::{EnterGuard, HostId, KernelConfig, Net, Packet};

const TICK: Duration = Duration::from_millis(1);

/// Ticks without an acknowledgement before a packet is sent again, and how often before the connection ends: about two seconds.
const RETRANSMIT: u32 = 200;
const MOST_RETRANSMITS: u32 = 10;

/// What becomes of packets from and to a machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Way {
    #[default]
    Clear,
    /// In milliseconds.
    Slow(u64),
    /// So many of a hundred are lost.
    Lossy(u32),
    /// They arrive when the way is another again.
    Held,
    /// None arrives.
    Cut,
}

pub(crate) struct Network {
    machines: Vec<Machine>,
    ways: BTreeMap<IpAddr, Way>,
    /// By the time at which they arrive, and their number.
    travelling: BTreeMap<(u64, u64), Packet>,
    held: Vec<Packet>,
    now: u64,
    sent: u64,
    random: StdRng,
    // Last, since runtimes close sockets as they end.
    guard: EnterGuard,
}

struct Machine {
    id: HostId,
    address: IpAddr,
    runtime: Option<Runtime>,
}

impl Network {
    pub(crate) fn new(addresses: &[IpAddr], random: StdRng) -> Self {
        let mut net = Net::with_config(KernelConfig {
            retx_threshold: RETRANSMIT,
            retx_max: MOST_RETRANSMITS,
            ..KernelConfig::default()
        });
        let machine = |address: &IpAddr| Machine {
            id: net.add_host(*address),
            address: *address,
            runtime: None,
        };
        let machines = addresses.iter().map(machine).collect();
        Self {
            machines,
            ways: BTreeMap::new(),
            travelling: BTreeMap::new(),
            held: Vec::new(),
            now: 0,
            sent: 0,
            random,
            guard: net.enter(),
        }
    }

    /// Milliseconds since it began.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// Runs something on a machine, which starts if it does not run.
    pub(crate) fn run<T: Send + 'static>(
        &mut self,
        machine: usize,
        task: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        let machine = &mut self.machines[machine];
        self.guard.set_current(machine.id);
        let runtime = machine.runtime.get_or_insert_with(|| {
            let mut builder = Builder::new_current_thread();
            builder.enable_time().start_paused(true).build().unwrap()
        });
        runtime.spawn(task)
    }

    /// Without a word to anybody: what its end would send is lost.
    pub(crate) fn crash(&mut self, machine: usize) {
        let machine = &mut self.machines[machine];
        self.guard.set_current(machine.id);
        drop(machine.runtime.take());
        let mut packets = Vec::new();
        self.guard.egress_all(&mut packets);
        let crashed = machine.address;
        packets.retain(|packet| packet.src != crashed);
        for packet in packets {
            self.send(packet);
        }
    }

    pub(crate) fn is_up(&self, machine: usize) -> bool {
        self.machines[machine].runtime.is_some()
    }

    pub(crate) fn set(&mut self, machine: usize, way: Way) {
        self.ways.insert(self.machines[machine].address, way);
        for packet in std::mem::take(&mut self.held) {
            self.send(packet);
        }
    }

    /// Everybody does what there is to do, then a millisecond passes.
    pub(crate) fn tick(&mut self) {
        for machine in &self.machines {
            self.guard.set_current(machine.id);
            if let Some(runtime) = &machine.runtime {
                runtime.block_on(async { sleep(TICK).await });
            }
        }
        self.now += 1;
        let later = self.travelling.split_off(&(self.now + 1, 0));
        for packet in std::mem::replace(&mut self.travelling, later).into_values() {
            self.guard.deliver(packet);
        }
        let mut packets = Vec::new();
        self.guard.egress_all(&mut packets);
        for packet in packets {
            self.send(packet);
        }
    }

    fn send(&mut self, packet: Packet) {
        let way = [packet.src, packet.dst].map(|end| self.ways.get(&end).copied());
        let way = way
            .into_iter()
            .flatten()
            .find(|way| !matches!(way, Way::Clear));
        let delay = match way.unwrap_or_default() {
            Way::Clear => 0,
            Way::Slow(delay) => delay,
            Way::Lossy(share) if self.random.random_range(0..100) < share => return,
            Way::Lossy(_) => 0,
            Way::Held => return self.held.push(packet),
            Way::Cut => return,
        };
        self.sent += 1;
        self.travelling
            .insert((self.now + 1 + delay, self.sent), packet);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for machine in &mut self.machines {
            self.guard.set_current(machine.id);
            drop(machine.runtime.take());
        }
    }
}
