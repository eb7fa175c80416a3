//! What the phones that refused a call have said, taken together.

use super::trace::Refused;
use crate::leg::Cause;

/// What the phones that refused have said.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    busy: bool,
    rejected: bool,
    no_codec: bool,
    no_answer: bool,
}

impl Refusals {
    /// One more phone has refused.
    pub(super) fn add(&mut self, cause: Cause) {
        match cause {
            Cause::USER_BUSY => self.busy = true,
            Cause::CALL_REJECTED => self.rejected = true,
            Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED => self.no_codec = true,
            Cause::NO_ANSWER | Cause::NO_USER_RESPONDING => self.no_answer = true,
            _ => {}
        }
    }

    /// What the caller is told: the phone that knows most about its user speaks for all (RFC 3261 §16.7 step 6).
    pub(super) fn verdict(&self) -> (Refused, Cause) {
        if self.rejected {
            (Refused::Rejected, Cause::CALL_REJECTED)
        } else if self.busy {
            (Refused::Busy, Cause::USER_BUSY)
        } else if self.no_codec {
            (
                Refused::NoCommonCodec,
                Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED,
            )
        } else if self.no_answer {
            (Refused::Rejected, Cause::NO_ANSWER)
        } else {
            (Refused::NotRegistered, Cause::SUBSCRIBER_ABSENT)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_busy_phone_speaks_for_those_that_are_gone() {
        let mut refusals = Refusals::default();
        refusals.add(Cause::RECOVERY_ON_TIMER_EXPIRY);
        assert_eq!(refusals.verdict().1, Cause::SUBSCRIBER_ABSENT);
        refusals.add(Cause::USER_BUSY);
        assert_eq!(refusals.verdict(), (Refused::Busy, Cause::USER_BUSY));
        refusals.add(Cause::CALL_REJECTED);
        assert_eq!(
            refusals.verdict(),
            (Refused::Rejected, Cause::CALL_REJECTED)
        );
    }
}
