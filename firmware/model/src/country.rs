//! Countries the gateway has defaults for.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Language, tax_id::TaxIdKind};

/// Companding law of the national network (ITU-T G.711).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// A-law, used on E1 networks.
    A,
    /// µ-law, used on T1 networks.
    Mu,
}

/// What a country presets. The company may deviate in everything but the law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CountryDefaults {
    /// ISO 3166-1 alpha-2 code, upper case.
    pub code: &'static str,
    /// ITU-T E.164 country code, without `+`.
    pub dialling_code: &'static str,
    /// Language of prompts and of the UI.
    pub language: Language,
    /// IANA time zone of the capital or of the largest city.
    pub time_zone: &'static str,
    /// Companding law of the network.
    pub law: Law,
    /// Which tax numbers companies have.
    pub tax_id: TaxIdKind,
}

const fn row(
    code: &'static str,
    dialling_code: &'static str,
    language: Language,
    time_zone: &'static str,
    law: Law,
    tax_id: TaxIdKind,
) -> CountryDefaults {
    CountryDefaults {
        code,
        dialling_code,
        language,
        time_zone,
        law,
        tax_id,
    }
}

use Language::{En, Es, Id, PtBr};

/// Numbers that must always be possible to dial: police, ambulance, fire brigade and what each country treats alike.
static EMERGENCY: [(&str, &[&str]); 16] = [
    ("AR", &["911", "100", "101", "107"]),
    ("BO", &["110", "118", "119"]),
    (
        "BR",
        &["190", "191", "192", "193", "194", "197", "198", "199"],
    ),
    ("CL", &["131", "132", "133"]),
    ("CO", &["123"]),
    ("EC", &["911"]),
    ("ES", &["112"]),
    ("GB", &["999", "112"]),
    ("ID", &["112", "110", "113", "118", "119"]),
    ("MX", &["911"]),
    ("PE", &["105", "106", "116"]),
    ("PT", &["112"]),
    ("PY", &["911", "132"]),
    ("US", &["911"]),
    ("UY", &["911", "104", "105"]),
    ("VE", &["911", "171"]),
];

static KNOWN: [CountryDefaults; 16] = [
    row(
        "AR",
        "54",
        Es,
        "America/Argentina/Buenos_Aires",
        Law::A,
        TaxIdKind::Cuit,
    ),
    row("BO", "591", Es, "America/La_Paz", Law::A, TaxIdKind::Nit),
    row(
        "BR",
        "55",
        PtBr,
        "America/Sao_Paulo",
        Law::A,
        TaxIdKind::Cnpj,
    ),
    row("CL", "56", Es, "America/Santiago", Law::A, TaxIdKind::Rut),
    row("CO", "57", Es, "America/Bogota", Law::A, TaxIdKind::Nit),
    row("EC", "593", Es, "America/Guayaquil", Law::A, TaxIdKind::Ruc),
    row("ES", "34", Es, "Europe/Madrid", Law::A, TaxIdKind::Nif),
    row("GB", "44", En, "Europe/London", Law::A, TaxIdKind::Other),
    row("ID", "62", Id, "Asia/Jakarta", Law::A, TaxIdKind::Npwp),
    row(
        "MX",
        "52",
        Es,
        "America/Mexico_City",
        Law::A,
        TaxIdKind::Rfc,
    ),
    row("PE", "51", Es, "America/Lima", Law::A, TaxIdKind::Ruc),
    row("PT", "351", PtBr, "Europe/Lisbon", Law::A, TaxIdKind::Nif),
    row("PY", "595", Es, "America/Asuncion", Law::A, TaxIdKind::Ruc),
    row("US", "1", En, "America/New_York", Law::Mu, TaxIdKind::Other),
    row(
        "UY",
        "598",
        Es,
        "America/Montevideo",
        Law::A,
        TaxIdKind::Rut,
    ),
    row("VE", "58", Es, "America/Caracas", Law::A, TaxIdKind::Rif),
];

/// A country of [`Country::known`], as its ISO 3166-1 alpha-2 code in upper case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "BR")]
pub struct Country([u8; 2]);

impl Country {
    /// The numbers that must always be possible to dial.
    pub fn emergency_numbers(self) -> &'static [&'static str] {
        let code = self.to_string();
        let row = EMERGENCY.iter().find(|(country, _)| *country == code);
        row.map_or(&[], |(_, numbers)| numbers)
    }

    /// Every country with defaults, by code.
    pub fn known() -> &'static [CountryDefaults] {
        &KNOWN
    }

    /// The code, such as `BR`.
    pub fn code(self) -> &'static str {
        self.defaults().code
    }

    /// What this country presets.
    pub fn defaults(self) -> &'static CountryDefaults {
        // Construction admits only codes of the table, so the fallback is never reached.
        KNOWN
            .iter()
            .find(|row| row.code.as_bytes() == self.0)
            .unwrap_or(&KNOWN[0])
    }
}

impl Default for Country {
    fn default() -> Self {
        Country(*b"BR")
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Country({})", self.code())
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The code is not in [`Country::known`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("country `{0}` is not known; use the two-letter code of a listed country, such as BR")]
pub struct UnknownCountry(pub String);

impl FromStr for Country {
    type Err = UnknownCountry;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        KNOWN
            .iter()
            .find(|row| row.code.eq_ignore_ascii_case(text.trim()))
            .and_then(|row| row.code.as_bytes().try_into().ok())
            .map(Country)
            .ok_or_else(|| UnknownCountry(text.to_owned()))
    }
}

impl TryFrom<String> for Country {
    type Error = UnknownCountry;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.code().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_time_zone_exists() {
        for row in Country::known() {
            assert!(
                jiff::tz::TimeZone::get(row.time_zone).is_ok(),
                "{}",
                row.time_zone
            );
        }
    }

    #[test]
    fn codes_are_read_in_any_case_and_printed_upper() {
        let country: Country = "br".parse().unwrap();
        assert_eq!(country.to_string(), "BR");
        assert_eq!(country.defaults().dialling_code, "55");
        assert!("XX".parse::<Country>().is_err());
        assert_eq!(serde_json::to_string(&country).unwrap(), "\"BR\"");
        assert!(serde_json::from_str::<Country>("\"ZZ\"").is_err());
    }
}
