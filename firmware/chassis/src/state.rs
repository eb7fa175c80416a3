//! What the chassis is told, and what it tells.

use ramal_lines::PortStatus;
use ramal_model::{Alarm, Severity};
use serde::Serialize;
use utoipa::ToSchema;

use crate::button::Button;
use crate::disk::Disk;
use crate::lifeline::Reason;
use crate::temperature::Heat;
use crate::watchdog::Watchdog;

/// How far the gateway is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// It starts.
    #[default]
    Starting,
    /// It takes calls.
    Serving,
    /// It stops.
    Stopping,
}

/// What the gateway tells the chassis.
#[derive(Clone, Debug, Default)]
pub struct Gateway {
    /// How far it is.
    pub phase: Phase,
    /// Whether call control answers.
    pub healthy: bool,
    /// Whether another system is being installed or is on trial.
    pub updating: bool,
    /// The worst alarm that is raised.
    pub worst: Option<Severity>,
    /// The ports as they are.
    pub ports: Vec<PortStatus>,
}

/// A temperature.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ChassisTemperature)]
pub struct Temperature {
    /// What is so hot, such as `coretemp Package id 0`.
    pub name: String,
    /// Degrees Celsius; null when the sensor does not answer.
    pub celsius: Option<f32>,
    /// Too hot for lasting use from here on, degrees Celsius.
    pub high: f32,
    /// Too hot for any use from here on, degrees Celsius.
    pub critical: f32,
    /// How hot it is taken to be: a peak is nothing, and nor is a moment's cooling.
    pub heat: Heat,
}

/// The lifeline relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = LifelineState)]
pub struct LifelineState {
    /// Whether it is energised: its telephone is the gateway's. Otherwise the telephone is wired to the line.
    pub energised: bool,
    /// Why it is not; null when it is, or is about to be.
    pub reason: Option<Reason>,
    /// The ports that it cuts or wires together.
    pub ports: Vec<String>,
}

/// State of the chassis: lights, button, relay, temperatures, disk, watchdog.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = ChassisState)]
pub struct State {
    /// Temperatures, those of the board's own sensors first.
    pub temperatures: Vec<Temperature>,
    /// The disk with the data; null when it lies on no disk.
    pub disk: Option<Disk>,
    /// The hardware's watchdog; null when there is none.
    pub watchdog: Option<Watchdog>,
    /// The lifeline relay; null when the board has none.
    pub lifeline: Option<LifelineState>,
    /// The reset button; null when the board has none.
    pub reset_button: Option<Button>,
    /// Why lights, button and relay do not work; null when they do, or there are none.
    pub pins_fault: Option<String>,
}

impl State {
    /// What is wrong. `now` is UTC milliseconds.
    #[must_use]
    pub fn alarms(&self, now: i64) -> Vec<Alarm> {
        let mut found = Vec::new();
        let mut add = |key: &str, of: Option<&str>, severity, object: String| {
            found.push(Alarm {
                id: match of {
                    Some(of) => format!("{key}:{of}"),
                    None => key.to_owned(),
                },
                since: now,
                severity,
                object,
                text: key.to_owned(),
                action: format!("{key}_action"),
            });
        };
        for one in &self.temperatures {
            let (key, severity) = match (one.celsius, one.heat) {
                (None, _) => ("chassis_sensor", Severity::Warning),
                (_, Heat::Normal) => continue,
                (_, Heat::High) => ("chassis_hot", Severity::Major),
                (_, Heat::Critical) => ("chassis_too_hot", Severity::Critical),
            };
            add(key, Some(&one.name), severity, one.name.clone());
        }
        if let Some(disk) = &self.disk {
            if disk.damaged() {
                add(
                    "disk_damaged",
                    None,
                    Severity::Critical,
                    disk.device.clone(),
                );
            }
            if disk.worn() {
                add("disk_worn", None, Severity::Major, disk.device.clone());
            }
        }
        if self.reset_button == Some(Button::Stuck) {
            add(
                "chassis_button_stuck",
                None,
                Severity::Warning,
                String::new(),
            );
        }
        if let Some(fault) = &self.pins_fault {
            add("chassis_pins", None, Severity::Major, fault.clone());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temperature(celsius: Option<f32>, heat: Heat) -> Temperature {
        Temperature {
            name: "inside".into(),
            celsius,
            high: 60.0,
            critical: 70.0,
            heat,
        }
    }

    fn ids(state: &State) -> Vec<(String, Severity)> {
        let found = state.alarms(5).into_iter();
        found.map(|alarm| (alarm.id, alarm.severity)).collect()
    }

    fn everything_wrong() -> State {
        State {
            temperatures: vec![
                temperature(Some(65.0), Heat::High),
                temperature(Some(75.0), Heat::Critical),
                temperature(None, Heat::Normal),
            ],
            disk: Some(Disk {
                device: "mmcblk0p7".into(),
                file_system_errors: Some(2),
                worn_percent: Some(110),
                spare_blocks: None,
            }),
            watchdog: None,
            lifeline: Some(LifelineState {
                energised: false,
                reason: Some(Reason::LinesNotReady),
                ports: vec!["FXS 1".into(), "FXO 1".into()],
            }),
            reset_button: Some(Button::Stuck),
            pins_fault: Some("there is no GPIO chip".into()),
        }
    }

    #[test]
    fn what_is_well_is_no_alarm() {
        let state = State {
            temperatures: vec![temperature(Some(40.0), Heat::Normal)],
            disk: Some(Disk {
                file_system_errors: Some(0),
                ..Disk::default()
            }),
            reset_button: Some(Button::Pressed),
            lifeline: Some(LifelineState {
                energised: false,
                reason: Some(Reason::Starting),
                ports: vec!["FXS 1".into()],
            }),
            ..State::default()
        };
        assert_eq!(ids(&state), []);
    }

    #[test]
    fn what_is_wrong_is_one_with_its_object() {
        let state = everything_wrong();
        let expected = [
            ("chassis_hot:inside", Severity::Major),
            ("chassis_too_hot:inside", Severity::Critical),
            ("chassis_sensor:inside", Severity::Warning),
            ("disk_damaged", Severity::Critical),
            ("disk_worn", Severity::Major),
            ("chassis_button_stuck", Severity::Warning),
            ("chassis_pins", Severity::Major),
        ];
        assert_eq!(
            ids(&state),
            expected.map(|(id, severity)| (id.to_owned(), severity))
        );
        let alarms = state.alarms(5);
        assert_eq!(alarms[0].text, "chassis_hot");
        assert_eq!(alarms[0].action, "chassis_hot_action");
        assert_eq!(alarms[6].object, "there is no GPIO chip");
    }

    #[test]
    fn every_alarm_has_words_in_every_language() {
        let words = [
            include_str!("../../../web/src/i18n/alarms/pt-BR.json"),
            include_str!("../../../web/src/i18n/alarms/es.json"),
            include_str!("../../../web/src/i18n/alarms/id.json"),
            include_str!("../../../web/src/i18n/alarms/en.json"),
        ];
        for words in words {
            let words: serde_json::Value = serde_json::from_str(words).unwrap();
            for alarm in everything_wrong().alarms(5) {
                for key in [alarm.text, alarm.action] {
                    let text = words[format!("alarm.{key}")].as_str();
                    assert!(text.is_some_and(|text| !text.is_empty()), "{key}");
                }
            }
        }
    }
}
