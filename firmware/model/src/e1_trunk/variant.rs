//! Names of the variants and presets of MFC-R2 that a trunk may choose.

use crate::problem::{Problems, code};

/// Countries' variants, then carriers' and exchanges' presets: the codes and ids that the signalling knows, in lower case.
pub const R2_VARIANTS: [&str; 33] = [
    "ar",
    "bo",
    "br",
    "cl",
    "cn",
    "co",
    "cz",
    "ec",
    "id",
    "itu",
    "mx",
    "ph",
    "ve",
    "ar-telefonica",
    "ar-telecom",
    "br-embratel",
    "br-oi",
    "br-oi-long",
    "br-brasil-telecom",
    "br-ctbc",
    "br-telefonica",
    "br-tadiran",
    "br-digistar",
    "br-ericsson",
    "br-avaya",
    "br-siemens",
    "br-leucotron",
    "ec-pacifictel",
    "mx-telmex",
    "ve-cantv",
    "ve-movilnet",
    "ve-movistar",
    "ve-digitel",
];

/// The name as it is stored. Upper and lower case are the same.
pub(super) fn check_variant(problems: &mut Problems, value: &str) -> String {
    let name = value.trim().to_ascii_lowercase();
    if name.is_empty() {
        problems.add(
            "variant",
            code::REQUIRED,
            None,
            "MFC-R2 needs the variant of the country or the preset of the carrier",
        );
    } else if !R2_VARIANTS.contains(&name.as_str()) {
        problems.add(
            "variant",
            code::UNKNOWN_VARIANT,
            Some(&R2_VARIANTS.join(", ")),
            "is neither a variant nor a preset of MFC-R2",
        );
    }
    name
}
