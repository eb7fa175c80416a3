//! Comparing pieces of sound and pause with a cadence.

use super::segment::Piece;
use crate::CadencedTone;

/// Parts of one repetition at most.
const PARTS: usize = 8;

/// Sound, pause, sound, pause … of one repetition, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rhythm {
    parts: [u32; PARTS],
    count: usize,
}

/// Measured lengths may be off by this, ms, or by an eighth.
fn near(measured: u32, expected: u32) -> bool {
    measured.abs_diff(expected) <= (expected / 8).max(30)
}

impl Rhythm {
    /// The repetition of a tone that alternates between sound and pause; `None` for others.
    pub fn of(tone: &CadencedTone) -> Option<Self> {
        let steps = tone.steps.get(tone.repeat_from?..)?;
        let mut parts = [0; PARTS];
        if steps.len() < 2 || steps.len() > PARTS || !steps.len().is_multiple_of(2) {
            return None;
        }
        for (index, (part, step)) in parts.iter_mut().zip(steps).enumerate() {
            if step.frequencies.is_empty() != (index % 2 == 1) || step.milliseconds == 0 {
                return None;
            }
            *part = step.milliseconds;
        }
        Some(Rhythm {
            parts,
            count: steps.len(),
        })
    }

    pub fn repeated(on_ms: u32, off_ms: u32) -> Self {
        let mut parts = [0; PARTS];
        [parts[0], parts[1]] = [on_ms, off_ms];
        Rhythm { parts, count: 2 }
    }

    /// Sounds and pauses of one repetition.
    pub fn parts(&self) -> usize {
        self.count
    }

    pub fn period_ms(&self) -> u32 {
        self.parts[..self.count].iter().sum()
    }

    pub fn longest_sound(&self) -> u32 {
        let sounds = self.parts[..self.count].iter().step_by(2);
        sounds.copied().max().unwrap_or(0)
    }

    /// How many pieces, from the newest back, follow the rhythm.
    pub fn run(&self, newest_first: &[Option<Piece>], fits: impl Fn(&Piece) -> bool) -> usize {
        let begins = (0..self.count).map(|begin| {
            let pieces = newest_first.iter().map_while(|piece| *piece);
            let matching = pieces.enumerate().take_while(|(age, piece)| {
                let part = (begin + self.count * PARTS * 4 - age) % self.count;
                piece.sound.is_some() == part.is_multiple_of(2)
                    && near(piece.milliseconds, self.parts[part])
                    && fits(piece)
            });
            matching.count()
        });
        begins.max().unwrap_or(0)
    }

    /// The longest run of this rhythm inside another one.
    pub fn longest_in(&self, other: &Rhythm) -> usize {
        let turns = |count: usize| (0..count * PARTS * 2).map(move |place| place % count);
        (0..self.count)
            .map(|begin| {
                let (mut run, mut longest) = (0, 0);
                for (place, part) in turns(other.count).enumerate() {
                    let own = (begin + place) % self.count;
                    let same = own % 2 == part % 2 && near(other.parts[part], self.parts[own]);
                    run = if same { run + 1 } else { 0 };
                    longest = longest.max(run);
                }
                longest
            })
            .max()
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CountryTones;

    #[test]
    fn busy_hides_three_pieces_long_in_brazils_congestion() {
        let brazil = CountryTones::of("BR").unwrap();
        let busy = Rhythm::of(&brazil.busy).unwrap();
        let congestion = Rhythm::of(&brazil.congestion).unwrap();
        assert_eq!(busy.longest_in(&congestion), 3);
        assert!(Rhythm::of(&brazil.dial).is_none());
        assert_eq!((busy.period_ms(), congestion.longest_sound()), (500, 750));
    }
}
