//! PINs that are entered by telephone: after several wrong ones in a row a door stays shut for a while, whoever stands
//! before it, so that trying all PINs takes years.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ramal_model::{Id, UserId, VoicemailBox};
use tokio::time::Instant;

/// PINs that may be tried in one call.
pub(crate) const ATTEMPTS: u32 = 3;
/// Wrong PINs in a row that shut a door.
const MOST_WRONG: u32 = 6;
/// For how long; wrong PINs are also forgotten when there was none for so long.
const SHUT: Duration = Duration::from_secs(15 * 60);

/// What a PIN opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Door {
    /// An agent's work at a phone that is not his own.
    Agent(UserId),
    /// The messages of a voicemail box.
    Mailbox(Id<VoicemailBox>),
}

/// Counts wrong PINs. One entry for each door that somebody stood before, so never more than there are doors.
#[derive(Debug, Default)]
pub(crate) struct Pins(Mutex<HashMap<Door, Wrong>>);

#[derive(Debug, Clone, Copy)]
struct Wrong {
    count: u32,
    last: Instant,
}

impl Pins {
    /// Whether a PIN may be tried at this door now. It counts as wrong until it is [`right`](Self::right): whoever tries
    /// many at once gains nothing.
    pub(crate) fn may_try(&self, door: Door) -> bool {
        let now = Instant::now();
        let mut doors = self.doors();
        let wrong = doors.entry(door).or_insert(Wrong {
            count: 0,
            last: now,
        });
        if now.duration_since(wrong.last) >= SHUT {
            wrong.count = 0;
        }
        if wrong.count >= MOST_WRONG {
            return false;
        }
        wrong.count += 1;
        wrong.last = now;
        if wrong.count == MOST_WRONG {
            tracing::warn!(?door, "many wrong PINs in a row; none is taken for a while");
        }
        true
    }

    /// The PIN was right.
    pub(crate) fn right(&self, door: Door) {
        self.doors().remove(&door);
    }

    fn doors(&self) -> MutexGuard<'_, HashMap<Door, Wrong>> {
        // Whole at any moment: every change is of one entry.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOOR: Door = Door::Agent(UserId(7));

    #[tokio::test(start_paused = true)]
    async fn a_door_is_shut_after_six_wrong_pins_and_opens_again() {
        let pins = Pins::default();
        for _ in 0..6 {
            assert!(pins.may_try(DOOR));
        }
        assert!(!pins.may_try(DOOR));
        assert!(
            pins.may_try(Door::Agent(UserId(8))),
            "others are not shut out"
        );
        tokio::time::advance(SHUT - Duration::from_secs(1)).await;
        assert!(!pins.may_try(DOOR), "trying does not make it longer either");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(pins.may_try(DOOR));
    }

    #[tokio::test(start_paused = true)]
    async fn the_right_pin_makes_wrong_ones_forgotten() {
        let pins = Pins::default();
        for _ in 0..20 {
            for _ in 0..5 {
                assert!(pins.may_try(DOOR));
            }
            pins.right(DOOR);
        }
    }
}
