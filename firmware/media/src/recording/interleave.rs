//! Both sides of a call put together, for as long as late packets may still find their place.

use super::form::Form;
use super::ring::Side;

/// A hole between two packets of up to this many places of the timeline is the timeline's correction and no loss; the last sample is
/// repeated there.
const SEAM: i64 = 8;

/// The stretch of a recording that is not written yet.
pub(super) struct Interleave {
    form: Form,
    /// Number of the first sample kept.
    start: i64,
    /// Left, right, left, right.
    octets: Vec<u8>,
    /// Where each side's last packet ended, and its last sample.
    ends: [(i64, [u8; 2]); 2],
    /// Packets whose place was written already.
    pub(super) late: u64,
}

impl Interleave {
    pub(super) fn new(form: Form) -> Self {
        Interleave {
            form,
            start: 0,
            octets: Vec::new(),
            ends: [(0, form.silence()); 2],
            late: 0,
        }
    }

    /// Number of the first sample that is not written yet.
    pub(super) fn start(&self) -> i64 {
        self.start
    }

    /// Puts samples of one side at their place.
    pub(super) fn put(&mut self, side: Side, position: i64, samples: &[u8]) {
        let width = self.form.width();
        let last = match samples {
            [.., sample] if width == 1 => [*sample; 2],
            [.., low, high] => [*low, *high],
            _ => return,
        };
        let channel = match side {
            Side::Received => 0,
            Side::Sent => 1,
        };
        let (before, repeated) = self.ends[channel];
        let end = position + (samples.len() / width) as i64;
        if end <= self.start {
            self.late += 1;
            return;
        }
        self.reach(end);
        if (1..=SEAM * self.form.scale()).contains(&(position - before)) {
            let seam = repeated.repeat(usize::try_from(position - before).unwrap_or(0));
            let length = seam.len() / 2 * width;
            self.lay(channel, before, seam.get(..length).unwrap_or_default());
        }
        self.lay(channel, position, samples);
        if end > before {
            self.ends[channel] = (end, last);
        }
    }

    /// Lays samples from `position` on, as far as that is not written yet; there is room for them.
    fn lay(&mut self, channel: usize, position: i64, samples: &[u8]) {
        let width = self.form.width();
        let ahead = position - self.start;
        let gone = usize::try_from(-ahead).unwrap_or(0) * width;
        let samples = samples.get(gone..).unwrap_or_default();
        let from = usize::try_from(ahead).unwrap_or(0) * 2 * width;
        let frames = self.octets.get_mut(from..).unwrap_or_default();
        if width == 1 {
            let (frames, _) = frames.as_chunks_mut::<2>();
            for (frame, &sample) in frames.iter_mut().zip(samples) {
                frame[channel] = sample;
            }
        } else {
            let (sides, _) = frames.as_chunks_mut::<2>();
            let (samples, _) = samples.as_chunks::<2>();
            for (side, &sample) in sides.iter_mut().skip(channel).step_by(2).zip(samples) {
                *side = sample;
            }
        }
    }

    /// Lets it reach to `end`, silent where nothing was put.
    fn reach(&mut self, end: i64) {
        let wanted = self.length(end);
        match self.form.silence() {
            [silence, _] if self.form.width() == 1 => {
                if wanted > self.octets.len() {
                    self.octets.resize(wanted, silence);
                }
            }
            silence => {
                while self.octets.len() < wanted {
                    self.octets.extend_from_slice(&silence);
                }
            }
        }
    }

    /// Octets from the beginning up to a sample.
    fn length(&self, end: i64) -> usize {
        usize::try_from(end - self.start).unwrap_or(0) * 2 * self.form.width()
    }

    /// Appends everything before `until` to `out`; what comes for it later is too late.
    pub(super) fn take(&mut self, until: i64, out: &mut Vec<u8>) {
        if until <= self.start {
            return;
        }
        self.reach(until);
        let octets = self.length(until);
        out.extend(self.octets.drain(..octets));
        self.start = until;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::SampleRate;
    use ramal_dsp::Law;

    const ALAW: Form = Form::Companded(Law::A);
    const QUIET: u8 = 0xD5;

    fn taken(interleave: &mut Interleave, until: i64) -> Vec<[u8; 2]> {
        let mut out = Vec::new();
        interleave.take(until, &mut out);
        out.as_chunks::<2>().0.to_vec()
    }

    #[test]
    fn sides_lie_beside_each_other_and_gaps_are_silent() {
        let mut interleave = Interleave::new(ALAW);
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
        let mut interleave = Interleave::new(ALAW);
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
        let mut interleave = Interleave::new(ALAW);
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

    #[test]
    fn samples_of_sixteen_bits_lie_as_those_of_eight() {
        let mut interleave = Interleave::new(Form::Linear(SampleRate::Wide));
        let said = |value: u8, count: usize| [value, value + 1].repeat(count);
        interleave.put(Side::Received, 4, &said(0x10, 320));
        interleave.put(Side::Sent, 0, &said(0x20, 320));
        interleave.put(Side::Received, 330, &said(0x30, 320));
        let mut out = Vec::new();
        interleave.take(660, &mut out);
        let frames = out.as_chunks::<4>().0;
        assert_eq!(frames.len(), 660);
        for (place, frame) in frames.iter().enumerate() {
            let left = match place {
                // The hole of six is a seam.
                4..330 => [0x10, 0x11],
                330..650 => [0x30, 0x31],
                _ => [1, 0],
            };
            let right = if place < 320 { [0x20, 0x21] } else { [1, 0] };
            assert_eq!(frame[..2], left, "{place}");
            assert_eq!(frame[2..], right, "{place}");
        }
    }
}
