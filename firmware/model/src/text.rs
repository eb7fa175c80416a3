//! Checks shared by the text fields of all objects.

use crate::problem::{Invalid, Problems, code};

/// Trims `value` and checks its length in characters and that it holds no control characters.
pub(crate) fn line(
    problems: &mut Problems,
    field: &str,
    value: &str,
    min: usize,
    max: usize,
) -> String {
    let value = value.trim();
    let length = value.chars().count();
    let limit = format!("{min}-{max}");
    if length == 0 && min > 0 {
        problems.add(field, code::REQUIRED, Some(&limit), "must not be blank");
    } else if length < min {
        problems.add(
            field,
            code::TOO_SHORT,
            Some(&limit),
            format!("needs at least {min} characters"),
        );
    } else if length > max {
        problems.add(
            field,
            code::TOO_LONG,
            Some(&limit),
            format!("takes at most {max} characters"),
        );
    }
    if value.chars().any(char::is_control) {
        problems.add(
            field,
            code::CONTROL_CHARACTER,
            None,
            "must be one line without control characters",
        );
    }
    value.to_owned()
}

/// Like [`line`], and only the digits 0-9.
pub(crate) fn digits(
    problems: &mut Problems,
    field: &str,
    value: &str,
    min: usize,
    max: usize,
) -> String {
    let value = value.trim();
    if !value.bytes().all(|byte| byte.is_ascii_digit()) {
        problems.add(
            field,
            code::DIGITS_ONLY,
            Some(&format!("{min}-{max}")),
            "takes digits only",
        );
        return value.to_owned();
    }
    line(problems, field, value, min, max)
}

/// Whether something can be dialled: digits, `*`, `#` and a leading `+`.
#[must_use]
pub fn is_dialled(value: &str) -> bool {
    let keys = value.strip_prefix('+').unwrap_or(value);
    let is_key = |byte: u8| byte.is_ascii_digit() || byte == b'*' || byte == b'#';
    keys.bytes().all(is_key)
}

/// Something that can be dialled: digits, `*`, `#` and a leading `+`.
pub(crate) fn dialled(
    problems: &mut Problems,
    field: &str,
    value: &str,
    min: usize,
    max: usize,
) -> String {
    let value = value.trim();
    if !is_dialled(value) {
        problems.add(
            field,
            code::CHARACTER,
            Some("0-9 * # and a leading +"),
            "takes keys of a telephone only",
        );
        return value.to_owned();
    }
    line(problems, field, value, min, max)
}

/// Reads something to dial, the field `to` of an input.
///
/// # Errors
/// Names `to` when no telephone could dial it.
pub fn dialled_number(value: &str) -> Result<String, Invalid> {
    let mut problems = Problems::default();
    let number = dialled(&mut problems, "to", value, 1, 32);
    problems.finish(number)
}

/// Reads an e-mail address, the field `to` of an input.
///
/// # Errors
/// Names `to` when it is none.
pub fn email_address(value: &str) -> Result<String, Invalid> {
    let mut problems = Problems::default();
    let address = email(&mut problems, "to", value);
    problems.finish(address)
}

/// An e-mail address.
pub(crate) fn email(problems: &mut Problems, field: &str, value: &str) -> String {
    let email = value.trim();
    let plausible = !email.contains(|c: char| c.is_whitespace() || c.is_control())
        && email.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty() && !host.contains('@') && !host.starts_with('.') && !host.is_empty()
        });
    if email.len() > 254 {
        let message = "takes at most 254 characters";
        problems.add(field, code::TOO_LONG, Some("3-254"), message);
    } else if !plausible {
        let message = format!("`{email}` is not an e-mail address");
        problems.add(field, code::EMAIL, None, message);
    }
    email.to_owned()
}

/// A number as a carrier sends it: 1-32 digits, with a leading `+` where he sends one.
pub(crate) fn did(problems: &mut Problems, field: &str, value: &str) -> String {
    let value = value.trim();
    let number = digits(
        problems,
        field,
        value.strip_prefix('+').unwrap_or(value),
        1,
        32,
    );
    if value.starts_with('+') {
        format!("+{number}")
    } else {
        number
    }
}

/// Checks that `value` lies in `min..=max` and narrows it.
pub(crate) fn range<T: TryFrom<i64> + Into<i64> + Copy>(
    problems: &mut Problems,
    field: &str,
    value: i64,
    min: T,
    max: T,
) -> T {
    if value < min.into() || value > max.into() {
        let (min, max): (i64, i64) = (min.into(), max.into());
        problems.add(
            field,
            code::OUT_OF_RANGE,
            Some(&format!("{min}-{max}")),
            format!("{value} is not between {min} and {max}"),
        );
    }
    T::try_from(value).unwrap_or(min)
}

/// Checks that a list of `length` entries holds no more than `limit`.
pub(crate) fn at_most(problems: &mut Problems, field: &str, length: usize, limit: usize) {
    if length > limit {
        problems.add(
            field,
            code::TOO_MANY,
            Some(&limit.to_string()),
            format!("holds more than {limit} entries"),
        );
    }
}

/// Distinguishes a field that was left out (`None`) from one set to null (`Some(None)`).
pub(crate) fn nullable<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}
