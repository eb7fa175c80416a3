//! Call-progress tones: which one an exchange sends, by its frequencies and its rhythm.
//!
//! [`Segmenter`](segment) cuts what is heard into sound and pause and tells for each piece of sound how
//! well frequencies explain it. [`ProgressDetector`] compares the last pieces with the country's tones
//! and with a cadence learned from the line, and offers any other that repeats for learning.

mod learner;
mod meter;
mod rhythm;
mod segment;

pub use learner::HangUpToneLearner;
pub use meter::{MeasuredCadence, SteadyTone, ToneMeter};

use rhythm::Rhythm;
use segment::{Piece, Segmenter};

use crate::{CadencedTone, CountryTones};

/// A cadence that was heard on a line and is to be known again, for the line's settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearnedCadence {
    /// Its frequencies in Hz; the second is 0 for a single one.
    pub frequencies: [f32; 2],
    /// Sound in milliseconds.
    pub on_ms: u32,
    /// Pause in milliseconds.
    pub off_ms: u32,
}

/// A call-progress tone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ProgressTone {
    /// Dial now; also stutter dial tone.
    Dial,
    /// The called party is being alerted.
    Ringback,
    /// The called party is busy, or has hung up.
    Busy,
    /// No way to the called party.
    Congestion,
    /// The cadence that was learned as this line's busy tone.
    Learned,
    /// None of these, but it repeats: what [`ProgressDetector::new`] takes as learned.
    Unknown(LearnedCadence),
}

/// A tone that has been recognised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProgressEvent {
    /// Which one.
    pub tone: ProgressTone,
    /// 0 to 1, from how many pieces fit and how pure they are.
    pub confidence: f32,
}

/// Pieces kept for comparison; a congestion tone has up to eight in one repetition.
const PIECES: usize = 24;
/// Part of a piece's sound that is tone.
const TONALITY: f32 = 0.7;
/// Part of it that the expected frequencies explain.
const EXPLAINED: f32 = 0.9;
/// Pieces that must fit in a row: two of sound and two of pause.
const LEAST: usize = 4;
/// Pieces in a row that make an unknown cadence: three of each.
const UNKNOWN: usize = 6;
/// Continuous sound that is dial tone lasts longer than any other tone's sound by this, ms.
const LONGER_MS: u32 = 400;

#[derive(Clone, Debug)]
struct Known {
    tone: ProgressTone,
    rhythm: Rhythm,
    frequencies: [f32; 2],
    /// Pieces in a row that tell it from the others.
    needed: usize,
}

/// Recognises the tones of one country and line in blocks of any size.
#[derive(Clone, Debug)]
pub struct ProgressDetector {
    segmenter: Segmenter,
    known: [Option<Known>; 6],
    dial: [f32; 2],
    dial_ms: u32,
    /// The last pieces, newest first, and how many there were.
    pieces: [Option<Piece>; PIECES],
    heard: u32,
    /// What was told last and still sounds.
    told: Option<ProgressTone>,
}

fn pair(tone: &CadencedTone) -> [f32; 2] {
    let mut pair = [0.0; 2];
    let frequencies = tone.steps.first().map_or(&[][..], |step| step.frequencies);
    for (place, &frequency) in pair.iter_mut().zip(frequencies) {
        *place = frequency as f32;
    }
    pair
}

impl ProgressDetector {
    /// A detector of a country's tones and of the busy tone learned from this line.
    #[must_use]
    pub fn new(tones: &CountryTones, learned: Option<LearnedCadence>) -> Self {
        let known = |tone, cadence: &CadencedTone| {
            Rhythm::of(cadence).map(|rhythm| Known {
                tone,
                rhythm,
                frequencies: pair(cadence),
                needed: LEAST,
            })
        };
        let learned = learned.map(|learned| Known {
            tone: ProgressTone::Learned,
            rhythm: Rhythm::repeated(learned.on_ms, learned.off_ms),
            frequencies: learned.frequencies,
            needed: LEAST,
        });
        // In the order in which equal tones count: where busy and congestion are one, it is busy.
        let mut known = [
            learned,
            known(ProgressTone::Busy, &tones.busy),
            known(ProgressTone::Congestion, &tones.congestion),
            known(ProgressTone::Ringback, &tones.ringback),
            known(ProgressTone::Dial, &tones.stutter_dial),
            None,
        ];
        let rhythms = known.clone();
        for known in known.iter_mut().flatten() {
            let others = rhythms.iter().flatten();
            let alike = others
                .filter(|other| other.tone != known.tone)
                .map(|other| known.rhythm.longest_in(&other.rhythm))
                .filter(|&run| run < PIECES / 2);
            known.needed = known.needed.max(alike.max().unwrap_or(0) + 1);
            if known.rhythm.period_ms() >= 3_000 && known.needed == LEAST {
                // Two rings would take ten seconds; sound, pause and sound again are enough.
                known.needed = LEAST - 1;
            }
        }
        let longest = rhythms
            .iter()
            .flatten()
            .map(|known| known.rhythm.longest_sound());
        ProgressDetector {
            segmenter: Segmenter::new(),
            dial: pair(&tones.dial),
            dial_ms: longest.max().unwrap_or(1_000).max(1_000) + LONGER_MS,
            known,
            pieces: [None; PIECES],
            heard: 0,
            told: None,
        }
    }

    /// Pieces of sound and of pause that were heard so far, beginning anew after the highest number.
    #[must_use]
    pub fn pieces_heard(&self) -> u32 {
        self.heard
    }

    /// The tone of sound and pause, of this country or of any, that was heard last three times in a row.
    #[must_use]
    pub fn repeating(&self) -> Option<LearnedCadence> {
        repeated(&self.pieces)
    }

    /// Whether the tone that was told last is one of the country or of the line, and no [`ProgressTone::Unknown`].
    #[must_use]
    pub fn knows(&self) -> bool {
        !matches!(self.told, None | Some(ProgressTone::Unknown(_)))
    }

    /// Whether there is a pause now.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.segmenter
            .current()
            .is_none_or(|piece| piece.sound.is_none())
    }

    /// Busy, congestion and the learned tone count only after so many repetitions, as far as they are kept (24 parts):
    /// for lines on which music or voices imitate them.
    #[must_use]
    pub fn with_repetitions(mut self, repetitions: usize) -> Self {
        for known in self.known.iter_mut().flatten() {
            if !matches!(known.tone, ProgressTone::Ringback | ProgressTone::Dial) {
                // The last pause need not have ended.
                let pieces = (repetitions * known.rhythm.parts()).saturating_sub(1);
                known.needed = known.needed.max(pieces.min(PIECES - 1));
            }
        }
        self
    }

    /// Begins anew: another call.
    pub fn reset(&mut self) {
        self.segmenter = Segmenter::new();
        self.pieces = [None; PIECES];
        self.told = None;
    }

    /// Takes in the next samples; tells each tone once when it is recognised, and again after another
    /// sound has come between.
    pub fn process(&mut self, block: &[i16], mut on_event: impl FnMut(ProgressEvent)) {
        let mut rest = block;
        while !rest.is_empty() {
            let (piece, left) = self.segmenter.feed(rest);
            rest = left;
            let event = match piece {
                Some(piece) => {
                    self.pieces.rotate_right(1);
                    self.pieces[0] = Some(piece);
                    self.heard = self.heard.wrapping_add(1);
                    self.judge()
                }
                None => self.continuous(),
            };
            if let Some(event) = event {
                self.told = Some(event.tone);
                on_event(event);
            }
        }
    }

    /// Dial tone does not end: judged while it sounds.
    fn continuous(&mut self) -> Option<ProgressEvent> {
        let current = self.segmenter.current()?;
        if current.milliseconds < self.dial_ms || self.told == Some(ProgressTone::Dial) {
            return None;
        }
        let spectrum = current.sound?;
        let explained = spectrum.explained(self.dial);
        (explained > EXPLAINED && spectrum.tonality(self.dial) > TONALITY).then_some(
            ProgressEvent {
                tone: ProgressTone::Dial,
                confidence: explained,
            },
        )
    }

    fn judge(&mut self) -> Option<ProgressEvent> {
        let mut best: Option<(usize, ProgressEvent)> = None;
        for known in self.known.iter().flatten() {
            let fits = |piece: &Piece| match piece.sound {
                Some(sound) => {
                    sound.tonality(known.frequencies) > TONALITY
                        && sound.explained(known.frequencies) > EXPLAINED
                }
                None => true,
            };
            let run = known.rhythm.run(&self.pieces, fits);
            if run >= known.needed && best.is_none_or(|(longest, _)| run > longest) {
                let event = ProgressEvent {
                    tone: known.tone,
                    confidence: (0.6 + 0.4 * run as f32 / (2 * known.needed) as f32).min(1.0),
                };
                best = Some((run, event));
            }
        }
        let event = match best {
            Some((_, event)) => Some(event),
            None => repeated(&self.pieces).map(|cadence| ProgressEvent {
                tone: ProgressTone::Unknown(cadence),
                confidence: 0.8,
            }),
        };
        let same = |a: ProgressTone, b: ProgressTone| match (a, b) {
            (ProgressTone::Unknown(_), ProgressTone::Unknown(_)) => true,
            (a, b) => a == b,
        };
        match (event, self.told) {
            (None, _) => {
                // A single odd piece, a click in a pause, ends nothing; silence does.
                if self.pieces[0].is_some_and(|piece| piece.milliseconds > 8_000) {
                    self.told = None;
                }
                None
            }
            (Some(event), Some(told)) if same(event.tone, told) => None,
            (event, _) => event,
        }
    }
}

/// Sound and pause of equal lengths again and again, of the same frequencies, in the newest pieces.
fn repeated(pieces: &[Option<Piece>; PIECES]) -> Option<LearnedCadence> {
    let mut sums = [0u32; 2];
    let first = |sound: bool| {
        let mut pieces = pieces.iter().take(UNKNOWN).flatten();
        pieces.find(|piece| piece.sound.is_some() == sound)
    };
    let (on, off) = (first(true)?, first(false)?);
    let frequencies = on.sound?.frequencies()?;
    for piece in &pieces[..UNKNOWN] {
        let piece = (*piece)?;
        let like = if piece.sound.is_some() { on } else { off };
        let steady = match piece.sound {
            Some(sound) => {
                sound.tonality(frequencies) > TONALITY && sound.explained(frequencies) > EXPLAINED
            }
            None => true,
        };
        let near = piece.milliseconds.abs_diff(like.milliseconds) <= 20 + like.milliseconds / 20;
        if !steady || !near || !(60..=6_000).contains(&piece.milliseconds) {
            return None;
        }
        sums[usize::from(piece.sound.is_none())] += piece.milliseconds;
    }
    Some(LearnedCadence {
        frequencies,
        on_ms: sums[0] / (UNKNOWN as u32 / 2),
        off_ms: sums[1] / (UNKNOWN as u32 / 2),
    })
}

/// Whether a spectrum is one of these frequencies; for tests of this module's parts.
#[cfg(test)]
fn is_of(spectrum: &segment::Spectrum, frequencies: [f32; 2]) -> bool {
    spectrum.tonality(frequencies) > TONALITY && spectrum.explained(frequencies) > EXPLAINED
}

#[cfg(test)]
mod tests;
