//! E1 trunks: kept, changed, exported, and what refers to extensions.

use crate::support::{actor, extension, open, set_up};
use ramal_model::{
    E1Signalling, E1SignallingInput, E1SignallingKind, E1TrunkInput, Export, InboundNumber,
    TrunkAuth, TrunkInput, code,
};
use ramal_store::StoreError;

fn pri(name: &str, device: &str) -> E1TrunkInput {
    E1TrunkInput {
        name: Some(name.into()),
        device: Some(device.into()),
        signalling: Some(E1SignallingInput {
            kind: Some(E1SignallingKind::E1Pri),
            ..E1SignallingInput::default()
        }),
        ..E1TrunkInput::default()
    }
}

fn r2(name: &str, device: &str) -> E1TrunkInput {
    E1TrunkInput {
        signalling: Some(E1SignallingInput {
            kind: Some(E1SignallingKind::E1R2),
            variant: Some("br-embratel".into()),
            called_digits: Some(8),
            ..E1SignallingInput::default()
        }),
        blocked: Some(vec![31, 2]),
        ..pri(name, device)
    }
}

#[tokio::test]
async fn an_e1_trunk_is_kept_changed_and_deleted_and_the_journal_tells() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    let trunk = store
        .create_e1_trunk(&actor(), r2("Embratel", "TE2/0/1"))
        .await
        .unwrap();
    store.close().await;

    let (store, _) = open(dir.path());
    assert_eq!(store.configuration().e1_trunk(trunk.id), Some(&trunk));
    let change = E1TrunkInput {
        priority: Some(3),
        ..E1TrunkInput::default()
    };
    let changed = store
        .update_e1_trunk(&actor(), trunk.id, change.clone())
        .await
        .unwrap();
    assert_eq!(changed.priority, 3);
    assert_eq!(changed.blocked, [2, 31]);
    assert_eq!(changed.signalling, trunk.signalling);
    store.delete_e1_trunk(&actor(), trunk.id).await.unwrap();
    assert!(store.configuration().e1_trunks().is_empty());
    let versions = store.versions(3, None).await.unwrap();
    let changes: Vec<_> = versions
        .iter()
        .flat_map(|version| &version.changes)
        .map(|change| {
            (
                change.object.as_str(),
                change.object_id,
                change.before.is_some(),
                change.after.is_some(),
            )
        })
        .collect();
    assert_eq!(
        changes,
        [
            ("e1_trunk", trunk.id.0, true, false),
            ("e1_trunk", trunk.id.0, true, true),
            ("e1_trunk", trunk.id.0, false, true),
        ]
    );
    let gone = store.update_e1_trunk(&actor(), trunk.id, change).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })));
    let gone = store.delete_e1_trunk(&actor(), trunk.id).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn names_belong_to_one_trunk_of_any_kind_and_spans_carry_one() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    let sip = |name: &str| TrunkInput {
        name: Some(name.into()),
        hosts: Some(vec!["192.0.2.1".into()]),
        auth: Some(TrunkAuth::None),
        ..TrunkInput::default()
    };
    let voip = store.create_trunk(&actor(), sip("VoIP")).await.unwrap();
    let (first, second) = (pri("Vivo", "TE2/0/1"), pri("Oi", "TE2/0/2"));
    let first = store.create_e1_trunk(&actor(), first).await.unwrap();
    let second = store.create_e1_trunk(&actor(), second).await.unwrap();
    let invalid = |result: Result<(), StoreError>| match result {
        Err(StoreError::Invalid(invalid)) => invalid,
        other => panic!("{other:?}"),
    };
    let refused = store.create_trunk(&actor(), sip("VIVO")).await;
    assert!(invalid(refused.map(drop)).names("name", code::TAKEN));
    let refused = store.update_trunk(&actor(), voip.id, sip("vivo")).await;
    assert!(invalid(refused.map(drop)).names("name", code::TAKEN));
    let refused = store
        .create_e1_trunk(&actor(), pri("voip", "TE2/0/2"))
        .await;
    let refused = invalid(refused.map(drop));
    assert!(refused.names("name", code::TAKEN) && refused.names("device", code::TAKEN));
    // Two trunks exchange their spans by way of a document.
    let mut export = store.export().await.unwrap();
    for trunk in &mut export.e1_trunks {
        trunk.device = if trunk.id == first.id {
            second.device.clone()
        } else {
            first.device.clone()
        };
    }
    store.import(&actor(), export).await.unwrap();
    let configuration = store.configuration();
    assert_eq!(
        configuration.e1_trunk(first.id).unwrap().device,
        second.device
    );
}

#[tokio::test]
async fn an_extension_that_an_e1_trunk_leads_to_stays_until_the_trunk_lets_go() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    let (reception, _) = store
        .create_extension(&actor(), extension("2001"))
        .await
        .unwrap();
    let input = E1TrunkInput {
        inbound: Some(vec![InboundNumber {
            number: "4444".into(),
            extension: reception.id,
        }]),
        inbound_default: Some(Some(reception.id)),
        ..pri("Vivo", "TE2/0/1")
    };
    let trunk = store.create_e1_trunk(&actor(), input).await.unwrap();
    let error = store
        .delete_extension(&actor(), reception.id)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "extension 2001 is used by trunk Vivo");
    let change = E1TrunkInput {
        inbound: Some(Vec::new()),
        inbound_default: Some(None),
        ..E1TrunkInput::default()
    };
    store
        .update_e1_trunk(&actor(), trunk.id, change)
        .await
        .unwrap();
    store
        .delete_extension(&actor(), reception.id)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_export_restores_e1_trunks_here_and_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    for input in [r2("Embratel", "TE2/0/1"), pri("Vivo", "TE2/0/2")] {
        store.create_e1_trunk(&actor(), input).await.unwrap();
    }
    let trunks = store.configuration().e1_trunks().to_vec();
    let document = serde_json::to_value(store.export().await.unwrap()).unwrap();
    let export = || Export::from_value(document.clone()).unwrap();
    store.delete_e1_trunk(&actor(), trunks[0].id).await.unwrap();
    store.import(&actor(), export()).await.unwrap();
    assert_eq!(store.configuration().e1_trunks(), trunks);

    let dir = tempfile::tempdir().unwrap();
    let (other, _) = open(dir.path());
    other.import(&actor(), export()).await.unwrap();
    assert_eq!(other.configuration().e1_trunks(), trunks);
    assert_eq!(
        serde_json::to_value(other.export().await.unwrap()).unwrap(),
        document
    );

    let mut old = document.clone();
    old["schema"] = 4.into();
    old.as_object_mut().unwrap().remove("e1_trunks");
    let old = Export::from_value(old).unwrap();
    assert!(old.e1_trunks.is_empty());
    other.import(&actor(), old).await.unwrap();
    assert!(other.configuration().e1_trunks().is_empty());
}

#[tokio::test]
async fn a_bad_e1_trunk_in_a_document_is_named_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    for input in [r2("Embratel", "TE2/0/1"), pri("Vivo", "TE2/0/2")] {
        store.create_e1_trunk(&actor(), input).await.unwrap();
    }
    let sip = TrunkInput {
        name: Some("VoIP".into()),
        hosts: Some(vec!["192.0.2.1".into()]),
        auth: Some(TrunkAuth::None),
        ..TrunkInput::default()
    };
    store.create_trunk(&actor(), sip).await.unwrap();
    let document = serde_json::to_value(store.export().await.unwrap()).unwrap();
    let variant = &document["e1_trunks"][0]["signalling"]["variant"];
    assert_eq!(variant, "br-embratel");
    type Damage = fn(&mut serde_json::Value);
    let cases: [(Damage, &str, &str); 10] = [
        (
            |trunk| trunk["signalling"]["variant"] = "xx".into(),
            "signalling.variant",
            code::UNKNOWN_VARIANT,
        ),
        (
            |trunk| trunk["signalling"]["called_digits"] = 0.into(),
            "signalling.called_digits",
            code::OUT_OF_RANGE,
        ),
        (
            |trunk| trunk["signalling"]["side"] = "user".into(),
            "signalling",
            code::INVALID,
        ),
        (
            |trunk| trunk["blocked"] = serde_json::json!([16]),
            "blocked[0]",
            code::OUT_OF_RANGE,
        ),
        (
            |trunk| trunk["name"] = "vivo".into(),
            "name",
            code::DUPLICATE,
        ),
        (
            |trunk| trunk["name"] = "VOIP".into(),
            "name",
            code::DUPLICATE,
        ),
        (
            |trunk| trunk["device"] = "TE2/0/2".into(),
            "device",
            code::DUPLICATE,
        ),
        (
            |trunk| trunk["inbound_default"] = 99.into(),
            "inbound_default",
            code::NO_SUCH_OBJECT,
        ),
        (|trunk| trunk["id"] = 1.into(), "id", code::DUPLICATE),
        (|trunk| trunk["gain"] = 1.into(), "gain", code::INVALID),
    ];
    for (damage, field, code) in cases {
        let mut document = document.clone();
        damage(&mut document["e1_trunks"][0]);
        let invalid = Export::from_value(document).unwrap_err();
        let named = ["e1_trunks[0]", "e1_trunks[1]"]
            .iter()
            .any(|path| invalid.names(&format!("{path}.{field}"), code));
        assert!(named, "{field} {code}: {invalid:?}");
    }
    let mut without = document;
    without.as_object_mut().unwrap().remove("e1_trunks");
    let invalid = Export::from_value(without).unwrap_err();
    assert!(invalid.names("e1_trunks", code::REQUIRED));
    let configuration = store.configuration();
    let kept = &configuration.e1_trunks()[0].signalling;
    assert!(matches!(
        kept,
        E1Signalling::E1R2 {
            called_digits: 8,
            ..
        }
    ));
}
