//! The state of the two systems and its permitted changes. No I/O.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// One of the two systems on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The first one, filled in the factory.
    A,
    /// The second one.
    B,
}

impl Slot {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "a",
            Self::B => "b",
        })
    }
}

impl FromStr for Slot {
    type Err = StateError;

    fn from_str(name: &str) -> Result<Self, StateError> {
        match name {
            "a" => Ok(Self::A),
            "b" => Ok(Self::B),
            _ => Err(StateError::NoSuchSlot(name.to_owned())),
        }
    }
}

/// Why the loader has started the system that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It is the proven one.
    Proven,
    /// For its one trial.
    Trial,
    /// There was nothing else to start.
    Other,
}

impl FromStr for Start {
    type Err = StateError;

    fn from_str(name: &str) -> Result<Self, StateError> {
        match name {
            "proven" => Ok(Self::Proven),
            "trial" => Ok(Self::Trial),
            "other" => Ok(Self::Other),
            _ => Err(StateError::NoSuchStart(name.to_owned())),
        }
    }
}

/// What the system beside the proven one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Second {
    /// Nothing that may be started: never filled, or being written.
    Empty,
    /// To be started once; it has not passed its checks yet.
    Trial,
    /// Proven earlier: started when the proven one cannot be.
    Ready,
    /// Not to be started again, and why: one line of printable ASCII.
    Failed(String),
}

/// Which system starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Counts the changes; a trial belongs to one number.
    pub generation: u64,
    /// The system that has passed its checks last.
    pub proven: Slot,
    /// What the other one is.
    pub second: Second,
}

/// Why a change is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StateError {
    /// Neither a nor b.
    #[error("there is no system {0:?}: it is a or b")]
    NoSuchSlot(String),
    /// Not what the loader says.
    #[error("there is no start {0:?}: it is proven, trial or other")]
    NoSuchStart(String),
    /// Nothing would be left to start.
    #[error("system {0} is the only one that works: install another one first")]
    OnlyOne(Slot),
    /// It does not run, so nobody can know.
    #[error("system {0} is not running: start it, then it can be called good")]
    NotRunning(Slot),
}

/// Longest reason, in octets: it must fit into one sector with everything else.
pub const REASON_MAX: usize = 240;

impl State {
    /// As the disk leaves the factory, or when nothing readable was left: `running` works, nothing is known of the other.
    #[must_use]
    pub fn first(running: Slot) -> Self {
        Self {
            generation: 1,
            proven: running,
            second: Second::Empty,
        }
    }

    /// The system that shall start next.
    #[must_use]
    pub fn next(&self) -> Slot {
        match self.second {
            Second::Trial => self.proven.other(),
            _ => self.proven,
        }
    }

    /// Whether a system may be started.
    #[must_use]
    pub fn is_good(&self, slot: Slot) -> bool {
        slot == self.proven || matches!(self.second, Second::Trial | Second::Ready)
    }

    /// Start `slot` next; a system other than the proven one gets one start.
    pub fn activate(&mut self, slot: Slot) {
        if slot != self.proven {
            self.second = Second::Trial;
        } else if self.second == Second::Trial {
            // It was installed, but has never passed its checks.
            self.second = Second::Empty;
        }
    }

    /// `slot` runs and has passed its checks.
    ///
    /// # Errors
    /// It is not the one that runs.
    pub fn succeed(&mut self, slot: Slot, running: Slot) -> Result<(), StateError> {
        if slot == self.proven {
            return Ok(());
        }
        if slot != running {
            return Err(StateError::NotRunning(slot));
        }
        self.proven = slot;
        self.second = Second::Ready;
        Ok(())
    }

    /// `slot` is about to be written.
    ///
    /// # Errors
    /// No other one could be started.
    pub fn empty(&mut self, slot: Slot) -> Result<(), StateError> {
        self.give_up(slot, Second::Empty)
    }

    /// `slot` is not to be started again.
    ///
    /// # Errors
    /// No other one could be started.
    pub fn fail(&mut self, slot: Slot, reason: &str) -> Result<(), StateError> {
        self.give_up(slot, Second::Failed(printable(reason)))
    }

    fn give_up(&mut self, slot: Slot, second: Second) -> Result<(), StateError> {
        if slot == self.proven {
            if self.second != Second::Ready {
                return Err(StateError::OnlyOne(slot));
            }
            self.proven = slot.other();
        }
        self.second = second;
        Ok(())
    }

    /// `running` is not to be started again. What the loader passed over to start it counts for nothing.
    ///
    /// # Errors
    /// No other one could be started; the state is as [`settle`](Self::settle) leaves it.
    pub fn leave(
        &mut self,
        running: Slot,
        start: Start,
        tried: bool,
        reason: &str,
    ) -> Result<(), StateError> {
        self.settle(running, start, tried);
        self.fail(running, reason)
    }

    /// What `running` tells by the mere fact that it runs, and why the loader has started it. `tried` is whether the loader has
    /// started the trial.
    pub fn settle(&mut self, running: Slot, start: Start, tried: bool) {
        if running == self.proven {
            if self.second == Second::Trial {
                let reason = if tried {
                    "it was started once and did not report that it works"
                } else {
                    "the boot loader could not start it"
                };
                self.second = Second::Failed(reason.to_owned());
            }
        } else if start != Start::Trial {
            // The loader has found nothing to start where the proven system lies. A system on trial then has nothing to fall
            // back to, and no checks to pass.
            self.proven = running;
            self.second = Second::Failed(
                "the boot loader could not read its kernel, or it was damaged".to_owned(),
            );
        }
    }
}

/// One line of printable ASCII within [`REASON_MAX`], without what GRUB would take for an escape.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\\' => '/',
            ' '..='~' => c,
            _ if c.is_whitespace() => ' ',
            _ => '?',
        })
        .take(REASON_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn updated() -> State {
        State {
            generation: 7,
            proven: Slot::A,
            second: Second::Trial,
        }
    }

    #[test]
    fn a_system_that_passes_its_checks_becomes_the_proven_one() {
        let mut state = updated();
        assert_eq!(state.next(), Slot::B);
        state.succeed(Slot::B, Slot::B).unwrap();
        assert_eq!((state.proven, &state.second), (Slot::B, &Second::Ready));
        assert!(state.is_good(Slot::A), "the way back stays open");
    }

    #[test]
    fn a_trial_that_comes_back_as_the_old_system_has_failed() {
        let mut state = updated();
        state.settle(Slot::A, Start::Proven, true);
        assert_eq!(state.proven, Slot::A);
        assert!(matches!(&state.second, Second::Failed(reason) if reason.contains("started once")));
        assert!(!state.is_good(Slot::B));
    }

    #[test]
    fn a_running_trial_is_settled_by_its_checks_only() {
        let mut state = updated();
        state.settle(Slot::B, Start::Trial, true);
        assert_eq!(state, updated());
    }

    #[test]
    fn a_system_with_no_other_to_start_is_the_proven_one() {
        for second in [Second::Trial, Second::Ready, Second::Failed("x".into())] {
            let mut state = State {
                second,
                ..updated()
            };
            state.settle(Slot::B, Start::Other, true);
            assert_eq!(state.proven, Slot::B);
            assert!(!state.is_good(Slot::A));
            assert_eq!(state.next(), Slot::B);
        }
    }

    #[test]
    fn a_damaged_system_is_left_when_the_other_one_starts_only() {
        let with = |second| State {
            second,
            ..updated()
        };
        let mut state = with(Second::Ready);
        state.leave(Slot::A, Start::Proven, false, "x").unwrap();
        assert_eq!((state.next(), state.is_good(Slot::A)), (Slot::B, false));

        let mut state = with(Second::Trial);
        state.leave(Slot::B, Start::Trial, true, "x").unwrap();
        assert_eq!((state.next(), state.is_good(Slot::B)), (Slot::A, false));

        for (mut state, running, start) in [
            (with(Second::Empty), Slot::A, Start::Proven),
            (with(Second::Failed("x".into())), Slot::A, Start::Proven),
            // A trial that the loader could not start.
            (with(Second::Trial), Slot::A, Start::Proven),
            // The loader has passed over a, and would again.
            (with(Second::Ready), Slot::B, Start::Other),
            (with(Second::Trial), Slot::B, Start::Other),
        ] {
            assert_eq!(
                state.leave(running, start, true, "x"),
                Err(StateError::OnlyOne(running))
            );
            assert_eq!(state.next(), running);
        }
    }

    #[test]
    fn the_only_system_cannot_be_given_up() {
        let mut state = updated();
        assert_eq!(state.fail(Slot::A, "x"), Err(StateError::OnlyOne(Slot::A)));
        assert_eq!(state.empty(Slot::A), Err(StateError::OnlyOne(Slot::A)));
        assert_eq!(state, updated());
    }

    #[test]
    fn a_damaged_proven_system_gives_way_to_the_one_before() {
        let mut state = State {
            second: Second::Ready,
            ..updated()
        };
        state.fail(Slot::A, "damaged").unwrap();
        assert_eq!(state.proven, Slot::B);
        assert_eq!(state.second, Second::Failed("damaged".into()));
    }

    #[test]
    fn nobody_calls_a_system_good_that_does_not_run() {
        let mut state = updated();
        assert_eq!(
            state.succeed(Slot::B, Slot::A),
            Err(StateError::NotRunning(Slot::B))
        );
    }

    #[test]
    fn the_way_back_is_a_trial_like_any_other() {
        let mut state = State {
            second: Second::Ready,
            ..updated()
        };
        state.activate(Slot::B);
        assert_eq!((state.next(), &state.second), (Slot::B, &Second::Trial));
        assert_eq!(state.proven, Slot::A);
    }

    #[test]
    fn reasons_are_one_line_for_the_boot_loader() {
        let mut state = updated();
        state.fail(Slot::B, "a\nb\\c\u{e9}").unwrap();
        assert_eq!(state.second, Second::Failed("a b/c?".into()));
    }
}
