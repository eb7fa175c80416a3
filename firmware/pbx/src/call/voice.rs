//! How the gateway itself speaks to somebody, and hears what keys he presses.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use ramal_media::{Channel, HandshakeFault, MediaError, PlayHandle, Prompt, Repeat, Sound};
use ramal_model::{AudioFileId, Configuration, Language};
use ramal_phrases::Composer;

use super::participant::Participant;
use super::record::Call;
use super::trace::{End, EndedHere, Refused, Step};
use super::{Caller, Outcome};
use crate::leg::{self, Cause, Leg, LegEvent};

/// Before every phrase: media takes a moment to arrive at first, and phrases are apart later.
const PAUSE: Sound = Sound::Silence { ms: 400 };
/// How long after one key of a number the next may come.
const NEXT_KEY: Duration = Duration::from_secs(5);

/// Why the gateway stopped speaking to somebody.
pub(super) enum Interrupted {
    /// He hung up.
    HungUp(Cause),
    /// No more media comes from him.
    MediaLost,
    /// There are no keys for his media.
    Unsecured(HandshakeFault),
    /// Somebody else ended the call.
    EndedHere(EndedHere),
    /// The media engine refused.
    Media(MediaError),
}

impl Interrupted {
    /// Writes down how the call ended by it.
    pub(super) fn outcome(self, call: &mut Call) -> Outcome {
        match self {
            Self::HungUp(cause) => {
                call.step(Step::HungUp { by: End::Caller });
                Outcome::cleared_by(cause)
            }
            Self::MediaLost => {
                call.step(Step::MediaLost { from: End::Caller });
                Outcome::cleared_by(Cause::RECOVERY_ON_TIMER_EXPIRY)
            }
            Self::Unsecured(fault) => {
                call.step(Step::unsecured(End::Caller, fault));
                Outcome::cleared_by(Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED)
            }
            Self::EndedHere(why) => call.ended_here(why),
            Self::Media(error) => {
                tracing::error!(%error, "a service cannot speak");
                Outcome::cleared_by(Cause::RESOURCE_UNAVAILABLE)
            }
        }
    }
}

/// What came first.
pub(super) enum Heard<T> {
    /// What was waited for.
    Done(T),
    /// A key.
    Key(char),
}

/// Takes the call of somebody whom the gateway itself is going to speak to, unless that was done before.
pub(super) fn answer(call: &mut Call, participant: &mut Participant) -> Result<(), Outcome> {
    let leg = &mut *participant.leg;
    if let Err(cause) = leg.answer(None) {
        return Err(call.refused(Refused::of_media(cause), cause));
    }
    call.step(Step::AnsweredByGateway);
    Ok(())
}

/// Speaks to somebody in his language.
pub(super) struct Voice<'a> {
    pub(super) call: &'a mut Call,
    pub(super) leg: &'a mut dyn Leg,
    pub(super) language: Language,
    time_zone: TimeZone,
}

impl<'a> Voice<'a> {
    pub(super) fn new(
        call: &'a mut Call,
        leg: &'a mut dyn Leg,
        caller: &Caller,
        configuration: &Configuration,
    ) -> Self {
        let company = configuration.company();
        let time_zone = company.and_then(|company| {
            TimeZone::get(&company.time_zone)
                .inspect_err(|error| tracing::error!(%error, "the company's time zone is unknown"))
                .ok()
        });
        let language = caller
            .extension()
            .and_then(|extension| extension.language)
            .or(call.of_number.language)
            .or(company.map(|company| company.language))
            .unwrap_or(Language::En);
        Self {
            call,
            leg,
            language,
            time_zone: time_zone.unwrap_or(TimeZone::UTC),
        }
    }

    pub(super) fn composer(&self) -> Composer {
        Composer::new(self.language)
    }

    /// The company's time zone.
    pub(super) fn time_zone(&self) -> &TimeZone {
        &self.time_zone
    }

    /// His end of the media.
    pub(super) fn channel(&self) -> Result<&Channel, Interrupted> {
        self.leg
            .stream()
            .ok_or(Interrupted::Media(MediaError::Stopped))
    }

    /// Says prompts one after the other. One that is not installed is left out.
    pub(super) async fn say(&mut self, words: &[impl AsRef<str>]) -> Result<(), Interrupted> {
        let sounds = self.words(words);
        self.play(sounds).await
    }

    /// Plays sounds to their end.
    pub(super) async fn play(&mut self, sounds: Vec<Sound>) -> Result<(), Interrupted> {
        let mut playing = self.start(sounds)?;
        self.wait(played(&mut playing)).await
    }

    /// Plays sounds until their end or a key.
    pub(super) async fn play_until_key(
        &mut self,
        sounds: Vec<Sound>,
    ) -> Result<Option<char>, Interrupted> {
        let mut playing = self.start(sounds)?;
        match self.until_key(played(&mut playing)).await? {
            Heard::Done(()) => Ok(None),
            Heard::Key(key) => Ok(Some(key)),
        }
    }

    /// Says prompts and waits for a key, which ends them; none when none comes for so long after them.
    pub(super) async fn ask(
        &mut self,
        words: &[impl AsRef<str>],
        patience: Duration,
    ) -> Result<Option<char>, Interrupted> {
        let sounds = self.words(words);
        if let Some(key) = self.play_until_key(sounds).await? {
            return Ok(Some(key));
        }
        self.key_within(patience).await
    }

    /// Says prompts and takes a number of up to `most` digits, which `#` or a pause ends. Blank when nothing was pressed.
    pub(super) async fn ask_number(
        &mut self,
        words: &[impl AsRef<str>],
        patience: Duration,
        most: usize,
    ) -> Result<String, Interrupted> {
        let mut number = String::new();
        let mut key = self.ask(words, patience).await?;
        while let Some(pressed) = key {
            if pressed == '#' {
                break;
            }
            number.push(pressed);
            if number.len() >= most {
                break;
            }
            key = self.key_within(NEXT_KEY).await?;
        }
        Ok(number)
    }

    /// The next key, if one comes soon enough.
    pub(super) async fn key_within(
        &mut self,
        patience: Duration,
    ) -> Result<Option<char>, Interrupted> {
        match self.until_key(tokio::time::sleep(patience)).await? {
            Heard::Done(()) => Ok(None),
            Heard::Key(key) => Ok(Some(key)),
        }
    }

    /// What prompts sound like. One that is not installed is left out.
    pub(super) fn words(&self, words: &[impl AsRef<str>]) -> Vec<Sound> {
        let mut sounds = vec![PAUSE];
        sounds.extend(
            words
                .iter()
                .filter_map(|word| self.prompt(word.as_ref()).map(Sound::Prompt)),
        );
        sounds
    }

    fn start(&mut self, sounds: Vec<Sound>) -> Result<PlayHandle, Interrupted> {
        self.channel()?
            .play(sounds, Repeat::Once)
            .map_err(Interrupted::Media)
    }

    fn prompt(&self, word: &str) -> Option<Arc<Prompt>> {
        let prompt = self
            .call
            .exchange()
            .engine
            .prompts()
            .get(self.language.tag(), word);
        if prompt.is_none() {
            tracing::error!(
                language = self.language.tag(),
                word,
                "prompt is not installed"
            );
        }
        prompt
    }

    /// Opens a file that is to be played; none, with the reason in the log, when it cannot be.
    pub(super) async fn open(&mut self, path: PathBuf) -> Result<Option<Sound>, Interrupted> {
        let engine = self.call.exchange().engine.clone();
        let opening = tokio::task::spawn_blocking(move || {
            engine
                .open_prompt(&path)
                .inspect_err(|error| tracing::error!(%error, "a file cannot be played"))
                .ok()
        });
        let opened = self.wait(opening).await?;
        Ok(opened.ok().flatten().map(Sound::Prompt))
    }

    /// Opens an audio file of the configuration.
    pub(super) async fn open_audio(
        &mut self,
        configuration: &Configuration,
        id: AudioFileId,
    ) -> Result<Option<Sound>, Interrupted> {
        let key = configuration.audio_file(id).map(|file| file.key.clone());
        let path = key.and_then(|key| self.call.exchange().music.audio_file(&key));
        match path {
            Some(path) => self.open(path).await,
            None => Ok(None),
        }
    }

    /// Waits for something while he is there.
    pub(super) async fn wait<F: Future>(&mut self, future: F) -> Result<F::Output, Interrupted> {
        let mut future = pin!(future);
        loop {
            if let Heard::Done(output) = self.until_key(&mut future).await? {
                return Ok(output);
            }
        }
    }

    /// Waits for something or a key while he is there.
    pub(super) async fn until_key<F: Future>(
        &mut self,
        future: F,
    ) -> Result<Heard<F::Output>, Interrupted> {
        let mut future = pin!(future);
        loop {
            tokio::select! {
                output = &mut future => return Ok(Heard::Done(output)),
                event = leg::event(&mut *self.leg) => if let Some(key) = self.event(event)? {
                    return Ok(Heard::Key(key));
                },
                why = self.call.interrupted() => return Err(Interrupted::EndedHere(why)),
            }
        }
    }

    /// Takes what his leg reports; the key when it is one.
    fn event(&mut self, event: LegEvent) -> Result<Option<char>, Interrupted> {
        match event {
            LegEvent::HungUp(cause) | LegEvent::Rejected(cause) => {
                return Err(Interrupted::HungUp(cause));
            }
            LegEvent::MediaTimeout => return Err(Interrupted::MediaLost),
            LegEvent::Unsecured(fault) => return Err(Interrupted::Unsecured(fault)),
            LegEvent::Digit(key) | LegEvent::MediaDigit(key) | LegEvent::ToneDigit(key) => {
                return Ok(Some(key));
            }
            LegEvent::MediaFlow(flow) => self.call.held(!flow.send),
            LegEvent::Transfer(transfer) => transfer.refuse_as_pending(),
            LegEvent::Attempt(_)
            | LegEvent::Searching
            | LegEvent::Proceeding
            | LegEvent::Ringing
            | LegEvent::Replaced(_)
            | LegEvent::Joined(_)
            | LegEvent::Progress
            | LegEvent::Answered
            | LegEvent::FaxOffered(_)
            | LegEvent::FaxAnswered(_)
            | LegEvent::MachineHeard
            | LegEvent::FaxEnded => {}
        }
        Ok(None)
    }
}

async fn played(playing: &mut PlayHandle) {
    playing.wait().await;
}
