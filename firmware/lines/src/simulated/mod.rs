//! Lines without hardware: FXO ports to an exchange and FXS ports to telephones, all in software.
//!
//! [`Simulation`] is the whole of it without a clock: each [`Simulation::tick`] is 20 ms. [`SimulatedLines`] gives it a
//! thread that ticks in real time. Wires carry battery, ringing, hook and sound as in life: keys are dialled as DTMF that
//! the exchange has to hear, and busy tone is recognised by its sound. What the exchange's numbers do is said in
//! `exchange.rs`; telephones answer after the second ring and talk 440 Hz.

mod exchange;
mod fxo;
mod fxs;
mod telephone;
mod wire;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use ramal_dsp::FRAME_SAMPLES;
use ramal_model::Country;
use tokio::sync::mpsc;

pub use self::telephone::Hand;
use self::{
    exchange::ExchangeLine,
    fxo::FxoPort,
    fxs::FxsPort,
    telephone::Telephone,
    wire::{Feed, Loop},
};
use crate::{
    Driver, LineError, Port, PortId, PortKind, PortStatus, TonePlan,
    port::{DriverPort, port},
};

/// How long a tick lasts.
const TICK: Duration = Duration::from_millis(20);
/// A thread that is later than this leaves ticks out instead of hurrying after them.
const TOO_LATE: Duration = Duration::from_millis(200);
/// What hands may do to a telephone before it has happened.
const HANDS: usize = 16;

/// How many lines to simulate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedConfig {
    /// Whose tones and cadences.
    pub country: Country,
    /// Lines to the exchange; up to 32.
    pub fxo: u16,
    /// Telephones; up to 32.
    pub fxs: u16,
}

impl Default for SimulatedConfig {
    /// Two lines to the exchange and one telephone, in Brazil.
    fn default() -> Self {
        SimulatedConfig {
            country: Country::default(),
            fxo: 2,
            fxs: 1,
        }
    }
}

struct TrunkLine {
    exchange: ExchangeLine,
    port: FxoPort,
    end: DriverPort,
    subscriber: Loop,
}

struct StationLine {
    telephone: Telephone,
    port: FxsPort,
    end: DriverPort,
    feed: Feed,
}

/// Exchange, telephones and ports, moved on by [`Simulation::tick`].
pub struct Simulation {
    trunks: Vec<TrunkLine>,
    stations: Vec<StationLine>,
    status: Vec<PortStatus>,
}

impl Simulation {
    /// The simulation, its ports (FXO first), and the hands at its telephones.
    pub fn new(config: &SimulatedConfig) -> (Simulation, Vec<Port>, Vec<mpsc::Sender<Hand>>) {
        let plan = TonePlan::of(config.country);
        let (mut ports, mut status, mut hands) = (Vec::new(), Vec::new(), Vec::new());
        let mut id = 0;
        let mut add = |kind, name: String, number: String| {
            id += 1;
            let (held, end) = port(PortId(id), kind, name.clone(), number.clone());
            ports.push(held);
            status.push(PortStatus {
                id: PortId(id),
                kind,
                name,
                number,
                off_hook: false,
                ringing: false,
                fault: None,
            });
            end
        };
        let trunks = (1..=config.fxo.min(32))
            .map(|index| TrunkLine {
                exchange: ExchangeLine::new(plan),
                port: FxoPort::new(&plan),
                end: add(PortKind::Fxo, format!("FXO {index}"), String::new()),
                subscriber: Loop::open(),
            })
            .collect();
        let stations = (1..=config.fxs.min(32))
            .map(|index| {
                let (hand, queue) = mpsc::channel(HANDS);
                hands.push(hand);
                StationLine {
                    telephone: Telephone::new(&plan, queue),
                    port: FxsPort::new(&plan),
                    end: add(
                        PortKind::Fxs,
                        format!("FXS {index}"),
                        format!("{}", 989 + index),
                    ),
                    feed: Feed::idle(),
                }
            })
            .collect();
        (
            Simulation {
                trunks,
                stations,
                status,
            },
            ports,
            hands,
        )
    }

    /// Lets 20 ms go by.
    pub fn tick(&mut self) {
        let mut status = self.status.iter_mut();
        let mut transmit = [0; FRAME_SAMPLES];
        for line in &mut self.trunks {
            while let Ok(command) = line.end.commands.try_recv() {
                line.port.command(command);
            }
            line.end.audio.take(&mut transmit);
            let feed = line.exchange.block(&line.subscriber);
            let end = &line.end;
            line.subscriber = line.port.block(&feed, &transmit, |event| end.report(event));
            line.end.audio.put(&feed.audio);
            if let Some(status) = status.next() {
                status.off_hook = line.port.is_off_hook();
                status.ringing = line.port.is_ringing();
                status.fault = line.port.fault();
            }
        }
        for line in &mut self.stations {
            while let Ok(command) = line.end.commands.try_recv() {
                line.port.command(command);
            }
            line.end.audio.take(&mut transmit);
            let telephone = line.telephone.block(&line.feed);
            let end = &line.end;
            line.feed = line
                .port
                .block(&telephone, &transmit, |event| end.report(event));
            line.end.audio.put(&telephone.audio);
            if let Some(status) = status.next() {
                status.off_hook = line.port.is_off_hook();
                status.ringing = line.port.is_ringing();
            }
        }
    }

    /// The ports as they are after the last tick.
    pub fn status(&self) -> &[PortStatus] {
        &self.status
    }
}

/// A simulation that ticks in real time. Ends when dropped.
pub struct SimulatedLines {
    ports: Vec<Port>,
    hands: Vec<mpsc::Sender<Hand>>,
    status: Arc<Mutex<Vec<PortStatus>>>,
    stop: Arc<AtomicBool>,
}

impl SimulatedLines {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`LineError::Start`].
    pub fn start(config: &SimulatedConfig) -> Result<SimulatedLines, LineError> {
        let (simulation, ports, hands) = Simulation::new(config);
        let status = Arc::new(Mutex::new(simulation.status().to_vec()));
        let stop = Arc::new(AtomicBool::new(false));
        thread::Builder::new()
            .name("simulated-lines".into())
            .spawn({
                let (status, stop) = (Arc::clone(&status), Arc::clone(&stop));
                move || run(simulation, &status, &stop)
            })
            .map_err(|error| LineError::Start(error.to_string()))?;
        Ok(SimulatedLines {
            ports,
            hands,
            status,
            stop,
        })
    }

    /// The hands at each telephone, in the order of the FXS ports.
    pub fn hands(&self) -> &[mpsc::Sender<Hand>] {
        &self.hands
    }
}

fn run(mut simulation: Simulation, status: &Mutex<Vec<PortStatus>>, stop: &AtomicBool) {
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        next += TICK;
        let now = Instant::now();
        if now.saturating_duration_since(next) > TOO_LATE {
            next = now;
        }
        thread::sleep(next.saturating_duration_since(now));
        simulation.tick();
        let mut shown = status.lock().unwrap_or_else(PoisonError::into_inner);
        if *shown != simulation.status() {
            shown.clone_from_slice(simulation.status());
        }
    }
}

impl Driver for SimulatedLines {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn take_ports(&mut self) -> Vec<Port> {
        std::mem::take(&mut self.ports)
    }

    fn status(&self) -> Vec<PortStatus> {
        self.status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for SimulatedLines {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
