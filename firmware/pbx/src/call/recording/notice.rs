//! What the party outside is told before a call is recorded (F084-F086).

use ramal_media::{PlayEnd, PlayHandle, Repeat, Sound};
use ramal_model::{Extension, Language, RecordingMode};

use super::super::participant::{Pair, Participant};
use super::super::record::Call;
use super::super::trace::Step;
use super::trunk_of;
use crate::clock::utc_ms;
use crate::leg::Leg;

/// The notice, in every language.
const NOTICE: &str = "recording-notice";
/// Media takes a moment to arrive at first.
const PAUSE: Sound = Sound::Silence { ms: 400 };
/// How far the notice has come.
#[derive(Debug, Default)]
pub(super) enum Notice {
    #[default]
    NotPlayed,
    Playing(PlayHandle),
    PlayedAt(i64),
}

impl Call {
    /// Tells a caller from outside that the call will be recorded, before somebody is rung for him.
    pub(in crate::call) fn announce_recording(
        &mut self,
        caller: &mut Participant,
        callee: &Extension,
    ) {
        if !self.exchange().recordings.are_possible()
            || !caller.who.is_external()
            || self.is_taken()
            || !matches!(self.recording.notice, Notice::NotPlayed)
        {
            return;
        }
        let (configuration, settings) = self.recording_settings();
        let mode = RecordingMode::of_call(
            self.of_number
                .recording
                .or_else(|| trunk_of(&configuration, caller)),
            &[callee.recording],
            settings.mode,
        );
        if mode == RecordingMode::All
            && settings.notice
            && (self.is_answered() || caller.leg.progress(None).is_ok())
            && caller.leg.stream().is_some()
        {
            // Not installed: found out, and written down, when the recording should begin.
            self.play_notice(&*caller.leg);
        }
    }

    /// Plays the notice to a leg; false when it is not installed.
    pub(super) fn play_notice(&mut self, leg: &dyn Leg) -> bool {
        let (configuration, _) = self.recording_settings();
        let language = configuration
            .company()
            .map_or(Language::En, |company| company.language);
        let prompt = self.exchange().engine.prompts().get(language.tag(), NOTICE);
        let (Some(prompt), Some(channel)) = (prompt, leg.stream()) else {
            tracing::error!(
                language = language.tag(),
                "the recording notice is not installed"
            );
            return false;
        };
        self.exchange().recordings.notice_is_there();
        match channel.play(vec![PAUSE, prompt.into()], Repeat::Once) {
            Ok(playing) => {
                self.recording.notice = Notice::Playing(playing);
                true
            }
            Err(error) => {
                tracing::error!(%error, "the recording notice cannot be played");
                false
            }
        }
    }

    /// The notice has ended.
    pub(in crate::call) fn notice_ended(&mut self, end: PlayEnd, pair: Option<&Pair>) {
        self.recording.notice = match end {
            PlayEnd::Completed => {
                self.step(Step::RecordingNoticePlayed);
                Notice::PlayedAt(utc_ms())
            }
            // Something else was played over it: it has not been heard.
            PlayEnd::Interrupted => Notice::NotPlayed,
        };
        let Some(pair) = pair else { return };
        if end == PlayEnd::Interrupted {
            // Again, from its beginning.
            if let Some(on_demand) = self.recording.wanted {
                self.want_recording(pair, on_demand);
            }
            return;
        }
        if let Some(current) = &mut self.recording.current {
            current.waits = false;
            if !current.paused {
                current.recording.resume();
            }
        } else if let Some(on_demand) = self.recording.wanted {
            self.begin_recording(pair, on_demand);
        }
    }
}
