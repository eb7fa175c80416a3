//! The echo of a timeslot's far end: a two-wire line behind an exchange sends back what it hears.
//!
//! A canceller compares what comes with what is on the line at that time, and the kernel's queue lies between that and what
//! the call has sent. How long it is the kernel does not tell (`DAHDI_GET_BUFINFO` answers -1), but both directions have one
//! clock: for each block that comes one has gone, or silence where there was none. Blocks of both directions need not begin
//! together: up to 20 ms of the canceller's reach go to that.

use std::collections::VecDeque;

use ramal_dsp::{EchoCanceller, FRAME_SAMPLES, Law};

/// Blocks that the kernel's queue holds at most.
const QUEUE: usize = 32;

/// Takes the echo out of what comes from a timeslot.
pub(super) struct LineEcho {
    canceller: EchoCanceller,
    /// What the kernel has and has not sent yet.
    queue: VecDeque<[u8; FRAME_SAMPLES]>,
}

impl std::fmt::Debug for LineEcho {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LineEcho")
    }
}

impl LineEcho {
    /// One that knows nothing of the line yet.
    pub(super) fn new() -> Self {
        Self {
            canceller: EchoCanceller::new(true),
            queue: VecDeque::with_capacity(QUEUE),
        }
    }

    /// This block was given to the kernel.
    pub(super) fn sent(&mut self, block: &[u8; FRAME_SAMPLES]) {
        if self.queue.len() == QUEUE {
            self.queue.pop_front();
        }
        self.queue.push_back(*block);
    }

    /// Takes the echo out of a block that has come.
    pub(super) fn clean(&mut self, block: &mut [u8; FRAME_SAMPLES]) {
        let silence = [Law::A.silence(); FRAME_SAMPLES];
        let on_line = self.queue.pop_front().unwrap_or(silence);
        let (mut far, mut near) = ([0; FRAME_SAMPLES], [0; FRAME_SAMPLES]);
        Law::A.decode(&on_line, &mut far);
        Law::A.decode(block, &mut near);
        self.canceller.process(&far, &mut near);
        Law::A.encode(&near, block);
    }
}

#[cfg(test)]
mod tests {
    use ramal_dsp::level_dbm0;

    use super::*;

    /// Samples that sound like breath, the same in every run.
    struct Noise(u32);

    impl Noise {
        fn block(&mut self) -> [i16; FRAME_SAMPLES] {
            std::array::from_fn(|_| {
                self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (self.0 >> 20) as i16 - 2_048
            })
        }
    }

    /// A kernel's channel, sample by sample: a queue that is played, and a far end that echoes.
    struct Channel {
        queue: VecDeque<[u8; FRAME_SAMPLES]>,
        /// Samples of the first block of the queue that were played.
        played: usize,
        line: VecDeque<i16>,
        coming: Vec<u8>,
        received: VecDeque<[u8; FRAME_SAMPLES]>,
    }

    impl Channel {
        fn new(delay: usize) -> Self {
            Self {
                queue: VecDeque::new(),
                played: 0,
                line: VecDeque::from(vec![0; delay]),
                coming: Vec::new(),
                received: VecDeque::new(),
            }
        }

        fn sample(&mut self) {
            let octet = match self.queue.front() {
                Some(block) => block[self.played],
                None => Law::A.silence(),
            };
            if !self.queue.is_empty() {
                self.played += 1;
                if self.played == FRAME_SAMPLES {
                    self.played = 0;
                    self.queue.pop_front();
                }
            }
            let mut linear = [0];
            Law::A.decode(&[octet], &mut linear);
            self.line.push_back(linear[0] / 4);
            let mut companded = [0];
            let back = self.line.pop_front().unwrap();
            Law::A.encode(&[back], &mut companded);
            self.coming.push(companded[0]);
            if self.coming.len() == FRAME_SAMPLES {
                let block = self.coming.as_slice().try_into().unwrap();
                self.received.push_back(block);
                self.coming.clear();
            }
        }
    }

    /// Level of the echo that is left in the last second of eight, dBm0, when blocks are sent `offset` samples after one
    /// has come, the thread is late at some times, and once by half a second.
    fn left(delay: usize, offset: usize, cancel: bool) -> f64 {
        let (mut channel, mut echo) = (Channel::new(delay), LineEcho::new());
        let (mut noise, mut chance) = (Noise(7), Noise(11));
        let (mut late, mut heard) = (0, Vec::new());
        for at in 0..8 * 8_000_usize {
            channel.sample();
            if at % FRAME_SAMPLES == offset {
                let mut block = [0; FRAME_SAMPLES];
                Law::A.encode(&noise.block(), &mut block);
                echo.sent(&block);
                channel.queue.push_back(block);
            }
            if at == 2 * 8_000 {
                late = 4_000;
            } else if at % 777 == 0 && late == 0 {
                late = usize::from(chance.block()[0].unsigned_abs()) % 60;
            }
            if late > 0 {
                late -= 1;
                continue;
            }
            if channel.received.is_empty() {
                continue;
            }
            while let Some(mut block) = channel.received.pop_front() {
                if cancel {
                    echo.clean(&mut block);
                }
                let mut samples = [0; FRAME_SAMPLES];
                Law::A.decode(&block, &mut samples);
                heard.extend_from_slice(&samples);
            }
        }
        level_dbm0(&heard[heard.len() - 8_000..])
    }

    #[test]
    fn an_echo_is_taken_out_wherever_blocks_begin() {
        // 2 and 40 ms to the hybrid and back.
        for delay in [16, 320] {
            for offset in [0, 1, 60, 159] {
                let (with, without) = (left(delay, offset, true), left(delay, offset, false));
                assert!(without > -40.0, "{without} dBm0");
                assert!(
                    with < without - 25.0,
                    "delay {delay}, offset {offset}: {without} dBm0 became {with}"
                );
            }
        }
    }
}
