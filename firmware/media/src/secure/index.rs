//! Packet indices (RFC 3711 §3.3.1) and which of them have been seen (§3.3.2).

/// How far behind the newest packet one may come, in packets.
const WINDOW: u64 = 128;

/// The indices of one source, seen or sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    /// The highest, once there is any.
    highest: Option<u64>,
    /// Bit n: the index n below the highest.
    seen: u128,
}

impl Window {
    /// The most likely index of a packet with this sequence number: the one nearest to the highest. `None` when it lies
    /// before the beginning.
    pub(super) fn estimate(&self, sequence: u16) -> Option<u64> {
        let Some(highest) = self.highest else {
            return Some(u64::from(sequence));
        };
        let ahead = sequence.wrapping_sub(highest as u16).cast_signed();
        highest.checked_add_signed(i64::from(ahead))
    }

    /// Whether nothing with this index was seen, and it is not too old to know.
    pub(super) fn is_fresh(&self, index: u64) -> bool {
        let Some(highest) = self.highest else {
            return true;
        };
        match highest.checked_sub(index) {
            None => true,
            Some(behind) => behind < WINDOW && self.seen >> behind & 1 == 0,
        }
    }

    /// Notes an index that [`Self::is_fresh`].
    pub(super) fn note(&mut self, index: u64) {
        let highest = *self.highest.get_or_insert(index);
        if let Some(ahead) = index.checked_sub(highest) {
            let moved = u32::try_from(ahead)
                .ok()
                .and_then(|ahead| self.seen.checked_shl(ahead));
            self.seen = moved.unwrap_or(0) | 1;
            self.highest = Some(index);
        } else if highest - index < WINDOW {
            self.seen |= 1 << (highest - index);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_index_goes_on_where_the_sequence_wraps() {
        let mut window = Window::default();
        for (sequence, index) in [
            (65_534, 65_534),
            (65_535, 65_535),
            (1, 65_537),
            (0, 65_536),
            (65_533, 65_533),
            (32_768, 98_304),
            (65_535, 131_071),
            (2, 131_074),
        ] {
            assert_eq!(window.estimate(sequence), Some(index), "{sequence}");
            if window.is_fresh(index) {
                window.note(index);
            }
        }
        let mut young = Window::default();
        young.note(3);
        assert_eq!(young.estimate(65_535), None, "before the beginning");
    }

    proptest! {
        /// Nothing is taken twice, and nothing within the window is lost.
        #[test]
        fn every_index_is_taken_once(indices in prop::collection::vec(0u64..600, 1..400)) {
            let mut window = Window::default();
            let mut taken = std::collections::HashSet::new();
            let mut highest = 0;
            for index in indices {
                let fresh = window.is_fresh(index);
                let expected = !taken.contains(&index) && (taken.is_empty() || index + WINDOW > highest);
                prop_assert_eq!(fresh, expected);
                if fresh {
                    window.note(index);
                    taken.insert(index);
                    highest = highest.max(index);
                }
            }
        }
    }
}
