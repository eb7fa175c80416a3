//! Writing registrations to the store, behind the agent's back, and taking them up again.
//!
//! New, moved and removed contacts are written at once, many in one commit. A refresh that only extends a contact's time
//! waits for those, or for [`LAZY`]; and it is not written at all while the row still covers half the time granted: a
//! phone that refreshes every few seconds costs a row twice per granted time. What was not written is written at an
//! orderly stop. After a power cut such a contact is forgotten early, but never before the phone is due to refresh it.

use std::sync::Arc;
use std::time::Duration;

use ramal_model::{Binding, Configuration, ExtensionId};
use ramal_sip::Flow;
use ramal_store::Store;
use tokio::sync::watch;

use super::table::Bindings;
use super::{Contact, LocationService, may_register};
use crate::clock::Now;

/// Rows handed to the store at a time; other writes get their turn between.
const ROWS: usize = 256;
/// How long a refresh may wait for company.
const LAZY: Duration = Duration::from_secs(20);

impl LocationService {
    /// Takes up the stored contacts after a restart.
    ///
    /// Those that came over a connection cannot be reached any more and are forgotten, as are those of extensions that
    /// have changed meanwhile. `flow` gives the way to an address over UDP.
    pub(crate) fn restore(
        &self,
        now: Now,
        stored: Vec<Binding>,
        configuration: &Configuration,
        mut flow: impl FnMut(std::net::SocketAddr) -> Flow,
    ) {
        let mut bindings = self.lock();
        for binding in stored {
            let left = binding.expires_at - now.utc_ms;
            // A clock set back must not make a registration last for ever.
            let left = Duration::from_millis(u64::try_from(left).unwrap_or(0))
                .min(crate::sip::MAX_EXPIRES);
            let contact = configuration
                .extension(binding.extension)
                .filter(|owner| may_register(configuration, owner.id, &owner.number))
                .and_then(|owner| {
                    Contact::restored(&binding, &owner.number, now.instant, left, &mut flow)
                });
            match contact {
                Some(mut contact) => {
                    contact.user_agent = contact
                        .user_agent
                        .map(|user_agent| bindings.user_agent(&user_agent));
                    bindings.insert(now.instant, contact);
                }
                None => {
                    bindings
                        .removed
                        .insert((binding.extension, binding.contact.into()));
                    self.written.notify_one();
                }
            }
        }
    }

    /// Writes changes to the store as they come, until `stop` changes; then what is left.
    pub(crate) async fn persist(&self, store: &Store, mut stop: watch::Receiver<bool>) {
        loop {
            let stopping = tokio::select! {
                () = self.written.notified() => false,
                () = tokio::time::sleep(LAZY) => false,
                // Also when nobody is left to tell us.
                _ = stop.changed() => true,
            };
            if stopping {
                self.lock().mark_unwritten();
            }
            self.write_removed(store).await;
            self.write_contacts(store).await;
            if stopping {
                return;
            }
        }
    }

    async fn write_removed(&self, store: &Store) {
        let removed = std::mem::take(&mut self.lock().removed);
        let mut removed = removed
            .into_iter()
            .map(|(extension, contact)| (extension, contact.into_string()))
            .peekable();
        while removed.peek().is_some() {
            let rows: Vec<_> = removed.by_ref().take(ROWS).collect();
            if let Err(error) = store.write_bindings(rows, Vec::new()).await {
                // A row too many is taken up again at the next start and found unreachable then.
                tracing::warn!(%error, "cannot delete stored registrations");
            }
        }
    }

    async fn write_contacts(&self, store: &Store) {
        loop {
            let (rows, more) = self.lock().take_rows();
            if !rows.is_empty()
                && let Err(error) = store.write_bindings(Vec::new(), rows).await
            {
                // They hold until they expire all the same; only a restart would forget them.
                tracing::warn!(%error, "cannot store registrations");
            }
            if !more {
                return;
            }
        }
    }
}

impl Bindings {
    /// The next rows to write, and whether there are more.
    pub(super) fn take_rows(&mut self) -> (Vec<Binding>, bool) {
        let mut rows = Vec::new();
        while rows.len() < ROWS
            && let Some((extension, id)) = self.unwritten.pop()
        {
            if let Some(contact) = self.contact_mut(extension, id) {
                contact.unwritten = false;
                contact.stored_until = contact.expires_at;
                rows.push(contact.stored());
            }
        }
        if self.unwritten.is_empty() {
            self.unwritten.shrink_to(ROWS);
        }
        (rows, !self.unwritten.is_empty())
    }

    /// Has every contact written whose row does not say how long it really lasts.
    pub(super) fn mark_unwritten(&mut self) {
        let behind = |contact: &&mut Arc<Contact>| {
            !contact.unwritten && contact.stored_until != contact.expires_at
        };
        for contact in self.by_extension.values_mut().flatten().filter(behind) {
            let contact = Arc::make_mut(contact);
            contact.unwritten = true;
            self.unwritten.push((contact.extension, contact.id));
        }
    }

    pub(super) fn contact_mut(&mut self, extension: ExtensionId, id: u64) -> Option<&mut Contact> {
        let contacts = self.by_extension.get_mut(&extension)?;
        let contact = contacts.iter_mut().find(|contact| contact.id == id)?;
        Some(Arc::make_mut(contact))
    }
}
