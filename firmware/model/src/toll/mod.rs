//! What calls outside cost, by class: local, national, mobile, international or premium (F171, F197, D9).

mod class_of_service;
mod plans;
mod settings;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use class_of_service::{ClassOfService, ClassOfServiceChange};
pub use settings::{NewTollSettings, TollSettings};

use self::plans::{CANADA, Kind, NANP_ABROAD, Tariff, shape_fits, tariff};
use crate::Company;

/// Digits from which on a number that no plan explains is taken for one abroad.
const TOO_LONG: usize = 14;
/// Digits up to which such a number is a short code of the public network, such as 102.
const SHORT: usize = 6;

/// A class of calls that somebody may be allowed to make, by what they cost.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TollClass {
    /// Inside the company.
    Internal,
    /// Within the company's area, numbers that are free for callers, and short codes of the public network.
    Local,
    /// To other areas of the country.
    National,
    /// To mobile telephones of the country.
    Mobile,
    /// To other countries.
    International,
    /// To numbers that cost more than a call.
    Premium,
}

impl TollClass {
    /// Every class.
    pub const ALL: [Self; 6] = [
        Self::Internal,
        Self::Local,
        Self::National,
        Self::Mobile,
        Self::International,
        Self::Premium,
    ];

    /// What somebody new may call: other countries and what costs extra are off until somebody turns them on (D9).
    #[must_use]
    pub fn usual() -> BTreeSet<Self> {
        [Self::Internal, Self::Local, Self::National, Self::Mobile].into()
    }
}

/// What a number outside is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toll {
    /// It calls for help.
    Emergency,
    /// It is free for callers.
    Free,
    /// It is in the company's area, or a short code.
    Local,
    /// It is in another area of the country.
    National,
    /// It is a mobile telephone of the country.
    Mobile,
    /// It costs more than a call.
    Premium,
    /// It is in another country: as E.164 with `+`, where that can be told.
    International(Option<String>),
}

impl Toll {
    /// The class that somebody has to be allowed to call it; none for emergency numbers, which everybody may call.
    #[must_use]
    pub fn class(&self) -> Option<TollClass> {
        match self {
            Self::Emergency => None,
            Self::Free | Self::Local => Some(TollClass::Local),
            Self::National => Some(TollClass::National),
            Self::Mobile => Some(TollClass::Mobile),
            Self::Premium => Some(TollClass::Premium),
            Self::International(_) => Some(TollClass::International),
        }
    }

    /// Of two readings of the same number the one that may cost more.
    #[must_use]
    pub fn dearer(self, other: Self) -> Self {
        match other.rank() > self.rank() {
            true => other,
            false => self,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Emergency => 0,
            Self::Free => 1,
            Self::Local => 2,
            Self::National => 3,
            Self::Mobile => 4,
            Self::Premium => 5,
            Self::International(_) => 6,
        }
    }
}

/// Whether an E.164 number with `+` is in one of these countries, given as the digits their numbers begin with. The
/// islands and countries that share `1` with the United States and Canada have to be named with their area codes.
pub(crate) fn is_listed(e164: &str, countries: &[String]) -> bool {
    let digits = e164.strip_prefix('+').unwrap_or(e164);
    let shares_one = |code: &str| {
        let area = digits.get(1..4).unwrap_or_default();
        code == "1" && NANP_ABROAD.contains(&area)
    };
    countries
        .iter()
        .any(|code| !code.is_empty() && digits.starts_with(code.as_str()) && !shares_one(code))
}

/// What a number is where nothing is known of the country.
pub(crate) fn without_company(number: &str) -> Toll {
    let abroad = |piece: String| piece.starts_with("00") || piece.starts_with('+');
    match abroad(keys(number)) || number.split(['*', '#']).map(keys).any(abroad) {
        true => Toll::International(None),
        false => Toll::National,
    }
}

impl Company {
    /// What a number is, as it is dialled or sent where the company is. One that is too long for any plan counts as one
    /// abroad.
    #[must_use]
    pub fn toll(&self, number: &str) -> Toll {
        self.reading(number).unwrap_or(Toll::International(None))
    }

    /// The same; none for a number that is too long for any plan. Carriers and lines take what lies between `*` and `#` for
    /// a number of its own, or leave both and all that is no key out: of these readings the dearest counts.
    fn reading(&self, number: &str) -> Option<Toll> {
        let pieces = || {
            let pieces = number.split(['*', '#']).map(keys);
            pieces.filter(|piece| !piece.is_empty())
        };
        let whole = pieces()
            .map(|piece| self.reading_of_keys(&piece))
            .reduce(|one, other| match (one, other) {
                (Some(one), Some(other)) => Some(one.dearer(other)),
                (Some(abroad @ Toll::International(_)), None)
                | (None, Some(abroad @ Toll::International(_))) => Some(abroad),
                _ => None,
            })
            .unwrap_or(Some(Toll::Local));
        if pieces().count() < 2 {
            return whole;
        }
        // Codes of services in front make a longer number of it, which costs what it seems to only where that is much.
        let together = keys(&pieces().collect::<String>());
        let together = self.reading_of_keys(&together).filter(|toll| {
            let class = toll.class();
            class >= Some(TollClass::International)
        });
        match together {
            Some(together) => whole.map(|whole| whole.dearer(together)),
            None => whole,
        }
    }

    /// What digits are, with a leading `+` or without; none when there are too many for any plan.
    fn reading_of_keys(&self, number: &str) -> Option<Toll> {
        let whole = number.strip_prefix('+');
        let digits = whole.unwrap_or(number);
        if digits.is_empty() {
            return Some(Toll::Local);
        }
        let tariff = tariff(self.country.code());
        if whole.is_some() {
            return Some(self.by_e164(digits, tariff));
        }
        if self.country.emergency_numbers().contains(&digits) {
            return Some(Toll::Emergency);
        }
        if let Some(abroad) = self.abroad(tariff, digits) {
            return Some(abroad);
        }
        if let Some(kind) = special(tariff.as_dialled, digits) {
            return Some(self.toll_of(kind, digits));
        }
        if let Some(e164) = self.e164(digits) {
            return Some(self.by_e164(e164.trim_start_matches('+'), tariff));
        }
        // Special numbers may have more or fewer digits than the others.
        let national = digits.strip_prefix('0').unwrap_or(digits);
        match special(tariff.national, national) {
            Some(kind) if digits.len() > SHORT => Some(self.toll_of(kind, national)),
            _ if digits.len() <= SHORT => Some(Toll::Local),
            _ if digits.len() >= TOO_LONG => None,
            _ => Some(Toll::National),
        }
    }

    /// What a number is that an outbound rule makes of a dialled one: it takes `strip` digits off and puts `prepend` in front.
    /// Of several readings the one counts that may cost most.
    #[must_use]
    pub fn toll_sent(&self, dialled: &str, strip: usize, prepend: &str, sent: &str) -> Toll {
        // Waits are for lines.
        let (sent, prepend) = (sent.replace('w', ""), prepend.replace('w', ""));
        let as_sent = self.reading(&sent);
        // A whole number says all itself.
        if let Some(toll) = &as_sent
            && (sent.starts_with('+') || *toll == Toll::Emergency)
        {
            return toll.clone();
        }
        let tariff = tariff(self.country.code());
        let mut abroad = after_abroad(tariff, dialled);
        let takes_off_abroad = abroad.any(|rest| dialled.len() - rest.len() <= strip);
        // What is put in front may be an access code of the carrier, with which the whole is no number.
        let rest = sent.strip_prefix(prepend.as_str());
        let rest = rest.filter(|_| !prepend.is_empty());
        let dialled = Some(dialled).filter(|_| strip == 0 || takes_off_abroad);
        let others = [rest, dialled].into_iter().flatten();
        let readings = others.filter_map(|number| self.reading(number));
        as_sent
            .into_iter()
            .chain(readings)
            .reduce(Toll::dearer)
            .unwrap_or(Toll::International(None))
    }

    /// Whether digits as dialled here begin a call to another country.
    #[must_use]
    pub fn leads_abroad(&self, digits: &str) -> bool {
        let tariff = tariff(self.country.code());
        let mut pieces = digits.split(['*', '#']).map(keys);
        pieces.any(|piece| piece.starts_with('+') || after_abroad(tariff, &piece).next().is_some())
    }

    /// What a number is that begins as calls abroad do; none when it does not. Where a carrier may be chosen, it cannot be
    /// told whether the route does that by itself: of the readings with one and without the dearest counts, of several
    /// abroad the one with a carrier.
    fn abroad(&self, tariff: &Tariff, digits: &str) -> Option<Toll> {
        let read = |rest: &str| match rest.len() < 4 || rest.starts_with('0') {
            true => Toll::International(None),
            false => self.by_e164(rest, tariff),
        };
        let by_shape = after_abroad(tariff, digits).map(|rest| {
            // In Brazil any two digits choose the carrier.
            let has_carrier = self.country.code() == "BR" && rest.len() > 9;
            match rest.get(2..).filter(|_| has_carrier) {
                Some(after_carrier) => read(after_carrier).dearer(read(rest)),
                None => read(rest),
            }
        });
        by_shape.reduce(Toll::dearer)
    }

    fn by_e164(&self, digits: &str, tariff: &Tariff) -> Toll {
        let international = || Toll::International(Some(format!("+{digits}")));
        let Some(national) = digits.strip_prefix(self.country_code.as_str()) else {
            return international();
        };
        if self.country.code() == "US" {
            let area = national.get(..3).unwrap_or_default();
            if NANP_ABROAD.contains(&area) || CANADA.contains(&area) {
                return international();
            }
        }
        match special(tariff.national, national) {
            Some(kind) => self.toll_of(kind, national),
            None => self.by_area(national),
        }
    }

    fn toll_of(&self, kind: Kind, national: &str) -> Toll {
        match kind {
            Kind::Free => Toll::Free,
            Kind::Mobile => Toll::Mobile,
            Kind::Premium => Toll::Premium,
            Kind::Shared => Toll::Local,
            Kind::Plain => self.by_area(national),
        }
    }

    fn by_area(&self, national: &str) -> Toll {
        match !self.area_code.is_empty() && national.starts_with(&self.area_code) {
            true => Toll::Local,
            false => Toll::National,
        }
    }
}

/// The digits of a number, with the `+` that they begin with.
fn keys(number: &str) -> String {
    let mut keys = String::with_capacity(number.len());
    for key in number.chars() {
        if key.is_ascii_digit() || (key == '+' && keys.is_empty()) {
            keys.push(key);
        }
    }
    keys
}

/// What follows the digits that begin a call to another country, in each way they can be read: after the most of them first.
fn after_abroad<'a>(tariff: &Tariff, digits: &'a str) -> impl Iterator<Item = &'a str> {
    let fits = |shape: &&&str| shape_fits(shape, digits);
    let shapes = tariff.abroad.iter().filter(fits);
    let mut lengths: Vec<_> = shapes.map(|shape| shape.len()).collect();
    lengths.sort_unstable_by(|one, other| other.cmp(one));
    lengths
        .into_iter()
        .filter_map(|length| digits.get(length..))
}

/// What the most exact of these shapes says of a number.
fn special(shapes: &[(&str, usize, Kind)], digits: &str) -> Option<Kind> {
    shapes
        .iter()
        .filter(|(shape, length, _)| {
            (*length == 0 || *length == digits.len()) && shape_fits(shape, digits)
        })
        .max_by_key(|(shape, ..)| shape.len())
        .map(|(_, _, kind)| *kind)
}

#[cfg(test)]
mod tests;
