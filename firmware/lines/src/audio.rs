//! Sound between a driver's thread and a media thread, without locks.
//!
//! Each side can wake the other when it has put something down ([`PortAudio::beat`], [`DriverAudio::answers`]), so that
//! sound need not wait for a clock that beats beside that of the line.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicUsize, Ordering},
};

use nix::sys::eventfd::{EfdFlags, EventFd};
use ramal_dsp::{FRAME_SAMPLES, Law, alaw_to_ulaw, ulaw_to_alaw};

/// Blocks a ring holds. The two threads tick alike, so one or two are in it; the rest is for a thread that was late.
const BLOCKS: usize = 16;
/// Reads after which the reader looks at how many blocks were too many: 2 s.
const REVIEW: usize = 100;
/// Blocks that may lie there at any time of that: one is on its way, and one comes early.
const KEPT: usize = 2;

/// A ring of 20 ms blocks for one writer and one reader. When it is empty the reader hears silence. What lay there through
/// all of the last two seconds is delay and nothing else, and is left out; a burst is not, it makes up for a gap before. A
/// second writer or reader, which [`Port`](crate::Port) gives nobody, would garble the sound and nothing else.
struct Ring {
    law: Law,
    blocks: [[AtomicU8; FRAME_SAMPLES]; BLOCKS],
    /// Blocks written so far.
    written: AtomicUsize,
    /// Blocks read so far.
    read: AtomicUsize,
    /// Reads since the last review, and the fewest blocks that waited at one and need not; the reader's.
    reads: AtomicUsize,
    fewest: AtomicUsize,
}

impl Ring {
    fn new(law: Law) -> Self {
        Ring {
            law,
            blocks: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU8::new(law.silence()))),
            written: AtomicUsize::new(0),
            read: AtomicUsize::new(0),
            reads: AtomicUsize::new(0),
            fewest: AtomicUsize::new(usize::MAX),
        }
    }

    fn put(&self, block: &[u8; FRAME_SAMPLES]) {
        let written = self.written.load(Ordering::Relaxed);
        if written.wrapping_sub(self.read.load(Ordering::Acquire)) >= BLOCKS {
            return;
        }
        for (place, octet) in self.blocks[written % BLOCKS].iter().zip(block) {
            place.store(*octet, Ordering::Relaxed);
        }
        self.written
            .store(written.wrapping_add(1), Ordering::Release);
    }

    /// Takes the next block; `needed` may wait before.
    fn take(&self, block: &mut [u8; FRAME_SAMPLES], needed: usize) {
        let mut read = self.read.load(Ordering::Relaxed);
        let written = self.written.load(Ordering::Acquire);
        let waiting = written.wrapping_sub(read);
        let spare = waiting.saturating_sub(needed);
        let fewest = self.fewest.load(Ordering::Relaxed).min(spare);
        let reads = self.reads.load(Ordering::Relaxed) + 1;
        let (fewest, reads) = if reads < REVIEW {
            (fewest, reads)
        } else {
            read = read.wrapping_add(fewest);
            (usize::MAX, 0)
        };
        self.fewest.store(fewest, Ordering::Relaxed);
        self.reads.store(reads, Ordering::Relaxed);
        if written == read {
            block.fill(self.law.silence());
            return;
        }
        for (octet, place) in block.iter_mut().zip(&self.blocks[read % BLOCKS]) {
            *octet = place.load(Ordering::Relaxed);
        }
        self.read.store(read.wrapping_add(1), Ordering::Release);
    }

    /// Blocks that wait.
    fn waiting(&self) -> usize {
        self.written
            .load(Ordering::Acquire)
            .wrapping_sub(self.read.load(Ordering::Relaxed))
    }

    /// Forgets what was written; the reader's right.
    fn clear(&self) {
        self.read
            .store(self.written.load(Ordering::Acquire), Ordering::Release);
        self.fewest.store(usize::MAX, Ordering::Relaxed);
        self.reads.store(0, Ordering::Relaxed);
    }
}

/// Wakes whoever watches its descriptor. Nobody reads it: to be watched for changes (`EPOLLET`).
#[derive(Clone, Default)]
struct Bell {
    descriptor: Option<Arc<EventFd>>,
    /// How often it was rung.
    rung: Arc<AtomicUsize>,
}

impl Bell {
    /// One that wakes nobody where the system gives no descriptor: sound waits for the other side's clock then.
    fn new() -> Self {
        let bell = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC);
        Bell {
            descriptor: bell.ok().map(Arc::new),
            rung: Arc::default(),
        }
    }

    fn ring(&self) {
        self.rung.fetch_add(1, Ordering::AcqRel);
        if let Some(bell) = &self.descriptor {
            // It would take 2^64 of them to fill it.
            let _ = bell.write(1);
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.descriptor.as_deref().map(AsFd::as_fd)
    }
}

/// The media's end of a port's sound.
#[derive(Clone)]
pub struct PortAudio {
    to_line: Arc<Ring>,
    from_line: Arc<Ring>,
    /// Rung by the driver when the line has said something, and by the media when it has answered.
    came: Bell,
    answered: Bell,
}

impl PortAudio {
    /// Gives the line the next 20 ms and takes what came from it, both A-law. Neither blocks nor allocates. Where the line
    /// has mu-law the table for both gives back what it was made of, so that nothing is quantised twice.
    pub fn exchange(&mut self, transmit: &[u8; FRAME_SAMPLES], receive: &mut [u8; FRAME_SAMPLES]) {
        if self.to_line.law == Law::A {
            self.to_line.put(transmit);
            self.from_line.take(receive, KEPT);
            return;
        }
        let mut octets = *transmit;
        alaw_to_ulaw(&mut octets);
        self.to_line.put(&octets);
        self.from_line.take(receive, KEPT);
        ulaw_to_alaw(receive);
    }

    /// Two ends of a wire that leads nowhere else: what one says the other hears, in A-law.
    #[must_use]
    pub fn wire() -> (PortAudio, PortAudio) {
        let (one, other) = (Arc::new(Ring::new(Law::A)), Arc::new(Ring::new(Law::A)));
        let end = PortAudio {
            to_line: Arc::clone(&one),
            from_line: Arc::clone(&other),
            came: Bell::default(),
            answered: Bell::default(),
        };
        let far = PortAudio {
            to_line: other,
            from_line: one,
            came: Bell::default(),
            answered: Bell::default(),
        };
        (end, far)
    }

    /// A descriptor that changes whenever the line has said something; never read. `None` where it does not tell.
    #[must_use]
    pub fn beat(&self) -> Option<BorrowedFd<'_>> {
        self.came.descriptor()
    }

    /// Blocks that the line has said and nobody has taken.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.from_line.waiting()
    }

    /// Tells the driver that there is something for the line.
    pub fn answer(&self) {
        self.answered.ring();
    }

    /// Forgets sound that came while nobody listened. To be called before the first exchange of a call.
    pub fn restart(&mut self) {
        self.from_line.clear();
    }
}

impl std::fmt::Debug for PortAudio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PortAudio")
    }
}

/// The driver's end.
pub(crate) struct DriverAudio {
    to_line: Arc<Ring>,
    from_line: Arc<Ring>,
    came: Bell,
    answered: Bell,
}

impl DriverAudio {
    /// A descriptor that changes whenever there is something new for the line; never read.
    pub fn answers(&self) -> Option<BorrowedFd<'_>> {
        self.answered.descriptor()
    }

    /// Forgets sound of the call before. To be called before the first block of a call.
    pub fn restart(&mut self) {
        self.to_line.clear();
    }

    /// How many blocks the call has answered at once.
    pub fn answered(&self) -> usize {
        self.answered.rung.load(Ordering::Acquire)
    }

    /// Takes the next 20 ms for the line, as linear samples. When the call has answered the last block already, none need
    /// wait beside that answer.
    pub fn take(&mut self, samples: &mut [i16; FRAME_SAMPLES], answered: bool) {
        let mut octets = [0; FRAME_SAMPLES];
        let needed = if answered { 1 } else { KEPT };
        self.to_line.take(&mut octets, needed);
        self.to_line.law.decode(&octets, samples);
    }

    /// Takes the next 20 ms for the line, as A-law; false when there is nothing.
    pub fn take_octets(&mut self, octets: &mut [u8; FRAME_SAMPLES]) -> bool {
        let there = self.to_line.waiting() > 0;
        if there {
            self.to_line.take(octets, KEPT);
        }
        there
    }

    /// Hands over the 20 ms that came from the line, as A-law.
    pub fn put_octets(&mut self, octets: &[u8; FRAME_SAMPLES]) {
        self.from_line.put(octets);
        self.came.ring();
    }

    /// Hands over the 20 ms that came from the line.
    pub fn put(&mut self, samples: &[i16; FRAME_SAMPLES]) {
        let mut octets = [0; FRAME_SAMPLES];
        self.from_line.law.encode(samples, &mut octets);
        self.from_line.put(&octets);
        self.came.ring();
    }
}

/// Both ends of a new port's sound.
pub(crate) fn pair(law: Law) -> (PortAudio, DriverAudio) {
    let (to_line, from_line) = (Arc::new(Ring::new(law)), Arc::new(Ring::new(law)));
    let media = PortAudio {
        to_line: Arc::clone(&to_line),
        from_line: Arc::clone(&from_line),
        came: Bell::new(),
        answered: Bell::new(),
    };
    let driver = DriverAudio {
        to_line,
        from_line,
        came: media.came.clone(),
        answered: media.answered.clone(),
    };
    (media, driver)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    #[test]
    fn blocks_come_through_in_order_and_silence_fills_gaps() {
        let (mut media, mut driver) = pair(Law::A);
        let mut heard = [0; FRAME_SAMPLES];
        for octet in 0..20u8 {
            driver.from_line.put(&[octet; FRAME_SAMPLES]);
        }
        // Sixteen found room.
        for octet in 0..16 {
            media.exchange(&[octet; FRAME_SAMPLES], &mut heard);
            assert_eq!(heard, [octet; FRAME_SAMPLES]);
        }
        media.exchange(&[16; FRAME_SAMPLES], &mut heard);
        assert_eq!(heard, [Law::A.silence(); FRAME_SAMPLES]);
        driver.from_line.put(&[9; FRAME_SAMPLES]);
        media.restart();
        media.exchange(&[9; FRAME_SAMPLES], &mut heard);
        assert_eq!(heard, [Law::A.silence(); FRAME_SAMPLES]);
        let mut samples = [1; FRAME_SAMPLES];
        driver.take(&mut samples, false);
        let mut expected = [0; FRAME_SAMPLES];
        Law::A.decode(&[0; FRAME_SAMPLES], &mut expected);
        assert_eq!(samples, expected);
    }

    #[test]
    fn each_side_wakes_the_other() {
        let (mut media, mut driver) = pair(Law::A);
        let rung = |bell: BorrowedFd<'_>| {
            let mut ready = [PollFd::new(bell, PollFlags::POLLIN)];
            poll(&mut ready, PollTimeout::ZERO).unwrap() == 1
        };
        assert!(!rung(media.beat().unwrap()) && !rung(driver.answers().unwrap()));
        driver.put_octets(&[1; FRAME_SAMPLES]);
        assert!(rung(media.beat().unwrap()));
        assert_eq!(media.waiting(), 1);
        media.exchange(&[2; FRAME_SAMPLES], &mut [0; FRAME_SAMPLES]);
        assert_eq!(media.waiting(), 0);
        assert!(!rung(driver.answers().unwrap()), "not before all is there");
        media.answer();
        assert!(rung(driver.answers().unwrap()));
        assert!(PortAudio::wire().0.beat().is_none());
    }

    #[test]
    fn delay_that_stays_is_left_out_and_a_burst_is_not() {
        let (mut media, driver) = pair(Law::A);
        let mut heard = [0; FRAME_SAMPLES];
        let mut sent = 0u8;
        let mut put = || {
            driver.from_line.put(&[sent; FRAME_SAMPLES]);
            sent = sent.wrapping_add(1);
        };
        // Six at once, and then nothing for a while: all are heard.
        (0..6).for_each(|_| put());
        for octet in 0..6 {
            media.exchange(&[0; FRAME_SAMPLES], &mut heard);
            assert_eq!(heard, [octet; FRAME_SAMPLES]);
        }
        // Ten ahead for good: after two seconds two are left.
        (0..10).for_each(|_| put());
        for _ in 0..2 * REVIEW {
            put();
            media.exchange(&[0; FRAME_SAMPLES], &mut heard);
        }
        let waiting = media.from_line.written.load(Ordering::Relaxed)
            - media.from_line.read.load(Ordering::Relaxed);
        assert!(waiting <= KEPT, "{waiting} blocks wait");
    }

    #[test]
    fn what_lies_beside_an_answer_that_has_come_is_left_out() {
        let (mut media, mut driver) = pair(Law::A);
        // One too many at the beginning, as when the first answer came late.
        media.exchange(&[0; FRAME_SAMPLES], &mut [0; FRAME_SAMPLES]);
        let mut samples = [0; FRAME_SAMPLES];
        for _ in 0..2 * REVIEW {
            let before = driver.answered();
            media.exchange(&[0; FRAME_SAMPLES], &mut [0; FRAME_SAMPLES]);
            media.answer();
            assert_eq!(driver.answered(), before + 1);
            driver.take(&mut samples, true);
        }
        assert_eq!(driver.to_line.waiting(), 0);
        // Where nobody answers at once, one may lie there.
        media.exchange(&[0; FRAME_SAMPLES], &mut [0; FRAME_SAMPLES]);
        for _ in 0..2 * REVIEW {
            media.exchange(&[0; FRAME_SAMPLES], &mut [0; FRAME_SAMPLES]);
            driver.take(&mut samples, false);
        }
        assert_eq!(driver.to_line.waiting(), 1);
    }

    #[test]
    fn two_threads_lose_nothing_while_neither_falls_behind() {
        let (mut media, driver) = pair(Law::A);
        let writer = std::thread::spawn(move || {
            for number in 0..10_000usize {
                let octet = (number % 251) as u8;
                while driver.from_line.written.load(Ordering::Relaxed)
                    - driver.from_line.read.load(Ordering::Relaxed)
                    > KEPT
                {
                    std::hint::spin_loop();
                    std::thread::yield_now();
                }
                driver.from_line.put(&[octet; FRAME_SAMPLES]);
            }
        });
        let mut heard = [0; FRAME_SAMPLES];
        for number in 0..10_000usize {
            while media.from_line.written.load(Ordering::Relaxed) == number {
                std::thread::yield_now();
            }
            media.exchange(&[0; FRAME_SAMPLES], &mut heard);
            assert_eq!(heard, [(number % 251) as u8; FRAME_SAMPLES]);
        }
        writer.join().unwrap();
    }
}
