//! Keys pressed by those who talk: codes, and the number somebody passes the other one on to (F225, A.4).

use std::time::Duration;

use ramal_media::{Repeat, Sound};
use ramal_model::{AudioFileId, FeatureCode, Language, Pressed};
use tokio::time::{Instant, sleep_until};

use super::participant::Pair;
use super::record::Call;
use super::trace::End;
use super::voicedrop;
use crate::leg::Transfer;

/// The next key of a code must follow within this time.
const CODE_TIME: Duration = Duration::from_secs(3);
/// How long somebody may think before the first key of a number, and between its keys.
const FIRST_KEY: Duration = Duration::from_secs(10);
const NEXT_KEY: Duration = Duration::from_secs(4);
/// Longest number.
const MOST_KEYS: usize = 32;

/// What those who talk are pressing.
#[derive(Default)]
pub(super) struct Keys {
    /// A code that may be coming: whose, what there is of it, and when its last key came.
    code: Option<(End, String, Instant)>,
    /// A number that is coming: whose, what there is of it, and when it is complete.
    number: Option<(End, String, Instant)>,
    /// Whether whoever presses it asks back there, rather than passing the other end on.
    asks_back: bool,
}

/// What a key meant.
pub(super) enum Key {
    /// It is for the other end.
    Passes,
    /// It was for the gateway.
    Kept,
    /// This end passes the other one on.
    Transfers(End, Transfer),
    /// This end asks back at a number.
    Consults(End, String),
    /// This end leaves the other one a message.
    LeavesMessage(End, AudioFileId),
}

impl Keys {
    /// Waits until a number is complete, or nobody presses one.
    pub(super) async fn pause(&self) {
        match &self.number {
            Some((.., until)) => sleep_until(*until).await,
            None => std::future::pending().await,
        }
    }

    /// The time for the next key of a number is over.
    pub(super) fn paused(&mut self, call: &mut Call, pair: &mut Pair) -> Key {
        match self.number.take() {
            Some((_, number, _)) if number.is_empty() => {
                // Both talk on.
                pair.connect(call);
                Key::Kept
            }
            Some((by, number, _)) if self.asks_back => Key::Consults(by, number),
            Some((by, number, _)) => {
                // Who pressed it hears how it goes on.
                let tell = Box::new(|_| {});
                Key::Transfers(by, Transfer::new(number, None, tell))
            }
            None => Key::Kept,
        }
    }

    /// Takes a key.
    pub(super) fn press(&mut self, call: &mut Call, pair: &mut Pair, end: End, key: char) -> Key {
        if let Some((by, number, until)) = &mut self.number {
            if *by != end {
                return Key::Kept;
            }
            match key {
                '#' => return self.paused(call, pair),
                '*' => {
                    self.number = None;
                    pair.connect(call);
                }
                digit if number.len() < MOST_KEYS => {
                    number.push(digit);
                    *until = Instant::now() + NEXT_KEY;
                }
                _ => {}
            }
            return Key::Kept;
        }
        let who = match end {
            End::Caller => &pair.caller.who,
            End::Callee => &pair.callee.who,
        };
        if who.is_external() {
            return Key::Passes;
        }
        match self.asked(call, end, key) {
            Some(FeatureCode::Record) => call.record_on_demand(pair, end),
            Some(feature @ (FeatureCode::BlindTransfer | FeatureCode::AttendedTransfer)) => {
                self.asks_back = feature == FeatureCode::AttendedTransfer;
                self.number = Some((end, String::new(), Instant::now() + FIRST_KEY));
                ask(call, pair, end);
            }
            Some(feature) => {
                let message = voicedrop::by_code(call, who, feature);
                return message.map_or(Key::Passes, |message| Key::LeavesMessage(end, message));
            }
            None => {}
        }
        Key::Passes
    }

    /// What the keys pressed last ask for.
    fn asked(&mut self, call: &Call, end: End, key: char) -> Option<FeatureCode> {
        let configuration = call.exchange().configuration.borrow().clone();
        let codes = configuration.feature_codes();
        let begun = self.code.take();
        let begun = begun.filter(|(by, _, at)| *by == end && at.elapsed() < CODE_TIME);
        let mut keys = begun.map(|(_, keys, _)| keys).unwrap_or_default();
        keys.push(key);
        loop {
            match codes.pressed(&keys) {
                Pressed::Asks(feature) => return Some(feature),
                Pressed::Begins => {
                    self.code = Some((end, keys, Instant::now()));
                    return None;
                }
                Pressed::Nothing => {
                    // A code may begin later in what was pressed.
                    keys.remove(0);
                    if keys.is_empty() {
                        return None;
                    }
                }
            }
        }
    }
}

/// Asks somebody for a number, while the other end hears music.
fn ask(call: &mut Call, pair: &mut Pair, by: End) {
    let configuration = call.exchange().configuration.borrow().clone();
    let company = configuration.company().map(|company| company.language);
    let (who, other) = match by {
        End::Caller => (&mut pair.caller, &mut pair.callee),
        End::Callee => (&mut pair.callee, &mut pair.caller),
    };
    let engine = call.exchange().engine.clone();
    if let Some(channel) = who.leg.stream()
        && let Err(error) = engine.unbridge(channel)
    {
        tracing::error!(%error, "two cannot be parted");
    }
    other.music.start(call, &*other.leg, &who.who);
    let own = who.who.extension().and_then(|extension| extension.language);
    let language = own.or(company).unwrap_or(Language::En);
    let prompt = engine.prompts().get(language.tag(), "enter-number");
    let sounds = prompt.map(|prompt| vec![Sound::Silence { ms: 300 }, Sound::Prompt(prompt)]);
    let playing = who
        .leg
        .stream()
        .zip(sounds)
        .and_then(|(channel, sounds)| channel.play(sounds, Repeat::Once).ok());
    if let Some(playing) = playing {
        playing.detach();
    }
}
