//! Codes that are told by telephone, to verify numbers (F208).

use ramal_model::{CallId, UserId};
use thiserror::Error;

use super::Pbx;
use crate::call::verification::{self, Telling};
use crate::lines::MAX_HOPS;
use crate::verifications::VALID;

/// Why no code is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TellingRefusal {
    /// There is no such user.
    #[error("there is no such user")]
    NoSuchUser,
    /// Another code was told for him less than a minute ago.
    #[error("a code was told less than a minute ago; wait before the next one")]
    TooSoon,
    /// No trunk or line leads to the number.
    #[error("no way out leads to the number; add an outbound route or trunk that does")]
    NoWay,
    /// The gateway has as many calls as it may.
    #[error("there is no room for another call")]
    NoRoom,
}

impl Pbx {
    /// Calls a number, in E.164, and tells whoever answers a code for a user: the call's id, and until when the code may be
    /// entered, UTC ms.
    ///
    /// # Errors
    /// Why it is not done.
    pub fn tell_code(&self, user: UserId, number: &str) -> Result<(CallId, i64), TellingRefusal> {
        let exchange = &self.exchange;
        let configuration = exchange.configuration.borrow().clone();
        let language = configuration
            .user(user)
            .ok_or(TellingRefusal::NoSuchUser)?
            .language;
        let (dialled, ways) = verification::ways(&configuration, exchange, number);
        if ways.is_empty() {
            return Err(TellingRefusal::NoWay);
        }
        let now = exchange.store.now();
        let code = exchange.verifications.begin(user, number, now);
        let telling = Telling {
            number: dialled,
            code: code.ok_or(TellingRefusal::TooSoon)?,
            language,
            ways,
            hops_left: MAX_HOPS,
            configuration,
        };
        let _calls = self.tasks.enter();
        match exchange.tell_code(telling) {
            Some(call) => Ok((call, now.saturating_add(VALID))),
            None => {
                exchange.verifications.forget(user);
                Err(TellingRefusal::NoRoom)
            }
        }
    }

    /// Whether this is the code that was told at the number for the user. It is good once.
    pub fn takes_code(&self, user: UserId, number: &str, code: &str) -> bool {
        let exchange = &self.exchange;
        let now = exchange.store.now();
        exchange.verifications.take(user, number, code, now)
    }
}
