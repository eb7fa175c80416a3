//! Somebody who waits in a queue: his place, and what he hears meanwhile.

use std::sync::Arc;
use std::time::Duration;

use ramal_media::{PlayHandle, Prompt, Repeat, Sound};
use ramal_model::{Language, MusicClassId, Queue};
use ramal_phrases::Composer;
use tokio::time::{Instant, sleep_until};

use super::record::Call;
use crate::leg::Leg;
use crate::queues::{Announcing, Place, Turn, wait_in_minutes};

/// Between what is said.
const PAUSE: Sound = Sound::Silence { ms: 400 };

/// What wakes somebody who waits.
pub(super) enum Woken {
    /// It may be his turn.
    Turn(Turn),
    /// He is to hear something else now.
    Hears,
    /// He has waited long enough.
    Enough,
}

/// What he hears.
enum Playing {
    Nothing,
    /// Dropping the handle ends it.
    Music {
        _handle: PlayHandle,
        since: Instant,
    },
    Announcement(PlayHandle),
}

/// A caller in a queue.
pub(super) struct Queued {
    pub(super) place: Place,
    pub(super) entered: Instant,
    /// What a member hears who takes the call, before he is connected.
    pub(super) whisper: Vec<Sound>,
    /// What is said from time to time.
    announcement: Option<Arc<Prompt>>,
    says_position: bool,
    says_wait: bool,
    /// The key by which he may be called back.
    callback_key: Option<String>,
    announcing: Option<Announcing>,
    language: Language,
    class: Option<MusicClassId>,
    /// Of music that each hears from its beginning, how much he has heard.
    heard: Duration,
    playing: Playing,
}

impl Queued {
    pub(super) fn new(
        place: Place,
        entered: Instant,
        queue: &Queue,
        announcement: Option<Arc<Prompt>>,
        language: Language,
        reachable: bool,
    ) -> Self {
        Self {
            place,
            entered,
            whisper: Vec::new(),
            announcement,
            says_position: queue.announce_position,
            says_wait: queue.announce_wait,
            callback_key: queue.callback_key.clone().filter(|_| reachable),
            announcing: Announcing::new(queue.announce_every),
            language,
            class: queue.music_class,
            heard: Duration::ZERO,
            playing: Playing::Nothing,
        }
    }

    /// Waits for his turn, for what he hears next, and for the end of his patience. May be cancelled.
    pub(super) async fn woken(&mut self, deadline: Instant) -> Woken {
        let next = self.next_announcement();
        let Self { place, playing, .. } = self;
        tokio::select! {
            turn = place.turn() => Woken::Turn(turn),
            () = due(playing, next) => Woken::Hears,
            () = sleep_until(deadline) => Woken::Enough,
        }
    }

    /// Waits until he is to hear something else. May be cancelled.
    pub(super) async fn hears_next(&mut self) {
        let next = self.next_announcement();
        due(&mut self.playing, next).await;
    }

    fn next_announcement(&self) -> Option<Instant> {
        self.announcing.map(|it| self.entered + it.next())
    }

    /// Lets him hear what comes next: after music an announcement, after that music again.
    pub(super) fn hear_next(&mut self, call: &Call, leg: &dyn Leg) {
        if let Playing::Announcement(_) = self.playing {
            if let Some(announcing) = &mut self.announcing {
                announcing.over(self.entered.elapsed());
            }
            return self.hear_music(call, leg);
        }
        if let Some(announcing) = &mut self.announcing {
            announcing.heard(self.entered.elapsed());
        }
        // He must hear to its end that the call will be recorded.
        if call.recording.notice_is_playing() {
            return;
        }
        if let Playing::Music { since, .. } = &self.playing {
            self.heard += since.elapsed();
        }
        let sounds = self.announcement(call);
        match leg.stream().map(|stream| stream.play(sounds, Repeat::Once)) {
            Some(Ok(handle)) => self.playing = Playing::Announcement(handle),
            Some(Err(error)) => tracing::warn!(%error, "somebody who waits is told nothing"),
            None => {}
        }
    }

    /// Lets him hear music again, should something else have been said to him while members rang.
    pub(super) fn hears_on(&mut self, call: &Call, leg: &dyn Leg) {
        if call.recording.has_spoken() && !matches!(self.playing, Playing::Announcement(_)) {
            self.hear_music(call, leg);
        }
    }

    /// Lets him hear music.
    pub(super) fn hear_music(&mut self, call: &Call, leg: &dyn Leg) {
        self.playing = Playing::Nothing;
        let exchange = call.exchange();
        let configuration = exchange.configuration.borrow().clone();
        let class = self.class.or(call.of_number.music_class);
        let class = class.or_else(|| configuration.music_class_of(call.company()));
        let (Some(programme), Some(stream)) = (
            exchange.music.programme(&configuration, class),
            leg.stream(),
        ) else {
            return;
        };
        let before = programme.running.unwrap_or(self.heard);
        match stream.play_round(programme.sounds, before) {
            Ok(handle) => {
                self.playing = Playing::Music {
                    _handle: handle,
                    since: Instant::now(),
                };
            }
            Err(error) => tracing::warn!(%error, "somebody who waits hears nothing"),
        }
    }

    /// Ends what he hears.
    pub(super) fn hear_nothing(&mut self) {
        self.playing = Playing::Nothing;
    }

    fn announcement(&self, call: &Call) -> Vec<Sound> {
        let prompts = call.exchange().engine.prompts();
        let own = |word: &str| prompts.get(self.language.tag(), word).map(Sound::Prompt);
        let composer = Composer::new(self.language);
        let mut sounds = vec![PAUSE];
        match &self.announcement {
            Some(announcement) => sounds.push(Sound::Prompt(Arc::clone(announcement))),
            None => sounds.extend(own("queue-please-hold")),
        }
        if self.says_position {
            sounds.push(PAUSE);
            let position = u32::try_from(self.place.position()).unwrap_or(u32::MAX);
            let words = composer.position(position);
            sounds.extend(words.iter().filter_map(|word| own(word)));
        }
        if self.says_wait
            && let Some(wait) = self.place.expected_wait()
        {
            sounds.push(PAUSE);
            sounds.extend(own("queue-wait"));
            let words = composer.duration(wait_in_minutes(wait));
            sounds.extend(words.iter().filter_map(|word| own(word)));
        }
        if let Some(key) = &self.callback_key {
            sounds.push(PAUSE);
            sounds.extend(own("queue-callback-offer"));
            let words = composer.digits(key);
            sounds.extend(words.iter().filter_map(|word| own(word)));
        }
        sounds.push(PAUSE);
        sounds
    }
}

/// Waits until an announcement is over, or until the next one is due.
async fn due(playing: &mut Playing, next: Option<Instant>) {
    match (playing, next) {
        (Playing::Announcement(handle), _) => {
            handle.wait().await;
        }
        (_, Some(next)) => sleep_until(next).await,
        (_, None) => std::future::pending().await,
    }
}

/// What wakes him while somebody is rung for him; never when he does not wait in a queue.
pub(super) async fn hears_next(queued: Option<&mut Box<Queued>>) {
    match queued {
        Some(queued) => queued.hears_next().await,
        None => std::future::pending().await,
    }
}
