//! What came of trying to tell somebody, and when it is tried again.

use std::time::Duration;

use ramal_model::DeliveryState;

/// Pauses after the first, second and further failures. With the last one it is given up: two days are over then.
const PAUSES: [Duration; 11] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(4 * 3600),
    Duration::from_secs(8 * 3600),
    Duration::from_secs(12 * 3600),
    Duration::from_secs(20 * 3600),
];

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was taken; the other side's answer.
    Taken(String),
    /// It was not taken, and may be later; why.
    Later(String),
    /// It will never be taken; why.
    Never(String),
}

impl Outcome {
    /// How far the delivery is after so many attempts, this one included, the milliseconds until it is tried again, and the words.
    /// `spread` (0-1) keeps many from being tried at the same moment.
    pub(crate) fn settle(self, attempts: u32, spread: f64) -> (DeliveryState, Option<i64>, String) {
        match self {
            Self::Taken(answer) => (DeliveryState::Delivered, None, answer),
            Self::Never(why) => (DeliveryState::Failed, None, why),
            Self::Later(why) => {
                let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
                match PAUSES.get(index) {
                    Some(pause) => {
                        let pause = pause.mul_f64(1.0 + 0.1 * spread.clamp(0.0, 1.0));
                        let ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
                        (DeliveryState::Pending, Some(ms), why)
                    }
                    None => (DeliveryState::Failed, None, why),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_it_is_given_up() {
        let mut last = 0;
        for attempts in 1..=11 {
            let later = Outcome::Later("refused".into());
            let (state, pause, why) = later.settle(attempts, 0.0);
            assert_eq!((state, why.as_str()), (DeliveryState::Pending, "refused"));
            assert!(pause.unwrap() > last);
            last = pause.unwrap();
        }
        let later = Outcome::Later("refused".into());
        assert_eq!(later.settle(12, 0.0).0, DeliveryState::Failed);
        let total: Duration = PAUSES.iter().sum();
        assert!((40..56).contains(&(total.as_secs() / 3600)), "{total:?}");
    }

    #[test]
    fn what_can_never_arrive_is_not_tried_again() {
        let never = Outcome::Never("410 Gone".into());
        assert_eq!(
            never.settle(1, 1.0),
            (DeliveryState::Failed, None, "410 Gone".into())
        );
        let taken = Outcome::Taken("204".into());
        assert_eq!(taken.settle(5, 1.0).0, DeliveryState::Delivered);
    }
}
