//! RTP both ways on many calls: paced, sequenced, and timed from send to receive.

use std::error::Error;
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, TimerSetTimeFlags};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};
use serde::Serialize;

use crate::srtp::{Srtp, TAG};

/// Octets of an RTP packet with 20 ms of G.711.
const PACKET: usize = 12 + 160;
/// Groups the legs are spread over, so that packets leave every millisecond.
const SLOTS: usize = 20;
const SLOT_TIME: Duration = Duration::from_millis(1);
/// After the last packet was sent, late ones are waited for so long.
const LINGER: Duration = Duration::from_millis(500);
/// Latencies are counted in steps of 10 us up to 1 s.
const STEP: Duration = Duration::from_micros(10);
const STEPS: usize = 100_000;

/// What a leg sends, and what it takes for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// A-law that says when it was sent, and comes out as it went in: only such packets of this run count.
    Traced,
    /// The same, encrypted.
    Sealed,
    /// A packet every 20 ms with this payload type; whatever comes counts.
    Plain(u8),
    /// Nothing; a packet is expected every 20 ms.
    Silent,
}

/// One end of a call.
pub struct Leg {
    pub voice: Voice,
    socket: UdpSocket,
    target: Option<SocketAddr>,
    ssrc: u32,
    sequence: u16,
    srtp: Srtp,
    /// Sequence number of the last packet received, and how often it has begun anew.
    heard: (u16, u32),
    /// How often the sequence sent has.
    rollovers: u32,
}

impl Leg {
    /// A leg on a free port of 127.0.0.1.
    pub fn open(ssrc: u32) -> io::Result<Leg> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        Ok(Leg {
            voice: Voice::Traced,
            socket,
            target: None,
            ssrc,
            sequence: ssrc as u16,
            srtp: Srtp::new().ok_or_else(|| io::Error::other("no SRTP"))?,
            heard: (0, 0),
            rollovers: 0,
        })
    }

    /// The port it sends from and receives on.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    /// Where it sends to.
    pub fn target(&self) -> Option<SocketAddr> {
        self.target
    }

    /// The socket it sends from, for others to send from as well.
    pub fn socket(&self) -> io::Result<UdpSocket> {
        self.socket.try_clone()
    }

    /// Sends to this port of 127.0.0.1 from now on.
    pub fn aim(&mut self, port: u16) {
        self.target = Some((Ipv4Addr::LOCALHOST, port).into());
    }

    fn send(&mut self, run: u64, now: Duration) -> io::Result<()> {
        let Some(target) = self.target else {
            return Ok(());
        };
        let mut packet = [0xD5u8; PACKET + TAG];
        let timestamp = u32::from(self.sequence).wrapping_mul(160);
        let payload_type = match self.voice {
            Voice::Traced | Voice::Sealed => 8,
            Voice::Plain(payload_type) => payload_type,
            Voice::Silent => return Ok(()),
        };
        packet[..2].copy_from_slice(&[0x80, payload_type]);
        packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        packet[12..20].copy_from_slice(&run.to_be_bytes());
        packet[20..28].copy_from_slice(&(now.as_nanos() as u64).to_be_bytes());
        let rollovers = self.rollovers;
        self.sequence = self.sequence.wrapping_add(1);
        self.rollovers += u32::from(self.sequence == 0);
        let length = match self.voice {
            Voice::Sealed => {
                self.srtp.seal(&mut packet, rollovers);
                packet.len()
            }
            _ => PACKET,
        };
        self.socket.send_to(&packet[..length], target).map(|_| ())
    }
}

impl Leg {
    /// Takes a packet of `run`; the answer is how long it was on its way, zero where that is not known.
    fn receive(&mut self, run: u64) -> Option<Duration> {
        let mut buffer = [0u8; PACKET + TAG + 1];
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let mut control = nix::cmsg_space!(TimeSpec);
        // An error is an ICMP message about a gateway that is not there; the loss shows it.
        let message = recvmsg::<()>(
            self.socket.as_raw_fd(),
            &mut slices,
            Some(&mut control),
            MsgFlags::MSG_DONTWAIT,
        )
        .ok()?;
        let arrived = message.cmsgs().ok()?.find_map(|control| match control {
            ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
            _ => None,
        })?;
        let mut length = message.bytes;
        match self.voice {
            Voice::Traced => {}
            Voice::Sealed => {
                let packet = buffer.get_mut(..length)?;
                let sequence = u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]);
                let (last, rollovers) = self.heard;
                let begun = u32::from(sequence < 0x4000 && last > 0xC000);
                self.heard = (sequence, rollovers + begun);
                if !self.srtp.open(packet, self.heard.1) {
                    return None;
                }
                length -= TAG;
            }
            Voice::Plain(_) | Voice::Silent => return Some(Duration::ZERO),
        }
        if length != PACKET || buffer[12..20] != run.to_be_bytes() {
            return None;
        }
        let mut sent_at = [0u8; 8];
        sent_at.copy_from_slice(&buffer[20..28]);
        Some(arrived.saturating_sub(Duration::from_nanos(u64::from_be_bytes(sent_at))))
    }
}

/// What became of the packets.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Packets sent by all legs.
    pub sent: u64,
    /// Packets of this run received by all legs.
    pub received: u64,
    /// Share of packets that never came.
    pub loss: f64,
    /// Median time from send to receive, in microseconds.
    pub p50_us: f64,
    /// 99th percentile of it.
    pub p99_us: f64,
    /// The longest.
    pub max_us: f64,
    /// How long packets were sent, in seconds.
    pub seconds: f64,
}

struct Histogram {
    counts: Vec<u32>,
    total: u64,
    longest: Duration,
}

impl Histogram {
    fn new() -> Self {
        Histogram {
            counts: vec![0; STEPS + 1],
            total: 0,
            longest: Duration::ZERO,
        }
    }

    fn add(&mut self, latency: Duration) {
        let step = (latency.as_nanos() / STEP.as_nanos()) as usize;
        self.counts[step.min(STEPS)] += 1;
        self.total += 1;
        self.longest = self.longest.max(latency);
    }

    fn percentile(&self, part: f64) -> f64 {
        let wanted = (self.total as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (step, &count) in self.counts.iter().enumerate() {
            seen += u64::from(count);
            if seen >= wanted {
                return (step as f64 + 0.5) * STEP.as_secs_f64() * 1e6;
            }
        }
        self.longest.as_secs_f64() * 1e6
    }
}

/// Sends a packet every 20 ms on every leg for `lasting`, after a tenth of that time for settling, and
/// receives what comes. `measure` is called at both ends of the measured time.
pub fn run(
    legs: &mut [Leg],
    lasting: Duration,
    mut measure: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<Outcome, Box<dyn Error>> {
    let mut load = Load::new(legs)?;
    load.stretch(lasting / 10)?;
    measure()?;
    let outcome = load.stretch(lasting)?;
    measure()?;
    Ok(outcome)
}

/// Legs in use.
pub struct Load<'a> {
    legs: &'a mut [Leg],
    epoll: Epoll,
    timer: TimerFd,
    /// Tells the packets of this stretch from late ones of an earlier one.
    run: u64,
    /// Packets sent in this stretch, and how long it lasted so far.
    sent: u64,
    lasted: Duration,
    histogram: Histogram,
}

impl<'a> Load<'a> {
    pub fn new(legs: &'a mut [Leg]) -> Result<Self, Box<dyn Error>> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (index, leg) in legs.iter().enumerate() {
            epoll.add(
                &leg.socket,
                EpollEvent::new(EpollFlags::EPOLLIN, index as u64),
            )?;
        }
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::empty())?;
        let beat = Expiration::Interval(TimeSpec::from_duration(SLOT_TIME));
        timer.set(beat, TimerSetTimeFlags::empty())?;
        Ok(Load {
            legs,
            epoll,
            timer,
            run: 0,
            sent: 0,
            lasted: Duration::ZERO,
            histogram: Histogram::new(),
        })
    }

    fn stretch(&mut self, lasting: Duration) -> Result<Outcome, Box<dyn Error>> {
        self.begin();
        self.go_on(lasting)?;
        self.linger(LINGER)?;
        Ok(self.outcome())
    }

    /// Begins to count anew.
    pub fn begin(&mut self) {
        self.run = rand::random();
        self.sent = 0;
        self.lasted = Duration::ZERO;
        self.histogram = Histogram::new();
    }

    /// Throws away what came meanwhile.
    pub fn discard(&mut self) -> Result<(), Box<dyn Error>> {
        let counted = std::mem::replace(&mut self.histogram, Histogram::new());
        let received = self.receive();
        self.histogram = counted;
        received
    }

    /// Sends and receives for so long.
    pub fn go_on(&mut self, lasting: Duration) -> Result<(), Box<dyn Error>> {
        let start = Instant::now();
        let slots = (lasting.as_nanos() / SLOT_TIME.as_nanos()) as usize;
        let mut slot = 0;
        while slot < slots {
            self.wait()?;
            self.receive()?;
            let due = (start.elapsed().as_nanos() / SLOT_TIME.as_nanos()) as usize;
            while slot < due.min(slots) {
                for leg in self.legs.iter_mut().skip(slot % SLOTS).step_by(SLOTS) {
                    leg.send(self.run, since_epoch())?;
                    self.sent += 1;
                }
                slot += 1;
            }
        }
        self.lasted += start.elapsed();
        Ok(())
    }

    /// Waits for late packets.
    pub fn linger(&mut self, patience: Duration) -> Result<(), Box<dyn Error>> {
        let end = Instant::now();
        while self.histogram.total < self.sent && end.elapsed() < patience {
            self.wait()?;
            self.receive()?;
        }
        Ok(())
    }

    /// What became of the packets since [`Self::begin`].
    pub fn outcome(&self) -> Outcome {
        let (sent, received) = (self.sent, self.histogram.total);
        Outcome {
            sent,
            received,
            loss: 1.0 - received as f64 / sent.max(1) as f64,
            p50_us: self.histogram.percentile(0.5),
            p99_us: self.histogram.percentile(0.99),
            max_us: self.histogram.longest.as_secs_f64() * 1e6,
            seconds: self.lasted.as_secs_f64(),
        }
    }

    /// Waits for the next slot.
    fn wait(&self) -> Result<(), Errno> {
        match self.timer.wait() {
            Err(Errno::EINTR) => Ok(()),
            other => other,
        }
    }

    /// Takes every packet that came. They are timed by the kernel when they arrive, so that nobody has
    /// to wait for them: waking a waiting generator would be paid for by the relay that is measured.
    fn receive(&mut self) -> Result<(), Box<dyn Error>> {
        let mut events = [EpollEvent::empty(); 256];
        loop {
            let ready = self.epoll.wait(&mut events, EpollTimeout::ZERO)?;
            for event in events.iter().take(ready) {
                if let Some(leg) = self.legs.get_mut(event.data() as usize)
                    && let Some(latency) = leg.receive(self.run)
                {
                    self.histogram.add(latency);
                }
            }
            if ready == 0 {
                return Ok(());
            }
        }
    }
}

/// The wall clock, which is also the clock of receive timestamps.
fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
