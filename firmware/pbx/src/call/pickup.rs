//! Call pickup: `**ext` takes the call that rings at an extension, `*8` the one that has rung longest.
//!
//! The picker's leg becomes the answering leg of the call that rings; no call of its own comes about.

use std::sync::Arc;

use ramal_model::{CallId, Configuration, ExtensionId};

use super::participant::Newcomer;
use super::{Caller, IncomingCall, Slot};
use crate::exchange::Exchange;

/// Takes any call that rings.
const GROUP: &str = "*8";
/// Before the number of an extension, takes the call that rings there.
const DIRECTED: &str = "**";

/// What a feature code wants to pick up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pickup<'a> {
    /// Any call.
    Group,
    /// The call of the extension with this number.
    Directed(&'a str),
}

/// Reads a pickup code.
pub(crate) fn code(dialled: &str) -> Option<Pickup<'_>> {
    if dialled == GROUP {
        return Some(Pickup::Group);
    }
    let number = dialled.strip_prefix(DIRECTED)?;
    let plausible = !number.is_empty() && number.bytes().all(|key| key.is_ascii_digit());
    plausible.then_some(Pickup::Directed(number))
}

impl Pickup<'_> {
    /// The code as the call's trace names it.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Group => GROUP,
            Self::Directed(_) => DIRECTED,
        }
    }

    /// The call that rings.
    fn find(self, exchange: &Exchange, configuration: &Configuration) -> Option<CallId> {
        match self {
            Self::Group => exchange.ringing(None),
            Self::Directed(number) => {
                exchange.ringing(Some(configuration.extension_by_number(number)?.id))
            }
        }
    }
}

/// Lets the caller take a call that rings, if that is what he dialled for and one does; gives him back otherwise.
pub(super) fn pick_up(exchange: &Exchange, incoming: IncomingCall) -> Option<IncomingCall> {
    let found =
        code(&incoming.dialled).and_then(|pickup| pickup.find(exchange, &incoming.configuration));
    let (Some(id), Caller::Extension(extension)) = (found, &incoming.caller) else {
        return Some(incoming);
    };
    let Some(slot) = Slot::take(&exchange.live, extension) else {
        return Some(incoming);
    };
    let IncomingCall {
        leg,
        caller,
        dialled,
        hops_left,
        configuration,
    } = incoming;
    let newcomer = Newcomer::calling(leg, caller.clone(), Some(slot));
    match exchange.join(&id, newcomer) {
        Ok(()) => None,
        // It has just been answered.
        Err(newcomer) => Some(IncomingCall {
            leg: newcomer.into_leg(),
            caller,
            dialled,
            hops_left,
            configuration,
        }),
    }
}

/// A call's place among those that ring.
pub(super) struct RingingEntry {
    exchange: Arc<Exchange>,
    call: CallId,
}

impl RingingEntry {
    /// The phones of these extensions ring for this call.
    pub(super) fn new(
        exchange: &Arc<Exchange>,
        call: &CallId,
        extensions: Vec<ExtensionId>,
    ) -> Self {
        exchange.rings(call, extensions);
        Self {
            exchange: exchange.clone(),
            call: call.clone(),
        }
    }
}

impl Drop for RingingEntry {
    fn drop(&mut self) {
        self.exchange.rings(&self.call, Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pickup_codes_are_told_from_others() {
        assert_eq!(code("*8"), Some(Pickup::Group));
        assert_eq!(code("**2001"), Some(Pickup::Directed("2001")));
        for other in ["*80", "*802001", "**", "**20a", "8", "2001", "*43"] {
            assert_eq!(code(other), None, "{other}");
        }
    }
}
