//! Audio files and music on hold: from upload to deletion.

use std::path::Path;

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client, media_type};
use crate::gateway::Gateway;

fn fixture(name: &str) -> Bytes {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sounds/tests/fixtures");
    std::fs::read(folder.join(name)).unwrap().into()
}

/// A form as browsers send it: fields, and files with their names.
async fn form(
    client: &Client,
    method: Method,
    path: &str,
    fields: &[(&str, &str)],
    files: &[(&str, Bytes)],
) -> Answer {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head =
            format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(head.as_bytes());
    }
    for (name, content) in files {
        let head = format!(
            "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--xyz--\r\n");
    let kind = [("content-type", "multipart/form-data; boundary=xyz")];
    client.send(method, path, &kind, body.into()).await
}

async fn upload(client: &Client, query: &str, content: Bytes) -> Answer {
    let kind = [("content-type", "application/octet-stream")];
    client
        .send(
            Method::POST,
            &format!("/audio-files{query}"),
            &kind,
            content,
        )
        .await
}

/// An audio file of its own for a test that only needs one; its id.
pub async fn speech(client: &Client) -> i64 {
    let made = upload(client, "?name=Aviso", fixture("tone.mp3")).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["id"].as_i64().unwrap()
}

fn files_in(gateway: &Gateway) -> usize {
    std::fs::read_dir(gateway.folder.path().join("sounds"))
        .unwrap()
        .count()
}

#[tokio::test]
async fn f154_an_audio_file_lives_from_upload_to_deletion() {
    let (gateway, admin) = Gateway::set_up().await;
    let fields = [("name", "Boas-vindas"), ("description", "Para todos")];
    let made = form(
        &admin,
        Method::POST,
        "/audio-files",
        &fields,
        &[("olá.mp3", fixture("tone.mp3"))],
    )
    .await;
    assert_eq!(made.status, 201);
    let made = made.json();
    assert_eq!(
        made["origin"],
        json!({ "kind": "upload", "file_name": "olá.mp3", "format": "mp3" })
    );
    assert!(made["duration_ms"].as_u64().unwrap().abs_diff(620) < 40);
    assert_eq!(
        (&made["present"], &made["used_by"]),
        (&json!(true), &json!([]))
    );
    let path = format!("/audio-files/{}", made["id"]);
    assert_eq!(admin.get("/audio-files").await.json(), json!([made]));

    let heard = admin.get(&format!("{path}/sound")).await;
    assert_eq!((heard.status, media_type(&heard)), (200, "audio/wav"));
    assert!(heard.body.starts_with(b"RIFF"));
    let original = admin.get(&format!("{path}/sound?original=true")).await;
    assert_eq!(media_type(&original), "audio/mpeg");
    assert_eq!(original.body, fixture("tone.mp3"));
    assert_eq!(
        original.header("content-disposition"),
        "inline; filename*=UTF-8''ol%C3%A1.mp3"
    );
    let part = admin
        .send(
            Method::GET,
            &format!("{path}/sound"),
            &[("range", "bytes=4-7")],
            Bytes::new(),
        )
        .await;
    assert_eq!((part.status, part.body.as_ref()), (206, &heard.body[4..8]));

    let renamed = admin
        .patch(&path, &json!({ "name": "Bem-vindo" }))
        .await
        .json();
    assert_eq!(
        (&renamed["name"], &renamed["key"]),
        (&json!("Bem-vindo"), &made["key"])
    );
    let replaced = form(
        &admin,
        Method::PUT,
        &format!("{path}/sound"),
        &[],
        &[("b.flac", fixture("tone.flac"))],
    )
    .await;
    assert_eq!(replaced.status, 200);
    assert_eq!(replaced.json()["origin"]["format"], "flac");
    assert_ne!(replaced.json()["key"], made["key"]);
    assert_eq!(files_in(&gateway), 2, "the old sound is gone");

    assert_eq!(admin.delete(&path).await.status, 204);
    assert_eq!(admin.get(&path).await.status, 404);
    assert_eq!(files_in(&gateway), 0);
}

#[tokio::test]
async fn at_12_what_is_no_sound_is_refused_with_the_reason_and_leaves_nothing() {
    let (gateway, admin) = Gateway::set_up().await;
    let refused = upload(&admin, "?name=a", fixture("picture.wav")).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.refused_field(), ("file".into(), "not_sound".into()));
    assert!(refused.json()["detail"].as_str().unwrap().contains("PNG"));
    let cut = upload(&admin, "?name=a", fixture("tone.flac").slice(..20)).await;
    assert_eq!(cut.refused_field(), ("file".into(), "damaged_sound".into()));
    let empty = upload(&admin, "?name=a", Bytes::new()).await;
    assert_eq!(empty.refused_field(), ("file".into(), "no_sound".into()));
    let large = upload(&admin, "?name=a", vec![0; (20 << 20) + 1].into()).await;
    assert_eq!(large.refused_field(), ("file".into(), "too_large".into()));
    let nameless = upload(&admin, "", fixture("tone.mp3")).await;
    assert_eq!(nameless.refused_field(), ("name".into(), "required".into()));
    let strange = upload(&admin, "?name=a&colour=red", fixture("tone.mp3")).await;
    assert_eq!(
        strange.refused_field(),
        ("colour".into(), "unknown_field".into())
    );
    assert_eq!(
        upload(&admin, "?name=a", fixture("tone.mp3")).await.status,
        201
    );
    let taken = upload(&admin, "?name=A", fixture("tone.mp3")).await;
    assert_eq!(taken.refused_field(), ("name".into(), "taken".into()));
    assert_eq!(files_in(&gateway), 2, "one sound and its original");
}

#[tokio::test]
async fn at_13_a_class_of_music_is_made_with_its_files_in_one_request() {
    let (gateway, admin) = Gateway::set_up().await;
    let fields = [
        ("name", "Espera"),
        ("description", "Calma"),
        ("order", "shuffled"),
        ("position", "shared"),
    ];
    let files = [
        ("um.ogg", fixture("vorbis.ogg")),
        ("dois.opus", fixture("opus.ogg")),
    ];
    let made = form(&admin, Method::POST, "/music-classes", &fields, &files).await;
    assert_eq!(made.status, 201);
    let class = made.json();
    assert_eq!(
        (&class["order"], &class["position"]),
        (&json!("shuffled"), &json!("shared"))
    );
    let names: Vec<Value> = admin
        .get("/audio-files")
        .await
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|file| json!([file["name"], file["used_by"][0]["name"]]))
        .collect();
    assert_eq!(names, [json!(["dois", "Espera"]), json!(["um", "Espera"])]);

    // F159: nothing that is used goes away.
    let file = format!("/audio-files/{}", class["files"][0]);
    let refused = admin.delete(&file).await;
    assert_eq!(refused.status, 409);
    assert!(
        refused.json()["detail"]
            .as_str()
            .unwrap()
            .contains("music class Espera")
    );
    let extension = json!({ "number": "201", "music_class": class["id"] });
    let extension = admin.post("/extensions", &extension).await.json()["extension"].clone();
    let path = format!("/music-classes/{}", class["id"]);
    assert_eq!(admin.get(&path).await.json()["used_by"][0]["name"], "201");
    let refused = admin.delete(&path).await;
    assert!(
        refused.json()["detail"]
            .as_str()
            .unwrap()
            .contains("extension 201"),
        "{refused:?}"
    );
    let nobody = json!({ "music_class": null });
    assert_eq!(
        admin
            .patch(&format!("/extensions/{}", extension["id"]), &nobody)
            .await
            .status,
        200
    );
    let fewer = admin
        .patch(&path, &json!({ "files": [class["files"][1]] }))
        .await;
    assert_eq!(fewer.json()["files"], json!([class["files"][1]]));
    assert_eq!(admin.delete(&file).await.status, 204);
    assert_eq!(admin.delete(&path).await.status, 204);

    // All or nothing.
    let files = [
        ("gut.mp3", fixture("tone.mp3")),
        ("bild.wav", fixture("picture.wav")),
    ];
    let refused = form(
        &admin,
        Method::POST,
        "/music-classes",
        &[("name", "Neu")],
        &files,
    )
    .await;
    assert_eq!(refused.refused_field(), ("file".into(), "not_sound".into()));
    assert_eq!(
        admin
            .get("/audio-files")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(files_in(&gateway), 2);
    let unknown = admin
        .post("/music-classes", &json!({ "name": "X", "files": [4711] }))
        .await;
    assert_eq!(
        unknown.refused_field(),
        ("files[0]".into(), "no_such_object".into())
    );
}

#[tokio::test]
async fn f068_texts_are_spoken_in_the_four_languages_at_save() {
    let (_gateway, admin) = Gateway::set_up().await;
    if std::process::Command::new("espeak-ng")
        .arg("--version")
        .output()
        .is_err()
    {
        let refused = admin
            .post("/speech", &json!({ "text": "a", "language": "en" }))
            .await;
        assert_eq!(
            refused.refused_field(),
            ("language".into(), "no_voice".into())
        );
        return;
    }
    for (language, text) in [
        ("pt-BR", "Obrigado por ligar."),
        ("es", "Gracias por llamar."),
        ("id", "Terima kasih telah menelepon."),
        ("en", "Thank you for calling."),
    ] {
        let body = json!({ "name": language, "text": text, "language": language });
        let made = admin.post("/audio-files/speech", &body).await;
        assert_eq!(made.status, 201, "{made:?}");
        let duration = made.json()["duration_ms"].as_u64().unwrap();
        assert!(
            (600..4_000).contains(&duration),
            "{language}: {duration} ms"
        );
        let heard = admin
            .post("/speech", &json!({ "text": text, "language": language }))
            .await;
        assert_eq!((heard.status, media_type(&heard)), (200, "audio/wav"));
        assert!(heard.body.len() > 10_000);
    }
    let list = admin.get("/audio-files").await.json();
    let path = format!("/audio-files/{}", list[0]["id"]);
    let changed = json!({ "speech": { "text": "A very different and somewhat longer text.", "language": "en" } });
    let changed = admin.patch(&path, &changed).await.json();
    assert_ne!(changed["key"], list[0]["key"]);
    assert!(changed["duration_ms"].as_u64() > list[0]["duration_ms"].as_u64());
    let blank = admin
        .post("/speech", &json!({ "text": " ", "language": "en" }))
        .await;
    assert_eq!(blank.refused_field(), ("text".into(), "required".into()));
}
