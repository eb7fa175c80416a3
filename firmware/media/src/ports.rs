//! The range of RTP ports.
//!
//! Pairs are claimed with one atomic flag each, so a media thread that closes a stream never waits for
//! the control side that opens one.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::MediaError;

/// The even ports of a range whose odd neighbour also lies in it (RFC 3550 §11).
#[derive(Debug)]
pub(crate) struct PortRange {
    first: u16,
    last: u16,
    first_even: u16,
    claimed: Box<[AtomicBool]>,
}

/// A claimed pair, given back when dropped.
#[derive(Debug)]
pub(crate) struct PortLease {
    range: Arc<PortRange>,
    index: usize,
}

impl PortRange {
    /// All pairs in `ports`.
    pub(crate) fn new(ports: &RangeInclusive<u16>) -> Result<Self, MediaError> {
        let (first, last) = (*ports.start(), *ports.end());
        let first_even = u32::from(first).next_multiple_of(2).max(2);
        let pairs = (u32::from(last) + 1).saturating_sub(first_even) / 2;
        if pairs == 0 {
            return Err(MediaError::PortRange { first, last });
        }
        let first_even =
            u16::try_from(first_even).map_err(|_| MediaError::PortRange { first, last })?;
        let claimed = (0..pairs).map(|_| AtomicBool::new(false)).collect();
        Ok(PortRange {
            first,
            last,
            first_even,
            claimed,
        })
    }

    /// Tries free pairs from a random one upwards, once around, until `open` succeeds on one.
    ///
    /// `open` is given the even port and answers `Ok(None)` when another program holds one of the two.
    pub(crate) fn claim<T>(
        self: &Arc<Self>,
        random: u32,
        mut open: impl FnMut(u16) -> Result<Option<T>, MediaError>,
    ) -> Result<(PortLease, T), MediaError> {
        let pairs = self.claimed.len();
        let start = random as usize % pairs;
        for index in (start..pairs).chain(0..start) {
            let Some(flag) = self.claimed.get(index) else {
                continue;
            };
            if flag.swap(true, Ordering::AcqRel) {
                continue;
            }
            let lease = PortLease {
                range: Arc::clone(self),
                index,
            };
            if let Some(opened) = open(lease.rtp_port())? {
                return Ok((lease, opened));
            }
        }
        Err(MediaError::PortsExhausted {
            first: self.first,
            last: self.last,
            pairs,
        })
    }
}

impl PortLease {
    /// The even port; RTCP uses the next one.
    pub(crate) fn rtp_port(&self) -> u16 {
        // The range was built so that every index fits.
        self.range.first_even.wrapping_add((self.index * 2) as u16)
    }
}

impl Drop for PortLease {
    fn drop(&mut self) {
        if let Some(flag) = self.range.claimed.get(self.index) {
            flag.store(false, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(range: &Arc<PortRange>, random: u32) -> Result<PortLease, MediaError> {
        range
            .claim(random, |_| Ok(Some(())))
            .map(|(lease, ())| lease)
    }

    #[test]
    fn only_whole_pairs_of_even_and_odd_count() {
        for (ports, pairs) in [(10..=19, 5), (11..=19, 4), (11..=18, 3), (10..=11, 1)] {
            assert_eq!(
                PortRange::new(&ports).unwrap().claimed.len(),
                pairs,
                "{ports:?}"
            );
        }
        for ports in [
            10..=10,
            11..=12,
            RangeInclusive::new(20, 10),
            65_535..=65_535,
            0..=1,
        ] {
            assert!(
                matches!(PortRange::new(&ports), Err(MediaError::PortRange { .. })),
                "{ports:?}"
            );
        }
        assert_eq!(PortRange::new(&(65_534..=65_535)).unwrap().claimed.len(), 1);
    }

    #[test]
    fn the_search_goes_once_around_and_then_reports_exhaustion() {
        let range = Arc::new(PortRange::new(&(40_000..=40_005)).unwrap());
        let leases: Vec<_> = (0..3).map(|_| claim(&range, 1).unwrap()).collect();
        let ports: Vec<u16> = leases.iter().map(PortLease::rtp_port).collect();
        assert_eq!(ports, [40_002, 40_004, 40_000]);
        let refused = claim(&range, 0).unwrap_err();
        assert!(matches!(
            refused,
            MediaError::PortsExhausted { pairs: 3, .. }
        ));
        drop(leases);
        assert_eq!(claim(&range, 0).unwrap().rtp_port(), 40_000);
    }

    #[test]
    fn pairs_held_by_others_are_skipped_and_not_leaked() {
        let range = Arc::new(PortRange::new(&(40_000..=40_003)).unwrap());
        let (lease, port) = range
            .claim(0, |port| Ok((port != 40_000).then_some(port)))
            .unwrap();
        assert_eq!(port, 40_002);
        assert_eq!(claim(&range, 0).unwrap().rtp_port(), 40_000);
        drop(lease);
    }
}
