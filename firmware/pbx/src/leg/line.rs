//! Legs on analogue lines.
//!
//! A [`LineLeg`] lives in the task of its call and talks to the task of its port over bounded queues; the port's task
//! knows the signalling, the leg opens the line's sound.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use ramal_dsp::{AnswerVerdict, AnsweringMachineLimits};
use ramal_lines::PortAudio;
use ramal_media::{Channel, Codec, Detected, Detection, Engine, Line, LineAudio, StreamEvent};
use ramal_model::LegKind;
use tokio::sync::mpsc;

use super::{Cause, Leg, LegEvent, MediaFlow, Release};

/// Commands and events that may wait.
const QUEUE: usize = 32;
/// A-law octet of silence.
const SILENCE: u8 = 0xD5;
/// What a call hears and is heard by: nothing, the line, or the conference that the line is in.
const NOTHING: u8 = 0;
const LINE: u8 = 1;
const CONFERENCE: u8 = 2;
/// What a line's sound can be relayed as without and with a table.
const CODECS: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

/// What a leg tells the task of its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineCommand {
    /// The called party is being alerted.
    Alert,
    /// Take the call.
    Answer,
    /// Send a key.
    Digit(char),
    /// End the call for this cause.
    HangUp(Cause),
}

/// The port's end of a leg. When the leg is gone, `commands` ends.
pub(crate) struct PortCall {
    pub(crate) commands: mpsc::Receiver<LineCommand>,
    events: mpsc::Sender<LegEvent>,
    /// What the call hears. Of several calls on one line only one may have the line itself.
    source: Arc<AtomicU8>,
    /// The other end of what it hears in a conference.
    conference: PortAudio,
}

impl PortCall {
    /// Tells the call what happened on the line.
    pub(crate) fn report(&self, event: LegEvent) {
        // Nobody listens to a call that is over, and a call that is 32 events late has more to worry about.
        let _ = self.events.try_send(event);
    }

    /// Gives the call the line's sound, or silence.
    pub(crate) fn connect(&self, connected: bool) {
        let source = if connected { LINE } else { NOTHING };
        self.source.store(source, Ordering::Release);
    }

    /// Takes the call off the line into a conference; what it says and hears there.
    pub(crate) fn confer(&self) -> PortAudio {
        self.source.store(CONFERENCE, Ordering::Release);
        let mut audio = self.conference.clone();
        audio.restart();
        audio
    }
}

/// A leg on an analogue line.
pub(crate) struct LineLeg {
    name: String,
    /// None once hung up.
    commands: Option<mpsc::Sender<LineCommand>>,
    events: mpsc::Receiver<LegEvent>,
    engine: Engine,
    audio: PortAudio,
    conference: PortAudio,
    source: Arc<AtomicU8>,
    line: Option<Line>,
    mutes_keys: bool,
    awaits_machine: bool,
    heard: Option<mpsc::Receiver<StreamEvent>>,
}

impl LineLeg {
    /// A leg on the port `name` with this sound, and the port's end of it.
    pub(crate) fn new(name: &str, engine: &Engine, audio: PortAudio) -> (Self, PortCall) {
        let (commands, queue) = mpsc::channel(QUEUE);
        let (reporter, events) = mpsc::channel(QUEUE);
        let source = Arc::new(AtomicU8::new(LINE));
        let (conference, far) = PortAudio::wire();
        let leg = Self {
            name: name.to_owned(),
            commands: Some(commands),
            events,
            engine: engine.clone(),
            audio,
            conference,
            source: source.clone(),
            line: None,
            mutes_keys: false,
            awaits_machine: false,
            heard: None,
        };
        let call = PortCall {
            commands: queue,
            events: reporter,
            source,
            conference: far,
        };
        (leg, call)
    }

    fn send(&self, command: LineCommand) {
        if let Some(commands) = &self.commands {
            // Only keys come in numbers, and no line takes them faster than its port does.
            let _ = commands.try_send(command);
        }
    }

    /// Connects the media engine to the line's sound.
    fn open_line(&mut self) -> Result<(), Cause> {
        if self.line.is_some() {
            return Ok(());
        }
        if self.source.load(Ordering::Acquire) == LINE {
            self.audio.restart();
        }
        let sound = Box::new(Sound {
            audio: self.audio.clone(),
            conference: self.conference.clone(),
            source: self.source.clone(),
        });
        self.line = Some(self.engine.open_line(sound).map_err(|error| {
            tracing::error!(%error, line = self.name, "no media for a line");
            Cause::RESOURCE_UNAVAILABLE
        })?);
        if self.mutes_keys || self.awaits_machine {
            self.listen();
        }
        Ok(())
    }

    /// What is heard on the line beside its keys.
    fn poll_heard(&mut self, context: &mut Context<'_>) -> Poll<LegEvent> {
        while let Some(heard) = &mut self.heard {
            match heard.poll_recv(context) {
                Poll::Ready(Some(StreamEvent::Detected(Detected::Answered(
                    AnswerVerdict::Machine { .. } | AnswerVerdict::Beep { .. },
                )))) => {
                    return Poll::Ready(LegEvent::MachineHeard);
                }
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) => self.heard = None,
                Poll::Pending => break,
            }
        }
        Poll::Pending
    }

    /// Mutes keys in what the line says, or no longer. The port itself tells them.
    fn listen(&self) {
        if let Some(line) = &self.line
            && let Err(error) = line.detect(Detection {
                mute_keys: self.mutes_keys,
                answering_machine: self.awaits_machine.then(AnsweringMachineLimits::default),
                ..Detection::default()
            })
        {
            tracing::error!(%error, line = self.name, "cannot mute the keys of a line");
        }
    }
}

/// A port's sound as the media engine takes it, a conference's, or silence while another call has the port.
struct Sound {
    audio: PortAudio,
    conference: PortAudio,
    source: Arc<AtomicU8>,
}

impl LineAudio for Sound {
    fn exchange(&mut self, transmit: &[u8; 160], receive: &mut [u8; 160]) {
        match self.source.load(Ordering::Acquire) {
            LINE => self.audio.exchange(transmit, receive),
            CONFERENCE => self.conference.exchange(transmit, receive),
            _ => receive.fill(SILENCE),
        }
    }

    fn beat(&self) -> Option<BorrowedFd<'_>> {
        self.audio.beat()
    }

    fn waiting(&self) -> usize {
        match self.source.load(Ordering::Acquire) {
            LINE => self.audio.waiting(),
            CONFERENCE => self.conference.waiting(),
            _ => 1,
        }
    }

    fn answered(&mut self) {
        self.audio.answer();
    }
}

/// Sound that is the media engine's for as long as it has it.
pub(crate) struct WholeSound(pub(crate) PortAudio);

impl LineAudio for WholeSound {
    fn exchange(&mut self, transmit: &[u8; 160], receive: &mut [u8; 160]) {
        self.0.exchange(transmit, receive);
    }

    fn beat(&self) -> Option<BorrowedFd<'_>> {
        self.0.beat()
    }

    fn waiting(&self) -> usize {
        self.0.waiting()
    }

    fn answered(&mut self) {
        self.0.answer();
    }
}

impl Leg for LineLeg {
    fn alert(&mut self) {
        self.send(LineCommand::Alert);
    }

    fn progress(&mut self, _prefer: Option<Codec>) -> Result<(), Cause> {
        // Before an answer the exchange, or the port, gives the tones.
        self.alert();
        Ok(())
    }

    fn answer(&mut self, _prefer: Option<Codec>) -> Result<(), Cause> {
        self.open_line()?;
        self.send(LineCommand::Answer);
        Ok(())
    }

    fn set_media_flow(&mut self, _flow: MediaFlow) {
        // A line has no hold; it hears what the bridge sends.
    }

    fn send_digit(&mut self, digit: char) {
        self.send(LineCommand::Digit(digit));
    }

    fn mute_keys(&mut self, mute: bool) -> bool {
        if std::mem::replace(&mut self.mutes_keys, mute) != mute {
            self.listen();
        }
        true
    }

    fn listen_for_machine(&mut self) {
        self.awaits_machine = true;
        if let Some(line) = &self.line {
            self.heard = line.events().ok();
            self.listen();
        }
    }

    fn hang_up(&mut self, release: Release) {
        let cause = release.cause();
        self.send(LineCommand::HangUp(cause));
        // The end of the queue says the same, should the command not have fitted in.
        self.commands = None;
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<LegEvent> {
        if self.commands.is_none() {
            return Poll::Pending;
        }
        match self.events.poll_recv(context) {
            Poll::Ready(Some(event @ (LegEvent::Progress | LegEvent::Answered))) => {
                match self.open_line() {
                    Ok(()) => Poll::Ready(event),
                    Err(cause) => {
                        self.hang_up(Release::Cause(cause));
                        Poll::Ready(LegEvent::HungUp(cause))
                    }
                }
            }
            Poll::Ready(Some(event)) => {
                if matches!(event, LegEvent::Rejected(_) | LegEvent::HungUp(_)) {
                    self.commands = None;
                }
                Poll::Ready(event)
            }
            Poll::Ready(None) => {
                // The port's task has ended.
                self.commands = None;
                Poll::Ready(LegEvent::HungUp(Cause::TEMPORARY_FAILURE))
            }
            Poll::Pending => self.poll_heard(context),
        }
    }

    fn stream(&self) -> Option<&Channel> {
        self.line.as_deref()
    }

    fn codecs(&self) -> &[Codec] {
        &CODECS
    }

    fn codec(&self) -> Option<Codec> {
        self.line.as_ref().map(|_| Codec::Pcma)
    }

    fn kind(&self) -> LegKind {
        LegKind::Line
    }

    fn device(&self) -> &str {
        &self.name
    }
}
