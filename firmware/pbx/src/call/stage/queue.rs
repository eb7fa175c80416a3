//! Waiting in a queue (QUE).

use std::sync::Arc;
use std::time::Duration;

use ramal_media::Sound;
use ramal_model::{CallResult, Queue, Stored};
use ramal_store::QueueCallback;
use tokio::time::Instant;

use super::{Came, Stage};
use crate::call::Outcome;
use crate::call::participant::Participant;
use crate::call::queued::{Queued, Woken};
use crate::call::reach::NotTaken;
use crate::call::ring;
use crate::call::trace::Step;
use crate::call::whisper::Whisper;
use crate::flow::{QueueEnd, Say, Switch, Who};
use crate::queues::{Member, NoPlace, Offer, Queues, Turn};

/// Lets the caller wait until a member takes the call, or he cannot or will not wait any longer.
pub(super) async fn wait(
    stage: &mut Stage<'_, '_>,
    queue: &Arc<Stored<Queue>>,
) -> Result<QueueEnd<Participant>, Outcome> {
    let exchange = Arc::clone(stage.call.exchange());
    let party = stage.waiting.participant.who.party();
    let entered = Instant::now();
    let place = match Queues::enter(&exchange, queue, stage.call.id(), party) {
        Ok(place) => place,
        Err(NoPlace::Full) => {
            stage.call.step(Step::QueueFull);
            return Ok(QueueEnd::Full);
        }
        Err(NoPlace::Empty) => {
            stage.call.step(Step::QueueEmpty);
            return Ok(QueueEnd::Empty);
        }
    };
    stage.answer().await?;
    // What the number says goes before (F078).
    if stage.call.of_number.recording.is_none() {
        stage.call.of_number.recording = queue.recording;
    }
    if let Some(greeting) = queue.greeting {
        stage.play(&[Say::File(greeting)], "").await?;
    }
    stage.ahead.clear();
    let announcement = match queue.announcement {
        Some(id) => stage.file(id).await,
        None => None,
    };
    let language = stage.language();
    stage.call.step(Step::QueueWaits {
        position: place.position(),
    });
    let reachable = is_reachable(stage);
    let queued = Queued::new(place, entered, queue, announcement, language, reachable);
    let mut queued = Box::new(queued);
    queued.hear_music(stage.call, &*stage.waiting.participant.leg);
    queued.place.ready();
    attend(stage, queue, queued).await
}

async fn attend(
    stage: &mut Stage<'_, '_>,
    queue: &Stored<Queue>,
    mut queued: Box<Queued>,
) -> Result<QueueEnd<Participant>, Outcome> {
    let deadline = queued.entered + seconds(queue.max_wait);
    loop {
        let mut woken = None;
        let awaited = async { woken = Some(queued.woken(deadline).await) };
        if let Came::Key(key) = stage.until(awaited).await? {
            if wants_callback(stage, &queued, key) {
                call_back(stage, queue, *queued).await?;
                return Ok(QueueEnd::CalledBack);
            }
            continue;
        }
        match woken {
            None => {}
            Some(Woken::Hears) => {
                queued.hear_next(stage.call, &*stage.waiting.participant.leg);
            }
            Some(Woken::Turn(Turn::Wait)) => {}
            Some(Woken::Turn(Turn::Ring(offers))) => {
                match ring(stage, queue, queued, &offers, deadline).await? {
                    Rung::Taken(taken) => return Ok(QueueEnd::Taken(taken)),
                    Rung::WaitsOn(back) => queued = back,
                }
            }
            Some(Woken::Turn(Turn::Empty)) => {
                stage.call.step(Step::QueueEmpty);
                queued.place.sent_on();
                return Ok(QueueEnd::Empty);
            }
            Some(Woken::Enough | Woken::Turn(Turn::Gone)) => {
                stage.call.step(Step::QueueTimeout {
                    seconds: queued.entered.elapsed().as_secs(),
                });
                queued.place.sent_on();
                return Ok(QueueEnd::TimedOut);
            }
        }
    }
}

/// Whether somebody who waits has pressed the key to be called back, and can be.
fn wants_callback(stage: &Stage<'_, '_>, queued: &Queued, key: char) -> bool {
    let queue = queued.place.queue();
    let wanted = queue.and_then(|queue| queue.callback_key.clone());
    wanted.is_some_and(|wanted| wanted.starts_with(key)) && is_reachable(stage)
}

/// Whether the caller has a number where he can be called.
fn is_reachable(stage: &Stage<'_, '_>) -> bool {
    let number = stage.waiting.participant.who.party().number;
    number.chars().any(|digit| digit.is_ascii_digit())
}

/// Lets the caller go who keeps his place and is called back.
async fn call_back(
    stage: &mut Stage<'_, '_>,
    queue: &Stored<Queue>,
    queued: Queued,
) -> Result<(), Outcome> {
    let exchange = Arc::clone(stage.call.exchange());
    let who = &stage.waiting.participant.who;
    let party = who.party();
    let extension = who.extension().map(|extension| extension.id.0);
    let waited = queued.entered.elapsed();
    let waited_ms = i64::try_from(waited.as_millis()).unwrap_or(i64::MAX);
    stage.call.step(Step::QueueCallback {
        number: party.number.clone(),
        position: queued.place.position(),
    });
    let callback = QueueCallback {
        queue: queue.id.number(),
        call: stage.call.id().clone(),
        number: party.number,
        extension,
        name: party.name,
        since: exchange.store.now() - waited_ms,
        attempts: 0,
    };
    Queues::promise(&exchange, queued.place, callback).await;
    // From here on he may hang up.
    stage.play(&[Say::Own("queue-callback")], "").await?;
    Ok(())
}

/// What came of ringing members.
enum Rung {
    Taken(Participant),
    WaitsOn(Box<Queued>),
}

/// Rings members for the caller, who hears on meanwhile.
async fn ring(
    stage: &mut Stage<'_, '_>,
    queue: &Stored<Queue>,
    mut queued: Box<Queued>,
    offers: &[Offer],
    deadline: Instant,
) -> Result<Rung, Outcome> {
    let current = queued.place.queue();
    let current = current.as_deref().unwrap_or(queue);
    let agent_ring = seconds(current.agent_ring);
    let left = deadline.saturating_duration_since(Instant::now());
    // Somebody who does not wait at all is connected when somebody is free, which must be rung for a while.
    let time = if queue.max_wait == 0 {
        agent_ring
    } else {
        agent_ring.min(left)
    };
    queued.whisper = whisper(stage, current).await;
    let numbers = offers.iter().filter_map(|offer| {
        let extension = stage.following.configuration.extension(offer.extension)?;
        Some(extension.number.clone())
    });
    let numbers: Vec<String> = numbers.collect();
    stage.call.step(Step::QueueRings { numbers });
    let who: Vec<Who> = offers
        .iter()
        .map(|it| Who::Extension(it.extension))
        .collect();
    let entered = queued.entered;
    stage.waiting.queued = Some(queued);
    let rung = ring::several(stage.call, stage.waiting, &who, time, stage.following).await;
    let queued = stage.waiting.queued.take();
    match (rung, queued) {
        (Ok(mut taken), Some(queued)) => {
            let by = taken.who.extension().map(|extension| extension.id);
            let of_queue = queued.place.taken(by);
            if let Some(slot) = &mut taken.slot {
                slot.is_of_queue(of_queue);
            }
            stage.call.step(Step::QueueTaken {
                waited: entered.elapsed().as_secs(),
            });
            Ok(Rung::Taken(taken))
        }
        (Ok(taken), None) => Ok(Rung::Taken(taken)),
        (Err(NotTaken::Over(over)), _) => Err(over),
        (Err(NotTaken::Failed(outcome)), Some(mut queued)) => {
            // Whoever was rung for a shorter time because the caller's patience ended has missed nothing.
            if Instant::now() < deadline || time == agent_ring {
                // A telephone that cannot be reached has not rung.
                let missed = outcome.result != CallResult::Failed;
                for member in queued.place.not_taken(missed) {
                    let number = number_of(stage, offers, member);
                    stage.call.step(Step::QueuePaused { number });
                }
            }
            queued.hears_on(stage.call, &*stage.waiting.participant.leg);
            Ok(Rung::WaitsOn(queued))
        }
        // What was put there is taken back by nobody else.
        (Err(NotTaken::Failed(outcome)), None) => Err(outcome),
    }
}

/// What a member hears who takes the call.
async fn whisper(stage: &Stage<'_, '_>, queue: &Queue) -> Vec<Sound> {
    if let Some(id) = queue.whisper {
        let file = stage.file(id).await;
        return file.map(Sound::Prompt).into_iter().collect();
    }
    let Some(text) = &queue.whisper_text else {
        return Vec::new();
    };
    let language = stage.following.configuration.spoken_language();
    let caller = &*stage.waiting.participant;
    let whisper = Whisper::of_text(stage.call, text, language, caller);
    whisper.sounds().await.unwrap_or_default()
}

fn number_of(stage: &Stage<'_, '_>, offers: &[Offer], member: Member) -> String {
    let offer = offers.iter().find(|offer| offer.member == member);
    let extension =
        offer.and_then(|offer| stage.following.configuration.extension(offer.extension));
    extension.map(|it| it.number.clone()).unwrap_or_default()
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(seconds.max(0).unsigned_abs())
}
