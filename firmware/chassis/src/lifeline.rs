//! The lifeline relay: without current it wires a telephone straight to a line of the exchange, so that one can still call when
//! the gateway has no power, or no wits. No clock and no pin: whoever has them asks [`Lifeline::look`].
//!
//! It is energised when the lines work, call control answers, and, where the board can tell, nobody talks through it. It is
//! released when the gateway stops, or does not work for [`PATIENCE`]; never while a call is on a line that it would cut. A call
//! that goes on then keeps it energised until it ends, or until the service manager ends a service that hangs.
//!
//! A program that is killed sets no pin any more. A board whose relay only holds while its pin *changes* (a charge pump or
//! monostable, `pulse_ms`) releases it by itself then; on the others the start that follows does, before anything else.

use std::time::{Duration, Instant};

use serde::Serialize;
use utoipa::ToSchema;

/// So long everything has to be well before it is energised.
pub const SETTLE: Duration = Duration::from_secs(2);
/// So long something has to be wrong before it is released.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What matters for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// The ports behind it are there and work.
    pub ready: bool,
    /// Call control answers.
    pub healthy: bool,
    /// A call is on a port behind it: a loop is closed, or it rings.
    pub calls: bool,
    /// Somebody talks through the relay itself; none where the board cannot tell.
    pub bypassed: Option<bool>,
    /// The gateway stops.
    pub stopping: bool,
}

/// Why it is not energised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LifelineReason)]
pub enum Reason {
    /// The gateway starts.
    Starting,
    /// The ports behind it are not there, or fail.
    LinesNotReady,
    /// Call control does not answer.
    NotHealthy,
    /// Somebody talks through it, past the gateway; it is energised when that call is over.
    CallPastGateway,
    /// The gateway stops.
    Stopping,
}

/// The relay.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lifeline {
    energised: bool,
    /// Since when everything is well, or something is wrong, whichever would change it.
    turning: Option<Instant>,
}

impl Lifeline {
    /// Whether it is to be energised now.
    pub fn look(&mut self, now: Instant, conditions: Conditions) -> bool {
        let wrong = Self::reason(conditions);
        let turns = match self.energised {
            // Whoever begins to talk past an energised relay does not exist.
            true => matches!(
                wrong,
                Some(Reason::LinesNotReady | Reason::NotHealthy | Reason::Stopping)
            ),
            false => wrong.is_none(),
        };
        if !turns {
            self.turning = None;
            return self.energised;
        }
        let since = *self.turning.get_or_insert(now);
        let passed = now.saturating_duration_since(since);
        let wait = match (self.energised, conditions.stopping) {
            (false, _) => SETTLE,
            (true, true) => Duration::ZERO,
            (true, false) => PATIENCE,
        };
        if passed >= wait && !(self.energised && conditions.calls) {
            self.energised = !self.energised;
            self.turning = None;
        }
        self.energised
    }

    /// Whether it is energised.
    #[must_use]
    pub fn energised(&self) -> bool {
        self.energised
    }

    /// What speaks against energising it.
    #[must_use]
    pub fn reason(conditions: Conditions) -> Option<Reason> {
        if conditions.stopping {
            Some(Reason::Stopping)
        } else if !conditions.ready {
            Some(Reason::LinesNotReady)
        } else if !conditions.healthy {
            Some(Reason::NotHealthy)
        } else if conditions.bypassed == Some(true) {
            Some(Reason::CallPastGateway)
        } else {
            None
        }
    }
}

/// The level of the relay's pin: steady, or changing every `pulse`, while it is energised.
#[must_use]
pub fn level(energised: bool, pulse: Option<Duration>, energised_for: Duration) -> bool {
    match pulse {
        _ if !energised => false,
        None => true,
        Some(pulse) => {
            let pulses = energised_for.as_millis() / pulse.as_millis().max(1);
            pulses.is_multiple_of(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: Conditions = Conditions {
        ready: true,
        healthy: true,
        calls: false,
        bypassed: None,
        stopping: false,
    };

    /// A relay, and seconds that pass.
    struct Bench {
        relay: Lifeline,
        now: Instant,
    }

    impl Bench {
        fn new() -> Self {
            Bench {
                relay: Lifeline::default(),
                now: Instant::now(),
            }
        }

        /// An energised relay.
        fn energised() -> Self {
            let mut bench = Self::new();
            assert!(!bench.pass(1, WELL), "not at once");
            assert!(bench.pass(2, WELL));
            bench
        }

        fn pass(&mut self, seconds: u32, conditions: Conditions) -> bool {
            for _ in 0..seconds * 10 {
                self.relay.look(self.now, conditions);
                self.now += Duration::from_millis(100);
            }
            self.relay.look(self.now, conditions)
        }
    }

    #[test]
    fn it_is_energised_only_when_lines_and_call_control_work() {
        for broken in [
            Conditions {
                ready: false,
                ..WELL
            },
            Conditions {
                healthy: false,
                ..WELL
            },
            Conditions {
                stopping: true,
                ..WELL
            },
        ] {
            assert!(!Bench::new().pass(60, broken), "{broken:?}");
        }
        Bench::energised();
    }

    #[test]
    fn a_short_weakness_does_not_release_it_and_a_long_one_does() {
        let mut bench = Bench::energised();
        let weak = Conditions {
            healthy: false,
            ..WELL
        };
        assert!(bench.pass(4, weak));
        assert!(bench.pass(1, WELL));
        assert!(bench.pass(4, weak), "the time begins anew");
        assert!(!bench.pass(2, weak));
        assert!(bench.pass(3, WELL), "and it comes back");
    }

    #[test]
    fn it_never_cuts_a_call() {
        let busy = Conditions {
            calls: true,
            ..WELL
        };
        for wrong in [
            Conditions {
                healthy: false,
                ..busy
            },
            Conditions {
                ready: false,
                ..busy
            },
            Conditions {
                stopping: true,
                ..busy
            },
        ] {
            let mut bench = Bench::energised();
            assert!(bench.pass(3_600, wrong), "{wrong:?}");
            let over = Conditions {
                calls: false,
                ..wrong
            };
            assert!(!bench.relay.look(bench.now, over), "{over:?}");
        }
    }

    #[test]
    fn a_call_past_the_gateway_is_not_cut_either() {
        let mut bench = Bench::new();
        let past = |bypassed| Conditions {
            bypassed: Some(bypassed),
            ..WELL
        };
        assert!(!bench.pass(3_600, past(true)));
        assert_eq!(Lifeline::reason(past(true)), Some(Reason::CallPastGateway));
        assert!(bench.pass(3, past(false)));
        assert!(
            bench.pass(60, past(true)),
            "what the pin says then is noise"
        );
    }

    #[test]
    fn stopping_releases_it_at_once() {
        let mut bench = Bench::energised();
        let stopping = Conditions {
            stopping: true,
            ..WELL
        };
        assert!(!bench.relay.look(bench.now, stopping));
    }

    #[test]
    fn a_relay_that_wants_pulses_gets_them_only_while_energised() {
        let pulse = Some(Duration::from_millis(100));
        let at = |ms| level(true, pulse, Duration::from_millis(ms));
        assert_eq!(
            [at(0), at(99), at(100), at(199), at(200)],
            [true, true, false, false, true]
        );
        assert!(!level(false, pulse, Duration::ZERO));
        assert!(level(true, None, Duration::from_secs(1_000_000)));
        assert!(!level(false, None, Duration::ZERO));
    }
}
