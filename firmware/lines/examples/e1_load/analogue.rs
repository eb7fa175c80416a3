//! A line card in memory: the product's driver on sound that a clock paces, and pins of telephones that stay lifted.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use embedded_hal::digital::{ErrorType, InputPin, OutputPin};
use ramal_dsp::Law;
use ramal_lines::alsa_gpio::{CodecLines, FxsPins, LinePins, Pcm, PcmError};
use ramal_lines::{Driver, Event, Port, PortNames};
use ramal_media::{Engine, Line, Stream, StreamParameters};
use ramal_model::Country;

use super::clock::Load;
use super::exchange::{BLOCK, Ear, MARK, MARK_EVERY, Marks, delays, voice};
use super::gateway::{Sound, engine};
use super::phones::Phones;

/// Telephones on the card.
const LINES: usize = 4;
const FRAME: Duration = Duration::from_millis(20);

/// The card's sound. A block is said when it is whole, and heard when it is given to the card.
struct Card {
    due: Instant,
    turn: usize,
    samples: Vec<u8>,
    ear: Ear,
    said: Marks,
    heard: Marks,
}

impl Pcm for Card {
    const BUFFERED: usize = 2;

    fn exchange(&mut self, play: &[u8], captured: &mut [u8]) -> Result<(), PcmError> {
        let first: Vec<u8> = play.iter().step_by(LINES).copied().collect();
        let mark = self.ear.hear(&first, Instant::now());
        self.heard.lock().expect("marks").extend(mark);
        std::thread::sleep(self.due.saturating_duration_since(Instant::now()));
        self.due += FRAME;
        let marked = self.turn.is_multiple_of(MARK_EVERY);
        for (place, octet) in captured.iter_mut().enumerate() {
            let (frame, slot) = (place / LINES, place % LINES);
            let from = self.turn * BLOCK + slot * 977 + frame;
            *octet = match marked && slot == 0 {
                true => MARK,
                false => self.samples[from % self.samples.len()],
            };
        }
        if marked {
            self.said.lock().expect("marks").push(Instant::now());
        }
        self.turn += 1;
        Ok(())
    }
}

/// A pin that nobody moves.
struct Pin(bool);

impl ErrorType for Pin {
    type Error = Infallible;
}

impl InputPin for Pin {
    fn is_high(&mut self) -> Result<bool, Infallible> {
        Ok(self.0)
    }

    fn is_low(&mut self) -> Result<bool, Infallible> {
        Ok(!self.0)
    }
}

impl OutputPin for Pin {
    fn set_low(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Telephones in calls with phones.
pub struct Telephones {
    phones: Phones,
    said: Marks,
    heard: Marks,
    _lines: CodecLines,
    _calls: Vec<(Port, Line, Stream)>,
    _engine: Engine,
}

impl Telephones {
    /// All of them talk.
    pub fn start(load: &mut Load) -> Self {
        let (said, heard) = (Marks::default(), Marks::default());
        let card = Card {
            due: Instant::now(),
            turn: 0,
            samples: voice(),
            ear: Ear::default(),
            said: said.clone(),
            heard: heard.clone(),
        };
        let pins = (0..LINES).map(|_| {
            LinePins::Fxs(FxsPins {
                hook: Pin(true),
                ring: Pin(false),
                reverse: None,
                cut: None,
            })
        });
        let names = &mut PortNames::default();
        let pins = pins.collect();
        let mut lines =
            CodecLines::start(card, Law::A, pins, Country::default(), names).expect("threads");
        let engine = engine(35_000..=35_999);
        let mut phones = Phones::new();
        let mut calls = Vec::new();
        for mut port in lines.take_ports() {
            while port.events().blocking_recv() != Some(Event::OffHook) {}
            let mut audio = port.audio();
            audio.restart();
            let line = engine
                .open_line(Box::new(Sound::plain(audio)))
                .expect("a line");
            let stream = engine
                .open_stream(StreamParameters::default())
                .expect("a stream");
            stream.set_remote(phones.add(&stream)).expect("a phone");
            engine.bridge(&line, &stream).expect("a bridge");
            calls.push((port, line, stream));
        }
        phones.talk(load);
        Self {
            phones,
            said,
            heard,
            _lines: lines,
            _calls: calls,
            _engine: engine,
        }
    }

    /// How many calls there are.
    pub fn calls(&self) -> usize {
        LINES
    }

    /// Milliseconds from a line to RTP, and from RTP to a line, since then.
    pub fn delays(&self, since: Instant) -> (Vec<f64>, Vec<f64>) {
        let settled = |mut marks: Vec<Instant>| {
            marks.retain(|mark| *mark >= since);
            marks
        };
        let said = settled(self.said.lock().expect("marks").clone());
        let from_rtp = settled(self.phones.marks());
        let heard = self.heard.lock().expect("marks");
        (self.phones.delays_from(said), delays(&from_rtp, &heard))
    }
}
