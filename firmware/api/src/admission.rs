//! How many connections are open, in all and from one source address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections and refuses those above the limits.
#[derive(Debug)]
pub struct Admission {
    total: usize,
    per_source: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_source: HashMap<IpAddr, usize>,
    refused: u64,
}

/// One admitted connection; dropping it makes room.
#[derive(Debug)]
pub struct Admitted {
    admission: Arc<Admission>,
    source: IpAddr,
}

impl Admission {
    /// At most `total` connections, of which at most `per_source` from one address.
    pub fn new(total: usize, per_source: usize) -> Arc<Self> {
        Arc::new(Self {
            total,
            per_source,
            open: Mutex::default(),
        })
    }

    /// Takes a place for a connection from `source`, if there is one.
    pub fn admit(self: &Arc<Self>, source: IpAddr) -> Option<Admitted> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let from_source = open.by_source.get(&source).copied().unwrap_or(0);
        if open.total >= self.total || from_source >= self.per_source {
            open.refused = open.refused.saturating_add(1);
            return None;
        }
        open.total += 1;
        open.by_source.insert(source, from_source + 1);
        Some(Admitted {
            admission: Arc::clone(self),
            source,
        })
    }

    /// Connections open now, and connections refused since the start.
    pub fn counts(&self) -> (usize, u64) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        (open.total, open.refused)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self
            .admission
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        open.total = open.total.saturating_sub(1);
        if let Some(count) = open.by_source.get_mut(&self.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.by_source.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_cannot_take_all_places() {
        let admission = Admission::new(3, 2);
        let [a, b] = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])];
        let first = admission.admit(a);
        let second = admission.admit(a);
        assert!(first.is_some() && second.is_some());
        assert!(admission.admit(a).is_none());
        let third = admission.admit(b);
        assert!(third.is_some());
        assert!(admission.admit(b).is_none());
        drop(first);
        assert!(admission.admit(b).is_some());
        drop((second, third));
        assert_eq!(admission.counts(), (0, 2));
        assert!(admission.open.lock().unwrap().by_source.is_empty());
    }
}
