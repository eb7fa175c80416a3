//! Tax numbers of companies: which kind a country has, and whether one can be true (F229).

use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::{Problems, code};
use crate::{Country, text};

/// The kinds of tax numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaxIdKind {
    /// Brazil: 12 digits or letters and 2 check digits (Instrução Normativa RFB 2.229/2024).
    Cnpj,
    /// Bolivia and Colombia.
    Nit,
    /// Mexico.
    Rfc,
    /// Ecuador, Paraguay and Peru.
    Ruc,
    /// Argentina.
    Cuit,
    /// Spain and Portugal.
    Nif,
    /// Indonesia.
    Npwp,
    /// Chile and Uruguay.
    Rut,
    /// Venezuela.
    Rif,
    /// No kind that is checked: up to 20 letters and digits.
    Other,
}

impl TaxIdKind {
    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cnpj => "CNPJ",
            Self::Nit => "NIT",
            Self::Rfc => "RFC",
            Self::Ruc => "RUC",
            Self::Cuit => "CUIT",
            Self::Nif => "NIF",
            Self::Npwp => "NPWP",
            Self::Rut => "RUT",
            Self::Rif => "RIF",
            Self::Other => "0-9 A-Z",
        }
    }
}

/// Why a number is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// Not so many digits and letters, or not in these places.
    Form,
    /// It does not fit its check digits.
    CheckDigit,
}

/// Takes out what people write between the digits, and checks the number by the country's rules. Blank stays blank.
pub(crate) fn tax_id(problems: &mut Problems, value: &str, country: Country) -> String {
    let value = text::line(problems, "tax_id", value, 0, 32);
    let number: String = value
        .chars()
        .filter(|c| !matches!(c, '.' | '-' | '/' | ' '))
        .flat_map(char::to_uppercase)
        .collect();
    if number.is_empty() {
        return number;
    }
    let kind = country.defaults().tax_id;
    let name = kind.name();
    match check(country.code(), &number) {
        Ok(()) => {}
        Err(Wrong::Form) => {
            let message = format!("`{value}` does not have the form of a {name}");
            problems.add("tax_id", code::INVALID, Some(name), message);
        }
        Err(Wrong::CheckDigit) => {
            let message = format!("`{value}` is no {name}: its check digit is another one");
            problems.add("tax_id", code::CHECK_DIGIT, Some(name), message);
        }
    }
    number
}

fn check(country: &str, number: &str) -> Result<(), Wrong> {
    if number.len() > 20
        || !number
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "&Ñ".contains(c))
    {
        return Err(Wrong::Form);
    }
    match country {
        "BR" => cnpj(number),
        "AR" => weighted(number, 11, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2], |rest| {
            match 11 - rest {
                11 => 0,
                digit => digit,
            }
        }),
        "BO" => digits(number, 7..=12).map(drop),
        "CL" => rut(number),
        "CO" => weighted(
            number,
            10,
            &[41, 37, 29, 23, 19, 17, 13, 7, 3],
            |rest| match rest {
                0 | 1 => rest,
                _ => 11 - rest,
            },
        ),
        "EC" => ecuador(number),
        "ES" => spain(number),
        "ID" => npwp(number),
        "MX" => rfc(number),
        "PE" => weighted(number, 11, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2], |rest| {
            (11 - rest) % 10
        }),
        "PT" => weighted(number, 9, &[9, 8, 7, 6, 5, 4, 3, 2], |rest| match rest {
            0 | 1 => 0,
            _ => 11 - rest,
        }),
        "PY" => paraguay(number),
        "UY" => weighted(number, 12, &[4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2], |rest| {
            (11 - rest) % 11
        }),
        "VE" => rif(number),
        _ => Ok(()),
    }
}

/// The digits of a number that has so many and nothing else.
fn digits(number: &str, length: std::ops::RangeInclusive<usize>) -> Result<Vec<u32>, Wrong> {
    let digits: Option<Vec<u32>> = number.chars().map(|c| c.to_digit(10)).collect();
    digits
        .filter(|digits| length.contains(&digits.len()) && digits.iter().any(|digit| *digit != 0))
        .ok_or(Wrong::Form)
}

/// The remainder of the weighted sum by 11.
fn rest(values: &[u32], weights: &[u32]) -> u32 {
    values
        .iter()
        .zip(weights)
        .map(|(value, weight)| value * weight)
        .sum::<u32>()
        % 11
}

/// Digits of which the last is found by weights from the remainder by 11; 10 is never right.
fn weighted(
    number: &str,
    length: usize,
    weights: &[u32],
    digit: impl Fn(u32) -> u32,
) -> Result<(), Wrong> {
    let digits = digits(number, length..=length)?;
    matches_last(&digits, digit(rest(&digits, weights)))
}

fn matches_last(values: &[u32], expected: u32) -> Result<(), Wrong> {
    match values.last() {
        Some(last) if *last == expected => Ok(()),
        _ => Err(Wrong::CheckDigit),
    }
}

/// Letters count by their ASCII code less 48, so digits count as themselves.
fn cnpj(number: &str) -> Result<(), Wrong> {
    let values: Vec<u32> = number
        .bytes()
        .map(|byte| u32::from(byte).saturating_sub(48))
        .collect();
    let body = number
        .bytes()
        .take(12)
        .all(|byte| byte.is_ascii_alphanumeric());
    let all_alike = number
        .bytes()
        .all(|byte| number.as_bytes().first() == Some(&byte));
    if values.len() != 14 || !body || values.iter().skip(12).any(|digit| *digit > 9) || all_alike {
        return Err(Wrong::Form);
    }
    let weights = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];
    let digit = |rest| if rest < 2 { 0 } else { 11 - rest };
    for length in [12, 13] {
        let weights = weights.get(13 - length..).unwrap_or_default();
        let expected = digit(rest(values.get(..length).unwrap_or_default(), weights));
        matches_last(values.get(..=length).unwrap_or_default(), expected)?;
    }
    Ok(())
}

/// Up to 8 digits and a check digit, which may be K.
fn rut(number: &str) -> Result<(), Wrong> {
    let at = number
        .len()
        .checked_sub(1)
        .filter(|at| number.is_char_boundary(*at));
    let (body, last) = number.split_at(at.ok_or(Wrong::Form)?);
    let mut sum = 0;
    for (digit, weight) in digits(body, 7..=8)?.iter().rev().zip((2..8).cycle()) {
        sum += digit * weight;
    }
    let expected = "0K987654321"
        .get((sum % 11) as usize..)
        .and_then(|rest| rest.get(..1));
    match last.chars().all(|c| c.is_ascii_digit() || c == 'K') {
        false => Err(Wrong::Form),
        true if expected == Some(last) => Ok(()),
        true => Err(Wrong::CheckDigit),
    }
}

/// A province, then a number of the taxpayer and one of his establishments; check digits are no longer kept to by the SRI.
fn ecuador(number: &str) -> Result<(), Wrong> {
    digits(number, 13..=13)?;
    let province: u32 = number
        .get(..2)
        .and_then(|two| two.parse().ok())
        .ok_or(Wrong::Form)?;
    match (1..=24).contains(&province) || province == 30 || province == 50 {
        true if !number.ends_with("000") => Ok(()),
        _ => Err(Wrong::Form),
    }
}

/// A company's: letter, 7 digits and a check digit or letter; a person's: 8 digits, or X, Y, Z and 7, and a letter.
fn spain(number: &str) -> Result<(), Wrong> {
    let mut characters = number.chars();
    let (Some(first), Some(last)) = (characters.next(), characters.next_back()) else {
        return Err(Wrong::Form);
    };
    let middle = characters.as_str();
    let person = match first {
        '0'..='9' => Some(format!("{first}{middle}")),
        'X' => Some(format!("0{middle}")),
        'Y' => Some(format!("1{middle}")),
        'Z' => Some(format!("2{middle}")),
        _ => None,
    };
    if let Some(person) = person {
        let number = digits(&person, 8..=8)?
            .iter()
            .fold(0, |number, digit| number * 10 + digit);
        let letter = "TRWAGMYFPDXBNJZSQVHLCKE"
            .chars()
            .nth((number % 23) as usize);
        return if letter == Some(last) {
            Ok(())
        } else {
            Err(Wrong::CheckDigit)
        };
    }
    if !"ABCDEFGHJKLMNPQRSUVW".contains(first) {
        return Err(Wrong::Form);
    }
    let sum: u32 = digits(middle, 7..=7)?
        .iter()
        .enumerate()
        .map(|(at, digit)| match at % 2 {
            0 => digit * 2 / 10 + digit * 2 % 10,
            _ => *digit,
        })
        .sum();
    let check = (10 - sum % 10) % 10;
    let as_digit = last.to_digit(10) == Some(check) && !"KLMNPQRSW".contains(first);
    let as_letter =
        "JABCDEFGHI".chars().nth(check as usize) == Some(last) && !"ABEH".contains(first);
    if as_digit || as_letter {
        Ok(())
    } else {
        Err(Wrong::CheckDigit)
    }
}

/// 15 digits of which the ninth checks the first eight (Luhn), or 16 since 2024: a 0 before these, or a person's number.
fn npwp(number: &str) -> Result<(), Wrong> {
    let all = digits(number, 15..=16)?;
    let number = match all.as_slice() {
        [0, rest @ ..] if all.len() == 16 => rest,
        _ if all.len() == 16 => return Ok(()),
        all => all,
    };
    let sum: u32 = number
        .iter()
        .take(9)
        .enumerate()
        .map(|(at, digit)| match at % 2 {
            1 => digit * 2 / 10 + digit * 2 % 10,
            _ => *digit,
        })
        .sum();
    if sum.is_multiple_of(10) {
        Ok(())
    } else {
        Err(Wrong::CheckDigit)
    }
}

/// A company's has 3 letters, a person's 4, then a date, two more and a check digit, which may be A.
fn rfc(number: &str) -> Result<(), Wrong> {
    const VALUES: &str = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ";
    let characters: Vec<char> = number.chars().collect();
    let letters = characters
        .len()
        .checked_sub(9)
        .filter(|count| matches!(count, 3 | 4));
    let Some((name, rest)) = letters.and_then(|count| characters.split_at_checked(count)) else {
        return Err(Wrong::Form);
    };
    let date: String = rest.iter().take(6).collect();
    let year_month_day = jiff::civil::Date::strptime("%y%m%d", &date);
    if name.iter().any(char::is_ascii_digit) || date.len() != 6 || year_month_day.is_err() {
        return Err(Wrong::Form);
    }
    let padding = (name.len() == 3).then_some(' ');
    let mut sum = 0;
    for (character, weight) in padding
        .into_iter()
        .chain(characters.iter().copied())
        .zip((2..=13).rev())
    {
        let value = VALUES
            .chars()
            .position(|one| one == character)
            .ok_or(Wrong::Form)?;
        sum += value * weight;
    }
    let expected = "0A987654321".chars().nth(sum % 11);
    if expected == characters.last().copied() {
        Ok(())
    } else {
        Err(Wrong::CheckDigit)
    }
}

/// 4-8 digits and one that checks them, by weights from the right.
fn paraguay(number: &str) -> Result<(), Wrong> {
    let digits = digits(number, 5..=9)?;
    let sum: u32 = digits
        .iter()
        .rev()
        .skip(1)
        .zip(2..)
        .map(|(digit, weight)| digit * weight)
        .sum();
    matches_last(&digits, (11 - sum % 11) % 11 % 10)
}

/// A letter, 8 digits and one that checks them.
fn rif(number: &str) -> Result<(), Wrong> {
    let mut characters = number.chars();
    let kind = match characters.next() {
        Some('V') => 4,
        Some('E') => 8,
        Some('J' | 'C') => 12,
        Some('P') => 16,
        Some('G') => 20,
        _ => return Err(Wrong::Form),
    };
    let digits = digits(characters.as_str(), 9..=9)?;
    let sum = kind + rest(&digits, &[3, 2, 7, 6, 5, 4, 3, 2]);
    let expected = "00987654321"
        .chars()
        .nth((sum % 11) as usize)
        .and_then(|c| c.to_digit(10));
    matches_last(&digits, expected.unwrap_or(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// True numbers of the offices themselves and of well-known companies, as python-stdnum accepts them.
    const TRUE: &[(&str, &[&str])] = &[
        (
            "BR",
            &[
                "11222333000181",
                "33000167000101",
                "12ABC34501DE35",
                "00000000000191",
            ],
        ),
        ("AR", &["30546689979", "20329642330", "33693450239"]),
        ("BO", &["1028779029"]),
        ("CL", &["970040005", "760864285", "125319092"]),
        ("CO", &["8001972684", "2131234321", "8999990681"]),
        ("EC", &["1792060346001", "1790013731001"]),
        (
            "ES",
            &[
                "A28015865",
                "54362315K",
                "X2482300W",
                "J99216582",
                "B64717838",
            ],
        ),
        ("ID", &["013000666091000", "0013000666091000"]),
        (
            "MX",
            &[
                "SAT970701NN3",
                "GODE561231GR8",
                "PEP9207167XA",
                "CFE370814QI0",
            ],
        ),
        ("PE", &["20512333797", "20131312955"]),
        ("PT", &["501964843", "500273170", "503504564"]),
        ("PY", &["800280610", "26603"]),
        ("UY", &["211003420017"]),
        ("VE", &["V114702834", "J000029644", "G200000538"]),
    ];

    #[test]
    fn numbers_that_are_true_are_taken() {
        for (country, numbers) in TRUE {
            for number in *numbers {
                assert_eq!(check(country, number), Ok(()), "{country} {number}");
            }
        }
    }

    /// Any other digit in any place before the check digit of a number is noticed: that is what it is for.
    #[test]
    fn a_wrong_digit_is_noticed() {
        for (country, numbers) in TRUE {
            let number = numbers[0];
            let last = number.chars().count() - 1;
            let wrong: String = number
                .chars()
                .enumerate()
                .map(|(at, c)| match c {
                    '9' if at == last => '8',
                    '0'..='8' if at == last => char::from(c as u8 + 1),
                    _ if at == last => '1',
                    c => c,
                })
                .collect();
            let checked = !matches!(*country, "BO" | "EC" | "ID");
            assert_eq!(
                check(country, &wrong).is_err(),
                checked,
                "{country} {wrong}"
            );
        }
        assert_eq!(check("ID", "013000667091000"), Err(Wrong::CheckDigit));
        assert_eq!(check("BR", "00000000000000"), Err(Wrong::Form));
        assert_eq!(check("BR", "1122233300018"), Err(Wrong::Form));
        assert_eq!(check("BR", "12ABC34501DE3A"), Err(Wrong::Form));
        assert_eq!(check("MX", "SAT971301NN3"), Err(Wrong::Form));
        assert_eq!(check("EC", "9990001234001"), Err(Wrong::Form));
    }

    #[test]
    fn what_is_written_between_the_digits_is_taken_out() {
        let mut problems = Problems::default();
        let brazil = "BR".parse().unwrap();
        let written = tax_id(&mut problems, " 12.abc.345/01de-35 ", brazil);
        assert_eq!(problems.finish(written).unwrap(), "12ABC34501DE35");
        let mut problems = Problems::default();
        tax_id(&mut problems, "11.222.333/0001-82", brazil);
        let refused = problems.finish(()).unwrap_err();
        assert!(refused.to_string().contains("check digit"), "{refused}");
    }

    proptest::proptest! {
        #[test]
        fn nothing_written_upsets_the_checks(value in ".{0,24}") {
            for country in Country::known() {
                let _ = check(country.code, &value);
                let _ = tax_id(&mut Problems::default(), &value, country.code.parse().unwrap());
            }
        }
    }
}
