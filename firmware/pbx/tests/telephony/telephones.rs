//! The telephone of an extension on an FXS port, beside its other phones (F171).

use std::time::Duration;

use ramal_lines::simulated::{Hand, SimulatedConfig, SimulatedLines};
use ramal_model::{
    Actor, CallResult, Extension, ExtensionChange, FxsSettings, LegKind, PortSettings, Secret,
};
use ramal_store::StoreError;
use sipphone::{EndReason, Phone};
use tokio::sync::mpsc;

use crate::gateway::{Gateway, SOON, incoming, steps};

/// Longest wait for what takes its time on a line.
const ON_A_LINE: Duration = Duration::from_secs(25);

/// A gateway whose telephone on `FXS 1` is the extension 2009's.
struct Bench {
    gateway: Gateway,
    extension: Extension,
    secret: Secret,
    hands: mpsc::Sender<Hand>,
}

impl Bench {
    async fn new() -> Self {
        let gateway = Gateway::start().await;
        let lines = SimulatedLines::start(&SimulatedConfig::default()).unwrap();
        let hands = lines.hands()[0].clone();
        gateway.pbx.add_lines(Box::new(lines));
        let (extension, secret) = gateway.extension("2009").await;
        let bench = Self {
            gateway,
            extension,
            secret,
            hands,
        };
        let settings = FxsSettings {
            extension: Some(bench.extension.id),
            ..FxsSettings::default()
        };
        bench.set_port(settings).await;
        bench
    }

    async fn set_port(&self, settings: FxsSettings) {
        let (store, settings) = (&self.gateway.store, PortSettings::Fxs(settings));
        store
            .set_analogue_port(&Actor::System, "FXS 1".into(), settings)
            .await
            .unwrap();
    }

    async fn hand(&self, hand: Hand) {
        self.hands.send(hand).await.unwrap();
    }

    async fn is_put_down(&self) {
        self.is_off_hook(false).await;
    }

    /// A line's state is told a block later than what was heard on it.
    async fn is_off_hook(&self, wanted: bool) {
        let telephone = || self.gateway.pbx.lines().iter().any(|port| port.off_hook);
        let changes = async {
            while telephone() != wanted {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, changes).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f171_a_telephone_is_called_at_its_extension_s_number_and_calls_as_the_extension() {
    let bench = Bench::new().await;
    let ana = bench.gateway.phone("2001").await;
    let mut out = ana.call("2009").await.unwrap();
    out.wait_ringing(SOON).await.unwrap();
    out.wait_answered(ON_A_LINE).await.unwrap();
    out.hang_up();
    bench.is_put_down().await;
    let record = bench.gateway.record().await;
    assert_eq!(record.callee.name, bench.extension.display_name);
    let leg = &record.legs[1];
    assert_eq!(
        (leg.kind, leg.party.as_str(), leg.device.as_str()),
        (LegKind::Line, "2009", "FXS 1")
    );
    assert_eq!(
        steps(&record),
        ["dialled", "extension", "ringing", "answered_by", "hung_up"]
    );

    bench.hand(Hand::Lift).await;
    bench.hand(Hand::Press("2001".into())).await;
    let mut inn = incoming(&ana).await;
    assert!(inn.caller().contains("sip:2009@"), "{}", inn.caller());
    assert!(inn.caller().contains("Ramal 2009"), "{}", inn.caller());
    inn.answer();
    inn.wait_answered(SOON).await.unwrap();
    // The extension is in a call, as with any other phone of it.
    let standing = bench.gateway.pbx.standing();
    assert_eq!(standing[&bench.extension.id], ramal_pbx::Standing::Busy);
    bench.hand(Hand::PutDown).await;
    assert_eq!(inn.wait_ended(SOON).await.unwrap(), EndReason::RemoteHangUp);
    bench.is_put_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f171_all_devices_of_an_extension_ring_and_one_of_them_takes_the_call() {
    let bench = Bench::new().await;
    let ana = bench.gateway.phone("2001").await;
    let config = bench.gateway.config(&bench.extension, &bench.secret);
    let desk = Phone::start(config).await.unwrap();
    desk.register(600).await.unwrap();
    // The telephone answers by itself after the second ring.
    let mut out = ana.call("2009").await.unwrap();
    let mut inn = incoming(&desk).await;
    inn.ring();
    out.wait_answered(ON_A_LINE).await.unwrap();
    inn.wait_ended(SOON).await.unwrap();
    bench.is_off_hook(true).await;
    out.hang_up();
    bench.is_put_down().await;
    // The desk phone is quicker.
    let mut out = ana.call("2009").await.unwrap();
    let inn = incoming(&desk).await;
    inn.answer();
    out.wait_answered(SOON).await.unwrap();
    let stops = async {
        while bench.gateway.pbx.lines().iter().any(|port| port.ringing) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, stops).await.unwrap();
    inn.hang_up();
    out.wait_ended(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn f171_an_extension_that_is_switched_off_has_no_calls_and_keeps_its_telephone() {
    let bench = Bench::new().await;
    let (store, id) = (&bench.gateway.store, bench.extension.id);
    let refused = store.delete_extension(&Actor::System, id).await;
    assert!(
        matches!(&refused, Err(StoreError::Referenced { by, .. }) if *by == ["line FXS 1"]),
        "{refused:?}"
    );
    let change = ExtensionChange {
        enabled: Some(false),
        ..ExtensionChange::default()
    };
    store
        .update_extension(&Actor::System, id, change)
        .await
        .unwrap();
    let ana = bench.gateway.phone("2001").await;
    let mut out = ana.call("2009").await.unwrap();
    assert_eq!(out.wait_ended(SOON).await.unwrap(), EndReason::Refused(404));
    assert_eq!(
        bench.gateway.record().await.result,
        Some(CallResult::NotFound)
    );
    // The telephone gets a tone, also when lifting it is calling: there is no second call.
    let hot = ramal_model::HotLine {
        number: "2001".into(),
        after_seconds: 0,
    };
    bench
        .set_port(FxsSettings {
            extension: Some(id),
            hot_line: Some(hot),
            ..FxsSettings::default()
        })
        .await;
    bench.hand(Hand::Lift).await;
    bench.is_off_hook(true).await;
    bench.hand(Hand::PutDown).await;
    bench.is_put_down().await;
    bench.gateway.record().await;

    // Nobody's telephone again.
    bench.set_port(FxsSettings::default()).await;
    store.delete_extension(&Actor::System, id).await.unwrap();
}
