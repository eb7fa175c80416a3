//! A call that is only thought of: where it would go, and why (`POST /simulate`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ramal_model::{
    AudioFileId, Clearing, Conference, Configuration, Destination, Extension, ExtensionId, Queue,
    QueueMember, Stored, UserId, VoicemailBox,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::arrival::{self, Arrival};
use super::{Availability, End, Greetings, QueueEnd, Rung, Say, Switch, Who, follow};
use crate::call::Caller;
use crate::call::routing::{Route, route};
use crate::call::trace::{Step, Trace};
use crate::exchange::Exchange;
use crate::leg::Cause;

/// A call to think through.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    /// When it comes.
    pub at: Timestamp,
    /// The id of the SIP or E1 trunk it comes over.
    pub trunk: Option<i64>,
    /// The analogue line it comes over.
    pub line: Option<String>,
    /// The number dialled.
    pub dialled: String,
    /// The caller's number, none when he withholds it.
    pub caller: Option<String>,
    /// The keys he presses, one for each time he is asked; `-` presses nothing.
    pub keys: String,
    /// How extensions stand; those that are not here are offline.
    pub standing: BTreeMap<ExtensionId, Standing>,
    /// Who takes the call when it rings; nobody when none.
    pub taken_by: Option<ExtensionId>,
    /// Whether somebody outside takes the call when it rings there.
    pub taken_outside: bool,
}

/// How an extension stands in a call that is thought of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In a call.
    Busy,
    /// Free since then, UTC ms.
    Free(i64),
}

/// Where a call would go.
#[derive(Clone, Debug)]
pub struct Thought {
    /// How it ends.
    pub end: ThoughtEnd,
    /// The steps of its way, as calls store them; times count from its beginning.
    pub trace: Vec<serde_json::Value>,
    /// The keys of menus it went by, such as `1>3`.
    pub ivr_path: String,
    /// How long it would take.
    pub duration: Duration,
    /// The extensions that ring, each once, in the order of their first ringing.
    pub rung: Vec<ExtensionId>,
    /// The audio files that the caller hears, in their order.
    pub hears: Vec<AudioFileId>,
}

/// How a call would end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ThoughtEnd {
    /// An extension takes it.
    TakenBy(ExtensionId),
    /// Somebody outside takes it.
    TakenOutside(String),
    /// It comes to a queue, a voicemail box or a conference, and stays there.
    Served,
    /// The caller is told this.
    Cleared(Clearing),
    /// Nothing is configured for the number.
    Unconfigured,
}

/// Thinks a call through.
pub fn simulate(configuration: &Arc<Configuration>, scenario: &Scenario) -> Thought {
    let mut thought = Simulation::new(configuration, scenario);
    let arrival = Arrival {
        trunk: scenario.trunk,
        line: scenario.line.as_deref(),
        dialled: &scenario.dialled,
        caller: scenario.caller.as_deref(),
    };
    let first = arrival::destination(configuration, &arrival, |step| thought.step(step));
    let end = first.map(|first| thought.lead(first));
    thought.finish(end.unwrap_or(ThoughtEnd::Unconfigured))
}

/// Thinks a call through that an extension makes. What depends on lines, and by which routes calls may go out at what time,
/// is as it is now.
pub(crate) fn simulate_dialled(
    configuration: &Arc<Configuration>,
    exchange: &Exchange,
    extension: &Extension,
    scenario: &Scenario,
) -> Thought {
    let mut thought = Simulation::new(configuration, scenario);
    let caller = Caller::Extension(Box::new(extension.clone()));
    let trace = |step| thought.step(step);
    let end = match route(configuration, exchange, &caller, &scenario.dialled, trace) {
        Route::Flow(first) => thought.lead(first),
        Route::Extension(callee) | Route::Intercom(callee) => {
            thought.lead(Destination::Extension { id: callee.id })
        }
        Route::Outside { seconds, .. } if !scenario.taken_outside => {
            thought.passed += Duration::from_secs(seconds.into());
            thought.step(Step::NoAnswer);
            ThoughtEnd::Cleared(Clearing::Normal)
        }
        Route::Outside { number, .. } => ThoughtEnd::TakenOutside(number),
        Route::Refused(reason, cause) => {
            thought.step(Step::Refused { reason });
            ThoughtEnd::Cleared(match cause {
                Cause::CALL_REJECTED => Clearing::Rejected,
                Cause::USER_BUSY => Clearing::Busy,
                Cause::UNALLOCATED_NUMBER => Clearing::Unallocated,
                _ => Clearing::Congestion,
            })
        }
        Route::Feature(_)
        | Route::Page(_)
        | Route::Agent(_)
        | Route::Park(_)
        | Route::Set(_)
        | Route::Station(_) => ThoughtEnd::Served,
    };
    thought.finish(end)
}

/// The extensions of a queue's members, those of agents where they usually are.
fn members(configuration: &Configuration, queue: &Queue) -> impl Iterator<Item = ExtensionId> {
    queue.members.iter().filter_map(|member| match member {
        QueueMember::Extension { id, .. } => Some(*id),
        QueueMember::Agent { id, .. } => configuration.user(*id)?.extension,
    })
}

/// The outcome of pages that never wait: nothing in a simulation takes real time.
fn resolved<T>(pages: impl Future<Output = T>) -> T {
    let mut pages = std::pin::pin!(pages);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(outcome) = pages.as_mut().poll(&mut context) {
            return outcome;
        }
    }
}

struct Simulation<'a> {
    configuration: Arc<Configuration>,
    scenario: &'a Scenario,
    keys: VecDeque<char>,
    /// How much time has passed in the thought.
    passed: Duration,
    trace: Trace,
    path: String,
    rung: Vec<ExtensionId>,
    hears: Vec<AudioFileId>,
    chance: StdRng,
}

impl<'a> Simulation<'a> {
    fn new(configuration: &Arc<Configuration>, scenario: &'a Scenario) -> Self {
        Self {
            configuration: Arc::clone(configuration),
            scenario,
            keys: scenario.keys.chars().collect(),
            passed: Duration::ZERO,
            trace: Trace::default(),
            path: String::new(),
            rung: Vec::new(),
            hears: Vec::new(),
            chance: StdRng::seed_from_u64(scenario.at.as_millisecond().unsigned_abs()),
        }
    }

    fn lead(&mut self, first: Destination) -> ThoughtEnd {
        match resolved(follow(self, first)) {
            Ok(End::Taken(Who::Extension(id))) => ThoughtEnd::TakenBy(id),
            Ok(End::Taken(Who::Outside(outside))) => ThoughtEnd::TakenOutside(outside.number),
            Ok(End::Served) => ThoughtEnd::Served,
            Ok(End::Cleared(clearing)) => ThoughtEnd::Cleared(clearing),
            Err(never) => match never {},
        }
    }

    fn finish(self, end: ThoughtEnd) -> Thought {
        Thought {
            end,
            trace: self.trace.into_json(),
            ivr_path: self.path,
            duration: self.passed,
            rung: self.rung,
            hears: self.hears,
        }
    }

    /// What a caller presses who is asked now.
    fn pressed(&mut self) -> Option<char> {
        self.keys.pop_front().filter(|key| *key != '-')
    }
}

impl Switch for Simulation<'_> {
    type Taken = Who;
    type Over = std::convert::Infallible;

    fn configuration(&self) -> &Arc<Configuration> {
        &self.configuration
    }

    fn now(&self) -> Timestamp {
        self.scenario
            .at
            .checked_add(self.passed)
            .unwrap_or(self.scenario.at)
    }

    fn caller(&self) -> Option<String> {
        self.scenario.caller.clone()
    }

    fn availability(&self, extension: ExtensionId) -> Availability {
        let enabled = self
            .configuration
            .extension(extension)
            .is_some_and(|one| one.enabled && !one.do_not_disturb);
        match self.scenario.standing.get(&extension).filter(|_| enabled) {
            None => Availability::Offline,
            Some(Standing::Busy) => Availability::Busy,
            Some(Standing::Free(since)) => Availability::Free {
                online_since: *since,
                idle_since: *since,
            },
        }
    }

    fn agent_at(&self, _extension: ExtensionId) -> Option<UserId> {
        None
    }

    fn is_staffed(&self, queue: &Stored<Queue>) -> bool {
        members(&self.configuration, queue).any(|id| self.availability(id) != Availability::Offline)
    }

    fn choose(&mut self, among: usize) -> usize {
        self.chance.random_range(0..among.max(1))
    }

    fn step(&mut self, step: Step) {
        self.trace.push(self.passed, step);
    }

    fn chose(&mut self, key: char) {
        if !self.path.is_empty() {
            self.path.push('>');
        }
        self.path.push(key);
    }

    async fn answer(&mut self) -> Result<(), Self::Over> {
        Ok(())
    }

    async fn early(&mut self) -> Result<(), Self::Over> {
        Ok(())
    }

    async fn play(&mut self, say: &[Say], _: &str) -> Result<Option<char>, Self::Over> {
        self.hears.extend(say.iter().filter_map(|say| match say {
            Say::File(file) => Some(*file),
            Say::Spoken(_) | Say::Own(_) => None,
        }));
        // A caller of a thought listens to the end; he presses when he is waited for.
        Ok(None)
    }

    async fn key(&mut self, wait: Duration) -> Result<Option<char>, Self::Over> {
        let pressed = self.pressed();
        if pressed.is_none() {
            self.passed += wait;
        }
        Ok(pressed)
    }

    async fn ring(&mut self, who: Vec<Who>, time: Duration) -> Result<Rung<Who>, Self::Over> {
        for one in &who {
            if let Who::Extension(id) = one {
                let number = self
                    .configuration
                    .extension(*id)
                    .map(|one| one.number.clone());
                let number = number.unwrap_or_default();
                self.step(Step::Rings { number });
                if !self.rung.contains(id) {
                    self.rung.push(*id);
                }
            }
        }
        for one in &who {
            if let Who::Outside(outside) = one {
                let number = outside.number.clone();
                self.step(Step::Trunk {
                    number: number.clone(),
                });
                if self.scenario.taken_outside && outside.call_connect == Some(true) {
                    self.step(Step::KeyAsked {
                        number: number.clone(),
                    });
                    self.step(Step::KeyPressed { number });
                }
            }
        }
        let taker = who.into_iter().find(|one| match one {
            Who::Extension(id) => self.scenario.taken_by == Some(*id),
            Who::Outside(_) => self.scenario.taken_outside,
        });
        Ok(match taker {
            Some(taker) => Rung::Taken(taker),
            None => {
                self.passed += time;
                Rung::NoAnswer
            }
        })
    }

    async fn ring_nobody(&mut self, time: Duration) -> Result<(), Self::Over> {
        self.passed += time;
        Ok(())
    }

    async fn wait_in_queue(
        &mut self,
        queue: &Arc<Stored<Queue>>,
    ) -> Result<QueueEnd<Who>, Self::Over> {
        let taker =
            members(&self.configuration, queue).find(|id| self.scenario.taken_by == Some(*id));
        let free = |id: &ExtensionId| matches!(self.availability(*id), Availability::Free { .. });
        match taker.filter(free) {
            Some(id) => {
                self.rung.push(id);
                Ok(QueueEnd::Taken(Who::Extension(id)))
            }
            None => {
                self.passed += Duration::from_secs(queue.max_wait.unsigned_abs());
                Ok(QueueEnd::TimedOut)
            }
        }
    }

    async fn leave_message(
        &mut self,
        _: &Arc<Stored<VoicemailBox>>,
        _: Greetings,
    ) -> Result<(), Self::Over> {
        Ok(())
    }

    async fn join_conference(&mut self, _: &Arc<Stored<Conference>>) -> Result<(), Self::Over> {
        Ok(())
    }
}
