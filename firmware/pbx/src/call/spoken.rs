//! What callers are told in words before their calls are refused.
//!
//! It is said as early media: nobody pays for hearing why he was not connected.

use super::reach::{Following, NotTaken, Waiting};
use super::record::Call;
use super::trace::{Refused, Step};
use super::voice::{Interrupted, Voice};
use crate::leg::Cause;

impl Refused {
    /// What is said about it; none where a tone or a status says enough.
    fn words(self) -> Option<&'static str> {
        match self {
            Self::UnconfiguredNumber => Some("not-in-service"),
            Self::NoOutboundNumber | Self::NumberNotAssigned => Some("no-outbound-number"),
            Self::InternationalBarred | Self::CountryBarred => Some("international-barred"),
            Self::ClassBarred | Self::RouteBarred => Some("call-barred"),
            Self::CallRate | Self::DailyCap => Some("toll-limit-reached"),
            _ => None,
        }
    }
}

/// Refuses a call, and says why where the caller can hear it.
pub(super) async fn refuse(
    call: &mut Call,
    waiting: &mut Waiting<'_>,
    reason: Refused,
    cause: Cause,
    following: &Following<'_>,
) -> NotTaken {
    let outcome = call.refused(reason, cause);
    // Whoever passes somebody on, or asks back, goes on talking instead.
    let is_first = waiting.transferor.is_none() && waiting.asking.is_none();
    let Some(words) = reason.words().filter(|_| is_first) else {
        return NotTaken::Failed(outcome);
    };
    let participant = &mut *waiting.participant;
    let hears = participant.leg.hears_refusals()
        && participant.leg.progress(None).is_ok()
        && participant.leg.stream().is_some();
    if !hears {
        return NotTaken::Failed(outcome);
    }
    let configuration = following.configuration;
    let mut voice = Voice::new(call, &mut *participant.leg, &participant.who, configuration);
    match voice.say(&[words]).await {
        Ok(()) | Err(Interrupted::Media(_)) => NotTaken::Failed(outcome),
        Err(Interrupted::HungUp(_)) => {
            call.step(Step::CallerGaveUp);
            NotTaken::Over(outcome)
        }
        Err(Interrupted::MediaLost | Interrupted::Unsecured(_) | Interrupted::EndedHere(_)) => {
            NotTaken::Over(outcome)
        }
    }
}
