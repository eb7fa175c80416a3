//! Power cuts, full disks, damaged and foreign files.

use std::{
    io::{BufRead, BufReader, Write as _},
    os::unix::{fs::MetadataExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::support::{START, actor, call, extension, open, set_up};
use ramal_model::{CallId, CallResult};
use ramal_store::{CallFilter, Store, StoreError};

const DIR: &str = "RAMAL_STORE_TEST_DIR";

fn child_dir() -> PathBuf {
    PathBuf::from(std::env::var_os(DIR).expect("started by its parent test"))
}

/// Writes calls without end and prints the id of each one that was acknowledged.
#[tokio::test]
#[ignore = "the child process of acknowledged_rows_survive_kill"]
async fn child_writes_until_killed() {
    let (store, _) = open(&child_dir());
    set_up(&store).await;
    println!("ready");
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..8u8 {
        let store = store.clone();
        tasks.spawn(async move {
            for second in 0.. {
                let mut record = call(second, "2001", "2002");
                record.id = CallId::new(START + second * 1000, [worker; 10]);
                store.call_started(&record).await.unwrap();
                // One system call, so that a kill cannot leave half a line.
                std::io::stdout()
                    .write_all(format!("{}\n", record.id).as_bytes())
                    .unwrap();
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn acknowledged_rows_survive_kill() {
    for acknowledged in [1, 40, 400] {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "durability::child_writes_until_killed",
                "--ignored",
                "--nocapture",
            ])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let mut ids: Vec<CallId> = Vec::new();
        while ids.len() < acknowledged {
            let line = lines.next().expect("the child writes until it is killed");
            ids.extend(line.parse::<CallId>());
        }
        assert!(
            matches!(Store::open(dir.path()), Err(StoreError::InUse(_))),
            "the child has it open"
        );
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        ids.extend(lines.filter_map(|line| line.parse::<CallId>().ok()));

        let (store, _) = open(dir.path());
        assert!(store.configuration().is_set_up());
        for id in ids {
            let record = store.call(id).await.unwrap();
            assert_eq!(record.result, Some(CallResult::Interrupted));
        }
    }
}

/// Runs on a small disk of its own.
#[tokio::test]
#[ignore = "the child process of a_full_disk_is_reported_and_survived"]
async fn child_on_a_small_disk() {
    let dir = child_dir();
    let (store, _) = open(&dir);
    set_up(&store).await;
    let before = store.configuration();
    // Fill what is left.
    let filler = dir.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);
    let mut stored = Vec::new();
    let mut full = false;
    for second in 0..2000 {
        let mut record = call(second, "2001", "2002");
        record.end_reason = "x".repeat(2000);
        match store.call_started(&record).await {
            Ok(()) => stored.push(record.id),
            Err(StoreError::DiskFull(path)) => {
                assert_eq!(path, dir.join("ramal.db"));
                full = true;
                break;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(full, "the disk never filled up");
    let refused = store.create_extension(&actor(), extension("2001")).await;
    assert!(
        matches!(refused, Err(StoreError::DiskFull(_))),
        "{refused:?}"
    );
    assert_eq!(store.configuration().version(), before.version());
    // Reading goes on.
    assert_eq!(
        store
            .calls(CallFilter {
                limit: Some(1000),
                ..Default::default()
            })
            .await
            .unwrap()
            .len(),
        stored.len()
    );
    std::fs::remove_file(&filler).unwrap();
    store
        .create_extension(&actor(), extension("2001"))
        .await
        .unwrap();
    store.close().await;
    let (store, _) = open(&dir);
    assert!(store.configuration().extension_by_number("2001").is_some());
    for id in stored {
        store.call(id).await.unwrap();
    }
}

#[test]
fn a_full_disk_is_reported_and_survived() {
    let dir = tempfile::tempdir().unwrap();
    // A mount that only the child sees and that goes away with it.
    let script = "mount -t tmpfs -o size=1m,mode=700 ramal-test \"$0\" && exec \"$@\"";
    // Root needs no user namespace, and in a chroot may not have one.
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let namespaces: &[&str] = match root {
        true => &["--mount"],
        false => &["--user", "--map-root-user", "--mount"],
    };
    let output = Command::new("unshare")
        .args(namespaces)
        .args(["sh", "-c", script])
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "durability::child_on_a_small_disk",
            "--ignored",
            "--nocapture",
        ])
        .env(DIR, dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("1 passed"), "{text}");
}

async fn make_database(dir: &Path) {
    let (store, _) = open(dir);
    set_up(&store).await;
    for number in 2000..2100 {
        store
            .create_extension(&actor(), extension(&number.to_string()))
            .await
            .unwrap();
    }
    store.close().await;
    drop(store);
}

#[tokio::test]
async fn a_damaged_file_without_copies_is_reported_and_left_as_it_is() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 3] = [
        ("not a database", |bytes| bytes[..100].fill(b'x')),
        ("torn pages", |bytes| {
            bytes[4096..]
                .iter_mut()
                .step_by(7)
                .for_each(|byte| *byte ^= 0xa5)
        }),
        ("cut off", |bytes| bytes.truncate(4096 * 3)),
    ];
    for (what, damage) in damages {
        let dir = tempfile::tempdir().unwrap();
        make_database(dir.path()).await;
        let path = dir.path().join("ramal.db");
        // Everything into the one file, as after a clean end.
        rusqlite::Connection::open(&path)
            .unwrap()
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        assert!(bytes.len() > 4096 * 4);
        damage(&mut bytes);
        std::fs::write(&path, &bytes).unwrap();
        match Store::open(dir.path()) {
            Err(StoreError::Corrupt { path: named, .. }) => assert_eq!(named, path),
            Err(other) => panic!("{what}: {other}"),
            Ok(_) => panic!("{what}: opened"),
        }
        assert!(
            std::fs::read(&path).unwrap() == bytes,
            "{what}: the file was touched"
        );
    }
}

#[tokio::test]
async fn a_newer_schema_without_a_way_back_is_refused_with_a_clear_sentence() {
    let dir = tempfile::tempdir().unwrap();
    make_database(dir.path()).await;
    let path = dir.path().join("ramal.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
             SELECT 999, 'from_the_future', applied_on, '0' FROM refinery_schema_history LIMIT 1",
            [],
        )
        .unwrap();
    drop(connection);
    let Err(error) = Store::open(dir.path()) else {
        panic!("opened")
    };
    assert!(matches!(error, StoreError::NewerSchema { found: 999, .. }));
    assert!(
        error.to_string().contains("run the newer version"),
        "{error}"
    );
}

#[test]
fn an_unusable_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let Err(error) = Store::open(&file) else {
        panic!("opened")
    };
    assert!(
        matches!(&error, StoreError::File { .. }) && error.to_string().contains("file"),
        "{error}"
    );
}
