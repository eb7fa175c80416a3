//! Codes that were told by telephone and may still be entered (F208).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ramal_model::UserId;

/// How long a code may be entered, ms.
pub(crate) const VALID: i64 = 10 * 60 * 1_000;
/// How soon somebody may be called again, ms: each call costs something, and disturbs whoever has the number.
const AGAIN: i64 = 60 * 1_000;
/// Wrong codes before the right one is not taken any more.
const TRIES: u8 = 3;
/// Digits of a code that is told by telephone.
pub const CODE_DIGITS: usize = 6;

/// A code that somebody may enter.
struct Pending {
    number: String,
    code: String,
    told_at: i64,
    tries: u8,
}

/// The codes, one for each user at most.
#[derive(Default)]
pub(crate) struct Verifications(Mutex<HashMap<UserId, Pending>>);

impl Verifications {
    /// A new code for a user who says that the number is his; none when he was called just now.
    pub(crate) fn begin(&self, user: UserId, number: &str, now: i64) -> Option<String> {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pending.retain(|_, one| now < one.told_at + VALID);
        if pending
            .get(&user)
            .is_some_and(|one| now < one.told_at + AGAIN)
        {
            return None;
        }
        let code: String = (0..CODE_DIGITS)
            .map(|_| char::from(rand::random_range(b'0'..=b'9')))
            .collect();
        let one = Pending {
            number: number.to_owned(),
            code: code.clone(),
            told_at: now,
            tries: 0,
        };
        pending.insert(user, one);
        Some(code)
    }

    /// Forgets a code that nobody could be told.
    pub(crate) fn forget(&self, user: UserId) {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pending.remove(&user);
    }

    /// Whether this is the code that was told at the number. It is good once.
    pub(crate) fn take(&self, user: UserId, number: &str, code: &str, now: i64) -> bool {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(one) = pending.get_mut(&user) else {
            return false;
        };
        let is_right = one.number == number && one.code == code && now < one.told_at + VALID;
        one.tries += 1;
        if is_right || one.tries >= TRIES {
            // So that nobody is called again at once, a code that was guessed at is only made useless.
            one.code.clear();
        }
        is_right && !code.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: UserId = UserId(1);
    const NUMBER: &str = "+5551999990000";

    #[test]
    fn f208_a_code_is_good_once_for_ten_minutes_and_three_tries() {
        let codes = Verifications::default();
        let code = codes.begin(ANA, NUMBER, 0).unwrap();
        assert_eq!(code.len(), CODE_DIGITS);
        assert!(codes.begin(ANA, NUMBER, AGAIN - 1).is_none(), "too soon");
        assert!(!codes.take(ANA, "+5551999990001", &code, 1), "elsewhere");
        assert!(!codes.take(UserId(2), NUMBER, &code, 1), "somebody else's");
        assert!(codes.take(ANA, NUMBER, &code, VALID - 1));
        assert!(!codes.take(ANA, NUMBER, &code, VALID - 1), "once");
        assert!(!codes.take(ANA, NUMBER, "", VALID - 1));
        let code = codes.begin(ANA, NUMBER, AGAIN).unwrap();
        assert!(!codes.take(ANA, NUMBER, &code, AGAIN + VALID), "too late");
        let code = codes.begin(ANA, NUMBER, 3 * VALID).unwrap();
        for _ in 0..TRIES {
            assert!(!codes.take(ANA, NUMBER, "abcdef", 3 * VALID));
        }
        assert!(!codes.take(ANA, NUMBER, &code, 3 * VALID), "guessed at");
    }
}
