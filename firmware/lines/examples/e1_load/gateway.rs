//! The gateway: span threads, ISDN and the media engine, with a few lines in the place of call control.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use ramal_dsp::{CountryTones, EchoCanceller, Law, ProgressDetector};
use ramal_isdn::{Event, Role, Settings};
use ramal_lines::dahdi::span::{Signalling, SpanConfig, SpanThread, start_on};
use ramal_lines::simulated::{SimulatedSpan, simulated_span};
use ramal_lines::{
    PortAudio, Trunk, TrunkCallId, TrunkCaller, TrunkCommand, TrunkEvent, TrunkState,
};
use ramal_media::{
    Codec, Detection, Engine, EngineConfig, Line, LineAudio, Multiplexing, Part, PromptLibrary,
    Recorder, RecorderConfig, Recording, Room, Stream, StreamParameters,
};
use tokio::runtime::Runtime;

use super::clock::Load;
use super::exchange::{BLOCK, Exchange, Side, bearers};
use super::phones::Phones;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn started(name: &str, span: SimulatedSpan) -> (Trunk, SpanThread) {
    let config = SpanConfig {
        name: name.to_owned(),
        device: name.to_owned(),
        crc4: true,
        clock_rank: 1,
        echo_cancellation: false,
        signalling: Signalling::Pri(Box::new(Settings::new(Role::User))),
    };
    start_on(span, config, None).expect("a thread")
}

/// The sound of a timeslot whose echo is cancelled, as that of an analogue line is.
pub struct Sound {
    audio: PortAudio,
    canceller: Option<Box<EchoCanceller>>,
    sent: [i16; BLOCK],
}

impl Sound {
    /// One whose echo somebody else cancels.
    pub fn plain(audio: PortAudio) -> Self {
        Self {
            audio,
            canceller: None,
            sent: [0; BLOCK],
        }
    }
}

/// A media engine as the gateway has it.
pub fn engine(ports: RangeInclusive<u16>) -> Engine {
    Engine::start(EngineConfig {
        bind: LOCALHOST,
        ports,
        threads: 1,
        prompts: Arc::new(PromptLibrary::default()),
        multiplexing: Multiplexing::default(),
    })
    .expect("an engine")
}

impl LineAudio for Sound {
    fn exchange(&mut self, transmit: &[u8; BLOCK], receive: &mut [u8; BLOCK]) {
        self.audio.exchange(transmit, receive);
        let Some(canceller) = &mut self.canceller else {
            return;
        };
        let mut samples = [0; BLOCK];
        Law::A.decode(receive, &mut samples);
        canceller.process(&self.sent, &mut samples);
        Law::A.encode(&samples, receive);
        Law::A.decode(transmit, &mut self.sent);
    }

    fn beat(&self) -> Option<BorrowedFd<'_>> {
        self.audio.beat()
    }

    fn waiting(&self) -> usize {
        self.audio.waiting()
    }

    fn answered(&mut self) {
        self.audio.answer();
    }
}

/// An incoming call that was answered.
struct Answered {
    line: Line,
    _recording: Option<Recording>,
    _stream: Option<Stream>,
}

/// Everything that is measured.
pub struct Gateway {
    runtime: Runtime,
    engine: Engine,
    recorder: Option<Recorder>,
    trunks: Vec<(Trunk, SpanThread)>,
    calls: Vec<Answered>,
    rooms: Vec<Room>,
}

impl Gateway {
    /// The gateway on an exchange's spans, once their signalling is up.
    pub fn start(exchange: &Exchange, recordings: Option<&str>) -> Self {
        let engine = engine(30_000..=34_999);
        let recorder = recordings.map(|folder| {
            Recorder::start(&RecorderConfig {
                folder: folder.into(),
                reserve: 1 << 20,
            })
            .expect("a folder for recordings")
        });
        let trunks: Vec<_> = (1..)
            .zip(exchange.take_spans())
            .map(|(number, span)| started(&format!("E1 {number}"), span))
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        exchange.call();
        Self {
            runtime,
            engine,
            recorder,
            trunks,
            calls: Vec::new(),
            rooms: Vec::new(),
        }
    }

    /// How many calls there are.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Answers all 30 calls of each span, and hands each line over.
    fn answer(&mut self, cancel_echo: bool, mut take: impl FnMut(&Engine, usize, &Line)) {
        let (calls, engine) = (&mut self.calls, &self.engine);
        for (trunk, _) in &mut self.trunks {
            for _ in bearers() {
                let (call, audio) = loop {
                    match self.runtime.block_on(trunk.events.recv()) {
                        Some(TrunkEvent::Incoming { call, audio, .. }) => break (call, audio),
                        Some(_) => {}
                        None => panic!("a span's thread has ended"),
                    }
                };
                for command in [TrunkCommand::Proceed(call), TrunkCommand::Answer(call)] {
                    trunk.handle.command(command).expect("taken");
                }
                let mut audio = audio;
                audio.restart();
                let sound = Sound {
                    audio,
                    canceller: cancel_echo.then(|| Box::new(EchoCanceller::new(true))),
                    sent: [0; BLOCK],
                };
                let line = engine.open_line(Box::new(sound)).expect("a line");
                take(engine, calls.len(), &line);
                calls.push(Answered {
                    line,
                    _recording: None,
                    _stream: None,
                });
            }
        }
    }

    /// Connects each call with a phone, and records it.
    pub fn answer_with_phones(&mut self, load: &mut Load) -> Phones {
        let mut phones = Phones::new();
        let mut kept = Vec::new();
        let recorder = self.recorder.clone();
        self.answer(true, |engine, number, line| {
            let stream = engine
                .open_stream(StreamParameters::default())
                .expect("a stream");
            stream.set_remote(phones.add(&stream)).expect("a phone");
            engine.bridge(line, &stream).expect("a bridge");
            let recording = recorder.as_ref().map(|recorder| {
                let (mut recording, _) = recorder.begin(&format!("{number}.wav"), Codec::Pcma);
                recording.tap(line).expect("a recording");
                recording
            });
            kept.push((stream, recording));
        });
        for (call, (stream, recording)) in self.calls.iter_mut().zip(kept) {
            call._stream = Some(stream);
            call._recording = recording;
        }
        phones.talk(load);
        phones
    }

    /// Puts the calls into conferences of so many, and listens on each for whatever is known.
    pub fn confer(&mut self, members: usize) {
        let tones = CountryTones::recommended();
        self.answer(false, |_, _, line| {
            line.detect(Detection {
                keys: true,
                progress: Some(Box::new(ProgressDetector::new(tones, None))),
                fax: true,
                ..Detection::default()
            })
            .expect("a detector");
        });
        for group in self.calls.chunks(members) {
            let room = self.engine.room();
            for call in group {
                let joined = room.join(&call.line, Part::Speaker);
                self.runtime.block_on(joined).expect("a conference");
            }
            self.rooms.push(room);
        }
    }
}

/// Calls that come in on one span and go out on another: milliseconds from SETUP to SETUP.
pub fn tandem(calls: usize) -> Vec<f64> {
    let (near_in, far_in) = simulated_span().expect("a span");
    let (near_out, far_out) = simulated_span().expect("a span");
    let (incoming, in_thread) = started("in", near_in);
    let (outgoing, out_thread) = started("out", near_out);
    let (mut caller, mut called) = (Side::new(far_in), Side::new(far_out));
    caller.until_up();
    called.until_up();
    let out = outgoing.handle.clone();
    while [&incoming.handle, &out]
        .iter()
        .any(|trunk| trunk.status().state != TrunkState::Up)
    {
        caller.work();
        called.work();
        called.wait();
    }
    // What call control does with such a call: another one, and nothing else.
    let passing_on = control(incoming, move |called| {
        let onward = TrunkCommand::Call {
            call: TrunkCallId::new(),
            called,
            caller: TrunkCaller::default(),
        };
        out.command(onward).expect("taken");
    });
    let going_out = control(outgoing, |_| {});
    let mut times = Vec::new();
    for number in 0..calls {
        caller.call(&format!("3{number:03}"));
        let begin = Instant::now();
        caller.work();
        let mut arrived = None;
        while arrived.is_none() && begin.elapsed().as_secs() < 5 {
            called.wait();
            caller.work();
            for event in called.work() {
                if let Event::Incoming { .. } = event {
                    arrived = Some(begin.elapsed());
                }
            }
        }
        times.extend(arrived.map(|time| time.as_secs_f64() * 1e3));
        // Both sides end all they have, and the timeslots are free again.
        for side in [&mut caller, &mut called] {
            let cause = ramal_isdn::Cause::NORMAL_CLEARING;
            side.interface.disconnect_all(cause, Instant::now());
        }
        while caller.interface.calls().len() + called.interface.calls().len() > 0 {
            caller.work();
            called.work();
            called.wait();
        }
    }
    drop((in_thread, out_thread));
    for thread in [passing_on, going_out] {
        thread.join().expect("call control");
    }
    times
}

/// A thread in the place of call control: has calls in passed on, and lets go of those that the far end ends.
fn control(mut trunk: Trunk, mut pass_on: impl FnMut(String) + Send + 'static) -> JoinHandle<()> {
    std::thread::spawn(move || {
        while let Some(event) = trunk.events.blocking_recv() {
            let answer = match event {
                TrunkEvent::Incoming { call, called, .. } => {
                    pass_on(called);
                    TrunkCommand::Proceed(call)
                }
                TrunkEvent::Disconnecting { call, cause, .. } => TrunkCommand::HangUp(call, cause),
                _ => continue,
            };
            trunk.handle.command(answer).expect("taken");
        }
    })
}
