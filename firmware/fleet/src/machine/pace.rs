//! When the server is asked: neither all gateways at once after a power cut, nor a server that is in trouble over and over.

use std::hash::Hasher;
use std::time::Duration;

use siphasher::sip::SipHasher13;
use tokio::time::Instant;

use crate::ddi::USUAL_SLEEP;

/// Within this time after the start the first question is asked.
const FIRST: Duration = Duration::from_secs(60);
/// Pause after the first failure in a row; it doubles.
const FAILED: Duration = Duration::from_secs(30);
/// The longest.
const LONGEST: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub(super) struct Pace {
    /// Of the serial number: 0 to 1, the same after every start.
    part: f64,
    sleep: Duration,
    next: Instant,
    failures: u32,
}

impl Pace {
    pub(super) fn new(serial: &str, now: Instant) -> Self {
        let mut hasher = SipHasher13::new_with_keys(0x52_61_6d_61, 0x6c_00_00_00);
        hasher.write(serial.as_bytes());
        // 16 bits tell 65,536 gateways apart.
        let part = f64::from((hasher.finish() & 0xffff) as u16) / 65_536.0;
        Self {
            part,
            sleep: USUAL_SLEEP,
            next: now + FIRST.mul_f64(part),
            failures: 0,
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        now >= self.next
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// The server wants to be asked so often; each gateway does it up to a tenth earlier or later.
    pub(super) fn set_sleep(&mut self, sleep: Duration, now: Instant) {
        self.sleep = sleep;
        self.asked(now);
    }

    pub(super) fn asked(&mut self, now: Instant) {
        self.next = now + self.sleep.mul_f64(0.9 + 0.2 * self.part);
    }

    pub(super) fn hurry(&mut self, now: Instant) {
        self.next = now;
    }

    pub(super) fn reached(&mut self) {
        self.failures = 0;
    }

    /// It is not asked for a while, longer each time, or as long as it says.
    pub(super) fn failed(&mut self, now: Instant, wait: Option<Duration>) {
        let doubled = FAILED.saturating_mul(1 << self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        let wait = wait.unwrap_or(doubled).min(LONGEST);
        self.next = now + wait.mul_f64(1.0 + 0.2 * self.part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_gateways_do_not_ask_at_once() {
        let now = Instant::now();
        let mut seconds = [0; 60];
        for serial in 0..1000 {
            let pace = Pace::new(&format!("RML{serial:06}"), now);
            let second = (pace.next() - now).as_secs() as usize;
            seconds[second] += 1;
            assert_eq!(
                Pace::new(&format!("RML{serial:06}"), now).next(),
                pace.next()
            );
        }
        assert!(seconds.iter().all(|count| *count < 50), "{seconds:?}");
    }

    #[test]
    fn trouble_makes_it_ask_less_often() {
        let now = Instant::now();
        let mut pace = Pace::new("", now);
        let mut last = Duration::ZERO;
        for _ in 0..20 {
            pace.failed(now, None);
            let wait = pace.next() - now;
            assert!(wait >= last && wait <= LONGEST.mul_f64(1.2));
            last = wait;
        }
        pace.failed(now, Some(Duration::from_secs(7)));
        assert!(pace.next() - now < Duration::from_secs(10));
        pace.reached();
        pace.failed(now, None);
        assert!(pace.next() - now < Duration::from_secs(60));
    }
}
