//! What the gateway itself says and does: echo test, speaking clock, own number, voicemail.

use jiff::Timestamp;
use ramal_media::MediaError;
use ramal_model::Configuration;
use ramal_store::CallFilter;

use super::Caller;
use super::Outcome;
use super::participant::Participant;
use super::record::Call;
use super::routing::{self, Route};
use super::trace::{EndedHere, Feature};
use super::voice::{self, Interrupted, Voice};
use super::voicemail::{self, Whose};
use crate::exchange::Exchange;

/// How often the clock tells the time before it hangs up.
const CLOCK_REPEATS: usize = 3;
/// Calls that are looked through for the last caller.
const RECENT: u32 = 200;

/// How a service ended.
pub(super) enum Served {
    /// The call is over.
    Over(Outcome),
    /// He wants this number to be called now.
    CallOn(String),
}

/// Answers the caller and lets the service talk to it.
pub(super) async fn run(
    call: &mut Call,
    participant: &mut Participant,
    feature: Feature,
    configuration: &Configuration,
) -> Served {
    if let Err(refused) = voice::answer(call, participant) {
        return Served::Over(refused);
    }
    call.service(feature);
    let Participant {
        leg, who, record, ..
    } = participant;
    call.answered(*record, None, leg.codec());
    let mut voice = Voice::new(call, &mut **leg, who, configuration);
    let ended = match feature {
        Feature::Echo => echo(&mut voice).await,
        Feature::SpeakingClock => speaking_clock(&mut voice).await,
        Feature::SayNumber => say_number(&mut voice, &who.party().number).await,
        Feature::OwnVoicemail | Feature::AnyVoicemail => {
            let whose = match feature {
                Feature::OwnVoicemail => Whose::Own,
                _ => Whose::Any,
            };
            match Box::pin(voicemail::listen(&mut voice, whose, who, configuration)).await {
                Ok(Some(number)) => return Served::CallOn(number),
                Ok(None) => Ok(()),
                Err(interrupted) => Err(interrupted),
            }
        }
        Feature::CallBack => match last_caller(&mut voice, who, configuration).await {
            Ok(Some(number)) => return Served::CallOn(number),
            Ok(None) => voice.say(&["no-last-caller"]).await,
            Err(interrupted) => Err(interrupted),
        },
        // What is set says one sentence, in `setting_code`.
        Feature::ForwardAll
        | Feature::ForwardAllOff
        | Feature::ForwardBusy
        | Feature::ForwardBusyOff
        | Feature::ForwardNoAnswer
        | Feature::ForwardNoAnswerOff
        | Feature::DoNotDisturb
        | Feature::DoNotDisturbOff
        | Feature::TimeOverride => Ok(()),
        // Calls wait in slots in `park` and are supervised in `third`; who is spoken to is rung.
        Feature::Park | Feature::ParkSlot | Feature::Supervise | Feature::Intercom => Ok(()),
        // What agents do says one sentence, in `agent_code`.
        Feature::AgentLogin | Feature::AgentPause => Ok(()),
    };
    Served::Over(match ended {
        Ok(()) => call.ended_here(EndedHere::Finished),
        Err(interrupted) => interrupted.outcome(call),
    })
}

/// The number of whoever called this extension last, as it is dialled here; none when nobody did or he withheld it.
async fn last_caller(
    voice: &mut Voice<'_>,
    who: &Caller,
    configuration: &Configuration,
) -> Result<Option<String>, Interrupted> {
    let own = who.party().number;
    let extension = who.extension();
    let user = extension.and_then(|extension| configuration.user_at(extension.id));
    // Calls from outside have the company's number in their record, and the extension in a leg only.
    let filter = CallFilter {
        limit: Some(RECENT),
        users: user.map(|user| vec![user.id]),
        ..CallFilter::default()
    };
    let store = voice.call.exchange().store.clone();
    let calls = voice.wait(store.calls(filter)).await?;
    let calls = calls
        .inspect_err(|error| tracing::error!(%error, "calls cannot be read"))
        .unwrap_or_default();
    let id = voice.call.id();
    let last = calls.iter().find(|call| {
        let rang = call.legs.iter().any(|leg| leg.party == own);
        let called = call.callee.number == own || rang;
        call.id != *id && called && call.caller.number != own
    });
    let exchange = voice.call.exchange();
    Ok(last.and_then(|call| as_dialled(configuration, exchange, who, &call.caller.number)))
}

/// A caller's number as somebody has to dial it to be led outside; none for what is no number.
pub(super) fn as_dialled(
    configuration: &Configuration,
    exchange: &Exchange,
    who: &Caller,
    number: &str,
) -> Option<String> {
    if configuration.who_has(number).is_some() {
        return Some(number.to_owned());
    }
    let digits = number.strip_prefix('+').unwrap_or(number);
    if digits.is_empty() || !digits.bytes().all(|key| key.is_ascii_digit()) {
        return None;
    }
    // Without rules, numbers outside begin with 0, and go out as they came in.
    let plainly = format!("0{digits}");
    let routes = &configuration.catalogue().outbound_routes;
    if !routes.iter().any(|route| route.enabled) {
        return Some(plainly);
    }
    let company = configuration.company();
    let ways = company.map_or_else(Vec::new, |company| company.ways_to_dial(number));
    let is_the_same = configuration.e164(digits) == configuration.e164(number);
    let as_it_came = [digits.to_owned(), plainly.clone()];
    let as_it_came = as_it_came.into_iter().filter(|_| is_the_same);
    let with_zero: Vec<_> = ways.iter().map(|way| format!("0{way}")).collect();
    let leads_out = |way: &String| {
        let route = routing::route(configuration, exchange, who, way, |_| {});
        matches!(route, Route::Outside { .. })
    };
    let mut all = ways.into_iter().chain(as_it_came).chain(with_zero);
    Some(all.find(leads_out).unwrap_or(plainly))
}

/// Sends back what comes, until the caller hangs up.
async fn echo(voice: &mut Voice<'_>) -> Result<(), Interrupted> {
    voice.say(&["echo-intro"]).await?;
    let echo: Result<(), MediaError> = voice.channel()?.echo();
    echo.map_err(Interrupted::Media)?;
    voice.wait(std::future::pending()).await
}

/// Tells the company's time, and once the date.
async fn speaking_clock(voice: &mut Voice<'_>) -> Result<(), Interrupted> {
    for repeat in 0..CLOCK_REPEATS {
        let now = Timestamp::now().to_zoned(voice.time_zone().clone());
        let mut words = voice.composer().time_now(now.time());
        if repeat == 0 {
            words.extend(voice.composer().date_today(now.date()));
        }
        voice.say(&words).await?;
    }
    voice.say(&["goodbye"]).await
}

/// Says the caller's number digit by digit.
async fn say_number(voice: &mut Voice<'_>, number: &str) -> Result<(), Interrupted> {
    let mut words = vec!["your-number-is".to_owned()];
    words.extend(voice.composer().digits(number));
    voice.say(&words).await?;
    voice.say(&["goodbye"]).await
}
