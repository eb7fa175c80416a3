//! Databases that cannot be used as they are, and what the gateway goes on with.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use ramal_model::CallResult;
use ramal_store::{
    BackupKind, BackupTimes, CallFilter, HashCost, Options, RecoveryCause, SettingsFrom, Store,
};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::{sync::OnceCell, task::JoinSet};

use crate::support::{actor, call, extension, open, set_up};

const PAGE: usize = 4096;
const DAY_MS: i64 = 86_400_000;

fn main_file(dir: &Path) -> PathBuf {
    dir.join("ramal.db")
}

/// A database of some extensions and calls with a good copy, and changes after that.
async fn make(dir: &Path) {
    static MADE: OnceCell<TempDir> = OnceCell::const_new();
    let made = MADE.get_or_init(async || {
        let made = tempfile::tempdir().unwrap();
        fill(made.path()).await;
        made
    });
    copy_all(made.await.path(), dir);
}

async fn fill(dir: &Path) {
    let (store, hands) = open(dir);
    set_up(&store).await;
    add(&store, 2000..2060).await;
    hands.forward(1000);
    store.back_up().await.unwrap();
    add(&store, 2060..2061).await;
    let mut writing = JoinSet::new();
    for second in 0..400 {
        let store = store.clone();
        writing.spawn(async move { finished(&store, second).await });
    }
    writing.join_all().await;
    store.close().await;
    drop(store);
    into_one_file(dir);
}

/// Everything into the one file, when nobody has it open any more.
fn into_one_file(dir: &Path) {
    let connection = Connection::open(main_file(dir)).unwrap();
    let begun = Instant::now();
    let mode: String = loop {
        match connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)) {
            Err(_) if begun.elapsed() < Duration::from_secs(30) => std::thread::yield_now(),
            mode => break mode.unwrap(),
        }
    };
    assert_eq!(mode, "delete");
}

async fn add(store: &Store, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let number = extension(&number.to_string());
        store.create_extension(&actor(), number).await.unwrap();
    }
}

async fn finished(store: &Store, second: i64) {
    let mut record = call(second, "2001", "2002");
    record.result = Some(CallResult::Answered);
    record.end_reason = "x".repeat(600);
    store.call_ended(&record).await.unwrap();
}

async fn calls(store: &Store) -> usize {
    let filter = CallFilter {
        limit: Some(1000),
        ..CallFilter::default()
    };
    store.calls(filter).await.unwrap().len()
}

async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until rows of calls are no longer being brought over.
async fn brought(store: &Store) {
    until("rows are brought over", async || {
        store
            .recoveries()
            .await
            .unwrap()
            .iter()
            .all(|one| !one.running)
    })
    .await;
}

#[tokio::test]
async fn the_last_good_copy_is_gone_on_with() {
    type Damage = fn(&Path);
    fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(path).unwrap();
        change(&mut bytes);
        std::fs::write(path, bytes).unwrap();
    }
    let damages: [(&str, RecoveryCause, Damage); 6] = [
        ("no database", RecoveryCause::Damaged, |path| {
            change(path, |bytes| bytes[..100].fill(b'x'))
        }),
        ("pages of garbage", RecoveryCause::Damaged, |path| {
            change(path, |bytes| {
                for byte in bytes[PAGE..].iter_mut().step_by(7) {
                    *byte ^= 0xa5;
                }
            })
        }),
        ("cut off", RecoveryCause::Damaged, |path| {
            change(path, |bytes| bytes.truncate(PAGE * 3 + 100))
        }),
        ("pages of zeros", RecoveryCause::Damaged, |path| {
            change(path, |bytes| bytes[PAGE..PAGE * 12].fill(0))
        }),
        ("zero bytes", RecoveryCause::Missing, |path| {
            change(path, Vec::clear)
        }),
        ("no file", RecoveryCause::Missing, |path| {
            std::fs::remove_file(path).unwrap()
        }),
    ];
    for (what, cause, damage) in damages {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path()).await;
        damage(&main_file(dir.path()));
        let damaged = std::fs::read(main_file(dir.path())).unwrap_or_default();
        let (store, _) = open(dir.path());
        let configuration = store.configuration();
        assert!(configuration.is_set_up(), "{what}");
        assert!(
            configuration.extension_by_number("2059").is_some(),
            "{what}"
        );
        assert!(
            configuration.extension_by_number("2060").is_none(),
            "{what}"
        );
        let recovery = store.storage().borrow().recovery.clone().unwrap();
        assert_eq!(recovery.cause, cause, "{what}");
        assert_eq!(recovery.settings, SettingsFrom::Backup, "{what}");
        if cause == RecoveryCause::Damaged {
            let aside = dir.path().join(&recovery.kept_aside);
            assert!(
                std::fs::read(aside).unwrap() == damaged,
                "{what}: it was changed"
            );
        }
        brought(&store).await;
        // It works again.
        add(&store, 2100..2101).await;
        finished(&store, 1000).await;
        assert!(calls(&store).await >= 1, "{what}");
        // No number of a version that is lost means another one now.
        let version = store.configuration().version();
        assert!(version > 63, "{what}: {version}");
        store
            .acknowledge_recovery(&actor(), recovery.id)
            .await
            .unwrap();
        store.close().await;
        drop(store);
        let (store, _) = open(dir.path());
        assert!(store.storage().borrow().recovery.is_none(), "{what}");
        let listed = store.recoveries().await.unwrap();
        assert_eq!(listed.len(), 1, "{what}");
        assert_eq!(listed[0].acknowledged_by, Some(actor()), "{what}");
        assert!(store.configuration().extension_by_number("2100").is_some());
    }
}

fn copy_all(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Overwrites the pages of a file that are leaves of a table and hold this text.
fn spoil_pages(path: &Path, text: &str, most: usize) -> usize {
    let mut bytes = std::fs::read(path).unwrap();
    let mut spoiled = 0;
    for page in bytes.chunks_mut(PAGE).skip(1) {
        let holds = page[0] == 0x0d
            && page
                .windows(text.len())
                .any(|piece| piece == text.as_bytes());
        if holds && spoiled < most {
            page.fill(0xee);
            spoiled += 1;
        }
    }
    std::fs::write(path, bytes).unwrap();
    spoiled
}

#[tokio::test]
async fn whole_settings_are_kept_and_calls_brought_over_around_what_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path()).await;
    // Six rows of calls fill a page.
    let spoiled = spoil_pages(&main_file(dir.path()), &"x".repeat(600), 3);
    assert_eq!(spoiled, 3);
    let (store, _) = open(dir.path());
    // What was changed after the copy is there, too.
    assert!(store.configuration().extension_by_number("2060").is_some());
    let recovery = store.storage().borrow().recovery.clone().unwrap();
    assert_eq!(recovery.settings, SettingsFrom::Kept);
    brought(&store).await;
    let found = calls(&store).await;
    assert!((370..400).contains(&found), "{found} of 400");
    let recovery = store.storage().borrow().recovery.clone().unwrap();
    assert!(!recovery.running);
    assert!(recovery.unreadable.contains(&"calls".to_owned()));
    assert!(recovery.rows >= found as u64);
    let audit: i64 = Connection::open(main_file(dir.path()))
        .unwrap()
        .query_row("SELECT count(*) FROM audit", [], |row| row.get(0))
        .unwrap();
    assert!(audit >= 61, "{audit}");
}

#[tokio::test]
async fn a_copy_that_is_damaged_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let (store, hands) = open(dir.path());
    set_up(&store).await;
    add(&store, 2000..2001).await;
    store.back_up().await.unwrap();
    add(&store, 2001..2002).await;
    hands.forward(1000);
    let newest = store.back_up().await.unwrap();
    store.close().await;
    drop(store);
    let newest = dir.path().join("backups").join(newest.file);
    let mut bytes = std::fs::read(&newest).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&newest, bytes).unwrap();
    std::fs::write(main_file(dir.path()), "garbage").unwrap();
    let (store, _) = open(dir.path());
    assert!(store.configuration().extension_by_number("2000").is_some());
    assert!(store.configuration().extension_by_number("2001").is_none());
}

#[tokio::test]
async fn settings_lost_with_the_log_come_from_the_copy() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    add(&store, 2000..2001).await;
    Connection::open(main_file(dir.path()))
        .unwrap()
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    finished(&store, 1).await;
    add(&store, 2001..2002).await;
    store.back_up().await.unwrap();
    // The power fails, and the log is garbage afterwards.
    let cut = tempfile::tempdir().unwrap();
    copy_all(dir.path(), cut.path());
    let log = cut.path().join("ramal.db-wal");
    let octets = std::fs::metadata(&log).unwrap().len();
    assert!(octets > 0);
    std::fs::write(&log, vec![0xa5; usize::try_from(octets).unwrap()]).unwrap();
    let (store, _) = open(cut.path());
    assert!(store.configuration().extension_by_number("2001").is_some());
    let recovery = store.storage().borrow().recovery.clone().unwrap();
    assert_eq!(recovery.cause, RecoveryCause::Outdated);
    brought(&store).await;
    add(&store, 2002..2003).await;
}

#[tokio::test]
async fn a_power_cut_while_the_new_file_is_put_in_its_place_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path()).await;
    std::fs::write(main_file(dir.path()), "garbage").unwrap();
    let (store, _) = open(dir.path());
    brought(&store).await;
    let aside = store
        .storage()
        .borrow()
        .recovery
        .clone()
        .unwrap()
        .kept_aside;
    store.close().await;
    drop(store);
    // As it was before the last step, and before the first.
    let built = dir.path().join("ramal.db.recovered");
    for step in ["last", "first"] {
        into_one_file(dir.path());
        std::fs::rename(main_file(dir.path()), &built).unwrap();
        if step == "first" {
            std::fs::rename(dir.path().join(&aside), main_file(dir.path())).unwrap();
        }
        let (store, _) = open(dir.path());
        assert!(store.configuration().extension_by_number("2059").is_some());
        assert!(dir.path().join(&aside).exists(), "{step}");
        assert!(!built.exists());
        store.close().await;
        drop(store);
        assert_eq!(std::fs::read(dir.path().join(&aside)).unwrap(), b"garbage");
    }
}

#[tokio::test]
async fn copies_are_made_by_themselves_and_the_newest_kept() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        hash_cost: HashCost {
            memory_kib: 64,
            passes: 1,
        },
        backups: BackupTimes {
            after: Duration::ZERO,
            apart: Duration::ZERO,
            whole_after: Duration::ZERO,
        },
        ..Options::default()
    };
    let store = Store::open_with(dir.path(), options).unwrap();
    set_up(&store).await;
    for number in 2000..2010 {
        add(&store, number..number + 1).await;
        let version = store.configuration().version();
        until("the settings are copied", async || {
            let copies = store.backups().await.unwrap();
            copies
                .iter()
                .any(|copy| copy.kind == BackupKind::Settings && copy.version == version)
        })
        .await;
    }
    until("the whole is copied", async || {
        let copies = store.backups().await.unwrap();
        copies.iter().any(|copy| copy.kind == BackupKind::Full)
    })
    .await;
    let copies = store.backups().await.unwrap();
    let settings = copies
        .iter()
        .filter(|copy| copy.kind == BackupKind::Settings);
    // One more while a change comes during a copy.
    assert!((5..=6).contains(&settings.count()), "{copies:?}");
    // Each with its sum, and nothing half done; what was copied or deleted meanwhile is looked at again.
    until("each copy has its sum", async || {
        let copies = store.backups().await.unwrap();
        let mut files: Vec<String> = std::fs::read_dir(dir.path().join("backups"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.retain(|file| !file.starts_with("unfinished") && file != "secrets.key");
        files.len() == copies.len() * 2
    })
    .await;
    store.close().await;
}

#[tokio::test]
async fn of_each_day_one_copy_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (store, hands) = open(dir.path());
    set_up(&store).await;
    for _ in 0..10 {
        for _ in 0..6 {
            hands.forward(1000);
            store.back_up().await.unwrap();
        }
        hands.forward(DAY_MS);
    }
    // Five of the last day, and one of each of six days before.
    assert_eq!(store.backups().await.unwrap().len(), 11);
}

#[tokio::test]
async fn the_key_of_the_secrets_has_a_copy() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    store.back_up().await.unwrap();
    store.close().await;
    drop(store);
    let path = dir.path().join("secrets.key");
    let key = std::fs::read(&path).unwrap();
    for damaged in [&b""[..], b"short"] {
        std::fs::write(&path, damaged).unwrap();
        let (store, _) = open(dir.path());
        store.close().await;
        assert_eq!(std::fs::read(&path).unwrap(), key);
    }
}

fn as_of_the_future(dir: &Path, way_back: Option<&str>) {
    let connection = Connection::open(main_file(dir)).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE later (id INTEGER PRIMARY KEY);
             INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
             SELECT 999, 'from_the_future', applied_on, '0' FROM refinery_schema_history LIMIT 1;
             UPDATE objects SET document = json_set(document, '$.shoe_size', 43) WHERE kind = 'extension';",
        )
        .unwrap();
    if let Some(sql) = way_back {
        connection
            .execute("INSERT INTO schema_ways_back VALUES (999, ?1)", [sql])
            .unwrap();
    }
}

#[tokio::test]
async fn a_newer_schema_is_brought_back_without_losing_settings() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path()).await;
    as_of_the_future(dir.path(), Some("DROP TABLE later"));
    let (store, _) = open(dir.path());
    assert!(store.configuration().extension_by_number("2060").is_some());
    assert_eq!(calls(&store).await, 400);
    let state = store.storage().borrow().clone();
    assert_eq!(state.recovery.unwrap().cause, RecoveryCause::NewerSchema);
    assert!(state.unread.is_empty());
    // What only the newer version knows lies in the copy from before.
    let copies = store.backups().await.unwrap();
    assert!(
        copies
            .iter()
            .any(|copy| copy.kind == BackupKind::Schema && copy.schema == 999)
    );
    store.close().await;
    drop(store);
    let (store, _) = open(dir.path());
    assert_eq!(store.recoveries().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_newer_schema_that_does_not_say_how_is_left_for_the_last_copy() {
    for way_back in [None, Some("SELECT nonsense")] {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path()).await;
        as_of_the_future(dir.path(), way_back);
        let (store, _) = open(dir.path());
        assert!(store.configuration().extension_by_number("2059").is_some());
        let recovery = store.storage().borrow().recovery.clone().unwrap();
        assert_eq!(recovery.cause, RecoveryCause::NewerSchema);
        assert_eq!(recovery.settings, SettingsFrom::Backup);
        brought(&store).await;
        assert_eq!(calls(&store).await, 400);
        store.close().await;
        drop(store);
        // The copies of the newer version do not make it begin again.
        let (store, _) = open(dir.path());
        assert_eq!(store.recoveries().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_left_out_alone() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path()).await;
    Connection::open(main_file(dir.path()))
        .unwrap()
        .execute(
            "UPDATE objects SET document = json_set(document, '$.ring_time', 'long')
             WHERE document ->> '$.number' = '2001'",
            [],
        )
        .unwrap();
    let (store, _) = open(dir.path());
    assert!(store.configuration().extension_by_number("2001").is_none());
    assert!(store.configuration().extension_by_number("2002").is_some());
    let state = store.storage().borrow().clone();
    assert_eq!(state.unread.len(), 1);
    assert_eq!(state.unread[0].kind, "extension");
    assert!(state.recovery.is_none());
}
