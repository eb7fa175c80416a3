//! Call pickup: `**ext` takes the call that rings at an extension, `*8` the one that has rung longest in the pickup groups of
//! whoever dials it (F171), and the number of a slot the call that is parked there.
//!
//! The picker's leg becomes the answering leg of the call that rings; no call of its own comes about.

use std::sync::Arc;

use ramal_model::{CallId, Configuration, Extension, ExtensionId, FeatureCode};

use super::participant::Newcomer;
use super::{Caller, IncomingCall, Slot};
use crate::exchange::Exchange;

/// What a feature code wants to pick up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pickup<'a> {
    /// Any call that rings in one's groups.
    Group,
    /// The call of the extension with this number.
    Directed(&'a str),
    /// The call that is parked in this slot.
    Parked(&'a str),
}

/// The pickup that is asked for.
fn asked<'a>(configuration: &Configuration, dialled: &'a str) -> Option<Pickup<'a>> {
    match configuration.feature_codes().dialled(dialled)? {
        (FeatureCode::GroupPickup, _) => Some(Pickup::Group),
        (FeatureCode::DirectedPickup, number) => Some(Pickup::Directed(number)),
        (FeatureCode::ParkSlots, slot) => {
            let is_free = configuration.who_is_at(slot).is_none();
            is_free.then_some(Pickup::Parked(slot))
        }
        _ => None,
    }
}

impl Pickup<'_> {
    /// The call that rings, and that `caller` may take.
    fn find(self, exchange: &Exchange, incoming: &IncomingCall) -> Option<CallId> {
        let (configuration, caller) = (&incoming.configuration, &incoming.caller);
        match self {
            Self::Group => exchange.ringing(|id| {
                let rung = configuration.extension(id);
                rung.is_some_and(|rung| is_in_group(caller, rung))
            }),
            Self::Parked(slot) => exchange.parking.call_at(slot, caller.company()),
            Self::Directed(number) => {
                let rung = configuration.extension_by_number(number)?;
                may_pick_up_at(caller, rung)
                    .then(|| exchange.ringing(|id| id == rung.id))
                    .flatten()
            }
        }
    }
}

/// Whether somebody takes calls that ring there with those of his groups. A telephone on a line without an extension is in no
/// group, and belongs to the company that the gateway is set up for.
fn is_in_group(caller: &Caller, rung: &Extension) -> bool {
    match caller.extension() {
        Some(extension) => extension.shares_pickup_group(rung),
        None => rung.company.is_default() && rung.pickup_groups.is_empty(),
    }
}

/// Whether somebody takes the calls that ring there when he asks for them.
pub(super) fn may_pick_up_at(caller: &Caller, rung: &Extension) -> bool {
    match caller.extension() {
        Some(extension) => extension.may_pick_up_at(rung),
        None => is_in_group(caller, rung),
    }
}

/// Lets the caller take a call that rings, if that is what he dialled for and one does; gives him back otherwise.
pub(super) fn pick_up(exchange: &Exchange, incoming: IncomingCall) -> Option<IncomingCall> {
    let found = asked(&incoming.configuration, &incoming.dialled)
        .and_then(|pickup| pickup.find(exchange, &incoming));
    let Some(id) = found else {
        return Some(incoming);
    };
    let slot = match &incoming.caller {
        Caller::Extension(extension) => match Slot::take(&exchange.live, extension) {
            Some(slot) => Some(slot),
            None => return Some(incoming),
        },
        Caller::Station(_) => None,
        // Nobody outside takes calls in here.
        Caller::Trunk { .. } | Caller::SipTrunk(_) | Caller::E1(_) => return Some(incoming),
    };
    let IncomingCall {
        leg,
        caller,
        dialled,
        hops_left,
        configuration,
    } = incoming;
    let newcomer = Newcomer::calling(leg, caller.clone(), slot);
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
