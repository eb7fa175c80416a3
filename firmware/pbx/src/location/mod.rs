//! The location service (RFC 3261 §10): which contacts each extension has registered.
//!
//! The SIP agent writes it, call tasks read it. Every change goes to whoever watches the live state, and to the store
//! through lists that a task of its own works off ([`persistence`]): the agent never waits for the disk. Phones reached
//! by datagrams are asked from time to time whether they are there ([`reachability`]).

mod contact;
mod persistence;
mod reachability;
mod table;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ramal_model::{Configuration, Extension, ExtensionId};
use ramal_sip::{Flow, Transport};
use tokio::sync::{Notify, broadcast};

use crate::clock::Now;
use crate::live::{Live, LiveEvent, LiveState};

use self::contact::same_phone;
pub(crate) use self::contact::{Change, Contact, ContactChange, Instance, Origin};
pub(crate) use self::reachability::Probe;
use self::table::Bindings;

/// A request that came again within this time is answered as before: a client sends it no longer (RFC 3261 §17.1.2.2).
const REPEATED_WITHIN: i64 = 32_000;

/// The registration is older than what is known of one of its contacts (RFC 3261 §10.3 step 7); nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfOrder;

/// All registered contacts.
pub(crate) struct LocationService {
    // Held for a few map operations only, never across an await. Whoever takes the live state's lock, too, takes it after
    // this one.
    bindings: Mutex<Bindings>,
    live: Arc<LiveState>,
    written: Notify,
}

impl LocationService {
    pub(crate) fn new(live: Arc<LiveState>) -> Self {
        Self {
            bindings: Mutex::default(),
            live,
            written: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Bindings> {
        // Each change below leaves the maps consistent with each other before anything that could panic.
        self.bindings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The extension's contacts, oldest first.
    pub(crate) fn contacts(&self, extension: ExtensionId) -> Vec<Arc<Contact>> {
        self.lock()
            .by_extension
            .get(&extension)
            .cloned()
            .unwrap_or_default()
    }

    /// The contacts a call to the extension rings: of a phone that has registered by several flows only the best one
    /// (RFC 5626 §5.3), which is the latest that answers.
    pub(crate) fn targets(&self, extension: ExtensionId) -> Vec<Arc<Contact>> {
        let contacts = self.contacts(extension);
        let better = |other: &Contact, contact: &Contact| {
            let same = other.instance.as_ref().map(|instance| &instance.id)
                == contact.instance.as_ref().map(|instance| &instance.id);
            same && other.instance.is_some()
                && (other.reachable, other.order) > (contact.reachable, contact.order)
        };
        contacts
            .iter()
            .filter(|contact| !contacts.iter().any(|other| better(other, contact)))
            .cloned()
            .collect()
    }

    /// Number of contacts.
    pub(crate) fn len(&self) -> usize {
        self.lock().count
    }

    /// The live state with all registrations, oldest first.
    pub(crate) fn live(&self) -> Live {
        let bindings = self.lock();
        self.live.snapshot(bindings.registrations())
    }

    /// The same, and every change after it.
    pub(crate) fn observe(&self) -> (Live, broadcast::Receiver<LiveEvent>) {
        // Registrations are announced under this lock, so none falls between the two.
        let bindings = self.lock();
        self.live.observe(bindings.registrations())
    }

    /// Whether a registration of the extension is one that was granted a moment ago, come again.
    pub(crate) fn is_repeated(
        &self,
        now: Now,
        extension: ExtensionId,
        flow: Flow,
        fingerprint: u64,
    ) -> bool {
        let bindings = self.lock();
        let contacts = bindings.by_extension.get(&extension);
        contacts.into_iter().flatten().any(|contact| {
            contact.fingerprint == fingerprint
                && contact.flow == flow
                && (0..REPEATED_WITHIN).contains(&(now.utc_ms - contact.refreshed_at))
        })
    }

    /// Applies a registration, whole or not at all (RFC 3261 §10.3 steps 6 and 7).
    ///
    /// An extension keeps at most [`MAX_REGISTRATIONS`](ramal_model::MAX_REGISTRATIONS) contacts: one more takes the place of the one refreshed longest
    /// ago. Refusing it instead would lock out a phone that restarts with a new contact address until its old contacts
    /// expire.
    pub(crate) fn update(
        &self,
        now: Now,
        owner: &Extension,
        origin: &Origin<'_>,
        change: Change,
    ) -> Result<(), OutOfOrder> {
        let mut bindings = self.lock();
        let bindings = &mut *bindings;
        let known = bindings
            .by_extension
            .get(&owner.id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let outdated =
            |contact: &Contact| *contact.call_id == *origin.call_id && origin.cseq <= contact.cseq;
        match change {
            Change::RemoveAll => {
                if known.iter().any(|contact| outdated(contact)) {
                    return Err(OutOfOrder);
                }
                let all = bindings.by_extension.get(&owner.id).cloned();
                for contact in all.into_iter().flatten() {
                    self.remove(bindings, &contact);
                }
            }
            Change::Contacts(changes) => {
                let overtaken = |change| {
                    known
                        .iter()
                        .any(|contact| outdated(contact) && same_phone(contact, change))
                };
                if changes.iter().any(overtaken) {
                    return Err(OutOfOrder);
                }
                for change in changes {
                    self.apply(bindings, now, owner, origin, &change);
                }
            }
        }
        Ok(())
    }

    fn apply(
        &self,
        bindings: &mut Bindings,
        now: Now,
        owner: &Extension,
        origin: &Origin<'_>,
        change: &ContactChange,
    ) {
        let known = bindings
            .by_extension
            .get(&owner.id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut stays = None;
        let mut gone = Vec::new();
        for contact in known.iter().filter(|contact| same_phone(contact, change)) {
            let same = contact.uri.as_bytes() == change.uri.as_bytes();
            if same && stays.is_none() && !change.expires.is_zero() {
                stays = Some(contact.id);
            } else {
                gone.push(contact.clone());
            }
        }
        for contact in gone {
            self.remove(bindings, &contact);
        }
        if change.expires.is_zero() {
            return;
        }
        match stays {
            Some(id) => self.refresh(bindings, now, owner.id, id, origin, change),
            None => self.add(bindings, now, owner, origin, change),
        }
        while let Some(oldest) = bindings.surplus(owner.id) {
            tracing::info!(extension = owner.number, contact = %oldest.uri, "too many registrations; the oldest gives way");
            self.remove(bindings, &oldest);
        }
    }

    fn add(
        &self,
        bindings: &mut Bindings,
        now: Now,
        owner: &Extension,
        origin: &Origin<'_>,
        change: &ContactChange,
    ) {
        let contact = Contact {
            extension: owner.id,
            number: owner.number.as_str().into(),
            uri: change.uri.to_string().into(),
            flow: origin.flow,
            instance: change.instance.clone(),
            path: origin.path.map(Into::into),
            user_agent: origin
                .user_agent
                .map(|user_agent| bindings.user_agent(user_agent)),
            reachable: true,
            call_id: origin.call_id.into(),
            cseq: origin.cseq,
            fingerprint: origin.fingerprint,
            registered_at: now.utc_ms,
            refreshed_at: now.utc_ms,
            expires_at: after(now, change.expires),
            stored_until: 0,
            deadline: now.instant + change.expires,
            due: now.instant,
            id: 0,
            order: 0,
            unanswered: 0,
            unwritten: true,
        };
        self.live.announce_registration(
            || contact.live(),
            |registration| LiveEvent::RegistrationAdded { registration },
        );
        self.live.presence_changed();
        let first = !bindings.by_extension.contains_key(&owner.id);
        let number = contact.number.clone();
        // Its row will replace one that was to be deleted.
        bindings
            .removed
            .remove(&(contact.extension, contact.uri.clone()));
        let id = bindings.insert(now.instant, contact);
        bindings.unwritten.push((owner.id, id));
        self.written.notify_one();
        if first {
            self.live.number_changed(&number);
        }
    }

    fn refresh(
        &self,
        bindings: &mut Bindings,
        now: Now,
        extension: ExtensionId,
        id: u64,
        origin: &Origin<'_>,
        change: &ContactChange,
    ) {
        let contacts = bindings.by_extension.get(&extension);
        let Some(contact) = contacts.and_then(|known| known.iter().find(|c| c.id == id)) else {
            return;
        };
        let moved = contact.flow != origin.flow
            || contact.instance != change.instance
            || contact.path.as_deref() != origin.path
            || contact.user_agent.as_deref() != origin.user_agent
            || *contact.call_id != *origin.call_id;
        let user_agent = origin
            .user_agent
            .filter(|_| moved)
            .map(|user_agent| bindings.user_agent(user_agent));
        let contacts = bindings.by_extension.get_mut(&extension);
        let Some(contact) = contacts.and_then(|known| known.iter_mut().find(|c| c.id == id)) else {
            return;
        };
        // Copied only while a call holds it.
        let contact = Arc::make_mut(contact);
        let was_reachable = contact.reachable;
        let before = contact.flow;
        if moved {
            contact.flow = origin.flow;
            contact.instance.clone_from(&change.instance);
            contact.path = origin.path.map(Into::into);
            contact.user_agent = user_agent;
            contact.call_id = origin.call_id.into();
        }
        contact.reachable = true;
        contact.unanswered = 0;
        contact.cseq = origin.cseq;
        contact.fingerprint = origin.fingerprint;
        contact.refreshed_at = now.utc_ms;
        contact.expires_at = after(now, change.expires);
        contact.deadline = now.instant + change.expires;
        bindings.last_order += 1;
        contact.order = bindings.last_order;
        if contact.due > contact.deadline {
            bindings.by_due.remove(&(contact.due, contact.id));
            contact.due = contact.deadline;
            bindings
                .by_due
                .insert((contact.due, contact.id), contact.extension);
        }
        // A row that covers most of what was granted is good enough; phones refresh long before it ends.
        let half = i64::try_from(change.expires.as_millis() / 2).unwrap_or(i64::MAX);
        if !contact.unwritten && (moved || contact.stored_until < now.utc_ms.saturating_add(half)) {
            contact.unwritten = true;
            bindings.unwritten.push((extension, id));
            if moved {
                self.written.notify_one();
            }
        }
        self.live.announce_registration(
            || contact.live(),
            |registration| LiveEvent::RegistrationChanged { registration },
        );
        if !was_reachable {
            self.live.presence_changed();
        }
        if before != origin.flow {
            bindings.leave(before, id);
            bindings.arrive(origin.flow, extension, id);
        }
    }

    fn remove(&self, bindings: &mut Bindings, contact: &Contact) {
        if bindings.take_out(contact) {
            self.live.number_changed(&contact.number);
        }
        self.live.announce_registration(
            || contact.live(),
            |registration| LiveEvent::RegistrationRemoved { registration },
        );
        self.live.presence_changed();
        // Another flow of the same phone may have the same address, and with it the same row.
        let known = bindings.by_extension.get(&contact.extension);
        if known.is_none_or(|known| known.iter().all(|other| other.uri != contact.uri)) {
            bindings
                .removed
                .insert((contact.extension, contact.uri.clone()));
            self.written.notify_one();
        }
    }

    /// Removes the contacts that were reached over a connection that is gone; such a phone connects and registers anew.
    pub(crate) fn flow_closed(&self, flow: Flow) {
        let mut bindings = self.lock();
        for contact in bindings.of_connection(flow) {
            self.remove(&mut bindings, &contact);
        }
    }

    /// Removes the contacts of extensions that are gone, disabled, renumbered, or whose secret has changed, and
    /// those in browsers where these are not allowed any more.
    pub(crate) fn configuration_changed(&self, before: &Configuration, after: &Configuration) {
        self.remove_where(|contact| {
            let owner = after.extension(contact.extension);
            !may_register(after, contact.extension, &contact.number)
                || owner.is_some_and(|owner| !may_signal_over(contact.flow.transport, owner))
                || before.credential(contact.extension) != after.credential(contact.extension)
        });
    }

    fn remove_where(&self, gone: impl Fn(&Contact) -> bool) {
        let mut bindings = self.lock();
        let removed: Vec<_> = bindings
            .by_extension
            .values()
            .flatten()
            .filter(|contact| gone(contact))
            .cloned()
            .collect();
        for contact in removed {
            self.remove(&mut bindings, &contact);
        }
    }
}

fn after(now: Now, time: Duration) -> i64 {
    now.utc_ms
        .saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

/// Whether phones of an extension may use a transport (F174).
pub(crate) fn may_signal_over(transport: Transport, owner: &Extension) -> bool {
    owner.webrtc_allowed || !matches!(transport, Transport::Ws | Transport::Wss)
}

fn may_register(configuration: &Configuration, extension: ExtensionId, number: &str) -> bool {
    configuration
        .extension(extension)
        .is_some_and(|owner| owner.enabled && owner.number == number)
}
