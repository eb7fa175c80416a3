//! A full disk, and files and rows that lost each other.

use std::path::Path;
use std::time::Duration;

use ramal_model::{Actor, RecordingProblem, RecordingRecord, RecordingSettingsChange};
use ramal_pbx::{RecordingConfig, RecordingState};
use ramal_store::{EndedRecording, NewRecording};

use super::{folder, gateway, hear, record_all, recorded, rows, say, sides, tenths};
use crate::gateway::{Gateway, SOON, talking};

const DAY_MS: i64 = 86_400_000;

#[tokio::test(flavor = "multi_thread")]
async fn f078_on_a_full_disk_the_call_goes_on_and_its_record_and_an_alarm_say_why() {
    let gateway = gateway(u64::MAX, false).await;
    record_all(&gateway).await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let (out, mut inn) = talking(&ana, "2002", &bruno).await;
    let live = gateway
        .wait("the alarm", |live| !live.alarms.is_empty())
        .await;
    assert_eq!(live.alarms[0].id, "recording_disk_full");
    recorded(&gateway, None).await;
    say(&out, 600.0);
    hear(&inn, 20).await;
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    let rows = rows(&gateway, 1).await;
    assert_eq!(rows[0].problem, Some(RecordingProblem::DiskFull));
    assert_eq!(rows[0].bytes, 0);
    let record = gateway.record().await;
    let step = record
        .trace
        .iter()
        .find(|step| step["step"] == "not_recorded");
    assert_eq!(step.unwrap()["problem"], "disk_full");
}

#[tokio::test(flavor = "multi_thread")]
async fn f079_rows_and_files_find_each_other_at_the_next_start() {
    let mut gateway = gateway(0, false).await;
    record_all(&gateway).await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    for _ in 0..3 {
        let (out, mut inn) = talking(&ana, "2002", &bruno).await;
        recorded(&gateway, Some(RecordingState::Recording)).await;
        say(&out, 600.0);
        hear(&inn, 50).await;
        out.hang_up();
        inn.wait_ended(SOON).await.unwrap();
        gateway.wait("the end", |live| live.calls.is_empty()).await;
    }
    let before = rows(&gateway, 3).await;
    let recordings = folder(&gateway);
    let path = |file: &str| recordings.join(file);
    // One lost its file, one was being written when the power went, and of one there is only the file.
    std::fs::remove_file(path(&before[0].file)).unwrap();
    let mut cut = std::fs::read(path(&before[1].file)).unwrap();
    cut[54..58].copy_from_slice(&100u32.to_le_bytes());
    let unfinished = before[1].file.replace("-1.wav", "-2.wav");
    std::fs::write(path(&unfinished), &cut).unwrap();
    let row = NewRecording {
        call: before[1].call.clone(),
        file: unfinished.clone(),
        started_at: before[1].started_at,
        notice_played_at: None,
        on_demand: false,
    };
    gateway.store.recording_started(row).await.unwrap();
    let orphan = before[2].file.replace("-1.wav", "-7.wav");
    std::fs::copy(path(&before[2].file), path(&orphan)).unwrap();
    gateway
        .restart_with(|config| {
            config.recordings = Some(RecordingConfig {
                folder: recordings.clone(),
                reserve: 0,
            });
        })
        .await;
    let after = rows(&gateway, 5).await;
    assert_eq!(after[0].problem, Some(RecordingProblem::FileLost));
    assert_eq!(after[0].bytes, 0);
    let healed = after.iter().find(|row| row.file == orphan).unwrap();
    assert_eq!(
        (healed.bytes, &healed.call),
        (before[2].bytes, &before[2].call)
    );
    let finished = after.iter().find(|row| row.file == unfinished).unwrap();
    assert_eq!(finished.problem, Some(RecordingProblem::Interrupted));
    assert_eq!(finished.duration_ms, before[1].duration_ms);
    let [left, _] = sides(&path(&unfinished));
    assert!(tenths(&left, 600.0) >= 5);
}

/// Waits until this recording was deleted by a rule, with its file; the answer is when.
async fn deleted(gateway: &Gateway, file: &str, rule: &str) -> i64 {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let row = gateway.store.recording_of_file(file.to_owned()).await;
        let row = row.unwrap().unwrap();
        if row.deleted_by.as_deref() == Some(rule) && !folder(gateway).join(file).exists() {
            return row.deleted_at.unwrap();
        }
        assert!(tokio::time::Instant::now() < deadline, "{row:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Another recording of the same call, so many days older.
async fn older(gateway: &Gateway, model: &RecordingRecord, folder: &Path, days: i64) -> String {
    let file = model.file.replace("-1.wav", &format!("-{days}.wav"));
    std::fs::copy(folder.join(&model.file), folder.join(&file)).unwrap();
    let row = NewRecording {
        call: model.call.clone(),
        file: file.clone(),
        started_at: model.started_at - days * DAY_MS,
        notice_played_at: None,
        on_demand: false,
    };
    let id = gateway.store.recording_started(row).await.unwrap();
    let ended = EndedRecording {
        ended_at: model.started_at - days * DAY_MS + model.duration_ms,
        duration_ms: model.duration_ms as u64,
        bytes: model.bytes as u64,
        lost_packets: 0,
        problem: None,
    };
    gateway.store.recording_ended(id, ended).await.unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_go_when_they_are_too_old_and_the_oldest_first_when_room_is_needed() {
    let mut gateway = gateway(0, false).await;
    record_all(&gateway).await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let (out, mut inn) = talking(&ana, "2002", &bruno).await;
    recorded(&gateway, Some(RecordingState::Recording)).await;
    say(&out, 600.0);
    hear(&inn, 50).await;
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    let latest = rows(&gateway, 1).await.remove(0);
    let recordings = folder(&gateway);
    let mut files = Vec::new();
    for days in [40, 20, 10] {
        files.push(older(&gateway, &latest, &recordings, days).await);
    }
    let change = RecordingSettingsChange {
        keep_days: Some(30),
        min_free_percent: Some(5),
        ..RecordingSettingsChange::default()
    };
    let changed = gateway
        .store
        .change_recording_settings(&Actor::System, change);
    changed.await.unwrap();
    let with_reserve = |reserve| {
        let folder = recordings.clone();
        move |config: &mut ramal_pbx::PbxConfig| {
            let folder = folder.clone();
            config.recordings = Some(RecordingConfig { folder, reserve });
        }
    };
    // They are looked after at the start and once a minute.
    gateway.restart_with(with_reserve(0)).await;
    deleted(&gateway, &files[0], "age").await;
    for file in &files[1..] {
        let row = gateway.store.recording_of_file(file.clone()).await;
        assert_eq!(row.unwrap().unwrap().deleted_at, None, "{file}");
        assert!(recordings.join(file).exists());
    }
    // There is never as much room as this.
    gateway.restart_with(with_reserve(u64::MAX)).await;
    let mut gone = Vec::new();
    for file in [&files[1], &files[2], &latest.file] {
        gone.push(deleted(&gateway, file, "space").await);
    }
    assert!(gone.is_sorted(), "{gone:?}");
}
