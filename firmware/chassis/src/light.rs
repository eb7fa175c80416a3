//! What lights show, and when they are lit. No clock: time is what has passed since a light began to show something.

use std::time::Duration;

use ramal_lines::{LineFault, PortStatus};
use ramal_model::Severity;

/// What the status light shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The gateway starts: even blinking, once a second.
    Starting,
    /// It works: steady.
    Serving,
    /// It works, and an alarm asks for somebody: two flashes every two seconds.
    Alarm,
    /// Another system is being installed, or on trial: long on, short off. Not the moment to unplug it.
    Update,
    /// The reset button is held, since so long: blinks faster and faster.
    Countdown(Duration),
    /// Letting go of the button now deletes everything: eight flashes a second.
    LetGo,
    /// It stops: a short flash every two seconds.
    Stopping,
}

/// What the light of a port shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortLight {
    /// Nobody uses the line, or there is none of that name: dark.
    Idle,
    /// The loop is closed: steady.
    OffHook,
    /// It rings: four flashes a second.
    Ringing,
    /// Something is wrong with it: a short flash every two seconds.
    Fault,
}

/// How long a light is on, off, on again and so on, in milliseconds; then from the start. Empty: never on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern(&'static [u64]);

impl Pattern {
    /// Dark.
    pub const OFF: Pattern = Pattern(&[]);
    /// Steady.
    pub const ON: Pattern = Pattern(&[1]);

    /// Whether a light is lit that has shown this for so long.
    #[must_use]
    pub fn lit(self, shown: Duration) -> bool {
        let whole: u64 = self.0.iter().sum();
        if whole == 0 {
            return false;
        }
        let mut at = u64::try_from(shown.as_millis()).unwrap_or(0) % whole;
        for (place, part) in self.0.iter().enumerate() {
            if at < *part {
                return place % 2 == 0;
            }
            at -= part;
        }
        false
    }
}

impl Status {
    /// How it is shown.
    #[must_use]
    pub fn pattern(self) -> Pattern {
        match self {
            Status::Starting => Pattern(&[500, 500]),
            Status::Serving => Pattern::ON,
            Status::Alarm => Pattern(&[200, 200, 200, 1400]),
            Status::Update => Pattern(&[1500, 500]),
            Status::Countdown(held) => match held.as_secs() {
                0..4 => Pattern(&[500, 500]),
                4..8 => Pattern(&[250, 250]),
                _ => Pattern(&[120, 120]),
            },
            Status::LetGo => Pattern(&[60, 60]),
            Status::Stopping => Pattern(&[100, 1900]),
        }
    }
}

impl PortLight {
    /// What the light of a port shows that is so.
    #[must_use]
    pub fn of(port: Option<&PortStatus>) -> Self {
        match port {
            None => PortLight::Idle,
            // A telephone that was left off-hook is both; that it must be put down is what has to be seen.
            Some(port) if port.fault.is_some() => PortLight::Fault,
            Some(port) if port.ringing => PortLight::Ringing,
            Some(port) if port.off_hook => PortLight::OffHook,
            Some(_) => PortLight::Idle,
        }
    }

    /// How it is shown.
    #[must_use]
    pub fn pattern(self) -> Pattern {
        match self {
            PortLight::Idle => Pattern::OFF,
            PortLight::OffHook => Pattern::ON,
            PortLight::Ringing => Pattern(&[125, 125]),
            PortLight::Fault => Pattern(&[100, 1900]),
        }
    }
}

/// How the alarm light shows the worst alarm: dark, a slow blink for a warning, steady for a major alarm, a fast blink for a
/// critical one.
#[must_use]
pub fn alarm_pattern(worst: Option<Severity>) -> Pattern {
    match worst {
        None => Pattern::OFF,
        Some(Severity::Warning) => Pattern(&[500, 1500]),
        Some(Severity::Major) => Pattern::ON,
        Some(Severity::Critical) => Pattern(&[125, 125]),
    }
}

/// Whether a port's hardware works, as far as the lifeline is concerned: a dead or unplugged line is none of its matters.
pub(crate) fn works(port: &PortStatus) -> bool {
    port.fault != Some(LineFault::Hardware)
}

#[cfg(test)]
pub(crate) mod tests {
    use ramal_lines::{PortId, PortKind};

    use super::*;

    pub(crate) fn port(name: &str) -> PortStatus {
        PortStatus {
            id: PortId(1),
            kind: PortKind::Fxs,
            name: name.into(),
            number: String::new(),
            off_hook: false,
            ringing: false,
            fault: None,
        }
    }

    /// Lit (`#`) or dark (`.`) in each tenth of a second.
    fn seen(pattern: Pattern, tenths: u64) -> String {
        (0..tenths)
            .map(
                |tenth| match pattern.lit(Duration::from_millis(tenth * 100 + 1)) {
                    true => '#',
                    false => '.',
                },
            )
            .collect()
    }

    #[test]
    fn every_status_looks_different() {
        assert_eq!(seen(Status::Starting.pattern(), 12), "#####.....##");
        assert_eq!(seen(Status::Serving.pattern(), 12), "############");
        assert_eq!(seen(Status::Alarm.pattern(), 21), "##..##..............#");
        assert_eq!(seen(Status::Update.pattern(), 21), "###############.....#");
        assert_eq!(
            seen(Status::Stopping.pattern(), 21),
            "#...................#"
        );
        assert_eq!(seen(Pattern::OFF, 3), "...");
    }

    #[test]
    fn a_countdown_gets_faster_until_the_button_is_to_be_let_go() {
        let flashes = |status: Status| {
            let lit = |ms| status.pattern().lit(Duration::from_millis(ms));
            (1..3000).filter(|ms| lit(*ms) && !lit(ms - 1)).count()
        };
        let at = |seconds| flashes(Status::Countdown(Duration::from_secs(seconds)));
        let counts = [at(0), at(4), at(8), flashes(Status::LetGo)];
        assert!(counts.is_sorted_by(|a, b| a < b), "{counts:?}");
    }

    #[test]
    fn a_port_shows_what_matters_most() {
        let mut one = port("FXS 1");
        assert_eq!(PortLight::of(Some(&one)), PortLight::Idle);
        one.off_hook = true;
        assert_eq!(PortLight::of(Some(&one)), PortLight::OffHook);
        one.ringing = true;
        assert_eq!(PortLight::of(Some(&one)), PortLight::Ringing);
        one.fault = Some(LineFault::LeftOffHook);
        assert_eq!(PortLight::of(Some(&one)), PortLight::Fault);
        assert_eq!(PortLight::of(None), PortLight::Idle);
    }

    #[test]
    fn worse_alarms_look_worse() {
        use Severity::*;
        assert_eq!(seen(alarm_pattern(None), 4), "....");
        assert_eq!(seen(alarm_pattern(Some(Warning)), 10), "#####.....");
        assert_eq!(seen(alarm_pattern(Some(Major)), 4), "####");
        assert_ne!(alarm_pattern(Some(Critical)), alarm_pattern(Some(Major)));
    }
}
