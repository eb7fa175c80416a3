//! Speaking the greeting of a voicemail box by telephone. It becomes an audio file like those that are uploaded.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ramal_model::{
    Actor, AudioFileChange, AudioOrigin, NewAudioFile, Recorded, Stored, VoicemailBox,
};
use ramal_store::{Store, StoreError};

use super::super::voice::{Interrupted, Voice};
use super::{Limits, Take, Verdict, review, take};
use crate::voicemail::{Voicemail, file_name, remove};

/// The longest greeting, and the silence that ends it.
const LIMITS: Limits = Limits {
    longest: Duration::from_secs(120),
    silence: Duration::from_secs(5),
};
/// The shortest.
const SHORTEST: Duration = Duration::from_millis(500);

/// Lets the owner of a box speak its greeting.
pub(super) async fn speak(
    voice: &mut Voice<'_>,
    mailbox: &Stored<VoicemailBox>,
) -> Result<(), Interrupted> {
    let exchange = voice.call.exchange().clone();
    let Some(sounds) = exchange.music.audio_files() else {
        return voice.say(&["vm-not-available"]).await;
    };
    voice.say(&["vm-speak-greeting"]).await?;
    loop {
        let _open = Voicemail::opened(&exchange);
        let file = file_name(voice.call.id());
        let taken = Unused(take::take(voice, &file, LIMITS).await?);
        if let super::Ended::Interrupted(_) = &taken.0.ended {
            // He did not say that it is good.
            return voice.say(&["goodbye"]).await;
        }
        if taken.0.bytes == 0 || taken.0.spoken < SHORTEST {
            return voice.say(&["vm-too-short"]).await;
        }
        if let Verdict::Again = review(voice, &taken.0).await? {
            continue;
        }
        let making = use_it(exchange.store.clone(), &taken.0, &sounds, mailbox);
        let said = match voice.wait(making).await? {
            Ok(()) => "vm-greeting-kept",
            Err(error) => {
                tracing::error!(%error, "a greeting cannot be kept");
                "vm-not-stored"
            }
        };
        return voice.say(&[said]).await;
    }
}

/// A recording whose file goes, whatever became of it.
struct Unused(Take);

impl Drop for Unused {
    fn drop(&mut self) {
        remove(&self.0.path);
    }
}

/// Why a greeting was not kept.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("its sound cannot be written: {0}")]
    File(#[from] io::Error),
}

/// Makes the recording the greeting of the box.
async fn use_it(
    store: Store,
    take: &Take,
    folder: &Path,
    mailbox: &Stored<VoicemailBox>,
) -> Result<(), Failure> {
    let key = format!("{:032x}", rand::random::<u128>());
    let (from, played) = (take.path.clone(), folder.join(format!("{key}.wav")));
    let original = folder.join(format!("{key}.original"));
    tokio::task::spawn_blocking({
        let (played, original, folder) = (played.clone(), original.clone(), folder.to_owned());
        move || place(&from, &played, &original, &folder)
    })
    .await
    .map_err(io::Error::other)??;
    let sound = Recorded {
        origin: AudioOrigin::Upload {
            file_name: format!("{}.wav", mailbox.name),
            format: "wav".to_owned(),
        },
        key,
        duration_ms: take.duration_ms,
        octets: 2 * take.bytes,
    };
    let stored = store_it(&store, mailbox, sound).await;
    if stored.is_err() {
        remove(&played);
        remove(&original);
    }
    Ok(stored?)
}

/// The one that makes it count comes last.
fn place(from: &Path, played: &PathBuf, original: &PathBuf, folder: &Path) -> io::Result<()> {
    for to in [original, played] {
        fs::copy(from, to)?;
        fs::File::open(to)?.sync_all()?;
    }
    fs::File::open(folder)?.sync_all()
}

/// Replaces the greeting spoken before, or makes a new audio file and lets the box play it.
async fn store_it(
    store: &Store,
    mailbox: &Stored<VoicemailBox>,
    sound: Recorded,
) -> Result<(), StoreError> {
    let configuration = store.configuration();
    let boxes = &configuration.catalogue().voicemail_boxes;
    let mailbox = boxes.get(mailbox.id).map_or(mailbox, |current| current);
    let name: String = format!(
        "{} ({})",
        mailbox.name.chars().take(48).collect::<String>(),
        mailbox.id
    );
    let spoken = mailbox
        .greeting
        .and_then(|id| configuration.audio_file(id))
        .filter(|file| file.name == name);
    if let Some(spoken) = spoken {
        // What it was replaced by is deleted with the files that no object names, at the next start.
        let change = AudioFileChange::default();
        store
            .update_audio_file(&Actor::System, spoken.id, change, Some(sound))
            .await?;
        return Ok(());
    }
    let taken = configuration
        .audio_files()
        .iter()
        .any(|file| file.name.to_lowercase() == name.to_lowercase());
    let name = if taken {
        format!("{name} {:08x}", rand::random::<u32>())
    } else {
        name
    };
    let new = NewAudioFile {
        name,
        description: String::new(),
    };
    let file = store.create_audio_file(&Actor::System, new, sound).await?;
    store
        .update(
            &Actor::System,
            mailbox.id,
            move |settings: &VoicemailBox| VoicemailBox {
                greeting: Some(file.id),
                ..settings.clone()
            },
        )
        .await?;
    Ok(())
}
