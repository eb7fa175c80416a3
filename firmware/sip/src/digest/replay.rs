//! Which nonce counts were used: a bounded window per nonce (RFC 7616 §5.12).

use std::collections::BTreeMap;

use super::nonce::Nonce;

/// Counts below the highest one that may still come late.
const WINDOW: u32 = 64;

/// The uses of the latest nonces.
#[derive(Debug)]
pub(super) struct ReplayWindow {
    /// By serial number.
    used: BTreeMap<u64, Uses>,
    capacity: usize,
    /// Nonces with a lower serial number and without an entry may have been used and forgotten.
    floor: u64,
}

#[derive(Debug, Clone, Copy)]
struct Uses {
    time: u64,
    highest: u32,
    /// Bit `n` is set when `highest - n` was used.
    seen: u64,
}

/// Whether a nonce may be used once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Fresh,
    Replay,
    /// The nonce's uses were forgotten for lack of room.
    Forgotten,
}

impl ReplayWindow {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            used: BTreeMap::new(),
            capacity: capacity.max(1),
            floor: 0,
        }
    }

    /// Notes the use of `nonce` with count `nc`; `None` is a client without counts, which may use a nonce once.
    pub(super) fn note(&mut self, nonce: Nonce, nc: Option<u32>) -> Use {
        if let Some(uses) = self.used.get_mut(&nonce.serial) {
            return match nc {
                Some(nc) => uses.note(nc),
                None => Use::Replay,
            };
        }
        if nonce.serial < self.floor {
            return Use::Forgotten;
        }
        if self.used.len() >= self.capacity {
            self.forget_first();
        }
        let uses = Uses {
            time: nonce.time,
            highest: nc.unwrap_or(u32::MAX),
            seen: match nc {
                Some(_) => 1,
                None => u64::MAX,
            },
        };
        self.used.insert(nonce.serial, uses);
        Use::Fresh
    }

    /// Forgets the nonces made before `time`, which are stale anyway.
    pub(super) fn expire(&mut self, time: u64) {
        while self
            .used
            .first_key_value()
            .is_some_and(|(_, uses)| uses.time < time)
        {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((serial, _)) = self.used.pop_first() {
            self.floor = self.floor.max(serial + 1);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.used.len()
    }
}

impl Uses {
    fn note(&mut self, nc: u32) -> Use {
        if nc > self.highest {
            let ahead = nc - self.highest;
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = nc;
            return Use::Fresh;
        }
        let behind = self.highest - nc;
        if behind >= WINDOW {
            return Use::Replay;
        }
        let bit = 1_u64 << behind;
        match self.seen & bit {
            0 => {
                self.seen |= bit;
                Use::Fresh
            }
            _ => Use::Replay,
        }
    }
}
