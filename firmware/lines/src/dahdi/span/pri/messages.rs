//! The last frames of a D channel, with the time of day at which they came.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ramal_isdn::{FrameKind, Origin, TraceStep};

use crate::{MessageCall, MessageKind, MessageStep};

/// Steps as people see them; both times are now, and they are kept by a clock that nobody sets.
pub(super) fn message_steps(
    steps: Vec<TraceStep>,
    now: Instant,
    time_of_day: SystemTime,
) -> Vec<MessageStep> {
    let since_epoch = time_of_day.duration_since(UNIX_EPOCH).unwrap_or_default();
    let step = |step: TraceStep| {
        let at = since_epoch.saturating_sub(now.saturating_duration_since(step.at));
        MessageStep {
            at: i64::try_from(at.as_millis()).unwrap_or(i64::MAX),
            sent: step.sent,
            kind: match step.kind {
                FrameKind::Message => MessageKind::Message,
                FrameKind::Link => MessageKind::Link,
                FrameKind::Unreadable => MessageKind::Unreadable,
            },
            link: step.link,
            message: step.message,
            call: step.call.map(|call| MessageCall {
                reference: call.value(),
                ours: call.origin == Origin::Ours,
            }),
            details: step.details,
        }
    };
    steps.into_iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ramal_isdn::CallReference;

    use super::*;

    #[test]
    fn a_frame_has_the_time_of_day_at_which_it_came() {
        let came = Instant::now();
        let step = TraceStep {
            at: came,
            sent: false,
            kind: FrameKind::Message,
            link: "I N(S)=0 N(R)=0 P=0".to_owned(),
            message: Some("SETUP".to_owned()),
            call: Some(CallReference::new(Origin::Theirs, 7)),
            details: Vec::new(),
        };
        let now = came + Duration::from_millis(1500);
        let time_of_day = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let shown = message_steps(vec![step], now, time_of_day);
        assert_eq!(shown[0].at, 1_799_999_998_500);
        let call = MessageCall {
            reference: 7,
            ours: false,
        };
        assert_eq!(shown[0].call, Some(call));
    }
}
