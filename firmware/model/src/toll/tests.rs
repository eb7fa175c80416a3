use super::*;
use crate::NewCompany;

fn company(country: &str, area_code: &str) -> Company {
    let input =
        serde_json::json!({ "legal_name": "x", "country": country, "area_code": area_code });
    let input: NewCompany = serde_json::from_value(input).unwrap();
    input.validate_set_up().unwrap()
}

/// Numbers as dialled, and what they are.
type Numbers<'a> = &'a [(&'a str, Toll)];

fn abroad_at(e164: &str) -> Toll {
    Toll::International(Some(e164.to_owned()))
}

#[test]
fn numbers_cost_what_their_country_says() {
    use Toll::{Emergency, Free, Local, Mobile, National, Premium};
    let cases: &[(&str, &str, Numbers<'_>)] = &[
        (
            "BR",
            "51",
            &[
                ("190", Emergency),
                ("193", Emergency),
                ("33335555", Local),
                ("5133335555", Local),
                ("40041234", Local),
                ("102", Local),
                ("01133335555", National),
                ("02111 3333-5555", National),
                ("1133335555", National),
                ("999990000", Mobile),
                ("02111999990000", Mobile),
                ("+5551999990000", Mobile),
                ("08001234567", Free),
                ("09001234567", Premium),
                ("05001234567", Premium),
                ("03001234567", Premium),
                ("3001234567", Premium),
                ("002134912345678", abroad_at("+34912345678")),
                ("+34912345678", abroad_at("+34912345678")),
                // Whether 21 is the carrier or the country cannot be told.
                ("00215551999990000", abroad_at("+215551999990000")),
                ("00525512345678", abroad_at("+525512345678")),
                ("015 11 3333-5555", National),
                ("015 51 3333-5555", Local),
                ("015 11 99999-0000", Mobile),
                ("00", Toll::International(None)),
                ("123456789012345", Toll::International(None)),
            ],
        ),
        (
            "US",
            "212",
            &[
                ("911", Emergency),
                ("5550123", Local),
                ("12125550123", Local),
                ("3105550123", National),
                ("13105550123", National),
                ("18005550123", Free),
                ("19005550123", Premium),
                ("9761234", Premium),
                ("01134912345678", abroad_at("+34912345678")),
                ("101028801134912345678", abroad_at("+34912345678")),
                ("18095550123", abroad_at("+18095550123")),
                ("14165550123", abroad_at("+14165550123")),
                ("+5511999990000", abroad_at("+5511999990000")),
            ],
        ),
        (
            "ES",
            "",
            &[
                ("112", Emergency),
                ("912345678", National),
                ("612345678", Mobile),
                ("712345678", Mobile),
                ("803123456", Premium),
                ("806123456", Premium),
                ("807123456", Premium),
                ("905123456", Premium),
                ("11818", Premium),
                ("900123456", Free),
                ("0034803123456", Premium),
                ("00551133335555", abroad_at("+551133335555")),
            ],
        ),
        (
            "MX",
            "55",
            &[
                ("911", Emergency),
                ("5512345678", Local),
                ("3312345678", National),
                ("019001234567", Premium),
                ("9001234567", Premium),
                ("018001234567", Free),
                ("0445512345678", Mobile),
                ("0012125550123", abroad_at("+12125550123")),
            ],
        ),
        (
            "AR",
            "11",
            &[
                ("43211234", Local),
                ("02214211234", National),
                ("1512345678", Mobile),
                ("0111512345678", Mobile),
                ("+5491112345678", Mobile),
                ("06001234567", Premium),
                ("06051234567", Premium),
                ("08001234567", Free),
                ("08101234567", Local),
                ("0034912345678", abroad_at("+34912345678")),
            ],
        ),
        (
            "ID",
            "21",
            &[
                ("112", Emergency),
                ("5501234", Local),
                ("0225501234", National),
                ("08123456789", Mobile),
                ("08091234567", Premium),
                ("08001234567", Free),
                ("00734912345678", abroad_at("+34912345678")),
                ("0101734912345678", abroad_at("+34912345678")),
                ("008621012345678", abroad_at("+8621012345678")),
            ],
        ),
        (
            "GB",
            "20",
            &[
                ("79460123", Local),
                ("01614960123", National),
                ("07700900123", Mobile),
                ("07012345678", Premium),
                ("09012345678", Premium),
                ("08451234567", Premium),
                ("118118", Premium),
                ("08081234567", Free),
            ],
        ),
        (
            "PT",
            "",
            &[
                ("912345678", Mobile),
                ("760123456", Premium),
                ("211234567", National),
            ],
        ),
        (
            "CL",
            "2",
            &[
                ("221234567", Local),
                ("912345678", Mobile),
                ("700123456", Premium),
                ("188034912345678", abroad_at("+34912345678")),
            ],
        ),
        (
            "CO",
            "601",
            &[
                ("3001234567", Mobile),
                ("6012345678", Local),
                ("6042345678", National),
                ("019001234567", Premium),
                ("00934912345678", abroad_at("+34912345678")),
                ("005571133335555", abroad_at("+5571133335555")),
            ],
        ),
        (
            "PE",
            "1",
            &[
                ("4251234", Local),
                ("912345678", Mobile),
                ("080812345", Premium),
            ],
        ),
        (
            "EC",
            "2",
            &[
                ("0991234567", Mobile),
                ("1900123456", Premium),
                ("1800123456", Free),
            ],
        ),
        (
            "BO",
            "2",
            &[
                ("71234567", Mobile),
                ("22123456", Local),
                ("001034912345678", abroad_at("+34912345678")),
            ],
        ),
        (
            "PY",
            "21",
            &[("0981123456", Mobile), ("0900123456", Premium)],
        ),
        (
            "UY",
            "2",
            &[
                ("099123456", Mobile),
                ("09001234", Premium),
                ("24001234", Local),
            ],
        ),
        (
            "VE",
            "212",
            &[
                ("04121234567", Mobile),
                ("09001234567", Premium),
                ("02121234567", Local),
            ],
        ),
    ];
    for (country, area, numbers) in cases {
        let company = company(country, area);
        for (number, expected) in *numbers {
            assert_eq!(company.toll(number), *expected, "{country} {number}");
        }
    }
}

/// Neither what a rule takes off nor what it puts in front hides what a call costs.
#[test]
fn rules_do_not_hide_what_a_call_costs() {
    let spain = abroad_at("+34912345678");
    let company = company("BR", "51");
    // The carrier wants numbers without prefix: what is left looks like one of Uberlândia.
    let stripped = company.toll_sent("002134912345678", 4, "", "34912345678");
    assert_eq!(stripped, spain);
    let whole = company.toll_sent("0034912345678", 2, "+", "+34912345678");
    assert_eq!(whole, spain);
    // A zero for a line outside, and one for another area.
    let outside = company.toll_sent("001133335555", 1, "", "01133335555");
    assert_eq!(outside, Toll::National);
    let by_carrier = company.toll_sent("99990000", 0, "0215", "021599990000");
    assert_ne!(by_carrier.class(), Some(TollClass::International));
    // An access code of the carrier before the number.
    let access = company.toll_sent("002134912345678", 0, "9876", "9876002134912345678");
    assert_eq!(access, spain);
    let access = company.toll_sent("555125554444", 2, "1234", "12345125554444");
    assert_eq!(access, Toll::Local);
    // The digits that begin calls abroad are those of a carrier as well, of which one is left.
    let china = self::company("ID", "21").toll_sent("008621012345678", 2, "", "8621012345678");
    assert_eq!(china, abroad_at("+8621012345678"));
    let help = company.toll_sent("0190", 1, "", "190");
    assert_eq!(help, Toll::Emergency);
}

/// Carriers and lines leave out what they do not know, and dial the rest.
#[test]
fn keys_beside_digits_do_not_hide_what_a_call_costs() {
    use Toll::{Emergency, Free, Local, Mobile, National, Premium};
    let spain = || abroad_at("+34912345678");
    let cases = [
        ("002134912345678#", spain()),
        ("0021349x12345678", spain()),
        ("+34912345678#", spain()),
        ("x+34912345678", spain()),
        ("*31#002134912345678", spain()),
        ("*31#33335555", Local),
        ("*31#1133335555", National),
        ("0*900*1234567", Premium),
        ("0*0*2134912345678", spain()),
        ("08001234567#", Free),
        ("999990000*", Mobile),
        ("190#", Emergency),
        ("190*002134912345678", spain()),
        ("123456789012345#", Toll::International(None)),
        ("*99", Local),
        ("ana", Local),
        ("", Local),
    ];
    let company = company("BR", "51");
    for (number, expected) in cases {
        assert_eq!(company.toll(number), expected, "{number}");
    }
    assert!(company.leads_abroad("*31#002134912345678"));
    let sent = company.toll_sent("002134912345678#", 4, "", "34912345678#");
    assert_eq!(sent, spain());
    for abroad in ["0x034912345678", "*31#0034912345678", "x+34912345678"] {
        assert_eq!(
            without_company(abroad),
            Toll::International(None),
            "{abroad}"
        );
    }
}

#[test]
fn classes_are_kept_to() {
    assert_eq!(Toll::Emergency.class(), None);
    assert_eq!(Toll::Free.class(), Some(TollClass::Local));
    let usual = TollClass::usual();
    assert!(!usual.contains(&TollClass::International) && !usual.contains(&TollClass::Premium));
    assert!(usual.contains(&TollClass::Mobile));
}

proptest::proptest! {
    /// Whatever begins as calls abroad do, or is whole and of another country, counts as such.
    #[test]
    fn no_number_abroad_counts_as_another(number in "[1-9][0-9]{8,12}") {
        for country in crate::Country::known() {
            let company = company(country.code, "");
            if number.starts_with(company.country_code.as_str()) {
                continue;
            }
            let class = company.toll(&format!("+{number}")).class();
            proptest::prop_assert_eq!(class, Some(TollClass::International), "{}", country.code);
            if country.code == "US" {
                continue;
            }
            let class = company.toll(&format!("00{number}")).class();
            proptest::prop_assert_eq!(class, Some(TollClass::International), "{} 00", country.code);
        }
    }
}

/// Numbers of the kinds that Google's libphonenumber (9.0.43) knows, 25 at most of each kind and country, drawn from its
/// patterns: `country,kind,number`.
const LIBPHONENUMBER: &str = include_str!("libphonenumber.csv");

/// Ranges that libphonenumber counts as mobile and that machines have, which nobody calls.
const MACHINES: &[&str] = &["+54675", "+34969", "+34973", "+351169"];

#[test]
fn classes_agree_with_libphonenumber() {
    use TollClass::{Local, Mobile, National, Premium};
    let mut compared = 0;
    for line in LIBPHONENUMBER.lines() {
        let mut fields = line.split(',');
        let mut field = || fields.next().unwrap();
        let (country, kind, number) = (field(), field(), field());
        if MACHINES.iter().any(|range| number.starts_with(range)) {
            continue;
        }
        let class = company(country, "").toll(number).class().unwrap();
        let expected: &[TollClass] = match kind {
            "fixed" => &[Local, National],
            "mobile" if country == "PT" && number.starts_with("+3516") => &[Premium],
            "mobile" => &[Mobile],
            // The plan no longer tells them apart.
            "fixed_or_mobile" => &[National, Mobile],
            "free" => &[Local],
            "premium" => &[Premium],
            // 0300 of Brazil costs more than a call, though a part of it is the caller's own.
            "shared" if country == "BR" => &[Local, National, Premium],
            "shared" => &[Local, National],
            _ => panic!("{line}: no such kind"),
        };
        assert!(expected.contains(&class), "{line}: {class:?}");
        compared += 1;
    }
    assert!(compared > 1_500, "{compared}");
}
