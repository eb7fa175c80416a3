//! Slows down password guessing: after a few failures each further attempt has to wait, doubling.
//!
//! Failures are counted by source address (IPv6: the /64) and by login name, because guessing comes as one source
//! against many logins and as many sources against one login. An attempt counts as failed from its start until it
//! succeeds, so a burst of parallel attempts gains nothing. The table is bounded; when it is full the entry that has
//! been quiet longest makes room.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures that cost no waiting time.
const FREE_FAILURES: u32 = 5;
/// Waiting time after the first failure that is not free; doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// Longest wait for one source address.
const LONGEST_FOR_SOURCE: Duration = Duration::from_secs(15 * 60);
/// Longest wait for one login: short, so that a stranger cannot lock the administrator out for long.
const LONGEST_FOR_LOGIN: Duration = Duration::from_secs(30);
/// Quiet time after which failures are forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(30 * 60);
/// Most entries kept.
const CAPACITY: usize = 4096;
/// Longest part of a login name that is used as key, in bytes.
const LOGIN_KEY_BYTES: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Source(IpAddr),
    Login(Box<str>),
}

#[derive(Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

/// Table of failed logins.
#[derive(Debug, Default)]
pub struct Backoff {
    table: Mutex<HashMap<Key, Failures>>,
}

/// An attempt that was let through and is counted as failed until [`Backoff::succeeded`].
#[derive(Debug)]
#[must_use = "tell the table when the attempt succeeded"]
pub struct Attempt {
    keys: [Option<Key>; 2],
}

impl Backoff {
    /// Lets an attempt through or says how long to wait. `source` is `None` for the local socket.
    pub fn begin(
        &self,
        now: Instant,
        source: Option<IpAddr>,
        login: &str,
    ) -> Result<Attempt, Duration> {
        let keys = [source.map(source_key), Some(login_key(login))];
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = keys.iter().flatten().filter_map(|key| {
            let failures = table.get(key)?;
            let delay = delay(key, failures.count)?;
            (failures.last + delay)
                .checked_duration_since(now)
                .filter(|left| !left.is_zero())
        });
        if let Some(longest) = wait.max() {
            return Err(longest);
        }
        for key in keys.iter().flatten() {
            if table.len() >= CAPACITY && !table.contains_key(key) {
                make_room(&mut table, now);
            }
            let failures = table.entry(key.clone()).or_insert(Failures {
                count: 0,
                last: now,
            });
            if now.saturating_duration_since(failures.last) > FORGET_AFTER {
                failures.count = 0;
            }
            failures.count = failures.count.saturating_add(1);
            failures.last = now;
        }
        Ok(Attempt { keys })
    }

    /// The password was right: the login starts afresh; the source gets only this attempt back, or somebody with an
    /// account of his own could clear his guesses at other accounts with it.
    pub fn succeeded(&self, attempt: Attempt) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        for key in attempt.keys.into_iter().flatten() {
            match &key {
                Key::Login(_) => {
                    table.remove(&key);
                }
                Key::Source(_) => {
                    if let Some(failures) = table.get_mut(&key) {
                        failures.count = failures.count.saturating_sub(1);
                    }
                }
            }
        }
    }
}

fn source_key(source: IpAddr) -> Key {
    Key::Source(match source.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    })
}

fn login_key(login: &str) -> Key {
    let mut key = login.trim().to_lowercase();
    while key.len() > LOGIN_KEY_BYTES {
        key.pop();
    }
    Key::Login(key.into_boxed_str())
}

fn delay(key: &Key, failures: u32) -> Option<Duration> {
    let exponent = failures.checked_sub(FREE_FAILURES)?;
    let longest = match key {
        Key::Source(_) => LONGEST_FOR_SOURCE,
        Key::Login(_) => LONGEST_FOR_LOGIN,
    };
    Some(
        FIRST_DELAY
            .saturating_mul(1 << exponent.min(20))
            .min(longest),
    )
}

fn make_room(table: &mut HashMap<Key, Failures>, now: Instant) {
    table.retain(|_, failures| now.saturating_duration_since(failures.last) <= FORGET_AFTER);
    if table.len() >= CAPACITY
        && let Some(oldest) = table
            .iter()
            .min_by_key(|(_, failures)| failures.last)
            .map(|(key, _)| key.clone())
    {
        table.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 8));

    fn fail(backoff: &Backoff, now: Instant, source: IpAddr, login: &str) -> Result<(), Duration> {
        backoff.begin(now, Some(source), login).map(drop)
    }

    #[test]
    fn five_failures_are_free_then_the_wait_doubles() {
        let backoff = Backoff::default();
        let mut now = Instant::now();
        for _ in 0..5 {
            fail(&backoff, now, SOURCE, "admin").unwrap();
        }
        for seconds in [1, 2, 4, 8] {
            assert_eq!(
                fail(&backoff, now, SOURCE, "admin"),
                Err(Duration::from_secs(seconds))
            );
            now += Duration::from_secs(seconds);
            fail(&backoff, now, SOURCE, "admin").unwrap();
        }
    }

    #[test]
    fn one_login_is_slowed_from_any_source_and_one_source_for_any_login() {
        let backoff = Backoff::default();
        let now = Instant::now();
        for _ in 0..5 {
            fail(&backoff, now, SOURCE, "admin").unwrap();
        }
        assert!(fail(&backoff, now, OTHER, " ADMIN").is_err());
        assert!(fail(&backoff, now, SOURCE, "somebody").is_err());
        assert!(fail(&backoff, now, OTHER, "somebody").is_ok());
    }

    #[test]
    fn the_administrator_is_never_locked_out_for_more_than_thirty_seconds() {
        let backoff = Backoff::default();
        let mut now = Instant::now();
        for guess in 0..40u8 {
            let source = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, guess));
            now += LONGEST_FOR_LOGIN;
            fail(&backoff, now, source, "admin").unwrap();
        }
        assert_eq!(fail(&backoff, now, OTHER, "admin"), Err(LONGEST_FOR_LOGIN));
    }

    #[test]
    fn success_clears_the_login_but_not_the_guesses_of_the_source() {
        let backoff = Backoff::default();
        let now = Instant::now();
        for _ in 0..4 {
            fail(&backoff, now, SOURCE, "admin").unwrap();
        }
        let attempt = backoff.begin(now, Some(SOURCE), "own-account").unwrap();
        backoff.succeeded(attempt);
        fail(&backoff, now, SOURCE, "own-account").unwrap();
        assert!(fail(&backoff, now, SOURCE, "own-account").is_err());
    }

    #[test]
    fn ipv6_neighbours_of_one_64_count_as_one_source() {
        let backoff = Backoff::default();
        let now = Instant::now();
        for host in 0..5u16 {
            let source = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host));
            fail(&backoff, now, source, &format!("login{host}")).unwrap();
        }
        let source = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9));
        assert!(fail(&backoff, now, source, "fresh").is_err());
    }

    #[test]
    fn the_table_stays_bounded() {
        let backoff = Backoff::default();
        let now = Instant::now();
        for number in 0..3 * CAPACITY as u32 {
            let source = IpAddr::V4(std::net::Ipv4Addr::from_bits(number));
            fail(
                &backoff,
                now + Duration::from_millis(number.into()),
                source,
                "x",
            )
            .ok();
        }
        assert!(backoff.table.lock().unwrap().len() <= CAPACITY);
    }

    #[test]
    fn failures_are_forgotten_after_half_an_hour() {
        let backoff = Backoff::default();
        let now = Instant::now();
        for _ in 0..5 {
            fail(&backoff, now, SOURCE, "admin").unwrap();
        }
        let later = now + FORGET_AFTER + Duration::from_secs(1);
        fail(&backoff, later, SOURCE, "admin").unwrap();
        fail(&backoff, later, SOURCE, "admin").unwrap();
    }
}
