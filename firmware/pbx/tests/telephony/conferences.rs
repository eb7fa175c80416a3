//! Conferences (F165-F167, AT-14), with real sockets on both sides.

use ramal_model::{Actor, Conference, Queue, Stored};
use ramal_pbx::RecordingConfig;
use ramal_store::{CallFilter, RecordingFilter};
use sipphone::{Call, Phone};

use crate::gateway::{Gateway, SOON, steps};
use crate::sounds::{does_not_hear, hears, install, speak, tone};

/// Hz of the prompts of these tests, and of the music.
const PIN: f64 = 600.0;
const WRONG_PIN: f64 = 800.0;
const FULL: f64 = 1_000.0;
const LOCKED: f64 = 1_100.0;
const REMOVED: f64 = 1_200.0;
const MUTED: f64 = 1_300.0;
const CLOSED: f64 = 1_400.0;
const PUT_OUT: f64 = 1_500.0;
const NOTICE: f64 = 1_600.0;
const WAITING: f64 = 1_700.0;
const MUSIC: f64 = 500.0;
/// What members say.
const VOICES: [f64; 3] = [2_000.0, 2_400.0, 2_800.0];

const PROMPTS: [(&str, f64); 10] = [
    ("enter-pin", PIN),
    ("wrong-pin", WRONG_PIN),
    ("conf-full", FULL),
    ("conf-locked", LOCKED),
    ("conf-removed", REMOVED),
    ("conf-muted", MUTED),
    ("conf-closed", CLOSED),
    ("conf-put-out", PUT_OUT),
    ("recording-notice", NOTICE),
    ("conf-waiting", WAITING),
];

async fn gateway() -> Gateway {
    Gateway::start_with(|mut config, folder| {
        install(folder, &PROMPTS);
        let music = folder.join("music");
        std::fs::create_dir_all(&music).unwrap();
        std::fs::write(music.join("a.wav"), tone(MUSIC, 5_000)).unwrap();
        config.sounds.music = Some(music);
        config.recordings = Some(RecordingConfig {
            folder: folder.join("recordings"),
            reserve: 0,
        });
        config
    })
    .await
}

async fn room(gateway: &Gateway, settings: Conference) -> Stored<Conference> {
    let settings = Conference {
        name: "Reunião".into(),
        number: "5000".into(),
        ..settings
    };
    gateway
        .store
        .create(&Actor::System, settings)
        .await
        .unwrap()
}

async fn joins(phone: &Phone) -> Call {
    let mut call = phone.call("5000").await.unwrap();
    call.wait_answered(SOON).await.unwrap();
    call
}

/// Waits until so many are in the only conference.
async fn members(gateway: &Gateway, count: usize) {
    let mut events = gateway.pbx.subscribe();
    let wait = async {
        loop {
            let rooms = gateway.pbx.conferences();
            if rooms.first().map_or(0, |room| room.members.len()) == count {
                return;
            }
            events.recv().await.unwrap();
        }
    };
    tokio::time::timeout(SOON, wait)
        .await
        .unwrap_or_else(|_| panic!("{:?}", gateway.pbx.conferences()));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_14_three_hear_each_other_and_whoever_is_alone_hears_music() {
    let gateway = gateway().await;
    let phones = [
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    ];
    let conference = room(&gateway, Conference::default()).await;
    // Its number is nobody else's.
    let queue = Queue {
        name: "Vendas".into(),
        number: "5000".into(),
        ..Queue::default()
    };
    let refused = gateway.store.create(&Actor::System, queue).await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("5000") || refused.contains("number"),
        "{refused}"
    );

    let ana = joins(&phones[0]).await;
    hears(&ana, MUSIC).await;
    let bruno = joins(&phones[1]).await;
    does_not_hear(&ana, MUSIC).await;
    let carla = joins(&phones[2]).await;
    members(&gateway, 3).await;
    let calls = [&ana, &bruno, &carla];
    for (speaker, voice) in calls.iter().zip(VOICES) {
        speak(speaker, voice);
    }
    for (listener, own) in calls.iter().zip(VOICES) {
        for voice in VOICES.into_iter().filter(|voice| *voice != own) {
            hears(listener, voice).await;
        }
        does_not_hear(listener, own).await;
    }
    let talking = || {
        let rooms = gateway.pbx.conferences();
        rooms[0].members.iter().all(|member| member.talking)
    };
    let deadline = tokio::time::Instant::now() + SOON;
    while !talking() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{:?}",
            gateway.pbx.conferences()
        );
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    bruno.hang_up();
    carla.hang_up();
    members(&gateway, 1).await;
    hears(&ana, MUSIC).await;
    ana.hang_up();
    gateway.wait("the end", |live| live.calls.is_empty()).await;
    assert!(gateway.pbx.conferences().is_empty());
    // One row each (D16).
    let records = gateway.store.calls(CallFilter::default()).await.unwrap();
    assert_eq!(records.len(), 3);
    for record in &records {
        assert!(steps(record).contains(&"conference_joined"), "{record:#?}");
        assert_eq!(record.legs[1].device, "conference");
    }
    assert_eq!(conference.number, "5000");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_14_the_pin_is_asked_for_three_times() {
    let gateway = gateway().await;
    let phone = gateway.phone("2001").await;
    let settings = Conference {
        use_pin: true,
        pin: Some("4321".into()),
        ..Conference::default()
    };
    room(&gateway, settings).await;
    let mut call = joins(&phone).await;
    for _ in 0..3 {
        hears(&call, PIN).await;
        call.audio().send_digits("1111#");
        hears(&call, WRONG_PIN).await;
    }
    call.wait_ended(SOON).await.unwrap();
    let record = gateway.record().await;
    let wrong = steps(&record)
        .iter()
        .filter(|step| **step == "wrong_pin")
        .count();
    assert_eq!(wrong, 3);
    assert!(steps(&record).contains(&"conference_refused"));
    let call = joins(&phone).await;
    hears(&call, PIN).await;
    call.audio().send_digits("4321#");
    hears(&call, MUSIC).await;
    members(&gateway, 1).await;
    call.hang_up();
}

#[tokio::test(flavor = "multi_thread")]
async fn f167_a_moderator_is_waited_for_mutes_closes_and_puts_out() {
    let gateway = gateway().await;
    let phones = [
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    ];
    let settings = Conference {
        use_pin: true,
        pin: Some("1234".into()),
        moderator_pin: Some("9999".into()),
        wait_for_moderator: true,
        max_members: 3,
        ..Conference::default()
    };
    let conference = room(&gateway, settings).await;
    let enter = async |phone: &Phone, pin: &str| {
        let call = joins(phone).await;
        hears(&call, PIN).await;
        call.audio().send_digits(pin);
        call
    };
    let mut ana = enter(&phones[0], "1234#").await;
    hears(&ana, WAITING).await;
    let mut bruno = enter(&phones[1], "1234#").await;
    hears(&bruno, WAITING).await;
    // Two are there, but not the moderator: music for both.
    hears(&ana, MUSIC).await;
    hears(&bruno, MUSIC).await;
    let moderator = enter(&phones[2], "9999#").await;
    members(&gateway, 3).await;
    does_not_hear(&ana, MUSIC).await;
    speak(&ana, VOICES[0]);
    hears(&bruno, VOICES[0]).await;
    hears(&moderator, VOICES[0]).await;
    // One mutes oneself.
    ana.audio().send_digits("*1");
    hears(&ana, MUTED).await;
    does_not_hear(&bruno, VOICES[0]).await;
    // An administrator lets her be heard again.
    let id = gateway.pbx.conferences()[0].members[0].call.clone();
    assert!(gateway.pbx.mute_member(conference.id, &id, false));
    hears(&bruno, VOICES[0]).await;
    // Closed, and who came last of the others is put out.
    moderator.audio().send_digits("*2");
    hears(&moderator, CLOSED).await;
    moderator.audio().send_digits("*3");
    hears(&moderator, PUT_OUT).await;
    hears(&bruno, REMOVED).await;
    bruno.wait_ended(SOON).await.unwrap();
    members(&gateway, 2).await;
    let mut late = enter(&phones[1], "1234#").await;
    hears(&late, LOCKED).await;
    late.wait_ended(SOON).await.unwrap();
    assert!(gateway.pbx.lock_conference(conference.id, false));
    let bruno = enter(&phones[1], "1234#").await;
    members(&gateway, 3).await;
    let dora = gateway.phone("2004").await;
    let mut fourth = enter(&dora, "1234#").await;
    hears(&fourth, FULL).await;
    fourth.wait_ended(SOON).await.unwrap();
    // An administrator puts out.
    assert!(gateway.pbx.remove_member(conference.id, &id));
    hears(&ana, REMOVED).await;
    ana.wait_ended(SOON).await.unwrap();
    bruno.hang_up();
    moderator.hang_up();
}

#[tokio::test(flavor = "multi_thread")]
async fn f167_a_conference_is_recorded_whole_after_the_notice() {
    let gateway = gateway().await;
    let phones = [gateway.phone("2001").await, gateway.phone("2002").await];
    let settings = Conference {
        record: true,
        ..Conference::default()
    };
    room(&gateway, settings).await;
    let ana = joins(&phones[0]).await;
    hears(&ana, NOTICE).await;
    let bruno = joins(&phones[1]).await;
    hears(&bruno, NOTICE).await;
    members(&gateway, 2).await;
    speak(&ana, VOICES[0]);
    hears(&bruno, VOICES[0]).await;
    speak(&bruno, VOICES[1]);
    hears(&ana, VOICES[1]).await;
    let second = |report: &sipphone::AudioReport| report.received >= 50;
    ana.audio().wait(SOON, "a second", second).await.unwrap();
    // Whose call it was recorded at leaves; it goes on at the other's.
    ana.hang_up();
    members(&gateway, 1).await;
    hears(&bruno, MUSIC).await;
    bruno.audio().wait(SOON, "a second", second).await.unwrap();
    bruno.hang_up();
    gateway.wait("the end", |live| live.calls.is_empty()).await;
    let deadline = tokio::time::Instant::now() + SOON;
    let row = loop {
        let rows = gateway.store.recordings(RecordingFilter::default()).await;
        let rows = rows.unwrap();
        if let [row] = &*rows
            && row.ended_at.is_some()
        {
            break row.clone();
        }
        assert!(tokio::time::Instant::now() < deadline, "{rows:?}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    assert!(
        row.problem.is_none() && row.notice_played_at.is_some(),
        "{row:?}"
    );
    let [left, right] =
        crate::recordings::sides(&gateway.folder().join("recordings").join(&row.file));
    let has = |side: &[i16], voice| {
        side.chunks_exact(800)
            .any(|block| crate::sounds::has(block, voice))
    };
    assert_eq!(
        [has(&left, VOICES[0]), has(&right, VOICES[1])],
        [true; 2],
        "{row:?}, {} {}",
        left.len(),
        right.len()
    );
    assert!(has(&left, VOICES[1]), "the other's call was not recorded");
}
