//! When to register with a carrier, and what its answers mean (RFC 3261 §10.2, RFC 5626 §4.5). No I/O, no clock.

use std::time::{Duration, Instant};

/// First wait after all hosts failed (RFC 5626 §4.5, base-time with all flows failed).
const BASE_WAIT: Duration = Duration::from_secs(30);
/// Longest wait after failures. The RFC's half an hour would leave a company without telephone for as long.
const MAX_WAIT: Duration = Duration::from_secs(300);
/// Wait after a refusal. Sooner, carriers lock the account or ban the address.
const REJECTED_WAIT: Duration = Duration::from_secs(300);
/// The longest Retry-After that is honoured.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// The longest expiry a carrier can make us ask for by 423.
const MAX_EXPIRES: u32 = 86_400;
/// Part of the granted time after which a registration is refreshed, and what chance adds to it.
const REFRESH: (f64, f64) = (0.8, 0.1);

/// First wait after the connection of a registration is gone. Twice as long every further time, as some registrars close
/// each connection once they have answered.
const LOST_WAIT: Duration = Duration::from_secs(2);
/// A registration whose connection lasted so long was a good one.
const LASTING: Duration = Duration::from_secs(600);

/// How a REGISTER ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The registrar answered.
    Answered {
        /// Its status.
        status: u16,
        /// Seconds granted, for a 2xx.
        granted: Option<u32>,
        /// `Min-Expires`.
        min_expires: Option<u32>,
        /// `Retry-After`.
        retry_after: Option<u32>,
    },
    /// Nobody answered, or nobody could be reached.
    Silent,
}

/// How things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing was answered yet.
    Unregistered,
    /// The registrar knows us.
    Registered {
        /// Unless refreshed, until then.
        until: Instant,
    },
    /// The registrar refuses the account.
    Rejected {
        /// By this status.
        status: u16,
    },
    /// No host answers usefully.
    Unreachable {
        /// The last status, if any answer came.
        status: Option<u16>,
    },
}

/// A REGISTER to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    /// Index of the host.
    pub(super) host: usize,
    /// Seconds asked for.
    pub(super) expires: u32,
}

/// The registration of one account.
#[derive(Debug)]
pub(super) struct Registration {
    hosts: usize,
    /// The one tried next, or registered with.
    host: usize,
    /// Hosts that failed since the last success.
    failed_hosts: usize,
    /// Rounds over all hosts that failed since the last success.
    failed_rounds: u32,
    /// Whether 423 has made us ask for more in this round already.
    raised: bool,
    /// Since when the registration stands without its connection being lost.
    stands_since: Instant,
    /// Connections lost in a row, none of which lasted.
    lost: u32,
    expires: u32,
    standing: Standing,
    /// When to send next; none while an answer is awaited.
    due: Option<Instant>,
}

impl Registration {
    /// A registration to be sent at `first`, with one of `hosts` hosts, for `expires` seconds.
    pub(super) fn new(hosts: usize, expires: u32, first: Instant) -> Self {
        Self {
            hosts: hosts.max(1),
            host: 0,
            failed_hosts: 0,
            failed_rounds: 0,
            raised: false,
            stands_since: first,
            lost: 0,
            expires,
            standing: Standing::Unregistered,
            due: Some(first),
        }
    }

    /// When [`Registration::send`] is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// How things stand.
    pub(super) fn standing(&self) -> Standing {
        self.standing
    }

    /// The host registered with, or tried.
    pub(super) fn host(&self) -> usize {
        self.host
    }

    /// The REGISTER to send now; its end is told by [`Registration::finished`].
    pub(super) fn send(&mut self) -> Attempt {
        self.due = None;
        Attempt {
            host: self.host,
            expires: self.expires,
        }
    }

    /// A REGISTER has ended. `chance` is a random number in 0..1.
    pub(super) fn finished(&mut self, now: Instant, outcome: Outcome, chance: f64) {
        match outcome {
            Outcome::Answered {
                status: 200..=299,
                granted,
                ..
            } => self.granted(now, granted.unwrap_or(self.expires), chance),
            Outcome::Answered {
                status: 423,
                min_expires: Some(min),
                ..
            } if !self.raised && min > self.expires && min <= MAX_EXPIRES => {
                self.raised = true;
                self.expires = min;
                self.due = Some(now);
            }
            // Overload, faults of servers, and what does not tell anything about the account (RFC 3261 §21.5).
            Outcome::Answered {
                status: status @ (408 | 500..=599),
                retry_after,
                ..
            } => self.failed(now, Some(status), retry_after, chance),
            Outcome::Answered {
                status,
                retry_after,
                ..
            } => {
                self.standing = Standing::Rejected { status };
                self.failed_hosts = 0;
                self.raised = false;
                let wait = REJECTED_WAIT.mul_f64(1.0 + 0.2 * chance);
                self.due = Some(now + wait.max(honoured(retry_after)));
            }
            Outcome::Silent => self.failed(now, None, None, chance),
        }
    }

    /// The connection it was made over is gone, and with it the registrar's way to us (RFC 5626 §4.5). `chance` is a
    /// random number in 0..1.
    pub(super) fn lost(&mut self, now: Instant, chance: f64) {
        let (Standing::Registered { .. }, Some(due)) = (self.standing, self.due) else {
            return;
        };
        if now.saturating_duration_since(self.stands_since) >= LASTING {
            self.lost = 0;
        }
        let wait = LOST_WAIT * 2u32.saturating_pow(self.lost.min(16));
        self.lost += 1;
        self.stands_since = now;
        self.due = Some(due.min(now + wait.mul_f64(0.5 + 0.5 * chance)));
    }

    fn granted(&mut self, now: Instant, seconds: u32, chance: f64) {
        // A registrar that grants nothing at all has refused in its own way; asking on and on would not help.
        let granted = Duration::from_secs(seconds.max(10).into());
        let (part, spread) = REFRESH;
        self.failed_hosts = 0;
        self.failed_rounds = 0;
        self.raised = false;
        self.standing = Standing::Registered {
            until: now + granted,
        };
        self.due = Some(now + granted.mul_f64(part + spread * chance));
    }

    fn failed(&mut self, now: Instant, status: Option<u16>, retry_after: Option<u32>, chance: f64) {
        self.raised = false;
        self.failed_hosts += 1;
        self.host = (self.host + 1) % self.hosts;
        if self.failed_hosts < self.hosts {
            self.due = Some(now);
            return;
        }
        self.failed_hosts = 0;
        self.standing = Standing::Unreachable { status };
        let doubled = BASE_WAIT.saturating_mul(1 << self.failed_rounds.min(10));
        self.failed_rounds += 1;
        // Chance takes up to half, so that the customers of a carrier do not all come back at once.
        let wait = doubled.min(MAX_WAIT).mul_f64(0.5 + 0.5 * chance);
        self.due = Some(now + wait.max(honoured(retry_after)));
    }
}

fn honoured(retry_after: Option<u32>) -> Duration {
    Duration::from_secs(retry_after.unwrap_or(0).into()).min(MAX_RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Outcome {
        Outcome::Answered {
            status,
            granted: None,
            min_expires: None,
            retry_after: None,
        }
    }

    fn wait(registration: &Registration, now: Instant) -> Duration {
        registration.due().unwrap() - now
    }

    #[test]
    fn a_registration_is_refreshed_before_it_ends() {
        let now = Instant::now();
        for chance in [0.0, 0.5, 0.999] {
            let mut registration = Registration::new(1, 3600, now);
            assert_eq!(
                registration.send(),
                Attempt {
                    host: 0,
                    expires: 3600
                }
            );
            assert_eq!(registration.due(), None, "one at a time");
            let granted = Outcome::Answered {
                status: 200,
                granted: Some(600),
                min_expires: None,
                retry_after: None,
            };
            registration.finished(now, granted, chance);
            let until = now + Duration::from_secs(600);
            assert_eq!(registration.standing(), Standing::Registered { until });
            let wait = wait(&registration, now).as_secs();
            assert!((480..=540).contains(&wait), "{wait}");
        }
    }

    #[test]
    fn a_wrong_password_is_told_at_once_and_tried_again_slowly() {
        let now = Instant::now();
        let mut registration = Registration::new(2, 3600, now);
        registration.send();
        registration.finished(now, answer(401), 0.0);
        assert_eq!(registration.standing(), Standing::Rejected { status: 401 });
        assert_eq!(wait(&registration, now), REJECTED_WAIT);
        registration.send();
        registration.finished(now, answer(403), 0.5);
        assert!(wait(&registration, now) > REJECTED_WAIT);
        // Put right by the carrier, it recovers.
        registration.send();
        registration.finished(now, answer(200), 0.0);
        assert!(matches!(
            registration.standing(),
            Standing::Registered { .. }
        ));
    }

    #[test]
    fn silence_leads_to_the_next_host_and_then_to_longer_and_longer_waits() {
        let now = Instant::now();
        let mut registration = Registration::new(2, 3600, now);
        assert_eq!(registration.send().host, 0);
        registration.finished(now, Outcome::Silent, 1.0);
        assert_eq!(wait(&registration, now), Duration::ZERO);
        assert_eq!(registration.standing(), Standing::Unregistered);
        assert_eq!(registration.send().host, 1);
        registration.finished(now, answer(503), 1.0);
        let status = Some(503);
        assert_eq!(registration.standing(), Standing::Unreachable { status });
        let mut waits = vec![wait(&registration, now).as_secs()];
        for _ in 0..5 {
            for _ in 0..2 {
                registration.send();
                registration.finished(now, Outcome::Silent, 1.0);
            }
            waits.push(wait(&registration, now).as_secs());
        }
        assert_eq!(waits, [30, 60, 120, 240, 300, 300]);
        registration.send();
        registration.finished(now, answer(200), 0.0);
        assert_eq!(
            registration.host(),
            0,
            "it stays with the host that answered"
        );
        registration.send();
        registration.finished(now, Outcome::Silent, 0.0);
        registration.send();
        registration.finished(now, Outcome::Silent, 0.0);
        assert_eq!(
            wait(&registration, now).as_secs(),
            15,
            "begins anew after a success"
        );
    }

    #[test]
    fn retry_after_is_honoured_within_reason() {
        let now = Instant::now();
        let later = |status, seconds| Outcome::Answered {
            status,
            granted: None,
            min_expires: None,
            retry_after: Some(seconds),
        };
        let mut registration = Registration::new(1, 3600, now);
        registration.send();
        registration.finished(now, later(503, 120), 0.0);
        assert_eq!(wait(&registration, now).as_secs(), 120);
        registration.send();
        registration.finished(now, later(403, 600), 0.0);
        assert_eq!(wait(&registration, now).as_secs(), 600);
        registration.send();
        registration.finished(now, later(503, u32::MAX), 0.0);
        assert_eq!(wait(&registration, now), MAX_RETRY_AFTER);
        registration.send();
        registration.finished(now, later(503, 1), 1.0);
        assert!(wait(&registration, now).as_secs() >= 30);
    }

    #[test]
    fn a_carrier_may_ask_for_longer_registrations_once() {
        let now = Instant::now();
        let brief = |min| Outcome::Answered {
            status: 423,
            granted: None,
            min_expires: Some(min),
            retry_after: None,
        };
        let mut registration = Registration::new(1, 60, now);
        registration.send();
        registration.finished(now, brief(1800), 0.0);
        assert_eq!(wait(&registration, now), Duration::ZERO);
        assert_eq!(registration.send().expires, 1800);
        registration.finished(now, brief(3600), 0.0);
        assert_eq!(registration.standing(), Standing::Rejected { status: 423 });
        let mut registration = Registration::new(1, 60, now);
        registration.send();
        registration.finished(now, brief(u32::MAX), 0.0);
        assert_eq!(registration.standing(), Standing::Rejected { status: 423 });
    }

    #[test]
    fn a_lost_connection_is_made_again_soon_but_not_over_and_over() {
        let now = Instant::now();
        let mut registration = Registration::new(1, 3600, now);
        registration.send();
        registration.lost(now, 1.0);
        assert_eq!(registration.due(), None, "one is on its way");
        registration.finished(now, answer(200), 0.0);
        for seconds in [2, 4, 8, 16] {
            registration.lost(now, 1.0);
            assert_eq!(wait(&registration, now), Duration::from_secs(seconds));
            registration.send();
            registration.finished(now, answer(200), 0.0);
        }
        let later = now + LASTING;
        registration.lost(later, 1.0);
        assert_eq!(wait(&registration, later), LOST_WAIT);
    }
}
