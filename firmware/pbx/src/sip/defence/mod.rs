//! Defence against guessing, scanning and flooding.
//!
//! What comes in passes [`Defence::admits`] before it is parsed: a banned source and a known scanner hear nothing, not even
//! a refusal. What comes of it is charged to its source afterwards: malformed messages, requests without credentials,
//! requests for accounts that do not exist, wrong passwords. A source that exceeds its allowance is banned, each time for
//! longer.
//!
//! A whole LAN behind one address is never shut out for one bad phone: a source somebody has proved himself from lately is
//! not banned as a whole; only the account that is being guessed is refused there ([`accounts`]). IPv6 sources are
//! counted by /64, which is what one customer has.
//!
//! All tables are bounded: a flood from made-up addresses costs some megabytes and no more. Bans outlive a restart
//! ([`persistence`]).

mod accounts;
mod persistence;
mod scanners;
mod sources;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Instant;

use accounts::Accounts;
pub(super) use accounts::Refusal;
use persistence::Unwritten;
use sources::Sources;

use crate::clock::Now;
use crate::counters::DefenceCounters;

pub(crate) use persistence::{BanChanges, Memory};
pub use sources::{Ban, BanReason};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Defence {
    sources: Sources,
    accounts: Accounts,
    counters: DefenceCounters,
    unwritten: Unwritten,
}

impl Defence {
    /// Whether a message is to be looked at. It is called before parsing and must stay cheap.
    pub(super) fn admits(&mut self, now: Now, source: IpAddr, message: &[u8]) -> bool {
        if self.sources.is_banned(now.instant, source) {
            self.counters.silenced += 1;
            return false;
        }
        let Some(scanner) = scanners::recognize(message) else {
            return true;
        };
        self.counters.scanners += 1;
        tracing::debug!(%source, scanner, "a scanner is not answered");
        self.ban(now, source, BanReason::Scanner);
        false
    }

    /// Whether what a source sends wrongly is not to be answered any more: one that cannot be banned has exceeded its
    /// allowance of errors.
    pub(super) fn is_tiresome(&self, now: Instant, source: IpAddr) -> bool {
        self.sources.is_exhausted(now, source)
    }

    /// Whether a source is banned as a whole.
    pub(super) fn is_banned(&self, now: Instant, source: IpAddr) -> bool {
        self.sources.is_banned(now, source)
    }

    /// Charges a source for messages that could not be read or were refused for their form.
    pub(super) fn malformed(&mut self, now: Now, source: IpAddr, messages: u64) {
        self.counters.malformed += messages;
        if !self.sources.may_err(now.instant, source, messages) {
            self.ban(now, source, BanReason::Malformed);
        }
    }

    /// Whether a request without credentials that speaks for `account` may be challenged. `exists` says whether there is
    /// such an account.
    pub(super) fn may_challenge(
        &mut self,
        now: Now,
        source: IpAddr,
        account: &str,
        exists: bool,
    ) -> bool {
        if self.sources.is_banned(now.instant, source)
            || self.accounts.banned(now.instant, source, account)
        {
            return false;
        }
        if !exists && self.sources.tries_unknown(now.instant, source, account) {
            self.ban(now, source, BanReason::UnknownAccounts);
            return false;
        }
        if self.sources.may_ask(now.instant, source) {
            return true;
        }
        self.counters.limited += 1;
        self.ban(now, source, BanReason::Flood);
        false
    }

    /// Whether a request that has nothing to prove, such as OPTIONS, may be answered: on our own networks, and for who
    /// has proved himself.
    pub(super) fn may_inquire(&mut self, now: Instant, source: IpAddr) -> bool {
        if !sources::is_private(source) && !self.sources.is_proved(now, source) {
            self.counters.limited += 1;
            return false;
        }
        let may = self.sources.may_ask(now, source);
        if !may {
            self.counters.limited += 1;
        }
        may
    }

    /// Whether requests with this account's credentials are refused unheard from this source.
    pub(super) fn is_account_banned(&self, now: Instant, source: IpAddr, account: &str) -> bool {
        self.accounts.banned(now, source, account)
    }

    /// Notes a wrong password, or an unknown user, which is the same, and says how to refuse it.
    pub(super) fn failed(&mut self, now: Now, source: IpAddr, account: &str) -> Refusal {
        let started = self.accounts.started();
        let (refusal, exceeded) = self.accounts.failed(now, source, account);
        if self.accounts.started() > started {
            self.unwritten.note(source, account);
        }
        if exceeded {
            self.ban(now, source, BanReason::Guessing);
        }
        refusal
    }

    /// Notes that somebody has proved who he is.
    pub(super) fn proved(&mut self, now: Instant, source: IpAddr, account: &str) {
        if self.accounts.succeeded(source, account) {
            self.unwritten.note(source, account);
        }
        self.sources.proved(now, source);
    }

    /// Notes that a source is one of those we talk to ourselves: like one somebody has proved himself from.
    pub(super) fn trust(&mut self, now: Instant, source: IpAddr) {
        self.sources.proved(now, source);
    }

    /// Whether an accepted request may begin a call: a source has an allowance of calls a second.
    pub(super) fn may_call(&mut self, now: Instant, source: IpAddr) -> bool {
        let may = self.sources.may_call(now, source);
        if !may {
            self.counters.limited += 1;
        }
        may
    }

    fn ban(&mut self, now: Now, source: IpAddr, reason: BanReason) {
        if let Some(ban) = self.sources.ban(now, source, reason) {
            self.counters.bans += 1;
            self.unwritten.note(source, "");
            tracing::warn!(%source, ?reason, seconds = ban.as_secs(), "banned for a while");
        }
    }

    /// The bans in force, of whole sources and of accounts.
    pub(super) fn bans(&self, now: Instant) -> Vec<Ban> {
        let mut bans = self.sources.bans(now);
        bans.extend(self.accounts.bans(now));
        bans.sort_by(|a, b| {
            (a.since, &a.address, &a.account).cmp(&(b.since, &b.address, &b.account))
        });
        bans
    }

    /// Ends all bans of an address (of its network for IPv6); false when there was none.
    pub(super) fn lift(&mut self, now: Instant, source: IpAddr) -> bool {
        self.unwritten.note(source, "");
        for account in self.accounts.banned_at(source) {
            self.unwritten.note(source, account);
        }
        let source_lifted = self.sources.lift(now, source);
        let lifted = self.accounts.lift(now, source) | source_lifted;
        if lifted {
            tracing::info!(%source, "ban lifted by hand");
        }
        lifted
    }

    /// What has been done so far.
    pub(super) fn counters(&self, now: Instant) -> DefenceCounters {
        DefenceCounters {
            account_bans: self.accounts.started(),
            active_bans: self.bans(now).len() as u64,
            ..self.counters
        }
    }
}
