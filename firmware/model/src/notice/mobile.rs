//! Which callers can be written to: mobile numbers, by the national numbering plans.

use crate::{Company, Country};

/// How mobile numbers look in a country: digits of the national number without trunk prefix, and what they begin with. Where the plan
/// does not tell mobile from fixed numbers (MX, US), all are taken for mobile ones.
const PLANS: [(&str, std::ops::RangeInclusive<usize>, &[&str]); 16] = [
    ("AR", 11..=11, &["9"]),
    ("BO", 8..=8, &["6", "7"]),
    ("BR", 11..=11, &[]),
    ("CL", 9..=9, &["9"]),
    ("CO", 10..=10, &["3"]),
    ("EC", 9..=9, &["9"]),
    ("ES", 9..=9, &["6", "7"]),
    ("GB", 10..=10, &["7"]),
    ("ID", 9..=12, &["8"]),
    ("MX", 10..=10, &[""]),
    ("PE", 9..=9, &["9"]),
    ("PT", 9..=9, &["9"]),
    ("PY", 9..=9, &["9"]),
    ("US", 10..=10, &[""]),
    ("UY", 8..=8, &["9"]),
    ("VE", 10..=10, &["4"]),
];

/// A caller's number as E.164 with `+` when it is a mobile one; none for fixed, foreign and withheld numbers of which that cannot be
/// told.
pub fn mobile_number(company: &Company, caller: &str) -> Option<String> {
    let digits = caller
        .strip_prefix('+')
        .or_else(|| caller.strip_prefix("00"));
    if let Some(digits) = digits {
        return Country::known().iter().find_map(|country| {
            let national = digits.strip_prefix(country.dialling_code)?;
            is_mobile(country.code, national).then(|| format!("+{digits}"))
        });
    }
    let own = company.country.code();
    let code = &company.country_code;
    let whole = caller
        .strip_prefix(code.as_str())
        .filter(|national| is_mobile(own, national));
    if whole.is_some() {
        return Some(format!("+{caller}"));
    }
    let national = caller.trim_start_matches('0');
    if is_mobile(own, national) {
        return Some(format!("+{code}{national}"));
    }
    let local = format!("{}{national}", company.area_code);
    is_mobile(own, &local).then(|| format!("+{code}{local}"))
}

fn is_mobile(country: &str, national: &str) -> bool {
    let Some((_, digits, starts)) = PLANS.iter().find(|(code, ..)| *code == country) else {
        return false;
    };
    let right =
        digits.contains(&national.len()) && national.bytes().all(|byte| byte.is_ascii_digit());
    // In Brazil the 9 stands behind the area code.
    let brazilian = country == "BR" && national.get(2..3) == Some("9");
    right && (brazilian || starts.iter().any(|start| national.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NewCompany;

    fn company(country: &str, area_code: &str) -> Company {
        let input =
            serde_json::json!({ "legal_name": "x", "country": country, "area_code": area_code });
        let input: NewCompany = serde_json::from_value(input).unwrap();
        input.validate_set_up().unwrap()
    }

    #[test]
    fn tells_mobile_numbers_from_fixed_ones() {
        let brazil = company("BR", "51");
        let sent = Some("+5551999990000".to_owned());
        for caller in [
            "+5551999990000",
            "5551999990000",
            "051999990000",
            "51999990000",
            "999990000",
            "005551999990000",
        ] {
            assert_eq!(mobile_number(&brazil, caller), sent, "{caller}");
        }
        for caller in [
            "",
            "+555133334444",
            "5133334444",
            "33334444",
            "190",
            "2001",
            "abc",
            "+999123456789",
            "266696687",
        ] {
            assert_eq!(mobile_number(&brazil, caller), None, "{caller}");
        }
        assert_eq!(
            mobile_number(&brazil, "+34612345678"),
            Some("+34612345678".into())
        );
        assert_eq!(mobile_number(&brazil, "+34912345678"), None);
        assert_eq!(
            mobile_number(&company("ID", "21"), "08123456789"),
            Some("+628123456789".into())
        );
        assert_eq!(mobile_number(&company("CL", ""), "+56221234567"), None);
    }

    #[test]
    fn every_country_has_its_plan() {
        for country in Country::known() {
            assert!(
                PLANS.iter().any(|(code, ..)| *code == country.code),
                "{}",
                country.code
            );
        }
    }
}
