//! An E1 span in memory: what the gateway's driver sees at one end, an exchange in software has at the other.
//!
//! Each timeslot is a pair of sockets that keep blocks and frames apart, so that a span costs its thread the same system
//! calls as one of the kernel's. ISDN can run over it; signalling bits there are none.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};

use crate::dahdi::span::{SpanChannel, SpanConfig, SpanHardware};
use crate::dahdi::{ChannelEvent, DahdiError, Received, SpanCounters};

/// Timeslots of an E1 but for the one that frames.
const TIMESLOTS: u8 = 31;
/// The one that signals.
const D_CHANNEL: u8 = 16;
/// Room for the check sequence of a frame, which the kernel fills in.
const CHECK: usize = 2;
/// Longest frame with it.
const FRAME: usize = 512;

/// What both ends share.
#[derive(Debug, Default)]
struct Line {
    /// Alarm bits (`DAHDI_ALARM_*`).
    alarms: AtomicI32,
    /// The card is pulled out.
    gone: AtomicBool,
}

/// The gateway's end.
#[derive(Debug)]
pub struct SimulatedSpan {
    line: Arc<Line>,
    timeslots: Vec<Arc<OwnedFd>>,
}

/// The exchange's end.
#[derive(Debug)]
pub struct FarSpan {
    line: Arc<Line>,
    timeslots: Vec<OwnedFd>,
}

/// A timeslot that the gateway uses.
#[derive(Debug)]
pub struct SimulatedTimeslot {
    line: Arc<Line>,
    socket: Arc<OwnedFd>,
}

/// Both ends of a span.
///
/// # Errors
/// The system gives no more descriptors: a span takes 62.
pub fn simulated_span() -> io::Result<(SimulatedSpan, FarSpan)> {
    let line = Arc::new(Line::default());
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for _ in 0..TIMESLOTS {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        near.push(Arc::new(one));
        far.push(other);
    }
    let near = SimulatedSpan {
        line: line.clone(),
        timeslots: near,
    };
    let far = FarSpan {
        line,
        timeslots: far,
    };
    Ok((near, far))
}

fn refused(action: &str, errno: Errno) -> DahdiError {
    DahdiError::new(action, errno)
}

impl SpanHardware for SimulatedSpan {
    type Channel = SimulatedTimeslot;

    fn is_there(&self, _: &SpanConfig) -> bool {
        !self.line.gone.load(Ordering::Relaxed)
    }

    fn bring_up(&mut self, config: &SpanConfig) -> Result<(), DahdiError> {
        match self.is_there(config) {
            true => Ok(()),
            false => Err(refused("find the span", Errno::ENXIO)),
        }
    }

    fn timeslots(&self) -> u8 {
        TIMESLOTS
    }

    fn counters(&self) -> Result<SpanCounters, DahdiError> {
        if self.line.gone.load(Ordering::Relaxed) {
            return Err(refused("read the state of the span", Errno::ENXIO));
        }
        Ok(SpanCounters {
            alarms: self.line.alarms.load(Ordering::Relaxed),
            ..SpanCounters::default()
        })
    }

    fn open(&self, timeslot: u8) -> Result<SimulatedTimeslot, DahdiError> {
        let place = usize::from(timeslot).checked_sub(1);
        let socket = place.and_then(|place| self.timeslots.get(place));
        let socket = socket.ok_or_else(|| refused("use a timeslot", Errno::ENXIO))?;
        let opened = SimulatedTimeslot {
            line: self.line.clone(),
            socket: socket.clone(),
        };
        // What came while nobody had it open nobody has heard.
        while let Received::Octets(_) = opened.receive(&mut [0; FRAME]) {}
        Ok(opened)
    }
}

impl AsFd for SimulatedTimeslot {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl SpanChannel for SimulatedTimeslot {
    fn set_audio_mode(&self) -> Result<(), DahdiError> {
        Ok(())
    }

    fn carry_sound(&self, _: usize) -> Result<(), DahdiError> {
        Ok(())
    }

    fn set_echo_canceller(&self, _: bool) -> Result<(), DahdiError> {
        Err(refused("set the echo canceller", Errno::ENODEV))
    }

    fn carry_frames(&self) -> Result<(), DahdiError> {
        Ok(())
    }

    fn received_bits(&self) -> Result<u8, DahdiError> {
        Err(refused("read signalling bits", Errno::ENOSYS))
    }

    fn set_bits(&self, _: u8) -> Result<(), DahdiError> {
        Err(refused("set signalling bits", Errno::ENOSYS))
    }

    fn drop_unsent(&self) -> Result<(), DahdiError> {
        Ok(())
    }

    fn waiting_to_send(&self) -> Result<usize, DahdiError> {
        // Whoever is at the far end takes each block as it comes.
        Ok(0)
    }

    fn next_event(&self) -> Result<Option<ChannelEvent>, DahdiError> {
        let gone = self.line.gone.load(Ordering::Relaxed);
        Ok(gone.then_some(ChannelEvent::Removed))
    }

    fn receive(&self, octets: &mut [u8]) -> Received {
        if self.line.gone.load(Ordering::Relaxed) {
            return Received::Gone;
        }
        match recv(self.socket.as_raw_fd(), octets, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => Received::Gone,
            Ok(length) => Received::Octets(length),
            Err(Errno::EAGAIN | Errno::EINTR) => Received::Nothing,
            Err(_) => Received::Gone,
        }
    }

    fn transmit(&self, octets: &[u8]) -> Received {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        match send(self.socket.as_raw_fd(), octets, flags) {
            Ok(length) => Received::Octets(length),
            Err(Errno::EAGAIN | Errno::EINTR) => Received::Nothing,
            Err(_) => Received::Gone,
        }
    }
}

impl FarSpan {
    fn socket(&self, timeslot: u8) -> Option<&OwnedFd> {
        self.timeslots.get(usize::from(timeslot).checked_sub(1)?)
    }

    /// Puts these alarms (`DAHDI_ALARM_*`) on the line.
    pub fn set_alarms(&self, alarms: i32) {
        self.line.alarms.store(alarms, Ordering::Relaxed);
    }

    /// Pulls the gateway's card out, or puts it back.
    pub fn set_gone(&self, gone: bool) {
        self.line.gone.store(gone, Ordering::Relaxed);
    }

    /// Sends a block of sound; false when the gateway has not taken those before.
    pub fn say(&self, timeslot: u8, block: &[u8]) -> bool {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        self.socket(timeslot)
            .is_some_and(|socket| send(socket.as_raw_fd(), block, flags).is_ok())
    }

    /// The next block of sound; how long it is, none when there is none.
    pub fn hear(&self, timeslot: u8, block: &mut [u8]) -> Option<usize> {
        let socket = self.socket(timeslot)?;
        recv(socket.as_raw_fd(), block, MsgFlags::MSG_DONTWAIT)
            .ok()
            .filter(|length| *length > 0)
    }

    /// Sends a frame on the D channel, without check sequence; false when the gateway has not taken those before.
    pub fn send_frame(&self, frame: &[u8]) -> bool {
        let mut octets = frame.to_vec();
        octets.extend([0; CHECK]);
        self.say(D_CHANNEL, &octets)
    }

    /// The next frame of the D channel, without check sequence.
    pub fn receive_frame(&self) -> Option<Vec<u8>> {
        let mut octets = [0; FRAME];
        let length = self.hear(D_CHANNEL, &mut octets)?.checked_sub(CHECK)?;
        octets.get(..length).map(<[u8]>::to_vec)
    }

    /// The descriptor of a timeslot, readable when a block waits.
    pub fn timeslot(&self, timeslot: u8) -> Option<BorrowedFd<'_>> {
        self.socket(timeslot).map(AsFd::as_fd)
    }

    /// The descriptor of the D channel, readable when a frame waits.
    pub fn d_channel(&self) -> Option<BorrowedFd<'_>> {
        self.socket(D_CHANNEL).map(AsFd::as_fd)
    }
}
