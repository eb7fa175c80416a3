//! The tables of the location service.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use ramal_model::{ExtensionId, MAX_REGISTRATIONS};
use ramal_sip::Flow;

use super::contact::Contact;
use super::reachability;
use crate::live::Registration;

/// Names of phones kept once for all contacts; there are not more kinds of phones in one place.
const USER_AGENTS: usize = 1024;

/// All contacts, found by everything they are asked for.
#[derive(Default)]
pub(super) struct Bindings {
    /// Oldest contact first.
    pub(super) by_extension: HashMap<ExtensionId, Vec<Arc<Contact>>>,
    pub(super) by_due: BTreeMap<(Instant, u64), ExtensionId>,
    pub(super) count: usize,
    last_id: u64,
    pub(super) last_order: u64,
    user_agents: HashSet<Arc<str>>,
    /// Contacts to write, by extension and id.
    pub(super) unwritten: Vec<(ExtensionId, u64)>,
    /// Rows to delete before that.
    pub(super) removed: HashSet<(ExtensionId, Box<str>)>,
    /// Contacts that came over each connection.
    by_connection: HashMap<u64, Vec<(ExtensionId, u64)>>,
}

impl Bindings {
    /// Enters a new contact and names it.
    pub(super) fn insert(&mut self, now: Instant, mut contact: Contact) -> u64 {
        self.last_id += 1;
        self.last_order += 1;
        self.count += 1;
        contact.id = self.last_id;
        contact.order = self.last_order;
        contact.due = reachability::first_due(now, &contact);
        self.by_due
            .insert((contact.due, contact.id), contact.extension);
        self.arrive(contact.flow, contact.extension, contact.id);
        self.by_extension
            .entry(contact.extension)
            .or_default()
            .push(Arc::new(contact));
        self.last_id
    }

    /// Takes a contact out of all tables. Returns whether it was the last of its extension.
    pub(super) fn take_out(&mut self, contact: &Contact) -> bool {
        self.by_due.remove(&(contact.due, contact.id));
        self.leave(contact.flow, contact.id);
        let Some(contacts) = self.by_extension.get_mut(&contact.extension) else {
            return false;
        };
        let before = contacts.len();
        contacts.retain(|known| known.id != contact.id);
        self.count -= before - contacts.len();
        let last = contacts.is_empty();
        if last {
            self.by_extension.remove(&contact.extension);
        }
        last
    }

    /// Notes that a contact is reached over a flow from now on.
    pub(super) fn arrive(&mut self, flow: Flow, extension: ExtensionId, id: u64) {
        if flow.connection != 0 {
            self.by_connection
                .entry(flow.connection)
                .or_default()
                .push((extension, id));
        }
    }

    /// Notes that a contact is not reached over a flow any more.
    pub(super) fn leave(&mut self, flow: Flow, id: u64) {
        if let Some(contacts) = self.by_connection.get_mut(&flow.connection) {
            contacts.retain(|&(_, known)| known != id);
            if contacts.is_empty() {
                self.by_connection.remove(&flow.connection);
            }
        }
    }

    /// The contacts reached over a connection.
    pub(super) fn of_connection(&self, flow: Flow) -> Vec<Arc<Contact>> {
        let contacts = self.by_connection.get(&flow.connection);
        contacts
            .into_iter()
            .flatten()
            .filter_map(|(extension, id)| {
                let known = self.by_extension.get(extension)?;
                known.iter().find(|contact| contact.id == *id).cloned()
            })
            .collect()
    }

    /// The contact to give up when an extension has too many.
    pub(super) fn surplus(&self, extension: ExtensionId) -> Option<Arc<Contact>> {
        let contacts = self.by_extension.get(&extension)?;
        (contacts.len() > MAX_REGISTRATIONS)
            .then(|| contacts.iter().min_by_key(|contact| contact.order).cloned())
            .flatten()
    }

    /// A phone's name, kept once.
    pub(super) fn user_agent(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.user_agents.get(name) {
            return known.clone();
        }
        let name: Arc<str> = name.into();
        if self.user_agents.len() < USER_AGENTS {
            self.user_agents.insert(name.clone());
        }
        name
    }

    /// As the live state shows them, oldest first.
    pub(super) fn registrations(&self) -> Vec<Registration> {
        let mut contacts: Vec<_> = self.by_extension.values().flatten().collect();
        contacts.sort_by_key(|contact| (contact.registered_at, contact.id));
        contacts.iter().map(|contact| contact.live()).collect()
    }
}
