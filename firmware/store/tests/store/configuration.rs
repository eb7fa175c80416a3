//! Company, extensions, snapshots and the journal.

use crate::support::{actor, admin, company, extension, open, set_up};
use ramal_model::{ExtensionChange, ExtensionId, Language, NewCompany, code};
use ramal_store::StoreError;

fn problems(error: StoreError) -> Vec<(String, String)> {
    match error {
        StoreError::Invalid(invalid) => invalid
            .problems
            .into_iter()
            .map(|p| (p.field, p.code))
            .collect(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn the_first_set_up_fills_in_the_country_and_works_once() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    assert!(!store.configuration().is_set_up());
    let id = store.set_up(company(), admin()).await.unwrap();
    let configuration = store.configuration();
    let company = configuration.company().unwrap();
    assert_eq!(
        (company.country_code.as_str(), company.time_zone.as_str()),
        ("55", "America/Sao_Paulo")
    );
    assert_eq!(company.language, Language::PtBr);
    assert_eq!(configuration.user(id).unwrap().login, "helena");
    assert!(matches!(
        store.set_up(crate::support::company(), admin()).await,
        Err(StoreError::AlreadySetUp)
    ));
}

#[tokio::test]
async fn two_set_ups_at_once_leave_one_administrator() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let (a, b) = tokio::join!(
        store.set_up(company(), admin()),
        store.set_up(company(), admin())
    );
    assert!(a.is_ok() != b.is_ok());
    assert_eq!(store.configuration().users().len(), 1);
}

#[tokio::test]
async fn a_bad_set_up_names_every_field_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let mut admin = admin();
    admin.login = "bob".into();
    admin.password = ramal_model::Secret::new("password123".into());
    let company = NewCompany {
        legal_name: "x\ny".into(),
        tax_id: String::new(),
        contact_name: String::new(),
        contact_phone: String::new(),
        cnl: String::new(),
        country: "XX".into(),
        country_code: Some("5a".into()),
        area_code: Some("123456".into()),
        language: None,
        time_zone: Some("Mars/Base".into()),
        music_class: None,
        limits: None,
        park_seconds: None,
    };
    let found = problems(store.set_up(company, admin).await.unwrap_err());
    for (field, code) in [
        ("company.legal_name", code::CONTROL_CHARACTER),
        ("company.country", code::UNKNOWN_COUNTRY),
        ("company.country_code", code::DIGITS_ONLY),
        ("company.area_code", code::TOO_LONG),
        ("company.time_zone", code::UNKNOWN_TIME_ZONE),
        ("admin.login", code::TOO_SHORT),
        ("admin.password", code::COMMON_PASSWORD),
    ] {
        assert!(
            found.contains(&(field.to_owned(), code.to_owned())),
            "{field} {code} in {found:?}"
        );
    }
    assert_eq!(found.len(), 7, "{found:?}");
    assert_eq!(store.configuration().version(), 0);
}

#[tokio::test]
async fn extensions_are_made_changed_renumbered_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    let (made, secret) = store
        .create_extension(&actor(), extension(" 2001 "))
        .await
        .unwrap();
    assert_eq!(
        (
            made.number.as_str(),
            made.display_name.as_str(),
            made.max_calls,
            made.ring_time
        ),
        ("2001", "2001", 4, 60)
    );
    let configuration = store.configuration();
    let credential = configuration.credential(made.id).unwrap();
    assert_eq!(
        *credential,
        ramal_model::DigestCredential::new("2001", &secret)
    );

    let rename = ExtensionChange {
        display_name: Some("Portaria".into()),
        language: Some(Some(Language::Es)),
        ..Default::default()
    };
    let (changed, new_secret) = store
        .update_extension(&actor(), made.id, rename)
        .await
        .unwrap();
    assert_eq!(
        (changed.display_name.as_str(), changed.language, new_secret),
        ("Portaria", Some(Language::Es), None)
    );
    assert_eq!(store.configuration().credential(made.id), Some(credential));

    let renumber = ExtensionChange {
        number: Some("3001".into()),
        ..Default::default()
    };
    let (changed, new_secret) = store
        .update_extension(&actor(), made.id, renumber)
        .await
        .unwrap();
    assert_eq!(changed.id, made.id);
    let now = store.configuration();
    assert_eq!(
        *now.credential(made.id).unwrap(),
        ramal_model::DigestCredential::new("3001", &new_secret.unwrap())
    );
    assert!(now.extension_by_number("2001").is_none());

    let secret = store.regenerate_secret(&actor(), made.id).await.unwrap();
    assert_eq!(
        *store.configuration().credential(made.id).unwrap(),
        ramal_model::DigestCredential::new("3001", &secret)
    );

    store.delete_extension(&actor(), made.id).await.unwrap();
    assert!(store.configuration().extensions().is_empty());
    assert!(store.configuration().credential(made.id).is_none());
    assert!(matches!(
        store.delete_extension(&actor(), made.id).await,
        Err(StoreError::NotFound { .. })
    ));
    let (next, _) = store
        .create_extension(&actor(), extension("2001"))
        .await
        .unwrap();
    assert!(next.id > made.id, "an id is never used twice");
}

#[tokio::test]
async fn wrong_extensions_are_refused_with_field_and_limit() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    store
        .create_extension(&actor(), extension("2001"))
        .await
        .unwrap();
    for (number, expected) in [
        ("2", code::TOO_SHORT),
        ("12345678", code::TOO_LONG),
        ("20a1", code::DIGITS_ONLY),
        ("", code::REQUIRED),
        ("*43", code::DIGITS_ONLY),
        ("2001", code::TAKEN),
    ] {
        let error = store
            .create_extension(&actor(), extension(number))
            .await
            .unwrap_err();
        let found = problems(error);
        assert!(
            found.contains(&("number".into(), expected.into())),
            "{number}: {found:?}"
        );
    }
    let mut new = extension("2002");
    new.ring_time = Some(70_000);
    new.max_calls = Some(0);
    new.display_name = "x".repeat(65);
    let StoreError::Invalid(invalid) = store.create_extension(&actor(), new).await.unwrap_err()
    else {
        panic!()
    };
    assert!(
        invalid.names("ring_time", code::OUT_OF_RANGE)
            && invalid.names("max_calls", code::OUT_OF_RANGE)
    );
    assert!(invalid.names("display_name", code::TOO_LONG));
    let ring_time = invalid
        .problems
        .iter()
        .find(|problem| problem.field == "ring_time")
        .unwrap();
    assert_eq!(ring_time.limit.as_deref(), Some("5-300"));
    assert_eq!(store.configuration().extensions().len(), 1);
}

#[tokio::test]
async fn the_snapshot_a_reader_holds_never_changes_and_watchers_hear_of_new_ones() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    let mut watch = store.watch();
    watch.mark_unchanged();
    let before = store.configuration();
    store
        .create_extension(&actor(), extension("2001"))
        .await
        .unwrap();
    assert!(watch.has_changed().unwrap());
    assert!(before.extensions().is_empty());
    let after = watch.borrow_and_update().clone();
    assert_eq!(after.version(), before.version() + 1);
    assert!(after.extension_by_number("2001").is_some());
}

#[tokio::test]
async fn a_failing_write_takes_nothing_of_its_group_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    // Queued at once, so that they share transactions: every number twice.
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let store = store.clone();
        tasks.spawn(async move {
            store
                .create_extension(&actor(), extension(&format!("20{:02}", number % 20)))
                .await
                .is_ok()
        });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|ok| **ok).count(), 20);
    assert_eq!(store.configuration().extensions().len(), 20);
    store.close().await;
    let (store, _) = open(dir.path());
    assert_eq!(store.configuration().extensions().len(), 20);
    for extension in store.configuration().extensions() {
        assert!(store.configuration().credential(extension.id).is_some());
    }
}

#[tokio::test]
async fn the_journal_knows_who_changed_what_and_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let (store, hands) = open(dir.path());
    set_up(&store).await;
    let (made, secret) = store
        .create_extension(&actor(), extension("2001"))
        .await
        .unwrap();
    hands.forward(5000);
    store.regenerate_secret(&actor(), made.id).await.unwrap();
    // Saving what is there already is no change.
    let same = ExtensionChange {
        number: Some("2001".into()),
        ..Default::default()
    };
    store
        .update_extension(&actor(), made.id, same)
        .await
        .unwrap();
    let versions = store.versions(10, None).await.unwrap();
    assert_eq!(
        versions.iter().map(|v| v.version).collect::<Vec<_>>(),
        [3, 2, 1]
    );
    assert_eq!(versions[0].at, crate::support::START + 5000);
    assert_eq!(
        versions[0].changes[0].after.as_ref().unwrap()["secret_changed"],
        true
    );
    assert_eq!(versions[1].actor, actor());
    assert_eq!(versions[1].changes[0].object_id, made.id.0);
    assert!(versions[1].changes[0].before.is_none());
    assert_eq!(
        versions[2]
            .changes
            .iter()
            .map(|c| c.object.as_str())
            .collect::<Vec<_>>(),
        ["company", "user"]
    );
    let text = serde_json::to_string(&versions).unwrap();
    assert!(
        !text.contains(secret.as_str())
            && !text.contains("argon2")
            && !text.contains(crate::support::PASSWORD)
    );
    assert_eq!(store.versions(1, Some(3)).await.unwrap()[0].version, 2);
}

#[tokio::test]
async fn everything_is_there_again_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    store
        .create_extension(&actor(), extension("2001"))
        .await
        .unwrap();
    let mut company = NewCompany::from(store.configuration().company().unwrap());
    company.time_zone = Some("america/bahia".into());
    assert_eq!(
        store
            .change_company(&actor(), company)
            .await
            .unwrap()
            .time_zone,
        "America/Bahia"
    );
    let before = store.configuration();
    store.close().await;
    assert!(matches!(
        store.delete_extension(&actor(), ExtensionId(99)).await,
        Err(StoreError::Closed)
    ));
    let (store, _) = open(dir.path());
    let after = store.configuration();
    assert_eq!(before.version(), after.version());
    assert_eq!(before.company(), after.company());
    assert_eq!(before.users(), after.users());
    assert_eq!(before.extensions(), after.extensions());
    assert_eq!(before.credentials(), after.credentials());
}
