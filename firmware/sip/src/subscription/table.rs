//! All subscriptions of an endpoint.

use std::collections::HashMap;

use super::{Subscription, SubscriptionId};
use crate::dialog::DialogKey;

/// Live subscriptions, by id and by dialog.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    by_id: HashMap<SubscriptionId, Subscription>,
    by_dialog: HashMap<DialogKey, SubscriptionId>,
    last: u64,
}

impl Subscriptions {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn new_id(&mut self) -> SubscriptionId {
        self.last += 1;
        SubscriptionId(self.last)
    }

    pub(crate) fn insert(&mut self, subscription: Subscription) {
        self.by_dialog
            .insert(subscription.dialog.key, subscription.id);
        self.by_id.insert(subscription.id, subscription);
    }

    pub(crate) fn find(&self, dialog: DialogKey) -> Option<SubscriptionId> {
        self.by_dialog.get(&dialog).copied()
    }

    pub(crate) fn get_mut(&mut self, id: SubscriptionId) -> Option<&mut Subscription> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn remove(&mut self, id: SubscriptionId) -> Option<Subscription> {
        let subscription = self.by_id.remove(&id)?;
        self.by_dialog.remove(&subscription.dialog.key);
        Some(subscription)
    }
}
