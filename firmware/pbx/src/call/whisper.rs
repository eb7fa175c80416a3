//! What a member of a queue hears who has taken a call, before he is connected, and what somebody outside hears who is asked
//! whether he takes one (F034).

use std::sync::Arc;

use ramal_media::{Repeat, Sound};
use ramal_model::{CallResult, Language, Speech, WhisperFacts, WhisperPart, whisper_parts};
use ramal_phrases::Composer;

use super::Outcome;
use super::participant::Participant;
use super::queued::hears_next;
use super::reach::{NotTaken, Waiting};
use super::record::Call;
use super::ring::gave_up;
use super::trace::Step;
use crate::exchange::Exchange;
use crate::leg::{self, LegEvent};

/// Media takes a moment to arrive at first.
const PAUSE: Sound = Sound::Silence { ms: 400 };

/// What is going to be said, as far as no disk has to be waited for.
pub(super) struct Whisper {
    exchange: Arc<Exchange>,
    language: Language,
    parts: Vec<WhisperPart>,
    /// The caller's number; blank when it is not known or not to be seen.
    caller: String,
}

impl Whisper {
    /// A text about the call of `caller`.
    pub(super) fn of_text(
        call: &Call,
        text: &str,
        language: Language,
        caller: &Participant,
    ) -> Self {
        let facts = WhisperFacts {
            label: call.of_number.called.as_deref(),
            queue: call.of_number.queue.as_deref(),
        };
        Self {
            parts: whisper_parts(text, language, facts),
            ..Self::of_speech(call, None, language, caller)
        }
    }

    /// Some words and the caller's number.
    pub(super) fn of_speech(
        call: &Call,
        speech: Option<Speech>,
        language: Language,
        caller: &Participant,
    ) -> Self {
        let caller = match call.hides_number() {
            true => String::new(),
            false => caller.who.party().number,
        };
        let words = speech.into_iter().map(WhisperPart::Words);
        Self {
            exchange: Arc::clone(call.exchange()),
            language,
            parts: words.chain([WhisperPart::Caller]).collect(),
            caller,
        }
    }

    /// How it sounds, without words that have not been spoken yet; nothing where none have.
    pub(super) async fn sounds(self) -> Option<Vec<Sound>> {
        let prompts = self.exchange.engine.prompts();
        let mut sounds = vec![PAUSE];
        let is_said = |part: &WhisperPart| matches!(part, WhisperPart::Words(_));
        let mut spoken = !self.parts.iter().any(is_said);
        for part in &self.parts {
            match part {
                WhisperPart::Words(speech) => {
                    let piece = self.exchange.music.piece_at_hand(&speech.key()).await;
                    match piece {
                        Some(piece) => {
                            sounds.push(Sound::Prompt(piece));
                            spoken = true;
                        }
                        None => tracing::error!(text = speech.text, "words are not spoken yet"),
                    }
                }
                WhisperPart::Caller => {
                    let digits = Composer::new(self.language).digits(&self.caller);
                    let digits = digits
                        .iter()
                        .filter_map(|word| prompts.get(self.language.tag(), word));
                    sounds.extend(digits.map(Sound::Prompt));
                }
            }
        }
        spoken.then_some(sounds)
    }
}

/// Tells something to whoever has taken the call before he is connected.
pub(super) async fn tell(
    call: &mut Call,
    waiting: &mut Waiting<'_>,
    taken: &mut Participant,
    what: Vec<Sound>,
) -> Result<(), NotTaken> {
    let sounds = std::iter::once(PAUSE).chain(what).collect();
    let playing = taken
        .leg
        .stream()
        .and_then(|stream| stream.play(sounds, Repeat::Once).ok());
    let Some(mut playing) = playing else {
        return Ok(());
    };
    loop {
        let Waiting {
            participant,
            queued,
            ..
        } = waiting;
        tokio::select! {
            _ = playing.wait() => return Ok(()),
            event = leg::event(&mut *taken.leg) => {
                if let LegEvent::HungUp(cause) | LegEvent::Rejected(cause) = event {
                    call.step(Step::ContactRefused {
                        device: taken.leg.device().to_owned(),
                        cause: cause.0,
                    });
                    return Err(NotTaken::Failed(Outcome::new(CallResult::NoAnswer, cause)));
                }
            }
            event = leg::event(&mut *participant.leg) => match event {
                LegEvent::HungUp(cause) | LegEvent::Rejected(cause) => {
                    return Err(NotTaken::Over(gave_up(call, cause)));
                }
                LegEvent::MediaFlow(flow) => participant.flow = flow,
                LegEvent::Transfer(transfer) => transfer.refuse_as_pending(),
                _ => {}
            },
            () = hears_next(queued.as_mut()) => {
                if let Some(queued) = queued {
                    queued.hear_next(call, &*participant.leg);
                }
            }
            why = call.interrupted() => return Err(NotTaken::Over(call.ended_here(why))),
        }
    }
}
