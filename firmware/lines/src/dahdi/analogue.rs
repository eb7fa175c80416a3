//! Analogue ports of cards: FXO and FXS modules, each a [`Port`](crate::Port) run by [`crate::analogue`].
//!
//! One thread serves them all. A channel's blocks of sound are its clock; a card that is pulled out leaves its ports in
//! place, in fault, and they work again when it is back.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use ramal_analog::{HardwareCommand, HardwareEvent, HookSignal, Polarity};
use ramal_dsp::{FRAME_SAMPLES, Law};
use ramal_model::{Country, FxoSettings, FxsSettings};

use super::setup::{SpanSetup, SpanUse, configure};
use super::{ChannelDevice, ChannelEvent, Control, DahdiError, Hook, Received};
use crate::analogue::{ANSWER, BLOCK, HardwareFeatures, LineDescription, LineProcessor};
use crate::{Driver, LineError, Port, PortKind, PortNames, PortStatus};

/// In the number under which a line is watched: its call has answered.
const ANSWERED: u64 = 1 << 32;
/// How often a card that is gone is looked for.
const RETURN: Duration = Duration::from_secs(1);
/// Blocks given to the kernel before the first comes back.
const LEAD: usize = 2;
/// Events that the kernel keeps of a channel; more are lost (`DAHDI_MAX_EVENTSIZE` is 64, one place stays empty).
const QUEUE: usize = 63;
/// After the feed of a telephone was cut the kernel takes no notice of it for 0.8 s (`DAHDI_KEWLTIME` and
/// `DAHDI_AFTERKEWLTIME`): one that is put down then is never told of.
const DEAF: Duration = Duration::from_secs(1);
/// Ringing voltage until it is taken away: the cadence is not the kernel's business. Milliseconds on and off.
const RING_UNTIL_TOLD: [i32; 2] = [3_600_000, 1];

/// A span of analogue modules and which of its places hold what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnalogueSpan {
    /// The driver's name of the span.
    pub device: String,
    /// The module in each place.
    pub modules: Vec<Option<PortKind>>,
}

/// The analogue ports of all cards.
pub struct DahdiLines {
    ports: Vec<Port>,
    status: Arc<Mutex<Vec<PortStatus>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl DahdiLines {
    /// The spans of this machine whose channels are analogue modules. A channel that could be either end (of a channel
    /// bank) is none until somebody says which.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn find() -> Result<Vec<AnalogueSpan>, DahdiError> {
        let spans =
            super::spans().map_err(|error| DahdiError::from_io("list the spans", &error))?;
        if spans.is_empty() {
            return Ok(Vec::new());
        }
        let control = Control::open()?;
        let mut found = Vec::new();
        for span in spans {
            let mut modules = Vec::new();
            for channel in &span.channels {
                modules.push(super::setup::port_kind(
                    control.channel(channel.number)?.capabilities,
                ));
            }
            if modules.iter().any(Option::is_some) {
                found.push(AnalogueSpan {
                    device: span.name,
                    modules,
                });
            }
        }
        Ok(found)
    }

    /// Starts the thread of these spans. Ports get the country's tones and signalling.
    ///
    /// # Errors
    /// The system gives no thread or no descriptor. A span that cannot be used is no error: its ports are in fault.
    pub fn start(
        spans: &[AnalogueSpan],
        country: Country,
        names: &mut PortNames,
    ) -> Result<Self, LineError> {
        let refused = |error: nix::Error| LineError::Start(format!("no epoll: {error}"));
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(refused)?;
        let (mut ports, mut lines) = (Vec::new(), Vec::new());
        for span in spans {
            for (place, kind) in span.modules.iter().enumerate() {
                let Some(kind) = *kind else { continue };
                let (id, name) = names.next(kind);
                let description = LineDescription {
                    id,
                    name,
                    number: String::new(),
                    law: Law::A,
                };
                let features = HardwareFeatures {
                    buffered: LEAD - 1,
                    ..HardwareFeatures::default()
                };
                let (port, processor) = match kind {
                    PortKind::Fxo => {
                        let settings = FxoSettings {
                            country,
                            ..FxoSettings::default()
                        };
                        LineProcessor::fxo(description, features, &settings)
                    }
                    PortKind::Fxs => {
                        let settings = FxsSettings {
                            country,
                            ..FxsSettings::default()
                        };
                        LineProcessor::fxs(description, features, &settings)
                    }
                };
                ports.push(port);
                lines.push(Line {
                    span: span.clone(),
                    place,
                    kind,
                    processor,
                    device: None,
                    echo_asked: false,
                    polarity: Polarity::Normal,
                    next_try: Instant::now(),
                    last_block: Instant::now(),
                    owed: false,
                    look_at: None,
                    told: None,
                });
            }
        }
        // A port that is given out works, if it can.
        for (index, line) in lines.iter_mut().enumerate() {
            line.watch_answers(&epoll, index);
            line.go_on_without_card(&epoll, index, Instant::now());
        }
        let shown = lines
            .iter()
            .map(|line| line.processor.status().clone())
            .collect();
        let status = Arc::new(Mutex::new(shown));
        let stop = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            epoll,
            lines,
            status: status.clone(),
            stop: stop.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("analogue lines".to_owned())
            .spawn(move || worker.run())
            .map_err(|error| LineError::Start(error.to_string()))?;
        Ok(Self {
            ports,
            status,
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for DahdiLines {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the analogue lines has panicked");
        }
    }
}

impl Driver for DahdiLines {
    fn name(&self) -> &'static str {
        "analogue cards (DAHDI)"
    }

    fn take_ports(&mut self) -> Vec<Port> {
        std::mem::take(&mut self.ports)
    }

    fn status(&self) -> Vec<PortStatus> {
        self.status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

struct Line {
    span: AnalogueSpan,
    /// Its place in the span, from 0.
    place: usize,
    kind: PortKind,
    processor: LineProcessor,
    /// None while the card is gone.
    device: Option<ChannelDevice>,
    /// Whether the card was asked to take out the echo.
    echo_asked: bool,
    polarity: Polarity,
    next_try: Instant,
    last_block: Instant,
    /// The last block was heard, and the line was not sent its own yet: the call is about to give it.
    owed: bool,
    /// When the hook is to be looked at.
    look_at: Option<Instant>,
    /// Why it cannot be used, as it was told last.
    told: Option<DahdiError>,
}

struct Worker {
    epoll: Epoll,
    lines: Vec<Line>,
    status: Arc<Mutex<Vec<PortStatus>>>,
    stop: Arc<AtomicBool>,
}

impl Worker {
    fn run(mut self) {
        crate::real_time::request();
        while !self.stop.load(Ordering::Acquire) {
            let owed = self.lines.iter().any(|line| line.owed);
            let limit = if owed { ANSWER } else { BLOCK };
            let limit = EpollTimeout::try_from(limit).unwrap_or(EpollTimeout::ZERO);
            let mut events = [EpollEvent::empty(); 64];
            // An interrupted wait is a short one.
            let ready = self.epoll.wait(&mut events, limit).unwrap_or(0);
            for event in events.iter().take(ready) {
                let index = usize::try_from(event.data() & !ANSWERED).unwrap_or(usize::MAX);
                let Some(line) = self.lines.get_mut(index) else {
                    continue;
                };
                if event.data() & ANSWERED == 0 {
                    line.serve();
                } else {
                    line.pay(false);
                }
            }
            let now = Instant::now();
            for (index, line) in self.lines.iter_mut().enumerate() {
                line.pay(now.saturating_duration_since(line.last_block) >= ANSWER);
                line.go_on_without_card(&self.epoll, index, now);
            }
            let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
            for (shown, line) in status.iter_mut().zip(&self.lines) {
                if shown != line.processor.status() {
                    shown.clone_from(line.processor.status());
                }
            }
        }
    }
}

impl Line {
    /// Has `epoll` tell when the call has answered.
    fn watch_answers(&self, epoll: &Epoll, index: usize) {
        let Some(answers) = self.processor.answers() else {
            return;
        };
        let token = u64::try_from(index).unwrap_or(u64::MAX) | ANSWERED;
        let interest = EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, token);
        if let Err(error) = epoll.add(answers, interest) {
            tracing::warn!(%error, "the sound of an analogue line is sent late");
        }
    }

    /// What the line is sent next.
    fn say(&mut self) -> [u8; FRAME_SAMPLES] {
        let (mut answer, mut octets) = ([0; FRAME_SAMPLES], [0; FRAME_SAMPLES]);
        self.processor.say(&mut answer);
        Law::A.encode(&answer, &mut octets);
        self.obey();
        octets
    }

    /// Sends the line what it is owed, if the call has given it or has had its time.
    fn pay(&mut self, its_time: bool) {
        if self.owed && (its_time || !self.processor.awaits_answer()) {
            self.owed = false;
            let octets = self.say();
            self.transmit(&octets);
        }
    }

    /// Carries the sound and events that wait. After a turn in which many blocks had come the kernel has run out of what was
    /// given to it, and more than `LEAD` blocks for it would stay delay for good.
    fn serve(&mut self) {
        let mut octets = [0; FRAME_SAMPLES];
        let (mut answers, mut count) = ([[0; FRAME_SAMPLES]; LEAD], 0);
        loop {
            let Some(device) = &self.device else { return };
            match device.receive(&mut octets) {
                Received::Octets(length) if length == FRAME_SAMPLES => {
                    if count == 0 {
                        self.pay(true);
                    } else if let Some(place) = answers.get_mut((count - 1) % LEAD) {
                        *place = self.say();
                    }
                    let mut samples = [0; FRAME_SAMPLES];
                    Law::A.decode(&octets, &mut samples);
                    self.processor.hear(&samples);
                    self.last_block = Instant::now();
                    self.owed = true;
                    count += 1;
                    self.obey();
                    self.settle_echo();
                    if self.look_at.is_some_and(|at| at <= self.last_block) {
                        self.look_at = None;
                        self.look();
                    }
                }
                Received::Octets(_) => {}
                Received::Nothing => {
                    // The last one is sent when the call has answered.
                    for number in count.saturating_sub(LEAD)..count.saturating_sub(1) {
                        if let Some(answer) = answers.get(number % LEAD) {
                            self.transmit(answer);
                        }
                    }
                    self.pay(count > 1);
                    self.drain();
                    return;
                }
                Received::Event => self.drain(),
                Received::Gone => self.lose(),
            }
        }
    }

    fn transmit(&mut self, answer: &[u8; FRAME_SAMPLES]) {
        if let Some(device) = &self.device
            && device.transmit(answer) == Received::Event
        {
            // Nothing was taken: the event comes first.
            self.drain();
            if let Some(device) = &self.device {
                device.transmit(answer);
            }
        }
    }

    /// Fetches all events.
    fn drain(&mut self) {
        let mut fetched = 0;
        loop {
            let Some(device) = &self.device else { return };
            match device.next_event() {
                Ok(Some(ChannelEvent::Removed)) => return self.lose(),
                Ok(Some(event)) => {
                    fetched += 1;
                    self.notice(event);
                }
                Ok(None) if fetched >= QUEUE => return self.look(),
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "an analogue line");
                    return self.lose();
                }
            }
        }
    }

    /// Looks at the hook itself: what came last may be lost.
    fn look(&mut self) {
        let Some(device) = self.device.as_ref().filter(|_| self.kind == PortKind::Fxs) else {
            return;
        };
        match device.is_off_hook() {
            Ok(true) => self.notice(ChannelEvent::RingOffHook),
            Ok(false) => self.notice(ChannelEvent::OnHook),
            Err(error) => {
                tracing::warn!(%error, "an analogue line");
                self.lose();
            }
        }
    }

    fn notice(&mut self, event: ChannelEvent) {
        let hook = |signal| Some(HardwareEvent::Hook(signal));
        let noticed = match (self.kind, event) {
            (PortKind::Fxo, ChannelEvent::RingBegin) => Some(HardwareEvent::Ringing(true)),
            (PortKind::Fxo, ChannelEvent::RingOffHook) => Some(HardwareEvent::Ringing(false)),
            (PortKind::Fxo, ChannelEvent::OnHook) => Some(HardwareEvent::LoopCurrent(false)),
            (PortKind::Fxo, ChannelEvent::Polarity) => {
                self.polarity = match self.polarity {
                    Polarity::Normal => Polarity::Reversed,
                    Polarity::Reversed => Polarity::Normal,
                };
                Some(HardwareEvent::Polarity(self.polarity))
            }
            // Modules say so when nothing is plugged in.
            (PortKind::Fxo, ChannelEvent::Alarm) => Some(HardwareEvent::Battery(false)),
            (PortKind::Fxo, ChannelEvent::AlarmClear) => Some(HardwareEvent::Battery(true)),
            (PortKind::Fxs, ChannelEvent::RingOffHook) => {
                // Ringing ends and the telephone is fed.
                self.set_hook(Hook::OffHook);
                hook(HookSignal::OffHook)
            }
            (PortKind::Fxs, ChannelEvent::OnHook) => {
                self.set_hook(Hook::OnHook);
                hook(HookSignal::OnHook)
            }
            (PortKind::Fxs, ChannelEvent::Flash) => hook(HookSignal::Flash),
            (PortKind::Fxs, ChannelEvent::PulseDigit(digit)) => hook(HookSignal::PulseDigit(digit)),
            (PortKind::Fxs, ChannelEvent::Alarm) => Some(HardwareEvent::Alarm(true)),
            (PortKind::Fxs, ChannelEvent::AlarmClear) => Some(HardwareEvent::Alarm(false)),
            (_, event) => {
                tracing::trace!(?event, "an analogue line");
                None
            }
        };
        if let Some(noticed) = noticed {
            let after = self.last_block.elapsed();
            self.processor.hardware(noticed, after);
        }
    }

    /// Carries out what the signalling wants of the hardware.
    fn obey(&mut self) {
        while let Some(command) = self.processor.next_command() {
            let Some(device) = &self.device else { continue };
            let done = match command {
                HardwareCommand::Loop(true) => device.set_hook(Hook::OffHook),
                HardwareCommand::Loop(false) => device.set_hook(Hook::OnHook),
                HardwareCommand::Ring(true) => device.set_hook(Hook::Ring),
                HardwareCommand::Ring(false) => device.set_hook(Hook::RingOff),
                HardwareCommand::Polarity(polarity) => {
                    device.set_polarity(polarity == Polarity::Reversed)
                }
                // The kernel takes the battery away for a while and brings it back by itself.
                HardwareCommand::Battery(false) => {
                    self.look_at = Some(Instant::now() + DEAF);
                    device.set_hook(Hook::OnHook)
                }
                HardwareCommand::Battery(true) => Ok(()),
                HardwareCommand::OnHookTransmission(time) => {
                    device.transmit_on_hook(i32::try_from(time.as_millis()).unwrap_or(i32::MAX))
                }
            };
            if command == HardwareCommand::Loop(true) && done.is_ok() {
                // Cards tell only that the current has stopped.
                self.processor
                    .hardware(HardwareEvent::LoopCurrent(true), Duration::ZERO);
            }
            if let Err(error) = done {
                // Modules without polarity or on-hook transmission say so each time.
                tracing::debug!(%error, ?command, "a module does not do this");
            }
        }
    }

    /// Has the card take out the echo as the settings say; what it cannot is done here.
    fn settle_echo(&mut self) {
        let wanted = self.processor.wants_echo_canceller();
        let Some(device) = self.device.as_ref().filter(|_| wanted != self.echo_asked) else {
            return;
        };
        self.echo_asked = wanted;
        let done = device.set_echo_canceller(wanted);
        if let Err(error) = &done {
            tracing::debug!(%error, "a module's echo canceller");
        }
        self.processor.set_echo_by_hardware(wanted && done.is_ok());
    }

    fn set_hook(&self, hook: Hook) {
        if let Some(device) = &self.device
            && let Err(error) = device.set_hook(hook)
        {
            tracing::debug!(%error, "a module's hook");
        }
    }

    /// The card is gone.
    fn lose(&mut self) {
        self.device = None;
        self.owed = false;
        self.echo_asked = false;
        self.processor.set_echo_by_hardware(false);
        self.next_try = Instant::now() + RETURN;
        self.processor
            .hardware(HardwareEvent::Alarm(true), Duration::ZERO);
    }

    /// Keeps time for a port without a card, and looks whether that is back.
    fn go_on_without_card(&mut self, epoll: &Epoll, index: usize, now: Instant) {
        if self.device.is_some() {
            return;
        }
        while now.saturating_duration_since(self.last_block) >= BLOCK {
            self.last_block += BLOCK;
            self.processor
                .block(&[0; FRAME_SAMPLES], &mut [0; FRAME_SAMPLES]);
            self.obey();
        }
        if now < self.next_try {
            return;
        }
        self.next_try = now + RETURN;
        match self.open(epoll, index) {
            Ok(device) => {
                self.device = Some(device);
                self.told = None;
                self.polarity = Polarity::Normal;
                self.processor
                    .hardware(HardwareEvent::Alarm(false), Duration::ZERO);
            }
            Err(error) => {
                // It is tried every second, and told when there is something new.
                if self.told.as_ref() != Some(&error) {
                    tracing::warn!(%error, "an analogue line cannot be used");
                    self.told = Some(error);
                }
                self.processor
                    .hardware(HardwareEvent::Alarm(true), Duration::ZERO);
            }
        }
    }

    /// Configures the span and opens the channel.
    fn open(&self, epoll: &Epoll, index: usize) -> Result<ChannelDevice, DahdiError> {
        let missing = || {
            let action = format!(
                "find place {} of the span {}",
                self.place + 1,
                self.span.device
            );
            DahdiError::new(action, nix::errno::Errno::ENXIO)
        };
        let spans =
            super::spans().map_err(|error| DahdiError::from_io("list the spans", &error))?;
        let span = spans
            .into_iter()
            .find(|span| span.name == self.span.device)
            .ok_or_else(missing)?;
        let channel = span.channels.get(self.place).ok_or_else(missing)?.number;
        let control = Control::open()?;
        let setup = SpanSetup {
            usage: SpanUse::Analogue(self.span.modules.clone()),
            crc4: false,
            clock_rank: 0,
        };
        // Whoever has a channel of the span keeps it: its configuration is this one already.
        configure(&control, &span, &setup, Some(&setup))?;
        control.load_zone("ramal", &RING_UNTIL_TOLD)?;
        let device = ChannelDevice::open(channel)?;
        device.carry_sound(FRAME_SAMPLES)?;
        if self.kind == PortKind::Fxs {
            device.set_ring_cadence(&RING_UNTIL_TOLD)?;
        }
        for _ in 0..LEAD {
            device.transmit(&[Law::A.silence(); FRAME_SAMPLES]);
        }
        let token = u64::try_from(index).unwrap_or(u64::MAX);
        epoll
            .add(
                device.as_fd(),
                EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLPRI, token),
            )
            .map_err(|errno| DahdiError::new(format!("wait for channel {channel}"), errno))?;
        Ok(device)
    }
}
