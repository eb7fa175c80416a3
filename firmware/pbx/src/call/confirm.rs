//! Call connect: somebody outside who has answered hears whose call it is, and has it only when he presses a key (F029-F035). A
//! mailbox that answers presses none, and the call goes on ringing.

use std::sync::Arc;
use std::time::Duration;

use ramal_media::{PlayHandle, Repeat, Sound};
use ramal_model::{AudioFileId, Language, LegKind, default_whisper};
use ramal_phrases::Composer;
use tokio::time::Instant;

use super::reach::Waiting;
use super::record::Call;
use super::whisper::Whisper;
use crate::exchange::Exchange;
use crate::leg::Leg;
use crate::lines::answer::{AnswerShown, answer_shown};

/// From the beginning of one playing to that of the next, and how often it is played (F031).
const PERIOD: Duration = Duration::from_secs(10);
const PLAYS: u32 = 2;
/// Before what is said: media takes a moment to arrive.
const PAUSE: Sound = Sound::Silence { ms: 400 };

/// What is asked of somebody outside before he is connected.
#[derive(Clone, Debug)]
pub(super) struct CallConnect {
    /// Whether he has to press a key; none: where it is not known whether somebody has answered.
    pub(super) wanted: Option<bool>,
    /// What he hears; none is the text.
    pub(super) whisper: Option<AudioFileId>,
    /// The text that he hears; none is the gateway's own words.
    pub(super) text: Option<String>,
    /// The key that takes the call; none is any digit (F035).
    pub(super) key: Option<char>,
}

/// What a key does that somebody presses who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pressed {
    /// It takes the call.
    Takes,
    /// It refuses the call.
    Refuses,
    /// Nothing.
    Nothing,
}

/// Somebody who is asked now.
pub(super) struct Asked {
    sounds: Vec<Sound>,
    /// Dropping it ends what he hears.
    _playing: Option<PlayHandle>,
    plays: u32,
    due: Instant,
}

/// What comes when the time for one playing is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// He hears it once more.
    Again,
    /// Nobody is there.
    Over,
}

impl CallConnect {
    /// What a key does.
    pub(super) fn pressed(&self, key: char) -> Pressed {
        match self.key {
            _ if key == '*' => Pressed::Refuses,
            None if key.is_ascii_digit() => Pressed::Takes,
            Some(wanted) if key == wanted => Pressed::Takes,
            None | Some(_) => Pressed::Nothing,
        }
    }

    /// What he is going to hear.
    pub(super) fn asks(&self, call: &Call, waiting: &Waiting<'_>) -> Asks {
        let exchange = call.exchange();
        let configuration = exchange.configuration.borrow().clone();
        let language = call.of_number.language;
        let language = language.unwrap_or_else(|| configuration.spoken_language());
        let caller = &*waiting.participant;
        let file = self.whisper.and_then(|id| configuration.audio_file(id));
        let words = match (&self.text, self.key) {
            (Some(text), _) => Some(Whisper::of_text(call, text, language, caller)),
            (None, Some(key)) => {
                let speech = default_whisper(key.encode_utf8(&mut [0; 4]), language);
                Some(Whisper::of_speech(call, speech, language, caller))
            }
            (None, None) => None,
        };
        Asks {
            exchange: Arc::clone(exchange),
            file: file.map(|file| file.key.clone()),
            words,
            own: own(call, waiting, language),
        }
    }

    /// Whether who is called over this leg has to press a key.
    pub(super) fn is_needed(&self, call: &Call, leg: &dyn Leg) -> bool {
        self.wanted.unwrap_or_else(|| {
            let is_analogue = leg.kind() == LegKind::Line && leg.trunk().is_none();
            let configuration = call.exchange().configuration.borrow();
            is_analogue && answer_shown(&configuration, leg.device()) != AnswerShown::Told
        })
    }
}

impl Asked {
    /// Begins to ask.
    pub(super) fn begin(sounds: Vec<Sound>, leg: &dyn Leg) -> Self {
        Self {
            _playing: play(leg, &sounds),
            sounds,
            plays: 1,
            due: Instant::now() + PERIOD,
        }
    }

    /// When the time for this playing is over.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// The time for this playing is over.
    pub(super) fn go_on(&mut self, leg: &dyn Leg) -> Patience {
        if self.plays >= PLAYS {
            return Patience::Over;
        }
        self.plays += 1;
        self.due = Instant::now() + PERIOD;
        self._playing = play(leg, &self.sounds);
        Patience::Again
    }
}

fn play(leg: &dyn Leg, sounds: &[Sound]) -> Option<PlayHandle> {
    leg.stream()?
        .play(sounds.to_vec(), Repeat::Once)
        .inspect_err(|error| tracing::error!(%error, "somebody called hears no whisper"))
        .ok()
}

/// What somebody hears who is asked: the first of these that there is.
pub(super) struct Asks {
    exchange: Arc<Exchange>,
    /// Key of an audio file.
    file: Option<String>,
    /// Words that are spoken.
    words: Option<Whisper>,
    /// The gateway's own.
    own: Vec<Sound>,
}

impl Asks {
    /// How it sounds.
    pub(super) async fn sounds(self) -> Vec<Sound> {
        if let Some(key) = &self.file
            && let Some(file) = self.exchange.music.piece_at_hand(key).await
        {
            return vec![PAUSE, Sound::Prompt(file)];
        }
        let words = match self.words {
            Some(words) => words.sounds().await,
            None => None,
        };
        words.unwrap_or(self.own)
    }
}

/// The gateway's own words, and who calls.
fn own(call: &Call, waiting: &Waiting<'_>, language: Language) -> Vec<Sound> {
    let exchange = call.exchange();
    let number = waiting.participant.who.party().number;
    let mut words = vec!["take-call".to_owned()];
    if !number.is_empty() && !call.hides_number() {
        words.extend(Composer::new(language).digits(&number));
    }
    let prompts = exchange.engine.prompts();
    let spoken = words
        .iter()
        .filter_map(|word| prompts.get(language.tag(), word))
        .map(Sound::Prompt);
    std::iter::once(PAUSE).chain(spoken).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f035_any_digit_takes_the_call_or_the_one_that_was_chosen_and_the_star_refuses_it() {
        let pressed = |wanted, key| {
            let connect = CallConnect {
                wanted: Some(true),
                whisper: None,
                text: None,
                key: wanted,
            };
            connect.pressed(key)
        };
        for key in '0'..='9' {
            assert_eq!(pressed(None, key), Pressed::Takes);
            let takes = pressed(Some('5'), key) == Pressed::Takes;
            assert_eq!(takes, key == '5', "{key}");
        }
        assert_eq!(pressed(None, '#'), Pressed::Nothing);
        assert_eq!(pressed(Some('#'), '#'), Pressed::Takes);
        for wanted in [None, Some('5')] {
            assert_eq!(pressed(wanted, '*'), Pressed::Refuses);
        }
    }
}
