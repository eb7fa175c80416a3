//! A far end on 127.0.0.1: sends and receives RTP with a socket of its own.

#![allow(dead_code, reason = "every test file uses its own part of the far end")]

#[allow(dead_code, reason = "only some tests listen")]
pub mod sound;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ramal_dsp::EventPacket;
use ramal_media::{
    Codec, Engine, EngineConfig, MasterKey, Multiplexing, Payloads, PromptLibrary, Protection,
    Remote, SrtpKeys, Stream, StreamEvent, StreamParameters, StreamStatistics, Suite,
};
use tokio::sync::mpsc;

/// Longest wait for something that must happen.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Where the gateway is: a loopback address of its own, as other programs hold ports of 127.0.0.1.
pub const GATEWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 7, 1));

/// What the engine waits and sends by: epoll where the tests run once more for it (`tests/epoll.rs`).
pub fn multiplexing() -> Multiplexing {
    match env!("CARGO_CRATE_NAME") {
        "epoll" => Multiplexing::Epoll,
        _ => Multiplexing::Automatic,
    }
}

/// An engine on [`GATEWAY`] with the given ports.
pub fn engine(ports: RangeInclusive<u16>, threads: usize) -> Engine {
    engine_by(multiplexing(), ports, threads)
}

pub fn engine_by(multiplexing: Multiplexing, ports: RangeInclusive<u16>, threads: usize) -> Engine {
    let prompts = Arc::new(PromptLibrary::default());
    Engine::start(EngineConfig {
        bind: GATEWAY,
        ports,
        threads,
        prompts,
        multiplexing,
    })
    .unwrap()
}

/// A packet as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload: Vec<u8>,
    pub at: Instant,
    pub source: SocketAddr,
}

pub struct FarEnd {
    pub socket: UdpSocket,
    pub gateway: SocketAddr,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub payload_type: u8,
    /// Timestamp units of a packet; `None` for one an octet.
    pub units: Option<u32>,
}

impl FarEnd {
    /// A far end that sends to `stream`.
    pub fn of(stream: &Stream, ssrc: u32) -> FarEnd {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let gateway = SocketAddr::new(GATEWAY, stream.local_port());
        FarEnd {
            socket,
            gateway,
            ssrc,
            sequence: 65_500,
            timestamp: 1_000,
            payload_type: 8,
            units: None,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// A description of this far end.
    pub fn remote(&self, codec: Codec, telephone_event: Option<u8>) -> Remote {
        Remote {
            rtp: self.address(),
            rtcp: None,
            payloads: Payloads::new(codec, telephone_event),
            receive_payloads: None,
            send: true,
            receive: true,
            symmetric: true,
            rtcp_mux: false,
            protection: Protection::None,
        }
    }

    /// One packet, then the sequence goes on.
    pub fn send(&mut self, payload: &[u8]) {
        let header = self.header(self.payload_type, false);
        self.socket
            .send_to(&[&header[..], payload].concat(), self.gateway)
            .unwrap();
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self
            .timestamp
            .wrapping_add(self.units.unwrap_or(payload.len() as u32));
    }

    /// One event packet; the timestamp stays that of the event's beginning.
    pub fn send_event(&mut self, payload_type: u8, packet: &EventPacket) {
        let header = self.header(payload_type, packet.marker);
        let datagram = [&header[..], &packet.event.encode()].concat();
        self.socket.send_to(&datagram, self.gateway).unwrap();
        self.sequence = self.sequence.wrapping_add(1);
    }

    fn header(&self, payload_type: u8, marker: bool) -> [u8; 12] {
        let mut header = [0u8; 12];
        header[0] = 0x80;
        header[1] = u8::from(marker) << 7 | payload_type;
        header[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        header[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        header[8..].copy_from_slice(&self.ssrc.to_be_bytes());
        header
    }

    /// The next packet; panics when none comes.
    pub fn receive(&self) -> Packet {
        let mut buffer = [0u8; 2_048];
        let (length, source) = self
            .socket
            .recv_from(&mut buffer)
            .expect("a packet in time");
        let at = Instant::now();
        assert!(length >= 12 && buffer[0] == 0x80, "{:?}", &buffer[..length]);
        Packet {
            marker: buffer[1] & 0x80 != 0,
            payload_type: buffer[1] & 0x7F,
            sequence: u16::from_be_bytes([buffer[2], buffer[3]]),
            timestamp: u32::from_be_bytes([buffer[4], buffer[5], buffer[6], buffer[7]]),
            ssrc: u32::from_be_bytes([buffer[8], buffer[9], buffer[10], buffer[11]]),
            payload: buffer[12..length].to_vec(),
            at,
            source,
        }
    }

    /// The next packet if it is there already.
    pub fn waiting(&self) -> Option<Packet> {
        self.socket.set_nonblocking(true).unwrap();
        let waits = self.socket.peek_from(&mut [0u8; 16]).is_ok();
        self.socket.set_nonblocking(false).unwrap();
        waits.then(|| self.receive())
    }

    /// Whether nothing is waiting.
    pub fn is_quiet(&self) -> bool {
        self.socket.set_nonblocking(true).unwrap();
        let quiet = self.socket.recv_from(&mut [0u8; 2_048]).is_err();
        self.socket.set_nonblocking(false).unwrap();
        quiet
    }
}

/// A stream that knows its far end.
pub fn connected(engine: &Engine, ssrc: u32, codec: Codec) -> (Stream, FarEnd) {
    let stream = engine.open_stream(StreamParameters::default()).unwrap();
    let mut far_end = FarEnd::of(&stream, ssrc);
    far_end.payload_type = codec.payload_type();
    far_end.units = codec.law().is_none().then_some(codec.clock_rate() / 50);
    stream.set_remote(far_end.remote(codec, Some(101))).unwrap();
    (stream, far_end)
}

/// Keys of one suite for two streams that speak to each other.
pub fn keys(suite: Suite) -> [Protection; 2] {
    let [one, other] = [3, 5].map(|octet| MasterKey::from_random(suite, [octet; 44]));
    [(one, other), (other, one)].map(|(send, receive)| Protection::Srtp(SrtpKeys { send, receive }))
}

/// A stream that speaks to whoever is at `rtp`.
pub fn speaking_to(engine: &Engine, rtp: SocketAddr, protection: Protection) -> Stream {
    let stream = engine.open_stream(StreamParameters::default()).unwrap();
    aim(&stream, rtp, protection);
    stream
}

pub fn aim(stream: &Stream, rtp: SocketAddr, protection: Protection) {
    stream
        .set_remote(Remote {
            rtp,
            rtcp: None,
            payloads: Payloads::new(Codec::Pcma, Some(101)),
            receive_payloads: None,
            send: true,
            receive: true,
            symmetric: true,
            rtcp_mux: false,
            protection,
        })
        .unwrap();
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}

/// The figures now; commands before it have been carried out when it returns.
pub fn statistics(stream: &Stream) -> StreamStatistics {
    runtime().block_on(stream.statistics()).unwrap()
}

/// The figures as soon as `enough` says so; panics when it never does.
pub fn statistics_when(
    stream: &Stream,
    enough: impl Fn(&StreamStatistics) -> bool,
) -> StreamStatistics {
    let start = Instant::now();
    loop {
        let figures = statistics(stream);
        if enough(&figures) {
            return figures;
        }
        assert!(start.elapsed() < PATIENCE, "{figures:?}");
        std::thread::yield_now();
    }
}

/// The next event; panics when none comes.
pub fn event(events: &mut mpsc::Receiver<StreamEvent>) -> StreamEvent {
    runtime()
        .block_on(async { tokio::time::timeout(PATIENCE, events.recv()).await })
        .expect("an event in time")
        .expect("an open stream")
}

/// A payload unlike all others.
pub fn payload(seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    (0..160)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        })
        .collect()
}
