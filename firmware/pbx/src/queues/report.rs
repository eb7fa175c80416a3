//! Queues, members and agents as people look at them.

use ramal_model::{CallId, Configuration, ExtensionId, Queue, QueueMember, Stored, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::PauseReason;
use super::floor::{Floor, Line, Member, Moment, Phones};
use super::promises::CallbackInQueue;
use super::standing::Standing;

/// A queue now.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct QueueStatus {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Who waits, the next first.
    pub waiting: Vec<CallerInQueue>,
    /// Who is to be called back, those included who did not answer and are called again later.
    pub callbacks: Vec<CallbackInQueue>,
    /// Its members in its order, but for those in breaks that are not shown.
    pub members: Vec<MemberStatus>,
    /// Calls that members took since midnight.
    pub answered: u32,
    /// Callers who hung up since midnight.
    pub abandoned: u32,
    /// Callers who were sent on since midnight, because they had waited long enough or nobody was there.
    pub sent_on: u32,
    /// The longest that anybody who is not waiting any more has waited since midnight, ms.
    pub longest_wait_ms: i64,
}

/// A caller who waits.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CallerInQueue {
    /// The call.
    pub call: CallId,
    /// His place, 1 for the one who is next.
    pub position: usize,
    /// His number.
    pub number: String,
    /// His name.
    pub name: String,
    /// Since when he waits, UTC milliseconds since the epoch.
    pub since: i64,
    /// Whether he has hung up and is called back in his turn.
    pub called_back: bool,
    /// The numbers of the extensions that ring for him.
    pub ringing: Vec<String>,
}

/// How a member of a queue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// An agent who has not logged in.
    LoggedOut,
    /// His phone is not registered.
    Offline,
    /// He has paused.
    Paused,
    /// He is in a call, or his phone rings for another one.
    Busy,
    /// His phone rings for a caller of a queue.
    Ringing,
    /// He is left alone after a call.
    WrapUp,
    /// He is left alone for a moment, after a call he did not take.
    Resting,
    /// He can be rung.
    Free,
}

/// A member of a queue.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MemberStatus {
    /// The user, when he is an agent.
    pub user: Option<i64>,
    /// His name, or that of the extension.
    pub name: String,
    /// The number of the extension where he is.
    pub extension: Option<String>,
    /// How he stands.
    pub state: MemberState,
    /// Until when he is left alone, UTC milliseconds since the epoch.
    pub until: Option<i64>,
    /// Rings only when all with a lower number are not free.
    pub penalty: i64,
    /// Calls he took since midnight.
    pub answered: u32,
    /// Calls he did not take since midnight.
    pub missed: u32,
}

/// An agent: a user who is a member of a queue, or has logged in.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentStatus {
    /// The user.
    pub user: i64,
    /// His name.
    pub name: String,
    /// The number of the extension where he has logged in.
    pub extension: Option<String>,
    /// Since when, UTC milliseconds since the epoch.
    pub logged_in_at: Option<i64>,
    /// How he stands.
    pub state: MemberState,
    /// Why he has paused.
    pub pause: Option<PauseReason>,
    /// The name of the break he is in.
    pub break_name: Option<String>,
    /// Since when he has paused, UTC milliseconds since the epoch.
    pub paused_at: Option<i64>,
    /// When his break should end, UTC milliseconds since the epoch.
    pub break_ends_at: Option<i64>,
    /// Whether his break lasts longer than it should.
    pub exceeded: bool,
    /// Whether he is left out where queues are watched.
    pub hidden: bool,
}

impl From<Standing> for MemberState {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::LoggedOut => Self::LoggedOut,
            Standing::Offline => Self::Offline,
            Standing::Paused => Self::Paused,
            Standing::Busy => Self::Busy,
            Standing::Rung => Self::Ringing,
            Standing::WrapUp(_) => Self::WrapUp,
            Standing::Resting(_) => Self::Resting,
            Standing::Free => Self::Free,
        }
    }
}

fn number_of(configuration: &Configuration, extension: ExtensionId) -> Option<String> {
    let extension = configuration.extension(extension)?;
    Some(extension.number.clone())
}

impl Floor {
    /// A queue now.
    pub(crate) fn queue_status(
        &mut self,
        queue: &Stored<Queue>,
        configuration: &Configuration,
        now: Moment,
        phone: Phones<'_>,
    ) -> QueueStatus {
        let none = Line::default();
        let line = self.lines.get(&queue.id).unwrap_or(&none);
        let waiting = line.waiting.iter().enumerate().map(|(place, one)| {
            let ringing = one.offered.iter();
            let ringing = ringing.filter_map(|offer| number_of(configuration, offer.extension));
            CallerInQueue {
                call: one.call.clone(),
                position: place + 1,
                number: one.caller.number.clone(),
                name: one.caller.name.clone(),
                since: one.since,
                called_back: one.called_back,
                ringing: ringing.collect(),
            }
        });
        let members = queue.members.iter().filter_map(|member| {
            let who = Member::from(member);
            let of_break = self.agents.pause_of(who).and_then(|pause| {
                configuration
                    .catalogue()
                    .breaks
                    .get(pause.reason.of_break()?)
            });
            if of_break.is_some_and(|of_break| of_break.hide_on_panel) {
                return None;
            }
            let (user, name) = match member {
                QueueMember::Extension { id, .. } => {
                    (None, configuration.extension(*id)?.display_name.clone())
                }
                QueueMember::Agent { id, .. } => {
                    (Some(id.0), configuration.user(*id)?.name.clone())
                }
            };
            let standing = self.standing(who, now, phone);
            let tally = line.tallies.get(&who).copied().unwrap_or_default();
            Some(MemberStatus {
                user,
                name,
                extension: self
                    .place(who)
                    .and_then(|place| number_of(configuration, place)),
                state: standing.into(),
                until: match standing {
                    Standing::WrapUp(until) | Standing::Resting(until) => Some(until),
                    _ => None,
                },
                penalty: member.penalty(),
                answered: tally.answered,
                missed: tally.missed,
            })
        });
        QueueStatus {
            id: queue.id.number(),
            name: queue.name.clone(),
            waiting: waiting.collect(),
            callbacks: self.callbacks(queue.id, configuration),
            members: members.collect(),
            answered: line.totals.answered,
            abandoned: line.totals.abandoned,
            sent_on: line.totals.sent_on,
            longest_wait_ms: line.totals.longest_wait_ms,
        }
    }

    /// An agent now; none when there is no such user.
    pub(crate) fn agent_status(
        &self,
        user: UserId,
        configuration: &Configuration,
        now: Moment,
        phone: Phones<'_>,
    ) -> Option<AgentStatus> {
        let member = Member::Agent(user);
        let login = self.agents.login_of(user);
        let pause = self.agents.pause_of(member);
        let of_break = pause.and_then(|pause| {
            configuration
                .catalogue()
                .breaks
                .get(pause.reason.of_break()?)
        });
        let ends = of_break
            .zip(pause)
            .map(|(of_break, pause)| of_break.ends(pause.since));
        Some(AgentStatus {
            user: user.0,
            name: configuration.user(user)?.name.clone(),
            extension: login.and_then(|(place, _)| number_of(configuration, place)),
            logged_in_at: login.map(|(_, since)| since),
            state: self.standing(member, now, phone).into(),
            pause: pause.map(|pause| pause.reason),
            break_name: of_break.map(|of_break| of_break.name.clone()),
            paused_at: pause.map(|pause| pause.since),
            break_ends_at: ends,
            exceeded: ends.is_some_and(|ends| now.utc_ms > ends),
            hidden: of_break.is_some_and(|of_break| of_break.hide_on_panel),
        })
    }
}
