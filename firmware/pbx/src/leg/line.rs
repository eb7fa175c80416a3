//! Legs on analogue lines.
//!
//! A [`LineLeg`] lives in the task of its call and talks to the task of its port over bounded queues; the port's task
//! knows the signalling, the leg opens the line's sound.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use ramal_lines::PortAudio;
use ramal_media::{Channel, Codec, Engine, Line, LineAudio};
use ramal_model::LegKind;
use tokio::sync::mpsc;

use super::{Cause, Leg, LegEvent, MediaFlow, Release};

/// Commands and events that may wait.
const QUEUE: usize = 32;
/// A-law octet of silence.
const SILENCE: u8 = 0xD5;
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
    /// Whether the call has the line's sound. Of several calls on one line only one may have it.
    connected: Arc<AtomicBool>,
}

impl PortCall {
    /// Tells the call what happened on the line.
    pub(crate) fn report(&self, event: LegEvent) {
        // Nobody listens to a call that is over, and a call that is 32 events late has more to worry about.
        let _ = self.events.try_send(event);
    }

    /// Gives the call the line's sound, or silence.
    pub(crate) fn connect(&self, connected: bool) {
        self.connected.store(connected, Ordering::Release);
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
    connected: Arc<AtomicBool>,
    line: Option<Line>,
}

impl LineLeg {
    /// A leg on the port `name` with this sound, and the port's end of it.
    pub(crate) fn new(name: &str, engine: &Engine, audio: PortAudio) -> (Self, PortCall) {
        let (commands, queue) = mpsc::channel(QUEUE);
        let (reporter, events) = mpsc::channel(QUEUE);
        let connected = Arc::new(AtomicBool::new(true));
        let leg = Self {
            name: name.to_owned(),
            commands: Some(commands),
            events,
            engine: engine.clone(),
            audio,
            connected: connected.clone(),
            line: None,
        };
        let call = PortCall {
            commands: queue,
            events: reporter,
            connected,
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
        if self.connected.load(Ordering::Acquire) {
            self.audio.restart();
        }
        let sound = Box::new(Sound {
            audio: self.audio.clone(),
            connected: self.connected.clone(),
        });
        self.line = Some(self.engine.open_line(sound).map_err(|error| {
            tracing::error!(%error, line = self.name, "no media for a line");
            Cause::RESOURCE_UNAVAILABLE
        })?);
        Ok(())
    }
}

/// A port's sound as the media engine takes it, or silence while another call has it.
struct Sound {
    audio: PortAudio,
    connected: Arc<AtomicBool>,
}

impl LineAudio for Sound {
    fn exchange(&mut self, transmit: &[u8; 160], receive: &mut [u8; 160]) {
        if self.connected.load(Ordering::Acquire) {
            self.audio.exchange(transmit, receive);
        } else {
            receive.fill(SILENCE);
        }
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

    fn hang_up(&mut self, release: Release) {
        let cause = match release {
            Release::Cause(cause) => cause,
            Release::AnsweredElsewhere => Cause::NON_SELECTED_USER_CLEARING,
        };
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
            Poll::Pending => Poll::Pending,
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
