//! Numbers of the public network: from the way they are dialled or sent to E.164, and back to the way people dial them
//! where the company is (F232).

use std::ops::RangeInclusive;

use crate::Company;

/// How numbers are dialled in a country.
struct Plan {
    country: &'static str,
    /// What begins a call abroad.
    international: &'static str,
    /// What begins a call to another area; blank where nothing does.
    trunk: &'static str,
    /// Digits of national numbers, area code included.
    national: RangeInclusive<usize>,
    /// Digits of numbers without area code; empty where all are dialled with it.
    local: RangeInclusive<usize>,
}

const fn plan(
    country: &'static str,
    international: &'static str,
    trunk: &'static str,
    national: RangeInclusive<usize>,
    local: RangeInclusive<usize>,
) -> Plan {
    Plan {
        country,
        international,
        trunk,
        national,
        local,
    }
}

/// Nothing is dialled without area code.
#[expect(clippy::reversed_empty_ranges, reason = "a range that holds no length")]
const CLOSED: RangeInclusive<usize> = 1..=0;

/// By the plans that the countries gave the ITU (Operational Bulletin, national numbering plans).
const PLANS: [Plan; 16] = [
    plan("AR", "00", "0", 10..=11, 6..=8),
    plan("BO", "00", "0", 8..=8, 7..=7),
    plan("BR", "00", "0", 10..=11, 8..=9),
    plan("CL", "00", "", 9..=9, CLOSED),
    plan("CO", "00", "0", 10..=10, 7..=7),
    plan("EC", "00", "0", 8..=9, 7..=7),
    plan("ES", "00", "", 9..=9, CLOSED),
    plan("GB", "00", "0", 9..=10, 5..=8),
    plan("ID", "00", "0", 9..=12, 5..=8),
    plan("MX", "00", "", 10..=10, 7..=8),
    plan("PE", "00", "0", 8..=9, 6..=7),
    plan("PT", "00", "", 9..=9, CLOSED),
    plan("PY", "00", "0", 8..=9, 6..=7),
    plan("US", "011", "1", 10..=10, 7..=7),
    plan("UY", "00", "0", 8..=8, CLOSED),
    plan("VE", "00", "0", 10..=10, 7..=7),
];

/// Most digits of a number (ITU-T E.164 §6.2.1), and as few as a number in another country has.
const E164: RangeInclusive<usize> = 7..=15;

/// A number without what people write between its digits.
pub(crate) fn written(number: &str) -> String {
    number
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')'))
        .collect()
}

impl Company {
    /// A number as dialled or sent by a carrier, as E.164 with `+`. None for numbers inside the company, short codes of the
    /// public network such as 190, and what is no number.
    #[must_use]
    pub fn e164(&self, number: &str) -> Option<String> {
        let number = written(number);
        let whole = number.strip_prefix('+');
        let digits = whole.unwrap_or(&number);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let abroad = |digits: &str| {
            let fits = E164.contains(&digits.len()) && !digits.starts_with('0');
            fits.then(|| format!("+{digits}"))
        };
        if whole.is_some() {
            return abroad(digits);
        }
        let plan = self.plan()?;
        let national = |digits: &str| {
            let fits = plan.national.contains(&digits.len()) && !digits.starts_with('0');
            fits.then(|| format!("+{}{digits}", self.country_code))
        };
        if let Some(rest) = digits.strip_prefix(plan.international) {
            return self.without_carrier(rest, 9).and_then(abroad);
        }
        if let Some(rest) = digits
            .strip_prefix(plan.trunk)
            .filter(|_| !plan.trunk.is_empty())
        {
            return self
                .without_carrier(rest, *plan.national.end())
                .and_then(national);
        }
        let with_country = digits.strip_prefix(self.country_code.as_str());
        with_country
            .and_then(national)
            .or_else(|| national(digits))
            .or_else(|| {
                let with_area = format!("{}{digits}", self.area_code);
                let is_local = plan.local.contains(&digits.len()) && !self.area_code.is_empty();
                is_local.then(|| national(&with_area)).flatten()
            })
    }

    /// A number of the public network as it is dialled where the company is: without area code within its area, without
    /// country code within its country. Others stay as they are.
    #[must_use]
    pub fn local_form(&self, number: &str) -> String {
        let (Some(e164), Some(plan)) = (self.e164(number), self.plan()) else {
            return number.to_owned();
        };
        let Some(national) = e164
            .strip_prefix('+')
            .and_then(|digits| digits.strip_prefix(self.country_code.as_str()))
            .filter(|national| plan.national.contains(&national.len()))
        else {
            return e164;
        };
        let local = national
            .strip_prefix(self.area_code.as_str())
            .filter(|local| !self.area_code.is_empty() && plan.local.contains(&local.len()));
        let from_elsewhere = match plan.country {
            // A carrier has to be chosen as well.
            "BR" => national.to_owned(),
            _ => format!("{}{national}", plan.trunk),
        };
        // A number that no plan knows might be dialled as another one.
        let mut ways = local.map(str::to_owned).into_iter().chain([from_elsewhere]);
        ways.find(|way| self.e164(way).as_ref() == Some(&e164))
            .unwrap_or(e164)
    }

    /// The ways a number of the public network is dialled where the company is, those that people know best first; as it was given
    /// when no plan knows it.
    #[must_use]
    pub fn ways_to_dial(&self, number: &str) -> Vec<String> {
        let mut ways = vec![self.local_form(number)];
        if let (Some(e164), Some(plan)) = (self.e164(number), self.plan()) {
            let digits = e164.trim_start_matches('+');
            if let Some(national) = digits.strip_prefix(self.country_code.as_str()) {
                ways.extend([national.to_owned(), format!("{}{national}", plan.trunk)]);
            }
            ways.extend([digits.to_owned(), e164.clone()]);
            // Dialled, a foreign number without its prefix may be somebody else's here.
            ways.retain(|way| self.e164(way).as_ref() == Some(&e164));
            // Brazil's would have a carrier in it, which rules put there.
            ways.push(format!("{}{digits}", plan.international));
        }
        let mut seen = std::collections::HashSet::new();
        ways.retain(|way| seen.insert(way.clone()));
        ways
    }

    fn plan(&self) -> Option<&'static Plan> {
        let code = self.country.code();
        PLANS.iter().find(|plan| plan.country == code)
    }

    /// Takes out the two digits by which a carrier is chosen in Brazil, where the number would be too long otherwise.
    fn without_carrier<'a>(&self, digits: &'a str, longest: usize) -> Option<&'a str> {
        match self.country.code() == "BR" && digits.len() > longest {
            true => digits.get(2..),
            false => Some(digits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Country, NewCompany};

    fn company(country: &str, area_code: &str) -> Company {
        let input =
            serde_json::json!({ "legal_name": "x", "country": country, "area_code": area_code });
        let input: NewCompany = serde_json::from_value(input).unwrap();
        input.validate_set_up().unwrap()
    }

    /// Each number in the ways it is dialled or sent, and how it is shown.
    #[test]
    fn numbers_become_e164_and_local_again() {
        let cases: &[(&str, &str, &[&str], &str, &str)] = &[
            (
                "BR",
                "51",
                &[
                    "33335555",
                    "5133335555",
                    "05133335555",
                    "02151 3333-5555",
                    "555133335555",
                    "+555133335555",
                    "+55 (51) 3333.5555",
                    "0021555133335555",
                ],
                "+555133335555",
                "33335555",
            ),
            (
                "BR",
                "51",
                &["999990000", "51999990000", "04151999990000"],
                "+5551999990000",
                "999990000",
            ),
            (
                "BR",
                "51",
                &["1133334444", "01133334444", "551133334444"],
                "+551133334444",
                "1133334444",
            ),
            // Area code 55 is Santa Maria, not the country.
            (
                "BR",
                "51",
                &["5532221234", "555532221234"],
                "+555532221234",
                "5532221234",
            ),
            ("BR", "51", &["08001234567"], "+558001234567", "8001234567"),
            (
                "BR",
                "51",
                &["+34912345678", "002134912345678"],
                "+34912345678",
                "+34912345678",
            ),
            (
                "AR",
                "11",
                &["43211234", "01143211234", "541143211234"],
                "+541143211234",
                "43211234",
            ),
            (
                "CL",
                "2",
                &["221234567", "56221234567"],
                "+56221234567",
                "221234567",
            ),
            (
                "ES",
                "",
                &["912345678", "34912345678", "0034912345678"],
                "+34912345678",
                "912345678",
            ),
            (
                "GB",
                "20",
                &["79460123", "02079460123", "442079460123"],
                "+442079460123",
                "79460123",
            ),
            ("GB", "20", &["01614960123"], "+441614960123", "01614960123"),
            (
                "ID",
                "21",
                &["5501234", "0215501234", "62215501234"],
                "+62215501234",
                "5501234",
            ),
            (
                "ID",
                "21",
                &["08123456789", "628123456789"],
                "+628123456789",
                "08123456789",
            ),
            (
                "MX",
                "55",
                &["5512345678", "12345678", "525512345678"],
                "+525512345678",
                "12345678",
            ),
            (
                "PE",
                "1",
                &["4251234", "014251234", "5114251234"],
                "+5114251234",
                "4251234",
            ),
            (
                "US",
                "212",
                &["5550123", "2125550123", "12125550123", "0115551234567890"],
                "",
                "",
            ),
        ];
        for (country, area, ways, e164, local) in cases {
            let company = company(country, area);
            if e164.is_empty() {
                let expected = [
                    "+12125550123",
                    "+12125550123",
                    "+12125550123",
                    "+5551234567890",
                ];
                let found: Vec<_> = ways.iter().filter_map(|way| company.e164(way)).collect();
                assert_eq!(found, expected);
                continue;
            }
            for way in *ways {
                assert_eq!(company.e164(way).as_deref(), Some(*e164), "{country} {way}");
                assert_eq!(company.local_form(way), *local, "{country} {way}");
            }
            assert_eq!(
                company.e164(local).as_deref(),
                Some(*e164),
                "{country} {local}"
            );
        }
        let brazil = company("BR", "51");
        for none in [
            "",
            "190",
            "2001",
            "*97",
            "anonymous",
            "+",
            "+0123",
            "123456789012345678",
            "40",
        ] {
            assert_eq!(brazil.e164(none), None, "{none}");
            assert_eq!(brazil.local_form(none), none);
        }
        assert_eq!(company("BR", "").e164("33335555"), None, "no area code");
    }

    #[test]
    fn a_number_is_dialled_as_people_do() {
        let brazil = company("BR", "51");
        let near = brazil.ways_to_dial("+555133335555");
        let ways = ["33335555", "5133335555", "05133335555"];
        assert_eq!(near[..3], ways);
        let foreign = brazil.ways_to_dial("+34912345678");
        assert_eq!(foreign, ["+34912345678", "0034912345678"]);
        let abroad = company("US", "212").ways_to_dial("+34912345678");
        assert_eq!(abroad, ["+34912345678", "01134912345678"]);
        assert_eq!(brazil.ways_to_dial("190"), ["190"]);
    }

    #[test]
    fn every_country_has_its_plan() {
        for country in Country::known() {
            assert!(
                PLANS.iter().any(|plan| plan.country == country.code),
                "{}",
                country.code
            );
        }
    }

    proptest::proptest! {
        /// Whatever is dialled where a local form is shown reaches the same number.
        #[test]
        fn local_forms_lead_back(number in "[+]?[0-9]{1,18}", area in "[1-9][0-9]{0,2}") {
            for country in Country::known() {
                let company = company(country.code, &area);
                if let Some(e164) = company.e164(&number) {
                    proptest::prop_assert_eq!(company.e164(&e164), Some(e164.clone()));
                    let local = company.local_form(&number);
                    proptest::prop_assert_eq!(company.e164(&local), Some(e164), "{} {}", country.code, local);
                }
            }
        }
    }
}
