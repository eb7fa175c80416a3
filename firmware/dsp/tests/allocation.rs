//! What runs on media threads allocates nothing after construction.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use ramal_dsp::{
    AnsweringMachineDetector, AnsweringMachineLimits, CadenceGenerator, CallerIdReceiver,
    CallerIdSignal, CallerIdTiming, CountryTones, DtmfDetector, DtmfGenerator, DtmfTiming,
    EchoCanceller, FaxToneDetector, FskStandard, Noise, ProgressDetector, R2Detector, R2Direction,
};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes on to the system's allocator unchanged; the counter is a thread's own and
// allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps GlobalAlloc's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps GlobalAlloc's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn nothing_is_allocated_by_blocks() {
    let brazil = CountryTones::recommended();
    let mut dtmf = DtmfDetector::default();
    let mut r2 = R2Detector::new(R2Direction::Backward);
    let mut progress = ProgressDetector::new(brazil, None);
    let mut fax = FaxToneDetector::new();
    let mut machine = AnsweringMachineDetector::new(AnsweringMachineLimits::default());
    let mut receiver = CallerIdReceiver::new(FskStandard::V23);
    let mut canceller = EchoCanceller::new(true);
    let mut busy = CadenceGenerator::new(brazil.busy);
    let mut keys = DtmfGenerator::new("0123456789".chars().cycle(), DtmfTiming::default());
    let message = [0x80, 0, 0x80];
    let mut signal = CallerIdSignal::new(&message, FskStandard::V23, CallerIdTiming::ON_HOOK);
    let mut noise = Noise::new(1);

    let (mut far, mut near) = ([0i16; 160], [0i16; 160]);
    let before = ALLOCATIONS.with(Cell::get);
    for _ in 0..250 {
        (far, near) = ([0; 160], [0; 160]);
        keys.add(&mut far);
        busy.add(&mut near);
        signal.add(&mut near);
        noise.add(&mut near, -50.0);
        canceller.process(&far, &mut near);
        dtmf.process(&far, |event| {
            black_box(event);
        });
        r2.process(&near, |event| {
            black_box(event);
        });
        progress.process(&near, |event| {
            black_box(event);
        });
        fax.process(&near, |tone| {
            black_box(tone);
        });
        machine.process(&near, |verdict| {
            black_box(verdict);
        });
        receiver.process(&near, |message| {
            black_box(message.octets.len());
        });
    }
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
    black_box((far, near));
}
