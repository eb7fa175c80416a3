//! What a channel is listened for besides being heard: keys as tones, call-progress tones, voices, answering machines,
//! fax machines.

use ramal_dsp::{
    ActivityEvent, AnswerVerdict, AnsweringMachineDetector, AnsweringMachineLimits, DtmfDetector,
    DtmfEvent, FRAME_SAMPLES, FaxTone, FaxToneDetector, Law, ProgressDetector, ProgressEvent,
    RateHalver, VoiceActivity,
};

use crate::codec::{Decoder, LONGEST_PACKET};
use crate::{Codec, SampleRate, StreamEvent};

/// Lost packets are heard as silence up to this many samples at 8 kHz (200 ms); after a longer gap the
/// detectors go on where they were.
const LONGEST_GAP: u32 = 1_600;

/// What to listen for in what comes from a channel's far end.
#[derive(Clone, Debug, Default)]
pub struct Detection {
    /// Keys as tones (ITU-T Q.24): [`Detected::Key`].
    pub keys: bool,
    /// On a line: nobody hears the tones of keys, because whoever tells the other side of them does it otherwise. What is
    /// heard of a tone is no longer than 20 ms, which no receiver takes for a key (ITU-T Q.24: 23 ms and less are none).
    pub mute_keys: bool,
    /// Tones of the network: [`Detected::Progress`].
    pub progress: Option<Box<ProgressDetector>>,
    /// Beginning and end of sound: [`Detected::Activity`].
    pub activity: bool,
    /// Who answers, from now on: [`Detected::Answered`].
    pub answering_machine: Option<AnsweringMachineLimits>,
    /// Fax machines: [`Detected::Fax`].
    pub fax: bool,
}

/// Something heard, as [`Detection`] asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Detected {
    /// A key was pressed and released. A bridge carries its tone to the other side.
    Key {
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: char,
        /// How long it sounded, in milliseconds.
        duration_ms: u32,
    },
    /// A tone of the network.
    Progress(ProgressEvent),
    /// Sound began or ended.
    Activity(ActivityEvent),
    /// Who answered.
    Answered(AnswerVerdict),
    /// A fax machine.
    Fax(FaxTone),
}

/// The detectors of a channel on its media thread.
pub(crate) struct Detectors {
    keys: Option<DtmfDetector>,
    tell_keys: bool,
    mute_keys: bool,
    progress: Option<Box<ProgressDetector>>,
    activity: Option<VoiceActivity>,
    answering_machine: Option<AnsweringMachineDetector>,
    fax: Option<FaxToneDetector>,
    /// Makes samples of packets; none for a line and before the codec is known.
    decoder: Option<Decoder>,
    halver: RateHalver,
    decoded: [i16; LONGEST_PACKET],
    /// Timestamp after the packet heard last.
    next: Option<u32>,
}

impl Detectors {
    /// Detectors for what was asked; `None` when nothing was. Allocates.
    pub(crate) fn new(detection: Detection) -> Option<Box<Self>> {
        let Detection {
            keys,
            mute_keys,
            progress,
            activity,
            answering_machine,
            fax,
        } = detection;
        let any = keys
            || mute_keys
            || progress.is_some()
            || activity
            || answering_machine.is_some()
            || fax;
        any.then(|| {
            Box::new(Detectors {
                keys: (keys || mute_keys).then(DtmfDetector::default),
                tell_keys: keys,
                mute_keys,
                progress,
                activity: activity.then(VoiceActivity::new),
                answering_machine: answering_machine.map(AnsweringMachineDetector::new),
                fax: fax.then(FaxToneDetector::new),
                decoder: None,
                halver: RateHalver::new(),
                decoded: [0; LONGEST_PACKET],
                next: None,
            })
        })
    }

    /// Gets ready for packets of `codec`. Allocates when that is another one.
    pub(crate) fn prepare(&mut self, codec: Codec) {
        if !self
            .decoder
            .as_mut()
            .is_some_and(|decoder| decoder.turn_to(codec))
        {
            self.decoder = Decoder::new(codec);
            self.next = None;
        }
    }

    /// Hears a packet. One that comes after a later one is left out.
    pub(crate) fn hear_packet(
        &mut self,
        codec: Codec,
        timestamp: u32,
        payload: &[u8],
        mut report: impl FnMut(StreamEvent),
    ) {
        let Some(decoder) = self.decoder.as_mut() else {
            return;
        };
        if !decoder.turn_to(codec) {
            return;
        }
        let clock = codec.clock_rate();
        let gap = self.next.map_or(0, |next| timestamp.wrapping_sub(next));
        // A restarted source is as far behind as it is ahead.
        if gap > u32::MAX - 2 * clock {
            return;
        }
        let rate = decoder.rate();
        let count = decoder.decode(payload, &mut self.decoded);
        let units = count as u64 * u64::from(clock) / u64::from(rate.hertz());
        self.next = Some(timestamp.wrapping_add(units as u32));
        let mut missing = (u64::from(gap) * 8_000 / u64::from(clock)) as u32;
        while (1..=LONGEST_GAP).contains(&missing) {
            let part = missing.min(FRAME_SAMPLES as u32);
            self.hear(&[0; FRAME_SAMPLES][..part as usize], &mut report);
            missing -= part;
        }
        let mut narrow = [0i16; LONGEST_PACKET];
        let heard = match rate {
            SampleRate::Narrow => {
                narrow[..count].copy_from_slice(&self.decoded[..count]);
                count
            }
            SampleRate::Wide => {
                let half = count / 2;
                self.halver
                    .process(&self.decoded[..half * 2], &mut narrow[..half]);
                half
            }
        };
        self.hear(&narrow[..heard], &mut report);
    }

    /// Hears 20 ms of a line, A-law, and takes out of it what nobody else is to hear.
    pub(crate) fn hear_line(
        &mut self,
        frame: &mut [u8; FRAME_SAMPLES],
        mut report: impl FnMut(StreamEvent),
    ) {
        let mut samples = [0i16; FRAME_SAMPLES];
        Law::A.decode(frame, &mut samples);
        self.hear(&samples, &mut report);
        if self.mute_keys && self.keys.as_ref().is_some_and(DtmfDetector::is_sounding) {
            frame.fill(Law::A.silence());
        }
    }

    fn hear(&mut self, samples: &[i16], report: &mut impl FnMut(StreamEvent)) {
        let mut tell = |detected| report(StreamEvent::Detected(detected));
        if let Some(keys) = &mut self.keys {
            let told = self.tell_keys;
            keys.process(samples, |event| {
                if let DtmfEvent::Up { key, duration_ms } = event
                    && told
                {
                    tell(Detected::Key {
                        digit: key,
                        duration_ms,
                    });
                }
            });
        }
        if let Some(progress) = &mut self.progress {
            progress.process(samples, |event| tell(Detected::Progress(event)));
        }
        if let Some(activity) = &mut self.activity {
            activity.process(samples, |event| tell(Detected::Activity(event)));
        }
        if let Some(machine) = &mut self.answering_machine {
            machine.process(samples, |verdict| tell(Detected::Answered(verdict)));
        }
        if let Some(fax) = &mut self.fax {
            fax.process(samples, |tone| tell(Detected::Fax(tone)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ramal_dsp::{DtmfGenerator, DtmfTiming};

    /// Packets of 20 ms with the keys, A-law.
    fn packets(keys: &str) -> Vec<[u8; FRAME_SAMPLES]> {
        let mut generator = DtmfGenerator::new(keys.chars(), DtmfTiming::default());
        let mut packets = Vec::new();
        while !generator.is_over() {
            let mut samples = [0i16; FRAME_SAMPLES];
            generator.add(&mut samples);
            let mut packet = [0u8; FRAME_SAMPLES];
            Law::A.encode(&samples, &mut packet);
            packets.push(packet);
        }
        packets
    }

    fn detectors() -> Box<Detectors> {
        let mut detectors = Detectors::new(Detection {
            keys: true,
            ..Detection::default()
        })
        .unwrap();
        detectors.prepare(Codec::Pcma);
        detectors
    }

    fn keys(heard: &[StreamEvent]) -> String {
        let key = |event: &StreamEvent| match event {
            StreamEvent::Detected(Detected::Key { digit, .. }) => Some(*digit),
            _ => None,
        };
        heard.iter().filter_map(key).collect()
    }

    #[test]
    fn nothing_asked_needs_nothing() {
        assert!(Detectors::new(Detection::default()).is_none());
    }

    #[test]
    fn keys_are_heard_apart_though_the_pauses_were_lost_and_packets_came_twice() {
        let mut detectors = detectors();
        let mut heard = Vec::new();
        let mut timestamp = u32::MAX - 3_000;
        for packet in packets("1159#") {
            if packet.iter().any(|&octet| octet != Law::A.silence()) {
                for again in [0, 160] {
                    let timestamp = timestamp.wrapping_sub(again);
                    detectors.hear_packet(Codec::Pcma, timestamp, &packet, |event| {
                        heard.push(event);
                    });
                }
            }
            timestamp = timestamp.wrapping_add(160);
        }
        assert_eq!(keys(&heard), "1159");
        // The end of the last key is not known before something follows.
        let silence = [Law::A.silence(); FRAME_SAMPLES];
        for packet in 0..3 {
            let timestamp = timestamp.wrapping_add(160 * packet);
            detectors.hear_packet(Codec::Pcma, timestamp, &silence, |event| heard.push(event));
        }
        assert_eq!(keys(&heard), "1159#");
    }

    #[test]
    fn a_source_that_starts_anew_is_heard_and_an_unknown_codec_is_not() {
        let mut detectors = detectors();
        let mut heard = Vec::new();
        for packet in packets("1") {
            detectors.hear_packet(Codec::G722, 0, &packet, |event| heard.push(event));
        }
        assert!(heard.is_empty());
        for start in [0u32, 2_000_000_000, 1_000_000] {
            for (number, packet) in packets("7").iter().enumerate() {
                let timestamp = start.wrapping_add(number as u32 * 160);
                detectors.hear_packet(Codec::Pcma, timestamp, packet, |event| heard.push(event));
            }
        }
        assert_eq!(keys(&heard), "777");
    }

    #[test]
    fn lines_are_heard_frame_by_frame() {
        let mut detectors = detectors();
        let mut heard = Vec::new();
        for frame in packets("0*D") {
            let mut passed = frame;
            detectors.hear_line(&mut passed, |event| heard.push(event));
            assert_eq!(passed, frame);
        }
        assert_eq!(keys(&heard), "0*D");
    }

    #[test]
    fn muted_keys_are_told_and_no_other_receiver_finds_them_in_what_is_left() {
        for begin in 0..20 {
            let mut detectors = *Detectors::new(Detection {
                keys: true,
                mute_keys: true,
                ..Detection::default()
            })
            .unwrap();
            let mut other = DtmfDetector::default();
            let octets = [vec![Law::A.silence(); begin * 8], packets("159D").concat()].concat();
            let (mut heard, mut found) = (Vec::new(), None);
            let mut loud = 0;
            for frame in octets.chunks_exact(FRAME_SAMPLES) {
                let mut passed: [u8; FRAME_SAMPLES] = frame.try_into().unwrap();
                detectors.hear_line(&mut passed, |event| heard.push(event));
                let mut samples = [0; FRAME_SAMPLES];
                Law::A.decode(&passed, &mut samples);
                loud += samples.iter().filter(|sample| sample.abs() > 300).count();
                found = other.feed(&samples).or(found);
            }
            assert_eq!(keys(&heard), "159D", "begun {begin} ms later");
            assert_eq!(found, None, "begun {begin} ms later");
            // 20 ms of each key at most.
            assert!(loud <= 4 * 20 * 8, "{loud} samples, begun {begin} ms later");
        }
    }

    #[test]
    fn a_line_whose_keys_are_muted_and_not_told_lets_everything_else_pass() {
        let mut detectors = *Detectors::new(Detection {
            mute_keys: true,
            ..Detection::default()
        })
        .unwrap();
        let mut noise = ramal_dsp::Noise::new(5);
        for part in 0..500 {
            let mut samples = [0; FRAME_SAMPLES];
            noise.add(&mut samples, if part % 10 < 6 { -18.0 } else { -50.0 });
            let mut frame = [0; FRAME_SAMPLES];
            Law::A.encode(&samples, &mut frame);
            let mut passed = frame;
            detectors.hear_line(&mut passed, |event| panic!("{event:?}"));
            assert_eq!(passed, frame);
        }
        let mut muted = 0;
        for mut frame in packets("5") {
            detectors.hear_line(&mut frame, |event| panic!("{event:?}"));
            muted += usize::from(frame == [Law::A.silence(); FRAME_SAMPLES]);
        }
        assert!(muted > 2);
    }
}
