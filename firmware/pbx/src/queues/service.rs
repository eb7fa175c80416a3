//! The tasks around the floor: calls that wait, agents who come and go, and the clerk who deals, watches the clock and
//! writes down.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use ramal_model::{
    Break, CallId, Configuration, Extension, ExtensionId, Id, Party, Queue, Stored, User, UserId,
};
use ramal_store::{Store, StoreError, StoredMember};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::agents::{AgentNews, EndedBy};
use super::{
    AgentRefusal, AgentStatus, CallbackRefusal, Floor, Member, Moment, NoPlace, PauseReason, Phone,
    Place, QueueStatus, Ticket,
};
use crate::exchange::Exchange;
use crate::live::LiveEvent;

/// The clerk looks at least that often, in case the system's clock was set.
pub(super) const LOOK: Duration = Duration::from_secs(30);

/// The floor, for all calls.
#[derive(Default)]
pub(crate) struct Queues {
    // Held for one operation on the floor, never across an await. What it asks of others meanwhile takes no lock of ours.
    floor: Mutex<Floor>,
    turns: Mutex<HashMap<Ticket, Arc<Notify>>>,
    /// Something may have changed: who is free, or when something is due.
    pub(super) poke: Arc<Notify>,
}

impl Queues {
    pub(super) fn floor(&self) -> MutexGuard<'_, Floor> {
        // Nothing in the floor panics; if it did, what it counted may be a little off.
        self.floor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn turns(&self) -> MutexGuard<'_, HashMap<Ticket, Arc<Notify>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What wakes the clerk.
    pub(crate) fn poke(&self) -> Arc<Notify> {
        Arc::clone(&self.poke)
    }

    /// Takes up who had logged in and paused before the gateway was started, and starts the clerk.
    pub(crate) async fn start(exchange: &Arc<Exchange>) -> Result<(), StoreError> {
        let stored = exchange.store.queue_members().await?;
        {
            let mut floor = exchange.queues.floor();
            for StoredMember {
                member,
                login,
                pause,
            } in stored
            {
                let Some(who) = read_member(&member) else {
                    tracing::error!(member, "is no member of queues");
                    continue;
                };
                if let (Member::Agent(user), Some((extension, since))) = (who, login) {
                    floor
                        .agents
                        .restore_login(user, ExtensionId(extension), since);
                }
                if let Some((reason, since)) = pause {
                    let reason = serde_json::from_str(&reason).unwrap_or(PauseReason::Plain {});
                    floor.agents.restore_pause(who, reason, since);
                }
            }
        }
        Self::call_back(exchange, exchange.store.queue_callbacks().await?);
        tokio::spawn(clerk(Arc::downgrade(exchange)));
        Ok(())
    }

    /// Gives free members to those who wait and wakes those whose turn has come.
    pub(crate) fn deal(&self, exchange: &Exchange) {
        let configuration = exchange.configuration.borrow().clone();
        let mut floor = self.floor();
        if floor.callers() == 0 {
            return;
        }
        let called = floor.deal(
            &configuration.catalogue().queues,
            moment(exchange, &configuration),
            &|place, agent| phone(exchange, &configuration, place, agent),
            &mut |among| rand::random_range(0..among.max(1)),
        );
        drop(floor);
        let turns = self.turns();
        for turn in called.iter().filter_map(|ticket| turns.get(ticket)) {
            turn.notify_one();
        }
    }

    /// Lets a call wait.
    pub(crate) fn enter(
        exchange: &Arc<Exchange>,
        queue: &Stored<Queue>,
        call: &CallId,
        caller: Party,
    ) -> Result<Place, NoPlace> {
        let configuration = exchange.configuration.borrow().clone();
        // What counts is how the queue is now, not when the call began.
        let queue = configuration
            .catalogue()
            .queues
            .get(queue.id)
            .map_or(queue, |current| &**current);
        let ticket = exchange.queues.floor().enter(
            queue,
            call.clone(),
            caller,
            moment(exchange, &configuration),
            &|place, agent| phone(exchange, &configuration, place, agent),
        )?;
        Ok(Self::place(exchange, queue.id, ticket))
    }

    /// Whether a member is there, if only busy or pausing.
    pub(crate) fn is_staffed(exchange: &Exchange, queue: &Queue) -> bool {
        let configuration = exchange.configuration.borrow().clone();
        let now = moment(exchange, &configuration);
        let phone = |place, agent| phone(exchange, &configuration, place, agent);
        let floor = exchange.queues.floor();
        floor.somebody_is_there(queue, now, &phone)
    }

    /// The place of somebody who waits.
    pub(super) fn place(exchange: &Arc<Exchange>, queue: Id<Queue>, ticket: Ticket) -> Place {
        let turn = Arc::new(Notify::new());
        exchange.queues.turns().insert(ticket, Arc::clone(&turn));
        exchange.queues.poke.notify_one();
        Place::new(Arc::clone(exchange), queue, ticket, turn)
    }

    /// All queues now, by name.
    pub(crate) fn status(exchange: &Exchange) -> Vec<QueueStatus> {
        let configuration = exchange.configuration.borrow().clone();
        let now = moment(exchange, &configuration);
        let phone = |place, agent| phone(exchange, &configuration, place, agent);
        let mut floor = exchange.queues.floor();
        let queues = configuration.catalogue().queues.iter();
        let mut all: Vec<_> = queues
            .map(|queue| floor.queue_status(queue, &configuration, now, &phone))
            .collect();
        all.sort_by_cached_key(|queue| queue.name.to_lowercase());
        all
    }

    /// All agents now, by name: users who are members of queues, and whoever has logged in.
    pub(crate) fn agents(exchange: &Exchange) -> Vec<AgentStatus> {
        let configuration = exchange.configuration.borrow().clone();
        let queues = configuration.catalogue().queues.iter();
        let members = queues.flat_map(|queue| queue.members.iter().map(Member::from));
        let mut users: Vec<UserId> = members
            .filter_map(|member| match member {
                Member::Agent(user) => Some(user),
                Member::Extension(_) => None,
            })
            .collect();
        let floor = exchange.queues.floor();
        users.extend(floor.agents.logged_in());
        drop(floor);
        users.sort_unstable();
        users.dedup();
        let mut all: Vec<_> = users
            .into_iter()
            .filter_map(|user| Self::agent(exchange, user))
            .collect();
        all.sort_by_cached_key(|agent| agent.name.to_lowercase());
        all
    }

    /// An agent now; none when there is no such user.
    pub(crate) fn agent(exchange: &Exchange, user: UserId) -> Option<AgentStatus> {
        let configuration = exchange.configuration.borrow().clone();
        let now = moment(exchange, &configuration);
        let phone = |place, agent| phone(exchange, &configuration, place, agent);
        exchange
            .queues
            .floor()
            .agent_status(user, &configuration, now, &phone)
    }

    /// Whether whoever works at an extension has paused: the agent who has logged in there, or else the extension itself.
    pub(crate) fn is_paused_at(&self, extension: ExtensionId) -> bool {
        let floor = self.floor();
        let agent = floor.agents.agent_at(extension);
        let member = agent.map_or(Member::Extension(extension), Member::Agent);
        floor.agents.pause_of(member).is_some()
    }

    /// The agent who has logged in at an extension.
    pub(crate) fn agent_at(&self, extension: ExtensionId) -> Option<UserId> {
        self.floor().agents.agent_at(extension)
    }

    /// Whether whoever works at an extension is in a break in which nobody is passed on to him (F260).
    pub(crate) fn refuses_transfers(exchange: &Exchange, extension: ExtensionId) -> bool {
        let configuration = exchange.configuration.borrow().clone();
        let breaks = &configuration.catalogue().breaks;
        let floor = exchange.queues.floor();
        let agent = floor.agents.agent_at(extension).map(Member::Agent);
        let there = agent.into_iter().chain([Member::Extension(extension)]);
        let mut pauses = there.filter_map(|member| floor.agents.pause_of(member));
        pauses.any(|pause| {
            let of_break = pause.reason.of_break().and_then(|id| breaks.get(id));
            of_break.is_some_and(|one| !one.allow_transfer)
        })
    }

    /// Why a member has paused, if he has.
    pub(crate) fn pause_of(&self, member: Member) -> Option<PauseReason> {
        self.floor()
            .agents
            .pause_of(member)
            .map(|pause| pause.reason)
    }

    /// Lets an agent work at an extension; at his own when none is named.
    pub(crate) fn log_in(
        exchange: &Exchange,
        user: UserId,
        extension: Option<ExtensionId>,
    ) -> Result<(), AgentRefusal> {
        let configuration = exchange.configuration.borrow().clone();
        let agent = active(&configuration, user)?;
        let extension = extension.or(agent.extension);
        let extension = extension.filter(|id| configuration.extension(*id).is_some());
        let extension = extension.ok_or(AgentRefusal::NoExtension)?;
        let now = moment(exchange, &configuration);
        let mut floor = exchange.queues.floor();
        let done = floor.agents.log_in(user, extension, now.utc_ms);
        done.map_err(|other| {
            let other = configuration.user(other);
            AgentRefusal::PhoneTaken(other.map(|one| one.name.clone()).unwrap_or_default())
        })?;
        floor.begins_work(Member::Agent(user), now);
        drop(floor);
        exchange.queues.poke.notify_one();
        Ok(())
    }

    /// Ends an agent's work. A call he is in goes on.
    pub(crate) fn log_out(
        exchange: &Exchange,
        user: UserId,
        by: EndedBy,
    ) -> Result<(), AgentRefusal> {
        Self::change(exchange, |floor, configuration, now| {
            let breaks = &configuration.catalogue().breaks;
            floor.agents.log_out(user, breaks, by, now.utc_ms)
        })
    }

    /// Lets somebody take no calls for a while; an agent must have logged in.
    pub(crate) fn pause(
        exchange: &Exchange,
        member: Member,
        of_break: Option<Id<Break>>,
    ) -> Result<(), AgentRefusal> {
        Self::change(exchange, |floor, configuration, now| {
            if floor.place(member).is_none() {
                return Err(AgentRefusal::NotLoggedIn);
            }
            let breaks = &configuration.catalogue().breaks;
            match of_break {
                Some(id) => floor.agents.take_break(member, id, breaks, now.utc_ms),
                None => {
                    // He may have been in a break before.
                    let _ = floor
                        .agents
                        .resume(member, breaks, EndedBy::Himself, now.utc_ms);
                    floor
                        .agents
                        .pause(member, PauseReason::Plain {}, now.utc_ms);
                    Ok(())
                }
            }
        })
    }

    /// Lets somebody take calls again.
    pub(crate) fn resume(
        exchange: &Exchange,
        member: Member,
        by: EndedBy,
    ) -> Result<(), AgentRefusal> {
        Self::change(exchange, |floor, configuration, now| {
            let breaks = &configuration.catalogue().breaks;
            floor.agents.resume(member, breaks, by, now.utc_ms)?;
            floor.begins_work(member, now);
            Ok(())
        })
    }

    /// A queue counts from zero.
    pub(crate) fn reset(exchange: &Exchange, queue: Id<Queue>) {
        let _: Result<(), AgentRefusal> = Self::change(exchange, |floor, _, now| {
            floor.reset(queue, now);
            Ok(())
        });
    }

    /// Calls a promise off: whoever was to be called back is not, also after a restart.
    pub(crate) async fn call_off(
        exchange: &Exchange,
        queue: Id<Queue>,
        call: &CallId,
    ) -> Result<(), CallbackRefusal> {
        Self::change(exchange, |floor, _, _| floor.call_off(queue, call))?;
        if let Err(error) = exchange.store.delete_queue_callback(call).await {
            tracing::error!(%error, %call, "somebody may be called back who should not be");
        }
        Ok(())
    }

    fn change<T, E>(
        exchange: &Exchange,
        change: impl FnOnce(&mut Floor, &Configuration, Moment) -> Result<T, E>,
    ) -> Result<T, E> {
        let configuration = exchange.configuration.borrow().clone();
        let now = moment(exchange, &configuration);
        let done = change(&mut exchange.queues.floor(), &configuration, now);
        exchange.queues.poke.notify_one();
        done
    }

    /// Writes down what has changed, and tells those who look.
    async fn publish(exchange: &Exchange) {
        let configuration = exchange.configuration.borrow().clone();
        let now = moment(exchange, &configuration);
        let phone = |place, agent| phone(exchange, &configuration, place, agent);
        let breaks = &configuration.catalogue().breaks;
        let (stored, agents, intervals, queues) = {
            let mut floor = exchange.queues.floor();
            floor.tidy(now);
            let is_there = |user| active(&configuration, user).is_ok();
            floor.agents.keep(is_there, breaks, now.utc_ms);
            for news in floor.agents.tick(breaks, now.utc_ms) {
                match news {
                    AgentNews::Warned(Member::Agent(user)) => {
                        let agent = floor.agent_status(user, &configuration, now, &phone);
                        if let Some(agent) = agent {
                            exchange.live.announce_now(LiveEvent::BreakEnding { agent });
                        }
                    }
                    AgentNews::Resumed(member) => floor.begins_work(member, now),
                    AgentNews::Warned(Member::Extension(_)) => {}
                }
            }
            let (changed, intervals) = floor.agents.take_changes();
            let stored: Vec<_> = changed
                .iter()
                .map(|member| stored(&floor, *member))
                .collect();
            let agents: Vec<_> = changed
                .into_iter()
                .filter_map(|member| match member {
                    Member::Agent(user) => floor.agent_status(user, &configuration, now, &phone),
                    Member::Extension(_) => None,
                })
                .collect();
            let queues: Vec<_> = floor
                .take_changed()
                .into_iter()
                .filter_map(|id| configuration.catalogue().queues.get(id))
                .map(|queue| floor.queue_status(queue, &configuration, now, &phone))
                .collect();
            (stored, agents, intervals, queues)
        };
        for agent in agents {
            exchange
                .live
                .announce_now(LiveEvent::AgentChanged { agent });
        }
        for queue in queues {
            exchange
                .live
                .announce_now(LiveEvent::QueueChanged { queue });
        }
        if !stored.is_empty() || !intervals.is_empty() {
            write(&exchange.store, stored, intervals).await;
        }
    }
}

async fn write(
    store: &Store,
    members: Vec<StoredMember>,
    intervals: Vec<ramal_store::AgentInterval>,
) {
    if let Err(error) = store.write_queue_members(members, intervals).await {
        tracing::error!(%error, "cannot store who has logged in and paused");
    }
}

/// Deals and publishes whenever something may have changed, for as long as the exchange is there.
async fn clerk(exchange: Weak<Exchange>) {
    loop {
        let (poke, mut configuration, pause) = {
            let Some(exchange) = exchange.upgrade() else {
                return;
            };
            let mut configuration = exchange.configuration.clone();
            let current = configuration.borrow_and_update().clone();
            exchange.queues.deal(&exchange);
            Queues::publish(&exchange).await;
            let now = moment(&exchange, &current);
            let breaks = &current.catalogue().breaks;
            let next = exchange.queues.floor().next_change(breaks, now);
            let pause = next.map_or(LOOK, |next| {
                let ms = u64::try_from(next - now.utc_ms).unwrap_or_default();
                Duration::from_millis(ms.max(1)).min(LOOK)
            });
            (exchange.queues.poke(), configuration, pause)
        };
        tokio::select! {
            () = poke.notified() => {}
            () = sleep(pause) => {}
            changed = configuration.changed() => if changed.is_err() {
                return;
            },
        }
    }
}

/// A user who may be an agent.
fn active(configuration: &Configuration, user: UserId) -> Result<&User, AgentRefusal> {
    let found = configuration.user(user).filter(|user| user.active);
    found.ok_or(AgentRefusal::NoSuchUser(user.0))
}

/// How the devices of an extension stand.
pub(super) fn phone(
    exchange: &Exchange,
    configuration: &Configuration,
    extension: ExtensionId,
    agent: Option<UserId>,
) -> Phone {
    let enabled = |extension: &&Extension| extension.enabled && !extension.do_not_disturb;
    let extension = configuration.extension(extension).filter(enabled);
    let now = Timestamp::from_millisecond(exchange.store.now()).unwrap_or_default();
    match extension {
        Some(one) if !configuration.is_manned_at(one.id, agent, now) => Phone::Offline,
        Some(one) if exchange.online_since(configuration, one.id).is_some() => {
            match exchange.live.idle_since(one.id) {
                None => Phone::Busy,
                Some(_) => Phone::Free,
            }
        }
        _ => Phone::Offline,
    }
}

pub(super) fn moment(exchange: &Exchange, configuration: &Configuration) -> Moment {
    let utc_ms = exchange.store.now();
    let local = Timestamp::from_millisecond(utc_ms).map(|now| configuration.local_time(now).date());
    let since = local.and_then(|date| jiff::civil::date(1970, 1, 1).until(date));
    Moment {
        utc_ms,
        day: since.map_or(0, |days| days.get_days()),
    }
}

fn stored(floor: &Floor, member: Member) -> StoredMember {
    let login = match member {
        Member::Agent(user) => floor.agents.login_of(user),
        Member::Extension(_) => None,
    };
    let pause = floor.agents.pause_of(member).map(|pause| {
        // Codes and numbers only: this cannot fail.
        let reason = serde_json::to_string(&pause.reason).unwrap_or_default();
        (reason, pause.since)
    });
    StoredMember {
        member: match member {
            Member::Agent(user) => format!("agent:{user}"),
            Member::Extension(extension) => format!("extension:{extension}"),
        },
        login: login.map(|(extension, since)| (extension.0, since)),
        pause,
    }
}

fn read_member(text: &str) -> Option<Member> {
    let (kind, id) = text.split_once(':')?;
    let id = id.parse().ok()?;
    match kind {
        "agent" => Some(Member::Agent(UserId(id))),
        "extension" => Some(Member::Extension(ExtensionId(id))),
        _ => None,
    }
}
