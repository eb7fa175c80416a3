//! A line card without hardware: the kernel's `snd-aloop` for its sound and `gpio-sim` for its pins.
//!
//! What the card plays on the loop's device 0 the far end of its lines captures on device 1, and the other way round. Pins
//! that the card reads are pulled up or down here, and those that it sets are looked at.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ramal_dsp::Law;
use ramal_lines::alsa_gpio::{AlsaPcm, LineCard, Pcm, PcmError};

use crate::gpio::{SimulatedChip, run, write};
use crate::party::BLOCK;

const DRIVER: &str = "/sys/bus/platform/drivers/snd_aloop";
const DEVICE: &str = "snd_aloop.0";

/// The board of the tests: slot 0 is a line to an exchange, slot 1 one to a telephone.
pub const BOARD: &str = r#"
[[line_card]]
sound = "hw:CARD=Lines,DEV=0"
law = "a"
pins = "line-card"

[[line_card.line]]
kind = "fxo"
detect = 0
relay = 8
battery = 1
reversed = 2

[[line_card.line]]
kind = "fxs"
hook = 3
ring = 9
reverse = 10
cut = 11
active_low = [3]
"#;

/// Pins of the board.
pub mod pin {
    /// FXO: half-waves of ringing voltage.
    pub const DETECT: u32 = 0;
    /// FXO: there is battery.
    pub const BATTERY: u32 = 1;
    /// FXO: it is reversed.
    pub const REVERSED: u32 = 2;
    /// FXS: the loop is closed when low.
    pub const HOOK: u32 = 3;
    /// FXO: closes the loop.
    pub const RELAY: u32 = 8;
    /// FXS: ringing voltage.
    pub const RING: u32 = 9;
    /// FXS: cuts the feed.
    pub const CUT: u32 = 11;
}

/// The hardware of [`BOARD`].
#[derive(Debug)]
pub struct SimulatedCard {
    chip: SimulatedChip,
}

impl SimulatedCard {
    /// Puts the card into the machine: idle lines with battery.
    ///
    /// # Panics
    /// When the kernel's modules cannot be loaded.
    pub fn insert() -> Self {
        run("modprobe", &["snd-aloop", "id=Lines", "pcm_substreams=1"]);
        let card = Self {
            chip: SimulatedChip::insert("line-card", 12),
        };
        card.idle();
        card
    }

    /// Idle lines with battery.
    fn idle(&self) {
        self.pull(pin::BATTERY, true);
        self.lift(false);
    }

    /// The description of the card.
    ///
    /// # Panics
    /// Never: it is one.
    pub fn description() -> LineCard {
        let mut cards = LineCard::parse(BOARD).expect("a description");
        cards.pop().expect("a card")
    }

    /// Gives a pin that the card reads a level.
    pub fn pull(&self, pin: u32, high: bool) {
        self.chip.pull(pin, high);
    }

    /// Lifts the telephone or puts it down: its pin is active when low.
    pub fn lift(&self, lifted: bool) {
        self.pull(pin::HOOK, !lifted);
    }

    /// Whether the card has set a pin.
    pub fn is_set(&self, pin: u32) -> bool {
        self.chip.is_set(pin)
    }

    /// Waits until the card sets a pin so.
    pub fn until_set(&self, pin: u32, high: bool) {
        self.chip.until_set(pin, high);
    }

    /// The exchange rings with 25 Hz for so long.
    pub fn ring(&self, time: Duration) {
        for _ in 0..time.as_millis() / 40 {
            for high in [true, false] {
                self.pull(pin::DETECT, high);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Takes the chip of the pins away.
    pub fn take_pins_out(&self) {
        self.chip.take_out();
    }

    /// Puts it back: idle lines with battery.
    pub fn put_pins_back(&mut self) {
        self.chip.put_back();
        self.idle();
    }

    /// Takes the card's sound out. Returns when nobody holds it any more.
    pub fn take_sound_out(&self) {
        write(&Path::new(DRIVER).join("unbind"), DEVICE);
    }

    /// Puts it back.
    pub fn put_sound_back(&self) {
        write(&Path::new(DRIVER).join("bind"), DEVICE);
    }
}

impl Drop for SimulatedCard {
    fn drop(&mut self) {
        // Whoever used the sound may need a moment to let go.
        for _ in 0..100 {
            let done = Command::new("rmmod").arg("snd-aloop").output();
            if done.is_ok_and(|done| done.status.success()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// What the far end of the lines does next: 20 ms of both slots to be sent, given what was heard.
pub type FarSound = Box<dyn FnMut(&[[u8; BLOCK]; 2]) -> [[u8; BLOCK]; 2] + Send>;

/// The far end of both lines, worked by a thread.
#[derive(Debug)]
pub struct FarEnds {
    stop: Arc<AtomicBool>,
    /// What was heard on each.
    pub heard: Arc<Mutex<[Vec<u8>; 2]>>,
    thread: Option<JoinHandle<()>>,
}

impl FarEnds {
    /// Starts it.
    pub fn start(sound: FarSound) -> Self {
        Self::start_with(Law::A, sound)
    }

    /// Starts it with sound in this law.
    pub fn start_with(law: Law, mut sound: FarSound) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let heard = Arc::<Mutex<[Vec<u8>; 2]>>::default();
        let (stopped, kept) = (stop.clone(), heard.clone());
        let thread = std::thread::spawn(move || {
            let mut pcm = AlsaPcm::new("hw:CARD=Lines,DEV=1", 2, law);
            let mut play = vec![law.silence(); 2 * BLOCK];
            let mut captured = play.clone();
            while !stopped.load(Ordering::Relaxed) {
                match pcm.exchange(&play, &mut captured) {
                    Ok(()) => {}
                    Err(PcmError::Lost(_)) => continue,
                    // Its other end was taken out.
                    Err(PcmError::Gone(_)) => {
                        std::thread::sleep(Duration::from_millis(20));
                        continue;
                    }
                }
                let mut slots = [[0; BLOCK]; 2];
                for (place, frame) in captured.chunks_exact(2).enumerate() {
                    slots[0][place] = frame[0];
                    slots[1][place] = frame[1];
                }
                let mut kept = kept.lock().unwrap();
                for (kept, slot) in kept.iter_mut().zip(&slots) {
                    kept.extend_from_slice(slot);
                }
                drop(kept);
                let answer = sound(&slots);
                for (place, frame) in play.chunks_exact_mut(2).enumerate() {
                    frame[0] = answer[0][place];
                    frame[1] = answer[1][place];
                }
            }
        });
        Self {
            stop,
            heard,
            thread: Some(thread),
        }
    }

    /// Ends that say nothing.
    pub fn silent() -> Self {
        Self::start(Box::new(|_| [[Law::A.silence(); BLOCK]; 2]))
    }
}

impl Drop for FarEnds {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
