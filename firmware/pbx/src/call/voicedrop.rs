//! Voice drop (F093, F094): who has reached a voicemail leaves it a recorded message and is free at once, while the message
//! plays to its end.

use ramal_model::{AudioFileId, Configuration, FeatureCode};
use thiserror::Error;
use tokio::sync::oneshot;

use super::participant::{Pair, Participant};
use super::record::Call;
use super::trace::{End, EndedHere, Step};
use super::voice::{Interrupted, Voice};
use super::{Caller, Outcome};
use crate::leg::Cause;

/// Why no message is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VoiceDropRefusal {
    /// No call in progress has this id.
    #[error("there is no such call")]
    NoCall,
    /// The extension takes no part in the call.
    #[error("the extension takes no part in the call")]
    NotInCall,
    /// Nobody talks in the call, or it is being passed on.
    #[error("nobody talks in the call")]
    NotTalking,
    /// Whoever is at the extension has no such message.
    #[error("the user of the extension has no such message")]
    NoMessage,
    /// No answering machine was heard: it may be a person.
    #[error(
        "no answering machine was heard, it may be a person: confirm that the message is to be left"
    )]
    PerhapsPerson,
}

/// Somebody's wish to leave a message. Dropping it says that nobody talks.
#[derive(Debug)]
pub(crate) struct VoiceDrop {
    /// The number of the extension that leaves it.
    pub(crate) of: String,
    /// Which; the first of its user's if none is named.
    pub(crate) message: Option<AudioFileId>,
    /// Whether it is left to a person, too.
    pub(crate) confirmed: bool,
    /// Told what came of it.
    pub(crate) told: oneshot::Sender<Result<(), VoiceDropRefusal>>,
}

/// Who has answered, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum HeardAs {
    #[default]
    Unknown,
    Machine,
}

/// The message that somebody leaves: one of those his user has, or that go with the number he calls outside with (F093).
fn message(
    configuration: &Configuration,
    who: &Caller,
    wanted: Option<AudioFileId>,
) -> Option<AudioFileId> {
    let user = configuration.user_at(who.extension()?.id)?;
    let numbers = &configuration.catalogue().numbers;
    let number = user.outbound_number.and_then(|id| numbers.get(id));
    let of_number = number.into_iter().flat_map(|number| &number.voicedrops);
    let mut messages = user.voicedrops.iter().chain(of_number).copied();
    match wanted {
        Some(wanted) => messages.find(|one| *one == wanted),
        None => messages.next(),
    }
}

/// Listens for an answering machine where somebody talks with somebody outside whom he could leave a message.
pub(super) fn listen(call: &Call, pair: &mut Pair) {
    let configuration = call.exchange().configuration.borrow().clone();
    let may = |who: &Caller| message(&configuration, who, None).is_some();
    let (caller, callee) = (&mut pair.caller, &mut pair.callee);
    if callee.who.is_external() && may(&caller.who) {
        callee.leg.listen_for_machine();
    }
}

/// The end that leaves a message by what somebody ordered, and which; he is told.
pub(super) fn ordered(
    call: &Call,
    pair: &Pair,
    drop: VoiceDrop,
    heard: HeardAs,
) -> Option<(End, AudioFileId)> {
    let configuration = call.exchange().configuration.borrow().clone();
    let is = |one: &Participant| {
        let extension = one.who.extension();
        extension.is_some_and(|extension| extension.number == drop.of)
    };
    let found = match (is(&pair.caller), is(&pair.callee)) {
        (true, _) => Ok((End::Caller, &pair.caller.who)),
        (false, true) => Ok((End::Callee, &pair.callee.who)),
        (false, false) => Err(VoiceDropRefusal::NotInCall),
    };
    let left = found.and_then(|(end, who)| {
        let message = message(&configuration, who, drop.message);
        let message = message.ok_or(VoiceDropRefusal::NoMessage)?;
        if heard != HeardAs::Machine && !drop.confirmed {
            return Err(VoiceDropRefusal::PerhapsPerson);
        }
        Ok((end, message))
    });
    // He may not have waited.
    let _ = drop.told.send(left.map(|_| ()));
    left.ok()
}

/// The message that whoever presses the code leaves; none when he has none.
pub(super) fn by_code(call: &Call, who: &Caller, feature: FeatureCode) -> Option<AudioFileId> {
    let configuration = call.exchange().configuration.borrow().clone();
    message(&configuration, who, None).filter(|_| feature == FeatureCode::Voicedrop)
}

/// Lets this end go, and leaves the message to the other one.
pub(super) async fn leave(call: &mut Call, pair: Pair, by: End, message: AudioFileId) -> Outcome {
    let configuration = call.exchange().configuration.borrow().clone();
    let (leaves, mut remains) = pair.split(by);
    let name = configuration
        .audio_file(message)
        .map(|file| file.name.clone());
    call.step(Step::Voicedrop {
        by,
        message: name.unwrap_or_default(),
    });
    if let Some(channel) = remains.leg.stream()
        && let Err(error) = call.exchange().engine.unbridge(channel)
    {
        tracing::error!(%error, "two cannot be parted");
    }
    // Whoever leaves takes the next call while the message plays.
    Box::pin(leaves.end(call, Cause::NORMAL_CLEARING)).await;
    let outcome = play(call, &mut remains, by.other(), &configuration, message).await;
    Box::pin(remains.end(call, outcome.cause)).await;
    outcome
}

async fn play(
    call: &mut Call,
    remains: &mut Participant,
    at: End,
    configuration: &Configuration,
    message: AudioFileId,
) -> Outcome {
    let (leg, who) = (&mut *remains.leg, &remains.who);
    let mut voice = Voice::new(call, leg, who, configuration);
    let played = async {
        match voice.open_audio(configuration, message).await? {
            Some(sound) => voice.play(vec![sound]).await,
            None => Ok(()),
        }
    };
    match played.await {
        Ok(()) => call.ended_here(EndedHere::Finished),
        Err(Interrupted::HungUp(cause)) => {
            call.step(Step::HungUp { by: at });
            Outcome::cleared_by(cause)
        }
        Err(interrupted) => interrupted.outcome(call),
    }
}
