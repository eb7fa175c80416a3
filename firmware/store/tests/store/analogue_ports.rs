//! Settings of analogue ports are kept, exported and restored.

use ramal_model::{Export, FxoSettings, FxsSettings, PortSettings, code};

use crate::support::{actor, open, set_up};

#[tokio::test]
async fn an_export_restores_the_settings_of_ports_here_and_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    let fxo = PortSettings::Fxo(FxoSettings {
        country: "ID".parse().unwrap(),
        busy_repetitions: 4,
        ..FxoSettings::default()
    });
    let fxs = PortSettings::Fxs(FxsSettings::default());
    for (port, settings) in [("FXO 1", fxo), ("FXS 1", fxs)] {
        store
            .set_analogue_port(&actor(), port.to_owned(), settings)
            .await
            .unwrap();
    }
    let ports = store.configuration().analogue_ports().to_vec();
    assert_eq!(ports.len(), 2);
    let document = serde_json::to_value(store.export().await.unwrap()).unwrap();
    let export = || Export::from_value(document.clone()).unwrap();
    store.import(&actor(), export()).await.unwrap();
    assert_eq!(store.configuration().analogue_ports(), ports);

    let dir = tempfile::tempdir().unwrap();
    let (other, _) = open(dir.path());
    other.import(&actor(), export()).await.unwrap();
    assert_eq!(other.configuration().analogue_ports(), ports);
    assert_eq!(
        serde_json::to_value(other.export().await.unwrap()).unwrap(),
        document
    );

    let mut old = document.clone();
    old["schema"] = 4.into();
    old.as_object_mut().unwrap().remove("analogue_ports");
    let old = Export::from_value(old).unwrap();
    assert!(old.analogue_ports.is_empty());

    let mut bad = document.clone();
    bad["analogue_ports"][1]["settings"]["settings"]["extension"] = 4711.into();
    let invalid = Export::from_value(bad).unwrap_err();
    assert!(
        invalid.names("analogue_ports[1].extension", code::NO_SUCH_OBJECT),
        "{invalid}"
    );

    let mut bad = document.clone();
    bad["analogue_ports"][1]["port"] = "FXO 1".into();
    bad["analogue_ports"][0]["settings"]["settings"]["receive_gain"] = 99.into();
    let invalid = Export::from_value(bad).unwrap_err();
    assert!(
        invalid
            .problems
            .iter()
            .any(|problem| problem.field.starts_with("analogue_ports[0]")
                && problem.code == code::OUT_OF_RANGE),
        "{invalid}"
    );
}
