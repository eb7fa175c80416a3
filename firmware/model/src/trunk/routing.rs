//! Which numbers go out by a trunk, and where those that come in lead.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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

impl OutboundPrefix {
    pub(super) fn check(&mut self, problems: &mut Problems) {
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
    pub(super) fn check(&mut self, problems: &mut Problems) {
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
