//! Ringing in a rhythm.

use std::time::{Duration, Instant};

/// Milliseconds of ringing and rest in turn, repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingCadence(pub &'static [u32]);

/// Distinctive ringing 1 to 5 as telephones of North America know it (Telcordia GR-506 §14), which `Alert-Info` names
/// `Bellcore-dr1` to `-dr5`. All keep a rest long enough for caller ID.
const DISTINCTIVE: [RingCadence; 5] = [
    RingCadence(&[2_000, 4_000]),
    RingCadence(&[800, 400, 800, 4_000]),
    RingCadence(&[400, 200, 400, 200, 800, 4_000]),
    RingCadence(&[300, 200, 1_000, 200, 300, 4_000]),
    RingCadence(&[500, 5_500]),
];

impl RingCadence {
    /// Distinctive cadence 1 to 5; `None` for other numbers.
    #[must_use]
    pub fn distinctive(number: u8) -> Option<Self> {
        DISTINCTIVE
            .get(usize::from(number).checked_sub(1)?)
            .copied()
    }

    /// Milliseconds after which it begins again; 0 rings for ever.
    #[must_use]
    pub fn period_ms(self) -> u64 {
        self.0.iter().map(|&part| u64::from(part)).sum()
    }

    /// Whether it rings this long after its beginning.
    #[must_use]
    pub fn rings_at(self, since: Duration) -> bool {
        self.part_at(since).is_none_or(|(index, _)| index % 2 == 0)
    }

    /// How long the longest rest has lasted at this moment; `None` while it rings or in a shorter rest. Caller ID goes
    /// there, not between the two halves of a double ring.
    #[must_use]
    pub fn rest_at(self, since: Duration) -> Option<Duration> {
        let (index, into) = self.part_at(since)?;
        let longest = self.0.iter().skip(1).step_by(2).max()?;
        (index % 2 == 1 && self.0.get(index) == Some(longest)).then(|| Duration::from_millis(into))
    }

    /// Which part it is in, and for how many milliseconds.
    fn part_at(self, since: Duration) -> Option<(usize, u64)> {
        let period = self.period_ms();
        if period == 0 {
            return None;
        }
        let mut rest = u64::try_from(since.as_millis()).unwrap_or(u64::MAX) % period;
        for (index, &part) in self.0.iter().enumerate() {
            if rest < u64::from(part) {
                return Some((index, rest));
            }
            rest -= u64::from(part);
        }
        None
    }
}

/// Switches ringing voltage on and off in a cadence.
#[derive(Clone, Debug)]
pub struct RingPlayer {
    cadence: RingCadence,
    started: Instant,
    on: bool,
}

impl RingPlayer {
    /// Begins to ring now.
    #[must_use]
    pub fn new(cadence: RingCadence, now: Instant) -> Self {
        RingPlayer {
            cadence,
            started: now,
            on: false,
        }
    }

    /// Whether the voltage changes now, and to what.
    pub fn advance(&mut self, now: Instant) -> Option<bool> {
        let on = self
            .cadence
            .rings_at(now.saturating_duration_since(self.started));
        (on != std::mem::replace(&mut self.on, on)).then_some(on)
    }

    /// Whether the voltage is on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// How long the long rest after a ring has lasted; `None` while it rings.
    #[must_use]
    pub fn resting(&self, now: Instant) -> Option<Duration> {
        self.cadence
            .rest_at(now.saturating_duration_since(self.started))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_double_ring_rests_only_after_both() {
        let cadence = RingCadence(&[400, 200, 400, 2_000]);
        let at = Duration::from_millis;
        assert!(cadence.rings_at(at(0)) && !cadence.rings_at(at(450)) && cadence.rings_at(at(700)));
        assert_eq!(cadence.rest_at(at(500)), None);
        assert_eq!(cadence.rest_at(at(1_500)), Some(at(500)));
        assert!(cadence.rings_at(at(3_000)));
    }

    #[test]
    fn the_voltage_is_switched_at_each_edge_once() {
        let start = Instant::now();
        let mut player = RingPlayer::new(RingCadence(&[1_000, 4_000]), start);
        let changes: Vec<(u64, bool)> = (0..600)
            .filter_map(|block| {
                let at = block * 20;
                player
                    .advance(start + Duration::from_millis(at))
                    .map(|on| (at, on))
            })
            .collect();
        assert_eq!(
            changes,
            [
                (0, true),
                (1_000, false),
                (5_000, true),
                (6_000, false),
                (10_000, true),
                (11_000, false)
            ]
        );
    }

    #[test]
    fn every_distinctive_cadence_leaves_room_for_caller_id() {
        for number in 1..=5 {
            let cadence = RingCadence::distinctive(number).unwrap();
            let longest = cadence.0.iter().skip(1).step_by(2).max().unwrap();
            assert!(*longest >= 3_000);
        }
        assert!(RingCadence::distinctive(0).is_none() && RingCadence::distinctive(6).is_none());
    }
}
