//! Recordings: who may hear them, in pieces or whole, and what is written down about it (F079).

use bytes::Bytes;
use hyper::Method;
use ramal_model::{CallId, RecordingProblem};
use ramal_store::{EndedRecording, NewRecording};
use serde_json::json;

use crate::gateway::Gateway;

/// A finished recording of two seconds, its file included; its id.
async fn recording(gateway: &Gateway) -> i64 {
    let call = CallId::new(1_700_000_000_000, [7; 10]);
    let file = format!("{call}-1.wav");
    let mut wav = b"RIFF\x32\x7d\x00\x00WAVEfmt \x12\x00\x00\x00\x06\x00\x02\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x08\x00\x00\x00fact\x04\x00\x00\x00\x80\x3e\x00\x00data\x00\x7d\x00\x00".to_vec();
    wav.extend((0..32_000u32).map(|n| (n % 251) as u8));
    std::fs::write(gateway.folder.path().join("recordings").join(&file), &wav).unwrap();
    let new = NewRecording {
        call,
        file,
        started_at: 1_700_000_000_000,
        notice_played_at: Some(1_699_999_999_000),
        on_demand: false,
    };
    let id = gateway.store.recording_started(new).await.unwrap();
    let ended = EndedRecording {
        ended_at: 1_700_000_002_000,
        duration_ms: 2_000,
        bytes: wav.len() as u64,
        ..EndedRecording::default()
    };
    gateway.store.recording_ended(id, ended).await.unwrap();
    id.0
}

#[tokio::test]
async fn f079_a_recording_is_listed_heard_in_pieces_and_each_access_is_written_down() {
    let (gateway, admin) = Gateway::set_up().await;
    let id = recording(&gateway).await;
    let page = admin.get("/recordings").await.json();
    assert_eq!(page["recordings"][0]["id"], id);
    assert_eq!(page["recordings"][0]["duration_ms"], 2_000);
    assert_eq!(page["next"], json!(null));
    let call = page["recordings"][0]["call"].as_str().unwrap();
    let of_call = admin.get(&format!("/recordings?call={call}")).await.json();
    assert_eq!(of_call, page);

    let path = format!("/recordings/{id}/audio");
    let whole = admin.get(&path).await;
    assert_eq!((whole.status, whole.body.len()), (200, 32_058));
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let part = admin
        .send(
            Method::GET,
            &path,
            &[("range", "bytes=100-199")],
            Bytes::new(),
        )
        .await;
    assert_eq!(part.status, 206);
    assert_eq!(part.header("content-range"), "bytes 100-199/32058");
    assert_eq!(part.body, whole.body[100..200]);
    let beyond = admin
        .send(
            Method::GET,
            &path,
            &[("range", "bytes=40000-")],
            Bytes::new(),
        )
        .await;
    assert_eq!(beyond.status, 416);
    let saved = admin.get(&format!("{path}?download=1")).await;
    assert!(saved.header("content-disposition").contains(".wav"));
    let waveform = admin
        .get(&format!("/recordings/{id}/waveform"))
        .await
        .json();
    assert_eq!(waveform["left"].as_array().unwrap().len(), 400);

    let accesses = admin
        .get(&format!("/recordings/{id}/accesses"))
        .await
        .json();
    let accesses = accesses.as_array().unwrap();
    assert_eq!(accesses.len(), 2, "{accesses:?}");
    assert_eq!(accesses[0]["action"], "downloaded");
    // The pieces one player asks for are one access.
    assert_eq!(
        (&accesses[1]["action"], &accesses[1]["requests"]),
        (&json!("listened"), &json!(3))
    );
    assert_eq!(accesses[1]["address"], "127.0.0.1");
}

#[tokio::test]
async fn f079_only_who_may_hears_and_only_administrators_delete() {
    let (gateway, admin) = Gateway::set_up().await;
    let id = recording(&gateway).await;
    let audio = format!("/recordings/{id}/audio");
    assert_eq!(gateway.client().get(&audio).await.status, 401);
    for (role, may) in [
        ("installer", 403),
        ("agent", 403),
        ("supervisor", 200),
        ("auditor", 200),
    ] {
        let somebody = gateway.user(&admin, role).await;
        assert_eq!(somebody.get(&audio).await.status, may, "{role}");
        assert_eq!(
            somebody.delete(&format!("/recordings/{id}")).await.status,
            403,
            "{role}"
        );
    }
    let gone = admin
        .delete(&format!("/recordings/{id}?reason=asked%20for"))
        .await;
    assert_eq!(gone.status, 204);
    assert_eq!(admin.get(&audio).await.status, 404);
    assert_eq!(admin.delete(&format!("/recordings/{id}")).await.status, 404);
    let row = admin.get(&format!("/recordings/{id}")).await.json();
    assert_eq!(row["deleted_because"], "asked for");
    assert!(row["deleted_at"].is_i64());
    let folder = gateway.folder.path().join("recordings");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

#[tokio::test]
async fn f084_the_settings_are_checked_and_the_company_does_not_carry_them() {
    let (_gateway, admin) = Gateway::set_up().await;
    let settings = admin.get("/recording-settings").await.json();
    assert_eq!(settings["mode"], "off");
    assert_eq!(
        (&settings["notice"], &settings["keep_days"]),
        (&json!(true), &json!(90))
    );
    let refused = admin
        .patch("/recording-settings", &json!({ "notice": false }))
        .await;
    assert_eq!(refused.refused_field().0, "notice_waiver");
    let change = json!({ "mode": "all", "notice": false, "notice_waiver": "Told in writing." });
    assert_eq!(
        admin.patch("/recording-settings", &change).await.status,
        200
    );
    let company = admin.get("/company").await.json();
    assert_eq!(company["recording"], json!(null));
    assert_eq!(admin.put("/company", &company).await.status, 200);
    let settings = admin.get("/recording-settings").await.json();
    assert_eq!(settings["notice_waiver"], "Told in writing.");
}

#[tokio::test]
async fn f078_a_recording_that_never_was_says_why_and_no_call_means_no_order() {
    let (gateway, admin) = Gateway::set_up().await;
    let id = recording(&gateway).await;
    let ended = EndedRecording {
        ended_at: 1,
        problem: Some(RecordingProblem::DiskFull),
        ..EndedRecording::default()
    };
    let id = ramal_model::RecordingId(id);
    gateway.store.recording_ended(id, ended).await.unwrap();
    let row = admin.get(&format!("/recordings/{id}")).await.json();
    assert_eq!(row["problem"], "disk_full");
    assert_eq!(
        admin.get(&format!("/recordings/{id}/audio")).await.status,
        404
    );
    let order = json!({ "action": "start" });
    let call = "/calls/active/01JCZ8Y8M6T5X0K3V9Q4R7N2BD/recording";
    assert_eq!(admin.post(call, &order).await.status, 404);
    assert_eq!(admin.get("/alarms").await.json(), json!([]));
}
