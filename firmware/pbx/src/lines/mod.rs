//! The gateway's analogue lines: which are free, and a task for each port.
//!
//! FXO ports ([`trunk`]) carry calls to and from an exchange, FXS ports ([`station`]) have a telephone, which is an
//! extension's or has a number of its own. E1 trunks ([`digital`]) carry many calls each. A port's task waits for its line and for calls; during a call
//! it translates between the line's events and the leg's.

pub(crate) mod alarms;
pub(crate) mod answer;
mod dialled;
mod digital;
mod span_settings;
mod station;
mod testing;
mod three_way;
mod trunk;

pub(crate) use digital::DigitalTrunks;
pub use testing::{LineTestRefusal, LineTestStatus};

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use ramal_lines::dahdi::UnusableCard;
use ramal_lines::{
    Command, Driver, LineError, LineFault, Port, PortAudio, PortKind, PortRemote, PortStatus,
};
use ramal_media::Engine;
use ramal_model::{
    Actor, Configuration, Extension, ExtensionId, FxoSettings, FxsSettings, LearnedTone, Party,
    PortSettings,
};
use tokio::sync::{mpsc, watch};

use crate::clock::utc_ms;
use crate::exchange::Exchange;
use crate::leg::line::{LineLeg, PortCall};

use testing::{TestBoard, TestOrder};

/// How often a call that begins on a line may be passed on (RFC 3261 §8.1.1.6).
pub(crate) const MAX_HOPS: u8 = 70;

/// Calls in a row that have to end with the same unknown tone before it counts as the line's busy tone.
const CALLS_THAT_TEACH: u32 = 3;

/// A call to be made on a port.
pub(crate) struct LineCall {
    /// Whom to call: the number to dial on an FXO port.
    number: String,
    /// Who calls, for the display of a telephone.
    caller: Party,
    port: PortCall,
}

/// Everything known about a port by those who want to call over it.
struct Entry {
    name: String,
    number: String,
    kind: PortKind,
    audio: PortAudio,
    busy: Arc<AtomicBool>,
    /// A second call waits on a telephone.
    waits: Arc<AtomicBool>,
    /// Since when calls are taken on it, UTC ms.
    since: i64,
    calls: mpsc::Sender<LineCall>,
    /// What tests want of it.
    tests: mpsc::Sender<TestOrder>,
    test: TestBoard,
    remote: PortRemote,
}

/// All lines.
#[derive(Default)]
pub(crate) struct LineService {
    ports: RwLock<Vec<Entry>>,
    drivers: RwLock<Vec<Box<dyn Driver>>>,
    /// Trunks on E1 spans.
    pub(crate) digital: DigitalTrunks,
    /// Cards that no driver works with, as they were found last.
    cards: RwLock<Vec<UnusableCard>>,
}

/// Why there is no line for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoLine {
    /// All are in use.
    Busy,
    /// There is none of the kind.
    None,
}

impl LineService {
    /// Takes calls on all ports of a driver from now on.
    pub(crate) fn add(&self, exchange: &Arc<Exchange>, mut driver: Box<dyn Driver>) {
        let mut ports = self.ports.write().unwrap_or_else(PoisonError::into_inner);
        for port in driver.take_ports() {
            let (calls, queue) = mpsc::channel(2);
            let busy = Arc::new(AtomicBool::new(false));
            let waits = Arc::new(AtomicBool::new(false));
            let (tests, test_orders) = testing::orders();
            let test = TestBoard::default();
            ports.push(Entry {
                name: port.name().to_owned(),
                number: port.number().to_owned(),
                kind: port.kind(),
                audio: port.audio(),
                busy: busy.clone(),
                waits: waits.clone(),
                since: utc_ms(),
                calls,
                tests,
                test: test.clone(),
                remote: port.remote(),
            });
            let exchange = exchange.clone();
            let line = LineTask {
                changes: exchange.configuration.clone(),
                exchange,
                port,
                busy,
                waits,
                calls: queue,
                tests: test_orders,
                test,
                unknown_tone: None,
                settings: None,
            };
            match line.port.kind() {
                PortKind::Fxo => tokio::spawn(trunk::run(line)),
                PortKind::Fxs => tokio::spawn(station::run(line)),
            };
        }
        self.drivers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(driver);
    }

    /// Gives up all lines. Calls on them are ended by their own tasks.
    pub(crate) async fn close(&self) {
        self.digital.close().await;
        self.ports
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.drivers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// All ports as people see them.
    pub(crate) fn status(&self) -> Vec<PortStatus> {
        let drivers = self.drivers.read().unwrap_or_else(PoisonError::into_inner);
        drivers.iter().flat_map(|driver| driver.status()).collect()
    }

    /// Cards that no driver works with.
    pub(crate) fn unusable_cards(&self) -> Vec<UnusableCard> {
        let cards = self.cards.read().unwrap_or_else(PoisonError::into_inner);
        cards.clone()
    }

    /// Takes note of the cards that no driver works with.
    fn set_unusable_cards(&self, cards: Vec<UnusableCard>) {
        *self.cards.write().unwrap_or_else(PoisonError::into_inner) = cards;
    }

    /// Whether there is any line to an exchange.
    pub(crate) fn has_trunks(&self) -> bool {
        let ports = self.ports.read().unwrap_or_else(PoisonError::into_inner);
        ports.iter().any(|entry| entry.kind == PortKind::Fxo)
    }

    /// The name of the port whose telephone has this number.
    pub(crate) fn station(&self, number: &str) -> Option<String> {
        let ports = self.ports.read().unwrap_or_else(PoisonError::into_inner);
        let station = ports
            .iter()
            .find(|entry| entry.kind == PortKind::Fxs && entry.number == number)?;
        Some(station.name.clone())
    }

    /// Since when an extension can be reached at a telephone on a port, UTC ms; none when it has none, or none that works.
    pub(crate) fn telephone_since(
        &self,
        configuration: &Configuration,
        extension: ExtensionId,
    ) -> Option<i64> {
        // Most have none, and need not wait for drivers.
        configuration.telephones(extension).next()?;
        let works = |name: &str| {
            self.status()
                .iter()
                .any(|port| port.name == name && port.fault != Some(LineFault::Hardware))
        };
        let ports = self.ports.read().unwrap_or_else(PoisonError::into_inner);
        let telephones = configuration.telephones(extension);
        let entries = telephones.filter_map(|port| {
            let mut entries = ports.iter();
            entries.find(|entry| entry.kind == PortKind::Fxs && entry.name == port.port)
        });
        entries
            .filter(|entry| works(&entry.name))
            .map(|entry| entry.since)
            .min()
    }

    /// Rings the telephones of an extension.
    ///
    /// # Errors
    /// It has none, or all of them are in use.
    pub(crate) fn ring_telephones(
        &self,
        engine: &Engine,
        configuration: &Configuration,
        extension: &Extension,
        caller: &Party,
    ) -> Result<Vec<LineLeg>, NoLine> {
        let (mut legs, mut refused) = (Vec::new(), NoLine::None);
        for port in configuration.telephones(extension.id) {
            match self.call(engine, &extension.number, caller, |entry| {
                entry.kind == PortKind::Fxs && entry.name == port.port
            }) {
                Ok(leg) => legs.push(leg),
                Err(NoLine::Busy) => refused = NoLine::Busy,
                Err(NoLine::None) => {}
            }
        }
        if legs.is_empty() {
            return Err(refused);
        }
        Ok(legs)
    }

    /// Tells the telephone with this number, or on the port of this name, how many messages wait, for its lamp and its dial
    /// tone; false when there is no such telephone. It is told as soon as it is on-hook, and keeps it until it is told
    /// otherwise.
    ///
    /// # Errors
    /// Its port does not take commands, or not at the moment.
    pub(crate) fn messages_waiting(&self, number: &str, messages: u32) -> Result<bool, LineError> {
        let ports = self.ports.read().unwrap_or_else(PoisonError::into_inner);
        let station = ports.iter().find(|entry| {
            entry.kind == PortKind::Fxs && (entry.number == number || entry.name == number)
        });
        let Some(station) = station else {
            return Ok(false);
        };
        station
            .remote
            .command(Command::MessageWaiting(messages > 0))?;
        Ok(true)
    }

    /// Calls `number` over a free line to the exchange: this one, or any.
    pub(crate) fn dial_out(
        &self,
        engine: &Engine,
        port: Option<&str>,
        number: &str,
        caller: &Party,
    ) -> Result<LineLeg, NoLine> {
        self.call(engine, number, caller, |entry| {
            entry.kind == PortKind::Fxo && port.is_none_or(|port| entry.name == port)
        })
    }

    /// Rings the telephone with this number.
    pub(crate) fn ring(
        &self,
        engine: &Engine,
        number: &str,
        caller: &Party,
    ) -> Result<LineLeg, NoLine> {
        self.call(engine, number, caller, |entry| {
            entry.kind == PortKind::Fxs && entry.number == number
        })
    }

    fn call(
        &self,
        engine: &Engine,
        number: &str,
        caller: &Party,
        fits: impl Fn(&Entry) -> bool,
    ) -> Result<LineLeg, NoLine> {
        let status = self.status().into_iter();
        let faulty = status.filter(|port| port.fault.is_some());
        let faulty: BTreeSet<String> = faulty.map(|port| port.name).collect();
        let ports = self.ports.read().unwrap_or_else(PoisonError::into_inner);
        // Those with a fault come last: where there is no other, they may work all the same.
        let fitting = ports.iter().filter(|entry| fits(entry));
        let (last, first): (Vec<_>, Vec<_>) =
            fitting.partition(|entry| faulty.contains(&entry.name));
        let mut any = false;
        for entry in first.into_iter().chain(last) {
            any = true;
            let second = entry.busy.swap(true, Ordering::AcqRel);
            // A telephone in a call is told about one more, if it wants to hear of it.
            if second && (entry.kind == PortKind::Fxo || entry.waits.swap(true, Ordering::AcqRel)) {
                continue;
            }
            let (leg, port) = LineLeg::new(&entry.name, engine, entry.audio.clone());
            let call = LineCall {
                number: number.to_owned(),
                caller: caller.clone(),
                port,
            };
            if entry.calls.try_send(call).is_ok() {
                return Ok(leg);
            }
        }
        Err(if any { NoLine::Busy } else { NoLine::None })
    }
}

/// The settings of a port that has none of its own: those of the company's country.
fn preset(configuration: &Configuration, kind: PortKind) -> PortSettings {
    let country = configuration.company().map(|company| company.country);
    let country = country.unwrap_or_default();
    match kind {
        PortKind::Fxo => PortSettings::Fxo(FxoSettings {
            country,
            ..FxoSettings::default()
        }),
        PortKind::Fxs => PortSettings::Fxs(FxsSettings {
            country,
            ..FxsSettings::default()
        }),
    }
}

/// What the task of a port works with.
struct LineTask {
    exchange: Arc<Exchange>,
    port: Port,
    /// Whether a call has the line. Whoever sets it may use the line; the task takes it back.
    busy: Arc<AtomicBool>,
    /// Whether there is a second call. Whoever sets it may send one; the task takes it back.
    waits: Arc<AtomicBool>,
    calls: mpsc::Receiver<LineCall>,
    /// What tests want. Whoever sends one has taken the line.
    tests: mpsc::Receiver<TestOrder>,
    /// How its test goes.
    test: TestBoard,
    /// The unknown tone that calls on this line have ended with, and how many in a row.
    unknown_tone: Option<(LearnedTone, u32)>,
    /// Tells when the configuration has changed.
    changes: watch::Receiver<Arc<Configuration>>,
    /// What the port was told last.
    settings: Option<PortSettings>,
}

impl LineTask {
    /// Gives the port the settings that the configuration has for it, if they are others than before.
    fn configure(&mut self) {
        let configuration = self.changes.borrow_and_update().clone();
        let settings = match configuration.analogue_port(self.port.name()) {
            Some(own) => own.settings.clone(),
            None => preset(&configuration, self.port.kind()),
        };
        if self.settings.as_ref() == Some(&settings) {
            return;
        }
        match (&settings, self.port.kind()) {
            (PortSettings::Fxo(fxo), PortKind::Fxo) => {
                self.command(Command::ConfigureFxo(Box::new(fxo.clone())));
            }
            (PortSettings::Fxs(fxs), PortKind::Fxs) => {
                self.command(Command::ConfigureFxs(Box::new(fxs.clone())));
            }
            _ => tracing::error!(
                line = self.port.name(),
                "the settings are those of a port of the other kind; save them again"
            ),
        }
        self.settings = Some(settings);
    }

    /// The settings of a port to an exchange.
    fn fxo(&self) -> FxoSettings {
        match &self.settings {
            Some(PortSettings::Fxo(settings)) => settings.clone(),
            _ => FxoSettings::default(),
        }
    }

    /// The settings of a telephone.
    fn fxs(&self) -> FxsSettings {
        match &self.settings {
            Some(PortSettings::Fxs(settings)) => settings.clone(),
            _ => FxsSettings::default(),
        }
    }

    /// A call on a line to the exchange has ended with a tone that nobody knows. When the third call in a row ends with the
    /// same, it is this line's busy tone.
    async fn unknown_tone(&mut self, tone: LearnedTone) {
        let before = self.unknown_tone.filter(|(known, _)| known.is_like(&tone));
        let calls = before.map_or(1, |(_, calls)| calls + 1);
        self.unknown_tone = Some((tone, calls));
        let mut settings = self.fxo();
        let name = self.port.name();
        tracing::info!(
            line = name,
            ?tone,
            calls,
            "a call has ended with an unknown tone"
        );
        if calls < CALLS_THAT_TEACH || settings.busy_repetitions == 0 {
            return;
        }
        settings.learned_tone = Some(tone);
        let settings = PortSettings::Fxo(settings);
        let store = &self.exchange.store;
        match store
            .set_analogue_port(&Actor::System, name.to_owned(), settings)
            .await
        {
            Ok(_) => tracing::info!(line = name, ?tone, "a line has learned its busy tone"),
            Err(error) => tracing::error!(%error, line = name, "a learned tone is not kept"),
        }
        self.unknown_tone = None;
    }

    /// Takes the line for a call that comes from it.
    fn take(&self) -> bool {
        !self.busy.swap(true, Ordering::AcqRel)
    }

    /// The second call is over, or has become the only one.
    fn no_more_waiting(&self) {
        self.waits.store(false, Ordering::Release);
    }

    /// Gives the line to the next call.
    fn free(&self) {
        self.busy.store(false, Ordering::Release);
    }

    /// Tells the port to do something; a driver that is gone ends its events, too.
    fn command(&self, command: Command) {
        if let Err(error) = self.port.command(command) {
            tracing::error!(%error, "a line does not obey");
        }
    }
}
