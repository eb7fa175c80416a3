//! Recording on demand: by the keys of those who talk, and by order of somebody who looks on.

use std::f64::consts::TAU;
use std::sync::{Arc, OnceLock};

use ramal_media::{Prompt, Repeat, Sound};
use ramal_model::RecordingMode;

use super::super::participant::Pair;
use super::super::record::Call;
use super::super::trace::{End, Step};
use super::{Order, RecordingCommand, RecordingRefusal};
use crate::leg::Leg;

impl Call {
    /// An end asked by code for a recording on demand to start, or to stop.
    pub(in crate::call) fn record_on_demand(&mut self, pair: &Pair, end: End) {
        let who = match end {
            End::Caller => &pair.caller,
            End::Callee => &pair.callee,
        };
        if self.recording_mode(pair) != RecordingMode::OnDemand {
            return;
        }
        let command = match self.recording.current {
            Some(_) => RecordingCommand::Stop,
            None => RecordingCommand::Start,
        };
        if self.command_recording(pair, command).is_ok() {
            let beeps = match command {
                RecordingCommand::Start => 1,
                _ => 2,
            };
            beep(&*who.leg, beeps);
        }
    }

    /// Carries out an order.
    pub(in crate::call) fn order_recording(&mut self, pair: &Pair, order: Order) {
        let done = self.command_recording(pair, order.command);
        // Whoever asked may have gone.
        let _ = order.reply.send(done);
    }

    fn command_recording(
        &mut self,
        pair: &Pair,
        command: RecordingCommand,
    ) -> Result<(), RecordingRefusal> {
        match (command, &mut self.recording.current) {
            (RecordingCommand::Start, Some(_)) => Err(RecordingRefusal::Recording),
            (RecordingCommand::Start, None) => {
                if !self.exchange().recordings.are_possible() {
                    return Err(RecordingRefusal::Impossible);
                }
                let mode = self.recording_mode(pair);
                if mode == RecordingMode::Off {
                    return Err(RecordingRefusal::Off);
                }
                if self.recording.wanted.is_some() {
                    return Err(RecordingRefusal::Recording);
                }
                self.want_recording(pair, true);
                let begun = self.recording.current.is_some() || self.recording.wanted.is_some();
                if begun {
                    Ok(())
                } else {
                    Err(RecordingRefusal::Impossible)
                }
            }
            (RecordingCommand::Stop, Some(_)) => {
                self.recording.current = None;
                self.recording.over = true;
                self.step(Step::RecordingStopped);
                self.show_recording();
                Ok(())
            }
            (RecordingCommand::Pause, Some(current)) if !current.paused => {
                current.paused = true;
                current.recording.pause();
                self.step(Step::RecordingPaused);
                self.show_recording();
                Ok(())
            }
            (RecordingCommand::Resume, Some(current)) if current.paused => {
                current.paused = false;
                if !current.waits {
                    current.recording.resume();
                }
                self.step(Step::RecordingResumed);
                self.show_recording();
                Ok(())
            }
            _ => Err(RecordingRefusal::NotRecording),
        }
    }
}

/// Tells somebody who pressed `*3` that it was understood: one short tone for the start, two for the stop.
fn beep(leg: &dyn Leg, times: u32) {
    static TONE: OnceLock<Arc<Prompt>> = OnceLock::new();
    let tone = TONE.get_or_init(|| {
        let sample = |n: u32| (4000.0 * (TAU * 1400.0 * f64::from(n) / 8000.0).sin()) as i16;
        let samples: Vec<i16> = (0..1_200).map(sample).collect();
        Arc::new(Prompt::new("beep", &samples))
    });
    let sounds = vec![tone.clone().into(), Sound::Silence { ms: 100 }];
    match leg
        .stream()
        .map(|channel| channel.play(sounds, Repeat::Times(times)))
    {
        Some(Ok(playing)) => playing.detach(),
        Some(Err(error)) => tracing::error!(%error, "a confirmation tone cannot be played"),
        None => {}
    }
}
