//! Calls that leave the company: how they go, and what the caller is told when they do not.

use std::sync::Arc;

use ramal_media::Codec;
use ramal_model::Party;

use super::trace::{Refused, Step};
use crate::exchange::Exchange;
use crate::leg::outward::{Attempt, Outward, OutwardLeg, Sent};
use crate::leg::{Cause, Leg};
use crate::trunk::{Diverted, TrunkCall};

/// Who wants out.
pub(super) struct Outgoing {
    /// Who calls.
    pub(super) caller: Party,
    /// Whether he wants his number withheld.
    pub(super) withheld: bool,
    /// Who sent it on, the last one first.
    pub(super) diversions: Vec<Diverted>,
    /// What he can hear, best first.
    pub(super) codecs: Vec<Codec>,
    /// How often the call may still be passed on.
    pub(super) hops_left: u8,
}

/// Begins to call `number` outside, over the first of `ways` that works.
pub(super) fn dial(
    exchange: &Arc<Exchange>,
    number: &str,
    ways: Vec<Sent>,
    outgoing: Outgoing,
) -> Box<dyn Leg> {
    let call = TrunkCall {
        number: number.to_owned(),
        caller: outgoing.caller,
        withheld: outgoing.withheld,
        diversions: outgoing.diversions,
        hops_left: outgoing.hops_left,
    };
    let outward = Outward {
        ways,
        call,
        codecs: outgoing.codecs,
    };
    Box::new(OutwardLeg::new(exchange.clone(), outward))
}

impl From<Attempt> for Step {
    fn from(attempt: Attempt) -> Self {
        match attempt {
            Attempt::Sent {
                trunk,
                host: Some(host),
                number,
            } => Step::SipTrunk {
                trunk,
                host,
                number,
            },
            Attempt::Sent {
                trunk,
                host: None,
                number,
            } => Step::E1Trunk { trunk, number },
            Attempt::Failed {
                trunk,
                host: Some(host),
                cause,
            } => Step::SipTrunkFailed {
                trunk,
                host,
                cause: cause.0,
            },
            Attempt::Failed {
                trunk,
                host: None,
                cause,
            } => Step::E1TrunkFailed {
                trunk,
                cause: cause.0,
            },
            Attempt::PassedOver { trunk, because } => Step::SipTrunkPassedOver { trunk, because },
        }
    }
}

/// What it means when a call out is refused for this cause.
pub(super) fn refusal(cause: Cause) -> Refused {
    match cause.0 {
        1 | 22 | 28 => Refused::UnknownNumber,
        17 => Refused::Busy,
        34 | 42 | 44 | 47 => Refused::NoFreeLine,
        27 | 38 | 41 | 102 => Refused::TrunksDown,
        65 => Refused::NoCommonCodec,
        _ => Refused::Rejected,
    }
}
