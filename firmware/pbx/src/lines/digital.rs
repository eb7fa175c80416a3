//! Digital trunks: E1 spans whose calls are signalled by ISDN or MFC-R2.
//!
//! [`DigitalTrunks::configure`] follows the configuration: a driver's thread for each enabled trunk, and a task here that
//! takes its calls in and tells each leg ([`DigitalLeg`]) what happens on its call.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use ramal_lines::dahdi::span::{SpanThread, start};
use ramal_lines::{
    Trunk, TrunkCallId, TrunkCaller, TrunkCommand, TrunkEvent, TrunkHandle, TrunkState, TrunkStatus,
};
use ramal_media::Engine;
use ramal_model::{Configuration, E1Signalling, E1Trunk, E1TrunkId, Party};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::MAX_HOPS;
use super::span_settings::span_config;
use crate::call::progress_tone;
use crate::call::{Caller, E1Caller, IncomingCall};
use crate::exchange::Exchange;
use crate::leg::digital::DigitalLeg;
use crate::trunk::{Diverted, TrunkCall};

/// Events that may wait for a leg.
const EVENTS: usize = 32;
/// Cause "call rejected" (Q.850 §2.2.7.1.1).
const REJECTED: u8 = 21;
/// Cause "no circuit available": there is no room for another call.
const NO_CIRCUIT: u8 = 34;

type Legs = Arc<Mutex<HashMap<TrunkCallId, mpsc::Sender<TrunkEvent>>>>;

/// All digital trunks.
#[derive(Default)]
pub(crate) struct DigitalTrunks {
    trunks: RwLock<BTreeMap<E1TrunkId, Entry>>,
}

struct Entry {
    settings: E1Trunk,
    handle: TrunkHandle,
    legs: Legs,
    thread: SpanThread,
    /// Ends when the driver's thread has.
    _task: JoinHandle<()>,
}

/// Why a trunk takes no call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// It is not there, or its line or signalling is down.
    Down,
    /// Its driver takes no commands.
    Overloaded,
}

impl DigitalTrunks {
    /// Follows a configuration. Trunks whose line stays the same keep their calls; the calls of the others end, and the far
    /// end is told so by their drivers' threads, for which nobody waits here.
    pub(crate) fn configure(&self, exchange: &Arc<Exchange>, configuration: &Configuration) {
        let mut trunks = self.trunks.write().unwrap_or_else(PoisonError::into_inner);
        let mut leaving: Vec<Entry> = trunks
            .extract_if(.., |id, entry| {
                !configuration
                    .e1_trunk(*id)
                    .is_some_and(|wanted| wanted.enabled && same_line(wanted, &entry.settings))
            })
            .map(|(_, entry)| entry)
            .collect();
        for wanted in configuration
            .e1_trunks()
            .iter()
            .filter(|trunk| trunk.enabled)
        {
            match trunks.get_mut(&wanted.id) {
                Some(entry) => entry.change(wanted),
                None => {
                    // Whoever has the span has to let go of it first.
                    let predecessor = leaving
                        .iter()
                        .position(|entry| entry.settings.device == wanted.device)
                        .map(|place| leaving.swap_remove(place).thread);
                    match Entry::start(exchange, wanted, predecessor) {
                        Ok(entry) => {
                            trunks.insert(wanted.id, entry);
                        }
                        Err(error) => {
                            tracing::error!(trunk = wanted.name, %error, "an E1 trunk was not started");
                        }
                    }
                }
            }
        }
        for entry in leaving {
            entry.thread.stop();
            tokio::task::spawn_blocking(move || drop(entry));
        }
    }

    /// Ends all of them, and waits until their far ends know: about a second at most.
    pub(crate) async fn close(&self) {
        let trunks =
            std::mem::take(&mut *self.trunks.write().unwrap_or_else(PoisonError::into_inner));
        for entry in trunks.values() {
            entry.thread.stop();
        }
        if let Err(error) = tokio::task::spawn_blocking(move || drop(trunks)).await {
            tracing::error!(%error, "E1 trunks did not end");
        }
    }

    /// How a trunk is; none when it is disabled.
    pub(crate) fn status(&self, id: E1TrunkId) -> Option<TrunkStatus> {
        let trunks = self.trunks.read().unwrap_or_else(PoisonError::into_inner);
        trunks.get(&id).map(|entry| entry.handle.status())
    }

    /// The way to a trunk's driver; none when it is disabled.
    pub(crate) fn handle(&self, id: E1TrunkId) -> Option<TrunkHandle> {
        let trunks = self.trunks.read().unwrap_or_else(PoisonError::into_inner);
        trunks.get(&id).map(|entry| entry.handle.clone())
    }

    /// How all of them are.
    pub(crate) fn statuses(&self) -> Vec<(E1TrunkId, TrunkStatus)> {
        let trunks = self.trunks.read().unwrap_or_else(PoisonError::into_inner);
        let status = |(id, entry): (&E1TrunkId, &Entry)| (*id, entry.handle.status());
        trunks.iter().map(status).collect()
    }

    /// Calls over a trunk.
    pub(crate) fn calls(&self, id: E1TrunkId) -> usize {
        let trunks = self.trunks.read().unwrap_or_else(PoisonError::into_inner);
        trunks.get(&id).map_or(0, |entry| locked(&entry.legs).len())
    }

    /// The name of a trunk.
    pub(crate) fn name(&self, id: E1TrunkId) -> Option<String> {
        let trunks = self.trunks.read().unwrap_or_else(PoisonError::into_inner);
        trunks.get(&id).map(|entry| entry.settings.name.clone())
    }

    /// Begins a call.
    pub(crate) fn dial(
        &self,
        engine: &Engine,
        id: E1TrunkId,
        number: &str,
        from: &TrunkCall,
    ) -> Result<DigitalLeg, NotTaken> {
        let trunks = self.trunks.read().unwrap_or_else(PoisonError::into_inner);
        let entry = trunks.get(&id).ok_or(NotTaken::Down)?;
        if entry.handle.status().state != TrunkState::Up {
            return Err(NotTaken::Down);
        }
        let call = TrunkCallId::new();
        let (events, receiver) = mpsc::channel(EVENTS);
        locked(&entry.legs).insert(call, events);
        let command = TrunkCommand::Call {
            call,
            called: number.to_owned(),
            caller: TrunkCaller {
                number: from.caller.number.clone(),
                name: from.caller.name.clone(),
                withheld: from.withheld,
                redirected_by: from.diversions.first().map(Diverted::to_isdn),
                first_called: from
                    .diversions
                    .get(1..)
                    .and_then(|earlier| earlier.last())
                    .map(Diverted::to_isdn),
            },
        };
        if let Err(error) = entry.handle.command(command) {
            tracing::error!(%error, "a call was not begun");
            locked(&entry.legs).remove(&call);
            return Err(NotTaken::Overloaded);
        }
        let handle = entry.handle.clone();
        Ok(DigitalLeg::new(
            call,
            handle,
            receiver,
            engine.clone(),
            None,
        ))
    }
}

impl Entry {
    fn start(
        exchange: &Arc<Exchange>,
        settings: &E1Trunk,
        predecessor: Option<SpanThread>,
    ) -> Result<Self, ramal_lines::LineError> {
        let config = span_config(settings)?;
        let (trunk, thread) = start(config, predecessor)?;
        let handle = trunk.handle.clone();
        let legs = Legs::default();
        for timeslot in &settings.blocked {
            block(&handle, *timeslot, true);
        }
        let task = Task {
            exchange: exchange.clone(),
            id: settings.id,
            legs: legs.clone(),
            handle: handle.clone(),
            incomplete: HashMap::new(),
        };
        Ok(Self {
            settings: settings.clone(),
            handle,
            legs,
            thread,
            _task: tokio::spawn(task.run(trunk)),
        })
    }

    /// Takes up what can change without a new start.
    fn change(&mut self, wanted: &E1Trunk) {
        for timeslot in self
            .settings
            .blocked
            .iter()
            .filter(|slot| !wanted.blocked.contains(slot))
        {
            block(&self.handle, *timeslot, false);
        }
        for timeslot in wanted
            .blocked
            .iter()
            .filter(|slot| !self.settings.blocked.contains(slot))
        {
            block(&self.handle, *timeslot, true);
        }
        self.settings = wanted.clone();
    }
}

fn block(handle: &TrunkHandle, timeslot: u8, blocked: bool) {
    if let Err(error) = handle.command(TrunkCommand::Block { timeslot, blocked }) {
        tracing::error!(%error, timeslot, "a timeslot was not taken out of use or back");
    }
}

/// Whether the driver need not be started anew.
fn same_line(wanted: &E1Trunk, current: &E1Trunk) -> bool {
    wanted.name == current.name
        && wanted.device == current.device
        && wanted.crc4 == current.crc4
        && wanted.clock_rank == current.clock_rank
        && wanted.signalling == current.signalling
        && wanted.channel_order == current.channel_order
}

fn locked(legs: &Legs) -> MutexGuard<'_, HashMap<TrunkCallId, mpsc::Sender<TrunkEvent>>> {
    legs.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What serves a trunk.
struct Task {
    exchange: Arc<Exchange>,
    id: E1TrunkId,
    legs: Legs,
    handle: TrunkHandle,
    /// Calls in whose number is not complete.
    incomplete: HashMap<TrunkCallId, Arrival>,
}

/// A call in.
struct Arrival {
    called: String,
    caller: TrunkCaller,
    audio: ramal_lines::PortAudio,
}

/// Who calls, as people here may know him: exchanges also tell the number of somebody who withholds it, with
/// its presentation restricted (Q.931 §4.5.10).
fn shown(caller: &TrunkCaller) -> Party {
    let told = |text: &str| {
        let text = Some(text).filter(|_| !caller.withheld);
        text.unwrap_or_default().to_owned()
    };
    Party {
        number: told(&caller.number),
        name: told(&caller.name),
    }
}

impl Task {
    async fn run(mut self, mut trunk: Trunk) {
        while let Some(event) = trunk.events.recv().await {
            match event {
                TrunkEvent::Incoming {
                    call,
                    called,
                    complete,
                    caller,
                    collect,
                    audio,
                    ..
                } => {
                    if collect && !self.takes_collect_calls() {
                        self.command(TrunkCommand::HangUp(call, REJECTED));
                        continue;
                    }
                    let arrival = Arrival {
                        called,
                        caller,
                        audio,
                    };
                    self.arrived(call, arrival, complete);
                }
                TrunkEvent::Digits {
                    call,
                    digits,
                    complete,
                } => {
                    if let Some(mut arrival) = self.incomplete.remove(&call) {
                        arrival.called.push_str(&digits);
                        self.arrived(call, arrival, complete);
                    }
                }
                event => self.pass_on(event),
            }
        }
    }

    fn takes_collect_calls(&self) -> bool {
        let configuration = self.exchange.configuration.borrow().clone();
        let signalling = configuration
            .e1_trunk(self.id)
            .map(|trunk| &trunk.signalling);
        !matches!(
            signalling,
            Some(E1Signalling::E1R2 {
                collect_calls: false,
                ..
            })
        )
    }

    /// Begins the call in once it is known whom it is for.
    fn arrived(&mut self, id: TrunkCallId, arrival: Arrival, complete: bool) {
        let configuration = self.exchange.configuration.borrow().clone();
        let Some(settings) = configuration.e1_trunk(self.id) else {
            return self.command(TrunkCommand::HangUp(id, NO_CIRCUIT));
        };
        if !complete && !settings.has_inbound_number(&arrival.called) {
            self.incomplete.insert(id, arrival);
            return;
        }
        self.command(TrunkCommand::Proceed(id));
        let (events, receiver) = mpsc::channel(EVENTS);
        locked(&self.legs).insert(id, events);
        let engine = self.exchange.engine.clone();
        let leg = DigitalLeg::new(
            id,
            self.handle.clone(),
            receiver,
            engine,
            Some(arrival.audio),
        );
        let caller = E1Caller {
            trunk: self.id,
            name: settings.name.clone(),
            party: shown(&arrival.caller),
            diversions: [&arrival.caller.redirected_by, &arrival.caller.first_called]
                .into_iter()
                .flatten()
                .map(Diverted::from_isdn)
                .collect(),
        };
        let is_r2 = matches!(settings.signalling, E1Signalling::E1R2 { .. });
        let ringback = is_r2.then(|| progress_tone::tones_of(&configuration));
        let call = IncomingCall {
            leg: Box::new(
                leg.withheld(arrival.caller.withheld)
                    .with_ringback(ringback),
            ),
            caller: Caller::E1(Box::new(caller)),
            dialled: arrival.called,
            hops_left: MAX_HOPS,
            configuration,
        };
        if self.exchange.start(call).is_err() {
            // The leg that was dropped with the call has hung up.
            tracing::warn!(trunk = self.handle.name(), "no room for a call");
        }
    }

    /// Tells the leg of a call what happened on it.
    fn pass_on(&mut self, event: TrunkEvent) {
        let (TrunkEvent::Channel { call, .. }
        | TrunkEvent::Proceeding(call)
        | TrunkEvent::Ringing { call, .. }
        | TrunkEvent::Progress(call)
        | TrunkEvent::Answered(call)
        | TrunkEvent::Disconnecting { call, .. }
        | TrunkEvent::Released { call, .. }) = &event
        else {
            return;
        };
        let call = *call;
        self.incomplete.remove(&call);
        let over = matches!(event, TrunkEvent::Released { .. });
        let mut legs = locked(&self.legs);
        if let Some(leg) = legs.get(&call) {
            // Nobody listens to a leg that was hung up.
            let _ = leg.try_send(event);
        }
        if over {
            legs.remove(&call);
        }
    }

    fn command(&self, command: TrunkCommand) {
        if let Err(error) = self.handle.command(command) {
            tracing::error!(%error, "a trunk does not obey");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_40_a_number_that_an_exchange_tells_with_its_presentation_restricted_is_nobody_s() {
        let caller = TrunkCaller {
            number: "51987654321".into(),
            name: "Maria".into(),
            ..TrunkCaller::default()
        };
        assert_eq!(shown(&caller).number, "51987654321");
        let withheld = TrunkCaller {
            withheld: true,
            ..caller
        };
        let nobody = Party {
            number: String::new(),
            name: String::new(),
        };
        assert_eq!(shown(&withheld), nobody);
    }
}
