//! What all connections share: their numbers, and how many there may be.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections from outside at a time, in all and from one source.
const CONNECTIONS: (usize, usize) = (1024, 64);
/// Of these, TLS handshakes under way: whoever connects and says nothing must not take the places of those who do.
const HANDSHAKES: (usize, usize) = (256, 32);

/// Numbers connections and counts those from outside.
#[derive(Debug)]
pub(super) struct Connections {
    last: AtomicU64,
    open: Arc<Places>,
    handshakes: Arc<Places>,
    refused: AtomicU64,
    failed_handshakes: AtomicU64,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            last: AtomicU64::new(0),
            open: Places::new(CONNECTIONS),
            handshakes: Places::new(HANDSHAKES),
            refused: AtomicU64::new(0),
            failed_handshakes: AtomicU64::new(0),
        }
    }
}

impl Connections {
    /// A number for a new connection; 0 is none.
    pub(super) fn number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A place for one more connection from a source, if there is one.
    pub(super) fn take(&self, source: IpAddr) -> Option<Slot> {
        self.counted(self.open.take(source))
    }

    /// A place for one more TLS handshake with a source, if there is one.
    pub(super) fn shake_hands(&self, source: IpAddr) -> Option<Slot> {
        self.counted(self.handshakes.take(source))
    }

    fn counted(&self, slot: Option<Slot>) -> Option<Slot> {
        if slot.is_none() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        slot
    }

    /// Connections that there was no place for.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// A TLS handshake of somebody who connected to us came to nothing.
    pub(super) fn handshake_failed(&self) {
        self.failed_handshakes.fetch_add(1, Ordering::Relaxed);
    }

    /// How many did.
    pub(super) fn failed_handshakes(&self) -> u64 {
        self.failed_handshakes.load(Ordering::Relaxed)
    }
}

/// A number of places, some of which one source may have.
#[derive(Debug)]
struct Places {
    all: usize,
    per_source: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// One place that is taken.
#[derive(Debug)]
pub(super) struct Slot {
    places: Arc<Places>,
    source: IpAddr,
}

impl Places {
    fn new((all, per_source): (usize, usize)) -> Arc<Self> {
        Arc::new(Self {
            all,
            per_source,
            taken: Mutex::default(),
        })
    }

    fn take(self: &Arc<Self>, source: IpAddr) -> Option<Slot> {
        let mut counts = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.values().sum::<usize>() >= self.all {
            return None;
        }
        let count = counts.entry(source).or_default();
        if *count >= self.per_source {
            return None;
        }
        *count += 1;
        Some(Slot {
            places: self.clone(),
            source,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let taken = &self.places.taken;
        let mut counts = taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_takes_its_share_and_no_more() {
        let places = Places::new((3, 2));
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let mut taken: Vec<Slot> = (0..5).filter_map(|_| places.take(one)).collect();
        assert_eq!(taken.len(), 2);
        taken.extend((0..5).filter_map(|_| places.take(other)));
        assert_eq!(taken.len(), 3);
        taken.clear();
        assert!(places.taken.lock().unwrap().is_empty());
        assert!(places.take(one).is_some());
    }
}
