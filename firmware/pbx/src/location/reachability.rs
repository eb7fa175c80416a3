//! Whether phones are there: those reached by datagrams are asked by OPTIONS from time to time, which also keeps the
//! bindings of NATs open.
//!
//! A phone that does not answer [`UNANSWERED`] times is shown as unreachable. Its contact stays, and calls still ring it:
//! it may be back before it is asked again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ramal_model::ExtensionId;
use ramal_sip::{Flow, Host, Transport, Uri};

use super::{Contact, LocationService};
use crate::live::LiveEvent;

/// How often a phone behind a NAT is asked; NATs forget what has been silent for 30 s (RFC 4787 §4.3 asks for 2 minutes).
const BEHIND_NAT: Duration = Duration::from_secs(25);
/// How often another phone is asked.
const DIRECT: Duration = Duration::from_secs(60);
/// The times above are shortened by up to this part, so that phones that came together are not asked together.
const SPREAD: u32 = 4;
/// Questions in a row without an answer after which a phone counts as unreachable.
const UNANSWERED: u8 = 2;
/// Contacts dealt with at a time.
const AT_ONCE: usize = 64;

/// A phone to be asked whether it is there.
#[derive(Debug)]
pub(crate) struct Probe {
    /// Whose it is.
    pub(crate) extension: ExtensionId,
    /// Names the contact in [`LocationService::probed`].
    pub(crate) id: u64,
    /// The way to it.
    pub(crate) flow: Flow,
    /// Request URI.
    pub(crate) target: Uri,
    /// Value of the Route field.
    pub(crate) path: Option<Box<str>>,
}

/// When a contact that has just been entered is due first.
pub(super) fn first_due(now: Instant, contact: &Contact) -> Instant {
    if contact.flow.transport == Transport::Udp {
        next(now, contact)
    } else {
        contact.deadline
    }
}

/// When a contact is due again.
fn next(now: Instant, contact: &Contact) -> Instant {
    let every = if is_behind_nat(contact) {
        BEHIND_NAT
    } else {
        DIRECT
    };
    // Fibonacci hashing: numbers given one after the other lie far apart.
    let place = (contact.id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as u32;
    let shortened = every / SPREAD * place / (1 << 16);
    (now + every - shortened).min(contact.deadline)
}

/// Whether the contact's address is not where its registration came from.
fn is_behind_nat(contact: &Contact) -> bool {
    let remote = contact.flow.remote;
    contact.target().is_none_or(|uri| {
        uri.host() != Some(&Host::from(remote.ip())) || uri.port().unwrap_or(5060) != remote.port()
    })
}

impl LocationService {
    /// When there is something to do next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.lock().by_due.keys().next().map(|&(due, _)| due)
    }

    /// Removes the contacts that have expired; gives at most `room` of those that are to be asked. Call again at
    /// [`LocationService::next_due`], which may be now.
    pub(crate) fn take_due(&self, now: Instant, room: usize) -> Vec<Probe> {
        let mut probes = Vec::new();
        let mut bindings = self.lock();
        for _ in 0..AT_ONCE {
            let Some((&(due, id), &extension)) = bindings.by_due.first_key_value() else {
                break;
            };
            if due > now {
                break;
            }
            bindings.by_due.remove(&(due, id));
            let Some(contact) = bindings.contact_mut(extension, id) else {
                continue;
            };
            if contact.deadline <= now {
                tracing::info!(extension = &*contact.number, contact = %contact.uri, "registration expired");
                let contact = contact.clone();
                self.remove(&mut bindings, &contact);
                continue;
            }
            contact.due = next(now, contact);
            // Without room it is asked the next time.
            if probes.len() < room
                && let Some(target) = contact.target()
            {
                probes.push(Probe {
                    extension,
                    id,
                    flow: contact.flow,
                    target,
                    path: contact.path.clone(),
                });
            }
            let due = contact.due;
            bindings.by_due.insert((due, id), extension);
        }
        probes
    }

    /// Notes whether a phone has answered.
    pub(crate) fn probed(&self, extension: ExtensionId, id: u64, answered: bool) {
        let mut bindings = self.lock();
        let contacts = bindings.by_extension.get_mut(&extension);
        let Some(contact) = contacts.and_then(|known| known.iter_mut().find(|c| c.id == id)) else {
            return;
        };
        if answered && contact.reachable && contact.unanswered == 0 {
            return;
        }
        let contact = Arc::make_mut(contact);
        contact.unanswered = if answered {
            0
        } else {
            contact.unanswered.saturating_add(1)
        };
        let reachable = contact.unanswered < UNANSWERED;
        if reachable == contact.reachable {
            return;
        }
        contact.reachable = reachable;
        tracing::info!(
            extension = &*contact.number,
            contact = %contact.uri,
            reachable,
            "a phone's reachability has changed"
        );
        self.live.announce_registration(
            || contact.live(),
            |registration| LiveEvent::RegistrationChanged { registration },
        );
        self.live.presence_changed();
    }
}
