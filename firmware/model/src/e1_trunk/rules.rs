//! The rules that an E1 trunk keeps, however it came in.

use std::collections::HashSet;

use super::variant::check_variant;
use super::{E1Signalling, E1Trunk, MAX_DEVICE};
use crate::{
    ExtensionId,
    problem::{Problems, code},
    text,
    trunk::{check_extensions, check_inbound, check_outbound},
};

/// Carries line signalling or the D channel, never a conversation (G.704 §5.1).
const SIGNALLING_TIMESLOT: i64 = 16;
const LAST_TIMESLOT: i64 = 31;

impl E1Trunk {
    /// Everything that can be said without another object.
    pub(crate) fn check_alone(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 40);
        self.device = device(problems, &self.device);
        self.clock_rank = text::range(problems, "clock_rank", self.clock_rank.into(), 0, 16);
        self.priority = text::range(problems, "priority", self.priority.into(), 1, 99);
        let mut inner = Problems::default();
        self.signalling.check(&mut inner);
        if let Err(invalid) = inner.finish(()) {
            problems.nest("signalling", invalid);
        }
        let blocked: Vec<i64> = self.blocked.iter().copied().map(i64::from).collect();
        self.blocked = timeslots(problems, &blocked);
        check_outbound(problems, &mut self.outbound);
        check_inbound(problems, &mut self.inbound);
    }

    /// Checks that the extensions calls are led to exist.
    pub(crate) fn check_references(
        &self,
        problems: &mut Problems,
        known: impl Fn(ExtensionId) -> bool,
    ) {
        check_extensions(problems, &self.inbound, self.inbound_default, known);
    }
}

impl E1Signalling {
    fn check(&mut self, problems: &mut Problems) {
        match self {
            E1Signalling::E1Pri { .. } => {}
            E1Signalling::E1R2 {
                variant,
                called_digits,
                caller_digits,
                ..
            } => {
                *variant = check_variant(problems, variant);
                *called_digits =
                    text::range(problems, "called_digits", (*called_digits).into(), 1, 20);
                *caller_digits =
                    text::range(problems, "caller_digits", (*caller_digits).into(), 0, 20);
            }
        }
    }
}

/// A span's name as the driver gives it.
fn device(problems: &mut Problems, value: &str) -> String {
    let value = text::line(problems, "device", value, 1, MAX_DEVICE);
    if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        problems.add(
            "device",
            code::CHARACTER,
            Some("ASCII"),
            "takes printable ASCII characters only",
        );
    }
    value
}

/// The timeslots in order. Names those that carry no conversation, and repeats.
pub(super) fn timeslots(problems: &mut Problems, values: &[i64]) -> Vec<u8> {
    let mut seen = HashSet::new();
    for (index, timeslot) in values.iter().enumerate() {
        let field = format!("blocked[{index}]");
        if !(1..=LAST_TIMESLOT).contains(timeslot) || *timeslot == SIGNALLING_TIMESLOT {
            problems.add(
                &field,
                code::OUT_OF_RANGE,
                Some("1-15, 17-31"),
                format!("timeslot {timeslot} carries no calls"),
            );
        } else if !seen.insert(*timeslot) {
            problems.add(
                &field,
                code::DUPLICATE,
                None,
                format!("timeslot {timeslot} occurs twice"),
            );
        }
    }
    let mut timeslots: Vec<u8> = seen.into_iter().flat_map(u8::try_from).collect();
    timeslots.sort_unstable();
    timeslots
}
