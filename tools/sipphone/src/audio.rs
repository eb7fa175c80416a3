//! RTP of one call: a 20 ms sender and a receiver that remembers what it heard.

use crate::PhoneError;
use crate::meter::OVERLOAD_DBM0;
use crate::sdp::{Law, Remote};
use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::UdpSocket;

/// Samples in a packet: 20 ms at 8 kHz.
const BLOCK: usize = 160;
/// Most samples kept: ten minutes.
const KEEP: usize = 8000 * 600;
/// Packets of one digit: 100 ms of tone, then the end packet three times (RFC 4733 §2.5.1.4).
const DIGIT_PACKETS: u16 = 5;

/// What the sender puts into its packets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Source {
    /// Zero samples.
    Silence,
    /// A sine of `frequency` Hz at `dbm0`.
    Tone {
        /// Hz, 0-4000.
        frequency: f64,
        /// Level, at most +3.14.
        dbm0: f64,
    },
    /// Nothing is sent.
    Off,
}

/// What was heard so far.
#[derive(Debug, Clone, Default)]
pub struct AudioReport {
    /// Audio packets received.
    pub received: u64,
    /// Audio packets sent.
    pub sent: u64,
    /// Packets missing by sequence number.
    pub lost: u64,
    /// Packets that came after a later one.
    pub late: u64,
    /// Changes of SSRC seen.
    pub sources: u64,
    /// RFC 4733 digits, once each.
    pub digits: String,
    /// Payload types seen on audio packets, last one.
    pub payload_type: Option<u8>,
}

/// One call's audio.
#[derive(Debug, Clone)]
pub struct Audio {
    shared: Arc<Shared>,
    local: SocketAddr,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    stopped: tokio::sync::watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    remote: Option<Remote>,
    source: Source,
    phase: f64,
    digits_to_send: VecDeque<u8>,
    samples: Vec<i16>,
    report: AudioReport,
    expected: Option<(u32, u16)>,
    last_event: Option<u32>,
}

impl Audio {
    /// Binds an RTP socket on `ip` and starts both directions; nothing is sent until a remote is known.
    pub async fn open(ip: IpAddr) -> Result<Audio, PhoneError> {
        let socket = Arc::new(UdpSocket::bind(SocketAddr::new(ip, 0)).await?);
        let local = socket.local_addr()?;
        let (stopped, watch) = tokio::sync::watch::channel(false);
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                remote: None,
                source: Source::Silence,
                phase: 0.0,
                digits_to_send: VecDeque::new(),
                samples: Vec::new(),
                report: AudioReport::default(),
                expected: None,
                last_event: None,
            }),
            stopped,
        });
        tokio::spawn(run(socket, shared.clone(), watch));
        Ok(Audio { shared, local })
    }

    /// Own RTP address.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Where the other side wants its RTP, as its last description says; none before the first, and while it is to be
    /// sent nothing.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.state().remote.as_ref().map(|remote| remote.rtp)
    }

    pub(crate) fn set_remote(&self, remote: Option<Remote>) {
        self.state().remote = remote;
    }

    pub(crate) fn stop(&self) {
        self.shared.stopped.send_replace(true);
    }

    /// Changes what is sent from the next packet on.
    pub fn send(&self, source: Source) {
        self.state().source = source;
    }

    /// Queues digits (`0-9*#A-D`) to be sent as telephone events; others are ignored.
    pub fn send_digits(&self, digits: &str) {
        let codes = digits.bytes().filter_map(|d| match d {
            b'0'..=b'9' => Some(d - b'0'),
            b'*' => Some(10),
            b'#' => Some(11),
            b'A'..=b'D' => Some(d - b'A' + 12),
            _ => None,
        });
        self.state().digits_to_send.extend(codes);
    }

    /// Figures and digits so far.
    pub fn report(&self) -> AudioReport {
        self.state().report.clone()
    }

    /// The last `duration` of what was heard, or less when less was heard.
    pub fn last(&self, duration: Duration) -> Vec<i16> {
        let state = self.state();
        let wanted = (duration.as_millis() as usize * 8).min(state.samples.len());
        state.samples[state.samples.len() - wanted..].to_vec()
    }

    /// Everything heard.
    pub fn heard(&self) -> Vec<i16> {
        self.state().samples.clone()
    }

    /// Forgets samples and figures, so that what comes next is measured alone.
    pub fn forget(&self) {
        let mut state = self.state();
        state.samples.clear();
        state.report = AudioReport::default();
    }

    /// Waits until `condition` holds for the figures, at most `limit`.
    pub async fn wait(
        &self,
        limit: Duration,
        what: &'static str,
        condition: impl Fn(&AudioReport) -> bool,
    ) -> Result<AudioReport, PhoneError> {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let report = self.report();
            if condition(&report) {
                return Ok(report);
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(PhoneError::Late(what));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run(
    socket: Arc<UdpSocket>,
    shared: Arc<Shared>,
    mut stopped: tokio::sync::watch::Receiver<bool>,
) {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let mut header = Header {
        ssrc: rand::random(),
        sequence: rand::random(),
        timestamp: rand::random(),
    };
    let mut event: Option<Event> = None;
    let mut buffer = [0u8; 2048];
    loop {
        tokio::select! {
            _ = async { drop(stopped.wait_for(|s| *s).await) } => return,
            _ = tick.tick() => {
                let (packets, to) = next_packets(&shared, &mut header, &mut event);
                if let Some(to) = to {
                    for packet in packets {
                        // A refused datagram is the network's loss, not the phone's.
                        let _ = socket.send_to(&packet, to).await;
                    }
                }
            }
            received = socket.recv_from(&mut buffer) => {
                if let Ok((n, _)) = received {
                    hear(&shared, &buffer[..n]);
                }
            }
        }
    }
}

struct Header {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
}

struct Event {
    code: u8,
    packet: u16,
    started: u32,
}

impl Header {
    fn packet(
        &mut self,
        payload_type: u8,
        marker: bool,
        timestamp: u32,
        payload: &[u8],
    ) -> Vec<u8> {
        let mut packet = vec![0x80, payload_type | if marker { 0x80 } else { 0 }];
        packet.extend_from_slice(&self.sequence.to_be_bytes());
        packet.extend_from_slice(&timestamp.to_be_bytes());
        packet.extend_from_slice(&self.ssrc.to_be_bytes());
        packet.extend_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        packet
    }
}

fn next_packets(
    shared: &Shared,
    header: &mut Header,
    event: &mut Option<Event>,
) -> (Vec<Vec<u8>>, Option<SocketAddr>) {
    let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(remote) = state.remote.clone() else {
        return (Vec::new(), None);
    };
    let now = header.timestamp;
    header.timestamp = header.timestamp.wrapping_add(BLOCK as u32);
    if event.is_none()
        && let Some(code) = state.digits_to_send.pop_front()
    {
        *event = Some(Event {
            code,
            packet: 0,
            started: now,
        });
    }
    if let (Some(current), Some(pt)) = (event.as_mut(), remote.telephone_event) {
        current.packet += 1;
        let duration = current.packet * BLOCK as u16;
        let end = current.packet == DIGIT_PACKETS;
        let payload = |end: bool| {
            let [high, low] = duration.to_be_bytes();
            [current.code, if end { 0x80 | 10 } else { 10 }, high, low]
        };
        let mut packets =
            vec![header.packet(pt, current.packet == 1, current.started, &payload(end))];
        if end {
            packets.push(header.packet(pt, false, current.started, &payload(true)));
            packets.push(header.packet(pt, false, current.started, &payload(true)));
            *event = None;
        }
        return (packets, Some(remote.rtp));
    }
    let (frequency, amplitude) = match state.source {
        Source::Off => return (Vec::new(), None),
        Source::Silence => (0.0, 0.0),
        Source::Tone { frequency, dbm0 } => (
            frequency,
            32767.0 * 10f64.powf((dbm0 - OVERLOAD_DBM0) / 20.0),
        ),
    };
    let mut payload = [0u8; BLOCK];
    for byte in &mut payload {
        let sample = (amplitude * state.phase.sin()) as i16;
        state.phase =
            (state.phase + std::f64::consts::TAU * frequency / 8000.0) % std::f64::consts::TAU;
        *byte = match remote.law {
            Law::A | Law::G729 => encode_alaw(sample),
            Law::Mu => encode_ulaw(sample),
        };
    }
    state.report.sent += 1;
    let first = state.report.sent == 1;
    (
        vec![header.packet(remote.law.payload_type(), first, now, &payload)],
        Some(remote.rtp),
    )
}

fn hear(shared: &Shared, packet: &[u8]) {
    if packet.len() < 12 || packet[0] >> 6 != 2 {
        return;
    }
    let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
    let payload_type = packet[1] & 0x7f;
    let sequence = u16::from_be_bytes([packet[2], packet[3]]);
    let timestamp = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
    let ssrc = u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]);
    let payload = packet
        .get(12 + 4 * usize::from(packet[0] & 0x0f)..)
        .unwrap_or_default();
    match state.expected {
        Some((known, expected)) if known == ssrc => {
            let ahead = sequence.wrapping_sub(expected);
            if ahead < 0x8000 {
                state.report.lost += u64::from(ahead);
                state.expected = Some((ssrc, sequence.wrapping_add(1)));
            } else {
                state.report.late += 1;
                state.report.lost = state.report.lost.saturating_sub(1);
            }
        }
        _ => {
            state.report.sources += 1;
            state.expected = Some((ssrc, sequence.wrapping_add(1)));
        }
    }
    let decode: fn(u8) -> i16 = match payload_type {
        0 => decode_ulaw,
        8 | 18 => decode_alaw,
        _ => {
            // The end packet is sent three times with one timestamp; the digit counts once.
            if let &[code, flags, ..] = payload
                && flags & 0x80 != 0
                && state.last_event != Some(timestamp)
                && let Some(digit) = b"0123456789*#ABCD".get(usize::from(code))
            {
                state.last_event = Some(timestamp);
                state.report.digits.push(char::from(*digit));
            }
            return;
        }
    };
    state.report.received += 1;
    state.report.payload_type = Some(payload_type);
    if state.samples.len() + payload.len() <= KEEP {
        state.samples.extend(payload.iter().map(|b| decode(*b)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::Direction;

    #[tokio::test]
    async fn tones_and_digits_cross_between_two_sessions() {
        let ip = "127.0.0.1".parse().unwrap();
        let (a, b) = (
            Audio::open(ip).await.unwrap(),
            Audio::open(ip).await.unwrap(),
        );
        let towards = |to: &Audio| Remote {
            rtp: to.local(),
            law: Law::A,
            telephone_event: Some(101),
            direction: Direction::SendRecv,
        };
        a.set_remote(Some(towards(&b)));
        b.set_remote(Some(towards(&a)));
        a.send(Source::Tone {
            frequency: 700.0,
            dbm0: -10.0,
        });
        a.send_digits("12#");
        let limit = Duration::from_secs(10);
        let report = b
            .wait(limit, "50 packets and 3 digits", |r| {
                r.received >= 50 && r.digits == "12#"
            })
            .await
            .unwrap();
        assert_eq!(report.lost, 0);
        let heard = b.last(Duration::from_millis(500));
        assert!((crate::level_dbm0(&heard, 700.0) + 10.0).abs() < 0.5);
    }
}
