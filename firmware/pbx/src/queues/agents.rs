//! Where agents have logged in, and who has paused why (BRK, A.4). Pure, like the floor it belongs to.

use std::collections::{BTreeSet, HashMap};

use ramal_model::{Break, ExtensionId, Id, Objects, UserId};
use ramal_store::AgentInterval;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use super::Member;

/// How long before a break ends by itself its agent is warned, ms.
const WARNING_MS: i64 = 60_000;
/// What was done and waits to be written down; more than that is only in the log.
const UNWRITTEN: usize = 10_000;

/// Why somebody has paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum PauseReason {
    /// He takes a break.
    Break {
        /// Which.
        #[schema(value_type = i64)]
        id: Id<Break>,
    },
    /// He did not take several calls in a row.
    Missed {},
    /// He did not say.
    Plain {},
}

impl PauseReason {
    pub(super) fn of_break(self) -> Option<Id<Break>> {
        match self {
            Self::Break { id } => Some(id),
            Self::Missed {} | Self::Plain {} => None,
        }
    }
}

/// Why an agent's wish is not fulfilled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AgentRefusal {
    /// There is no such user, or he is not active.
    #[error("there is no active user {0}")]
    NoSuchUser(i64),
    /// There is no such extension.
    #[error("there is no extension where the agent could log in; name one")]
    NoExtension,
    /// Somebody else has logged in there.
    #[error("{0} has logged in at this extension; he has to log out first")]
    PhoneTaken(String),
    /// Only who has logged in can do that.
    #[error("the agent has not logged in")]
    NotLoggedIn,
    /// He has not paused.
    #[error("the agent has not paused")]
    NotPaused,
    /// There is no such break.
    #[error("there is no break {0}")]
    NoSuchBreak(i64),
    /// As many as may take this break.
    #[error("{in_use} of {max} are in this break; place {place} in line")]
    BreakFull {
        /// How many are in it.
        in_use: usize,
        /// How many may be.
        max: i64,
        /// The place among those who have asked since then.
        place: usize,
    },
}

/// What happened to somebody by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AgentNews {
    /// His break ends soon.
    Warned(Member),
    /// His break has ended.
    Resumed(Member),
}

/// Who ends an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndedBy {
    Himself,
    SomebodyElse,
    Time,
}

impl EndedBy {
    /// The agent, or somebody for him.
    pub(crate) const fn of(himself: bool) -> Self {
        if himself {
            Self::Himself
        } else {
            Self::SomebodyElse
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Himself => "himself",
            Self::SomebodyElse => "somebody_else",
            Self::Time => "time",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    pub(super) reason: PauseReason,
    pub(super) since: i64,
    warned: bool,
}

impl Pause {
    /// When it ends by itself, UTC ms.
    pub(super) fn limit(&self, breaks: &Objects<Break>) -> Option<i64> {
        let one = breaks.get(self.reason.of_break()?)?;
        (!one.allow_overrun).then(|| one.ends(self.since))
    }
}

/// All agents, and extensions that have paused.
#[derive(Clone, Debug, Default)]
pub(super) struct Agents {
    logins: HashMap<UserId, (ExtensionId, i64)>,
    pauses: HashMap<Member, Pause>,
    /// Who was refused a break because it was full, in their order.
    asking: HashMap<Id<Break>, Vec<Member>>,
    changed: BTreeSet<Member>,
    intervals: Vec<AgentInterval>,
}

impl Agents {
    /// As it was written down.
    pub(super) fn restore_login(&mut self, user: UserId, extension: ExtensionId, since: i64) {
        self.logins.insert(user, (extension, since));
    }

    /// As it was written down.
    pub(super) fn restore_pause(&mut self, member: Member, reason: PauseReason, since: i64) {
        let warned = false;
        let pause = Pause {
            reason,
            since,
            warned,
        };
        self.pauses.insert(member, pause);
    }

    pub(super) fn extension_of(&self, user: UserId) -> Option<ExtensionId> {
        self.logins.get(&user).map(|(extension, _)| *extension)
    }

    pub(super) fn login_of(&self, user: UserId) -> Option<(ExtensionId, i64)> {
        self.logins.get(&user).copied()
    }

    pub(super) fn agent_at(&self, extension: ExtensionId) -> Option<UserId> {
        let mut logins = self.logins.iter();
        logins
            .find(|(_, (at, _))| *at == extension)
            .map(|(user, _)| *user)
    }

    pub(super) fn pause_of(&self, member: Member) -> Option<&Pause> {
        self.pauses.get(&member)
    }

    /// Lets an agent work at an extension; where he worked before he is logged out.
    pub(super) fn log_in(
        &mut self,
        user: UserId,
        extension: ExtensionId,
        now: i64,
    ) -> Result<(), UserId> {
        match self.agent_at(extension) {
            Some(other) if other == user => return Ok(()),
            Some(other) => return Err(other),
            None => {}
        }
        self.end_login(user, EndedBy::Himself, now);
        self.logins.insert(user, (extension, now));
        self.changed.insert(Member::Agent(user));
        Ok(())
    }

    /// Ends an agent's work, and his pause.
    pub(super) fn log_out(
        &mut self,
        user: UserId,
        breaks: &Objects<Break>,
        by: EndedBy,
        now: i64,
    ) -> Result<(), AgentRefusal> {
        if !self.logins.contains_key(&user) {
            return Err(AgentRefusal::NotLoggedIn);
        }
        self.end_pause(Member::Agent(user), breaks, by, now);
        self.end_login(user, by, now);
        Ok(())
    }

    fn end_login(&mut self, user: UserId, by: EndedBy, now: i64) {
        if let Some((_, since)) = self.logins.remove(&user) {
            self.changed.insert(Member::Agent(user));
            self.note(AgentInterval {
                user: user.0,
                kind: "login".into(),
                r#break: None,
                name: String::new(),
                began_at: since,
                ended_at: now,
                ended_by: by.word().into(),
                exceeded: false,
            });
        }
    }

    /// Lets somebody take a break, if there is room in it.
    pub(super) fn take_break(
        &mut self,
        member: Member,
        id: Id<Break>,
        breaks: &Objects<Break>,
        now: i64,
    ) -> Result<(), AgentRefusal> {
        let Some(wanted) = breaks.get(id) else {
            return Err(AgentRefusal::NoSuchBreak(id.number()));
        };
        let pauses = self.pauses.iter();
        let in_it = pauses
            .filter(|(one, pause)| **one != member && pause.reason == PauseReason::Break { id });
        let in_use = in_it.count();
        let max = wanted.max_agents;
        let asking = self.asking.entry(id).or_default();
        if max > 0 && i64::try_from(in_use).is_ok_and(|in_use| in_use >= max) {
            if !asking.contains(&member) {
                asking.push(member);
            }
            let place = asking.iter().position(|one| *one == member);
            return Err(AgentRefusal::BreakFull {
                in_use,
                max,
                place: place.map_or(asking.len(), |place| place + 1),
            });
        }
        self.end_pause(member, breaks, EndedBy::Himself, now);
        self.pause(member, PauseReason::Break { id }, now);
        Ok(())
    }

    /// Somebody takes no calls from now on.
    pub(super) fn pause(&mut self, member: Member, reason: PauseReason, now: i64) {
        for asking in self.asking.values_mut() {
            asking.retain(|one| *one != member);
        }
        self.restore_pause(member, reason, now);
        self.changed.insert(member);
    }

    /// Somebody takes calls again.
    pub(super) fn resume(
        &mut self,
        member: Member,
        breaks: &Objects<Break>,
        by: EndedBy,
        now: i64,
    ) -> Result<(), AgentRefusal> {
        if self.end_pause(member, breaks, by, now) {
            Ok(())
        } else {
            Err(AgentRefusal::NotPaused)
        }
    }

    fn end_pause(
        &mut self,
        member: Member,
        breaks: &Objects<Break>,
        by: EndedBy,
        now: i64,
    ) -> bool {
        let Some(pause) = self.pauses.remove(&member) else {
            return false;
        };
        self.changed.insert(member);
        if let Member::Agent(user) = member {
            let id = pause.reason.of_break();
            let of = id.and_then(|id| breaks.get(id));
            self.note(AgentInterval {
                user: user.0,
                kind: "pause".into(),
                r#break: id.map(Id::number),
                name: of.map(|of| of.name.clone()).unwrap_or_default(),
                began_at: pause.since,
                ended_at: now,
                ended_by: by.word().into(),
                exceeded: of.is_some_and(|of| now > of.ends(pause.since)),
            });
        }
        true
    }

    fn note(&mut self, interval: AgentInterval) {
        if self.intervals.len() >= UNWRITTEN {
            tracing::error!(?interval, "what an agent did is not written down");
            return;
        }
        self.intervals.push(interval);
    }

    /// Who is deleted or not active works no more.
    pub(super) fn keep(
        &mut self,
        is_there: impl Fn(UserId) -> bool,
        breaks: &Objects<Break>,
        now: i64,
    ) {
        let gone: Vec<_> = self
            .logins
            .keys()
            .copied()
            .filter(|user| !is_there(*user))
            .collect();
        for user in gone {
            self.end_pause(Member::Agent(user), breaks, EndedBy::SomebodyElse, now);
            self.end_login(user, EndedBy::SomebodyElse, now);
        }
    }

    /// Ends breaks whose time is over, and warns those whose break ends soon.
    pub(super) fn tick(&mut self, breaks: &Objects<Break>, now: i64) -> Vec<AgentNews> {
        let mut news = Vec::new();
        let mut over = Vec::new();
        for (member, pause) in &mut self.pauses {
            let Some(limit) = pause.limit(breaks) else {
                continue;
            };
            if now >= limit {
                over.push((*member, limit));
            } else if now >= limit - WARNING_MS && !pause.warned {
                pause.warned = true;
                news.push(AgentNews::Warned(*member));
            }
        }
        for (member, limit) in over {
            self.end_pause(member, breaks, EndedBy::Time, limit);
            news.push(AgentNews::Resumed(member));
        }
        news
    }

    /// When [`Self::tick`] has something to do next.
    pub(super) fn next_change(&self, breaks: &Objects<Break>, now: i64) -> Option<i64> {
        let pauses = self.pauses.values();
        let changes = pauses.filter_map(|pause| {
            let limit = pause.limit(breaks)?;
            let warning = limit - WARNING_MS;
            Some(if pause.warned { limit } else { warning }.max(now))
        });
        changes.min()
    }

    /// What has changed since this was last asked, and what has been done since.
    pub(super) fn take_changes(&mut self) -> (BTreeSet<Member>, Vec<AgentInterval>) {
        (
            std::mem::take(&mut self.changed),
            std::mem::take(&mut self.intervals),
        )
    }

    /// All who have logged in.
    pub(super) fn logged_in(&self) -> impl Iterator<Item = UserId> {
        self.logins.keys().copied()
    }
}
