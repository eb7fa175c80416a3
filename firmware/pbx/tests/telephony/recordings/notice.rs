//! The notice that whoever is outside hears before he is recorded (F084, AT-27).

use std::net::SocketAddr;

use ramal_model::{
    Actor, Extension, RecordingMode, RecordingProblem, TrunkAuth, TrunkCodec, TrunkInput,
};
use ramal_pbx::RecordingState;
use sipphone::{Law, Phone, PhoneConfig, level_dbm0};

use super::{NOTICE, NOTICE_MS, first, folder, gateway, hear, recorded, rows, say, sides, tenths};
use crate::gateway::{Gateway, SOON, incoming, steps};

/// A carrier that is known by its address and leads everything to the extension, with its phone.
async fn carrier(gateway: &Gateway, extension: &Extension, mode: Option<RecordingMode>) -> Phone {
    carrier_speaking(gateway, extension, mode, &[Law::A, Law::Mu]).await
}

async fn carrier_speaking(
    gateway: &Gateway,
    extension: &Extension,
    mode: Option<RecordingMode>,
    laws: &[Law],
) -> Phone {
    let local: SocketAddr = std::net::UdpSocket::bind("127.9.3.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let trunk = TrunkInput {
        name: Some("Carrier".into()),
        hosts: Some(vec![local.to_string()]),
        auth: Some(TrunkAuth::Ip),
        sources: Some(vec![local.ip().to_string()]),
        inbound_default: Some(Some(extension.id)),
        recording: Some(mode),
        codecs: Some(vec![TrunkCodec::Pcma, TrunkCodec::Pcmu, TrunkCodec::G729]),
        ..TrunkInput::default()
    };
    gateway
        .store
        .create_trunk(&Actor::System, trunk)
        .await
        .unwrap();
    let config = PhoneConfig {
        local,
        laws: laws.to_vec(),
        ..PhoneConfig::new(gateway.pbx.sip_address(), "5198765432", "")
    };
    let phone = Phone::start(config).await.unwrap();
    gateway
        .wait("the trunk", |live| {
            live.trunks
                .iter()
                .any(|trunk| trunk.state == ramal_pbx::TrunkState::Ok)
        })
        .await;
    phone
}

async fn agent(gateway: &Gateway) -> (Extension, Phone) {
    let (extension, secret) = gateway.extension("2001").await;
    let phone = Phone::start(gateway.config(&extension, &secret))
        .await
        .unwrap();
    phone.register(600).await.unwrap();
    (extension, phone)
}

/// The first tenth of a second in which a tone is loud, whatever its level.
fn first_tone(samples: &[i16], frequency: f64) -> Option<usize> {
    samples
        .chunks_exact(800)
        .position(|block| level_dbm0(block, frequency) > -25.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn at_27_the_caller_hears_the_notice_then_ringing_and_is_recorded_after_it() {
    let gateway = gateway(0, true).await;
    let (extension, agent) = agent(&gateway).await;
    let carrier = carrier(&gateway, &extension, Some(RecordingMode::All)).await;
    let mut out = carrier.call("5133334444").await.unwrap();
    let mut inn = incoming(&agent).await;
    inn.ring();
    // The notice, then the ringing tone, before anybody answers.
    out.audio()
        .wait(SOON, "notice and ringing", |report| report.received >= 120)
        .await
        .unwrap();
    let heard = out.audio().heard();
    let (notice, ringing) = (first(&heard, NOTICE), first_tone(&heard, 425.0));
    assert!(
        notice < ringing && notice.is_some() && ringing.is_some(),
        "{notice:?} {ringing:?}"
    );
    inn.answer();
    inn.wait_answered(SOON).await.unwrap();
    out.wait_answered(SOON).await.unwrap();
    recorded(&gateway, Some(RecordingState::Recording)).await;
    say(&out, 600.0);
    say(&inn, 900.0);
    hear(&inn, 75).await;
    // The agent has not heard the notice.
    assert_eq!(first(&inn.audio().heard(), NOTICE), None);
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    let rows = rows(&gateway, 1).await;
    let told = rows[0].notice_played_at.unwrap();
    assert!(told <= rows[0].started_at, "{rows:?}");
    let [left, right] = sides(&folder(&gateway).join(&rows[0].file));
    assert_eq!((first(&left, NOTICE), first(&right, NOTICE)), (None, None));
    assert!(tenths(&left, 600.0) >= 10 && tenths(&right, 900.0) >= 10);
    let record = gateway.record().await;
    assert_eq!(record.caller.number, "5198765432");
    let steps = steps(&record);
    let place = |step| steps.iter().position(|one| *one == step);
    assert!(
        place("recording_notice_played") < place("answered_by"),
        "{steps:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn at_27_outgoing_the_callee_hears_the_notice_on_answer() {
    let gateway = gateway(0, true).await;
    let (extension, agent) = agent(&gateway).await;
    let carrier = carrier(&gateway, &extension, Some(RecordingMode::All)).await;
    let mut out = agent.call("033334444").await.unwrap();
    let mut inn = incoming(&carrier).await;
    inn.answer();
    inn.wait_answered(SOON).await.unwrap();
    out.wait_answered(SOON).await.unwrap();
    recorded(&gateway, Some(RecordingState::Recording)).await;
    let told = tenths(&inn.audio().heard(), NOTICE);
    assert!(told >= NOTICE_MS / 100 - 2, "{told} tenths of a second");
    assert_eq!(first(&out.audio().heard(), NOTICE), None);
    say(&out, 600.0);
    say(&inn, 900.0);
    hear(&inn, 75).await;
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    let rows = rows(&gateway, 1).await;
    assert!(rows[0].notice_played_at.is_some());
    let [left, right] = sides(&folder(&gateway).join(&rows[0].file));
    // The tap sits outside: the callee is on the left.
    assert!(tenths(&left, 900.0) >= 10 && tenths(&right, 600.0) >= 10);
    assert_eq!(first(&right, NOTICE), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn f084_without_the_notice_installed_nothing_is_recorded_and_an_alarm_says_so() {
    let gateway = gateway(0, false).await;
    let (extension, agent) = agent(&gateway).await;
    let carrier = carrier(&gateway, &extension, Some(RecordingMode::All)).await;
    let mut out = carrier.call("5133334444").await.unwrap();
    let mut inn = incoming(&agent).await;
    inn.answer();
    inn.wait_answered(SOON).await.unwrap();
    out.wait_answered(SOON).await.unwrap();
    hear(&inn, 20).await;
    let live = gateway
        .wait("the alarm", |live| !live.alarms.is_empty())
        .await;
    assert_eq!(live.alarms[0].id, "recording_no_notice");
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    let rows = rows(&gateway, 1).await;
    assert_eq!(rows[0].problem, Some(RecordingProblem::NoNotice));
    assert!(!folder(&gateway).join(&rows[0].file).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn f084_a_notice_that_cannot_be_heard_does_not_count_as_played() {
    let gateway = gateway(0, true).await;
    let (extension, secret) = gateway.extension("2001").await;
    let config = PhoneConfig {
        laws: vec![Law::G729],
        ..gateway.config(&extension, &secret)
    };
    let agent = Phone::start(config).await.unwrap();
    agent.register(600).await.unwrap();
    let mode = Some(RecordingMode::All);
    let carrier = carrier_speaking(&gateway, &extension, mode, &[Law::G729]).await;
    let mut out = carrier.call("5133334444").await.unwrap();
    let mut inn = incoming(&agent).await;
    inn.answer();
    inn.wait_answered(SOON).await.unwrap();
    out.wait_answered(SOON).await.unwrap();
    // Carried from one to the other as it is.
    say(&out, 600.0);
    hear(&inn, 20).await;
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    let rows = rows(&gateway, 1).await;
    assert_eq!(rows[0].problem, Some(RecordingProblem::Codec));
    assert_eq!(rows[0].notice_played_at, None);
    assert!(!folder(&gateway).join(&rows[0].file).exists());
    let record = gateway.record().await;
    let steps = steps(&record);
    assert!(!steps.contains(&"recording_notice_played"), "{steps:?}");
}
