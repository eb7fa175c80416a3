//! The folder of sounds: whole files or none, and nothing left over.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::HashSet;
use std::path::Path;

use ramal_sounds::{SoundError, Studio, StudioConfig};

fn studio(folder: &Path) -> Studio {
    Studio::open(StudioConfig {
        folder: folder.to_owned(),
        converter: None,
        espeak: "/nowhere/espeak-ng".into(),
    })
    .unwrap()
}

fn names(folder: &Path) -> HashSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[tokio::test]
async fn an_upload_is_kept_beside_what_is_played_and_a_refused_one_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let studio = studio(folder.path());
    let content = include_bytes!("fixtures/tone.mp3");
    let mut upload = studio.upload().await.unwrap();
    for part in content.chunks(700) {
        upload.append(part).await.unwrap();
    }
    let taken = studio.take(upload).await.unwrap();
    assert_eq!(std::fs::read(studio.original(&taken.key)).unwrap(), content);
    assert!(
        std::fs::read(studio.played(&taken.key))
            .unwrap()
            .starts_with(b"RIFF")
    );
    assert_eq!(names(folder.path()).len(), 2);

    let mut refused = studio.upload().await.unwrap();
    refused.append(b"\x89PNG\r\n\x1a\n").await.unwrap();
    assert!(matches!(
        studio.take(refused).await,
        Err(SoundError::NotSound { .. })
    ));
    drop(studio.upload().await.unwrap());
    let voice = ramal_sounds::Voice::of_language("pt-BR").unwrap();
    assert!(matches!(
        studio.speak("a", voice).await,
        Err(SoundError::NoVoice(_))
    ));
    assert_eq!(names(folder.path()).len(), 2);
    studio.delete(&taken.key);
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn what_a_power_cut_left_behind_goes_at_the_next_start_and_what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "aa.wav",
        "aa.original",
        "bb.wav",
        "bb.original",
        "cc.original",
        "dd.new",
        "aa-played.new",
    ] {
        std::fs::write(folder.path().join(name), b"x").unwrap();
    }
    let keep = ["aa", "cc", "ee"].map(str::to_owned).into();
    let mut missing = studio(folder.path()).clean(&keep);
    missing.sort();
    assert_eq!(missing, ["cc", "ee"]);
    let left = ["aa.wav", "aa.original", "cc.original"].map(str::to_owned);
    assert_eq!(names(folder.path()), HashSet::from(left));
}
