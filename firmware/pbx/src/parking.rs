//! The slots where calls are parked, and which call waits in each (A.4).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ramal_model::{CallId, CompanyId, Configuration};

use crate::exchange::Exchange;

/// The slots that are taken.
#[derive(Default)]
pub(crate) struct Parking {
    // Held for a few map operations only, never across an await.
    slots: Mutex<BTreeMap<String, Parked>>,
}

struct Parked {
    call: CallId,
    /// The company of whoever parked it, whose people may take it.
    company: CompanyId,
    /// Whether somebody waits there who can be taken. The slot may only be kept for him until he comes.
    waits: bool,
}

/// A slot, free again when this is dropped.
pub(crate) struct Place {
    exchange: Arc<Exchange>,
    slot: String,
}

impl Parking {
    fn slots(&self) -> MutexGuard<'_, BTreeMap<String, Parked>> {
        // Every change is a single insertion or removal.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the slot that is asked for, or the first that is free; none when there is none.
    pub(crate) fn take(
        exchange: &Arc<Exchange>,
        configuration: &Configuration,
        wanted: Option<&str>,
        (call, company): (&CallId, CompanyId),
    ) -> Option<Place> {
        let mut slots = exchange.parking.slots();
        let mut numbers = configuration.feature_codes().park_slots();
        // Whoever has a number of the plan is reached there, also where a slot came about later.
        let slot = numbers.find(|slot| {
            wanted.is_none_or(|wanted| wanted == slot)
                && !slots.contains_key(slot)
                && configuration.who_is_at(slot).is_none()
        })?;
        if let Entry::Vacant(free) = slots.entry(slot.clone()) {
            free.insert(Parked {
                call: call.clone(),
                company,
                waits: false,
            });
        }
        Some(Place {
            exchange: exchange.clone(),
            slot,
        })
    }

    /// The call that somebody of this company has parked in a slot, or keeps it for: nobody may wait there yet.
    pub(crate) fn kept_for(&self, slot: &str, company: CompanyId) -> Option<CallId> {
        let slots = self.slots();
        let parked = slots.get(slot).filter(|parked| parked.company == company);
        parked.map(|parked| parked.call.clone())
    }

    /// The call that waits in a slot where somebody of this company has parked it.
    pub(crate) fn call_at(&self, slot: &str, company: CompanyId) -> Option<CallId> {
        let slots = self.slots();
        let parked = slots
            .get(slot)
            .filter(|parked| parked.waits && parked.company == company);
        parked.map(|parked| parked.call.clone())
    }
}

impl Place {
    /// The number of the slot.
    pub(crate) fn slot(&self) -> &str {
        &self.slot
    }

    /// Somebody waits there from now on.
    pub(crate) fn waits(&self) {
        if let Some(parked) = self.exchange.parking.slots().get_mut(&self.slot) {
            parked.waits = true;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.exchange.parking.slots().remove(&self.slot);
    }
}
