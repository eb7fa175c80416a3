//! Which numbers go out by a trunk, and where those that come in lead.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{MAX_INBOUND, MAX_OUTBOUND};
use crate::{ExtensionId, problem::Problems, problem::code, text};

/// Digits a prefix may have.
const MAX_PREFIX: usize = 20;
/// Characters an inbound number may have.
const MAX_NUMBER: usize = 32;

/// Numbers that go out by a trunk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutboundPrefix {
    /// What the number begins with, 0-20 digits, behind the digit that leads outside; blank is every number.
    #[serde(default)]
    pub prefix: String,
    /// How many digits of it are taken off before dialling, at most as many as `prefix` has.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 20)]
    pub strip: u8,
}

/// Where an incoming number leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundNumber {
    /// The number as the carrier sends it: 1-32 digits, with a leading `+` where he sends one.
    pub number: String,
    /// The extension that rings.
    pub extension: ExtensionId,
}

/// What is sent for `number` by these rules; `None` when none of them takes it. The longest prefix decides.
pub(crate) fn outbound_number<'a>(rules: &[OutboundPrefix], number: &'a str) -> Option<&'a str> {
    let rule = rules
        .iter()
        .filter(|rule| number.starts_with(&rule.prefix))
        .max_by_key(|rule| rule.prefix.len())?;
    number
        .get(usize::from(rule.strip)..)
        .filter(|rest| !rest.is_empty())
}

/// The entry of an incoming number. A leading `+` makes no difference: carriers add and leave it out.
pub(crate) fn inbound_entry<'a>(
    numbers: &'a [InboundNumber],
    did: &str,
) -> Option<&'a InboundNumber> {
    let did = did.trim_start_matches('+');
    numbers
        .iter()
        .find(|entry| entry.number.trim_start_matches('+') == did)
}

/// Checks the rules for numbers out, each by itself and that none of them occurs twice.
pub(crate) fn check_outbound(problems: &mut Problems, rules: &mut [OutboundPrefix]) {
    text::at_most(problems, "outbound", rules.len(), MAX_OUTBOUND);
    let mut seen = HashSet::new();
    for (index, rule) in rules.iter_mut().enumerate() {
        let mut inner = Problems::default();
        rule.check(&mut inner);
        if !seen.insert(rule.prefix.clone()) {
            inner.add("prefix", code::DUPLICATE, None, "occurs twice");
        }
        nest(problems, &format!("outbound[{index}]"), inner);
    }
}

/// Checks the numbers that come in, each by itself and that none of them occurs twice.
pub(crate) fn check_inbound(problems: &mut Problems, numbers: &mut [InboundNumber]) {
    text::at_most(problems, "inbound", numbers.len(), MAX_INBOUND);
    let mut seen = HashSet::new();
    for (index, entry) in numbers.iter_mut().enumerate() {
        let mut inner = Problems::default();
        entry.check(&mut inner);
        if !seen.insert(entry.number.trim_start_matches('+').to_owned()) {
            inner.add("number", code::DUPLICATE, None, "occurs twice");
        }
        nest(problems, &format!("inbound[{index}]"), inner);
    }
}

/// Checks that the extensions calls are led to exist.
pub(crate) fn check_extensions(
    problems: &mut Problems,
    numbers: &[InboundNumber],
    default: Option<ExtensionId>,
    known: impl Fn(ExtensionId) -> bool,
) {
    for (index, entry) in numbers.iter().enumerate() {
        if !known(entry.extension) {
            missing(
                problems,
                &format!("inbound[{index}].extension"),
                entry.extension,
            );
        }
    }
    if let Some(extension) = default.filter(|id| !known(*id)) {
        missing(problems, "inbound_default", extension);
    }
}

fn missing(problems: &mut Problems, field: &str, id: ExtensionId) {
    problems.add(
        field,
        code::NO_SUCH_OBJECT,
        None,
        format!("there is no extension with id {id}"),
    );
}

fn nest(problems: &mut Problems, path: &str, inner: Problems) {
    if let Err(invalid) = inner.finish(()) {
        problems.nest(path, invalid);
    }
}

impl OutboundPrefix {
    fn check(&mut self, problems: &mut Problems) {
        self.prefix = text::digits(problems, "prefix", &self.prefix, 0, MAX_PREFIX);
        if usize::from(self.strip) > self.prefix.len() {
            problems.add(
                "strip",
                code::OUT_OF_RANGE,
                Some(&format!("0-{}", self.prefix.len())),
                format!("{} digits cannot be taken off this prefix", self.strip),
            );
        }
    }
}

impl InboundNumber {
    fn check(&mut self, problems: &mut Problems) {
        let number = self.number.trim();
        let digits = number.strip_prefix('+').unwrap_or(number);
        let digits = text::digits(problems, "number", digits, 1, MAX_NUMBER - 1);
        self.number = if number.starts_with('+') {
            format!("+{digits}")
        } else {
            digits
        };
    }
}
