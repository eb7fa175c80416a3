//! A full disk, and files and rows that lost each other.

use ramal_model::RecordingProblem;
use ramal_pbx::{RecordingConfig, RecordingState};
use ramal_store::NewRecording;

use super::{folder, gateway, hear, record_all, recorded, rows, say, sides, tenths};
use crate::gateway::{SOON, talking};

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
