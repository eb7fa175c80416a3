//! Caller ID messages as a modem's signal.

use super::message::{MDMF_CALL, MDMF_WAITING, SDMF_CALL, SDMF_WAITING};
use crate::fsk::{FskDemodulator, FskModulator, FskOutput, FskStandard, character};

/// What stands around a message on the line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CallerIdTiming {
    /// Alternating bits first, so that the receiver wakes up (channel seizure).
    pub seizure_bits: u16,
    /// Mark bits then.
    pub mark_bits: u16,
    /// Level in dBm0.
    pub level: f64,
}

impl CallerIdTiming {
    /// To a telephone on hook: 300 bits of seizure and 180 of mark (GR-30 §2.4, EN 300 659-1 §5.2).
    pub const ON_HOOK: CallerIdTiming = CallerIdTiming {
        seizure_bits: 300,
        mark_bits: 180,
        level: -13.5,
    };
    /// During a call, after the alerting signal: 80 bits of mark.
    pub const OFF_HOOK: CallerIdTiming = CallerIdTiming {
        seizure_bits: 0,
        mark_bits: 80,
        level: -13.5,
    };
}

/// Mark bits after the checksum, so that its last bit is heard to its end.
const AFTER: usize = 10;

/// Sends one message.
#[derive(Debug)]
pub struct CallerIdSignal {
    modulator: FskModulator<std::vec::IntoIter<bool>>,
}

impl CallerIdSignal {
    /// Sends the octets of [`super::CallerIdMessage::encode`]; allocates here and not later.
    #[must_use]
    pub fn new(message: &[u8], standard: FskStandard, timing: CallerIdTiming) -> Self {
        let seizure = (0..timing.seizure_bits).map(|bit| bit % 2 == 1);
        let bits: Vec<bool> = seizure
            .chain(std::iter::repeat_n(true, usize::from(timing.mark_bits)))
            .chain(message.iter().flat_map(|&octet| character(octet)))
            .chain(std::iter::repeat_n(true, AFTER))
            .collect();
        CallerIdSignal {
            modulator: FskModulator::new(bits.into_iter(), standard, timing.level),
        }
    }

    /// Adds the next samples to `block`, saturating.
    pub fn add(&mut self, block: &mut [i16]) {
        self.modulator.add(block);
    }

    /// Whether all has been sent.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.modulator.is_over()
    }
}

/// Longest message: type, length, 255 octets, checksum.
const LONGEST: usize = 258;
/// Mark bits before a message's first octet. Octets of the seizure follow each other without any.
const MARK_BEFORE: u16 = 20;
/// Mark bits that exchanges put between two octets at most (EN 300 659-1 §5.2 note).
const MARK_BETWEEN: u16 = 40;

/// A whole message with a right or wrong sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceivedMessage<'a> {
    /// From the type to the checksum; for [`super::CallerIdMessage::parse`], which checks the sum.
    pub octets: &'a [u8],
}

/// Receives messages in blocks of any size.
#[derive(Clone, Debug)]
pub struct CallerIdReceiver {
    demodulator: FskDemodulator,
    octets: [u8; LONGEST],
    length: usize,
}

impl CallerIdReceiver {
    /// A receiver for `standard`. Bell 202 and V.23 lie so close that either receiver usually
    /// understands the other, but neither is made for it.
    #[must_use]
    pub fn new(standard: FskStandard) -> Self {
        CallerIdReceiver {
            demodulator: FskDemodulator::new(standard),
            octets: [0; LONGEST],
            length: 0,
        }
    }

    /// Whether the modem's signal, or some other sound, is there.
    #[must_use]
    pub fn carrier(&self) -> bool {
        self.demodulator.carrier()
    }

    /// Takes in the next samples and tells every message.
    pub fn process(&mut self, block: &[i16], mut on_message: impl FnMut(ReceivedMessage<'_>)) {
        let (octets, length) = (&mut self.octets, &mut self.length);
        self.demodulator.process(block, |output| {
            let FskOutput::Octet { octet, mark_bits } = output else {
                *length = 0;
                return;
            };
            let begins = mark_bits >= MARK_BEFORE
                && matches!(octet, SDMF_CALL | SDMF_WAITING | MDMF_CALL | MDMF_WAITING);
            if *length == 0 || mark_bits > MARK_BETWEEN {
                *length = 0;
                if !begins {
                    return;
                }
            }
            octets[*length] = octet;
            *length += 1;
            let whole = usize::from(octets[1]) + 3;
            if *length >= 2 && *length == whole {
                on_message(ReceivedMessage {
                    octets: &octets[..whole],
                });
                *length = 0;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CallerIdMessage, MessageFormat, Presentation};
    use super::*;
    use crate::{Law, Noise};

    fn message() -> CallerIdMessage {
        let mut message = CallerIdMessage::call(
            Presentation::Given("1155550105".into()),
            Presentation::Given("PADARIA CENTRAL".into()),
        );
        message.date = Some([11, 21, 5, 58]);
        message
    }

    /// Half a second of silence, the message, half a second of silence.
    fn sent(standard: FskStandard, timing: CallerIdTiming) -> Vec<i16> {
        let octets = message().encode(MessageFormat::Multiple);
        let mut signal = CallerIdSignal::new(&octets, standard, timing);
        let mut samples = vec![0; 4_000];
        while !signal.is_over() {
            let mut block = [0; 160];
            signal.add(&mut block);
            samples.extend(block);
        }
        samples.extend([0; 4_000]);
        samples
    }

    fn received(standard: FskStandard, samples: &[i16], block: usize) -> Vec<CallerIdMessage> {
        let mut receiver = CallerIdReceiver::new(standard);
        let mut messages = Vec::new();
        for block in samples.chunks(block) {
            receiver.process(block, |received| {
                messages.extend(CallerIdMessage::parse(received.octets));
            });
        }
        messages
    }

    #[test]
    fn messages_arrive_on_hook_and_off_hook_in_both_standards_and_any_block() {
        for standard in [FskStandard::Bell202, FskStandard::V23] {
            for timing in [CallerIdTiming::ON_HOOK, CallerIdTiming::OFF_HOOK] {
                for block in [1, 160, 777] {
                    let samples = sent(standard, timing);
                    assert_eq!(received(standard, &samples, block), [message()]);
                }
            }
        }
    }

    #[test]
    fn messages_arrive_weak_noisy_and_companded() {
        for standard in [FskStandard::Bell202, FskStandard::V23] {
            for (level, noise) in [(-13.5, -33.0), (-25.0, -45.0), (-38.0, -60.0)] {
                let timing = CallerIdTiming {
                    level,
                    ..CallerIdTiming::ON_HOOK
                };
                let mut right = 0;
                for seed in 0..20 {
                    let mut samples = sent(standard, timing);
                    Noise::new(seed).add(&mut samples, noise);
                    let mut octets = vec![0; samples.len()];
                    Law::A.encode(&samples, &mut octets);
                    Law::A.decode(&octets, &mut samples);
                    right += received(standard, &samples, 160).len();
                }
                assert_eq!(right, 20, "{standard:?} {level} {noise}");
            }
        }
    }

    #[test]
    fn noise_and_tones_are_no_messages() {
        let mut samples = vec![0; 240_000];
        Noise::new(5).add(&mut samples, -20.0);
        assert_eq!(received(FskStandard::Bell202, &samples, 160), []);
    }
}
