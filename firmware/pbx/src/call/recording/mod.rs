//! Recording a call: whether it is recorded, the [`notice`] to the party outside before it, and who starts and stops it
//! ([`demand`]).

mod demand;
mod notice;

use std::sync::Arc;

use ramal_media::{PlayEnd, Prompt, Recording};
use ramal_model::{
    AudioFileId, Configuration, Number, RecordingMode, RecordingProblem, RecordingSettings,
};
use tokio::sync::oneshot;

use self::notice::Notice;
use super::Caller;
use super::participant::{Pair, Participant};
use super::record::Call;
use super::trace::Step;
use crate::leg::Leg;
use crate::live::RecordingState;
use crate::recordings::{Beginning, Recordings};

/// What somebody wants of the recording of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingCommand {
    /// It is to begin.
    Start,
    /// It is to end.
    Stop,
    /// What follows is left out.
    Pause,
    /// It goes on.
    Resume,
}

/// Why that is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordingRefusal {
    /// There is no such call.
    #[error("there is no such call in progress")]
    NoCall,
    /// Nobody talks yet.
    #[error("nobody talks in the call yet")]
    NotTalking,
    /// Its settings say that it is not recorded.
    #[error("recording is off for this call")]
    Off,
    /// It is recorded already.
    #[error("the call is being recorded already")]
    Recording,
    /// It is not recorded, or not paused.
    #[error("the call is not being recorded")]
    NotRecording,
    /// It cannot be recorded; the call's record says why.
    #[error("the call cannot be recorded; its record says why")]
    Impossible,
}

/// An order for the recording of a call, and who waits for what becomes of it.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) command: RecordingCommand,
    pub(crate) reply: oneshot::Sender<Result<(), RecordingRefusal>>,
}

#[derive(Debug)]
struct Current {
    recording: Recording,
    on_demand: bool,
    /// Somebody paused it.
    paused: bool,
    /// The notice is being played to somebody who has just come.
    waits: bool,
}

/// The recording side of a call.
#[derive(Debug, Default)]
pub(super) struct CallRecording {
    current: Option<Current>,
    notice: Notice,
    /// What is told where the gateway's own words are not.
    own_notice: Option<(AudioFileId, Arc<Prompt>)>,
    /// It begins when the notice has been played; whether somebody asked for it.
    wanted: Option<bool>,
    /// Recordings so far.
    count: u32,
    /// Somebody ended it, or it cannot be made: it does not begin by itself any more.
    over: bool,
}

impl CallRecording {
    /// Waits until the notice ends.
    pub(super) async fn notice_ends(&mut self) -> PlayEnd {
        match &mut self.notice {
            Notice::Playing(playing) => playing.wait().await,
            Notice::NotPlayed | Notice::PlayedAt(_) => std::future::pending().await,
        }
    }

    /// Whether the party outside is hearing the notice.
    pub(super) fn notice_is_playing(&self) -> bool {
        matches!(self.notice, Notice::Playing(_))
    }

    /// Whether the gateway has spoken to the caller before the call was answered.
    pub(super) fn has_spoken(&self) -> bool {
        !matches!(self.notice, Notice::NotPlayed)
    }
}

impl Caller {
    pub(super) fn is_external(&self) -> bool {
        matches!(
            self,
            Caller::Trunk { .. } | Caller::SipTrunk(_) | Caller::E1(_)
        )
    }
}

impl Call {
    /// Two talk from now on: whatever is to be recorded is.
    pub(super) fn record_conversation(&mut self, pair: &Pair) {
        if !self.exchange().recordings.are_possible() {
            return;
        }
        let (_, settings) = self.recording_settings();
        let outside = outside(pair);
        let untold = outside.is_some()
            && settings.notice
            && matches!(self.recording.notice, Notice::NotPlayed);
        if self.recording.current.is_some() && is_only_carried(recorded_leg(pair)) {
            self.recording_failed(RecordingProblem::Codec);
            return;
        }
        if let Some(current) = &mut self.recording.current {
            let leg = recorded_leg(pair);
            if let Some(channel) = leg
                .stream()
                .filter(|channel| !current.recording.is_on(channel))
                && let Err(error) = current.recording.tap(channel)
            {
                tracing::error!(%error, "a recording lost its call");
            }
            if untold && !current.waits {
                current.waits = true;
                current.recording.pause();
                if let Some(outside) = outside
                    && !self.play_notice(&*outside.leg, &pair.caller)
                {
                    self.cannot_record(RecordingProblem::NoNotice);
                }
            }
            return;
        }
        if !self.recording.over && self.recording_mode(pair) == RecordingMode::All {
            self.want_recording(pair, false);
        }
    }

    /// Begins a recording, or the notice before it.
    fn want_recording(&mut self, pair: &Pair, on_demand: bool) {
        if is_only_carried(recorded_leg(pair)) {
            // Nobody could hear the notice either.
            self.recording.wanted = Some(on_demand);
            self.cannot_record(RecordingProblem::Codec);
            return;
        }
        let (_, settings) = self.recording_settings();
        if let Some(outside) = outside(pair)
            && settings.notice
        {
            match self.recording.notice {
                Notice::PlayedAt(_) => {}
                Notice::Playing(_) => {
                    self.recording.wanted = Some(on_demand);
                    return;
                }
                Notice::NotPlayed => {
                    self.recording.wanted = Some(on_demand);
                    if !self.play_notice(&*outside.leg, &pair.caller) {
                        self.cannot_record(RecordingProblem::NoNotice);
                    }
                    return;
                }
            }
        }
        self.begin_recording(pair, on_demand);
    }

    fn begin_recording(&mut self, pair: &Pair, on_demand: bool) {
        self.recording.wanted = None;
        let leg = recorded_leg(pair);
        let (Some(channel), Some(codec)) = (leg.stream(), leg.codec()) else {
            return;
        };
        self.recording.count += 1;
        let beginning = Beginning {
            call: self.id(),
            number: self.recording.count,
            codec,
            notice_played_at: match self.recording.notice {
                Notice::PlayedAt(at) => Some(at),
                Notice::NotPlayed | Notice::Playing(_) => None,
            },
            on_demand,
        };
        let Some(mut recording) = Recordings::begin(self.exchange(), &beginning) else {
            return;
        };
        if let Err(error) = recording.tap(channel) {
            tracing::error!(%error, "a call cannot be recorded");
            self.recording.over = true;
            return;
        }
        self.recording.current = Some(Current {
            recording,
            on_demand,
            paused: false,
            waits: false,
        });
        self.step(Step::RecordingStarted { on_demand });
        self.show_recording();
    }

    /// Writes down why there is no recording, and does without.
    fn cannot_record(&mut self, problem: RecordingProblem) {
        self.recording.count += 1;
        let beginning = Beginning {
            call: self.id(),
            number: self.recording.count,
            codec: ramal_media::Codec::Pcma,
            notice_played_at: None,
            on_demand: self.recording.wanted.unwrap_or_default(),
        };
        Recordings::none(self.exchange(), &beginning, problem);
        self.recording_failed(problem);
    }

    /// There is no recording any more.
    pub(super) fn recording_failed(&mut self, problem: RecordingProblem) {
        self.recording.current = None;
        self.recording.wanted = None;
        self.recording.over = true;
        self.step(Step::NotRecorded { problem });
        self.show_recording();
    }

    /// Ends the recording with the call.
    pub(super) fn end_recording(&mut self) {
        self.recording.current = None;
        self.recording.notice = Notice::NotPlayed;
    }

    fn show_recording(&self) {
        let state = self.recording.current.as_ref().map(|current| {
            if current.paused {
                RecordingState::Paused
            } else if current.on_demand {
                RecordingState::OnDemand
            } else {
                RecordingState::Recording
            }
        });
        self.exchange()
            .live
            .call_changed(self.id(), |call| call.recording = state);
    }

    fn recording_mode(&self, pair: &Pair) -> RecordingMode {
        let (configuration, settings) = self.recording_settings();
        let trunk = trunk_of(&configuration, &pair.caller)
            .or_else(|| trunk_of(&configuration, &pair.callee));
        let extension = |participant: &Participant| {
            let id = participant.who.extension()?.id;
            configuration.extension(id)?.recording
        };
        let extensions = [extension(&pair.caller), extension(&pair.callee)];
        RecordingMode::of_call(
            self.of_number
                .recording
                .or_else(|| self.recording_out(&configuration, &pair.caller))
                .or(trunk),
            &extensions,
            settings.mode,
        )
    }

    /// What the number says that somebody calls outside with (F082).
    fn recording_out(
        &self,
        configuration: &Configuration,
        caller: &Participant,
    ) -> Option<RecordingMode> {
        self.called_with(configuration, caller)?.recording_out
    }

    /// The number that somebody calls outside with.
    fn called_with<'a>(
        &self,
        configuration: &'a Configuration,
        caller: &Participant,
    ) -> Option<&'a Number> {
        if !self.is_outbound() {
            return None;
        }
        let user = configuration.user_at(caller.who.extension()?.id)?;
        let numbers = &configuration.catalogue().numbers;
        Some(&numbers.get(user.outbound_number?)?.settings)
    }

    fn recording_settings(&self) -> (Arc<Configuration>, RecordingSettings) {
        let configuration = self.exchange().configuration.borrow().clone();
        let settings = configuration
            .company()
            .map(|company| company.recording.clone())
            .unwrap_or_default();
        (configuration, settings)
    }
}

/// What the trunk says that a party is reached by.
fn trunk_of(configuration: &Configuration, participant: &Participant) -> Option<RecordingMode> {
    let trunk = match &participant.who {
        Caller::SipTrunk(from) => configuration.trunk(from.trunk),
        _ => configuration.trunk_by_name(participant.leg.trunk()?),
    };
    trunk?.recording
}

/// The party outside; the caller when both are.
fn outside(pair: &Pair) -> Option<&Participant> {
    [&pair.caller, &pair.callee]
        .into_iter()
        .find(|participant| participant.who.is_external())
}

/// Whether a leg's sound goes from one end to the other without being understood here, so that it can neither be recorded nor
/// made.
fn is_only_carried(leg: &dyn Leg) -> bool {
    leg.codec()
        .is_some_and(|codec| codec.sample_rate().is_none())
}

/// Where the tap sits: at the party outside, or else at the caller.
fn recorded_leg(pair: &Pair) -> &dyn Leg {
    &*outside(pair).unwrap_or(&pair.caller).leg
}
