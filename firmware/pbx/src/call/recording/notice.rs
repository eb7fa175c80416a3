//! What the party outside is told before a call is recorded (F084-F086).

use std::sync::Arc;

use ramal_media::{PlayEnd, PlayHandle, Repeat, Sound};
use ramal_model::{AudioFileId, Configuration, Extension, Language, RecordingMode};

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
            self.play_notice(&*caller.leg, caller);
        }
    }

    /// What the party outside is told in place of the gateway's own words, and the language of these: what the number says that
    /// the call came to or is made with, else the company.
    fn told(
        &self,
        configuration: &Configuration,
        caller: &Participant,
    ) -> (Option<AudioFileId>, Language) {
        let called_with = self.called_with(configuration, caller);
        let file = self.of_number.recording_notice;
        let file = file.or_else(|| called_with?.recording_notice);
        let language = self.of_number.language;
        let language = language.or_else(|| called_with?.language);
        (
            file.or_else(|| configuration.recording_notice_of(self.company())),
            language.unwrap_or_else(|| configuration.spoken_language()),
        )
    }

    /// Opens what the party outside is told before `caller`'s call is recorded, so that it is at hand should it be needed: what has
    /// just been chosen lies on the disk only.
    pub(in crate::call) async fn open_notice(&mut self, caller: &Participant) {
        let configuration = self.exchange().configuration.borrow().clone();
        let Some(id) = self.told(&configuration, caller).0 else {
            return;
        };
        let is_open = self.recording.own_notice.as_ref();
        let Some(file) = configuration.audio_file(id) else {
            return;
        };
        if is_open.is_some_and(|(open, _)| *open == id)
            || !self.exchange().recordings.are_possible()
        {
            return;
        }
        let music = Arc::clone(&self.exchange().music);
        let opened = music.piece_at_hand(&file.key).await;
        self.recording.own_notice = opened.map(|prompt| (id, prompt));
    }

    /// Plays the notice to a leg; false when it is not installed. Where the chosen file cannot be played, it is told in the
    /// gateway's own words.
    pub(super) fn play_notice(&mut self, leg: &dyn Leg, caller: &Participant) -> bool {
        let (configuration, _) = self.recording_settings();
        let (file, language) = self.told(&configuration, caller);
        let own = file.and_then(|id| {
            let open = self.recording.own_notice.as_ref();
            let open = open.filter(|(open, _)| *open == id);
            let open = open.map(|(_, prompt)| Arc::clone(prompt));
            open.or_else(|| {
                let key = &configuration.audio_file(id)?.key;
                self.exchange().music.piece(key)
            })
        });
        let prompts = self.exchange().engine.prompts();
        let prompt = own.or_else(|| prompts.get(language.tag(), NOTICE));
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
