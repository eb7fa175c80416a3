//! What transcoding and conferences cost: processor time of the media thread, told as calls or members a core.
//!
//! `core_cost` runs each case for some seconds on an engine with one thread and prints a line for each.

use std::error::Error;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use opus_rs::{Application, OpusEncoder};
use ramal_dsp::{Law, Noise};
use ramal_media::{
    Codec, Engine, EngineConfig, LineAudio, Multiplexing, Part, Payloads, PromptLibrary, Remote,
    Stream, StreamParameters,
};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const LASTS: Duration = Duration::from_secs(4);
const BEAT: Duration = Duration::from_millis(20);

/// Nanoseconds the media thread has run.
fn media_thread_time() -> Result<u64, Box<dyn Error>> {
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        if fs::read_to_string(task.join("comm"))?.trim() == "media-0" {
            let times = fs::read_to_string(task.join("schedstat"))?;
            return Ok(times.split(' ').next().ok_or("no time")?.parse()?);
        }
    }
    Err("no media thread".into())
}

/// A new thread takes its name only when it first runs.
fn wait_for_thread() {
    while media_thread_time().is_err() {
        std::thread::yield_now();
    }
}

fn start() -> Result<Engine, Box<dyn Error>> {
    Ok(Engine::start(EngineConfig {
        bind: LOCALHOST,
        ports: 30_000..=31_999,
        threads: 1,
        prompts: Arc::new(PromptLibrary::default()),
        multiplexing: Multiplexing::default(),
    })?)
}

/// Noise with pauses, 20 ms at 16 kHz at a time: harder than a tone, as speech is.
fn speech() -> Vec<[i16; 320]> {
    let mut noise = Noise::new(1);
    let mut last = 0.0;
    (0..50)
        .map(|frame| {
            let loudness = if frame % 25 < 17 { 12_000.0 } else { 100.0 };
            std::array::from_fn(|_| {
                last = 0.9 * last + 0.1 * noise.next_value();
                (last * loudness) as i16
            })
        })
        .collect()
}

/// A second of packets of a codec.
fn packets(codec: Codec) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut opus = OpusEncoder::new(16_000, 1, Application::Voip)?;
    opus.bitrate_bps = 24_000;
    let mut g722 = ramal_dsp::G722Encoder::new();
    let mut packets = Vec::new();
    for frame in speech() {
        let mut octets = vec![0; 640];
        let narrow: Vec<i16> = frame.iter().copied().step_by(2).collect();
        let length = match codec {
            Codec::Opus => opus.encode_i16(&frame, 320, &mut octets)?,
            Codec::G722 => {
                g722.encode(&frame, &mut octets);
                160
            }
            _ => {
                codec.law().unwrap_or(Law::A).encode(&narrow, &mut octets);
                160
            }
        };
        octets.truncate(length);
        packets.push(octets);
    }
    Ok(packets)
}

struct Phone {
    stream: Stream,
    socket: UdpSocket,
    codec: Codec,
}

impl Phone {
    fn new(engine: &Engine, codec: Codec) -> Result<Self, Box<dyn Error>> {
        let stream = engine.open_stream(StreamParameters::default())?;
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(SocketAddr::new(LOCALHOST, stream.local_port()))?;
        stream.set_remote(Remote {
            rtp: socket.local_addr()?,
            rtcp: None,
            payloads: Payloads::new(codec, None),
            receive_payloads: None,
            send: true,
            receive: true,
            symmetric: true,
            rtcp_mux: false,
            protection: ramal_media::Protection::None,
        })?;
        Ok(Phone {
            stream,
            socket,
            codec,
        })
    }

    fn send(&self, turn: u32, payload: &[u8]) -> std::io::Result<usize> {
        let mut datagram = vec![0x80, self.codec.payload_type()];
        datagram.extend_from_slice(&(turn as u16).to_be_bytes());
        datagram.extend_from_slice(&(turn * self.codec.clock_rate() / 50).to_be_bytes());
        datagram.extend_from_slice(&[0, 0, 0, 1]);
        datagram.extend_from_slice(payload);
        self.socket.send(&datagram)
    }
}

fn transcoding(a: Codec, b: Codec, calls: usize) -> Result<(), Box<dyn Error>> {
    let engine = start()?;
    wait_for_thread();
    let mut phones = Vec::new();
    for _ in 0..calls {
        let pair = (Phone::new(&engine, a)?, Phone::new(&engine, b)?);
        engine.bridge(&pair.0.stream, &pair.1.stream)?;
        phones.push(pair);
    }
    let (of_a, of_b) = (packets(a)?, packets(b)?);
    let (begin, before) = (Instant::now(), media_thread_time()?);
    let mut turn = 0u32;
    while begin.elapsed() < LASTS {
        for (first, second) in &phones {
            first.send(turn, &of_a[turn as usize % 50])?;
            second.send(turn, &of_b[turn as usize % 50])?;
        }
        turn += 1;
        std::thread::sleep((BEAT * turn).saturating_sub(begin.elapsed()));
    }
    let used = (media_thread_time()? - before) as f64 / 1e9;
    let talked = f64::from(turn) * BEAT.as_secs_f64();
    let share = used / talked;
    println!("{a:?} to {b:?}: {:.0} calls a core", calls as f64 / share);
    Ok(())
}

struct Talking(Vec<[u8; 160]>, usize);

impl LineAudio for Talking {
    fn exchange(&mut self, _: &[u8; 160], receive: &mut [u8; 160]) {
        self.1 = (self.1 + 1) % self.0.len();
        *receive = self.0[self.1];
    }
}

fn conferences(rooms: usize, members: usize) -> Result<(), Box<dyn Error>> {
    let engine = start()?;
    wait_for_thread();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let frames: Vec<[u8; 160]> = packets(Codec::Pcma)?
        .iter()
        .filter_map(|packet| packet.first_chunk().copied())
        .collect();
    let mut open = Vec::new();
    for _ in 0..rooms {
        let room = engine.room();
        for _ in 0..members {
            let line = engine.open_line(Box::new(Talking(frames.clone(), 0)))?;
            runtime.block_on(room.join(&line, Part::Speaker))?;
            open.push(line);
        }
        std::mem::forget(room);
    }
    let (begin, before) = (Instant::now(), media_thread_time()?);
    std::thread::sleep(LASTS);
    let share = (media_thread_time()? - before) as f64 / 1e9 / begin.elapsed().as_secs_f64();
    println!(
        "{rooms} conferences of {members} lines: {:.1}% of a core",
        share * 100.0
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    transcoding(Codec::Pcma, Codec::Pcmu, 100)?;
    transcoding(Codec::Pcma, Codec::G722, 40)?;
    transcoding(Codec::Pcma, Codec::Opus, 15)?;
    transcoding(Codec::G722, Codec::Opus, 10)?;
    conferences(4, 30)
}
