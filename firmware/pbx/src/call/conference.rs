//! Somebody in a conference: the PIN at its door, what he hears in it, and what his keys do (F165-F167).
//!
//! `*1` mutes oneself and takes it back. Moderators: `*2` closes and opens the conference, `*3` puts out who came last,
//! `*4` mutes all others and takes it back.

use std::f64::consts::TAU;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ramal_media::{PlayHandle, Prompt, Repeat};
use ramal_model::{Conference, Configuration, Stored};
use tokio::time::Instant;

use super::Outcome;
use super::participant::Participant;
use super::record::Call;
use super::trace::{End, EndedHere, NoEntry, Step};
use super::voice::{self, Heard, Interrupted, Voice};
use crate::clock::utc_ms;
use crate::conference::{Conferences, NotIn, Place};
use crate::recordings::{Beginning, Recordings};

/// PINs that may be tried (F166).
const ATTEMPTS: u32 = 3;
/// How long somebody may think before the first key of a PIN.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long somebody is waited for who may be the moderator.
const SHORT_PATIENCE: Duration = Duration::from_secs(4);
/// The second key must follow `*` within this time.
const KEY_TIME: Duration = Duration::from_secs(3);

/// Takes the call of somebody and lets him into a conference, until he leaves it. Whoever calls this ends his leg with the
/// outcome.
pub(super) async fn join(
    call: &mut Call,
    participant: &mut Participant,
    conference: &Stored<Conference>,
    configuration: &Configuration,
) -> Outcome {
    if let Err(refused) = voice::answer(call, participant) {
        return refused;
    }
    call.served_by("conference", conference.number.clone());
    let Participant {
        leg, who, record, ..
    } = participant;
    call.answered(*record, None, leg.codec());
    let mut room = who.party();
    room.number.clone_from(&conference.number);
    room.name.clone_from(&conference.name);
    call.now_at(End::Callee, room);
    let party = who.party();
    let mut voice = Voice::new(call, &mut **leg, who, configuration);
    let visit = async {
        let Some(moderator) = admitted(&mut voice, conference).await? else {
            refuse(&mut voice, conference, NoEntry::Pin);
            return voice.say(&["goodbye"]).await;
        };
        let exchange = voice.call.exchange().clone();
        let id = voice.call.id().clone();
        let joined = {
            let channel = voice.channel()?;
            Conferences::join(&exchange, conference, &id, party, moderator, channel)
        };
        match joined {
            Ok(place) => stay(&mut voice, conference, &place, configuration).await,
            Err(NotIn::Full) => {
                refuse(&mut voice, conference, NoEntry::Full);
                voice.say(&["conf-full", "goodbye"]).await
            }
            Err(NotIn::Locked) => {
                refuse(&mut voice, conference, NoEntry::Locked);
                voice.say(&["conf-locked", "goodbye"]).await
            }
        }
    };
    match visit.await {
        Ok(()) => call.ended_here(EndedHere::Finished),
        Err(interrupted) => interrupted.outcome(call),
    }
}

fn refuse(voice: &mut Voice<'_>, conference: &Conference, reason: NoEntry) {
    voice.call.step(Step::ConferenceRefused {
        conference: conference.name.clone(),
        reason,
    });
}

/// Whether somebody may come in, and as the moderator; none when he does not know the PIN.
async fn admitted(
    voice: &mut Voice<'_>,
    conference: &Conference,
) -> Result<Option<bool>, Interrupted> {
    let moderator_pin = conference.moderator_pin.as_deref();
    if !conference.use_pin {
        if moderator_pin.is_none() {
            return Ok(Some(false));
        }
        let words = ["conf-moderator-pin"];
        let pin = voice.ask_number(&words, SHORT_PATIENCE, 10).await?;
        return Ok(Some(moderator_pin == Some(pin.as_str())));
    }
    for attempt in 1..=ATTEMPTS {
        let pin = voice.ask_number(&["enter-pin"], PATIENCE, 10).await?;
        if moderator_pin == Some(pin.as_str()) {
            return Ok(Some(true));
        }
        if conference.pin.as_deref() == Some(pin.as_str()) {
            return Ok(Some(false));
        }
        voice.call.step(Step::WrongPin { attempt });
        voice.say(&["wrong-pin"]).await?;
    }
    Ok(None)
}

/// What a member hears besides the room.
#[derive(Default)]
struct Hearing {
    music: Option<PlayHandle>,
    muted: bool,
    /// Who had come and gone when it was last looked, and how many were there.
    moves: u64,
    members: usize,
}

/// A member is in the conference until he leaves it or is put out.
async fn stay(
    voice: &mut Voice<'_>,
    conference: &Stored<Conference>,
    place: &Place,
    configuration: &Configuration,
) -> Result<(), Interrupted> {
    let mut notice_played_at = None;
    if conference.record && voice.call.exchange().recordings.are_possible() {
        let own = configuration.recording_notice_of(conference.company);
        let own = match own {
            Some(file) => voice.open_audio(configuration, file).await?,
            None => None,
        };
        match own {
            Some(own) => voice.play(vec![own]).await?,
            None => voice.say(&["recording-notice"]).await?,
        }
        voice.call.step(Step::RecordingNoticePlayed);
        notice_played_at = Some(utc_ms());
    }
    let Some(now) = place.situation() else {
        return Ok(());
    };
    voice.call.step(Step::ConferenceJoined {
        conference: conference.name.clone(),
        moderator: place.is_moderator(),
        members: now.members,
    });
    let mut news = place.room.watch();
    let mut hearing = Hearing {
        moves: news.borrow_and_update().moves,
        members: now.members,
        ..Hearing::default()
    };
    if now.waiting {
        voice.say(&["conf-waiting"]).await?;
    } else if now.members < 2 {
        voice.say(&["conf-alone"]).await?;
    }
    place
        .enter(voice.channel()?, now.muted)
        .await
        .map_err(Interrupted::Media)?;
    hearing.muted = now.muted;
    if now.members > 1 && !now.waiting && place.room.has_join_tone() {
        play(voice, tone(true));
    }
    let mut star: Option<Instant> = None;
    let mut pressed = None;
    loop {
        let moves = news.borrow_and_update().moves;
        let Some(now) = place.situation() else {
            return Ok(());
        };
        if now.removed {
            hearing.music = None;
            place.leave(voice.channel()?);
            voice.call.step(Step::ConferenceRemoved {
                conference: conference.name.clone(),
            });
            return voice.say(&["conf-removed", "goodbye"]).await;
        }
        if now.muted != hearing.muted {
            place
                .enter(voice.channel()?, now.muted)
                .await
                .map_err(Interrupted::Media)?;
            hearing.muted = now.muted;
        }
        if now.waiting || now.members < 2 {
            if hearing.music.is_none() {
                hearing.music = music(voice, conference, configuration);
            }
        } else {
            hearing.music = None;
            if moves != hearing.moves && place.room.has_join_tone() {
                play(voice, tone(now.members >= hearing.members));
            }
        }
        (hearing.moves, hearing.members) = (moves, now.members);
        if let Some(notice_played_at) = notice_played_at {
            record(voice, place, notice_played_at)?;
        }
        let key = match pressed.take() {
            Some(key) => key,
            None => match voice.until_key(news.changed()).await? {
                // The room is held by our place in it: it does not go before us.
                Heard::Done(_) => continue,
                Heard::Key(key) => key,
            },
        };
        if key == '*' {
            star = Some(Instant::now());
        } else if star.take().is_some_and(|at| at.elapsed() < KEY_TIME)
            && let Some(said) = command(place, key)
        {
            hearing.music = None;
            let sounds = voice.words(&[said]);
            pressed = voice.play_until_key(sounds).await?;
        }
    }
}

/// Does what the second key says; what is said to whoever pressed it.
fn command(place: &Place, key: char) -> Option<&'static str> {
    let moderator = place.is_moderator();
    let now = place.situation()?;
    match key {
        '1' => {
            place.room.mute(place.call(), !now.muted);
            Some(if now.muted {
                "conf-unmuted"
            } else {
                "conf-muted"
            })
        }
        '2' if moderator => {
            place.room.lock(!now.locked);
            Some(if now.locked {
                "conf-opened"
            } else {
                "conf-closed"
            })
        }
        '3' if moderator => {
            let last = place.last_other()?;
            place.room.remove(&last).then_some("conf-put-out")
        }
        '4' if moderator => Some(if place.room.mute_all() {
            "conf-others-muted"
        } else {
            "conf-others-unmuted"
        }),
        _ => None,
    }
}

/// Plays a tone without waiting for its end.
fn play(voice: &mut Voice<'_>, tone: Arc<Prompt>) {
    if let Ok(channel) = voice.channel() {
        match channel.play(vec![tone.into()], Repeat::Once) {
            Ok(playing) => playing.detach(),
            Err(error) => tracing::error!(%error, "a tone of a conference cannot be played"),
        }
    }
}

/// The music of whoever is alone, or waits for the moderator.
fn music(
    voice: &Voice<'_>,
    conference: &Conference,
    configuration: &Configuration,
) -> Option<PlayHandle> {
    let company = configuration.music_class_of(conference.company);
    let class = conference.music_class.or(company);
    let exchange = voice.call.exchange();
    let programme = exchange.music.programme(configuration, class)?;
    let before = programme.running.unwrap_or_default();
    let channel = voice.channel().ok()?;
    channel
        .play_round(programme.sounds, before)
        .inspect_err(|error| tracing::warn!(%error, "somebody in a conference hears no music"))
        .ok()
}

/// Records the conference here unless somebody else's call does.
fn record(voice: &mut Voice<'_>, place: &Place, notice_played_at: i64) -> Result<(), Interrupted> {
    let exchange = voice.call.exchange().clone();
    let (id, codec) = (voice.call.id().clone(), voice.leg.codec());
    let began = place.record(voice.channel()?, || {
        let beginning = Beginning {
            call: &id,
            number: 1,
            codec: codec?,
            notice_played_at: Some(notice_played_at),
            on_demand: false,
        };
        Recordings::begin(&exchange, &beginning)
    });
    if began {
        voice.call.step(Step::RecordingStarted { on_demand: false });
    }
    Ok(())
}

/// What tells that somebody came, or left.
fn tone(came: bool) -> Arc<Prompt> {
    static TONES: [OnceLock<Arc<Prompt>>; 2] = [OnceLock::new(), OnceLock::new()];
    let [left, joined] = &TONES;
    let (place, frequencies) = if came {
        (joined, [660.0, 880.0])
    } else {
        (left, [880.0, 660.0])
    };
    let made = place.get_or_init(|| {
        let sample = |n: u32| {
            let frequency = frequencies[usize::from(n >= 960)];
            (3_000.0 * (TAU * frequency * f64::from(n) / 8_000.0).sin()) as i16
        };
        let samples: Vec<i16> = (0..1_920).map(sample).collect();
        Arc::new(Prompt::new("conference", &samples))
    });
    made.clone()
}
