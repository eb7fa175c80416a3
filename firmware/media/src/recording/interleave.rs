//! Both sides of a call put together, for as long as late packets may still find their place.

use super::ring::Side;

/// A hole between two packets of up to this many samples is the timeline's correction and no loss; the last sample is
/// repeated there.
const SEAM: i64 = 8;

/// The stretch of a recording that is not written yet, one octet a sample and side.
pub(super) struct Interleave {
    silence: u8,
    /// Place of the first sample kept.
    start: i64,
    /// Left, right, left, right.
    octets: Vec<u8>,
    /// Where each side's last packet ended, and its last sample.
    ends: [(i64, u8); 2],
    /// Packets whose place was written already.
    pub(super) late: u64,
}

impl Interleave {
    pub(super) fn new(silence: u8) -> Self {
        Interleave {
            silence,
            start: 0,
            octets: Vec::new(),
            ends: [(0, silence); 2],
            late: 0,
        }
    }

    /// Place of the first sample that is not written yet.
    pub(super) fn start(&self) -> i64 {
        self.start
    }

    /// Puts samples of one side at their place.
    pub(super) fn put(&mut self, side: Side, position: i64, samples: &[u8]) {
        let Some(&last) = samples.last() else { return };
        let channel = match side {
            Side::Received => 0,
            Side::Sent => 1,
        };
        let (before, repeated) = self.ends[channel];
        let end = position + samples.len() as i64;
        if end <= self.start {
            self.late += 1;
            return;
        }
        self.reach(end);
        if (1..=SEAM).contains(&(position - before)) {
            let seam = [repeated; SEAM as usize];
            let length = usize::try_from(position - before).unwrap_or(0);
            self.lay(channel, before, seam.get(..length).unwrap_or_default());
        }
        self.lay(channel, position, samples);
        if end > before {
            self.ends[channel] = (end, last);
        }
    }

    /// Lays samples from `position` on, as far as that is not written yet; there is room for them.
    fn lay(&mut self, channel: usize, position: i64, samples: &[u8]) {
        let ahead = position - self.start;
        let gone = usize::try_from(-ahead).unwrap_or(0);
        let samples = samples.get(gone..).unwrap_or_default();
        let from = usize::try_from(ahead).unwrap_or(0) * 2;
        let frames = self.octets.get_mut(from..).unwrap_or_default();
        let (frames, _) = frames.as_chunks_mut::<2>();
        for (frame, &sample) in frames.iter_mut().zip(samples) {
            frame[channel] = sample;
        }
    }

    /// Lets it reach to `end`, silent where nothing was put.
    fn reach(&mut self, end: i64) {
        let wanted = usize::try_from(end - self.start).unwrap_or(0) * 2;
        if wanted > self.octets.len() {
            self.octets.resize(wanted, self.silence);
        }
    }

    /// Appends everything before `until` to `out`; what comes for it later is too late.
    pub(super) fn take(&mut self, until: i64, out: &mut Vec<u8>) {
        if until <= self.start {
            return;
        }
        self.reach(until);
        let octets = usize::try_from(until - self.start).unwrap_or(0) * 2;
        out.extend(self.octets.drain(..octets));
        self.start = until;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: u8 = 0xD5;

    fn taken(interleave: &mut Interleave, until: i64) -> Vec<[u8; 2]> {
        let mut out = Vec::new();
        interleave.take(until, &mut out);
        out.as_chunks::<2>().0.to_vec()
    }

    #[test]
    fn sides_lie_beside_each_other_and_gaps_are_silent() {
        let mut interleave = Interleave::new(QUIET);
        interleave.put(Side::Received, 10, &[1; 10]);
        interleave.put(Side::Sent, 5, &[2; 10]);
        let frames = taken(&mut interleave, 25);
        assert_eq!(frames.len(), 25);
        for (place, frame) in frames.into_iter().enumerate() {
            let left = if (10..20).contains(&place) { 1 } else { QUIET };
            let right = if (5..15).contains(&place) { 2 } else { QUIET };
            assert_eq!(frame, [left, right], "{place}");
        }
    }

    #[test]
    fn what_comes_too_late_is_counted_and_changes_nothing() {
        let mut interleave = Interleave::new(QUIET);
        interleave.put(Side::Received, 0, &[1; 160]);
        assert_eq!(taken(&mut interleave, 100).len(), 100);
        interleave.put(Side::Received, 20, &[9; 80]);
        assert_eq!(interleave.late, 1);
        // Half late: the rest is still heard.
        interleave.put(Side::Sent, 50, &[3; 100]);
        let frames = taken(&mut interleave, 160);
        assert_eq!(frames[0], [1, 3]);
        assert_eq!(frames[49], [1, 3]);
        assert_eq!(frames[50], [1, QUIET]);
    }

    #[test]
    fn a_seam_is_closed_and_a_loss_is_not() {
        let mut interleave = Interleave::new(QUIET);
        interleave.put(Side::Received, 0, &[7; 160]);
        interleave.put(Side::Received, 164, &[8; 160]);
        interleave.put(Side::Received, 500, &[9; 160]);
        let left: Vec<u8> = taken(&mut interleave, 660)
            .iter()
            .map(|frame| frame[0])
            .collect();
        assert_eq!(left[160..164], [7; 4]);
        assert_eq!(left[324..500], [QUIET; 176]);
    }
}
