//! Settings of analogue ports.

mod fxo;
mod fxs;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use fxo::{
    AnswerDetection, CallerIdReception, DialToneRule, FxoSettings, KeySending, LearnedTone,
    RefusedCall,
};
pub use fxs::{CallerIdSending, FxsSettings, HotLine};

use crate::{
    Configuration, ExtensionId, Invalid,
    problem::{Problems, code},
    text,
};

/// Ports with settings of their own in one gateway.
pub const MAX_ANALOGUE_PORTS: usize = 256;

/// Identifies the settings of a port for as long as they exist.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct AnaloguePortId(pub i64);

/// How a port behaves, by its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(
    tag = "kind",
    content = "settings",
    rename_all = "snake_case",
    deny_unknown_fields
)]
pub enum PortSettings {
    /// A line from an exchange.
    Fxo(FxoSettings),
    /// A telephone.
    Fxs(FxsSettings),
}

/// The settings of one port. A port without any behaves as the country presets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnaloguePort {
    /// Stays the same.
    pub id: AnaloguePortId,
    /// The port, by the name that its driver gives it, such as `FXO 1`; 1-40 characters.
    pub port: String,
    /// How it behaves.
    pub settings: PortSettings,
}

impl PortSettings {
    /// Checks every field.
    ///
    /// # Errors
    /// Every field that keeps no limit, with it.
    pub fn validate(&self) -> Result<(), Invalid> {
        let mut problems = Problems::default();
        match self {
            PortSettings::Fxo(settings) => settings.check(&mut problems),
            PortSettings::Fxs(settings) => settings.check(&mut problems),
        }
        problems.finish(())
    }
}

impl AnaloguePort {
    /// Settings for a port, checked.
    ///
    /// # Errors
    /// As [`PortSettings::validate`]; a name that is blank or too long.
    pub fn new(id: AnaloguePortId, port: &str, settings: PortSettings) -> Result<Self, Invalid> {
        settings.validate()?;
        let mut problems = Problems::default();
        let port = text::line(&mut problems, "port", port, 1, 40);
        problems.finish(AnaloguePort { id, port, settings })
    }

    /// The extension whose telephone it is.
    #[must_use]
    pub fn extension(&self) -> Option<ExtensionId> {
        match &self.settings {
            PortSettings::Fxo(_) => None,
            PortSettings::Fxs(settings) => settings.extension,
        }
    }

    /// That the extension whose telephone it is exists.
    pub(crate) fn check_references(
        &self,
        problems: &mut Problems,
        known: impl Fn(ExtensionId) -> bool,
    ) {
        if let Some(id) = self.extension().filter(|id| !known(*id)) {
            let message = format!("there is no extension with id {id}");
            problems.add("extension", code::NO_SUCH_OBJECT, None, message);
        }
    }

    /// As [`AnaloguePort::new`], and that what it refers to exists.
    ///
    /// # Errors
    /// As [`AnaloguePort::new`]; an extension that does not exist.
    pub fn validated(
        id: AnaloguePortId,
        port: &str,
        settings: PortSettings,
        configuration: &Configuration,
    ) -> Result<Self, Invalid> {
        let port = Self::new(id, port, settings)?;
        let mut problems = Problems::default();
        port.check_references(&mut problems, |id| configuration.extension(id).is_some());
        problems.finish(port)
    }

    /// That there is room for one more.
    ///
    /// # Errors
    /// More ports than a gateway has.
    pub fn room(count: usize) -> Result<(), Invalid> {
        if count < MAX_ANALOGUE_PORTS {
            return Ok(());
        }
        let most = MAX_ANALOGUE_PORTS.to_string();
        let message =
            format!("{most} ports have settings already; remove those of ports that are gone");
        Err(Invalid::one("port", code::TOO_MANY, Some(&most), message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid_and_limits_are_named() {
        assert!(PortSettings::Fxo(FxoSettings::default()).validate().is_ok());
        assert!(PortSettings::Fxs(FxsSettings::default()).validate().is_ok());
        let settings = PortSettings::Fxo(FxoSettings {
            receive_gain: 13,
            busy_repetitions: 1,
            learned_tone: Some(LearnedTone {
                frequencies: [425, 0],
                on_ms: 20,
                off_ms: 250,
            }),
            ..FxoSettings::default()
        });
        let invalid = settings.validate().unwrap_err();
        for field in ["receive_gain", "busy_repetitions", "learned_tone.on_ms"] {
            assert!(invalid.names(field, code::OUT_OF_RANGE), "{invalid}");
        }
        assert_eq!(invalid.problems.len(), 3);
        let settings = PortSettings::Fxs(FxsSettings {
            flash_min_ms: 300,
            flash_max_ms: 200,
            hot_line: Some(HotLine {
                number: "12a".into(),
                after_seconds: 20,
            }),
            digit_map: Some("x.T;".into()),
            ..FxsSettings::default()
        });
        let invalid = settings.validate().unwrap_err();
        assert!(invalid.names("flash_max_ms", code::OUT_OF_RANGE));
        assert!(invalid.names("hot_line.after_seconds", code::OUT_OF_RANGE));
        assert!(invalid.names("hot_line.number", code::CHARACTER));
        assert!(invalid.names("digit_map", code::CHARACTER));
    }

    #[test]
    fn what_is_left_out_is_preset_and_the_unknown_is_refused() {
        let read: PortSettings = serde_json::from_str(
            r#"{"kind":"fxo","settings":{"country":"US","busy_repetitions":4}}"#,
        )
        .unwrap();
        let PortSettings::Fxo(settings) = &read else {
            panic!("{read:?}")
        };
        assert_eq!(settings.country.code(), "US");
        assert_eq!((settings.busy_repetitions, settings.flash_ms), (4, 300));
        let again = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<PortSettings>(&again).unwrap(), read);
        assert!(
            serde_json::from_str::<PortSettings>(
                r#"{"kind":"fxs","settings":{"busy_repetitions":4}}"#
            )
            .is_err()
        );
    }
}
