//! What is wrong with a span, from what its driver counts.

use std::time::{Duration, Instant};

use super::super::SpanCounters;
use super::super::abi::alarm;
use crate::TrunkFault;

/// How long nobody may answer on the signalling channel of a line that is there.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bipolar violations in one look that a line has only with another line code: 1 bit in 1,000 of 2,048 kbit/s in half a
/// second. A bad cable has fewer, or an alarm.
const VIOLATIONS: u32 = 1000;
/// CRC-4 errors in one look that are no chance: half of the thousand blocks a second (G.706 §4.3.2 gives up at 915).
const CRC_ERRORS: u32 = 250;
/// Looks in a row that must agree.
const LOOKS: u8 = 4;

/// Keeps what is needed to judge a span.
#[derive(Debug, Default)]
pub(super) struct Diagnosis {
    before: Option<SpanCounters>,
    violated: u8,
    crc_failed: u8,
    /// Since when the line is there and nobody answers.
    unanswered: Option<Instant>,
}

/// What the signalling says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SignallingHealth {
    /// The far end answers.
    pub up: bool,
    /// More comes on the signalling channel than anybody could mean.
    pub babbles: bool,
}

impl Diagnosis {
    /// Judges what is seen in one look; looks follow each other twice a second.
    pub(super) fn look(
        &mut self,
        counters: &SpanCounters,
        health: SignallingHealth,
        now: Instant,
    ) -> Option<TrunkFault> {
        let before = self.before.replace(counters.clone());
        let grown = |count: fn(&SpanCounters) -> u32| {
            let before = before.as_ref().map_or_else(|| count(counters), count);
            count(counters).saturating_sub(before)
        };
        let again = |looks: u8, bad: bool| if bad { looks.saturating_add(1) } else { 0 };
        self.violated = again(
            self.violated,
            grown(|counters| counters.bipolar_violations) >= VIOLATIONS,
        );
        self.crc_failed = again(
            self.crc_failed,
            grown(|counters| counters.crc4_errors) >= CRC_ERRORS,
        );
        if let Some(fault) = of_alarms(counters.alarms) {
            self.unanswered = None;
            return Some(fault);
        }
        if self.violated >= LOOKS {
            return Some(TrunkFault::LineCode);
        }
        if self.crc_failed >= LOOKS {
            return Some(TrunkFault::Crc4);
        }
        if health.babbles {
            return Some(TrunkFault::Babbles);
        }
        if health.up {
            self.unanswered = None;
            return None;
        }
        let since = *self.unanswered.get_or_insert(now);
        (now.saturating_duration_since(since) >= PATIENCE).then_some(TrunkFault::NoAnswer)
    }
}

fn of_alarms(alarms: i32) -> Option<TrunkFault> {
    // The first of these that is in force is the cause, the others follow from it.
    let known = [
        (alarm::LOS | alarm::NOT_OPEN, TrunkFault::NoSignal),
        (alarm::LFA, TrunkFault::FrameAlignment),
        (alarm::LMFA, TrunkFault::Crc4),
        (alarm::BLUE, TrunkFault::AlarmIndication),
        (alarm::RED, TrunkFault::NoSignal),
        (alarm::LOOPBACK, TrunkFault::Looped),
        (alarm::YELLOW, TrunkFault::FarEndAlarm),
    ];
    known
        .into_iter()
        .find(|(bits, _)| alarms & bits != 0)
        .map(|(_, fault)| fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: SignallingHealth = SignallingHealth {
        up: true,
        babbles: false,
    };

    fn with_alarms(alarms: i32) -> SpanCounters {
        SpanCounters {
            alarms,
            ..SpanCounters::default()
        }
    }

    #[test]
    fn the_alarm_that_is_the_cause_is_named() {
        let now = Instant::now();
        for (alarms, fault) in [
            (alarm::RED | alarm::LOS, TrunkFault::NoSignal),
            (alarm::RED, TrunkFault::NoSignal),
            (alarm::RED | alarm::LFA, TrunkFault::FrameAlignment),
            (alarm::YELLOW | alarm::LMFA, TrunkFault::Crc4),
            (alarm::BLUE | alarm::YELLOW, TrunkFault::AlarmIndication),
            (alarm::YELLOW, TrunkFault::FarEndAlarm),
            (alarm::LOOPBACK, TrunkFault::Looped),
        ] {
            let seen = Diagnosis::default().look(&with_alarms(alarms), UP, now);
            assert_eq!(seen, Some(fault), "{alarms:#x}");
        }
        assert_eq!(Diagnosis::default().look(&with_alarms(0), UP, now), None);
    }

    #[test]
    fn another_line_code_or_framing_shows_in_errors_without_an_alarm() {
        let now = Instant::now();
        let (mut code, mut crc) = (Diagnosis::default(), Diagnosis::default());
        let mut counters = [SpanCounters::default(), SpanCounters::default()];
        // What had been counted before nobody knows when it was.
        counters[0].bipolar_violations = 1_000_000;
        for look in 0..=u32::from(LOOKS) {
            let wanted = |fault| (look == u32::from(LOOKS)).then_some(fault);
            let seen = code.look(&counters[0], UP, now);
            assert_eq!(seen, wanted(TrunkFault::LineCode));
            assert_eq!(
                crc.look(&counters[1], UP, now),
                wanted(TrunkFault::Crc4),
                "{look}"
            );
            counters[0].bipolar_violations += VIOLATIONS;
            counters[1].crc4_errors += CRC_ERRORS;
        }
        // A look without errors ends it.
        counters[0].bipolar_violations -= VIOLATIONS;
        assert_eq!(code.look(&counters[0], UP, now), None);
    }

    #[test]
    fn nobody_answering_is_a_fault_after_a_while_and_babble_at_once() {
        let now = Instant::now();
        let mut diagnosis = Diagnosis::default();
        let silent = SignallingHealth::default();
        let well = with_alarms(0);
        assert_eq!(diagnosis.look(&well, silent, now), None);
        let later = now + PATIENCE;
        assert_eq!(
            diagnosis.look(&well, silent, later),
            Some(TrunkFault::NoAnswer)
        );
        assert_eq!(diagnosis.look(&well, UP, later), None);
        assert_eq!(diagnosis.look(&well, silent, later), None);
        let babbling = SignallingHealth {
            up: true,
            babbles: true,
        };
        assert_eq!(
            diagnosis.look(&well, babbling, later),
            Some(TrunkFault::Babbles)
        );
    }
}
