//! People outside the company whose names are shown when they call (AT-01).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::code;
use crate::{Object, Problems, Reference, text};

/// Somebody outside the company.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Contact {
    /// What phones show when he calls, 1-64 characters, unique.
    pub name: String,
    /// His numbers as E.164 with `+`, 1-10.
    pub numbers: Vec<String>,
}

impl Object for Contact {
    const KIND: &'static str = "contact";
    const WORDS: &'static str = "contact";
    const LIST: &'static str = "contacts";
    const MAX: usize = 5000;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        text::at_most(problems, "numbers", self.numbers.len(), 10);
        if self.numbers.is_empty() {
            let message = "needs at least one number";
            problems.add("numbers", code::REQUIRED, Some("1-10"), message);
        }
        for (index, number) in self.numbers.iter_mut().enumerate() {
            let field = format!("numbers[{index}]");
            let plain = number.replace([' ', '-', '.', '(', ')'], "");
            let digits = plain.strip_prefix('+').unwrap_or_default();
            let is_e164 = (7..=15).contains(&digits.len())
                && digits.bytes().all(|byte| byte.is_ascii_digit())
                && !digits.starts_with('0');
            if !is_e164 {
                let message = format!("`{number}` is not a number with + and country code");
                problems.add(&field, code::INVALID, Some("+555133334444"), message);
            }
            *number = plain;
        }
    }

    fn references(&self, _: &mut dyn FnMut(Reference)) {}
}
