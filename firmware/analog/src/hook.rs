//! Hook, flash and pulse digits from a telephone's loop.

use std::{
    collections::VecDeque,
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use crate::HookSignal;

/// Signals that may wait to be fetched.
const SIGNALS: usize = 8;
/// A loop that opens for longer than a digit's break is on-hook after this when a flash means nothing.
const ON_HOOK_WITHOUT_FLASH: Duration = Duration::from_millis(300);

/// How a loop's openings are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookTiming {
    /// A change that lasts shorter is contact bounce.
    pub debounce: Duration,
    /// Openings of this length are a flash, shorter ones are pulses, longer ones are on-hook. `None`: no flash.
    pub flash: Option<RangeInclusive<Duration>>,
    /// Whether shorter openings are pulses of a dial; otherwise they are nothing.
    pub pulses: bool,
    /// The loop closed for this long ends a digit (ITU-T Q.23 has at least 240 ms between digits).
    pub digit_pause: Duration,
}

impl Default for HookTiming {
    /// Flash from 80 to 800 ms, pulses, bounce up to 15 ms.
    fn default() -> Self {
        HookTiming {
            debounce: Duration::from_millis(15),
            flash: Some(Duration::from_millis(80)..=Duration::from_millis(800)),
            pulses: true,
            digit_pause: Duration::from_millis(180),
        }
    }
}

/// Fed with every change of the loop; tells what it means.
#[derive(Clone, Debug)]
pub struct HookDecoder {
    timing: HookTiming,
    off_hook: bool,
    /// The loop as it is, and since when.
    raw: bool,
    raw_since: Option<Instant>,
    /// The loop without bounce, and since when.
    closed: bool,
    closed_since: Option<Instant>,
    pulses: u32,
    signals: VecDeque<HookSignal>,
}

impl HookDecoder {
    /// A telephone that is on-hook.
    #[must_use]
    pub fn new(timing: HookTiming) -> Self {
        HookDecoder {
            timing,
            off_hook: false,
            raw: false,
            raw_since: None,
            closed: false,
            closed_since: None,
            pulses: 0,
            signals: VecDeque::with_capacity(SIGNALS),
        }
    }

    /// Other timing from now on.
    pub fn set_timing(&mut self, timing: HookTiming) {
        self.timing = timing;
    }

    /// Whether the telephone is lifted; a flash does not change it.
    #[must_use]
    pub fn is_off_hook(&self) -> bool {
        self.off_hook
    }

    /// The loop has closed or opened.
    pub fn loop_changed(&mut self, closed: bool, now: Instant) {
        self.advance(now);
        if closed != self.raw {
            self.raw = closed;
            self.raw_since = Some(now);
        }
    }

    /// What hardware has found out itself.
    pub fn told(&mut self, signal: HookSignal) {
        match signal {
            HookSignal::OffHook if self.off_hook => return,
            HookSignal::OnHook if !self.off_hook => return,
            HookSignal::OffHook => self.off_hook = true,
            HookSignal::OnHook => self.off_hook = false,
            HookSignal::Flash | HookSignal::PulseDigit(_) => {}
        }
        self.closed = self.off_hook;
        self.raw = self.off_hook;
        self.signal(signal);
    }

    /// Lets time go by.
    pub fn advance(&mut self, now: Instant) {
        if self.raw != self.closed
            && let Some(since) = self.raw_since
            && now.saturating_duration_since(since) >= self.timing.debounce
        {
            self.settled(since);
        }
        let Some(since) = self.closed_since else {
            return;
        };
        let lasted = now.saturating_duration_since(since);
        if self.off_hook && !self.closed {
            let longest = self
                .timing
                .flash
                .as_ref()
                .map_or(ON_HOOK_WITHOUT_FLASH, |flash| *flash.end());
            if lasted > longest {
                self.off_hook = false;
                self.pulses = 0;
                self.signal(HookSignal::OnHook);
            }
        } else if self.pulses > 0 && self.closed && lasted >= self.timing.digit_pause {
            let digit = char::from_digit(self.pulses % 10, 10);
            if let Some(digit) = digit.filter(|_| self.pulses <= 10) {
                self.signal(HookSignal::PulseDigit(digit));
            }
            self.pulses = 0;
        }
    }

    /// What the telephone has done, in order.
    pub fn next_signal(&mut self) -> Option<HookSignal> {
        self.signals.pop_front()
    }

    /// The loop has been as it is now since `since`.
    fn settled(&mut self, since: Instant) {
        let before = self.closed_since.replace(since);
        self.closed = self.raw;
        if !self.closed {
            return;
        }
        if !self.off_hook {
            self.off_hook = true;
            self.signal(HookSignal::OffHook);
            return;
        }
        let open = before.map_or(Duration::ZERO, |before| {
            since.saturating_duration_since(before)
        });
        match &self.timing.flash {
            Some(flash) if flash.contains(&open) => {
                self.pulses = 0;
                self.signal(HookSignal::Flash);
            }
            _ if self.timing.pulses => self.pulses += 1,
            _ => {}
        }
    }

    fn signal(&mut self, signal: HookSignal) {
        if self.signals.len() < SIGNALS {
            self.signals.push_back(signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Plays loop states (closed, for milliseconds) and looks every `step` ms.
    fn decoded(timing: HookTiming, states: &[(bool, u64)], step: u64) -> Vec<HookSignal> {
        let start = Instant::now();
        let mut decoder = HookDecoder::new(timing);
        let (mut signals, mut at, mut looked) = (Vec::new(), 0, 0);
        for &(closed, lasts) in states {
            decoder.loop_changed(closed, start + Duration::from_millis(at));
            at += lasts;
            while looked + step <= at {
                looked += step;
                decoder.advance(start + Duration::from_millis(looked));
                signals.extend(std::iter::from_fn(|| decoder.next_signal()));
            }
        }
        signals
    }

    fn dialled(digits: &[u32], open: u64, closed: u64) -> Vec<(bool, u64)> {
        let mut states = vec![(true, 500)];
        for &pulses in digits {
            for _ in 0..pulses {
                states.extend([(false, open), (true, closed)]);
            }
            states.push((true, 400));
        }
        states
    }

    #[test]
    fn dials_of_every_speed_and_ratio_are_read() {
        use HookSignal::{OffHook, PulseDigit};
        for (open, closed) in [(60, 40), (67, 33), (50, 50), (33, 17), (75, 45)] {
            for step in [1, 5, 10] {
                let states = dialled(&[1, 10, 3], open, closed);
                assert_eq!(
                    decoded(HookTiming::default(), &states, step),
                    [OffHook, PulseDigit('1'), PulseDigit('0'), PulseDigit('3')],
                    "{open}/{closed} {step}"
                );
            }
        }
    }

    #[test]
    fn bounce_is_nothing_a_flash_is_a_flash_and_longer_is_on_hook() {
        use HookSignal::{Flash, OffHook, OnHook};
        let bounce = [(true, 3), (false, 4), (true, 500), (false, 8), (true, 500)];
        assert_eq!(decoded(HookTiming::default(), &bounce, 10), [OffHook]);
        for open in [80, 200, 790] {
            let states = [(true, 500), (false, open), (true, 500)];
            assert_eq!(
                decoded(HookTiming::default(), &states, 10),
                [OffHook, Flash],
                "{open}"
            );
        }
        let states = [(true, 500), (false, 850), (true, 500)];
        assert_eq!(
            decoded(HookTiming::default(), &states, 10),
            [OffHook, OnHook, OffHook]
        );
        let none = HookTiming {
            flash: None,
            pulses: false,
            ..HookTiming::default()
        };
        assert_eq!(
            decoded(none, &[(true, 500), (false, 350), (true, 300)], 10),
            [OffHook, OnHook, OffHook]
        );
    }

    #[test]
    fn more_pulses_than_a_dial_has_are_no_digit() {
        let states = dialled(&[11], 60, 40);
        assert_eq!(
            decoded(HookTiming::default(), &states, 5),
            [HookSignal::OffHook]
        );
    }

    proptest! {
        /// However a loop chatters: hook signals alternate, and in the end the hook is as the loop is.
        #[test]
        fn hook_and_loop_agree_in_the_end(states in prop::collection::vec((any::<bool>(), 1u64..400), 0..60)) {
            let mut states = states;
            states.push((false, 1_000));
            let signals = decoded(HookTiming::default(), &states, 5);
            let hooks: Vec<_> = signals.iter().filter(|s| matches!(s, HookSignal::OffHook | HookSignal::OnHook)).collect();
            for pair in hooks.chunks(2) {
                prop_assert_eq!(pair, [&HookSignal::OffHook, &HookSignal::OnHook]);
            }
        }
    }
}
