//! Channels of ours and of libopenr2 on the two ends of a simulated span: line bits and A-law both ways, in lock
//! step, with real multifrequency tones.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command as Process, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use ramal_dsp::{Law, Noise, R2Detector, R2Direction, R2Event, Tone, r2_tones};
use ramal_r2::{Channel, Direction, Event, LineState, MfSignal, Output, Settings};

/// A-law of no sound.
const SILENCE: u8 = 0xD5;

static PEER: LazyLock<PathBuf> = LazyLock::new(|| {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("r2-peer");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lines/peers");
    let built = Process::new("cc")
        .args(["-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&program)
        .args(["r2_peer.c", "r2_span.c"].map(|file| sources.join(file)))
        .arg("-lopenr2")
        .status()
        .expect("a C compiler");
    assert!(
        built.success(),
        "cannot build the peer: install libopenr2-dev"
    );
    program
});

static SOCKETS: AtomicU32 = AtomicU32::new(0);

fn direction(direction: Direction) -> R2Direction {
    match direction {
        Direction::Forward => R2Direction::Forward,
        Direction::Backward => R2Direction::Backward,
    }
}

/// A channel of ours with its generator and detector.
pub struct Line {
    pub channel: Channel,
    pub events: VecDeque<Event>,
    /// Lines of the other side about this channel.
    pub said: VecDeque<String>,
    bits: u8,
    listening: Option<Direction>,
    detector: Option<R2Detector>,
    tones: Option<[Tone; 2]>,
    pub log: String,
}

impl Line {
    fn new(settings: &Arc<Settings>, now: Instant) -> Self {
        Line {
            channel: Channel::new(settings.clone(), now),
            events: VecDeque::new(),
            said: VecDeque::new(),
            bits: 0b1101,
            listening: None,
            detector: None,
            tones: None,
            log: String::new(),
        }
    }

    pub fn carry_out(&mut self) {
        while let Some(output) = self.channel.poll() {
            match output {
                Output::SetBits(bits) => self.bits = bits,
                Output::Transmit(None) => self.tones = None,
                Output::Transmit(Some(signal)) => {
                    let sent = self.listening.expect("a direction").opposite();
                    self.tones = r2_tones(direction(sent), signal.number());
                }
                Output::Listen(listening) => {
                    self.listening = listening;
                    self.detector = listening.map(|to| R2Detector::new(direction(to)));
                }
                Output::Event(event) => {
                    let _ = writeln!(self.log, "ours: {event:?}");
                    self.events.push_back(event);
                }
            }
        }
    }

    fn give(&mut self, frame: &mut [u8], now: Instant) {
        self.channel.timeout(now);
        self.carry_out();
        let mut samples = [0; 160];
        let samples = &mut samples[..frame.len() - 1];
        for tone in self.tones.iter_mut().flatten() {
            tone.add(samples);
        }
        frame[0] = self.bits;
        Law::A.encode(samples, &mut frame[1..]);
    }

    fn take(&mut self, frame: &[u8], now: Instant) {
        self.channel.line_bits(frame[0], now);
        self.carry_out();
        if let Some(mut detector) = self.detector.take() {
            let mut samples = [0; 160];
            let samples = &mut samples[..frame.len() - 1];
            Law::A.decode(&frame[1..], samples);
            let mut heard = Vec::new();
            detector.process(samples, |event| heard.push(event));
            let listening = self.listening;
            self.detector = Some(detector);
            for event in heard {
                let signal = match event {
                    R2Event::On { signal, .. } => MfSignal::new(signal),
                    R2Event::Off { .. } => None,
                };
                if self.listening == listening {
                    self.channel.signal(signal, now);
                    self.carry_out();
                }
            }
        }
    }
}

pub struct Rig {
    pub lines: Vec<Line>,
    pub now: Instant,
    block: usize,
    /// What is on its way to the other side, and from it: one to four ticks each way, and a satellite's 250 ms on
    /// the tenth channel.
    under_way: Vec<[VecDeque<Vec<u8>>; 2]>,
    /// Every other channel loses 6 dB each way and has noise.
    noise: Noise,
    commands: Vec<String>,
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    socket: UnixStream,
}

impl Rig {
    /// `block`: samples per tick.
    pub fn new(settings: &Settings, count: usize, block: usize, options: &[String]) -> Self {
        let number = SOCKETS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("r2-{}-{number}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        let mut child = Process::new(&*PEER)
            .args(["--host", &count.to_string(), "--socket"])
            .arg(&path)
            .args(["--variant", settings.variant.code])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let socket = connected(&listener, &mut child);
        let _ = std::fs::remove_file(&path);
        let now = Instant::now();
        let settings = Arc::new(settings.clone());
        let mut rig = Rig {
            lines: (0..count).map(|_| Line::new(&settings, now)).collect(),
            now,
            block,
            under_way: (0..count).map(|index| under_way(index, block)).collect(),
            noise: Noise::new(1),
            commands: Vec::new(),
            stdin: child.stdin.take().unwrap(),
            stdout: BufReader::new(child.stdout.take().unwrap()),
            child,
            socket,
        };
        let mut line = String::new();
        while line != "ready\n" {
            line.clear();
            assert!(rig.stdout.read_line(&mut line).unwrap() > 0);
        }
        for _ in 0..50 {
            rig.tick();
        }
        for line in &mut rig.lines {
            assert_eq!(line.channel.line_state(), LineState::Idle);
            line.events.clear();
            line.said.clear();
        }
        rig
    }

    /// A command for the other side's channel, see the peer's source.
    pub fn tell(&mut self, index: usize, command: &str) {
        let _ = writeln!(self.lines[index].log, "tell: {command}");
        self.commands.push(format!("{} {command}\n", index + 1));
    }

    pub fn tick(&mut self) {
        let length = self.block + 1;
        let mut frames = vec![SILENCE; 6 + self.lines.len() * length];
        for command in &self.commands {
            self.stdin.write_all(command.as_bytes()).unwrap();
        }
        frames[..4].copy_from_slice(&(self.commands.len() as u32).to_ne_bytes());
        frames[4..6].copy_from_slice(&(self.block as u16).to_ne_bytes());
        self.commands.clear();
        let now = self.now;
        for (index, frame) in frames[6..].chunks_mut(length).enumerate() {
            self.lines[index].give(frame, now);
            impair(index, &mut self.noise, frame);
            delay(&mut self.under_way[index][0], frame);
        }
        self.socket.write_all(&frames).unwrap();
        self.now += Duration::from_micros(self.block as u64 * 125);
        self.socket.read_exact(&mut frames[2..]).unwrap();
        let mut said = u32::from_ne_bytes(frames[2..6].try_into().unwrap());
        while said > 0 {
            let mut text = String::new();
            self.stdout.read_line(&mut text).unwrap();
            let (number, rest) = text.trim().split_once(' ').unwrap();
            let index = number.parse::<usize>().unwrap() - 1;
            let _ = writeln!(self.lines[index].log, "peer: {rest}");
            self.lines[index].said.push_back(rest.to_owned());
            said -= 1;
        }
        for (index, frame) in frames[6..].chunks_mut(length).enumerate() {
            delay(&mut self.under_way[index][1], frame);
            impair(index, &mut self.noise, frame);
            self.lines[index].take(frame, self.now);
        }
    }
}

fn connected(listener: &UnixListener, child: &mut Child) -> UnixStream {
    let limit = Some(Duration::from_secs(30));
    listener.set_nonblocking(true).unwrap();
    let began = Instant::now();
    loop {
        if let Ok((socket, _)) = listener.accept() {
            socket.set_nonblocking(false).unwrap();
            socket.set_read_timeout(limit).unwrap();
            return socket;
        }
        let ended = child.try_wait().unwrap();
        assert!(
            ended.is_none() && Some(began.elapsed()) < limit,
            "{ended:?}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn under_way(index: usize, block: usize) -> [VecDeque<Vec<u8>>; 2] {
    let ticks = if index == 9 {
        250 * 8 / block
    } else {
        1 + index % 4
    };
    let mut idle = vec![SILENCE; block + 1];
    idle[0] = 0b1101;
    [(); 2].map(|()| vec![idle.clone(); ticks].into())
}

fn impair(index: usize, noise: &mut Noise, frame: &mut [u8]) {
    if index % 2 == 1 {
        let mut samples = [0; 160];
        let samples = &mut samples[..frame.len() - 1];
        Law::A.decode(&frame[1..], samples);
        for sample in samples.iter_mut() {
            *sample /= 2;
        }
        noise.add(samples, -50.0);
        Law::A.encode(samples, &mut frame[1..]);
    }
}

fn delay(queue: &mut VecDeque<Vec<u8>>, frame: &mut [u8]) {
    queue.push_back(frame.to_vec());
    if let Some(first) = queue.pop_front() {
        frame.copy_from_slice(&first);
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
