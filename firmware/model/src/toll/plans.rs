//! What numbers cost by their first digits, country by country.
//!
//! After the countries' national numbering plans as they gave them to the ITU (E.164 national numbering plans), and compared
//! with the kinds of numbers that Google's libphonenumber knows (`libphonenumber.csv`). Where they differ, the dearer counts.

/// What a special number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Free for the caller.
    Free,
    /// A mobile telephone.
    Mobile,
    /// Costs more than a call.
    Premium,
    /// Costs what a local call does, wherever it leads.
    Shared,
    /// As any other number, though a shorter shape says something else.
    Plain,
}

/// A beginning of numbers (`X` any digit), how many digits they have (0: any), and what they are.
type Shape = (&'static str, usize, Kind);

/// What numbers are in a country.
pub(super) struct Tariff {
    country: &'static str,
    /// What begins calls abroad, the digits that choose a carrier included.
    pub(super) abroad: &'static [&'static str],
    /// Numbers as dialled.
    pub(super) as_dialled: &'static [Shape],
    /// National numbers, without what is dialled before them.
    pub(super) national: &'static [Shape],
}

const fn row(
    country: &'static str,
    abroad: &'static [&'static str],
    as_dialled: &'static [Shape],
    national: &'static [Shape],
) -> Tariff {
    Tariff {
        country,
        abroad,
        as_dialled,
        national,
    }
}

use Kind::{Free, Mobile, Plain, Premium, Shared};

static TARIFFS: [Tariff; 16] = [
    row(
        "AR",
        &["00"],
        // A mobile telephone is dialled with 15 after the area code, or alone.
        &[
            ("15", 0, Mobile),
            ("0XX15", 13, Mobile),
            ("0XXX15", 13, Mobile),
            ("0XXXX15", 13, Mobile),
            ("XX15", 12, Mobile),
            ("XXX15", 12, Mobile),
            ("XXXX15", 12, Mobile),
        ],
        &[
            ("9", 11, Mobile),
            ("60", 10, Premium),
            ("800", 0, Free),
            ("810", 0, Shared),
            ("822", 0, Shared),
        ],
    ),
    row(
        "BO",
        &["00", "001X"],
        &[],
        &[
            ("6", 8, Mobile),
            ("7", 8, Mobile),
            ("57", 8, Mobile),
            ("800", 0, Free),
            ("9", 0, Premium),
        ],
    ),
    row(
        "BR",
        &["00"],
        &[],
        // 0300 and 0500 (donations) cost more than a call, 0900 by what is sold. Mobile numbers had eight digits once.
        &[
            ("XX9", 11, Mobile),
            ("XX6", 10, Mobile),
            ("XX7", 10, Mobile),
            ("XX8", 10, Mobile),
            ("XX9", 10, Mobile),
            ("300", 0, Premium),
            ("500", 10, Premium),
            ("500", 9, Premium),
            ("900", 10, Premium),
            ("900", 9, Premium),
            ("0800", 0, Free),
            ("800", 10, Free),
            ("800", 9, Free),
        ],
    ),
    row(
        "CL",
        // Carriers have three digits and 0 after them.
        &["00", "1XX0"],
        &[],
        &[
            ("9", 9, Mobile),
            ("700", 0, Premium),
            ("600", 10, Shared),
            ("600", 11, Shared),
            ("800", 0, Free),
            ("1230", 11, Free),
        ],
    ),
    row(
        "CO",
        &[
            "00", "005", "007", "009", "00414", "00444", "00456", "00468",
        ],
        &[
            ("01800", 0, Free),
            ("01900", 0, Premium),
            ("01901", 0, Premium),
        ],
        &[
            ("3", 10, Mobile),
            ("1800", 0, Free),
            ("1900", 0, Premium),
            ("1901", 0, Premium),
            ("194", 11, Premium),
            ("901", 10, Premium),
            ("940", 10, Mobile),
        ],
    ),
    row(
        "EC",
        &["00"],
        &[("1800", 0, Free), ("1900", 0, Premium), ("1700", 0, Shared)],
        &[
            ("9", 9, Mobile),
            ("1800", 0, Free),
            ("1900", 0, Premium),
            ("1700", 0, Shared),
        ],
    ),
    row(
        "ES",
        &["00"],
        &[("118", 5, Premium)],
        &[
            ("6", 9, Mobile),
            ("7", 9, Mobile),
            ("70", 9, Premium),
            ("803", 9, Premium),
            ("806", 9, Premium),
            ("807", 9, Premium),
            ("905", 9, Premium),
            ("907", 9, Premium),
            ("900", 9, Free),
            ("800", 9, Free),
            ("901", 9, Shared),
            ("902", 9, Shared),
        ],
    ),
    row(
        "GB",
        &["00"],
        &[("118", 6, Premium)],
        &[
            ("7", 10, Mobile),
            ("70", 10, Premium),
            ("76", 10, Premium),
            ("7624", 10, Mobile),
            ("84", 0, Premium),
            ("87", 0, Premium),
            ("9", 0, Premium),
            ("800", 0, Free),
            ("808", 0, Free),
            ("500", 0, Free),
        ],
    ),
    row(
        "ID",
        &["00", "001", "007", "008", "009", "01016", "01017", "01019"],
        &[],
        &[
            ("8", 0, Mobile),
            ("800", 0, Free),
            ("804", 0, Shared),
            ("809", 0, Premium),
            ("177", 0, Free),
        ],
    ),
    row(
        "MX",
        &["00"],
        // As it was dialled until 2019, and is by habit. Mobile numbers cannot be told from others any more.
        &[
            ("01900", 12, Premium),
            ("01800", 12, Free),
            ("044", 13, Mobile),
            ("045", 13, Mobile),
            ("01", 12, Plain),
        ],
        &[
            ("900", 10, Premium),
            ("300", 10, Shared),
            ("800", 10, Free),
            ("888", 10, Free),
        ],
    ),
    row(
        "PE",
        &["00"],
        &[],
        &[
            ("9", 9, Mobile),
            ("800", 0, Free),
            ("801", 0, Shared),
            ("805", 0, Premium),
            ("808", 0, Premium),
        ],
    ),
    row(
        "PT",
        &["00"],
        &[],
        &[
            ("9", 9, Mobile),
            ("6", 9, Premium),
            ("76", 9, Premium),
            ("800", 9, Free),
            ("802", 9, Free),
            ("808", 9, Shared),
            ("809", 9, Shared),
        ],
    ),
    row(
        "PY",
        &["00"],
        &[],
        &[
            ("9", 0, Mobile),
            ("900", 0, Premium),
            ("800", 0, Free),
            ("9800", 0, Free),
        ],
    ),
    row(
        "US",
        // 01 asks an operator for one, and 101XXXX chooses a carrier.
        &["011", "01", "101XXXX011", "101XXXX01"],
        &[("976", 7, Premium), ("411", 3, Premium)],
        // Numbers that belong to persons follow them anywhere.
        &[
            ("900", 10, Premium),
            ("XXX976", 10, Premium),
            ("500", 10, Premium),
            ("521", 10, Premium),
            ("522", 10, Premium),
            ("523", 10, Premium),
            ("524", 10, Premium),
            ("525", 10, Premium),
            ("526", 10, Premium),
            ("527", 10, Premium),
            ("528", 10, Premium),
            ("529", 10, Premium),
            ("533", 10, Premium),
            ("544", 10, Premium),
            ("566", 10, Premium),
            ("577", 10, Premium),
            ("588", 10, Premium),
            ("800", 10, Free),
            ("833", 10, Free),
            ("844", 10, Free),
            ("855", 10, Free),
            ("866", 10, Free),
            ("877", 10, Free),
            ("888", 10, Free),
        ],
    ),
    row(
        "UY",
        &["00"],
        &[],
        &[
            ("9", 8, Mobile),
            ("90", 0, Premium),
            ("800", 0, Free),
            ("405", 7, Free),
            ("805", 7, Free),
        ],
    ),
    row(
        "VE",
        &["00"],
        &[],
        &[
            ("4", 10, Mobile),
            ("400", 10, Plain),
            ("900", 0, Premium),
            ("901", 0, Premium),
            ("800", 0, Free),
        ],
    ),
];

/// Where nothing is known but what the ITU recommends (E.164, E.123).
static ELSEWHERE: Tariff = row("", &["00"], &[], &[]);

/// Area codes of other countries than the United States and Canada that begin with `1` as theirs do (NANPA).
pub(super) static NANP_ABROAD: [&str; 21] = [
    "242", "246", "264", "268", "284", "345", "441", "473", "649", "658", "664", "721", "758",
    "767", "784", "809", "829", "849", "868", "869", "876",
];

/// Area codes of Canada (NANPA, CNA).
pub(super) static CANADA: [&str; 59] = [
    "204", "226", "236", "249", "250", "257", "263", "289", "306", "343", "354", "365", "367",
    "368", "382", "387", "403", "416", "418", "428", "431", "437", "438", "450", "460", "468",
    "474", "506", "514", "519", "548", "579", "581", "584", "587", "600", "604", "613", "622",
    "639", "647", "672", "683", "705", "709", "742", "753", "778", "780", "782", "807", "819",
    "825", "867", "873", "879", "902", "905", "942",
];

/// What numbers are in a country.
pub(super) fn tariff(country: &str) -> &'static Tariff {
    TARIFFS
        .iter()
        .find(|tariff| tariff.country == country)
        .unwrap_or(&ELSEWHERE)
}

/// Whether digits begin so.
pub(super) fn shape_fits(shape: &str, digits: &str) -> bool {
    digits.len() >= shape.len()
        && shape
            .bytes()
            .zip(digits.bytes())
            .all(|(want, digit)| want == b'X' || want == digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Country;

    #[test]
    fn every_country_has_its_tariff() {
        for country in Country::known() {
            assert_eq!(tariff(country.code).country, country.code);
        }
    }
}
