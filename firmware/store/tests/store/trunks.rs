//! Trunks, their passwords and what refers to extensions.

use crate::support::{actor, extension, open, set_up};
use ramal_model::{
    Export, ExtensionId, InboundNumber, OutboundPrefix, Secret, TrunkAuth, TrunkInput, code,
};
use ramal_store::{Store, StoreError};

const PASSWORD: &str = "pa:ss@wörd \"1\"";

fn carrier(name: &str) -> TrunkInput {
    TrunkInput {
        name: Some(name.into()),
        hosts: Some(vec!["sip.example.com".into(), "192.0.2.1:5070".into()]),
        user: Some("5133334444".into()),
        password: Some(Secret::new(PASSWORD.into())),
        ..TrunkInput::default()
    }
}

async fn refused(store: &Store, input: TrunkInput) -> ramal_model::Invalid {
    match store.create_trunk(&actor(), input).await {
        Err(StoreError::Invalid(invalid)) => invalid,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_trunk_is_kept_and_its_password_lies_sealed_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    let trunk = store.create_trunk(&actor(), carrier("Vivo")).await.unwrap();
    store.close().await;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let found = bytes
            .windows(PASSWORD.len())
            .any(|part| part == PASSWORD.as_bytes());
        assert!(!found, "the password lies open");
    }
    let (store, _) = open(dir.path());
    let configuration = store.configuration();
    assert_eq!(configuration.trunk(trunk.id), Some(&trunk));
    assert_eq!(
        configuration.trunk_password(trunk.id).unwrap().as_str(),
        PASSWORD
    );
    let journal = serde_json::to_string(&store.versions(10, None).await.unwrap()).unwrap();
    assert!(
        journal.contains("Vivo") && !journal.contains("pa:ss"),
        "{journal}"
    );
    store.close().await;

    // Another key: the trunk is there, and its password has to be entered again.
    std::fs::remove_file(dir.path().join("secrets.key")).unwrap();
    let (store, _) = open(dir.path());
    let configuration = store.configuration();
    assert!(configuration.trunk(trunk.id).is_some());
    assert!(configuration.trunk_password(trunk.id).is_none());
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_name() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    let trunk = store.create_trunk(&actor(), carrier("Vivo")).await.unwrap();
    let change = TrunkInput {
        name: Some("Vivo SIP".into()),
        options_interval: Some(0),
        ..TrunkInput::default()
    };
    let changed = store
        .update_trunk(&actor(), trunk.id, change)
        .await
        .unwrap();
    assert_eq!(changed.hosts, trunk.hosts);
    assert_eq!(
        (changed.name.as_str(), changed.options_interval),
        ("Vivo SIP", 0)
    );
    assert!(store.configuration().trunk_password(trunk.id).is_some());
    let without = TrunkInput {
        password: Some(Secret::new(String::new())),
        ..TrunkInput::default()
    };
    let error = store
        .update_trunk(&actor(), trunk.id, without.clone())
        .await;
    let Err(StoreError::Invalid(invalid)) = error else {
        panic!("{error:?}")
    };
    assert!(invalid.names("password", code::REQUIRED));
    let by_address = TrunkInput {
        auth: Some(TrunkAuth::Ip),
        sources: Some(vec!["192.0.2.0/28".into()]),
        ..without
    };
    store
        .update_trunk(&actor(), trunk.id, by_address)
        .await
        .unwrap();
    assert!(store.configuration().trunk_password(trunk.id).is_none());
    store.delete_trunk(&actor(), trunk.id).await.unwrap();
    assert!(store.configuration().trunks().is_empty());
    assert!(matches!(
        store.delete_trunk(&actor(), trunk.id).await,
        Err(StoreError::NotFound { .. })
    ));
}

#[tokio::test]
async fn every_broken_rule_is_named_with_its_field() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    store.create_trunk(&actor(), carrier("Vivo")).await.unwrap();
    let empty = refused(&store, TrunkInput::default()).await;
    for field in ["name", "hosts", "user", "password"] {
        assert!(empty.names(field, code::REQUIRED), "{field}: {empty:?}");
    }
    let bad = TrunkInput {
        hosts: Some(vec!["a b".into(), "ok.example".into(), "x:0".into()]),
        sources: Some(vec!["0.0.0.0/0".into()]),
        user: Some("a@b".into()),
        register_expires: Some(59),
        options_interval: Some(5),
        max_channels: Some(0),
        max_calls_per_second: Some(101),
        priority: Some(100),
        codecs: Some(Vec::new()),
        from_domain: Some("no host".into()),
        identity_out: Some(vec![ramal_model::IdentityHeader::Diversion]),
        outbound: Some(vec![
            OutboundPrefix {
                prefix: "15".into(),
                strip: 3,
            },
            OutboundPrefix {
                prefix: "15".into(),
                strip: 0,
            },
        ]),
        inbound: Some(vec![InboundNumber {
            number: "51x".into(),
            extension: ExtensionId(77),
        }]),
        inbound_default: Some(Some(ExtensionId(78))),
        password: Some(Secret::new("a\nb".into())),
        ..carrier("VIVO")
    };
    let invalid = refused(&store, bad).await;
    for (field, code) in [
        ("name", code::TAKEN),
        ("hosts[0]", code::INVALID),
        ("hosts[2]", code::INVALID),
        ("sources[0]", code::INVALID),
        ("user", code::CHARACTER),
        ("register_expires", code::OUT_OF_RANGE),
        ("options_interval", code::OUT_OF_RANGE),
        ("max_channels", code::OUT_OF_RANGE),
        ("max_calls_per_second", code::OUT_OF_RANGE),
        ("priority", code::OUT_OF_RANGE),
        ("codecs", code::REQUIRED),
        ("from_domain", code::INVALID),
        ("identity_out[0]", code::INVALID),
        ("outbound[0].strip", code::OUT_OF_RANGE),
        ("outbound[1].prefix", code::DUPLICATE),
        ("inbound[0].number", code::DIGITS_ONLY),
        ("inbound[0].extension", code::NO_SUCH_OBJECT),
        ("inbound_default", code::NO_SUCH_OBJECT),
        ("password", code::CONTROL_CHARACTER),
    ] {
        assert!(invalid.names(field, code), "{field} {code}: {invalid:?}");
    }
    assert_eq!(store.configuration().trunks().len(), 1);
}

#[tokio::test]
async fn an_extension_that_calls_are_led_to_stays_until_the_trunk_lets_go() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    let (reception, _) = store
        .create_extension(&actor(), extension("2001"))
        .await
        .unwrap();
    let input = TrunkInput {
        inbound: Some(vec![InboundNumber {
            number: "+555133334444".into(),
            extension: reception.id,
        }]),
        ..carrier("Vivo")
    };
    let trunk = store.create_trunk(&actor(), input).await.unwrap();
    assert_eq!(trunk.inbound_extension("+555133334444"), Some(reception.id));
    assert_eq!(trunk.inbound_extension("555133334444"), Some(reception.id));
    assert_eq!(trunk.inbound_extension("5133334444"), None);
    let error = store
        .delete_extension(&actor(), reception.id)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "extension 2001 is used by trunk Vivo");
    let change = TrunkInput {
        inbound: Some(Vec::new()),
        ..TrunkInput::default()
    };
    store
        .update_trunk(&actor(), trunk.id, change)
        .await
        .unwrap();
    store
        .delete_extension(&actor(), reception.id)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_export_restores_trunks_here_and_leaves_the_password_out_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    let trunk = store.create_trunk(&actor(), carrier("Vivo")).await.unwrap();
    let document = serde_json::to_value(store.export().await.unwrap()).unwrap();
    assert!(!document.to_string().contains("pa:ss"));
    store.delete_trunk(&actor(), trunk.id).await.unwrap();
    let export = || Export::from_value(document.clone()).unwrap();
    store.import(&actor(), export()).await.unwrap();
    let configuration = store.configuration();
    assert_eq!(configuration.trunk(trunk.id), Some(&trunk));
    assert_eq!(
        configuration.trunk_password(trunk.id).map(Secret::as_str),
        Some(PASSWORD)
    );

    let dir = tempfile::tempdir().unwrap();
    let (other, _) = open(dir.path());
    other.import(&actor(), export()).await.unwrap();
    assert_eq!(other.configuration().trunk(trunk.id), Some(&trunk));
    assert!(other.configuration().trunk_password(trunk.id).is_none());

    let mut old = document;
    old["schema"] = 1.into();
    old.as_object_mut().unwrap().remove("trunks");
    assert!(Export::from_value(old).unwrap().trunks.is_empty());
}

#[tokio::test]
async fn the_longest_prefix_says_what_is_dialled() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    let rule = |prefix: &str, strip| OutboundPrefix {
        prefix: prefix.into(),
        strip,
    };
    let input = TrunkInput {
        outbound: Some(vec![rule("5", 0), rule("55", 2)]),
        ..carrier("Vivo")
    };
    let trunk = store.create_trunk(&actor(), input).await.unwrap();
    assert_eq!(trunk.outbound_number("555125554444"), Some("5125554444"));
    assert_eq!(trunk.outbound_number("5125554444"), Some("5125554444"));
    assert_eq!(trunk.outbound_number("3125554444"), None);
    assert_eq!(trunk.outbound_number("55"), None, "nothing would be left");
}
