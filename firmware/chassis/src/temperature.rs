//! When a temperature becomes an alarm, and when that is over. No clock.

use std::time::{Duration, Instant};

use serde::Serialize;
use utoipa::ToSchema;

/// So much below a limit it has to fall before it counts as below it, in kelvins.
const MARGIN: f32 = 5.0;
/// So long it has to stay above a limit.
const RISES_AFTER: Duration = Duration::from_secs(15);
/// So long it has to stay below one.
const FALLS_AFTER: Duration = Duration::from_secs(60);

/// From which temperatures on something is too hot, in degrees Celsius.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// It will not last long so.
    pub high: f32,
    /// It fails, or switches itself off.
    pub critical: f32,
}

/// What is too hot where nobody says so: half-conductors of gateways are made for 85 °C at least.
pub const DEFAULT_LIMITS: Limits = Limits {
    high: 80.0,
    critical: 90.0,
};

impl Limits {
    /// Limits as a chip tells them; those it does not tell, or that cannot be meant, are our own.
    #[must_use]
    pub fn told(high: Option<f32>, critical: Option<f32>) -> Self {
        // Chips that were never set tell 0, 127 or -128 °C.
        let meant = |limit: &f32| (40.0..=120.0).contains(limit);
        let (high, critical) = (high.filter(meant), critical.filter(meant));
        match (high, critical) {
            (Some(high), Some(critical)) if high < critical => Limits { high, critical },
            // Processors often tell the same for both.
            (_, Some(critical)) => Limits {
                high: critical - MARGIN,
                critical,
            },
            (Some(high), None) => Limits {
                high,
                critical: high + 10.0,
            },
            (None, None) => DEFAULT_LIMITS,
        }
    }
}

/// How hot something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Heat {
    /// As it should be.
    #[default]
    Normal,
    /// Above the limit for lasting use.
    High,
    /// Above the limit for any use.
    Critical,
}

/// A sensor's past, as far as it matters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Thermometer {
    heat: Heat,
    /// What it would change to, since when.
    turning: Option<(Heat, Instant)>,
}

impl Thermometer {
    /// Takes a reading in degrees Celsius.
    pub fn look(&mut self, now: Instant, celsius: f32, limits: Limits) -> Heat {
        let least = |heat: Heat, limit: f32| match self.heat >= heat {
            true => limit - MARGIN,
            false => limit,
        };
        let found = if celsius >= least(Heat::Critical, limits.critical) {
            Heat::Critical
        } else if celsius >= least(Heat::High, limits.high) {
            Heat::High
        } else {
            Heat::Normal
        };
        if found == self.heat {
            self.turning = None;
            return self.heat;
        }
        // What gets hotter still, or cools further, has been turning all the while.
        let since = match self.turning {
            Some((turned, since)) if (turned > self.heat) == (found > self.heat) => since,
            _ => now,
        };
        self.turning = Some((found, since));
        let wait = match found > self.heat {
            true => RISES_AFTER,
            false => FALLS_AFTER,
        };
        if now.saturating_duration_since(since) >= wait {
            self.heat = found;
            self.turning = None;
        }
        self.heat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        high: 70.0,
        critical: 80.0,
    };

    /// Reads every five seconds; when which heat began.
    fn heats(celsius: impl IntoIterator<Item = (u32, f32)>) -> Vec<(u64, Heat)> {
        let (mut thermometer, start) = (Thermometer::default(), Instant::now());
        let (mut told, mut passed, mut last) = (Vec::new(), 0, Heat::Normal);
        for (readings, celsius) in celsius {
            for _ in 0..readings {
                let heat = thermometer.look(start + Duration::from_secs(passed), celsius, LIMITS);
                if heat != last {
                    told.push((passed, heat));
                    last = heat;
                }
                passed += 5;
            }
        }
        told
    }

    #[test]
    fn heat_that_lasts_is_told_and_a_peak_is_not() {
        assert_eq!(heats([(3, 75.0), (10, 60.0)]), []);
        assert_eq!(heats([(4, 70.0)]), [(15, Heat::High)]);
        assert_eq!(heats([(4, 95.0)]), [(15, Heat::Critical)]);
        assert_eq!(
            heats([(4, 75.0), (4, 85.0)]),
            [(15, Heat::High), (35, Heat::Critical)]
        );
        assert_eq!(
            heats([(2, 75.0), (2, 85.0)]),
            [(15, Heat::Critical)],
            "it was hot all the while"
        );
    }

    #[test]
    fn it_is_over_when_it_has_been_cooler_by_a_margin_for_a_minute() {
        assert_eq!(heats([(4, 75.0), (100, 66.0)]), [(15, Heat::High)]);
        assert_eq!(
            heats([(4, 75.0), (20, 64.0)]),
            [(15, Heat::High), (80, Heat::Normal)]
        );
        assert_eq!(
            heats([(4, 75.0), (10, 64.0), (1, 71.0), (10, 64.0)]),
            [(15, Heat::High)]
        );
        assert_eq!(
            heats([(4, 85.0), (20, 72.0)]),
            [(15, Heat::Critical), (80, Heat::High)]
        );
    }

    #[test]
    fn limits_that_cannot_be_meant_are_not_used() {
        assert_eq!(Limits::told(None, None), DEFAULT_LIMITS);
        assert_eq!(Limits::told(Some(127.0), Some(0.0)), DEFAULT_LIMITS);
        let same = Limits::told(Some(100.0), Some(100.0));
        assert_eq!((same.high, same.critical), (95.0, 100.0));
        let high = Limits::told(Some(70.0), None);
        assert_eq!((high.high, high.critical), (70.0, 80.0));
        let both = Limits::told(Some(81.8), Some(84.8));
        assert_eq!((both.high, both.critical), (81.8, 84.8));
    }
}
