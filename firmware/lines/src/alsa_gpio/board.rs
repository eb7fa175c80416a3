//! Which line cards a board has: the `line_card` tables of its `board.toml`.
//!
//! ```toml
//! [[line_card]]
//! sound = "hw:CARD=peb2466"   # the PCM's name in ALSA, one time slot for each line in this order
//! law = "a"                   # of the whole card: "a" or "mu"
//! pins = "peb2466"            # label of the GPIO chip
//!
//! [[line_card.line]]
//! kind = "fxs"
//! hook = 0                    # closed loop
//! ring = 8                    # ringing voltage
//! reverse = 9                 # feeds the other way round; may be left out
//! cut = 10                    # cuts the feed; may be left out
//! active_low = [0]            # pins that mean yes when low; may be left out
//!
//! [[line_card.line]]
//! kind = "fxo"
//! detect = 1                  # half-waves of ringing voltage
//! relay = 11                  # closes the loop
//! battery = 2                 # there is battery; may be left out
//! reversed = 3                # it is reversed; may be left out
//! ```

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ramal_dsp::Law;
use ramal_model::Country;
use serde::Deserialize;

use super::gpio::Pin;
use super::{AlsaPcm, CodecLines, FxoPins, FxsPins, GpioInput, GpioOutput, LinePins, SharedChip};
use crate::{LineError, PortNames};

/// Time slots of a card, and pins that the kernel gives out at once.
const LIMIT: usize = 64;

/// Why a board's description cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// The file cannot be read.
    #[error("cannot read the board's description {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// It is no TOML, or says something unknown.
    #[error("the board's description is not valid: {0}")]
    Syntax(Box<toml::de::Error>),
    /// A pin has two uses.
    #[error("the line card {card} uses pin {pin} twice; correct the board's description")]
    PinTwice {
        /// The card's sound.
        card: String,
        /// The pin's number.
        pin: u32,
    },
    /// There are no lines, or too many.
    #[error("the line card {card} has {count} lines or pins, 1 to {LIMIT} are possible")]
    Count {
        /// The card's sound.
        card: String,
        /// How many.
        count: usize,
    },
}

/// A line card of a board.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineCard {
    /// The PCM's name in ALSA.
    pub sound: String,
    /// What all lines are companded with.
    pub law: CardLaw,
    /// Label of the GPIO chip.
    pub pins: String,
    /// The lines, in the order of their time slots.
    #[serde(rename = "line")]
    pub lines: Vec<CardLine>,
}

/// A card's law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardLaw {
    /// A-law.
    A,
    /// Mu-law.
    Mu,
}

/// The pins of a line by their numbers on the chip.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CardLine {
    /// To an exchange.
    Fxo {
        /// Half-waves of ringing voltage.
        detect: u32,
        /// Closes the loop.
        relay: u32,
        /// There is battery.
        battery: Option<u32>,
        /// It is reversed.
        reversed: Option<u32>,
        /// Pins that mean yes when low.
        #[serde(default)]
        active_low: Vec<u32>,
    },
    /// To a telephone.
    Fxs {
        /// The loop is closed.
        hook: u32,
        /// Ringing voltage.
        ring: u32,
        /// Feeds the other way round.
        reverse: Option<u32>,
        /// Cuts the feed.
        cut: Option<u32>,
        /// Pins that mean yes when low.
        #[serde(default)]
        active_low: Vec<u32>,
    },
}

impl CardLine {
    fn used(&self) -> impl Iterator<Item = u32> {
        let pins = match self {
            CardLine::Fxo {
                detect,
                relay,
                battery,
                reversed,
                ..
            } => [Some(*detect), Some(*relay), *battery, *reversed],
            CardLine::Fxs {
                hook,
                ring,
                reverse,
                cut,
                ..
            } => [Some(*hook), Some(*ring), *reverse, *cut],
        };
        pins.into_iter().flatten()
    }

    fn on(&self, chip: &SharedChip) -> LinePins<GpioInput, GpioOutput> {
        match self {
            CardLine::Fxo {
                detect,
                relay,
                battery,
                reversed,
                active_low,
            } => {
                let input = |offset| chip.input(pin(offset, active_low));
                LinePins::Fxo(FxoPins {
                    ring: input(*detect),
                    battery: battery.map(input),
                    reversed: reversed.map(input),
                    relay: chip.output(pin(*relay, active_low)),
                })
            }
            CardLine::Fxs {
                hook,
                ring,
                reverse,
                cut,
                active_low,
            } => {
                let output = |offset| chip.output(pin(offset, active_low));
                LinePins::Fxs(FxsPins {
                    hook: chip.input(pin(*hook, active_low)),
                    ring: output(*ring),
                    reverse: reverse.map(output),
                    cut: cut.map(output),
                })
            }
        }
    }
}

fn pin(offset: u32, active_low: &[u32]) -> Pin {
    Pin {
        offset,
        active_low: active_low.contains(&offset),
    }
}

/// What a board's description says about lines; the rest is for those who build the image.
#[derive(Debug, Default, Deserialize)]
struct Board {
    #[serde(default)]
    line_card: Vec<LineCard>,
}

impl LineCard {
    /// The line cards in the text of a board's description.
    ///
    /// # Errors
    /// [`BoardError`]; the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Vec<LineCard>, BoardError> {
        let board: Board =
            toml::from_str(text).map_err(|error| BoardError::Syntax(Box::new(error)))?;
        for card in &board.line_card {
            let pins: Vec<_> = card.lines.iter().flat_map(CardLine::used).collect();
            if card.lines.is_empty() || pins.len() > LIMIT {
                return Err(BoardError::Count {
                    card: card.sound.clone(),
                    count: pins.len(),
                });
            }
            let mut used = HashSet::new();
            if let Some(pin) = pins.into_iter().find(|pin| !used.insert(*pin)) {
                return Err(BoardError::PinTwice {
                    card: card.sound.clone(),
                    pin,
                });
            }
        }
        Ok(board.line_card)
    }

    /// The line cards of a board; a machine without a description has none.
    ///
    /// # Errors
    /// [`BoardError`].
    pub fn read(path: &Path) -> Result<Vec<LineCard>, BoardError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(BoardError::Read {
                path: path.to_owned(),
                error,
            }),
        }
    }

    /// Starts a card's threads. A card that is not there is no error: its ports are in fault until it is.
    ///
    /// # Errors
    /// [`LineError::Start`].
    pub fn start(&self, country: Country, names: &mut PortNames) -> Result<CodecLines, LineError> {
        let law = match self.law {
            CardLaw::A => Law::A,
            CardLaw::Mu => Law::Mu,
        };
        let chip = SharedChip::new(&self.pins);
        let pins: Vec<_> = self.lines.iter().map(|line| line.on(&chip)).collect();
        let pcm = AlsaPcm::new(&self.sound, pins.len(), law);
        CodecLines::start(pcm, law, pins, country, names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = r#"
        [board]
        compatible = "ramal-test"
        [[line_card]]
        sound = "hw:CARD=peb2466"
        law = "a"
        pins = "peb2466"
        [[line_card.line]]
        kind = "fxs"
        hook = 0
        ring = 8
        active_low = [0]
        [[line_card.line]]
        kind = "fxo"
        detect = 1
        relay = 9
        battery = 2
    "#;

    #[test]
    fn a_card_and_its_lines_are_read_and_boards_without_have_none() {
        let cards = LineCard::parse(CARD).unwrap();
        assert_eq!(cards.len(), 1);
        assert_eq!(cards[0].lines.len(), 2);
        assert_eq!(cards[0].lines[1].used().collect::<Vec<_>>(), [1, 9, 2]);
        assert_eq!(LineCard::parse("[board]\nname = 'x'").unwrap(), []);
        assert_eq!(
            LineCard::read(Path::new("/nowhere/board.toml")).unwrap(),
            []
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let twice = CARD.replace("relay = 9", "relay = 8");
        let error = LineCard::parse(&twice).unwrap_err().to_string();
        assert!(error.contains("pin 8 twice"), "{error}");
        let unknown = CARD.replace("battery = 2", "batery = 2");
        let error = LineCard::parse(&unknown).unwrap_err().to_string();
        assert!(error.contains("batery"), "{error}");
        let none = "[[line_card]]\nsound = 'x'\nlaw = 'mu'\npins = 'y'\nline = []";
        let error = LineCard::parse(none).unwrap_err().to_string();
        assert!(error.contains("0 lines"), "{error}");
    }
}
