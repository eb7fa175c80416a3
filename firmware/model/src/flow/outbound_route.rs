//! How calls leave the company (F187-F197, D10).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Pattern, TimeCondition, nested};
use crate::problem::code;
use crate::{ExtensionId, Id, Object, Problems, Reference, TollClass, TrunkId, text};

/// How some calls leave the company: rules, of which the first that fits decides and the next that fit are what is tried
/// when its ways do not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OutboundRoute {
    /// 1-64 characters, unique.
    pub name: String,
    /// Whether it is used.
    pub enabled: bool,
    /// Routes with a lower number are looked at first, 0-10000.
    #[schema(minimum = 0, maximum = 10000)]
    pub position: i64,
    /// The rules, 1-100, from top to bottom.
    pub rules: Vec<OutboundRule>,
    /// When it may be used: while this matches; always when null.
    #[schema(value_type = Option<i64>)]
    pub time_condition: Option<Id<TimeCondition>>,
    /// Which numbers it takes: those of these classes; of every class when blank.
    pub classes: BTreeSet<TollClass>,
}

/// What is done with numbers of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OutboundRule {
    /// What is dialled: digits, `X` any digit, `Z` 1-9, `N` 2-9, `[..]`, and a final `.` or `!`. Null is refused.
    #[schema(value_type = Option<String>)]
    pub pattern: Option<Pattern>,
    /// How many digits are taken off its left, 0-20.
    #[schema(minimum = 0, maximum = 20)]
    pub strip: i64,
    /// What is put in front then: at most 20 of `0`-`9`, `*`, `#`, `+` and `w`, a wait of half a second on a line.
    pub prepend: String,
    /// The ways out, 1-10.
    pub ways: Vec<Way>,
    /// Which of them is tried first.
    pub order: WayOrder,
    /// The number shown to those who are called, when the caller has none of his own; the trunk's when null.
    pub caller_id: Option<String>,
    /// Whether `caller_id` is shown even when the caller has one of his own.
    pub force_caller_id: bool,
    /// Who may use the rule; everybody when blank. At most 1000.
    pub allowed: Vec<ExtensionId>,
    /// Seconds it rings before the call is dropped, 1-300; null is 60.
    #[schema(minimum = 1, maximum = 300)]
    pub ring_timeout: Option<i64>,
}

/// A way out of the company.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "way", rename_all = "snake_case", deny_unknown_fields)]
pub enum Way {
    /// A SIP or E1 trunk.
    Trunk {
        /// Which.
        id: TrunkId,
    },
    /// An analogue line.
    Line {
        /// Its name, such as `FXO1`.
        port: String,
    },
    /// Whichever analogue line is free.
    AnyLine {},
}

/// Which of several ways is tried first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WayOrder {
    /// The first of the list.
    #[default]
    Listed,
    /// The one after that of the last call.
    RoundRobin,
}

impl Default for OutboundRoute {
    fn default() -> Self {
        Self {
            name: String::new(),
            enabled: true,
            position: 0,
            rules: Vec::new(),
            time_condition: None,
            classes: BTreeSet::new(),
        }
    }
}

impl OutboundRoute {
    /// Whether it takes numbers of a class; those for help it always does.
    #[must_use]
    pub fn takes(&self, class: Option<TollClass>) -> bool {
        self.classes.is_empty() || class.is_none_or(|class| self.classes.contains(&class))
    }
}

impl OutboundRule {
    /// What is sent for dialled digits when `extension` calls; none when the rule is not for it, and for what no telephone
    /// has a key for: `.` in a pattern takes names, too, of which carriers and lines would dial the digits.
    #[must_use]
    pub fn sends(&self, dialled: &str, extension: Option<ExtensionId>) -> Option<String> {
        let may =
            self.allowed.is_empty() || extension.is_some_and(|one| self.allowed.contains(&one));
        let fits = may
            && text::is_dialled(dialled)
            && self
                .pattern
                .as_ref()
                .is_some_and(|pattern| pattern.matches(dialled));
        let rest = dialled.get(usize::try_from(self.strip).ok()?..)?;
        fits.then(|| format!("{}{rest}", self.prepend))
    }

    /// Seconds it rings before the call is dropped.
    #[must_use]
    pub fn ring_seconds(&self) -> u16 {
        self.ring_timeout
            .and_then(|seconds| u16::try_from(seconds).ok())
            .unwrap_or(60)
    }

    fn check(&mut self, problems: &mut Problems) {
        match &self.pattern {
            None => problems.add("pattern", code::REQUIRED, None, "is missing"),
            Some(pattern) => {
                let most = i64::try_from(pattern.shortest()).unwrap_or(20).min(20);
                text::range(problems, "strip", self.strip, 0, most);
            }
        }
        self.prepend = self.prepend.trim().to_owned();
        let allowed = |key: char| key.is_ascii_digit() || "*#+w".contains(key);
        if !self.prepend.chars().all(allowed) {
            problems.add(
                "prepend",
                code::CHARACTER,
                Some("0-9 * # + w"),
                "takes keys of a telephone only",
            );
        }
        text::line(problems, "prepend", &self.prepend, 0, 20);
        if self.ways.is_empty() {
            problems.add("ways", code::REQUIRED, Some("1-10"), "needs a way out");
        }
        text::at_most(problems, "ways", self.ways.len(), 10);
        for (index, way) in self.ways.iter_mut().enumerate() {
            if let Way::Line { port } = way {
                *port = text::line(problems, &format!("ways[{index}].port"), port, 1, 32);
            }
        }
        if let Some(number) = &mut self.caller_id {
            *number = text::dialled(problems, "caller_id", number, 1, 32);
        }
        if self.force_caller_id && self.caller_id.is_none() {
            problems.add("caller_id", code::REQUIRED, None, "is needed to be forced");
        }
        text::at_most(problems, "allowed", self.allowed.len(), 1000);
        if let Some(seconds) = self.ring_timeout {
            text::range(problems, "ring_timeout", seconds, 1i64, 300);
        }
    }
}

impl Object for OutboundRoute {
    const KIND: &'static str = "outbound_route";
    const WORDS: &'static str = "outbound route";
    const LIST: &'static str = "outbound_routes";
    const MAX: usize = 200;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        text::range(problems, "position", self.position, 0i64, 10_000);
        if self.rules.is_empty() {
            problems.add("rules", code::REQUIRED, Some("1-100"), "needs a rule");
        }
        text::at_most(problems, "rules", self.rules.len(), 100);
        for (index, rule) in self.rules.iter_mut().enumerate() {
            nested(problems, &format!("rules[{index}]"), |inner| {
                rule.check(inner)
            });
        }
    }

    fn references(&self, tell: &mut dyn FnMut(Reference)) {
        for (index, rule) in self.rules.iter().enumerate() {
            for (place, way) in rule.ways.iter().enumerate() {
                if let Way::Trunk { id } = way {
                    tell(Reference::to_trunk(
                        format!("rules[{index}].ways[{place}].id"),
                        *id,
                    ));
                }
            }
            for (place, extension) in rule.allowed.iter().enumerate() {
                tell(Reference::to_extension(
                    format!("rules[{index}].allowed[{place}]"),
                    *extension,
                ));
            }
        }
        if let Some(condition) = self.time_condition {
            tell(Reference::to("time_condition", condition));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_08_digits_are_taken_off_and_put_in_front() {
        let mut rule = OutboundRule {
            pattern: Some("55X.".parse().unwrap()),
            strip: 2,
            ..OutboundRule::default()
        };
        assert_eq!(
            rule.sends("555125554444", None).as_deref(),
            Some("5125554444")
        );
        rule.prepend = "1234".into();
        assert_eq!(
            rule.sends("555125554444", None).as_deref(),
            Some("12345125554444")
        );
        assert_eq!(rule.sends("5", None), None);
        for no_number in ["55512555x4444", "55512555 4444", "55ana", "555125554444;x"] {
            assert_eq!(rule.sends(no_number, None), None, "{no_number}");
        }
        assert!(rule.sends("555125554444#", None).is_some());
        rule.allowed = vec![ExtensionId(7)];
        assert_eq!(rule.sends("555125554444", Some(ExtensionId(8))), None);
        assert!(rule.sends("555125554444", Some(ExtensionId(7))).is_some());
    }
}
