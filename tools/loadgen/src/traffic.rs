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
        })
    }

    /// The port it sends from and receives on.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    /// Sends to this port of 127.0.0.1 from now on.
    pub fn aim(&mut self, port: u16) {
        self.target = Some((Ipv4Addr::LOCALHOST, port).into());
    }

    fn send(&mut self, run: u64, now: Duration) -> io::Result<()> {
        let Some(target) = self.target else {
            return Ok(());
        };
        let mut packet = [0xD5u8; PACKET];
        let timestamp = u32::from(self.sequence).wrapping_mul(160);
        let payload_type = match self.voice {
            Voice::Traced => 8,
            Voice::Plain(payload_type) => payload_type,
            Voice::Silent => return Ok(()),
        };
        packet[..2].copy_from_slice(&[0x80, payload_type]);
        packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        packet[12..20].copy_from_slice(&run.to_be_bytes());
        packet[20..28].copy_from_slice(&(now.as_nanos() as u64).to_be_bytes());
        self.sequence = self.sequence.wrapping_add(1);
        self.socket.send_to(&packet, target).map(|_| ())
    }
}

impl Leg {
    /// Takes a packet of `run`; the answer is how long it was on its way, zero where that is not known.
    fn receive(&self, run: u64) -> Option<Duration> {
        let mut buffer = [0u8; PACKET + 1];
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
        if self.voice != Voice::Traced {
            return Some(Duration::ZERO);
        }
        if message.bytes != PACKET || buffer[12..20] != run.to_be_bytes() {
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

struct Load<'a> {
    legs: &'a mut [Leg],
    epoll: Epoll,
    timer: TimerFd,
    /// Tells the packets of this stretch from late ones of an earlier one.
    run: u64,
    start: Instant,
    histogram: Histogram,
}

impl<'a> Load<'a> {
    fn new(legs: &'a mut [Leg]) -> Result<Self, Box<dyn Error>> {
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
        let (start, histogram) = (Instant::now(), Histogram::new());
        Ok(Load {
            legs,
            epoll,
            timer,
            run: 0,
            start,
            histogram,
        })
    }

    fn stretch(&mut self, lasting: Duration) -> Result<Outcome, Box<dyn Error>> {
        self.run = rand::random();
        self.start = Instant::now();
        self.histogram = Histogram::new();
        let slots = (lasting.as_nanos() / SLOT_TIME.as_nanos()) as usize;
        let (mut slot, mut sent) = (0, 0u64);
        while slot < slots {
            self.wait()?;
            self.receive()?;
            let due = (self.start.elapsed().as_nanos() / SLOT_TIME.as_nanos()) as usize;
            while slot < due.min(slots) {
                for leg in self.legs.iter_mut().skip(slot % SLOTS).step_by(SLOTS) {
                    leg.send(self.run, since_epoch())?;
                    sent += 1;
                }
                slot += 1;
            }
        }
        let seconds = self.start.elapsed().as_secs_f64();
        let end = Instant::now();
        while self.histogram.total < sent && end.elapsed() < LINGER {
            self.wait()?;
            self.receive()?;
        }
        let received = self.histogram.total;
        Ok(Outcome {
            sent,
            received,
            loss: 1.0 - received as f64 / sent.max(1) as f64,
            p50_us: self.histogram.percentile(0.5),
            p99_us: self.histogram.percentile(0.99),
            max_us: self.histogram.longest.as_secs_f64() * 1e6,
            seconds,
        })
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
                if let Some(leg) = self.legs.get(event.data() as usize)
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
