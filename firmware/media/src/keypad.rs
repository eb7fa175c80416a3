//! Keys the gateway presses towards the far end of a stream: as telephone events where those were agreed, else as tones.

use std::time::Instant;

use ramal_dsp::{FRAME_SAMPLES, Law, TelephoneEvent, Tone, dtmf_tones};

use crate::channel::{ChannelState, Kind};
use crate::player::Frame;
use crate::reactor::Reactor;
use crate::stream::RtpStream;
use crate::transmission::Source;

/// Ticks a key is pressed: 100 ms.
const PRESSED: u16 = 5;
/// Ticks between two keys: 100 ms.
const PAUSE: u16 = 5;
/// Times the end of an event is told (RFC 4733 §2.5.1.4).
const ENDS: usize = 3;
/// Level of each tone, dBm0: within the -3 to -12 that networks ask for.
const LEVEL: f64 = -9.0;
/// The same in an event, the power of both below 0 dBm0.
const VOLUME: u8 = 6;
/// Keys that may wait; more are dropped.
const WAITING: usize = 32;

/// Keys to be pressed on a stream, with the one that is.
pub(crate) struct Keypad {
    keys: [char; WAITING],
    waiting: usize,
    current: Option<Current>,
    /// Ticks of pause still to come.
    pause: u16,
    /// Counts keys, to tell one event from the next.
    pressed: u32,
}

struct Current {
    key: char,
    tones: [Tone; 2],
    ticks: u16,
}

impl Keypad {
    pub(crate) fn new() -> Self {
        Keypad {
            keys: [' '; WAITING],
            waiting: 0,
            current: None,
            pause: 0,
            pressed: 0,
        }
    }

    /// Adds a key.
    pub(crate) fn push(&mut self, key: char) {
        if let Some(place) = self.keys.get_mut(self.waiting) {
            *place = key;
            self.waiting += 1;
        }
    }

    /// Takes up the next key if none is pressed; false when nothing is left to do.
    fn advance(&mut self) -> bool {
        if self.current.is_some() || self.pause > 0 {
            return true;
        }
        while self.waiting > 0 {
            let key = self.keys[0];
            self.keys.rotate_left(1);
            self.waiting -= 1;
            if let Some(tones) = dtmf_tones(key, LEVEL) {
                self.pressed = self.pressed.wrapping_add(1);
                self.current = Some(Current {
                    key,
                    tones,
                    ticks: 0,
                });
                return true;
            }
        }
        false
    }

    /// Counts a tick; the key that is pressed in it, and how many ticks it has been by its end.
    fn tick(&mut self) -> Option<(&mut Current, u32)> {
        let Some(current) = &mut self.current else {
            self.pause = self.pause.saturating_sub(1);
            return None;
        };
        current.ticks += 1;
        Some((current, self.pressed))
    }

    /// Lets go of a key that has been pressed long enough.
    fn release(&mut self) {
        if self
            .current
            .as_ref()
            .is_some_and(|current| current.ticks >= PRESSED)
        {
            self.current = None;
            self.pause = PAUSE;
        }
    }
}

impl Current {
    /// The next 20 ms of the tones, A-law.
    fn tone(&mut self) -> [u8; FRAME_SAMPLES] {
        let mut samples = [0i16; FRAME_SAMPLES];
        for tone in &mut self.tones {
            tone.add(&mut samples);
        }
        let mut frame = [0u8; FRAME_SAMPLES];
        Law::A.encode(&samples, &mut frame);
        frame
    }
}

impl ChannelState {
    /// Presses on for 20 ms, which is what a line exchanges; false when no key is left.
    pub(crate) fn press(&mut self, now: Instant, out: &mut Reactor) -> bool {
        let source = Source::Local { channel: self.id };
        let Some(keypad) = &mut self.keypad else {
            return false;
        };
        if !keypad.advance() {
            self.keypad = None;
            if let Kind::Rtp(stream) = &mut self.kind {
                stream.transmission.interrupt();
            }
            return false;
        }
        if let Kind::Rtp(stream) = &mut self.kind {
            match keypad.tick() {
                Some((current, number)) if stream.takes_events() => {
                    stream.send_key(current, number, now, out);
                }
                Some((current, _)) => stream.send_alaw(&current.tone(), source, now, out),
                // Silence between events needs no packets.
                None if stream.takes_events() => {}
                None => stream.send_silence(source, now, out),
            }
        }
        if let Kind::Line(line) = &mut self.kind {
            match keypad.tick() {
                Some((current, _)) => line.exchange(Some(Frame::Alaw(&current.tone())), now),
                None => line.exchange(Some(Frame::Silence), now),
            }
        }
        keypad.release();
        true
    }
}

impl RtpStream {
    /// Sends what an event says at this tick of it.
    fn send_key(&mut self, current: &Current, number: u32, now: Instant, out: &mut Reactor) {
        let Some(event) = TelephoneEvent::code_of(current.key) else {
            return;
        };
        let end = current.ticks >= PRESSED;
        let payload = TelephoneEvent {
            event,
            end,
            volume: VOLUME,
            duration: current.ticks * FRAME_SAMPLES as u16,
        }
        .encode();
        for _ in 0..if end { ENDS } else { 1 } {
            self.send_event(&payload, number, current.ticks == 1, now, out);
        }
    }
}
