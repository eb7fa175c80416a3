//! Call connect: somebody outside who has answered hears whose call it is, and has it only when he presses a key (F029-F035). A
//! mailbox that answers presses none, and the call goes on ringing.

use std::time::Duration;

use ramal_media::{PlayHandle, Repeat, Sound};
use ramal_model::{AudioFileId, Language, LegKind};
use ramal_phrases::Composer;
use tokio::time::Instant;

use super::reach::Waiting;
use super::record::Call;
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
    /// What he hears; none is the gateway's own.
    pub(super) whisper: Option<AudioFileId>,
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
    pub(super) fn begin(
        call: &Call,
        waiting: &Waiting<'_>,
        connect: &CallConnect,
        leg: &dyn Leg,
    ) -> Self {
        let sounds = sounds(call, waiting, connect);
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

fn sounds(call: &Call, waiting: &Waiting<'_>, connect: &CallConnect) -> Vec<Sound> {
    let exchange = call.exchange();
    let configuration = exchange.configuration.borrow().clone();
    let own = connect
        .whisper
        .and_then(|id| configuration.audio_file(id))
        .and_then(|file| exchange.music.piece(&file.key));
    if let Some(own) = own {
        return vec![PAUSE, Sound::Prompt(own)];
    }
    let company = configuration.company().map(|company| company.language);
    let language = call.of_number.language.or(company);
    let language = language.unwrap_or(Language::En);
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
