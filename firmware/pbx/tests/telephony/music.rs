//! Music on hold: AT-13, F160-F164.

use std::f64::consts::TAU;
use std::path::Path;
use std::time::Duration;

use ramal_model::{
    Actor, AudioOrigin, ExtensionChange, MusicClassInput, MusicPosition, NewAudioFile, Recorded,
};
use ramal_pbx::{PbxConfig, SoundFolders};
use sipphone::{Call, CallEvent, Source};

use crate::gateway::{Gateway, SOON, talking};

/// A tone of half full scale as the gateway stores sounds.
fn write_tone(path: &Path, frequency: f64, seconds: u32) {
    let samples = (0..seconds * 16_000)
        .map(|n| ((TAU * frequency * f64::from(n) / 16_000.0).sin() * 8_000.0) as i16);
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let mut octets =
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3E\0\0\0\x7D\0\0\x02\0\x10\0data"
            .to_vec();
    octets.extend_from_slice(&(data.len() as u32).to_le_bytes());
    octets.extend_from_slice(&data);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, octets).unwrap();
}

/// The gateway's own music is 500 Hz.
pub async fn gateway() -> Gateway {
    Gateway::start_with(|config, folder| {
        write_tone(&folder.join("music/own.wav"), 500.0, 10);
        PbxConfig {
            sounds: SoundFolders {
                audio_files: Some(folder.join("sounds")),
                music: Some(folder.join("music")),
            },
            ..config
        }
    })
    .await
}

/// A class that plays one tone.
pub async fn class(
    gateway: &Gateway,
    name: &str,
    frequency: f64,
    position: MusicPosition,
) -> ramal_model::MusicClassId {
    let key = format!("{:032x}", frequency as u32);
    write_tone(
        &gateway.folder().join(format!("sounds/{key}.wav")),
        frequency,
        10,
    );
    let new = NewAudioFile {
        name: name.into(),
        description: String::new(),
    };
    let origin = AudioOrigin::Upload {
        file_name: String::new(),
        format: "wav".into(),
    };
    let sound = Recorded {
        origin,
        key,
        duration_ms: 10_000,
        octets: 320_044,
    };
    let file = gateway
        .store
        .create_audio_file(&Actor::System, new, sound)
        .await
        .unwrap();
    let input = MusicClassInput {
        name: Some(name.into()),
        files: Some(vec![file.id]),
        position: Some(position),
        ..MusicClassInput::default()
    };
    gateway
        .store
        .create_music_class(&Actor::System, input)
        .await
        .unwrap()
        .id
}

/// Waits until a call hears this tone and, a moment later, nothing else.
pub async fn hears(call: &Call, frequency: f64) {
    let told = || {
        let heard = call.audio().last(Duration::from_millis(200));
        let level = sipphone::level_dbm0(&heard, frequency);
        (heard.len() >= 1_600 && level > -20.0, level)
    };
    tokio::time::timeout(SOON, async {
        while !told().0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{frequency} Hz is not heard: {:?}", told()));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_13_whoever_is_held_hears_the_gateways_music_until_he_is_taken_back() {
    let gateway = gateway().await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let (mut out, inn) = talking(&ana, "2002", &bruno).await;
    inn.audio().send(Source::Tone {
        frequency: 1_000.0,
        dbm0: -10.0,
    });
    hears(&out, 1_000.0).await;
    for _ in 0..2 {
        inn.hold();
        out.wait(SOON, |event| *event == CallEvent::Held)
            .await
            .unwrap();
        hears(&out, 500.0).await;
        inn.resume();
        out.wait(SOON, |event| *event == CallEvent::Resumed)
            .await
            .unwrap();
        hears(&out, 1_000.0).await;
    }
    // The one who holds hears nothing of it.
    let level = sipphone::level_dbm0(&inn.audio().heard(), 500.0);
    assert!(level < -50.0, "{level}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f160_the_holders_class_decides_and_the_companys_where_he_has_none() {
    let gateway = gateway().await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let of_bruno = class(&gateway, "Bruno", 700.0, MusicPosition::OwnOfCaller).await;
    let configuration = gateway.store.configuration();
    let id = configuration.extension_by_number("2002").unwrap().id;
    let change = ExtensionChange {
        music_class: Some(Some(of_bruno)),
        ..ExtensionChange::default()
    };
    gateway
        .store
        .update_extension(&Actor::System, id, change)
        .await
        .unwrap();

    let (mut out, inn) = talking(&ana, "2002", &bruno).await;
    inn.hold();
    out.wait(SOON, |event| *event == CallEvent::Held)
        .await
        .unwrap();
    hears(&out, 700.0).await;
    inn.resume();
    out.wait(SOON, |event| *event == CallEvent::Resumed)
        .await
        .unwrap();

    // A change counts from the next hold on, in calls that are going on, too.
    let of_company = class(&gateway, "Casa", 900.0, MusicPosition::Shared).await;
    let mut company = ramal_model::NewCompany::from(configuration.company().unwrap());
    company.music_class = Some(of_company);
    gateway
        .store
        .change_company(&Actor::System, company)
        .await
        .unwrap();
    let change = ExtensionChange {
        music_class: Some(None),
        ..ExtensionChange::default()
    };
    gateway
        .store
        .update_extension(&Actor::System, id, change)
        .await
        .unwrap();
    let (mut inn, mut out) = (inn, out);
    // The files of a new class are opened in the background.
    tokio::time::timeout(SOON, async {
        loop {
            inn.hold();
            out.wait(SOON, |event| *event == CallEvent::Held)
                .await
                .unwrap();
            out.audio().forget();
            tokio::time::sleep(Duration::from_millis(400)).await;
            let heard = out.audio().last(Duration::from_millis(200));
            if sipphone::level_dbm0(&heard, 900.0) > -20.0 {
                break;
            }
            inn.resume();
            out.wait(SOON, |event| *event == CallEvent::Resumed)
                .await
                .unwrap();
        }
    })
    .await
    .unwrap();
    inn.hang_up();
    out.wait_ended(SOON).await.unwrap();
    let _ = inn.wait_ended(SOON).await;
}
