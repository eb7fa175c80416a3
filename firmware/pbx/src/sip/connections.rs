//! What all connections share: their numbers, and how many there may be.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections from outside at a time, in all and from one source.
const CONNECTIONS: usize = 1024;
const CONNECTIONS_PER_SOURCE: usize = 64;

/// Numbers connections and counts those from outside.
#[derive(Debug, Default)]
pub(super) struct Connections {
    last: AtomicU64,
    by_source: Mutex<HashMap<IpAddr, usize>>,
}

/// One counted connection.
#[derive(Debug)]
pub(super) struct Slot {
    connections: Arc<Connections>,
    source: IpAddr,
}

impl Connections {
    /// A number for a new connection; 0 is none.
    pub(super) fn number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A place for one more connection from a source, if there is one.
    pub(super) fn take(self: Arc<Self>, source: IpAddr) -> Option<Slot> {
        {
            let mut counts = self
                .by_source
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if counts.values().sum::<usize>() >= CONNECTIONS {
                return None;
            }
            let count = counts.entry(source).or_default();
            if *count >= CONNECTIONS_PER_SOURCE {
                return None;
            }
            *count += 1;
        }
        Some(Slot {
            connections: self,
            source,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self
            .connections
            .by_source
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.source);
            }
        }
    }
}
