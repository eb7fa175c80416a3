//! What is wrong with lines and their cards, as alarms.

use std::time::Duration;

use ramal_lines::simulated::{SimulatedConfig, SimulatedLines};
use ramal_model::{Actor, E1SignallingInput, E1SignallingKind, E1TrunkInput};
use ramal_pbx::PbxConfig;

use crate::gateway::Gateway;

/// Longest wait for what takes its time on a line.
const ON_A_LINE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_card_without_its_firmware_and_a_span_that_is_not_there_are_alarms_and_other_lines_work()
{
    let root = tempfile::tempdir().unwrap();
    let card = root.path().join("sys/bus/pci/devices/0000:03:00.0");
    std::fs::create_dir_all(&card).unwrap();
    std::fs::write(card.join("vendor"), "0xd161\n").unwrap();
    std::fs::write(card.join("device"), "0x800a\n").unwrap();
    let system_root = root.path().to_owned();
    let gateway = Gateway::start_with(move |config, _| PbxConfig {
        system_root,
        ..config
    })
    .await;
    let lines = SimulatedLines::start(&SimulatedConfig::default()).unwrap();
    gateway.pbx.add_lines(Box::new(lines));
    let trunk = E1TrunkInput {
        name: Some("Vivo".to_owned()),
        device: Some("TE2/0/1".to_owned()),
        signalling: Some(E1SignallingInput {
            kind: Some(E1SignallingKind::E1Pri),
            ..E1SignallingInput::default()
        }),
        ..E1TrunkInput::default()
    };
    let trunk = gateway.store.create_e1_trunk(&Actor::System, trunk).await;
    let trunk = trunk.unwrap().id;
    let firmware = "card_without_firmware:0000:03:00.0".to_owned();
    let span = format!("e1_no_span:{}", trunk.0);
    let alarms = |wanted: Vec<String>| {
        let gateway = &gateway;
        async move {
            let deadline = tokio::time::Instant::now() + ON_A_LINE;
            loop {
                let mut ids: Vec<_> = gateway
                    .pbx
                    .live()
                    .alarms
                    .into_iter()
                    .map(|a| a.id)
                    .collect();
                ids.sort();
                if ids == wanted {
                    return;
                }
                assert!(tokio::time::Instant::now() < deadline, "{ids:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    alarms(vec![firmware.clone(), span]).await;
    let cards = gateway.pbx.unusable_cards();
    let [found] = cards.as_slice() else {
        panic!("{cards:?}");
    };
    assert_eq!(found.name, "TE133");
    let missing = found.missing_firmware.as_deref();
    assert_eq!(missing, Some("dahdi-fw-te133.bin"));
    let ana = gateway.phone("2001").await;
    let mut call = ana.call("00100").await.unwrap();
    call.wait_answered(ON_A_LINE).await.unwrap();
    call.hang_up();
    // Each goes when its cause does.
    gateway
        .store
        .delete_e1_trunk(&Actor::System, trunk)
        .await
        .unwrap();
    alarms(vec![firmware]).await;
    std::fs::create_dir(card.join("driver")).unwrap();
    alarms(Vec::new()).await;
}
