//! Lines without hardware: FXO ports to an exchange and FXS ports to telephones, all in software.
//!
//! [`Simulation`] is the whole of it without a clock: each [`Simulation::tick`] is 20 ms. [`SimulatedLines`] gives it a
//! thread that ticks in real time. Wires carry battery, ringing, hook and sound as in life: keys are dialled as DTMF that
//! the exchange has to hear, and busy tone is recognised by its sound. What the exchange's numbers do is said in
//! `exchange.rs`; telephones answer after the second ring and talk 440 Hz.

mod exchange;
mod fxo;
mod fxs;
mod span;
mod switching;
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

use ramal_analog::{CallerIdPlace, CallerIdSignalling, CallerIdSound, LineProfile};
use ramal_dsp::{CountryTones, Law};
use ramal_model::{CallerIdSending, Country, FxoSettings, FxsSettings};
use tokio::sync::mpsc;

pub use self::span::{FarSpan, SimulatedSpan, SimulatedTimeslot, simulated_span};
pub use self::telephone::{Display, Hand};
use self::{
    exchange::ExchangeLine,
    fxo::FxoHardware,
    fxs::FxsHardware,
    telephone::Telephone,
    wire::{Feed, Loop, Wires},
};
use crate::{
    Driver, LineError, Port, PortId, PortStatus,
    analogue::{HardwareFeatures, LineDescription, LineProcessor},
};

/// How long a tick lasts.
const TICK: Duration = Duration::from_millis(20);
/// A thread that is later than this leaves ticks out instead of hurrying after them.
const TOO_LATE: Duration = Duration::from_millis(200);
/// What hands may do to a telephone before it has happened.
const HANDS: usize = 16;
/// The wires are without echo; the number that sends everything back is not to be taken for one.
const FEATURES: HardwareFeatures = HardwareFeatures {
    echo_canceller: true,
    buffered: 0,
};

/// How many lines to simulate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedConfig {
    /// Whose tones and cadences.
    pub country: Country,
    /// Lines to the exchange; up to 32.
    pub fxo: u16,
    /// Telephones; up to 32.
    pub fxs: u16,
    /// How the exchange tells who calls; `None`: not at all.
    pub caller_id: Option<CallerIdSignalling>,
}

impl Default for SimulatedConfig {
    /// Two lines to the exchange and one telephone, in Brazil, with caller ID by Bell 202.
    fn default() -> Self {
        SimulatedConfig {
            country: Country::default(),
            fxo: 2,
            fxs: 1,
            caller_id: Some(CallerIdSignalling {
                sound: CallerIdSound::Bell202,
                place: CallerIdPlace::AfterFirstRing,
            }),
        }
    }
}

/// What may be wrong with a line to the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is plugged in.
    NoBattery,
    /// The ringing voltage never ends.
    RingsForEver,
    /// There is battery, and the exchange notices nothing of what the line does.
    Deaf,
    /// The exchange takes pulses only.
    NoTones,
    /// The exchange tells neither answer nor hang-up by polarity or by the current.
    NoSignals,
}

struct TrunkLine {
    exchange: ExchangeLine,
    hardware: FxoHardware,
    subscriber: Loop,
    fault: Option<Fault>,
    wires: Option<Wires>,
}

impl TrunkLine {
    /// The next 20 ms.
    fn tick(&mut self) {
        let mut said = self.subscriber.clone();
        match self.fault {
            Some(Fault::Deaf) => said = Loop::open(),
            Some(Fault::NoTones) => said.audio.fill(0),
            _ => {}
        }
        if let Some(wires) = &self.wires {
            wires.outward(&mut said.audio);
        }
        let mut feed = self.exchange.block(&said);
        match self.fault {
            Some(Fault::NoBattery) => {
                feed = Feed {
                    battery: false,
                    ..Feed::idle()
                }
            }
            Some(Fault::RingsForEver) => feed.ringing = true,
            Some(Fault::NoSignals) => (feed.reversed, feed.battery) = (false, true),
            Some(Fault::Deaf | Fault::NoTones) | None => {}
        }
        if let Some(wires) = &mut self.wires {
            wires.inward(&mut feed.audio, &self.subscriber.audio);
        }
        self.subscriber = self.hardware.block(&feed);
    }
}

struct StationLine {
    telephone: Telephone,
    hardware: FxsHardware,
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
        let country = config.country;
        let tones = CountryTones::of(country.code()).unwrap_or(CountryTones::recommended());
        let law = match country.defaults().law {
            ramal_model::Law::A => Law::A,
            ramal_model::Law::Mu => Law::Mu,
        };
        let describe = |id: u16, name: String, number: String| LineDescription {
            id: PortId(id),
            name,
            number,
            law,
        };
        let (mut ports, mut hands) = (Vec::new(), Vec::new());
        let (fxo, fxs) = (config.fxo.min(32), config.fxs.min(32));
        let trunks: Vec<TrunkLine> = (1..=fxo)
            .map(|index| {
                let settings = FxoSettings {
                    country,
                    ..FxoSettings::default()
                };
                let line = describe(index, format!("FXO {index}"), String::new());
                let (port, processor) = LineProcessor::fxo(line, FEATURES, &settings);
                ports.push(port);
                TrunkLine {
                    exchange: ExchangeLine::new(
                        tones,
                        LineProfile::of(country.code()),
                        config.caller_id,
                    ),
                    hardware: FxoHardware::new(processor),
                    subscriber: Loop::open(),
                    fault: None,
                    wires: None,
                }
            })
            .collect();
        let stations: Vec<StationLine> = (1..=fxs)
            .map(|index| {
                let (hand, queue) = mpsc::channel(HANDS);
                hands.push(hand);
                let settings = FxsSettings {
                    country,
                    caller_id: CallerIdSending::Bell202,
                    ..FxsSettings::default()
                };
                let line = describe(
                    fxo + index,
                    format!("FXS {index}"),
                    format!("{}", 989 + index),
                );
                let (port, processor) = LineProcessor::fxs(line, FEATURES, &settings);
                ports.push(port);
                StationLine {
                    telephone: Telephone::new(tones, queue),
                    hardware: FxsHardware::new(processor),
                }
            })
            .collect();
        let of_trunks = trunks.iter().map(|line| line.hardware.processor.status());
        let of_stations = stations.iter().map(|line| line.hardware.processor.status());
        let status = of_trunks.chain(of_stations).cloned().collect();
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
        let mut show = |now: &PortStatus| {
            if let Some(status) = status.next()
                && status != now
            {
                status.clone_from(now);
            }
        };
        let said: Vec<_> = self
            .trunks
            .iter()
            .map(|line| line.subscriber.audio)
            .collect();
        let mut exchange: Vec<_> = self
            .trunks
            .iter_mut()
            .map(|line| &mut line.exchange)
            .collect();
        switching::carry_out(&mut exchange, &said);
        for line in &mut self.trunks {
            line.tick();
            show(line.hardware.processor.status());
        }
        for line in &mut self.stations {
            let telephone = line.telephone.block(line.hardware.feed());
            line.hardware.block(&telephone);
            show(line.hardware.processor.status());
        }
    }

    /// Breaks a line to the exchange (the first is 0), or repairs it.
    pub fn set_fault(&mut self, line: usize, fault: Option<Fault>) {
        if let Some(line) = self.trunks.get_mut(line) {
            line.fault = fault;
        }
    }

    /// Gives a line to the exchange (the first is 0) wires that lose so much in each direction, dB, and a hybrid with this
    /// echo return loss, dB.
    pub fn set_wires(&mut self, line: usize, loss: f64, echo_return_loss: f64) {
        if let Some(line) = self.trunks.get_mut(line) {
            line.wires = Some(Wires::new(loss, echo_return_loss));
        }
    }

    /// What a telephone (the first is 0) shows.
    pub fn display(&self, telephone: usize) -> Option<&Display> {
        self.stations
            .get(telephone)
            .map(|line| &line.telephone.display)
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
