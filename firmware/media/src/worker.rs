//! A media thread: waits for packets, commands and the 20 ms tick, and serves them.

use std::collections::{HashMap, VecDeque};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, TimerSetTimeFlags};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};

use crate::MediaError;
use crate::channel::{Channels, Index, Kind};
use crate::command::{ChannelId, Command};
use crate::mailbox::Mailbox;
use crate::reactor::{Delivered, EVENTS, Event, Reactor, Unsent};
use crate::relay::Pace;
use crate::room::RoomState;
use crate::socket::{self, Inbox};
use crate::token::Token;

/// Time between ticks.
pub(crate) const TICK: Duration = Duration::from_millis(20);
/// Ticks made up for after a delay at most; more are left out.
const CATCH_UP: u64 = 5;
/// Sockets whose channels are asked of memory together: few enough that the first are still in the cache for the last.
const AHEAD: usize = 32;
/// Datagrams taken from a socket in one turn at most: a flooded port gets no more than any other.
const TURN: usize = 16;

/// The state of a media thread.
pub(crate) struct Worker {
    pub(crate) mailbox: Arc<Mailbox>,
    /// Commands being carried out.
    pub(crate) taken: Vec<Command>,
    pub(crate) reactor: Reactor,
    pub(crate) inbox: Inbox,
    timer: TimerFd,
    pub(crate) channels: Channels,
    pub(crate) index_of: HashMap<ChannelId, Index>,
    /// Channels on their way here from another thread, with the commands they missed.
    pub(crate) expected: HashMap<ChannelId, Vec<Command>>,
    /// Channels that could not be handed over yet because the other queue was full.
    pub(crate) departing: Vec<(Arc<Mailbox>, Command)>,
    /// Rooms of channels living here.
    pub(crate) rooms: Vec<RoomState>,
    /// Channels with something to do on every tick.
    pub(crate) clocked: Vec<Index>,
    /// Sockets that had more to read than one turn takes. They are told of no more before something else arrives.
    unfinished: VecDeque<Token>,
    pub(crate) ticks: u64,
    /// When the last tick was.
    pub(crate) beat: Instant,
    pub(crate) running: bool,
}

impl Worker {
    /// Called by the thread itself; `ring` says whether it uses io_uring.
    pub(crate) fn new(mailbox: Arc<Mailbox>, ring: bool) -> Result<Self, MediaError> {
        let (reactor, inbox) = Reactor::new(ring)
            .map_err(|error| MediaError::system("set up waiting for packets", error))?;
        let timer = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC,
        )
        .map_err(|error| MediaError::system("create a timer", error))?;
        let mut worker = Worker {
            mailbox,
            taken: Vec::new(),
            reactor,
            inbox,
            timer,
            channels: Channels::default(),
            index_of: HashMap::new(),
            expected: HashMap::new(),
            departing: Vec::new(),
            rooms: Vec::new(),
            clocked: Vec::new(),
            unfinished: VecDeque::with_capacity(EVENTS),
            ticks: 0,
            beat: Instant::now(),
            running: true,
        };
        let Worker {
            reactor,
            mailbox,
            timer,
            ..
        } = &mut worker;
        reactor
            .watch(mailbox.wake_descriptor().as_fd(), Token::Mailbox)
            .and_then(|()| reactor.watch(timer.as_fd(), Token::Tick))
            .map_err(|error| MediaError::system("watch a descriptor", error))?;
        Ok(worker)
    }

    /// The thread's main function.
    pub(crate) fn run(mut self) {
        request_real_time();
        // A periodic timer keeps its own beat: a late wake-up delays one tick, not all that follow.
        let beat = Expiration::Interval(TimeSpec::from_duration(TICK));
        if let Err(error) = self.timer.set(beat, TimerSetTimeFlags::empty()) {
            tracing::error!(%error, "media thread cannot start its timer and stops");
            return;
        }
        let mut events = VecDeque::with_capacity(EVENTS);
        while self.running {
            // Sockets that had more than one turn takes get their next after all others.
            let block = self.unfinished.is_empty();
            if let Err(error) = self.reactor.wait(block, &mut events) {
                tracing::error!(%error, "media thread cannot wait for packets and stops");
                return;
            }
            while let Some(unsent) = self.reactor.unsent() {
                self.note_unsent(unsent);
            }
            let unfinished = self.unfinished.len();
            self.serve_all(&mut events);
            for _ in 0..unfinished {
                if let Some(token) = self.unfinished.pop_front() {
                    let datagram = None;
                    self.serve_event(Event { token, datagram }, Instant::now());
                }
            }
        }
        let indices: Vec<Index> = self.index_of.values().copied().collect();
        for index in indices {
            self.close(index);
        }
    }

    /// Serves all that came: commands and the tick last, which may take channels away that packets came for.
    fn serve_all(&mut self, events: &mut VecDeque<Event>) {
        let (mut ticked, mut commanded) = (false, false);
        while !events.is_empty() {
            let few = events.len().min(AHEAD);
            let tokens = events.iter().take(few).map(|event| event.token);
            self.channels.prefetch(tokens.filter_map(Token::index));
            // One reading of the clock for packets that came together.
            let now = Instant::now();
            for event in events.drain(..few) {
                match event.token {
                    Token::Tick => ticked = true,
                    Token::Mailbox => commanded = true,
                    _ => self.serve_event(event, now),
                }
            }
        }
        if ticked {
            self.beat();
        }
        if commanded {
            self.obey();
        }
    }

    fn note_unsent(&mut self, unsent: Unsent) {
        if let Token::Rtp(index, generation) = unsent.sender
            && let Some(channel) = self.channels.of_generation(index, generation)
            && let Kind::Rtp(stream) = &mut channel.kind
        {
            stream.transmission.retract(unsent.payload);
        }
    }

    fn serve_event(&mut self, event: Event, now: Instant) {
        let token = event.token;
        let drained = match (token, event.datagram) {
            (Token::Rtp(index, generation), Some(delivered)) => {
                self.take(index, generation, delivered, now);
                true
            }
            (Token::Rtp(index, generation), None) => self.receive_rtp(index, generation, now),
            (Token::Rtcp(index, generation), _) => self.receive_rtcp(index, generation, now),
            (Token::Line(index, generation), _) => {
                self.follow_line(index, generation, now);
                true
            }
            (Token::Tick | Token::Mailbox, _) => true,
        };
        if !drained && !self.unfinished.contains(&token) {
            self.unfinished.push_back(token);
        }
    }

    fn beat(&mut self) {
        // Non-blocking; the number of expirations since the last read.
        let Some(due) = socket::read_count(self.timer.as_fd()) else {
            return;
        };
        self.take_commands();
        for _ in 0..due.min(CATCH_UP) {
            self.tick(Instant::now());
        }
    }

    /// Forwards what came to an RTP socket and was taken off it already.
    pub(crate) fn take(
        &mut self,
        index: Index,
        generation: u32,
        delivered: Delivered,
        now: Instant,
    ) {
        let received = self.inbox.open(delivered);
        // It may have come to one that had the place before.
        if self.channels.of_generation(index, generation).is_some() {
            let pace = self.relay(index, &received, now);
            self.channels.note(index, self.ticks as u32, pace);
        }
        self.inbox.give_back(received);
    }

    /// Receives and forwards what waits on an RTP socket; false when more may wait.
    fn receive_rtp(&mut self, index: Index, generation: u32, now: Instant) -> bool {
        for _ in 0..TURN {
            let Some(channel) = self.channels.of_generation(index, generation) else {
                return true;
            };
            let Kind::Rtp(stream) = &channel.kind else {
                return true;
            };
            let socket = stream.rtp_descriptor();
            let Some(received) = self.inbox.receive(socket, stream.only_source()) else {
                return true;
            };
            let pace = self.relay(index, &received, now);
            self.channels.note(index, self.ticks as u32, pace);
            // Whether another one waits is a system call to know, a tenth of what a packet costs. Behind one that came
            // when it was due there is none; should there be, the next one brings it along, or the second tick without
            // one does.
            if pace == Pace::Steady {
                return true;
            }
        }
        false
    }

    /// Receives and forwards what streams that came steadily until now may have left behind.
    pub(crate) fn receive_rests(&mut self) {
        if self.reactor.delivers() {
            return;
        }
        let (tick, mut from) = (self.ticks as u32, 0);
        while let Some(index) = self.channels.paused(from, tick) {
            self.receive_rest(index);
            from = index + 1;
        }
    }

    /// Receives and forwards all that waits on the RTP socket of a stream.
    pub(crate) fn receive_rest(&mut self, index: Index) {
        for _ in 0..TURN {
            let Some(channel) = self.channels.get_mut(index) else {
                return;
            };
            let Kind::Rtp(stream) = &mut channel.kind else {
                return;
            };
            let Some(received) = self.inbox.receive(stream.rtp_descriptor(), None) else {
                stream.was_emptied();
                return;
            };
            self.relay(index, &received, Instant::now());
        }
    }

    /// Receives the reports that wait; false when more may wait.
    fn receive_rtcp(&mut self, index: Index, generation: u32, now: Instant) -> bool {
        let Some(channel) = self.channels.of_generation(index, generation) else {
            return true;
        };
        let Kind::Rtp(stream) = &mut channel.kind else {
            return true;
        };
        for _ in 0..TURN {
            let Some(received) = self.inbox.receive(stream.rtcp_descriptor(), None) else {
                return true;
            };
            let datagram = self.inbox.octets(&received);
            stream.accept_report(datagram, received.source, now);
        }
        false
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.mailbox.close();
    }
}

/// Asks for real-time scheduling; without the right to it the thread runs as any other.
fn request_real_time() {
    let parameters = libc::sched_param { sched_priority: 10 };
    // SAFETY: the parameter block lives through the call; 0 is the calling thread.
    let refused = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameters) };
    if refused != 0 {
        tracing::debug!("media thread runs without real-time priority");
    }
}
