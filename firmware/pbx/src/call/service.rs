//! What the gateway itself says: echo test, speaking clock, own number.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ramal_media::{Channel, HandshakeFault, MediaError, PlayHandle, Prompt, Repeat, Sound};
use ramal_model::{Configuration, Language};
use ramal_phrases::Composer;

use super::participant::Participant;
use super::record::Call;
use super::trace::{End, EndedHere, Feature, Refused, Step};
use super::{Caller, Outcome};
use crate::leg::{self, Cause, Leg, LegEvent};

/// How often the clock tells the time before it hangs up.
const CLOCK_REPEATS: usize = 3;
/// Before every phrase: media takes a moment to arrive at first, and phrases are apart later.
const PAUSE: Sound = Sound::Silence { ms: 400 };

/// Answers the caller and lets the service talk to it.
pub(super) async fn run(
    call: &mut Call,
    Participant {
        leg,
        who: caller,
        record,
        ..
    }: &mut Participant,
    feature: Feature,
    configuration: &Configuration,
) -> Outcome {
    let leg = &mut **leg;
    if let Err(cause) = leg.answer(None) {
        return call.refused(Refused::of_media(cause), cause);
    }
    call.step(Step::AnsweredByGateway);
    call.service(feature);
    call.answered(*record, None, leg.codec());
    let mut voice = Voice::new(call, caller, configuration);
    let ended = match feature {
        Feature::Echo => echo(&mut voice, leg).await,
        Feature::SpeakingClock => speaking_clock(&mut voice, leg).await,
        Feature::SayNumber => say_number(&mut voice, leg, &caller.party().number).await,
    };
    match ended {
        Ok(()) => call.ended_here(EndedHere::Finished),
        Err(Interrupted::HungUp(cause)) => {
            call.step(Step::HungUp { by: End::Caller });
            Outcome::cleared_by(cause)
        }
        Err(Interrupted::MediaLost) => {
            call.step(Step::MediaLost { from: End::Caller });
            Outcome::cleared_by(Cause::RECOVERY_ON_TIMER_EXPIRY)
        }
        Err(Interrupted::Unsecured(fault)) => {
            call.step(Step::unsecured(End::Caller, fault));
            Outcome::cleared_by(Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED)
        }
        Err(Interrupted::EndedHere(why)) => call.ended_here(why),
        Err(Interrupted::Media(error)) => {
            tracing::error!(%error, "a service cannot speak");
            Outcome::cleared_by(Cause::RESOURCE_UNAVAILABLE)
        }
    }
}

/// Sends back what comes, until the caller hangs up.
async fn echo(voice: &mut Voice<'_>, leg: &mut dyn Leg) -> Result<(), Interrupted> {
    voice.say(leg, &["echo-intro"]).await?;
    channel(leg)?.echo().map_err(Interrupted::Media)?;
    loop {
        voice.wait(leg, std::future::pending()).await?;
    }
}

/// Tells the company's time, and once the date.
async fn speaking_clock(voice: &mut Voice<'_>, leg: &mut dyn Leg) -> Result<(), Interrupted> {
    for repeat in 0..CLOCK_REPEATS {
        let now = Timestamp::now().to_zoned(voice.time_zone.clone());
        let mut words = voice.composer().time_now(now.time());
        if repeat == 0 {
            words.extend(voice.composer().date_today(now.date()));
        }
        voice.say(leg, &words).await?;
    }
    voice.say(leg, &["goodbye"]).await
}

/// Says the caller's number digit by digit.
async fn say_number(
    voice: &mut Voice<'_>,
    leg: &mut dyn Leg,
    number: &str,
) -> Result<(), Interrupted> {
    let mut words = vec!["your-number-is".to_owned()];
    words.extend(voice.composer().digits(number));
    voice.say(leg, &words).await?;
    voice.say(leg, &["goodbye"]).await
}

/// Why a service stopped before its end.
pub(super) enum Interrupted {
    /// The caller hung up.
    HungUp(Cause),
    /// No more media comes from the caller.
    MediaLost,
    /// There are no keys for the caller's media.
    Unsecured(HandshakeFault),
    /// Somebody else ended the call.
    EndedHere(EndedHere),
    /// The media engine refused.
    Media(MediaError),
}

/// Speaks to a caller in his language.
struct Voice<'a> {
    call: &'a mut Call,
    language: Language,
    time_zone: TimeZone,
}

impl<'a> Voice<'a> {
    fn new(call: &'a mut Call, caller: &Caller, configuration: &Configuration) -> Self {
        let company = configuration.company();
        let time_zone = company.and_then(|company| {
            TimeZone::get(&company.time_zone)
                .inspect_err(|error| tracing::error!(%error, "the company's time zone is unknown"))
                .ok()
        });
        Self {
            call,
            language: caller
                .extension()
                .and_then(|extension| extension.language)
                .or(company.map(|company| company.language))
                .unwrap_or(Language::En),
            time_zone: time_zone.unwrap_or(TimeZone::UTC),
        }
    }

    fn composer(&self) -> Composer {
        Composer::new(self.language)
    }

    /// Says prompts one after the other. One that is not installed is left out.
    async fn say(
        &mut self,
        leg: &mut dyn Leg,
        words: &[impl AsRef<str>],
    ) -> Result<(), Interrupted> {
        let mut sounds = vec![PAUSE];
        sounds.extend(
            words
                .iter()
                .filter_map(|word| self.prompt(word.as_ref()).map(Sound::Prompt)),
        );
        let mut playing = channel(leg)?
            .play(sounds, Repeat::Once)
            .map_err(Interrupted::Media)?;
        self.wait(leg, played(&mut playing)).await
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

    /// Waits for something while the caller is there.
    async fn wait(
        &mut self,
        leg: &mut dyn Leg,
        end: impl Future<Output = ()>,
    ) -> Result<(), Interrupted> {
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return Ok(()),
                event = leg::event(leg) => match event {
                    LegEvent::HungUp(cause) | LegEvent::Rejected(cause) => {
                        return Err(Interrupted::HungUp(cause));
                    }
                    LegEvent::MediaTimeout => return Err(Interrupted::MediaLost),
                    LegEvent::Unsecured(fault) => return Err(Interrupted::Unsecured(fault)),
                    LegEvent::MediaFlow(flow) => self.call.held(!flow.send),
                    LegEvent::Transfer(transfer) => transfer.refuse_as_pending(),
                    LegEvent::Attempt(_)
                    | LegEvent::Searching
                    | LegEvent::Proceeding
                    | LegEvent::Ringing
                    | LegEvent::Replaced(_)
                    | LegEvent::Progress
                    | LegEvent::Answered
                    | LegEvent::Digit(_)
                    | LegEvent::FaxOffered(_)
                    | LegEvent::FaxAnswered(_)
                    | LegEvent::FaxEnded
                    | LegEvent::MediaDigit(_)
                    | LegEvent::ToneDigit(_) => {}
                },
                why = self.call.interrupted() => return Err(Interrupted::EndedHere(why)),
            }
        }
    }
}

async fn played(playing: &mut PlayHandle) {
    playing.wait().await;
}

fn channel(leg: &dyn Leg) -> Result<&Channel, Interrupted> {
    leg.stream().ok_or(Interrupted::Media(MediaError::Stopped))
}
