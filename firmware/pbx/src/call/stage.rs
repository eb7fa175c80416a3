//! A call in progress as the pages of [`crate::flow`] see it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ramal_media::{Prompt, Repeat, Sound};
use ramal_model::{
    AudioFileId, CallResult, Clearing, Conference, Configuration, Destination, ExtensionId,
    Language, Queue, Stored, UserId, VoicemailBox,
};
use tokio::time::{Instant, sleep_until};

mod queue;

use super::Outcome;
use super::participant::Participant;
use super::progress_tone::ProgressTone;
use super::reach::{Following, NotTaken, Reached, Waiting};
use super::record::{Call, OfNumber};
use super::ring;
use super::trace::{End, Refused, Step};
use super::{conference, voicemail};
use crate::flow::{self, Availability, Greetings, QueueEnd, Rung, Say, Switch, Who};
use crate::leg::{self, Cause, LegEvent, Release};
use crate::queues::Queues;

/// Before what is said first: media takes a moment to arrive.
const PAUSE: Sound = Sound::Silence { ms: 400 };
/// How long somebody hears the busy tone who cannot be told otherwise any more (A.3).
const BUSY_TONE: Duration = Duration::from_secs(10);
/// Keys pressed ahead of being asked for that are kept.
const KEYS_AHEAD: usize = 16;

/// Leads whoever waits from a destination on.
pub(super) async fn lead(
    call: &mut Call,
    waiting: &mut Waiting<'_>,
    first: Destination,
    following: &Following<'_>,
) -> Result<Reached, NotTaken> {
    let mut stage = Stage {
        call,
        waiting,
        following,
        ahead: Vec::new(),
    };
    match flow::follow(&mut stage, first).await {
        Ok(flow::End::Taken(taken)) => Ok(Reached::Talking(taken)),
        Ok(flow::End::Served) => {
            stage.call.served();
            let outcome = stage.call.ended_here(super::trace::EndedHere::Finished);
            Ok(Reached::Served(outcome))
        }
        Ok(flow::End::Cleared(clearing)) => {
            if clearing == Clearing::Rejected && stage.waiting.transferor.is_none() {
                let leg = &mut stage.waiting.participant.leg;
                leg.hang_up(Release::Declined);
            }
            if clearing == Clearing::Busy
                && stage.waiting.transferor.is_none()
                && stage.call.is_answered()
                && let Err(over) = stage.hear(ProgressTone::Busy, BUSY_TONE).await
            {
                return Err(NotTaken::Over(over));
            }
            Err(NotTaken::Failed(cleared(clearing)))
        }
        Err(over) => Err(NotTaken::Over(over)),
    }
}

/// How a call ends that nobody took, for what its caller is told (A.3).
fn cleared(clearing: Clearing) -> Outcome {
    let (result, cause) = match clearing {
        Clearing::Normal => (CallResult::NoAnswer, Cause::NO_ANSWER),
        Clearing::Busy => (CallResult::Busy, Cause::USER_BUSY),
        Clearing::Rejected => (CallResult::Rejected, Cause::CALL_REJECTED),
        Clearing::Congestion => (CallResult::Failed, Cause::SUBSCRIBER_ABSENT),
        Clearing::Unallocated => (CallResult::NotFound, Cause::UNALLOCATED_NUMBER),
    };
    Outcome::new(result, cause)
}

/// A call that is led.
struct Stage<'a, 'w> {
    call: &'a mut Call,
    waiting: &'a mut Waiting<'w>,
    following: &'a Following<'a>,
    /// Keys that were pressed before anybody asked.
    ahead: Vec<char>,
}

/// What came while something was waited for.
enum Came {
    /// What was waited for.
    Awaited,
    Key(char),
}

impl Stage<'_, '_> {
    /// Waits for something, or for the caller's next key.
    async fn until(&mut self, awaited: impl Future<Output = ()> + Send) -> Result<Came, Outcome> {
        tokio::pin!(awaited);
        loop {
            let event = tokio::select! {
                () = &mut awaited => return Ok(Came::Awaited),
                event = leg::event(&mut *self.waiting.participant.leg) => event,
                why = self.call.interrupted() => return Err(self.call.ended_here(why)),
            };
            match event {
                LegEvent::HungUp(cause) | LegEvent::Rejected(cause) => {
                    return Err(ring::gave_up(self.call, cause));
                }
                LegEvent::Digit(key) | LegEvent::MediaDigit(key) | LegEvent::ToneDigit(key) => {
                    return Ok(Came::Key(key));
                }
                LegEvent::MediaTimeout => {
                    self.call.step(Step::MediaLost { from: End::Caller });
                    return Err(Outcome::new(
                        CallResult::Cancelled,
                        Cause::RECOVERY_ON_TIMER_EXPIRY,
                    ));
                }
                LegEvent::Unsecured(fault) => {
                    self.call.step(Step::unsecured(End::Caller, fault));
                    let cause = Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED;
                    return Err(Outcome::new(CallResult::Failed, cause));
                }
                LegEvent::MediaFlow(flow) => {
                    self.waiting.participant.flow = flow;
                    self.call.held(!flow.send);
                }
                LegEvent::Transfer(transfer) => transfer.refuse_as_pending(),
                LegEvent::Attempt(_)
                | LegEvent::Searching
                | LegEvent::Proceeding
                | LegEvent::Ringing
                | LegEvent::Progress
                | LegEvent::Answered
                | LegEvent::Replaced(_)
                | LegEvent::Joined(_)
                | LegEvent::FaxOffered(_)
                | LegEvent::FaxAnswered(_)
                | LegEvent::MachineHeard
                | LegEvent::FaxEnded => {}
            }
        }
    }

    /// Waits so long. Whoever is answered already hears the tone from us.
    async fn hear(&mut self, tone: ProgressTone, time: Duration) -> Result<(), Outcome> {
        let leg = &*self.waiting.participant.leg;
        let _playing = match self.call.is_answered() {
            true => self.call.progress_tone(leg, tone),
            false => None,
        };
        let end = Instant::now() + time;
        while let Came::Key(_) = self.until(sleep_until(end)).await? {}
        Ok(())
    }

    /// The language of what is said to the caller.
    fn language(&self) -> Language {
        let company = self.following.configuration.company();
        let caller = self.waiting.participant.who.extension();
        caller
            .and_then(|extension| extension.language)
            .or(self.call.of_number.language)
            .or(company.map(|company| company.language))
            .unwrap_or(Language::En)
    }

    async fn prompt(&self, say: &Say) -> Option<Arc<Prompt>> {
        let exchange = self.call.exchange();
        match say {
            Say::Own(word) => {
                let prompt = exchange.engine.prompts().get(self.language().tag(), word);
                if prompt.is_none() {
                    tracing::error!(word, "prompt is not installed");
                }
                prompt
            }
            Say::File(id) => self.file(*id).await,
            Say::Spoken(key) => self.piece(key).await,
        }
    }

    async fn file(&self, id: AudioFileId) -> Option<Arc<Prompt>> {
        let file = self.following.configuration.audio_file(id)?;
        self.piece(&file.key).await
    }

    async fn piece(&self, key: &str) -> Option<Arc<Prompt>> {
        self.call.exchange().music.piece_at_hand(key).await
    }
}

impl Switch for Stage<'_, '_> {
    type Taken = Participant;
    type Over = Outcome;

    fn configuration(&self) -> &Arc<Configuration> {
        self.following.configuration
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn caller(&self) -> Option<String> {
        let number = self.waiting.participant.who.party().number;
        Some(number).filter(|number| !number.is_empty())
    }

    fn availability(&self, extension: ExtensionId) -> Availability {
        let exchange = self.call.exchange();
        let enabled = self.following.configuration.extension(extension);
        if !enabled.is_some_and(|one| one.enabled && !one.do_not_disturb) {
            return Availability::Offline;
        }
        let since = exchange.online_since(self.following.configuration, extension);
        let Some(online_since) = since else {
            return Availability::Offline;
        };
        // Who has paused is there, but takes no calls that are led to people (D3).
        let idle = exchange.live.idle_since(extension);
        match idle.filter(|_| !exchange.queues.is_paused_at(extension)) {
            None => Availability::Busy,
            Some(idle) => Availability::Free {
                online_since,
                idle_since: idle.unwrap_or(online_since),
            },
        }
    }

    fn agent_at(&self, extension: ExtensionId) -> Option<UserId> {
        self.call.exchange().queues.agent_at(extension)
    }

    fn is_staffed(&self, queue: &Stored<Queue>) -> bool {
        Queues::is_staffed(self.call.exchange(), queue)
    }

    fn choose(&mut self, among: usize) -> usize {
        rand::random_range(0..among.max(1))
    }

    fn step(&mut self, step: Step) {
        if let Step::Number { number, .. } = &step {
            let numbers = self.following.configuration.catalogue().numbers.iter();
            let number = numbers.filter(|one| one.number == *number).last();
            let queue = self.call.of_number.queue.take();
            self.call.of_number = number.map_or_else(OfNumber::default, |one| OfNumber {
                queue,
                number: Some(one.number.clone()),
                label: one.pass_called_number.then(|| one.label.clone()),
                called: Some(one.label.clone()),
                whisper: one.whisper,
                whisper_text: one.whisper_text.clone(),
                accept_key: one.accept_key.as_ref().and_then(|key| key.chars().next()),
                recording: one.recording,
                recording_notice: one.recording_notice,
                music_class: one.music_class,
                language: one.language,
            });
        }
        if let Step::Queue { queue } = &step {
            self.call.of_number.queue = Some(queue.clone());
        }
        if step == Step::RoundInCircles {
            self.call.goes_round();
        }
        self.call.step(step);
    }

    fn chose(&mut self, key: char) {
        self.call.chose(key);
    }

    async fn answer(&mut self) -> Result<(), Outcome> {
        if self.call.is_answered() {
            return Ok(());
        }
        let participant = &mut self.waiting.participant;
        if let Err(cause) = participant.leg.answer(None) {
            return Err(self.call.refused(Refused::of_media(cause), cause));
        }
        let (record, codec) = (participant.record, participant.leg.codec());
        self.call.step(Step::AnsweredByGateway);
        self.call.answered_by_gateway(record, codec);
        Ok(())
    }

    async fn early(&mut self) -> Result<(), Outcome> {
        let leg = &mut self.waiting.participant.leg;
        if self.call.is_answered() || (leg.progress(None).is_ok() && leg.stream().is_some()) {
            return Ok(());
        }
        self.answer().await
    }

    async fn play(&mut self, say: &[Say], keys: &str) -> Result<Option<char>, Outcome> {
        if let Some(place) = self.ahead.iter().position(|key| keys.contains(*key)) {
            return Ok(self.ahead.drain(..=place).next_back());
        }
        let mut sounds = vec![PAUSE];
        for one in say {
            sounds.extend(self.prompt(one).await.map(Sound::Prompt));
        }
        let playing = match self.waiting.participant.leg.stream() {
            Some(channel) => channel.play(sounds, Repeat::Once),
            None => return Ok(None),
        };
        let mut playing = match playing {
            Ok(playing) => playing,
            Err(error) => {
                tracing::error!(%error, "a caller hears nothing");
                return Ok(None);
            }
        };
        let ends = async move {
            playing.wait().await;
        };
        tokio::pin!(ends);
        loop {
            match self.until(&mut ends).await? {
                Came::Awaited => return Ok(None),
                // Dropping what plays ends it.
                Came::Key(key) if keys.contains(key) => return Ok(Some(key)),
                Came::Key(key) => {
                    if self.ahead.len() < KEYS_AHEAD {
                        self.ahead.push(key);
                    }
                }
            }
        }
    }

    async fn key(&mut self, wait: Duration) -> Result<Option<char>, Outcome> {
        if !self.ahead.is_empty() {
            return Ok(Some(self.ahead.remove(0)));
        }
        match self.until(sleep_until(Instant::now() + wait)).await? {
            Came::Awaited => Ok(None),
            Came::Key(key) => Ok(Some(key)),
        }
    }

    async fn ring(&mut self, who: Vec<Who>, time: Duration) -> Result<Rung<Participant>, Outcome> {
        self.ahead.clear();
        let rung = ring::several(self.call, self.waiting, &who, time, self.following).await;
        match rung {
            Ok(taken) => Ok(Rung::Taken(taken)),
            Err(NotTaken::Over(over)) => Err(over),
            Err(NotTaken::Failed(outcome)) if outcome.result == CallResult::NoAnswer => {
                Ok(Rung::NoAnswer)
            }
            Err(NotTaken::Failed(_)) => Ok(Rung::Refused),
        }
    }

    async fn ring_nobody(&mut self, time: Duration) -> Result<(), Outcome> {
        self.waiting.participant.leg.alert();
        self.hear(ProgressTone::Ringing, time).await
    }

    async fn wait_in_queue(
        &mut self,
        queue: &Arc<Stored<Queue>>,
    ) -> Result<QueueEnd<Participant>, Outcome> {
        Box::pin(queue::wait(self, queue)).await
    }

    async fn leave_message(
        &mut self,
        mailbox: &Arc<Stored<VoicemailBox>>,
        greetings: Greetings,
    ) -> Result<(), Outcome> {
        let (call, who) = (&mut *self.call, &mut *self.waiting.participant);
        let configuration = self.following.configuration;
        let leaving = voicemail::leave_message(call, who, mailbox, greetings, configuration);
        // The call has ended with it.
        Err(Box::pin(leaving).await)
    }

    async fn join_conference(&mut self, room: &Arc<Stored<Conference>>) -> Result<(), Outcome> {
        let (call, who) = (&mut *self.call, &mut *self.waiting.participant);
        let configuration = self.following.configuration;
        let taking_part = conference::join(call, who, room, configuration);
        // The call has ended with it.
        Err(Box::pin(taking_part).await)
    }
}
