//! Legs on digital trunks: calls by ISDN or MFC-R2 on a timeslot of an E1.
//!
//! A [`DigitalLeg`] commands the driver of its trunk and is told by the trunk's task ([`crate::lines::digital`]) what the
//! driver reports about its call. Keys travel as tones in its sound.

use std::os::fd::BorrowedFd;
use std::task::{Context, Poll};

use ramal_dsp::{AnswerVerdict, AnsweringMachineLimits, CountryTones};
use ramal_lines::{PortAudio, TrunkCallId, TrunkCommand, TrunkEvent, TrunkHandle};
use ramal_media::{Codec, Detected, Detection, Engine, Line, LineAudio, PlayHandle, StreamEvent};
use ramal_model::LegKind;
use tokio::sync::mpsc;

use crate::call::progress_tone::{self, ProgressTone};

use super::{Cause, Leg, LegEvent, MediaFlow, Release};

/// What a timeslot's sound can be relayed as without and with a table.
const CODECS: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

/// A leg on a timeslot.
pub(crate) struct DigitalLeg {
    call: TrunkCallId,
    handle: TrunkHandle,
    /// What happens on its call. None once it is over.
    events: Option<mpsc::Receiver<TrunkEvent>>,
    engine: Engine,
    audio: Option<PortAudio>,
    line: Option<Line>,
    mutes_keys: bool,
    awaits_machine: bool,
    heard: Option<mpsc::Receiver<StreamEvent>>,
    answered: bool,
    private: bool,
    /// Where the caller hears the ringing tone from us, as with MFC-R2; else his exchange gives it (Q.931 §5.2.5.3).
    gives_ringback: Option<&'static CountryTones>,
    ringback: Option<PlayHandle>,
}

impl DigitalLeg {
    /// The leg of a call; a call in has its sound already.
    pub(crate) fn new(
        call: TrunkCallId,
        handle: TrunkHandle,
        events: mpsc::Receiver<TrunkEvent>,
        engine: Engine,
        audio: Option<PortAudio>,
    ) -> Self {
        Self {
            call,
            handle,
            events: Some(events),
            engine,
            audio,
            line: None,
            mutes_keys: false,
            awaits_machine: false,
            heard: None,
            answered: false,
            private: false,
            gives_ringback: None,
            ringback: None,
        }
    }

    /// The same for a caller who withholds his number.
    pub(crate) fn withheld(mut self, withheld: bool) -> Self {
        self.private = withheld;
        self
    }

    /// The same where the called side gives the ringing tone, of these.
    pub(crate) fn with_ringback(mut self, gives_ringback: Option<&'static CountryTones>) -> Self {
        self.gives_ringback = gives_ringback;
        self
    }

    fn tell(&self, command: TrunkCommand) {
        if self.events.is_some()
            && let Err(error) = self.handle.command(command)
        {
            tracing::error!(%error, "a trunk does not obey");
        }
    }

    fn detection(&self) -> Detection {
        Detection {
            keys: true,
            mute_keys: self.mutes_keys,
            answering_machine: self.awaits_machine.then(AnsweringMachineLimits::default),
            ..Detection::default()
        }
    }

    /// Connects the media engine to the timeslot's sound, as soon as there is any.
    fn open_line(&mut self) -> Result<(), Cause> {
        let Some(audio) = self.audio.as_mut().filter(|_| self.line.is_none()) else {
            return Ok(());
        };
        audio.restart();
        let failed = |error: ramal_media::MediaError| {
            tracing::error!(%error, "no media for a timeslot");
            Cause::RESOURCE_UNAVAILABLE
        };
        let line = self
            .engine
            .open_line(Box::new(Sound(audio.clone())))
            .map_err(failed)?;
        self.heard = Some(line.events().map_err(failed)?);
        line.detect(self.detection()).map_err(failed)?;
        self.line = Some(line);
        Ok(())
    }

    /// Reads an event of the trunk; none when the call need not know.
    fn read(&mut self, event: TrunkEvent) -> Option<LegEvent> {
        match event {
            TrunkEvent::Channel { audio, .. } => {
                self.audio = Some(audio);
                // Another timeslot before the answer; whoever listened listens there.
                let listened = self.line.take().is_some();
                listened.then(|| self.with_sound(LegEvent::Progress))
            }
            TrunkEvent::Proceeding(_) => Some(LegEvent::Proceeding),
            TrunkEvent::Ringing { in_band: false, .. } => Some(LegEvent::Ringing),
            TrunkEvent::Ringing { in_band: true, .. } | TrunkEvent::Progress(_) => {
                Some(self.with_sound(LegEvent::Progress))
            }
            TrunkEvent::Answered(_) => {
                self.answered = true;
                Some(self.with_sound(LegEvent::Answered))
            }
            // What the exchange says about its refusal is worth hearing.
            TrunkEvent::Disconnecting { in_band: true, .. } if !self.answered => {
                Some(self.with_sound(LegEvent::Progress))
            }
            TrunkEvent::Disconnecting { cause, .. } => {
                self.tell(TrunkCommand::HangUp(self.call, cause));
                Some(self.over(cause))
            }
            TrunkEvent::Released { cause, .. } => Some(self.over(cause)),
            TrunkEvent::Incoming { .. } | TrunkEvent::Digits { .. } => None,
        }
    }

    fn with_sound(&mut self, event: LegEvent) -> LegEvent {
        match self.open_line() {
            Ok(()) => event,
            Err(cause) => {
                self.hang_up(Release::Cause(cause));
                LegEvent::HungUp(cause)
            }
        }
    }

    fn over(&mut self, cause: u8) -> LegEvent {
        self.events = None;
        match self.answered {
            true => LegEvent::HungUp(Cause(cause)),
            false => LegEvent::Rejected(Cause(cause)),
        }
    }
}

impl Drop for DigitalLeg {
    fn drop(&mut self) {
        self.tell(TrunkCommand::HangUp(self.call, Cause::NORMAL_CLEARING.0));
    }
}

/// A timeslot's sound as the media engine takes it.
struct Sound(PortAudio);

impl LineAudio for Sound {
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

impl Leg for DigitalLeg {
    fn alert(&mut self) {
        self.tell(TrunkCommand::Alert(self.call));
        if let Some(tones) = self.gives_ringback
            && self.ringback.is_none()
            && self.open_line().is_ok()
        {
            self.ringback = progress_tone::play(self, tones, ProgressTone::Ringing);
        }
    }

    fn progress(&mut self, _prefer: Option<Codec>) -> Result<(), Cause> {
        self.open_line()?;
        self.ringback = None;
        self.tell(TrunkCommand::Progress(self.call));
        Ok(())
    }

    fn hears_refusals(&self) -> bool {
        // MFC-R2 has speech only in calls that were accepted, and then no signal for the reason any more.
        self.gives_ringback.is_none()
    }

    fn answer(&mut self, _prefer: Option<Codec>) -> Result<(), Cause> {
        self.open_line()?;
        self.answered = true;
        self.ringback = None;
        self.tell(TrunkCommand::Answer(self.call));
        Ok(())
    }

    fn set_media_flow(&mut self, _flow: MediaFlow) {
        // A timeslot has no hold; it hears what the bridge sends.
    }

    fn send_digit(&mut self, digit: char) {
        if let Some(line) = &self.line
            && let Err(error) = line.press(digit)
        {
            tracing::error!(%error, "a key was not sent");
        }
    }

    fn mute_keys(&mut self, mute: bool) -> bool {
        if std::mem::replace(&mut self.mutes_keys, mute) != mute
            && let Some(line) = &self.line
            && let Err(error) = line.detect(self.detection())
        {
            tracing::error!(%error, "cannot mute the keys of a timeslot");
        }
        true
    }

    fn listen_for_machine(&mut self) {
        self.awaits_machine = true;
        if let Some(line) = &self.line
            && let Err(error) = line.detect(self.detection())
        {
            tracing::error!(%error, "cannot listen for a machine on a timeslot");
        }
    }

    fn hang_up(&mut self, release: Release) {
        let cause = release.cause();
        self.tell(TrunkCommand::HangUp(self.call, cause.0));
        self.events = None;
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<LegEvent> {
        while let Some(events) = &mut self.events {
            match events.poll_recv(context) {
                Poll::Ready(Some(event)) => {
                    if let Some(event) = self.read(event) {
                        return Poll::Ready(event);
                    }
                }
                Poll::Ready(None) => return Poll::Ready(self.over(Cause::TEMPORARY_FAILURE.0)),
                Poll::Pending => break,
            }
        }
        if self.events.is_none() {
            return Poll::Pending;
        }
        while let Some(heard) = &mut self.heard {
            match heard.poll_recv(context) {
                Poll::Ready(Some(StreamEvent::Detected(Detected::Key { digit, .. }))) => {
                    return Poll::Ready(LegEvent::ToneDigit(digit));
                }
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

    fn stream(&self) -> Option<&ramal_media::Channel> {
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
        self.handle.name()
    }

    fn trunk(&self) -> Option<&str> {
        Some(self.handle.name())
    }

    fn is_private(&self) -> bool {
        self.private
    }
}
