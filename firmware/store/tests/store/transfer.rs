//! Export and import of the whole configuration.

use crate::support::{PASSWORD, actor, extension, open, set_up};
use ramal_model::{Export, SCHEMA, Secret, code};
use ramal_store::{SessionOrigin, StoreError};
use serde_json::{Value, json};

/// An exported document with two extensions.
async fn document() -> Value {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    store
        .create_extension(&actor(), extension("2001"))
        .await
        .unwrap();
    store
        .create_extension(&actor(), extension("2002"))
        .await
        .unwrap();
    serde_json::to_value(store.export().await.unwrap()).unwrap()
}

#[tokio::test]
async fn an_export_read_by_another_gateway_makes_it_the_same() {
    let document = document().await;
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    assert!(matches!(store.export().await, Err(StoreError::NotSetUp)));
    store
        .import(&actor(), Export::from_value(document.clone()).unwrap())
        .await
        .unwrap();
    assert_eq!(
        serde_json::to_value(store.export().await.unwrap()).unwrap(),
        document
    );
    assert!(
        store
            .verify_password("helena", Secret::new(PASSWORD.into()))
            .await
            .unwrap()
            .is_some()
    );
    assert!(store.configuration().extension_by_number("2002").is_some());
    let (new, _) = store
        .create_extension(&actor(), extension("2003"))
        .await
        .unwrap();
    assert!(
        store
            .configuration()
            .users()
            .iter()
            .all(|user| user.id.0 != new.id.0),
        "ids go on after the imported ones"
    );
    store.close().await;
    let (store, _) = open(dir.path());
    assert_eq!(store.configuration().extensions().len(), 3);
}

#[tokio::test]
async fn an_import_replaces_everything_as_one_version() {
    let document = document().await;
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    // Other objects under the same ids: an extension where the document has another number, and one it lacks.
    for number in ["2002", "2001", "7000"] {
        store
            .create_extension(&actor(), extension(number))
            .await
            .unwrap();
    }
    let id = store.configuration().user_by_login("helena").unwrap().id;
    let session = store
        .create_session(id, SessionOrigin::default())
        .await
        .unwrap();
    let version = store.configuration().version();
    store
        .import(&actor(), Export::from_value(document.clone()).unwrap())
        .await
        .unwrap();
    assert_eq!(
        serde_json::to_value(store.export().await.unwrap()).unwrap(),
        document
    );
    assert_eq!(store.configuration().version(), version + 1);
    let changes = &store.versions(1, None).await.unwrap()[0].changes;
    assert_eq!(
        changes
            .iter()
            .filter(|change| change.object == "extension" && change.after.is_none())
            .count(),
        1
    );
    assert!(
        store.session(session.as_str()).await.unwrap().is_none(),
        "her password hash is another one now"
    );
    store
        .import(&actor(), Export::from_value(document).unwrap())
        .await
        .unwrap();
    assert_eq!(
        store.configuration().version(),
        version + 1,
        "the same once more changes nothing"
    );
}

#[tokio::test]
async fn every_problem_of_a_bad_document_is_named_and_nothing_changes() {
    let good = document().await;
    type Edit = fn(&mut Value);
    let edits: [(Edit, &str, &str); 20] = [
        (
            |d| d["format"] = json!("other"),
            "format",
            code::UNKNOWN_FORMAT,
        ),
        (
            |d| d["schema"] = json!(SCHEMA + 1),
            "schema",
            code::NEWER_SCHEMA,
        ),
        (|d| d["schema"] = json!("1"), "schema", code::INVALID),
        (|d| d["extra"] = json!(1), "extra", code::UNKNOWN_FIELD),
        (|d| d["company"] = json!(null), "company", code::INVALID),
        (
            |d| d["company"]["country"] = json!("XX"),
            "company.country",
            code::UNKNOWN_COUNTRY,
        ),
        (
            |d| d["company"]["time_zone"] = json!("Mars/Base"),
            "company.time_zone",
            code::UNKNOWN_TIME_ZONE,
        ),
        (
            |d| d["company"]["language"] = json!("fr"),
            "company.language",
            code::INVALID,
        ),
        (|d| d["users"] = json!([]), "users", code::LAST_ADMIN),
        (|d| d["users"] = json!("all"), "users", code::INVALID),
        (
            |d| d["users"][0]["active"] = json!(false),
            "users",
            code::LAST_ADMIN,
        ),
        (
            |d| d["users"][0]["login"] = json!("bob"),
            "users[0].login",
            code::TOO_SHORT,
        ),
        (
            |d| d["users"][0]["role"] = json!("king"),
            "users[0].role",
            code::INVALID,
        ),
        (
            |d| d["extensions"][1]["number"] = json!("2001"),
            "extensions[1].number",
            code::DUPLICATE,
        ),
        (
            |d| d["extensions"][1]["number"] = json!("x"),
            "extensions[1].number",
            code::DIGITS_ONLY,
        ),
        (
            |d| d["extensions"][1]["ring_time"] = json!(70000),
            "extensions[1].ring_time",
            code::INVALID,
        ),
        (
            |d| d["extensions"][1]["max_calls"] = json!(21),
            "extensions[1].max_calls",
            code::OUT_OF_RANGE,
        ),
        (
            |d| d["extensions"][1]["id"] = d["users"][0]["id"].clone(),
            "extensions[1].id",
            code::DUPLICATE,
        ),
        (
            |d| d["extensions"][0]["credential"]["md5"] = json!("zz"),
            "extensions[0].credential",
            code::INVALID,
        ),
        (
            |d| d["extensions"][0]["colour"] = json!("red"),
            "extensions[0].colour",
            code::INVALID,
        ),
    ];
    let mut several = good.clone();
    let mut expected = Vec::new();
    for (index, (edit, field, code)) in edits.into_iter().enumerate() {
        let mut document = good.clone();
        edit(&mut document);
        let invalid = Export::from_value(document).expect_err(field);
        assert!(invalid.names(field, code), "{field} {code}: {invalid:?}");
        if [3, 5, 11, 14, 16, 18].contains(&index) {
            edit(&mut several);
            expected.push((field, code));
        }
    }
    let invalid = Export::from_value(several).unwrap_err();
    for (field, code) in expected {
        assert!(
            invalid.names(field, code),
            "{field} {code} among others: {invalid:?}"
        );
    }
    for text in ["", "{", "[]", "null", "{}", "\u{feff}{}"] {
        assert!(Export::parse(text.as_bytes()).is_err(), "{text}");
    }

    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    let before = store.export().await.unwrap();
    for hash in [
        "secret",
        "",
        "$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let mut document = good.clone();
        document["users"][0]["password_hash"] = json!(hash);
        let export = Export::from_value(document).unwrap();
        let Err(StoreError::Invalid(invalid)) = store.import(&actor(), export).await else {
            panic!("{hash}")
        };
        assert!(invalid.names("users[0].password_hash", code::INVALID));
    }
    assert_eq!(store.export().await.unwrap(), before);
}
