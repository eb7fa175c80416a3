//! Which other countries may be called.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::is_listed;
use crate::problem::{Invalid, Problems, code};

/// Countries that may be listed.
const MAX_COUNTRIES: usize = 300;

/// Which other countries may be called by those whose class of service allows it. It holds for all calls that leave the
/// company, forwarded ones included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TollSettings {
    /// Whether all may be called. That is so for a company set up before there was a list, and is worth turning off.
    pub all_countries: bool,
    /// What the numbers that may be called begin with after `+`: country codes such as `34`, or more digits. None may be
    /// called while it is empty. The countries that share `1` with the United States and Canada need their area codes, such
    /// as `1809`.
    #[schema(example = json!(["34", "351", "1"]))]
    pub countries: Vec<String>,
}

/// Input for [`TollSettings`]. What is left out goes back to its default: no other country.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewTollSettings {
    /// Whether all may be called.
    pub all_countries: bool,
    /// What the numbers that may be called begin with: 1-7 digits each, with or without `+`, at most 300.
    #[schema(example = json!(["34", "351", "1"]))]
    pub countries: Vec<String>,
}

impl NewTollSettings {
    /// What can be stored.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn validate(&self) -> Result<TollSettings, Invalid> {
        let mut problems = Problems::default();
        if self.countries.len() > MAX_COUNTRIES {
            problems.add(
                "countries",
                code::TOO_MANY,
                Some("0-300"),
                format!("{} countries are too many", self.countries.len()),
            );
        }
        let mut countries: Vec<String> = Vec::new();
        for (place, text) in self.countries.iter().take(MAX_COUNTRIES).enumerate() {
            let digits = text.trim().trim_start_matches('+');
            let plausible = (1..=7).contains(&digits.len())
                && !digits.starts_with('0')
                && digits.bytes().all(|byte| byte.is_ascii_digit());
            if !plausible {
                problems.add(
                    &format!("countries[{place}]"),
                    code::INVALID,
                    Some("1-7 digits"),
                    "must be what numbers of the country begin with, 1-7 digits such as 34",
                );
            } else if !countries.iter().any(|one| one == digits) {
                countries.push(digits.to_owned());
            }
        }
        countries.sort();
        problems.finish(TollSettings {
            all_countries: self.all_countries,
            countries,
        })
    }
}

impl TollSettings {
    /// What holds for companies set up before there was a list: whoever had a rule for calls abroad goes on using it.
    pub fn before() -> Self {
        Self {
            all_countries: true,
            countries: Vec::new(),
        }
    }

    /// Whether a number abroad may be called; none where it cannot be told which one it is.
    #[must_use]
    pub fn allow(&self, e164: Option<&str>) -> bool {
        self.all_countries || e164.is_some_and(|e164| is_listed(e164, &self.countries))
    }

    /// Whether somebody named the country of this number.
    #[must_use]
    pub fn lists(&self, e164: Option<&str>) -> bool {
        e164.is_some_and(|e164| is_listed(e164, &self.countries))
    }

    /// Whether any other country may be called.
    #[must_use]
    pub fn allow_any(&self) -> bool {
        self.all_countries || !self.countries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_what_numbers_begin_with() {
        let input = NewTollSettings {
            all_countries: false,
            countries: ["+34", "1", "34", " 351 "].map(str::to_owned).into(),
        };
        let settings = input.validate().unwrap();
        assert_eq!(settings.countries, ["1", "34", "351"]);
        for allowed in [
            "+34912345678",
            "+12125550123",
            "+14165550123",
            "+351211234567",
        ] {
            assert!(settings.allow(Some(allowed)), "{allowed}");
        }
        for refused in ["+33123456789", "+18095550123", "+18765550123"] {
            assert!(!settings.allow(Some(refused)), "{refused}");
        }
        assert!(!settings.allow(None));
        assert!(!TollSettings::default().allow_any());
        assert!(TollSettings::before().allow(None));
    }

    #[test]
    fn what_is_no_country_is_refused_with_its_place() {
        for wrong in ["", "0", "ES", "12345678", "+"] {
            let input = NewTollSettings {
                all_countries: false,
                countries: vec!["34".into(), wrong.into()],
            };
            let invalid = input.validate().unwrap_err();
            assert_eq!(invalid.problems[0].field, "countries[1]", "{wrong}");
            assert_eq!(invalid.problems[0].limit.as_deref(), Some("1-7 digits"));
        }
    }
}
