//! Restores that a power cut breaks off, step by step.

use std::fs;
use std::path::Path;

use ramal_model::{Actor, Language, NewAdmin, NewCompany, Secret};
use ramal_store::archive;
use ramal_store::{HashCost, Options, Store};

use crate::archives::Missed;
use crate::files::ENDING;
use crate::settle::{INCOMING, PLAN, Plan, READY, RESTORE};
use crate::*;

fn options() -> Options {
    Options {
        hash_cost: HashCost {
            memory_kib: 64,
            passes: 1,
        },
        ..Options::default()
    }
}

fn open(dir: &Path) -> Store {
    Store::open_with(dir, options()).unwrap()
}

async fn set_up(dir: &Path, company: &str) -> Store {
    let store = open(dir);
    let company = NewCompany {
        legal_name: company.to_owned(),
        tax_id: String::new(),
        contact_name: String::new(),
        contact_phone: String::new(),
        cnl: String::new(),
        country: "BR".into(),
        country_code: None,
        area_code: Some("51".into()),
        language: Some(Language::PtBr),
        time_zone: None,
        music_class: None,
        limits: None,
        park_seconds: None,
    };
    let admin = NewAdmin {
        login: "admin".into(),
        name: "Admin".into(),
        password: Secret::new("um girassol na janela".into()),
        language: Language::PtBr,
    };
    store.set_up(company, admin).await.unwrap();
    store
}

fn company(store: &Store) -> String {
    store.configuration().company().unwrap().legal_name.clone()
}

fn order(secret: &SecretKey) -> Order {
    Order {
        parts: Parts {
            voicemail: true,
            ..Parts::default()
        },
        recipient: Recipient::Keys(vec![secret.public()]),
        kind: ArchiveKind::Manual,
    }
}

async fn made(archives: &Archives, key: &SecretKey) -> String {
    let file = archives.start(order(key)).unwrap();
    while archives.state().making.is_some() {
        tokio::task::yield_now().await;
    }
    assert_eq!(archives.state().problem, None);
    file
}

/// Prepares a restore of the company "Then" on a gateway of the company "Now".
async fn prepared(dir: &Path) {
    let key = SecretKey::generate().unwrap();
    let store = set_up(dir, "Then").await;
    for (folder, file) in [("sounds", "then.wav"), ("voicemail", "then.wav")] {
        fs::create_dir_all(dir.join(folder)).unwrap();
        fs::write(dir.join(folder).join(file), "then").unwrap();
    }
    let archives = Archives::open(dir, store.clone(), "1").unwrap();
    let file = made(&archives, &key).await;
    let mut now = NewCompany::from(store.configuration().company().unwrap());
    now.legal_name = "Now".into();
    store.change_company(&Actor::Local, now).await.unwrap();
    store.back_up().await.unwrap();
    for folder in ["sounds", "voicemail", "recordings"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
        fs::write(dir.join(folder).join("now.wav"), "now").unwrap();
    }
    let report = archives
        .restore(&file, Identity::Key(key), Actor::Local)
        .await
        .unwrap();
    assert_eq!(report.differences["company"].changed, 1);
    assert_eq!(company(&store), "Now");
    store.close().await;
}

/// Waits until no archive is being made; why the last could not be.
async fn settled(archives: &Archives) -> Option<Missed> {
    while archives.state().making.is_some() {
        tokio::task::yield_now().await;
    }
    archives.state().missed
}

#[tokio::test]
async fn a_scheduled_archive_that_cannot_be_made_is_told_until_one_is_and_costs_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let store = set_up(dir, "Now").await;
    let archives = Archives::open(dir, store.clone(), "1").unwrap();
    let zone = jiff::tz::TimeZone::get(&store.configuration().company().unwrap().time_zone);
    let hour = jiff::Timestamp::now().to_zoned(zone.unwrap()).hour();
    let schedule = Schedule {
        enabled: true,
        // The hour may end meanwhile.
        hour: u8::try_from(hour).unwrap(),
        keep: 1,
        keys: vec![SecretKey::generate().unwrap().public().to_string()],
        ..Schedule::default()
    };
    archives.set_schedule(&schedule).await.unwrap();
    let of_archives = dir.join("archives");
    fs::remove_dir_all(&of_archives).unwrap();
    archives.look().await;
    let missed = settled(&archives).await.unwrap();
    assert!(!missed.reason.is_empty());
    // Two old ones; the newer stays until the new one is there.
    fs::create_dir(&of_archives).unwrap();
    let old = |days: i64| {
        let at = store.now() - days * 86_400_000;
        let name = format!("{}-{at}.{}", ArchiveKind::Scheduled.name(), ENDING);
        fs::write(of_archives.join(&name), "").unwrap();
        name
    };
    let (older, newer) = (old(3), old(2));
    archives.look().await;
    assert!(!of_archives.join(older).exists());
    assert!(of_archives.join(&newer).exists());
    assert_eq!(settled(&archives).await, None);
    archives.look().await;
    let left = archives.list();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_ne!(left[0].file, newer);
    store.close().await;
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_restore_broken_off_at_any_step_is_completed() {
    for steps in 0..=6 {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        prepared(dir).await;
        let ready = dir.join(RESTORE).join(READY);
        let replaced = dir.join(RESTORE).join("replaced");
        let plan: Plan = serde_json::from_slice(&fs::read(ready.join(PLAN)).unwrap()).unwrap();
        // As far as the power lasted.
        let done: [&dyn Fn(); 6] = [
            &|| archive::take_over(&ready, dir, plan.parts, &plan.restored).unwrap(),
            &|| {
                fs::create_dir_all(&replaced).unwrap();
                fs::rename(dir.join("sounds"), replaced.join("sounds")).unwrap();
            },
            &|| fs::rename(ready.join("sounds"), dir.join("sounds")).unwrap(),
            &|| {
                fs::rename(dir.join("voicemail"), replaced.join("voicemail")).unwrap();
                fs::rename(ready.join("voicemail"), dir.join("voicemail")).unwrap();
            },
            &|| archive::put_in_place(&ready, dir).unwrap(),
            &|| fs::remove_file(ready.join(PLAN)).unwrap(),
        ];
        for step in done.into_iter().take(steps) {
            step();
        }
        let settled = settle(dir).unwrap();
        match steps {
            6 => assert_eq!(settled, Settled::Nothing),
            _ => assert!(matches!(settled, Settled::Restored(_)), "{steps}"),
        }
        assert_eq!(settle(dir).unwrap(), Settled::Nothing);
        assert!(!dir.join(RESTORE).exists());
        let store = open(dir);
        assert_eq!(company(&store), "Then", "{steps}");
        // The copy that is beside it, of a later version, does not come back by itself.
        assert!(store.recoveries().await.unwrap().is_empty(), "{steps}");
        assert_eq!(store.restored().await.unwrap().unwrap().by, Actor::Local);
        assert_eq!(names(&dir.join("sounds")), ["then.wav"]);
        assert_eq!(names(&dir.join("voicemail")), ["then.wav"]);
        // It was not in the archive.
        assert_eq!(names(&dir.join("recordings")), ["now.wav"]);
        store.close().await;
    }
}

#[tokio::test]
async fn what_was_not_ready_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    prepared(dir).await;
    let restore = dir.join(RESTORE);
    fs::rename(restore.join(READY), restore.join(INCOMING)).unwrap();
    assert_eq!(settle(dir).unwrap(), Settled::Nothing);
    assert!(!restore.exists());
    let store = open(dir);
    assert_eq!(company(&store), "Now");
    assert_eq!(names(&dir.join("sounds")), ["now.wav", "then.wav"]);
    store.close().await;
}

#[tokio::test]
async fn nobody_settles_what_another_process_has_open() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    request_reset(folder.path()).unwrap();
    assert!(matches!(
        settle(folder.path()),
        Err(ArchiveError::Store(ramal_store::StoreError::InUse(_)))
    ));
    store.close().await;
}

#[tokio::test]
async fn an_archive_of_a_newer_version_is_refused_at_its_beginning() {
    let about = About::new(
        "9.0.0",
        "Company".into(),
        1,
        Parts::default(),
        Holdings {
            schema: archive::schema_known() + 1,
            version: 1,
            objects: Default::default(),
            calls: 0,
            recordings: 0,
            messages: 0,
        },
    );
    let mut text = serde_json::to_value(&about).unwrap();
    text["of_a_newer_version"] = true.into();
    let refused = About::read(text.to_string().as_bytes()).unwrap_err();
    assert!(matches!(refused, ArchiveError::Newer { .. }));
    assert!(refused.to_string().ends_with("update the gateway first"));
}

#[test]
fn names_that_lead_elsewhere_are_none() {
    for name in [
        "",
        ".",
        "..",
        ".hidden",
        "a/b",
        "a\\b",
        "a\0",
        "é",
        &"a".repeat(201),
    ] {
        assert!(!crate::unpack::is_plain(name), "{name}");
    }
    assert!(crate::unpack::is_plain("2026-03-10_a.wav"));
}
