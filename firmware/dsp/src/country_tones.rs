//! The tones of each country's exchanges.
//!
//! Sources, by the letters in [`CountryTones::source`]:
//! - **E** ITU-T E.180 Supplement 2 (01/94) and its continuation, "Various tones used in national
//!   networks", annex to ITU Operational Bulletin 781 (1.II.2003): frequencies and cadences country by
//!   country, compared with two independent transcriptions (spandsp's `global-tones.xml`, DAHDI's zones).
//! - **R** ITU-T E.180/Q.35 (03/98) §§3-10, the recommended values, for what a country has not published:
//!   425 Hz, busy 0.1-0.66 s, congestion half of it, ringing 0.67-1.5 s in 3-5 s, and the special
//!   information tone 950, 1,400, 1,800 Hz of 330 ms each, 1 s apart.
//! - **T** ETSI TR 101 041-1 (1997-05), harmonised special dial tone (500 ms on, 50 ms off) and positive
//!   indication, for services the other documents do not name.
//! - **S** BT SIN 350 (tones of the British network).
//! - **B** Telcordia GR-506 / ANSI T1.401 (North America), with its levels.
//!
//! Levels are E.180 §3's nominal -10 dBm0 for the whole tone (limits -15 and -5) unless the source has
//! its own: -10 dBm0 for a single frequency, -13 dBm0 for each of two. What a real exchange sends may
//! differ, and then the cadence learned from the line counts more than this table.

use crate::{CadencedTone, ToneStep};

/// The tones of one country.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CountryTones {
    /// ISO 3166-1 alpha-2 code.
    pub country: &'static str,
    /// Dial now.
    pub dial: CadencedTone,
    /// The called party is being alerted.
    pub ringback: CadencedTone,
    /// The called party is busy.
    pub busy: CadencedTone,
    /// No way to the called party.
    pub congestion: CadencedTone,
    /// Another call waits; heard over a conversation.
    pub call_waiting: CadencedTone,
    /// The call fails for a reason that an announcement tells (SIT).
    pub special_information: CadencedTone,
    /// Dial tone of a line with a message waiting or a service active.
    pub stutter_dial: CadencedTone,
    /// A service has been set as asked; not repeated.
    pub confirmation: CadencedTone,
    /// Where the rows come from, see this module.
    pub source: &'static str,
}

const SINGLE: f64 = -10.0;
const EACH_OF_TWO: f64 = -13.0;

const fn step(frequencies: &'static [f64], milliseconds: u32) -> ToneStep {
    ToneStep {
        frequencies,
        milliseconds,
    }
}

const fn repeated(steps: &'static [ToneStep]) -> CadencedTone {
    CadencedTone {
        steps,
        repeat_from: Some(0),
        level: SINGLE,
    }
}

const fn once(steps: &'static [ToneStep]) -> CadencedTone {
    CadencedTone {
        steps,
        repeat_from: None,
        level: SINGLE,
    }
}

const fn at(level: f64, tone: CadencedTone) -> CadencedTone {
    CadencedTone { level, ..tone }
}

/// Repeated sound and pause of one set of frequencies: `tone!(HZ_425, 250, 250)`.
macro_rules! tone {
    ($frequencies:expr) => {
        repeated(&[step($frequencies, 0)])
    };
    ($frequencies:expr, $($on:literal, $off:literal),+) => {
        repeated(&[$(step($frequencies, $on), step(&[], $off)),+])
    };
}

const HZ_400: &[f64] = &[400.0];
const HZ_425: &[f64] = &[425.0];
const HZ_440: &[f64] = &[440.0];
const HZ_350_440: &[f64] = &[350.0, 440.0];

/// E.180 §10; the steps of one country's own lengths differ by a few milliseconds.
const SIT: CadencedTone = repeated(&[
    step(&[950.0], 330),
    step(&[1_400.0], 330),
    step(&[1_800.0], 330),
    step(&[], 1_000),
]);
const SIT_WITH_GAPS: CadencedTone = repeated(&[
    step(&[950.0], 330),
    step(&[], 30),
    step(&[1_400.0], 330),
    step(&[], 30),
    step(&[1_800.0], 330),
    step(&[], 1_000),
]);
const CONFIRMATION_425: CadencedTone = once(&[
    step(HZ_425, 100),
    step(&[], 100),
    step(HZ_425, 100),
    step(&[], 100),
    step(HZ_425, 100),
    step(&[], 100),
]);

/// What most countries share; the rows change what is theirs.
const PLAN_425: CountryTones = CountryTones {
    country: "",
    dial: tone!(HZ_425),
    ringback: tone!(HZ_425, 1_000, 4_000),
    busy: tone!(HZ_425, 500, 500),
    congestion: tone!(HZ_425, 250, 250),
    call_waiting: tone!(HZ_425, 200, 200, 200, 4_400),
    special_information: SIT,
    stutter_dial: tone!(HZ_425, 500, 50),
    confirmation: CONFIRMATION_425,
    source: "R; special dial and confirmation T",
};

const COUNTRIES: [CountryTones; 16] = [
    CountryTones {
        country: "AR",
        busy: tone!(HZ_425, 300, 200),
        congestion: tone!(HZ_425, 300, 400),
        call_waiting: tone!(HZ_425, 400, 200, 400, 4_000),
        confirmation: once(&[step(HZ_425, 1_000), step(&[], 250)]),
        source: "E (confirmation: its service activated tone); SIT R, stutter T",
        ..PLAN_425
    },
    CountryTones {
        country: "BO",
        source: "no row in E: R throughout; stutter and confirmation T",
        ..PLAN_425
    },
    CountryTones {
        country: "BR",
        busy: tone!(HZ_425, 250, 250),
        // E's row "number unobtainable" is the tone that the network's own congestion has.
        congestion: tone!(HZ_425, 250, 250, 750, 250),
        call_waiting: tone!(HZ_425, 50, 1_000),
        stutter_dial: tone!(HZ_425, 975, 50),
        confirmation: once(&[step(HZ_425, 100), step(&[], 100), step(HZ_425, 100)]),
        source: "E (stutter: its PABX dial tone; confirmation: its function acknowledge tone); SIT R",
        ..PLAN_425
    },
    CountryTones {
        country: "CL",
        dial: tone!(HZ_400),
        ringback: tone!(HZ_400, 1_000, 3_000),
        busy: tone!(HZ_400, 500, 500),
        congestion: tone!(HZ_400, 200, 200),
        call_waiting: tone!(HZ_400, 250, 8_750),
        stutter_dial: tone!(HZ_400, 500, 50),
        confirmation: once(&[
            step(HZ_400, 100),
            step(&[], 100),
            step(HZ_400, 100),
            step(&[], 100),
            step(HZ_400, 100),
            step(&[], 100),
        ]),
        source: "E; call waiting after the operator CTC's plan (DAHDI zone cl); stutter and confirmation T at 400 Hz",
        ..PLAN_425
    },
    CountryTones {
        country: "CO",
        ringback: tone!(HZ_425, 1_000, 4_500),
        busy: tone!(HZ_425, 250, 250),
        congestion: tone!(HZ_425, 100, 250, 350, 250, 650, 250),
        source: "no row in E: gateway makers' plans for Colombia, within R; stutter and confirmation T",
        ..PLAN_425
    },
    CountryTones {
        country: "EC",
        ringback: tone!(HZ_425, 1_200, 4_650),
        busy: tone!(HZ_425, 330, 330),
        congestion: tone!(HZ_425, 330, 330),
        call_waiting: tone!(HZ_425, 200, 600),
        source: "E (busy and congestion are the same); SIT R, stutter and confirmation T",
        ..PLAN_425
    },
    CountryTones {
        country: "ES",
        ringback: tone!(HZ_425, 1_500, 3_000),
        busy: tone!(HZ_425, 200, 200),
        congestion: tone!(HZ_425, 200, 200, 200, 200, 200, 600),
        call_waiting: tone!(HZ_425, 175, 175, 175, 3_500),
        special_information: SIT_WITH_GAPS,
        stutter_dial: tone!(HZ_425, 1_000, 100),
        source: "E; confirmation T",
        ..PLAN_425
    },
    CountryTones {
        country: "GB",
        dial: at(EACH_OF_TWO, tone!(HZ_350_440)),
        ringback: at(EACH_OF_TWO, tone!(&[400.0, 450.0], 400, 200, 400, 2_000)),
        busy: tone!(HZ_400, 375, 375),
        congestion: tone!(HZ_400, 400, 350, 225, 525),
        call_waiting: tone!(HZ_400, 100, 4_000),
        special_information: repeated(&[
            step(&[950.0], 330),
            step(&[], 15),
            step(&[1_400.0], 330),
            step(&[], 15),
            step(&[1_800.0], 330),
            step(&[], 1_000),
        ]),
        stutter_dial: at(
            EACH_OF_TWO,
            repeated(&[step(HZ_350_440, 750), step(HZ_440, 750)]),
        ),
        confirmation: once(&[step(&[1_400.0], 1_000)]),
        source: "S, and E for the cadences; confirmation S cut to 1 s",
    },
    CountryTones {
        country: "ID",
        call_waiting: tone!(HZ_425, 150, 150, 150, 10_000),
        special_information: SIT_WITH_GAPS,
        source: "E; stutter and confirmation T",
        ..PLAN_425
    },
    CountryTones {
        country: "MX",
        busy: tone!(HZ_425, 250, 250),
        congestion: tone!(HZ_425, 250, 250),
        call_waiting: tone!(HZ_425, 200, 600, 200, 10_000),
        special_information: SIT_WITH_GAPS,
        source: "E (busy and congestion are the same); call waiting and SIT DAHDI zone mx, stutter and confirmation T",
        ..PLAN_425
    },
    CountryTones {
        country: "PE",
        source: "no row in E: R throughout; stutter and confirmation T",
        ..PLAN_425
    },
    CountryTones {
        country: "PT",
        ringback: tone!(HZ_425, 1_000, 5_000),
        congestion: tone!(HZ_425, 200, 200),
        call_waiting: tone!(HZ_425, 200, 200, 200, 5_000),
        stutter_dial: tone!(HZ_425, 1_000, 200),
        source: "E; SIT R, confirmation T",
        ..PLAN_425
    },
    CountryTones {
        country: "PY",
        busy: tone!(HZ_425, 1_000, 1_000),
        congestion: tone!(HZ_425, 2_000, 500),
        source: "E (congestion: its number unobtainable tone); dial, call waiting and SIT R, stutter and confirmation T",
        ..PLAN_425
    },
    CountryTones {
        country: "US",
        dial: at(-13.0, tone!(HZ_350_440)),
        ringback: at(-19.0, tone!(&[440.0, 480.0], 2_000, 4_000)),
        busy: at(-24.0, tone!(&[480.0, 620.0], 500, 500)),
        congestion: at(-24.0, tone!(&[480.0, 620.0], 250, 250)),
        call_waiting: at(-13.0, tone!(HZ_440, 300, 10_000)),
        special_information: at(-13.0, SIT),
        stutter_dial: CadencedTone {
            steps: &[
                step(HZ_350_440, 100),
                step(&[], 100),
                step(HZ_350_440, 100),
                step(&[], 100),
                step(HZ_350_440, 100),
                step(&[], 100),
                step(HZ_350_440, 100),
                step(&[], 100),
                step(HZ_350_440, 100),
                step(&[], 100),
                step(HZ_350_440, 0),
            ],
            repeat_from: None,
            level: -13.0,
        },
        confirmation: at(
            -13.0,
            once(&[
                step(HZ_350_440, 100),
                step(&[], 100),
                step(HZ_350_440, 100),
                step(&[], 100),
                step(HZ_350_440, 300),
            ]),
        ),
        source: "B, E",
    },
    CountryTones {
        country: "UY",
        confirmation: once(&[
            step(HZ_425, 100),
            step(&[], 200),
            step(HZ_425, 100),
            step(&[], 200),
            step(HZ_425, 100),
        ]),
        source: "E (confirmation: its positive indication tone); stutter T",
        ..PLAN_425
    },
    CountryTones {
        country: "VE",
        call_waiting: at(EACH_OF_TWO, tone!(&[400.0, 450.0], 300, 6_000)),
        source: "E as DAHDI zone ve has it; stutter and confirmation T",
        ..PLAN_425
    },
];

impl CountryTones {
    /// The tones of a country by its ISO 3166-1 alpha-2 code in capitals; `None` for one not in the table.
    #[must_use]
    pub fn of(country: &str) -> Option<&'static CountryTones> {
        COUNTRIES.iter().find(|row| row.country == country)
    }

    /// ITU-T E.180's recommended values, for a country not in the table.
    #[must_use]
    pub fn recommended() -> &'static CountryTones {
        &PLAN_425
    }

    /// Every country of the table, in alphabetic order of their codes.
    #[must_use]
    pub fn all() -> &'static [CountryTones] {
        &COUNTRIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CadenceGenerator, Goertzel, SAMPLE_RATE};

    fn tones(row: &CountryTones) -> [CadencedTone; 8] {
        [
            row.dial,
            row.ringback,
            row.busy,
            row.congestion,
            row.call_waiting,
            row.special_information,
            row.stutter_dial,
            row.confirmation,
        ]
    }

    #[test]
    fn the_table_is_sorted_and_every_row_names_its_source() {
        let codes: Vec<&str> = COUNTRIES.iter().map(|row| row.country).collect();
        assert!(codes.is_sorted(), "{codes:?}");
        for code in "BR AR MX CL CO PE EC UY PY BO VE ES PT ID US GB".split(' ') {
            assert!(
                CountryTones::of(code).is_some_and(|row| !row.source.is_empty()),
                "{code}"
            );
        }
        assert!(CountryTones::of("XX").is_none());
    }

    #[test]
    fn every_tone_keeps_the_limits_of_e_180() {
        for row in COUNTRIES.iter().chain([CountryTones::recommended()]) {
            for (index, tone) in tones(row).iter().enumerate() {
                let name = format!("{} tone {index}", row.country);
                assert!(!tone.steps.is_empty(), "{name}");
                assert!(tone.repeat_from.is_none_or(|from| from < tone.steps.len()));
                for step in tone.steps {
                    let total = tone.level + 10.0 * (step.frequencies.len().max(1) as f64).log10();
                    assert!(
                        (-24.0..=-5.0).contains(&total) && step.frequencies.len() <= 2,
                        "{name}"
                    );
                    assert!(
                        step.frequencies
                            .iter()
                            .all(|f| (300.0..2_000.0).contains(f))
                    );
                }
            }
            assert!(row.dial.is_continuous() && !row.busy.is_continuous());
            assert!(row.ringback.period_ms() >= 3_000, "{}", row.country);
            assert!(row.confirmation.repeat_from.is_none());
        }
    }

    #[test]
    fn a_generated_ringback_has_both_its_frequencies_at_level() {
        let row = CountryTones::of("US").unwrap();
        let mut samples = [0; 16_000];
        CadenceGenerator::new(row.ringback).fill(&mut samples);
        for frequency in [440.0, 480.0] {
            let mut meter = Goertzel::new(frequency, SAMPLE_RATE);
            meter.feed(&samples[80..15_920]);
            assert!((meter.level_dbm0() + 19.0).abs() < 0.1);
        }
    }
}
