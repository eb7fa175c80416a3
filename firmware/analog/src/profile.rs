//! What the exchanges and telephones of a country expect beside tones.
//!
//! Sources: ringing as ITU-T E.180 Supplement 2 has it (the rhythm of ringback is the rhythm of the bell); caller ID and
//! recall as the makers of gateways and telephones preset them for the country (ETSI EN 300 659-1 for V.23, Telcordia
//! GR-30 for Bell 202, ITU-T E.180 has none). Operators differ inside a country: these are what a port begins with.

use std::time::Duration;

use crate::{CallerIdPlace, CallerIdSignalling, CallerIdSound, RingCadence};

/// Signalling presets of a country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineProfile {
    /// ISO 3166-1 alpha-2 code.
    pub country: &'static str,
    /// Rhythm of the bell.
    pub ringing: RingCadence,
    /// How the caller is told.
    pub caller_id: CallerIdSignalling,
    /// How long a recall opens the loop towards an exchange.
    pub flash: Duration,
}

const AFTER_RING: CallerIdPlace = CallerIdPlace::AfterFirstRing;

const fn row(
    country: &'static str,
    ringing: &'static [u32],
    sound: CallerIdSound,
    place: CallerIdPlace,
    flash_ms: u64,
) -> LineProfile {
    LineProfile {
        country,
        ringing: RingCadence(ringing),
        caller_id: CallerIdSignalling { sound, place },
        flash: Duration::from_millis(flash_ms),
    }
}

use CallerIdSound::{Bell202, DtmfAc, V23};

static PROFILES: [LineProfile; 16] = [
    row("AR", &[1_000, 4_000], Bell202, AFTER_RING, 300),
    row("BO", &[1_000, 4_000], Bell202, AFTER_RING, 300),
    row(
        "BR",
        &[1_000, 4_000],
        DtmfAc,
        CallerIdPlace::BeforeRing,
        300,
    ),
    row("CL", &[1_000, 3_000], Bell202, AFTER_RING, 300),
    row("CO", &[1_000, 4_500], Bell202, AFTER_RING, 300),
    row("EC", &[1_200, 4_650], Bell202, AFTER_RING, 300),
    row("ES", &[1_500, 3_000], V23, AFTER_RING, 100),
    row(
        "GB",
        &[400, 200, 400, 2_000],
        V23,
        CallerIdPlace::AfterReversalAndTone,
        100,
    ),
    row("ID", &[1_000, 4_000], Bell202, AFTER_RING, 300),
    row("MX", &[1_000, 4_000], Bell202, AFTER_RING, 300),
    row("PE", &[1_000, 4_000], Bell202, AFTER_RING, 300),
    row("PT", &[1_000, 5_000], V23, AFTER_RING, 100),
    row("PY", &[1_000, 4_000], Bell202, AFTER_RING, 300),
    row("US", &[2_000, 4_000], Bell202, AFTER_RING, 500),
    row(
        "UY",
        &[1_000, 4_000],
        DtmfAc,
        CallerIdPlace::BeforeRing,
        300,
    ),
    row("VE", &[1_000, 4_000], Bell202, AFTER_RING, 300),
];

impl LineProfile {
    /// The presets of a country; for one that is not in the table those of the United States, which makers everywhere
    /// fall back to.
    #[must_use]
    pub fn of(country: &str) -> &'static LineProfile {
        let found = PROFILES.iter().find(|row| row.country == country);
        found.unwrap_or(&PROFILES[13])
    }

    /// Every country of the table, in alphabetic order.
    #[must_use]
    pub fn all() -> &'static [LineProfile] {
        &PROFILES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_the_bell_always_rests() {
        assert!(PROFILES.is_sorted_by_key(|row| row.country));
        assert_eq!(LineProfile::of("XX").country, "US");
        for row in LineProfile::all() {
            assert_eq!(LineProfile::of(row.country), row);
            assert!(row.ringing.0.len().is_multiple_of(2) && row.ringing.period_ms() >= 3_000);
        }
    }
}
