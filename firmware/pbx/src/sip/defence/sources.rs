//! What each source may do, and which are banned as a whole.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use ramal_store::{BAN_MEMORY_MS, StoredBan};
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Now;

/// A source somebody proved himself from within this time is not banned as a whole: the longest registration lasts as long.
const PROVED: Duration = Duration::from_secs(3600);
/// The first ban; each following one is twice as long, up to [`LONGEST_BAN`].
const FIRST_BAN: Duration = Duration::from_secs(60);
pub(super) const LONGEST_BAN: Duration = Duration::from_secs(86_400);
/// How long a source's earlier bans count.
const FORGET: Duration = Duration::from_millis(BAN_MEMORY_MS.unsigned_abs());
/// Sources counted, proved or banned at a time, each.
pub(super) const CAPACITY: usize = 16_384;
/// Accounts that do not exist a source may speak for within [`WINDOW`]: typing errors, and phones not yet set up.
const UNKNOWN_ACCOUNTS: u8 = 8;
/// The same on our own networks.
const UNKNOWN_ACCOUNTS_PRIVATE: u8 = 40;
const WINDOW: Duration = Duration::from_secs(600);

/// An allowance: so much at once, and so much a second.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: f32,
    per_second: f32,
}

/// Malformed messages.
const ERRORS: Rate = Rate {
    burst: 100.0,
    per_second: 2.0,
};
/// Requests without credentials: each phone needs one for each registration and call.
const QUESTIONS: Rate = Rate {
    burst: 500.0,
    per_second: 50.0,
};
/// The same on our own networks: all phones may come back together when the power does.
const QUESTIONS_PRIVATE: Rate = Rate {
    burst: 20_000.0,
    per_second: 500.0,
};
/// Calls of those who proved themselves.
const CALLS: Rate = Rate {
    burst: 1000.0,
    per_second: 400.0,
};

/// How much of an allowance is spent.
#[derive(Debug, Clone, Copy, Default)]
struct Spent(f32);

impl Spent {
    fn recover(&mut self, rate: Rate, passed: Duration) {
        self.0 = (self.0 - rate.per_second * passed.as_secs_f32()).max(0.0);
    }

    fn spend(&mut self, amount: f32, rate: Rate) -> bool {
        let enough = self.0 + amount <= rate.burst;
        if enough {
            self.0 += amount;
        }
        enough
    }
}

/// What one source has done lately.
#[derive(Debug, Clone, Copy)]
struct Record {
    last: Instant,
    errors: Spent,
    questions: Spent,
    calls: Spent,
    unknown: u8,
    /// Hash of the last unknown account.
    last_unknown: u64,
    unknown_since: Instant,
}

impl Record {
    fn new(now: Instant) -> Self {
        Self {
            last: now,
            errors: Spent::default(),
            questions: Spent::default(),
            calls: Spent::default(),
            unknown: 0,
            last_unknown: 0,
            unknown_since: now,
        }
    }
}

/// Why a source is banned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BanReason {
    /// It calls itself what a scanner does.
    Scanner,
    /// It has spoken for many accounts that do not exist.
    UnknownAccounts,
    /// It has sent many messages that are no SIP.
    Malformed,
    /// It has sent many requests without proving who they are from.
    Flood,
    /// It has tried wrong passwords.
    Guessing,
}

impl BanReason {
    const ALL: [Self; 5] = [
        Self::Scanner,
        Self::UnknownAccounts,
        Self::Malformed,
        Self::Flood,
        Self::Guessing,
    ];

    /// As the API and the store say it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Scanner => "scanner",
            Self::UnknownAccounts => "unknown_accounts",
            Self::Malformed => "malformed",
            Self::Flood => "flood",
            Self::Guessing => "guessing",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// A ban in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Ban {
    /// The address banned; of an IPv6 address its network, such as `2001:db8::/64`.
    pub address: String,
    /// The only account that is refused there; when missing, nothing from the address is answered.
    pub account: Option<String>,
    /// Why.
    pub reason: BanReason,
    /// When it began, UTC milliseconds since the epoch.
    pub since: i64,
    /// When it ends, UTC milliseconds since the epoch.
    pub until: i64,
    /// Which ban of this source it is, counted from 1; each is longer than the one before.
    pub count: u32,
}

/// A ban as it is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Banned {
    until: Instant,
    until_ms: i64,
    since_ms: i64,
    reason: BanReason,
    count: u32,
}

impl Banned {
    /// One from before a restart, which ends at `until`.
    pub(super) fn stored(ban: &StoredBan, reason: BanReason, until: Instant) -> Self {
        Self {
            until,
            until_ms: ban.until,
            since_ms: ban.since,
            reason,
            count: ban.count,
        }
    }

    fn shown(&self, network: IpAddr) -> Ban {
        Ban {
            address: name(network),
            account: None,
            reason: self.reason,
            since: self.since_ms,
            until: self.until_ms,
            count: self.count,
        }
    }
}

/// All sources.
#[derive(Debug, Default)]
pub(super) struct Sources {
    records: HashMap<IpAddr, Record>,
    proved: HashMap<IpAddr, Instant>,
    banned: HashMap<IpAddr, Banned>,
}

impl Sources {
    pub(super) fn is_banned(&self, now: Instant, source: IpAddr) -> bool {
        // Mostly there is none; then this is all it costs.
        !self.banned.is_empty()
            && self
                .banned
                .get(&network(source))
                .is_some_and(|ban| now < ban.until)
    }

    pub(super) fn is_proved(&self, now: Instant, source: IpAddr) -> bool {
        self.proved
            .get(&network(source))
            .is_some_and(|at| now.saturating_duration_since(*at) < PROVED)
    }

    pub(super) fn proved(&mut self, now: Instant, source: IpAddr) {
        let network = network(source);
        match self.proved.get_mut(&network) {
            Some(at) => *at = now,
            None => {
                make_room(&mut self.proved, |at| *at);
                self.proved.insert(network, now);
            }
        }
        // It has answered what it was asked.
        if let Some(record) = self.records.get_mut(&network) {
            record.questions.0 = (record.questions.0 - 2.0).max(0.0);
        }
    }

    pub(super) fn may_err(&mut self, now: Instant, source: IpAddr, messages: u64) -> bool {
        self.record(now, source, |record| {
            record.errors.spend(messages as f32, ERRORS)
        })
    }

    /// Whether a source has used up its allowance of errors.
    pub(super) fn is_exhausted(&self, now: Instant, source: IpAddr) -> bool {
        self.records.get(&network(source)).is_some_and(|record| {
            let mut errors = record.errors;
            errors.recover(ERRORS, now.saturating_duration_since(record.last));
            !errors.spend(1.0, ERRORS)
        })
    }

    pub(super) fn may_ask(&mut self, now: Instant, source: IpAddr) -> bool {
        let rate = if is_private(source) || self.is_proved(now, source) {
            QUESTIONS_PRIVATE
        } else {
            QUESTIONS
        };
        self.record(now, source, |record| record.questions.spend(1.0, rate))
    }

    pub(super) fn may_call(&mut self, now: Instant, source: IpAddr) -> bool {
        self.record(now, source, |record| record.calls.spend(1.0, CALLS))
    }

    /// Notes that a source speaks for an account that does not exist; true when it has done so for too many.
    pub(super) fn tries_unknown(&mut self, now: Instant, source: IpAddr, account: &str) -> bool {
        let limit = if is_private(source) {
            UNKNOWN_ACCOUNTS_PRIVATE
        } else {
            UNKNOWN_ACCOUNTS
        };
        let mut hasher = DefaultHasher::new();
        account.hash(&mut hasher);
        let account = hasher.finish();
        self.record(now, source, |record| {
            if now.saturating_duration_since(record.unknown_since) > WINDOW {
                record.unknown = 0;
                record.unknown_since = now;
            }
            // One phone with an old number asks for ever, but for the same.
            if account != record.last_unknown {
                record.last_unknown = account;
                record.unknown = record.unknown.saturating_add(1);
            }
            record.unknown > limit
        })
    }

    fn record<T>(
        &mut self,
        now: Instant,
        source: IpAddr,
        action: impl FnOnce(&mut Record) -> T,
    ) -> T {
        let network = network(source);
        if !self.records.contains_key(&network) {
            make_room(&mut self.records, |record| record.last);
        }
        let record = self
            .records
            .entry(network)
            .or_insert_with(|| Record::new(now));
        let passed = now.saturating_duration_since(record.last);
        record.errors.recover(ERRORS, passed);
        record.questions.recover(QUESTIONS, passed);
        record.calls.recover(CALLS, passed);
        record.last = now;
        action(record)
    }

    /// Bans a source unless somebody has proved himself from it lately; for how long, when the ban is new.
    pub(super) fn ban(&mut self, now: Now, source: IpAddr, reason: BanReason) -> Option<Duration> {
        if self.is_proved(now.instant, source) || self.is_banned(now.instant, source) {
            return None;
        }
        let network = network(source);
        let before = self.banned.get(&network).map_or(0, |ban| ban.count);
        let time = FIRST_BAN
            .saturating_mul(1 << before.min(20))
            .min(LONGEST_BAN);
        let instant = now.instant;
        self.banned
            .retain(|_, ban| instant.saturating_duration_since(ban.until) < FORGET);
        make_room(&mut self.banned, |ban| ban.until);
        let ban = Banned {
            until: now.instant + time,
            until_ms: now.utc_ms + i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 2),
            since_ms: now.utc_ms,
            reason,
            count: before + 1,
        };
        self.banned.insert(network, ban);
        self.records.remove(&network);
        Some(time)
    }

    pub(super) fn bans(&self, now: Instant) -> Vec<Ban> {
        self.banned
            .iter()
            .filter(|(_, ban)| now < ban.until)
            .map(|(&network, ban)| ban.shown(network))
            .collect()
    }

    /// The last ban of a source, though it may be over.
    pub(super) fn ban_of(&self, source: IpAddr) -> Option<Ban> {
        let network = network(source);
        Some(self.banned.get(&network)?.shown(network))
    }

    /// Takes up a ban from before a restart.
    pub(super) fn restore(&mut self, source: IpAddr, ban: Banned) {
        make_room(&mut self.banned, |ban| ban.until);
        self.banned.insert(network(source), ban);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Forgets the bans of a source, the earlier ones too; false when none was in force.
    pub(super) fn lift(&mut self, now: Instant, source: IpAddr) -> bool {
        let network = network(source);
        self.records.remove(&network);
        self.banned
            .remove(&network)
            .is_some_and(|ban| now < ban.until)
    }
}

/// What is counted as one: an IPv4 address, or the /64 of an IPv6 one.
pub(super) fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// A network as it is shown.
pub(super) fn name(network: IpAddr) -> String {
    match network {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(network) => format!("{network}/64"),
    }
}

/// Whether an address belongs to a network that cannot be reached from outside (RFC 1918, RFC 4193, link-local, loopback).
pub(super) fn is_private(source: IpAddr) -> bool {
    match source.to_canonical() {
        IpAddr::V4(address) => {
            address.is_private() || address.is_loopback() || address.is_link_local()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// Keeps a table below its capacity: an eighth goes at a time, the oldest, so that a flood does not pay for a scan per
/// message.
pub(super) fn make_room<K: Eq + Hash, V>(table: &mut HashMap<K, V>, age: impl Fn(&V) -> Instant) {
    if table.len() < CAPACITY {
        return;
    }
    let mut ages: Vec<Instant> = table.values().map(&age).collect();
    let (_, &mut cut, _) = ages.select_nth_unstable(CAPACITY / 8);
    table.retain(|_, value| age(value) > cut);
}
