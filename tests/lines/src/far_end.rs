//! The far end of an analogue line: an exchange or a telephone.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ramal_dsp::{CadenceGenerator, CadencedTone, DtmfDetector, DtmfEvent, DtmfLimits, Law};
use ramal_lines::dahdi::{ChannelDevice, ChannelEvent, Received};
use ramal_lines::{Event, Port};

use crate::party::BLOCK;
use crate::until;

/// The far end of a line, worked by a thread: keeps its sound going and notes what it sees and hears.
#[derive(Debug)]
pub struct FarEnd {
    /// Its channel.
    pub device: Arc<ChannelDevice>,
    seen: Arc<Mutex<Vec<ChannelEvent>>>,
    /// Keys that were heard.
    pub keys: Arc<Mutex<String>>,
    plays: Arc<Mutex<Option<CadenceGenerator>>>,
    /// What it says once, as far as it has not said it.
    says: Arc<Mutex<VecDeque<i16>>>,
    /// Part of what it hears that it sends back.
    echo: Arc<Mutex<f32>>,
    blocks: Arc<AtomicUsize>,
    /// What it has heard since it was cleared last.
    pub heard: Arc<Mutex<Vec<i16>>>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl FarEnd {
    /// Opens a channel.
    ///
    /// # Panics
    /// When it cannot be used.
    pub fn start(channel: u32) -> Self {
        let device = Arc::new(ChannelDevice::open(channel).expect("the far end"));
        device.carry_sound(BLOCK).expect("sound");
        let mut far = Self {
            device: device.clone(),
            seen: Arc::default(),
            keys: Arc::default(),
            plays: Arc::default(),
            says: Arc::default(),
            echo: Arc::default(),
            blocks: Arc::default(),
            heard: Arc::default(),
            stop: Arc::default(),
            thread: None,
        };
        let (seen, keys) = (far.seen.clone(), far.keys.clone());
        let (plays, stop) = (far.plays.clone(), far.stop.clone());
        let (echo, blocks) = (far.echo.clone(), far.blocks.clone());
        let (heard, says) = (far.heard.clone(), far.says.clone());
        let thread = std::thread::spawn(move || {
            let mut detector = DtmfDetector::new(DtmfLimits::default());
            let (mut octets, mut samples) = ([Law::A.silence(); BLOCK], [0; BLOCK]);
            device.transmit(&octets);
            device.transmit(&octets);
            while !stop.load(Ordering::Relaxed) {
                match device.receive(&mut octets) {
                    Received::Octets(_) => {
                        blocks.fetch_add(1, Ordering::Relaxed);
                        Law::A.decode(&octets, &mut samples);
                        heard.lock().unwrap().extend_from_slice(&samples);
                        detector.process(&samples, |event| {
                            if let DtmfEvent::Up { key, .. } = event {
                                keys.lock().unwrap().push(key);
                            }
                        });
                        let echo = *echo.lock().unwrap();
                        for sample in &mut samples {
                            *sample = (f32::from(*sample) * echo).round() as i16;
                        }
                        if let Some(tone) = plays.lock().unwrap().as_mut() {
                            tone.add(&mut samples);
                        }
                        let mut says = says.lock().unwrap();
                        for sample in &mut samples {
                            *sample = sample.saturating_add(says.pop_front().unwrap_or(0));
                        }
                        drop(says);
                        Law::A.encode(&samples, &mut octets);
                        device.transmit(&octets);
                    }
                    Received::Gone => return,
                    Received::Nothing | Received::Event => {
                        while let Ok(Some(event)) = device.next_event() {
                            seen.lock().unwrap().push(event);
                        }
                        std::thread::sleep(Duration::from_millis(5));
                    }
                }
            }
        });
        far.thread = Some(thread);
        far
    }

    /// Plays a tone from now on, or none.
    ///
    /// # Panics
    /// When its thread has.
    pub fn plays(&self, tone: Option<CadencedTone>) {
        *self.plays.lock().unwrap() = tone.map(CadenceGenerator::new);
    }

    /// Says this once, beside what it plays.
    ///
    /// # Panics
    /// When its thread has.
    pub fn says(&self, samples: &[i16]) {
        self.says.lock().unwrap().extend(samples);
    }

    /// Sends back what it hears, quieter by so many decibels.
    ///
    /// # Panics
    /// When its thread has, or it takes too long.
    pub fn echoes(&self, loss: f32) {
        *self.echo.lock().unwrap() = 10f32.powf(-loss / 20.0);
    }

    /// Waits until these keys were dialled, and forgets them.
    ///
    /// # Panics
    /// When its thread has, or it takes too long.
    pub fn is_dialled(&self, wanted: &str) {
        until(&format!("{wanted} is dialled"), || {
            let mut keys = self.keys.lock().unwrap();
            (*keys == wanted).then(|| keys.clear())
        });
    }

    /// Waits until so many blocks have passed: the line's own time, by which the kernel settles its hooks.
    ///
    /// # Panics
    /// When its thread has, or it takes too long.
    pub fn carries(&self, blocks: usize) {
        let until_block = self.blocks.load(Ordering::Relaxed) + blocks;
        until("the line's time passes", || {
            (self.blocks.load(Ordering::Relaxed) >= until_block).then_some(())
        });
    }

    /// Whether this was seen since what was asked for last.
    ///
    /// # Panics
    /// When its thread has.
    #[must_use]
    pub fn has_seen(&self, wanted: ChannelEvent) -> Option<()> {
        let mut seen = self.seen.lock().unwrap();
        let at = seen.iter().position(|event| *event == wanted)?;
        seen.drain(..=at);
        Some(())
    }

    /// Waits until this is seen.
    ///
    /// # Panics
    /// When it takes too long.
    pub fn sees(&self, wanted: ChannelEvent) {
        until(&format!("{wanted:?} at the far end"), || {
            self.has_seen(wanted)
        });
    }
}

impl Drop for FarEnd {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits for an event of a port and passes over others.
///
/// # Panics
/// When it does not come.
pub fn expect(port: &mut Port, what: &str, mut wanted: impl FnMut(&Event) -> bool) {
    let mut seen = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        match port.events().try_recv() {
            Ok(event) if wanted(&event) => return,
            Ok(event) => seen.push(event),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    panic!("{what} did not come, but {seen:?}");
}
