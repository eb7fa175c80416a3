//! Leaving a message in a voicemail box (F088-F090).

use std::sync::Arc;
use std::time::Duration;

use ramal_media::{RecordingFailure, Sound};
use ramal_model::{CallResult, Configuration, Party, Stored, VoicemailBox, VoicemailMessageId};
use ramal_store::{MessageFilter, NewMessage, StoreError};

use super::super::Outcome;
use super::super::participant::Participant;
use super::super::record::Call;
use super::super::trace::{EndedHere, Greeting, NotLeft, Step};
use super::super::voice::{self, Interrupted, Voice};
use super::{Ended, Limits, Take, Verdict, review, take};
use crate::clock::utc_ms;
use crate::exchange::Exchange;
use crate::flow::Greetings;
use crate::voicemail::{Open, Voicemail, file_name, remove};

/// Takes the call of somebody and lets him leave a message. He hears the box's greeting, or else that of the number or of the queue
/// which led here, or else the company's, or else the gateway's own. Whoever calls this ends his leg with the outcome.
pub(in crate::call) async fn leave_message(
    call: &mut Call,
    participant: &mut Participant,
    mailbox: &Stored<VoicemailBox>,
    of_path: Greetings,
    configuration: &Configuration,
) -> Outcome {
    if let Err(refused) = voice::answer(call, participant) {
        return refused;
    }
    call.served_by("voicemail", mailbox.name.clone());
    let Participant {
        leg, who, record, ..
    } = participant;
    call.answered_by_gateway(*record, leg.codec());
    let caller = who.party();
    let mut voice = Voice::new(call, &mut **leg, who, configuration);
    if let Some(language) = mailbox.language {
        voice.language = language;
    }
    let left = leave(&mut voice, mailbox, of_path, configuration, caller).await;
    let outcome = match left {
        Ok(()) => call.ended_here(EndedHere::Finished),
        Err(interrupted) => interrupted.outcome(call),
    };
    match outcome.result {
        // Nobody has taken it, whether there is a message or not (D5).
        CallResult::Answered | CallResult::Cancelled => {
            Outcome::new(CallResult::NoAnswer, outcome.cause)
        }
        _ => outcome,
    }
}

async fn leave(
    voice: &mut Voice<'_>,
    mailbox: &Stored<VoicemailBox>,
    of_path: Greetings,
    configuration: &Configuration,
    caller: Party,
) -> Result<(), Interrupted> {
    let exchange = voice.call.exchange().clone();
    let most = u32::try_from(mailbox.max_messages).unwrap_or(1);
    let filter = MessageFilter {
        limit: Some(most),
        mailbox: Some(mailbox.id),
        ..MessageFilter::default()
    };
    let held = voice.wait(exchange.store.messages(filter)).await?;
    if held.is_ok_and(|held| held.len() >= most as usize) {
        voice.call.step(Step::MessageNotLeft {
            reason: NotLeft::Full,
        });
        return voice.say(&["vm-full", "goodbye"]).await;
    }
    greet(voice, mailbox, of_path, configuration).await?;
    let limits = Limits {
        longest: Duration::from_secs(mailbox.max_seconds.unsigned_abs()),
        silence: Duration::from_secs(mailbox.silence_seconds.unsigned_abs()),
    };
    loop {
        let draft = match Draft::begin(&exchange, voice, mailbox, &caller).await? {
            Ok(draft) => draft,
            Err(error) => {
                tracing::error!(%error, "a message cannot be written down");
                return not_stored(voice, &error).await;
            }
        };
        let taken = match take::take(voice, &draft.file, limits).await {
            Ok(taken) => taken,
            Err(interrupted) => {
                draft.drop_it().await;
                voice.call.step(Step::MessageNotLeft {
                    reason: NotLeft::HungUp,
                });
                return Err(interrupted);
            }
        };
        let least = Duration::from_secs(mailbox.min_seconds.unsigned_abs());
        let enough = taken.bytes > 0 && !taken.spoken.is_zero() && taken.spoken >= least;
        let outcome = match &taken.ended {
            Ended::Key if enough => match review(voice, &taken).await {
                Ok(Verdict::Keep) => Ok(()),
                Ok(Verdict::Again) => {
                    draft.drop_it().await;
                    continue;
                }
                // Hung up meanwhile: it was not refused.
                Err(interrupted) => Err(interrupted),
            },
            _ => Ok(()),
        };
        let failure = match &taken.ended {
            Ended::Failed(failure) => Some(failure.clone()),
            _ => None,
        };
        let kept = if enough {
            draft.keep(&taken).await.map(Some)
        } else {
            draft.drop_it().await;
            Ok(None)
        };
        let stored = match kept {
            Ok(Some(())) => {
                let seconds = taken.duration_ms.div_ceil(1_000);
                voice.call.step(Step::MessageLeft { seconds });
                true
            }
            Ok(None) => {
                let reason = match (&failure, &taken.ended) {
                    (Some(failure), _) => not_left(failure.as_ref()),
                    (None, Ended::Interrupted(_)) if taken.spoken.is_zero() => NotLeft::HungUp,
                    _ => NotLeft::TooShort,
                };
                voice.call.step(Step::MessageNotLeft { reason });
                false
            }
            Err(error) => {
                tracing::error!(%error, "a message cannot be written down");
                outcome?;
                return not_stored(voice, &error).await;
            }
        };
        outcome?;
        if let Ended::Interrupted(interrupted) = taken.ended {
            return Err(interrupted);
        }
        let said = match (failure, stored) {
            (Some(_), _) => "vm-not-stored",
            (None, true) => "vm-kept",
            (None, false) => "vm-too-short",
        };
        return voice.say(&[said, "goodbye"]).await;
    }
}

/// Tells that nothing can be stored.
async fn not_stored(voice: &mut Voice<'_>, error: &StoreError) -> Result<(), Interrupted> {
    let reason = match error {
        StoreError::DiskFull(_) => NotLeft::DiskFull,
        _ => NotLeft::NotStored,
    };
    voice.call.step(Step::MessageNotLeft { reason });
    voice.say(&["vm-not-stored", "goodbye"]).await
}

fn not_left(failure: Option<&RecordingFailure>) -> NotLeft {
    match failure {
        Some(RecordingFailure::DiskFull) => NotLeft::DiskFull,
        _ => NotLeft::NotStored,
    }
}

/// Plays the greeting that comes first in the hierarchy and can be played (F089).
async fn greet(
    voice: &mut Voice<'_>,
    mailbox: &VoicemailBox,
    of_path: Greetings,
    configuration: &Configuration,
) -> Result<(), Interrupted> {
    let of_company = configuration.voicemail_greeting_of(mailbox.company);
    let hierarchy = [
        (mailbox.greeting, Greeting::Mailbox),
        (of_path.number, Greeting::Number),
        (of_path.queue, Greeting::Queue),
        (of_company, Greeting::Company),
    ];
    for (file, greeting) in hierarchy {
        let Some(file) = file else { continue };
        if let Some(sound) = voice.open_audio(configuration, file).await? {
            voice.call.step(Step::GreetingPlayed { greeting });
            let mut sounds: Vec<Sound> = voice.words(&[""; 0]);
            sounds.push(sound);
            // A key leads to the tone at once.
            voice.play_until_key(sounds).await?;
            return Ok(());
        }
    }
    voice.call.step(Step::GreetingPlayed {
        greeting: Greeting::BuiltIn,
    });
    let sounds = voice.words(&["vm-greeting"]);
    voice.play_until_key(sounds).await?;
    Ok(())
}

/// A message that is being left: its row is on the disk before its sound, so that neither is lost alone.
struct Draft {
    exchange: Arc<Exchange>,
    id: VoicemailMessageId,
    file: String,
    _open: Open,
}

impl Draft {
    async fn begin(
        exchange: &Arc<Exchange>,
        voice: &mut Voice<'_>,
        mailbox: &Stored<VoicemailBox>,
        caller: &Party,
    ) -> Result<Result<Self, StoreError>, Interrupted> {
        let open = Voicemail::opened(exchange);
        let file = file_name(voice.call.id());
        let new = NewMessage {
            mailbox: mailbox.id,
            call: voice.call.id().clone(),
            caller: caller.clone(),
            file: file.clone(),
            started_at: utc_ms(),
        };
        let written = voice.wait(exchange.store.message_started(new)).await?;
        Ok(written.map(|id| Self {
            exchange: exchange.clone(),
            id,
            file,
            _open: open,
        }))
    }

    /// The message lies in its box from now on.
    async fn keep(self, take: &Take) -> Result<(), StoreError> {
        let store = &self.exchange.store;
        let message = store
            .message_kept(self.id, utc_ms(), take.duration_ms, take.bytes)
            .await?;
        self.exchange.voicemail.arrived(message);
        Ok(())
    }

    /// Nobody wants it.
    async fn drop_it(self) {
        if let Err(error) = self.exchange.store.message_dropped(self.id).await {
            tracing::error!(%error, "a message that nobody wants stays until the next start");
            return;
        }
        if let Some(folder) = self.exchange.voicemail.folder() {
            let path = folder.join(&self.file);
            let _ = tokio::task::spawn_blocking(move || remove(&path)).await;
        }
    }
}
