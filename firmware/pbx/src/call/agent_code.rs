//! What agents do at a phone: `*45` logs in and out, `*46` pauses (A.4). Whoever logs in at a phone that is not his own
//! enters his PIN first.
//!
//! `*45` alone is for whom the phone belongs to, or for whoever has logged in there; `*45` and the number of his own
//! extension lets an agent work at somebody else's phone. `*46` and the number of a break takes that break, and again ends
//! it; `*46` alone pauses for no reason. At the phone of an extension that is a member of queues itself, where nobody has
//! logged in, it is the extension that pauses.

use std::time::Duration;

use ramal_model::{Configuration, Extension, QueueMember, Secret, User, UserId};

use super::Outcome;
use super::participant::Participant;
use super::record::Call;
use super::trace::{AgentDid, EndedHere, Feature, Refused, Step};
use super::voice::{self, Interrupted, Voice};
use crate::exchange::Exchange;
use crate::leg::Cause;
use crate::pins::{ATTEMPTS, Door};
use crate::queues::{AgentRefusal, EndedBy, Member, PauseReason, Queues};

/// How long he may think before the first key of his PIN.
const PATIENCE: Duration = Duration::from_secs(10);

/// A code for agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AgentCode {
    /// Logs in or out: whoever has an extension with this number, or whom the phone belongs to when it is blank.
    Login(String),
    /// Pauses, for the break with this number.
    Pause(Option<i64>),
}

impl AgentCode {
    pub(super) fn feature(&self) -> Feature {
        match self {
            Self::Login(_) => Feature::AgentLogin,
            Self::Pause(_) => Feature::AgentPause,
        }
    }
}

/// Does what the code says and tells the caller.
pub(super) async fn run(
    call: &mut Call,
    participant: &mut Participant,
    code: &AgentCode,
    configuration: &Configuration,
) -> Outcome {
    let Some(extension) = participant.who.extension().cloned() else {
        return call.refused(Refused::UnknownNumber, Cause::UNALLOCATED_NUMBER);
    };
    let exchange = call.exchange().clone();
    if let Err(refused) = voice::answer(call, participant) {
        return refused;
    }
    call.service(code.feature());
    let Participant {
        leg, who, record, ..
    } = participant;
    call.answered(*record, None, leg.codec());
    let mut voice = Voice::new(call, &mut **leg, who, configuration);
    let done = match code {
        AgentCode::Login(number) => match logs_in(&exchange, configuration, &extension, number) {
            Ok(agent) => match may_log_in(&mut voice, configuration, agent, &extension).await {
                Ok(None) => login(&exchange, agent, &extension),
                Ok(Some(did)) => Ok(did),
                Err(interrupted) => return interrupted.outcome(call),
            },
            Err(refusal) => Err(refusal),
        },
        AgentCode::Pause(number) => pause(&exchange, configuration, &extension, *number),
    };
    let did = done.unwrap_or_else(|refusal| match refusal {
        AgentRefusal::PhoneTaken(_) => AgentDid::PhoneTaken,
        AgentRefusal::NoSuchBreak(_) => AgentDid::NoSuchBreak,
        AgentRefusal::BreakFull { .. } => AgentDid::BreakFull,
        AgentRefusal::NoSuchUser(_)
        | AgentRefusal::NoExtension
        | AgentRefusal::NotLoggedIn
        | AgentRefusal::NotPaused => AgentDid::IsNoAgent,
    });
    voice.call.step(Step::Agent { did });
    let words = match did {
        AgentDid::LoggedIn => "agent-logged-in",
        AgentDid::LoggedOut => "agent-logged-out",
        AgentDid::Paused => "agent-paused",
        AgentDid::Resumed => "agent-resumed",
        AgentDid::IsNoAgent => "agent-unknown",
        AgentDid::PhoneTaken => "agent-phone-taken",
        AgentDid::NoSuchBreak => "break-unknown",
        AgentDid::BreakFull => "break-full",
        // That it was wrong he has heard.
        AgentDid::WrongPin => "goodbye",
    };
    match voice.say(&[words]).await {
        Ok(()) => call.ended_here(EndedHere::Finished),
        Err(interrupted) => interrupted.outcome(call),
    }
}

/// Asks for the agent's PIN where one is needed; what to tell him when he may not log in.
async fn may_log_in(
    voice: &mut Voice<'_>,
    configuration: &Configuration,
    agent: UserId,
    at: &Extension,
) -> Result<Option<AgentDid>, Interrupted> {
    let exchange = voice.call.exchange().clone();
    let is_his = configuration
        .user(agent)
        .is_some_and(|user| user.extension == Some(at.id));
    if is_his || exchange.queues.agent_at(at.id) == Some(agent) {
        return Ok(None);
    }
    let door = Door::Agent(agent);
    // Whether he has a PIN is not told to whoever does not know it.
    for attempt in 1..=ATTEMPTS {
        let pin = voice.ask_number(&["enter-pin"], PATIENCE, 10).await?;
        if exchange.pins.may_try(door) {
            let store = exchange.store.clone();
            let checked = voice.wait(store.verify_agent_pin(agent, Secret::new(pin)));
            match checked.await? {
                Ok(true) => {
                    exchange.pins.right(door);
                    return Ok(None);
                }
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "a PIN cannot be checked"),
            }
        } else {
            voice.call.step(Step::PinsRefused);
        }
        voice.call.step(Step::WrongPin { attempt });
        voice.say(&["wrong-pin"]).await?;
    }
    Ok(Some(AgentDid::WrongPin))
}

/// Who logs in or out by this code.
fn logs_in(
    exchange: &Exchange,
    configuration: &Configuration,
    extension: &Extension,
    number: &str,
) -> Result<UserId, AgentRefusal> {
    let here = exchange.queues.agent_at(extension.id);
    let whose = if number.is_empty() {
        extension
    } else {
        let named = configuration.extension_by_number(number);
        named.ok_or(AgentRefusal::NoExtension)?
    };
    let has_it = |user: &&User| user.active && user.extension == Some(whose.id);
    let owner = configuration
        .users()
        .iter()
        .find(has_it)
        .map(|user| user.id);
    match (here, number.is_empty()) {
        (Some(here), true) => Ok(here),
        _ => owner.ok_or(AgentRefusal::NoExtension),
    }
}

fn login(
    exchange: &Exchange,
    agent: UserId,
    extension: &Extension,
) -> Result<AgentDid, AgentRefusal> {
    if exchange.queues.agent_at(extension.id) == Some(agent) {
        Queues::log_out(exchange, agent, EndedBy::Himself)?;
        return Ok(AgentDid::LoggedOut);
    }
    Queues::log_in(exchange, agent, Some(extension.id))?;
    Ok(AgentDid::LoggedIn)
}

fn pause(
    exchange: &Exchange,
    configuration: &Configuration,
    extension: &Extension,
    number: Option<i64>,
) -> Result<AgentDid, AgentRefusal> {
    let catalogue = configuration.catalogue();
    let is_extension = |member: &QueueMember| matches!(member, QueueMember::Extension { id, .. } if *id == extension.id);
    let member = match exchange.queues.agent_at(extension.id) {
        Some(agent) => Member::Agent(agent),
        None if catalogue
            .queues
            .iter()
            .any(|queue| queue.members.iter().any(is_extension)) =>
        {
            Member::Extension(extension.id)
        }
        None => return Err(AgentRefusal::NotLoggedIn),
    };
    let wanted = match number {
        None => None,
        Some(number) => {
            let of_break = catalogue.breaks.iter().find(|one| one.number == number);
            Some(of_break.ok_or(AgentRefusal::NoSuchBreak(number))?.id)
        }
    };
    let resumes = match exchange.queues.pause_of(member) {
        None => false,
        // Out of one break into another.
        Some(PauseReason::Break { id }) => wanted.is_none_or(|wanted| wanted == id),
        Some(PauseReason::Missed {} | PauseReason::Plain {}) => true,
    };
    if resumes {
        Queues::resume(exchange, member, EndedBy::Himself)?;
        return Ok(AgentDid::Resumed);
    }
    Queues::pause(exchange, member, wanted)?;
    Ok(AgentDid::Paused)
}
