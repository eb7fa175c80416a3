//! Settings that are known to work with operators and exchanges. Source of all: the configuration
//! samples published with openr2 (`doc/asterisk/{ar,br,ec,mx,ve}`), sent in by those who run the lines.

use std::time::Duration;

use crate::{Settings, Variant};

/// An operator's or exchange's settings, on top of its country's variant.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Name to store: lower case, unique.
    pub id: &'static str,
    /// Name to show.
    pub name: &'static str,
    /// Code of the variant.
    pub variant: &'static str,
    ani_first: bool,
    immediate_accept: bool,
    max_ani: u8,
    max_dnis: u8,
    /// Milliseconds; 0 leaves the default.
    dnis_timeout_ms: u16,
    /// Milliseconds; 0 leaves the variant's.
    metering_pulse_ms: u16,
    forced_release: bool,
}

const BR: Preset = Preset {
    id: "",
    name: "",
    variant: "BR",
    ani_first: false,
    immediate_accept: false,
    max_ani: 20,
    max_dnis: 4,
    dnis_timeout_ms: 0,
    metering_pulse_ms: 0,
    forced_release: false,
};

const VE: Preset = Preset {
    variant: "VE",
    ani_first: true,
    immediate_accept: true,
    max_ani: 10,
    max_dnis: 4,
    ..BR
};

/// A private exchange in Brazil that sends whole numbers.
const PBX: Preset = Preset {
    max_ani: 8,
    max_dnis: 20,
    ..BR
};

const fn named(id: &'static str, name: &'static str, preset: Preset) -> Preset {
    Preset { id, name, ..preset }
}

const fn waits(dnis_timeout_ms: u16, preset: Preset) -> Preset {
    Preset {
        dnis_timeout_ms,
        ..preset
    }
}

const fn forced(preset: Preset) -> Preset {
    Preset {
        forced_release: true,
        ..preset
    }
}

/// Every preset.
pub const PRESETS: &[Preset] = &[
    named(
        "ar-telefonica",
        "Telefónica de Argentina",
        Preset {
            variant: "AR",
            ..BR
        },
    ),
    named(
        "ar-telecom",
        "Telecom Argentina",
        Preset {
            variant: "AR",
            ani_first: true,
            max_ani: 10,
            dnis_timeout_ms: 5_000,
            metering_pulse_ms: 200,
            ..BR
        },
    ),
    named("br-embratel", "Embratel", forced(waits(1_500, BR))),
    named(
        "br-oi",
        "Oi",
        Preset {
            ani_first: true,
            ..BR
        },
    ),
    named(
        "br-oi-long",
        "Oi, whole numbers",
        Preset {
            max_dnis: 20,
            metering_pulse_ms: 500,
            ..BR
        },
    ),
    named("br-brasil-telecom", "Brasil Telecom", waits(4_000, BR)),
    named("br-ctbc", "CTBC (Algar)", forced(waits(3_000, BR))),
    named("br-telefonica", "Telefônica (Vivo)", waits(3_000, BR)),
    named(
        "br-tadiran",
        "Tadiran exchange",
        waits(6_000, Preset { max_ani: 10, ..PBX }),
    ),
    named(
        "br-digistar",
        "Digistar exchange",
        waits(
            6_000,
            Preset {
                ani_first: true,
                max_ani: 4,
                ..PBX
            },
        ),
    ),
    named(
        "br-ericsson",
        "Ericsson exchange",
        forced(waits(3_000, PBX)),
    ),
    named(
        "br-avaya",
        "Avaya exchange",
        waits(
            1_000,
            Preset {
                max_ani: 4,
                metering_pulse_ms: 2_000,
                ..PBX
            },
        ),
    ),
    named("br-siemens", "Siemens HiPath", forced(waits(5_000, PBX))),
    named("br-leucotron", "Leucotron exchange", waits(3_000, PBX)),
    named(
        "ec-pacifictel",
        "Pacifictel (CNT)",
        Preset {
            variant: "EC",
            max_ani: 8,
            max_dnis: 7,
            ..BR
        },
    ),
    named(
        "mx-telmex",
        "Telmex, Axtel",
        Preset {
            variant: "MX",
            max_ani: 10,
            ..BR
        },
    ),
    named("ve-cantv", "CANTV", VE),
    named("ve-movilnet", "Movilnet", VE),
    named("ve-movistar", "Movistar", VE),
    named("ve-digitel", "Digitel", VE),
];

impl Preset {
    /// The preset of an `id`.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Preset> {
        PRESETS.iter().find(|preset| preset.id == id)
    }

    /// Its settings; `None` when it names no variant.
    #[must_use]
    pub fn settings(&self) -> Option<Settings> {
        let mut settings = Settings::new(Variant::find(self.variant)?);
        settings.ani_first = self.ani_first;
        settings.immediate_accept = self.immediate_accept;
        settings.max_ani = self.max_ani;
        settings.max_dnis = self.max_dnis;
        settings.forced_release = self.forced_release;
        if self.dnis_timeout_ms > 0 {
            settings.timers.dnis_end = Duration::from_millis(self.dnis_timeout_ms.into());
        }
        if self.metering_pulse_ms > 0 {
            let pulse = Duration::from_millis(self.metering_pulse_ms.into());
            settings.metering_pulse = Some(pulse);
        }
        Some(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_has_its_own_name_and_a_variant() {
        for (index, preset) in PRESETS.iter().enumerate() {
            assert!(preset.settings().is_some(), "{}", preset.id);
            assert!(!preset.name.is_empty());
            let same = PRESETS.iter().position(|other| other.id == preset.id);
            assert_eq!(same, Some(index));
        }
        let Some(embratel) = Preset::find("br-embratel").and_then(Preset::settings) else {
            panic!("Embratel");
        };
        assert!(embratel.forced_release);
        assert_eq!(embratel.timers.dnis_end, Duration::from_millis(1_500));
    }
}
