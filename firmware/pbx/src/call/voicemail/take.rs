//! Recording somebody alone: from the tone to a key, silence, the longest time or the end of the call.

use std::f64::consts::TAU;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ramal_media::{
    Finished, MediaError, Part, Prompt, RecordingFailure, RoomEvent, Sound, keep_message,
};
use tokio::time::{Instant, sleep_until};

use super::super::voice::{Heard, Interrupted, Voice};

/// Hz and milliseconds of the tone after which somebody speaks (F090).
const TONE: f64 = 440.0;
const TONE_MS: u32 = 500;
/// Peak of the tone, about -13 dBm0.
const AMPLITUDE: f64 = 5_000.0;
/// The end of speech is known so late.
const HANGOVER: Duration = Duration::from_millis(160);
/// What is kept after the last sound.
const TAIL: Duration = Duration::from_millis(500);

/// When a recording ends by itself.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// The longest it may be.
    pub(super) longest: Duration,
    /// This much silence ends it.
    pub(super) silence: Duration,
}

/// Why a recording ended.
pub(super) enum Ended {
    /// By the key `#`.
    Key,
    /// Nothing was said any more.
    Silence,
    /// It is as long as it may be.
    TooLong,
    /// It cannot go on; none when nothing can be recorded at all.
    Failed(Option<RecordingFailure>),
    /// The call is over, or does not go on here.
    Interrupted(Interrupted),
}

/// What somebody spoke.
pub(super) struct Take {
    /// Its file.
    pub(super) path: PathBuf,
    /// From the tone to the last sound; nothing when there was none.
    pub(super) spoken: Duration,
    /// Length of the file, and its size; 0 when there is none.
    pub(super) duration_ms: u64,
    pub(super) bytes: u64,
    /// Why it ended.
    pub(super) ended: Ended,
}

/// Plays the tone and records what follows into the file of this name.
pub(super) async fn take(
    voice: &mut Voice<'_>,
    file: &str,
    limits: Limits,
) -> Result<Take, Interrupted> {
    let exchange = voice.call.exchange().clone();
    voice.play(vec![tone()]).await?;
    let begun = voice.leg.codec().and_then(|codec| {
        let folder = exchange.voicemail.folder()?;
        let (recording, end) = exchange.voicemail.record(file, codec)?;
        Some((folder.join(file), recording, end))
    });
    let Some((path, mut recording, mut end)) = begun else {
        return Ok(Take {
            path: PathBuf::new(),
            spoken: Duration::ZERO,
            duration_ms: 0,
            bytes: 0,
            ended: Ended::Failed(None),
        });
    };
    // Alone in a room: there it is known when he talks, and he hears silence and not nothing.
    let room = exchange.engine.room();
    let mut events = room.events().map_err(Interrupted::Media)?;
    room.join(voice.channel()?, Part::Speaker)
        .await
        .map_err(Interrupted::Media)?;
    recording
        .tap(voice.channel()?)
        .map_err(Interrupted::Media)?;
    let began = Instant::now();
    let mut speech = Speech {
        began,
        talking: false,
        last: None,
    };
    let mut finished: Option<Finished> = None;
    let ended = loop {
        let quiet = speech.quiet_since() + limits.silence;
        let next = async {
            tokio::select! {
                event = events.recv() => Next::Room(event),
                finished = &mut end => Next::Finished(finished),
                () = sleep_until(quiet), if !speech.talking => Next::Silence,
                () = sleep_until(began + limits.longest) => Next::TooLong,
            }
        };
        match voice.until_key(next).await {
            Ok(Heard::Key('#')) => break Ended::Key,
            Ok(Heard::Key(_)) => {}
            Ok(Heard::Done(Next::Room(Some(event)))) => speech.heard(event),
            Ok(Heard::Done(Next::Room(None))) => {
                break Ended::Interrupted(Interrupted::Media(MediaError::Stopped));
            }
            Ok(Heard::Done(Next::Finished(early))) => {
                let failure = early.failure.clone();
                finished = Some(early);
                break Ended::Failed(failure);
            }
            Ok(Heard::Done(Next::Silence)) => break Ended::Silence,
            Ok(Heard::Done(Next::TooLong)) => break Ended::TooLong,
            Err(interrupted) => break Ended::Interrupted(interrupted),
        }
    };
    let spoken = speech.length().min(limits.longest);
    drop(recording);
    drop(room);
    if finished.is_none() {
        finished = Some(end.await);
    }
    let failure = finished.and_then(|finished| finished.failure);
    let at_most = (spoken + TAIL).min(limits.longest);
    let kept = tokio::task::spawn_blocking({
        let path = path.clone();
        let at_most = u64::try_from(at_most.as_millis()).unwrap_or(u64::MAX);
        move || keep_message(&path, at_most)
    })
    .await;
    let (duration_ms, bytes, ended) = match (kept, failure) {
        (Ok(Ok(kept)), None) => (kept.duration_ms, kept.bytes, ended),
        (Ok(Ok(kept)), Some(failure)) => {
            exchange.recordings.alarm(Some(&failure));
            (kept.duration_ms, kept.bytes, Ended::Failed(Some(failure)))
        }
        (_, Some(failure)) => {
            exchange.recordings.alarm(Some(&failure));
            (0, 0, Ended::Failed(Some(failure)))
        }
        (Ok(Err(error)), None) if error.kind() == std::io::ErrorKind::InvalidData => (0, 0, ended),
        (Ok(Err(error)), None) => {
            tracing::error!(%error, "a message cannot be kept");
            let failure = RecordingFailure::from(error);
            exchange.recordings.alarm(Some(&failure));
            (0, 0, Ended::Failed(Some(failure)))
        }
        (Err(_), None) => (0, 0, Ended::Failed(None)),
    };
    Ok(Take {
        path,
        spoken,
        duration_ms,
        bytes,
        ended,
    })
}

/// What happens while somebody speaks.
enum Next {
    Room(Option<RoomEvent>),
    Finished(Finished),
    Silence,
    TooLong,
}

/// When he has spoken.
struct Speech {
    began: Instant,
    talking: bool,
    /// When he last stopped.
    last: Option<Instant>,
}

impl Speech {
    fn heard(&mut self, event: RoomEvent) {
        match event {
            RoomEvent::TalkBegan { .. } => self.talking = true,
            RoomEvent::TalkEnded { .. } => {
                self.talking = false;
                let now = Instant::now();
                self.last = Some(now.checked_sub(HANGOVER).unwrap_or(now).max(self.began));
            }
        }
    }

    /// Since when nothing was said, should he not be talking.
    fn quiet_since(&self) -> Instant {
        self.last.unwrap_or(self.began)
    }

    /// From the beginning to the last sound.
    fn length(&self) -> Duration {
        if self.talking {
            return self.began.elapsed();
        }
        self.last
            .map_or(Duration::ZERO, |last| last.duration_since(self.began))
    }
}

/// The tone after which somebody speaks.
fn tone() -> Sound {
    static TONE_SOUND: OnceLock<Arc<Prompt>> = OnceLock::new();
    let tone = TONE_SOUND.get_or_init(|| {
        let sample = |n: u32| (AMPLITUDE * (TAU * TONE * f64::from(n) / 8_000.0).sin()) as i16;
        let samples: Vec<i16> = (0..TONE_MS * 8).map(sample).collect();
        Arc::new(Prompt::new("vm-tone", &samples))
    });
    tone.clone().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_length_of_speech_goes_from_the_tone_to_the_last_sound() {
        let mut speech = Speech {
            began: Instant::now(),
            talking: false,
            last: None,
        };
        assert_eq!(speech.length(), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(2)).await;
        speech.heard(RoomEvent::TalkBegan { channel: 1 });
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(speech.length(), Duration::from_secs(5));
        speech.heard(RoomEvent::TalkEnded { channel: 1 });
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(speech.length(), Duration::from_millis(4_840));
        assert_eq!(
            speech.quiet_since().elapsed(),
            Duration::from_millis(60_160)
        );
    }
}
