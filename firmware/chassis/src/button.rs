//! The reset button. No clock: whoever reads the pin says when.
//!
//! Held while the gateway starts it is a factory reset, with the status light as a countdown: after [`HOLD`] the light
//! flashes fast, and *letting go* within [`CONFIRM`] deletes everything. Whoever lets go earlier, or keeps holding on,
//! deletes nothing. That the release is what does it keeps a button that is stuck, or pressed by something the gateway was
//! pushed against, from emptying it at every start.
//!
//! While the gateway runs the button does nothing, however long it is held: one who leans against the box must not end calls.
//! It is shown as pressed, so that an installer can try it, and [`STUCK`] later it is an alarm, since it would not work when it
//! is needed.

use std::time::{Duration, Instant};

use serde::Serialize;
use utoipa::ToSchema;

/// A contact that has stayed so long has stopped bouncing.
pub const BOUNCE: Duration = Duration::from_millis(50);
/// So long the button is held at the start before letting go of it means a factory reset.
pub const HOLD: Duration = Duration::from_secs(10);
/// So long after [`HOLD`] letting go means that; later it is taken for stuck.
pub const CONFIRM: Duration = Duration::from_secs(10);
/// Nobody holds a button for so long.
pub const STUCK: Duration = Duration::from_secs(60);

/// How a button is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChassisButton)]
pub enum Button {
    /// Nobody presses it.
    #[default]
    Released,
    /// Somebody does.
    Pressed,
    /// It has been pressed for longer than anybody does.
    Stuck,
}

/// A contact that bounces.
#[derive(Clone, Copy, Debug)]
pub struct Contact {
    raw: bool,
    /// Since when it is so.
    raw_since: Instant,
    pressed: bool,
    /// Since when it is so without bouncing.
    since: Instant,
}

impl Contact {
    /// One that was not pressed.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Contact {
            raw: false,
            raw_since: now,
            pressed: false,
            since: now,
        }
    }

    /// Takes a reading of the pin; whether the button is pressed.
    pub fn look(&mut self, now: Instant, raw: bool) -> bool {
        if raw != self.raw {
            self.raw = raw;
            self.raw_since = now;
        }
        if raw != self.pressed && now.saturating_duration_since(self.raw_since) >= BOUNCE {
            self.pressed = raw;
            // It was pressed when the contact closed, not when that was sure.
            self.since = self.raw_since;
        }
        self.pressed
    }

    /// How it is.
    #[must_use]
    pub fn state(&self, now: Instant) -> Button {
        match (self.pressed, now.saturating_duration_since(self.since)) {
            (false, _) => Button::Released,
            (true, held) if held < STUCK => Button::Pressed,
            (true, _) => Button::Stuck,
        }
    }
}

/// What follows from the button at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtStart {
    /// It is held, since so long.
    Counting(Duration),
    /// It was held long enough and is to be let go.
    LetGo,
    /// The gateway starts as always.
    GoOn,
    /// Everything is to be deleted.
    Reset,
}

/// The button while the gateway starts.
#[derive(Clone, Copy, Debug)]
pub struct StartButton {
    began: Instant,
    contact: Contact,
    /// When the contact was last seen closed.
    closed: Instant,
    held: bool,
    decided: Option<AtStart>,
}

impl StartButton {
    /// The gateway starts.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        StartButton {
            began: now,
            contact: Contact::new(now),
            closed: now,
            held: false,
            decided: None,
        }
    }

    /// Takes a reading of the pin. [`AtStart::GoOn`] and [`AtStart::Reset`] are final.
    pub fn look(&mut self, now: Instant, raw: bool) -> AtStart {
        if let Some(decided) = self.decided {
            return decided;
        }
        let pressed = self.contact.look(now, raw);
        if raw {
            self.closed = now;
        }
        let passed = now.saturating_duration_since(self.began);
        let found = match (self.held, pressed) {
            (false, false) if passed < 2 * BOUNCE => return AtStart::Counting(Duration::ZERO),
            // Pressing it a moment after the start is no holding at the start.
            (false, false) => AtStart::GoOn,
            (_, true) => {
                self.held = true;
                match passed {
                    held if held < HOLD => return AtStart::Counting(held),
                    held if held < HOLD + CONFIRM => return AtStart::LetGo,
                    _ => AtStart::GoOn,
                }
            }
            (true, false) => {
                // It was held as long as it was seen to be: a bus that was slow to tell must delete nothing.
                let let_go = self.closed.saturating_duration_since(self.began);
                match (HOLD..HOLD + CONFIRM).contains(&let_go) {
                    true => AtStart::Reset,
                    false => AtStart::GoOn,
                }
            }
        };
        self.decided = Some(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(10);

    /// What is decided when the button is pressed so many milliseconds after the start and let go later.
    fn decided(pressed: std::ops::Range<u64>) -> (AtStart, Duration) {
        let start = Instant::now();
        let mut button = StartButton::new(start);
        let mut passed = Duration::ZERO;
        loop {
            let raw = pressed.contains(&(passed.as_millis() as u64));
            match button.look(start + passed, raw) {
                decided @ (AtStart::GoOn | AtStart::Reset) => return (decided, passed),
                _ => passed += STEP,
            }
        }
    }

    #[test]
    fn only_letting_go_in_time_deletes_everything() {
        assert_eq!(decided(0..0).0, AtStart::GoOn);
        assert!(decided(0..0).1 <= 2 * BOUNCE, "a start waits for nobody");
        assert_eq!(decided(0..10_000).0, AtStart::GoOn, "too early");
        assert_eq!(decided(0..10_010).0, AtStart::Reset);
        assert_eq!(decided(0..19_940).0, AtStart::Reset);
        let (stuck, passed) = decided(0..u64::MAX);
        assert_eq!(stuck, AtStart::GoOn, "a stuck button deletes nothing");
        assert_eq!(passed, HOLD + CONFIRM);
    }

    #[test]
    fn who_lets_go_while_nothing_is_read_deletes_nothing() {
        let start = Instant::now();
        let mut button = StartButton::new(start);
        for step in 0..=500u32 {
            button.look(start + STEP * step, true);
        }
        let late = start + Duration::from_secs(12);
        assert_eq!(button.look(late, false), AtStart::LetGo);
        assert_eq!(button.look(late + BOUNCE, false), AtStart::GoOn);
    }

    #[test]
    fn a_press_after_the_start_is_none_at_the_start() {
        assert_eq!(decided(500..15_000).0, AtStart::GoOn);
        assert!(decided(500..15_000).1 < Duration::from_millis(500));
    }

    #[test]
    fn bouncing_neither_starts_nor_ends_a_press() {
        let start = Instant::now();
        let mut button = StartButton::new(start);
        let mut last = AtStart::GoOn;
        for step in 0..1_400u64 {
            let ms = step * 10;
            // 20 ms off every second: a worn contact.
            let raw = ms < 12_000 && !(500..520).contains(&(ms % 1000));
            last = button.look(start + STEP * step as u32, raw);
            if ms == 5_000 {
                assert!(
                    matches!(last, AtStart::Counting(held) if held.as_secs() == 5),
                    "{last:?}"
                );
            }
            if ms == 11_000 {
                assert_eq!(last, AtStart::LetGo);
            }
        }
        assert_eq!(last, AtStart::Reset);
    }

    #[test]
    fn a_running_gateway_shows_the_button_and_that_it_is_stuck() {
        let start = Instant::now();
        let mut contact = Contact::new(start);
        contact.look(start, true);
        assert_eq!(contact.state(start), Button::Released, "it may bounce");
        contact.look(start + BOUNCE, true);
        assert_eq!(contact.state(start + BOUNCE), Button::Pressed);
        assert_eq!(contact.state(start + STUCK), Button::Stuck);
        contact.look(start + STUCK, false);
        assert!(!contact.look(start + STUCK + BOUNCE, false));
        assert_eq!(contact.state(start + STUCK + BOUNCE), Button::Released);
    }
}
