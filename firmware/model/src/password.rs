//! Which passwords are accepted.

use std::{collections::HashSet, sync::LazyLock};

use crate::problem::{Invalid, Problems, code};

/// Shortest password, in characters.
pub const MIN_LENGTH: usize = 10;
/// Longest password, in characters; bounds the work of hashing it.
pub const MAX_LENGTH: usize = 256;

/// Words that lists of leaked passwords begin with, in English, Portuguese, Spanish and Indonesian.
static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("common_passwords.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .collect()
});

/// Checks a password for the person with this login and name.
pub fn validate(password: &str, login: &str, name: &str) -> Result<(), Invalid> {
    let mut problems = Problems::default();
    check(&mut problems, "password", password, login, name);
    problems.finish(())
}

pub(crate) fn check(problems: &mut Problems, field: &str, password: &str, login: &str, name: &str) {
    let length = password.chars().count();
    let limit = format!("{MIN_LENGTH}-{MAX_LENGTH}");
    if length < MIN_LENGTH {
        problems.add(
            field,
            code::TOO_SHORT,
            Some(&limit),
            format!("needs at least {MIN_LENGTH} characters"),
        );
        return;
    }
    if length > MAX_LENGTH {
        problems.add(
            field,
            code::TOO_LONG,
            Some(&limit),
            format!("takes at most {MAX_LENGTH} characters"),
        );
        return;
    }
    let folded = password.to_lowercase();
    let bare = without_ornaments(&folded);
    if same(&folded, bare, login) {
        problems.add(field, code::SAME_AS_LOGIN, None, "must not be the login");
    } else if same(&folded, bare, name) {
        problems.add(
            field,
            code::SAME_AS_NAME,
            None,
            "must not be the person's name",
        );
    } else if is_common(&folded, bare) {
        problems.add(
            field,
            code::COMMON_PASSWORD,
            None,
            "is one of the first that an attacker tries",
        );
    }
}

fn is_common(folded: &str, bare: &str) -> bool {
    COMMON.contains(folded)
        || COMMON.contains(bare)
        || repeated(folded).is_some_and(|unit| unit.chars().count() < 4 || COMMON.contains(unit))
        || repeated(bare).is_some_and(|unit| COMMON.contains(unit))
        || runs_in_sequence(folded)
}

/// `text` without the digits and signs that people hang on a word to please a rule.
fn without_ornaments(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation() || c.is_whitespace())
}

fn same(folded: &str, bare: &str, other: &str) -> bool {
    let other = other.trim().to_lowercase();
    let squeezed: String = other.split_whitespace().collect();
    let bare_other = without_ornaments(&other);
    [folded, bare].into_iter().any(|text| {
        !text.is_empty()
            && (text == other || text == squeezed || (text == bare_other && bare_other.len() >= 4))
    })
}

/// The shortest text that `text` repeats at least twice.
fn repeated(text: &str) -> Option<&str> {
    (1..=text.len() / 2)
        .filter(|length| text.len().is_multiple_of(*length) && text.is_char_boundary(*length))
        .map(|length| &text[..length])
        .find(|unit| {
            text.as_bytes()
                .chunks(unit.len())
                .all(|chunk| chunk == unit.as_bytes())
        })
}

/// `0123456789`, `abcdefghij`, `9876543210`: each character follows the one before.
fn runs_in_sequence(text: &str) -> bool {
    let steps: HashSet<i64> = text
        .chars()
        .zip(text.chars().skip(1))
        .map(
            |(a, b)| match i64::from(u32::from(b)) - i64::from(u32::from(a)) {
                // 0 after 9 and 9 after 0 go on counting.
                -9 if a == '9' => 1,
                9 if a == '0' => -1,
                step => step,
            },
        )
        .collect();
    steps.len() == 1 && steps.iter().all(|step| step.abs() <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(password: &str) -> Option<String> {
        let invalid = validate(password, "maria.souza", "Maria Souza Lima").err()?;
        assert_eq!(invalid.problems.len(), 1);
        Some(invalid.problems[0].code.clone())
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(fault("ação-bélic").as_deref(), None);
        assert_eq!(fault("açãobélic").as_deref(), Some(code::TOO_SHORT));
        assert_eq!(fault("").as_deref(), Some(code::TOO_SHORT));
        assert_eq!(fault(&"xy z".repeat(65)).as_deref(), Some(code::TOO_LONG));
    }

    #[test]
    fn common_words_are_refused_in_any_case_and_with_digits_hung_on() {
        for password in [
            "password123456",
            "PassWord2024!",
            "senha123456",
            "contraseña1",
            "Bismillah123",
            "katasandi99",
            "1234567890",
            "0987654321",
            "0123456789",
            "qwertyuiop",
            "aaaaaaaaaaaa",
            "senhasenhasenha",
            "123123123123",
            "abcdefghijkl",
            "!!administrador!!",
            "teamo12345678",
        ] {
            assert_eq!(
                fault(password).as_deref(),
                Some(code::COMMON_PASSWORD),
                "{password}"
            );
        }
    }

    #[test]
    fn login_and_name_are_refused_even_with_digits_hung_on() {
        assert_eq!(fault("Maria.Souza").as_deref(), Some(code::SAME_AS_LOGIN));
        assert_eq!(
            fault("maria.souza2024").as_deref(),
            Some(code::SAME_AS_LOGIN)
        );
        assert_eq!(
            fault("maria souza lima").as_deref(),
            Some(code::SAME_AS_NAME)
        );
        assert_eq!(
            fault("MariaSouzaLima1").as_deref(),
            Some(code::SAME_AS_NAME)
        );
    }

    #[test]
    fn ordinary_passphrases_pass() {
        for password in [
            "quatro gatos no telhado",
            "Xk7-pp_aaQ2z",
            "telefone-azul-72-vento",
            "8301947562",
        ] {
            assert_eq!(fault(password), None, "{password}");
        }
    }
}
