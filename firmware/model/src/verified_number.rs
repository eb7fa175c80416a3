//! Numbers of lines elsewhere that users have shown to be theirs, for those they call to see (F208).

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::flow::Way;
use crate::problem::{Problems, code};
use crate::{Configuration, E1TrunkId, ExtensionId, TrunkId};

/// Verified numbers of one user.
pub const MAX_VERIFIED_NUMBERS: usize = 10;

/// How it is known that a number is somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// The gateway called it and said a code, and the code was entered.
    Code,
    /// Somebody who sets up trunks says so.
    Statement,
}

/// A number that is known to be a user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifiedNumber {
    /// The number in E.164: `+` and 8-15 digits.
    pub number: String,
    /// How that is known.
    pub verified_by: Verification,
    /// Since when, UTC ms.
    pub verified_at: i64,
}

/// Checks the numbers of a user, and that the one he shows is among them.
pub(crate) fn check(
    problems: &mut Problems,
    numbers: &[VerifiedNumber],
    caller_id: Option<&String>,
) {
    crate::text::at_most(
        problems,
        "verified_numbers",
        numbers.len(),
        MAX_VERIFIED_NUMBERS,
    );
    let mut seen = HashSet::new();
    for (index, one) in numbers.iter().enumerate() {
        let field = format!("verified_numbers[{index}].number");
        if !is_e164(&one.number) {
            let message = "must be + and 8 to 15 digits";
            problems.add(&field, code::CHARACTER, Some("+ 0-9"), message);
        } else if !seen.insert(one.number.as_str()) {
            let message = "stands there twice";
            problems.add(&field, code::DUPLICATE, None, message);
        }
    }
    match caller_id {
        Some(number) if !is_e164(number) => {
            let message = "must be + and 8 to 15 digits";
            problems.add("caller_id", code::CHARACTER, Some("+ 0-9"), message);
        }
        Some(number) if numbers.iter().all(|one| one.number != *number) => {
            let message = format!("{number} is not verified as his");
            problems.add("caller_id", code::NOT_VERIFIED, None, message);
        }
        _ => {}
    }
}

/// Whether this is a number in E.164 with `+`.
pub(crate) fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (8..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
}

impl Configuration {
    /// Whether a trunk may show numbers that its carrier has not given. Analogue lines never do.
    #[must_use]
    pub fn shows_foreign_numbers(&self, trunk: TrunkId) -> bool {
        let sip = self.trunk(trunk);
        let e1 = self.e1_trunk(E1TrunkId(trunk.0));
        sip.is_some_and(|trunk| trunk.enabled && trunk.foreign_caller_id)
            || e1.is_some_and(|trunk| trunk.enabled && trunk.foreign_caller_id)
    }

    /// Whether somebody at an extension may call outside by a trunk that shows numbers its carrier has not given.
    pub(crate) fn may_show_foreign_numbers(&self, extension: Option<ExtensionId>) -> bool {
        let routes = self.catalogue().outbound_routes.iter();
        let mut routes = routes.filter(|route| route.enabled).peekable();
        if routes.peek().is_none() {
            let sip = self.trunks().iter().map(|trunk| trunk.id);
            let e1 = self.e1_trunks().iter().map(|trunk| TrunkId(trunk.id.0));
            return sip.chain(e1).any(|trunk| self.shows_foreign_numbers(trunk));
        }
        let rules = routes.flat_map(|route| &route.rules).filter(|rule| {
            let is_his = extension.is_some_and(|extension| rule.allowed.contains(&extension));
            !rule.force_caller_id && (rule.allowed.is_empty() || is_his)
        });
        rules.flat_map(|rule| &rule.ways).any(|way| match way {
            Way::Trunk { id } => self.shows_foreign_numbers(*id),
            Way::Line { .. } | Way::AnyLine {} => false,
        })
    }
}
