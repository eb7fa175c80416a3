//! What the signalling of E1 trunks is made and changed by.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CallingNameService, DEFAULT_CALLER_DIGITS, DEFAULT_R2_DIGITS, E1Signalling, IsdnSide};
use crate::{
    problem::{Problems, code},
    text,
};

/// Kinds of signalling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum E1SignallingKind {
    /// ISDN primary rate (EuroISDN: Q.921, Q.931).
    E1Pri,
    /// MFC-R2 (Q.400-Q.490).
    E1R2,
}

/// Input for an E1 trunk's signalling. What is left out has its default, or stays while the kind stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct E1SignallingInput {
    /// Which signalling; a new trunk needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<E1SignallingKind>,
    /// PRI: which side the gateway is, default user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<IsdnSide>,
    /// PRI: whether the carrier sends called numbers digit by digit, default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<bool>,
    /// PRI: how the line is told the names of callers, default off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calling_name: Option<CallingNameService>,
    /// R2: country's variant or carrier's preset, such as `br` or `br-embratel`; R2 needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// R2: digits of the called number that the exchange sends, 1-20, default 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 20)]
    pub called_digits: Option<i64>,
    /// R2: most digits of the caller's number that are asked for, 0-20, default 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 20)]
    pub caller_digits: Option<i64>,
    /// R2: whether collect calls are taken, default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collect_calls: Option<bool>,
    /// R2: whether every call is answered twice, default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub double_answer: Option<bool>,
    /// R2: whether answered calls of the exchange are ended at once, default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forced_release: Option<bool>,
}

impl E1SignallingInput {
    /// The signalling after this input.
    pub(super) fn applied(
        &self,
        current: Option<&E1Signalling>,
        problems: &mut Problems,
    ) -> E1Signalling {
        let mut inner = Problems::default();
        let kind = self.kind.or(current.map(E1Signalling::kind));
        let signalling = match kind {
            Some(kind) => {
                self.check_fields(kind, &mut inner);
                self.applied_as(kind, current, &mut inner)
            }
            None => {
                inner.add(
                    "kind",
                    code::REQUIRED,
                    Some("e1_pri, e1_r2"),
                    "says what signals the calls",
                );
                E1Signalling::blank(E1SignallingKind::E1Pri)
            }
        };
        if let Err(invalid) = inner.finish(()) {
            problems.nest("signalling", invalid);
        }
        signalling
    }

    fn applied_as(
        &self,
        kind: E1SignallingKind,
        current: Option<&E1Signalling>,
        problems: &mut Problems,
    ) -> E1Signalling {
        let mut signalling = current
            .filter(|current| current.kind() == kind)
            .cloned()
            .unwrap_or_else(|| E1Signalling::blank(kind));
        match &mut signalling {
            E1Signalling::E1Pri {
                side,
                overlap,
                calling_name,
            } => {
                put(side, &self.side);
                put(overlap, &self.overlap);
                put(calling_name, &self.calling_name);
            }
            E1Signalling::E1R2 {
                variant,
                called_digits,
                caller_digits,
                collect_calls,
                double_answer,
                forced_release,
            } => {
                put(variant, &self.variant);
                if let Some(digits) = self.called_digits {
                    *called_digits = text::range(problems, "called_digits", digits, 1, 20);
                }
                if let Some(digits) = self.caller_digits {
                    *caller_digits = text::range(problems, "caller_digits", digits, 0, 20);
                }
                put(collect_calls, &self.collect_calls);
                put(double_answer, &self.double_answer);
                put(forced_release, &self.forced_release);
            }
        }
        signalling
    }

    /// Refuses the settings of another kind: they would be forgotten without a word.
    fn check_fields(&self, kind: E1SignallingKind, problems: &mut Problems) {
        use E1SignallingKind::{E1Pri, E1R2};
        let fields = [
            ("side", E1Pri, self.side.is_some()),
            ("overlap", E1Pri, self.overlap.is_some()),
            ("calling_name", E1Pri, self.calling_name.is_some()),
            ("variant", E1R2, self.variant.is_some()),
            ("called_digits", E1R2, self.called_digits.is_some()),
            ("caller_digits", E1R2, self.caller_digits.is_some()),
            ("collect_calls", E1R2, self.collect_calls.is_some()),
            ("double_answer", E1R2, self.double_answer.is_some()),
            ("forced_release", E1R2, self.forced_release.is_some()),
        ];
        let allowed: Vec<&str> = fields
            .iter()
            .filter(|(_, of, _)| *of == kind)
            .map(|(field, ..)| *field)
            .collect();
        for (field, of, given) in fields {
            if given && of != kind {
                problems.add(
                    field,
                    code::UNKNOWN_FIELD,
                    Some(&allowed.join(", ")),
                    "is no setting of this kind of signalling",
                );
            }
        }
    }
}

impl E1Signalling {
    /// Its kind alone.
    pub fn kind(&self) -> E1SignallingKind {
        match self {
            E1Signalling::E1Pri { .. } => E1SignallingKind::E1Pri,
            E1Signalling::E1R2 { .. } => E1SignallingKind::E1R2,
        }
    }

    fn blank(kind: E1SignallingKind) -> Self {
        match kind {
            E1SignallingKind::E1Pri => E1Signalling::E1Pri {
                side: IsdnSide::default(),
                overlap: false,
                calling_name: CallingNameService::default(),
            },
            E1SignallingKind::E1R2 => E1Signalling::E1R2 {
                variant: String::new(),
                called_digits: DEFAULT_R2_DIGITS,
                caller_digits: DEFAULT_CALLER_DIGITS,
                collect_calls: false,
                double_answer: false,
                forced_release: false,
            },
        }
    }
}

pub(super) fn put<T: Clone>(field: &mut T, input: &Option<T>) {
    if let Some(input) = input {
        field.clone_from(input);
    }
}
