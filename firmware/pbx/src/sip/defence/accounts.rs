//! Limits on wrong passwords.
//!
//! Guessing is slowed in two ways that never shut out a whole LAN behind one address:
//!
//! - a source that keeps failing *as one account* is refused unheard as that account for a while, longer each time;
//! - a source that keeps failing *as anybody* gets no new challenge after a failed attempt, while whoever behind the same
//!   address knows a password is served as before. Whether it is banned as a whole is decided elsewhere.
//!
//! A request without credentials is not an attempt, nor is one with an expired nonce.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ramal_store::StoredBan;

use super::sources::{Ban, BanReason, make_room, name, network};
use crate::clock::Now;

/// Failures of one account from one source within [`WINDOW`] that start a ban.
const ACCOUNT_FAILURES: u32 = 10;
/// Failures from one source within [`WINDOW`] after which failures there get no new challenge.
const SOURCE_FAILURES: u32 = 50;
/// Failures further apart than this do not add up.
const WINDOW: Duration = Duration::from_secs(60);
/// The first ban; each following one is twice as long, up to [`LONGEST_BAN`].
const FIRST_BAN: Duration = Duration::from_secs(30);
const LONGEST_BAN: Duration = Duration::from_secs(900);
/// Longest account name kept.
const LONGEST_NAME: usize = 64;

/// What to do with a request that failed authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sip) enum Refusal {
    /// Answer with a new challenge.
    Challenge,
    /// Refuse without a challenge.
    Ban,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    failures: u32,
    window_started: Instant,
    last: Instant,
    ban: Option<Banned>,
    bans: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Banned {
    until: Instant,
    since_ms: i64,
    until_ms: i64,
}

impl Banned {
    /// One from before a restart, which ends at `until`.
    pub(super) fn stored(ban: &StoredBan, until: Instant) -> Self {
        Self {
            until,
            since_ms: ban.since,
            until_ms: ban.until,
        }
    }
}

impl Record {
    fn new(now: Instant) -> Self {
        Self {
            failures: 0,
            window_started: now,
            last: now,
            ban: None,
            bans: 0,
        }
    }

    fn fail(&mut self, now: Instant) -> u32 {
        if now.saturating_duration_since(self.window_started) > WINDOW {
            self.failures = 0;
            self.window_started = now;
        }
        self.failures = self.failures.saturating_add(1);
        self.last = now;
        self.failures
    }
}

/// Who failed how often.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    accounts: HashMap<(IpAddr, Box<str>), Record>,
    sources: HashMap<IpAddr, Record>,
    started: u64,
}

impl Accounts {
    /// Whether requests of this account from this source are to be refused unheard now.
    pub(super) fn banned(&self, now: Instant, source: IpAddr, account: &str) -> bool {
        // The table is empty on a quiet LAN; then this is all it costs.
        !self.accounts.is_empty()
            && self
                .accounts
                .get(&key(source, account))
                .and_then(|record| record.ban)
                .is_some_and(|ban| now < ban.until)
    }

    /// Records a wrong password (or an unknown account: the same). Says how to refuse it, and whether the source has failed
    /// too often as whomever.
    pub(super) fn failed(&mut self, now: Now, source: IpAddr, account: &str) -> (Refusal, bool) {
        make_room(&mut self.accounts, |record| record.last);
        make_room(&mut self.sources, |record| record.last);
        let record = self
            .accounts
            .entry(key(source, account))
            .or_insert_with(|| Record::new(now.instant));
        let account_failures = record.fail(now.instant);
        if account_failures >= ACCOUNT_FAILURES {
            let time = FIRST_BAN
                .saturating_mul(1 << record.bans.min(10))
                .min(LONGEST_BAN);
            record.bans += 1;
            record.failures = 0;
            record.ban = Some(Banned {
                until: now.instant + time,
                since_ms: now.utc_ms,
                until_ms: now.utc_ms + i64::try_from(time.as_millis()).unwrap_or(0),
            });
            self.started += 1;
            tracing::warn!(%source, account, seconds = time.as_secs(), "too many wrong passwords; refused for a while");
        }
        let source_failures = self
            .sources
            .entry(network(source))
            .or_insert_with(|| Record::new(now.instant))
            .fail(now.instant);
        let exceeded = source_failures > SOURCE_FAILURES;
        let refusal = if account_failures >= ACCOUNT_FAILURES || exceeded {
            Refusal::Ban
        } else {
            Refusal::Challenge
        };
        (refusal, exceeded)
    }

    /// Records a right password: earlier slips of this account are forgiven. Whether there was a ban among them.
    pub(super) fn succeeded(&mut self, source: IpAddr, account: &str) -> bool {
        !self.accounts.is_empty()
            && self
                .accounts
                .remove(&key(source, account))
                .is_some_and(|record| record.ban.is_some())
    }

    /// Bans begun since the start.
    pub(super) fn started(&self) -> u64 {
        self.started
    }

    /// The bans in force.
    pub(super) fn bans(&self, now: Instant) -> impl Iterator<Item = Ban> {
        self.accounts
            .iter()
            .filter_map(move |((network, account), record)| {
                let ban = record.ban.filter(|ban| now < ban.until)?;
                Some(shown(*network, account, ban, record.bans))
            })
    }

    /// The last ban of an account at a source, though it may be over.
    pub(super) fn ban_of(&self, source: IpAddr, account: &str) -> Option<Ban> {
        let key = key(source, account);
        let record = self.accounts.get(&key)?;
        Some(shown(key.0, account, record.ban?, record.bans))
    }

    /// Takes up a ban from before a restart, the `count`th one.
    pub(super) fn restore(&mut self, source: IpAddr, account: &str, ban: Banned, count: u32) {
        make_room(&mut self.accounts, |record| record.last);
        let record = Record {
            ban: Some(ban),
            bans: count,
            ..Record::new(ban.until)
        };
        self.accounts.insert(key(source, account), record);
    }

    /// The accounts that are or were banned at a source.
    pub(super) fn banned_at(&self, source: IpAddr) -> impl Iterator<Item = &str> {
        let network = network(source);
        self.accounts
            .iter()
            .filter(move |((from, _), record)| *from == network && record.ban.is_some())
            .map(|((_, account), _)| &**account)
    }

    /// Forgets all failures from a source; false when no account was banned there.
    pub(super) fn lift(&mut self, now: Instant, source: IpAddr) -> bool {
        let network = network(source);
        let banned = |record: &Record| record.ban.is_some_and(|ban| now < ban.until);
        let any = self
            .accounts
            .iter()
            .any(|((from, _), record)| *from == network && banned(record));
        self.accounts.retain(|(from, _), _| *from != network);
        self.sources.remove(&network);
        any
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.accounts.len().max(self.sources.len())
    }
}

fn shown(network: IpAddr, account: &str, ban: Banned, count: u32) -> Ban {
    Ban {
        address: name(network),
        account: Some(account.to_owned()),
        reason: BanReason::Guessing,
        since: ban.since_ms,
        until: ban.until_ms,
        count,
    }
}

fn key(source: IpAddr, account: &str) -> (IpAddr, Box<str>) {
    let account: String = account.chars().take(LONGEST_NAME).collect();
    (network(source), account.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const PHONE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));

    fn at(instant: Instant) -> Now {
        Now { instant, utc_ms: 0 }
    }

    #[test]
    fn the_tenth_wrong_password_bans_that_user_from_that_source_only() {
        let mut bans = Accounts::default();
        let now = Instant::now();
        for _ in 1..ACCOUNT_FAILURES {
            assert_eq!(
                bans.failed(at(now), PHONE, "1001"),
                (Refusal::Challenge, false)
            );
        }
        assert!(!bans.banned(now, PHONE, "1001"));
        assert_eq!(bans.failed(at(now), PHONE, "1001"), (Refusal::Ban, false));
        assert!(bans.banned(now, PHONE, "1001"));
        assert!(
            !bans.banned(now, PHONE, "1002"),
            "a neighbour on the same LAN"
        );
        assert!(!bans.banned(now, Ipv4Addr::new(192, 0, 2, 11).into(), "1001"));
        assert_eq!(bans.started(), 1);
    }

    #[test]
    fn bans_end_and_double() {
        let mut bans = Accounts::default();
        let mut now = Instant::now();
        for expected in [30, 60, 120] {
            for _ in 0..ACCOUNT_FAILURES {
                bans.failed(at(now), PHONE, "1001");
            }
            assert!(bans.banned(now + Duration::from_secs(expected - 1), PHONE, "1001"));
            now += Duration::from_secs(expected);
            assert!(!bans.banned(now, PHONE, "1001"));
        }
    }

    #[test]
    fn slow_slips_never_ban() {
        let mut bans = Accounts::default();
        let start = Instant::now();
        for slip in 0..100 {
            let now = start + Duration::from_secs(10 * slip);
            assert_eq!(
                bans.failed(at(now), PHONE, "1001"),
                (Refusal::Challenge, false),
                "slip {slip}"
            );
        }
    }

    #[test]
    fn a_source_trying_many_users_gets_no_more_answers_but_the_right_password_still_works() {
        let mut bans = Accounts::default();
        let now = Instant::now();
        let answered = (0..200)
            .filter(|user| {
                bans.failed(at(now), PHONE, &format!("{user}")) == (Refusal::Challenge, false)
            })
            .count();
        assert_eq!(answered as u32, SOURCE_FAILURES);
        assert!(!bans.banned(now, PHONE, "1001"));
    }

    #[test]
    fn the_right_password_forgives_slips() {
        let mut bans = Accounts::default();
        let now = Instant::now();
        for _ in 1..ACCOUNT_FAILURES {
            bans.failed(at(now), PHONE, "1001");
        }
        bans.succeeded(PHONE, "1001");
        assert_eq!(
            bans.failed(at(now), PHONE, "1001"),
            (Refusal::Challenge, false)
        );
    }

    #[test]
    fn a_flood_from_spoofed_sources_stays_within_the_capacity() {
        let mut bans = Accounts::default();
        let start = Instant::now();
        for n in 0..50_000u32 {
            let now = start + Duration::from_millis(u64::from(n));
            bans.failed(at(now), Ipv4Addr::from(n).into(), "1001");
        }
        assert!(bans.len() <= 16_384);
    }
}
