//! What all calls share: configuration, media, storage, the ways to reach phones, and the list of calls in progress.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ramal_media::Engine;
use ramal_model::{CallId, Configuration, ExtensionId};
use ramal_store::Store;
use tokio::sync::watch;

use crate::call::click_to_dial::{self, Click};
use crate::call::trace::EndedHere;
use crate::call::verification::{self, Telling};
use crate::call::{self, IncomingCall, Interrupt, Newcomer};
use crate::clock::utc_ms;
use crate::conference::Conferences;
use crate::leg::Leg;
use crate::leg::sip::SipLines;
use crate::lines::LineService;
use crate::live::LiveState;
use crate::location::LocationService;
use crate::music::MusicService;
use crate::parking::Parking;
use crate::pins::Pins;
use crate::queue::{self, NotSent, queue};
use crate::queues::Queues;
use crate::recordings::Recordings;
use crate::self_check::{self, SelfChecks};
use crate::tolls::Tolls;
use crate::trunk::TrunkService;
use crate::verifications::Verifications;
use crate::voicemail::Voicemail;

/// Calls at a time; one more is refused as congestion.
pub(crate) const MAX_CALLS: usize = 4000;

/// What may be wanted of a call before its task has looked: two may pick it up at once, and its end must have room.
const INTERRUPTS: usize = 4;

/// Shared by the agents of all kinds of lines and by all calls.
pub(crate) struct Exchange {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) live: Arc<LiveState>,
    pub(crate) locations: Arc<LocationService>,
    pub(crate) sip: SipLines,
    pub(crate) lines: LineService,
    pub(crate) trunks: TrunkService,
    pub(crate) music: Arc<MusicService>,
    pub(crate) recordings: Recordings,
    pub(crate) voicemail: Voicemail,
    pub(crate) conferences: Conferences,
    pub(crate) queues: Queues,
    pub(crate) pins: Pins,
    pub(crate) tolls: Tolls,
    pub(crate) parking: Parking,
    pub(crate) self_checks: SelfChecks,
    pub(crate) verifications: Verifications,
    pub(crate) configuration: watch::Receiver<Arc<Configuration>>,
    /// Counts calls by ways that take turns.
    turns: AtomicUsize,
    /// How to end each call in progress.
    interrupts: Mutex<Calls>,
}

/// What an exchange is made of, beside where it stores, speaks and shows.
pub(crate) struct Services {
    pub(crate) locations: Arc<LocationService>,
    pub(crate) sip: SipLines,
    pub(crate) trunks: TrunkService,
    pub(crate) music: Arc<MusicService>,
    pub(crate) recordings: Recordings,
    pub(crate) voicemail: Voicemail,
}

#[derive(Default)]
struct Calls {
    by_id: HashMap<CallId, queue::Sender<Interrupt>>,
    /// Calls that ring, the longest first, and at which extensions.
    ringing: BTreeMap<CallId, Vec<ExtensionId>>,
    closing: bool,
    started: u64,
}

impl Exchange {
    pub(crate) fn new(
        store: Store,
        engine: Engine,
        live: Arc<LiveState>,
        services: Services,
    ) -> Self {
        let Services {
            locations,
            sip,
            trunks,
            music,
            recordings,
            voicemail,
        } = services;
        let queues = Queues::default();
        live.tell_of_presence(queues.poke());
        Self {
            configuration: store.watch(),
            store,
            engine,
            live,
            locations,
            sip,
            lines: LineService::default(),
            trunks,
            music,
            recordings,
            turns: AtomicUsize::new(0),
            voicemail,
            conferences: Conferences::default(),
            queues,
            pins: Pins::default(),
            tolls: Tolls::default(),
            parking: Parking::default(),
            self_checks: SelfChecks::default(),
            verifications: Verifications::default(),
            interrupts: Mutex::default(),
        }
    }

    /// Whose turn it is, of those that take turns.
    pub(crate) fn turn(&self) -> usize {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }

    /// Since when an extension can be reached at one of its devices, UTC ms; none when at none (D3).
    pub(crate) fn online_since(
        &self,
        configuration: &Configuration,
        extension: ExtensionId,
    ) -> Option<i64> {
        let contacts = self.locations.contacts(extension);
        let registered = contacts.iter().map(|one| one.registered_at);
        let telephone = self.lines.telephone_since(configuration, extension);
        registered.chain(telephone).min()
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        // A panic elsewhere leaves the map whole: every change is a single insertion or removal.
        self.interrupts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the task of a call that has just arrived. When there is no room for it, its leg is given back.
    pub(crate) fn start(self: &Arc<Self>, incoming: IncomingCall) -> Result<(), IncomingCall> {
        self.begin(incoming, call::run).map(|_| ())
    }

    /// Starts the task of a call that a program asks for; its id. None when there is no room for it.
    pub(crate) fn click(self: &Arc<Self>, click: Click) -> Option<CallId> {
        self.begin(click, click_to_dial::run).ok()
    }

    /// Starts the task of a call that tells somebody a code; its id. None when there is no room for it.
    pub(crate) fn tell_code(self: &Arc<Self>, telling: Telling) -> Option<CallId> {
        self.begin(telling, verification::run).ok()
    }

    /// Starts the task that answers a call of the gateway to itself. When there is no room for it, its leg is given back.
    pub(crate) fn answer_self(self: &Arc<Self>, leg: Box<dyn Leg>) -> Result<(), Box<dyn Leg>> {
        self.begin(leg, self_check::callee::run).map(|_| ())
    }

    /// Starts a call's task. What it would have worked on is given back when there is no room for it.
    fn begin<T, F>(
        self: &Arc<Self>,
        work: T,
        run: fn(Arc<Self>, T, queue::Receiver<Interrupt>, CallId) -> F,
    ) -> Result<CallId, T>
    where
        T: Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let id = CallId::new(utc_ms(), rand::random());
        let (interrupt, interrupted) = queue(INTERRUPTS);
        {
            let mut calls = self.calls();
            if calls.closing || calls.by_id.len() >= MAX_CALLS {
                return Err(work);
            }
            calls.by_id.insert(id.clone(), interrupt);
            calls.started += 1;
        }
        let entry = Entry {
            exchange: self.clone(),
            id: id.clone(),
        };
        let started = id.clone();
        tokio::spawn(async move {
            let exchange = entry.exchange.clone();
            run(exchange, work, interrupted, id).await;
            drop(entry);
        });
        Ok(started)
    }

    /// Whether no more calls are taken, because the gateway stops.
    pub(crate) fn is_closing(&self) -> bool {
        self.calls().closing
    }

    /// Ends a call; false when there is none with this id.
    pub(crate) fn hang_up(&self, id: &CallId) -> bool {
        match self.calls().by_id.get(id) {
            Some(interrupt) => {
                // Full: it is ending already.
                let _ = interrupt.try_send(Interrupt::End(EndedHere::Administrator));
                true
            }
            None => false,
        }
    }

    /// Tells a call something, if it is still there and has room.
    pub(crate) fn interrupt(&self, id: &CallId, interrupt: Interrupt) -> bool {
        let calls = self.calls();
        calls
            .by_id
            .get(id)
            .is_some_and(|call| call.try_send(interrupt).is_ok())
    }

    /// Notes that a call rings at these extensions, or (none) does not ring any more.
    pub(crate) fn rings(&self, id: &CallId, extensions: Vec<ExtensionId>) {
        let configuration = self.configuration.borrow().clone();
        let rung = extensions.iter();
        let rung = rung.filter_map(|id| Some(configuration.extension(*id)?.number.as_str().into()));
        self.live.call_rings(id, rung.collect());
        let mut calls = self.calls();
        if extensions.is_empty() {
            calls.ringing.remove(id);
        } else {
            calls.ringing.insert(id.clone(), extensions);
        }
    }

    /// The call that has rung longest, at any of the extensions for which this holds.
    pub(crate) fn ringing(&self, at: impl Fn(ExtensionId) -> bool) -> Option<CallId> {
        let calls = self.calls();
        let mut ringing = calls.ringing.iter();
        ringing
            .find(|(_, rung)| rung.iter().any(|extension| at(*extension)))
            .map(|(id, _)| id.clone())
    }

    /// Lets somebody take a call that rings; gives him back when it does not.
    pub(crate) fn join(&self, id: &CallId, newcomer: Newcomer) -> Result<(), Newcomer> {
        let interrupt = self.calls().by_id.get(id).cloned();
        let Some(interrupt) = interrupt else {
            return Err(newcomer);
        };
        let refused = interrupt.try_send(Interrupt::Join(Box::new(newcomer)));
        match refused.map_err(NotSent::into_inner) {
            Err(Interrupt::Join(newcomer)) => Err(*newcomer),
            // Nothing else was sent.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Ends all calls and takes no new ones.
    pub(crate) fn close(&self) {
        let mut calls = self.calls();
        calls.closing = true;
        for interrupt in calls.by_id.values() {
            let _ = interrupt.try_send(Interrupt::End(EndedHere::Shutdown));
        }
    }

    /// Calls in progress, those being written down included.
    pub(crate) fn in_progress(&self) -> usize {
        self.calls().by_id.len()
    }

    /// Calls since the start.
    pub(crate) fn started(&self) -> u64 {
        self.calls().started
    }
}

/// A call's place in the list, given back even if its task panics.
struct Entry {
    exchange: Arc<Exchange>,
    id: CallId,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.exchange.calls().by_id.remove(&self.id);
    }
}
