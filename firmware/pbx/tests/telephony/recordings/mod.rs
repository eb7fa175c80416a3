//! Recording of calls (F078-F087), with real sockets on both sides.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ramal_model::{
    Actor, Extension, ExtensionChange, NewExtension, RecordingMode, RecordingProblem,
    RecordingRecord, RecordingSettingsChange, TrunkAuth, TrunkInput,
};
use ramal_pbx::{RecordingCommand, RecordingConfig, RecordingRefusal, RecordingState};
use ramal_store::{NewRecording, RecordingFilter};
use sipphone::{Call, CallEvent, Phone, PhoneConfig, Source, level_dbm0};

use crate::gateway::{Gateway, SOON, incoming, steps};

/// Hz of the notice of these tests.
const NOTICE: f64 = 1_250.0;
/// Its length in milliseconds.
const NOTICE_MS: usize = 1_000;

fn folder(gateway: &Gateway) -> PathBuf {
    gateway.folder().join("recordings")
}

/// A gateway that can record; `reserve` bytes of its disk are for others.
async fn gateway(reserve: u64, with_notice: bool) -> Gateway {
    Gateway::start_with(|mut config, folder| {
        config.recordings = Some(RecordingConfig {
            folder: folder.join("recordings"),
            reserve,
        });
        if with_notice {
            let prompts = folder.join("prompts/pt-BR");
            std::fs::create_dir_all(&prompts).unwrap();
            std::fs::write(prompts.join("recording-notice.wav"), notice()).unwrap();
        }
        config
    })
    .await
}

/// A second of tone as a prompt file.
fn notice() -> Vec<u8> {
    let samples = NOTICE_MS * 8;
    let mut wav = Vec::from(
        *b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data",
    );
    wav.extend((samples as u32 * 2).to_le_bytes());
    for n in 0..samples {
        let angle = std::f64::consts::TAU * NOTICE * n as f64 / 8_000.0;
        wav.extend(((7_080.0 * angle.sin()) as i16).to_le_bytes());
    }
    let length = (wav.len() as u32 - 8).to_le_bytes();
    wav[4..8].copy_from_slice(&length);
    wav
}

async fn set(gateway: &Gateway, change: RecordingSettingsChange) {
    gateway
        .store
        .change_recording_settings(&Actor::System, change)
        .await
        .unwrap();
}

async fn record_all(gateway: &Gateway) {
    set(
        gateway,
        RecordingSettingsChange {
            mode: Some(RecordingMode::All),
            ..RecordingSettingsChange::default()
        },
    )
    .await;
}

fn say(call: &Call, frequency: f64) {
    call.audio().send(Source::Tone {
        frequency,
        dbm0: -10.0,
    });
}

/// Waits until so many more packets were heard: the time of a conversation.
async fn hear(call: &Call, packets: u64) {
    let before = call.audio().report().received;
    call.audio()
        .wait(SOON, "packets", |report| {
            report.received >= before + packets
        })
        .await
        .unwrap();
}

async fn talking(caller: &Phone, number: &str, callee: &Phone) -> (Call, Call) {
    let mut out = caller.call(number).await.unwrap();
    let mut inn = incoming(callee).await;
    inn.answer();
    out.wait_answered(SOON).await.unwrap();
    inn.wait_answered(SOON).await.unwrap();
    (out, inn)
}

async fn recorded(gateway: &Gateway, state: Option<RecordingState>) {
    gateway
        .wait("the recording", |live| {
            live.calls
                .first()
                .is_some_and(|call| call.recording == state)
        })
        .await;
}

/// The rows, oldest first, once no call goes on and every end is written down.
async fn rows(gateway: &Gateway, number: usize) -> Vec<RecordingRecord> {
    gateway
        .wait("the end of all calls", |live| live.calls.is_empty())
        .await;
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let mut rows = gateway
            .store
            .recordings(RecordingFilter::default())
            .await
            .unwrap();
        if rows.len() == number && rows.iter().all(|row| row.ended_at.is_some()) {
            rows.reverse();
            return rows;
        }
        assert!(tokio::time::Instant::now() < deadline, "{rows:#?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Both sides of a recording, as linear samples.
fn sides(path: &Path) -> [Vec<i16>; 2] {
    let file = std::fs::read(path).unwrap();
    let law = match file[20] {
        6 => ramal_dsp::Law::A,
        7 => ramal_dsp::Law::Mu,
        tag => panic!("format {tag}"),
    };
    [0, 1].map(|channel| {
        let octets: Vec<u8> = file[58..].chunks(2).map(|frame| frame[channel]).collect();
        let mut samples = vec![0; octets.len()];
        law.decode(&octets, &mut samples);
        samples
    })
}

/// How many tenths of a second have this tone at -10 dBm0 within 0.5 dB.
fn tenths(samples: &[i16], frequency: f64) -> usize {
    samples
        .chunks_exact(800)
        .filter(|block| (level_dbm0(block, frequency) + 10.0).abs() < 0.5)
        .count()
}

/// The first tenth of a second that has this tone.
fn first(samples: &[i16], frequency: f64) -> Option<usize> {
    samples
        .chunks_exact(800)
        .position(|block| (level_dbm0(block, frequency) + 10.0).abs() < 1.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn f078_both_sides_of_a_call_are_on_their_channels_at_their_level() {
    let gateway = gateway(0, false).await;
    record_all(&gateway).await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let (out, mut inn) = talking(&ana, "2002", &bruno).await;
    recorded(&gateway, Some(RecordingState::Recording)).await;
    say(&out, 600.0);
    say(&inn, 900.0);
    hear(&inn, 100).await;
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    let rows = rows(&gateway, 1).await;
    let row = &rows[0];
    // Nobody is outside: no notice.
    assert_eq!((row.problem, row.notice_played_at), (None, None));
    assert!(row.duration_ms >= 1_900 && row.lost_packets == 0, "{row:?}");
    let path = folder(&gateway).join(&row.file);
    assert_eq!(std::fs::metadata(&path).unwrap().len() as i64, row.bytes);
    let [left, right] = sides(&path);
    assert!(tenths(&left, 600.0) >= 15, "{}", tenths(&left, 600.0));
    assert!(tenths(&right, 900.0) >= 15, "{}", tenths(&right, 900.0));
    assert_eq!((tenths(&left, 900.0), tenths(&right, 600.0)), (0, 0));
    let record = gateway.record().await;
    assert!(steps(&record).contains(&"recording_started"));
}

#[tokio::test(flavor = "multi_thread")]
async fn f078_off_records_nothing_and_an_extension_goes_before_the_company() {
    let gateway = gateway(0, false).await;
    record_all(&gateway).await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let id = gateway
        .store
        .configuration()
        .extension_by_number("2002")
        .map(|one| one.id);
    let off = ExtensionChange {
        recording: Some(Some(RecordingMode::Off)),
        ..ExtensionChange::default()
    };
    gateway
        .store
        .update_extension(&Actor::System, id.unwrap(), off)
        .await
        .unwrap();
    let (out, mut inn) = talking(&ana, "2002", &bruno).await;
    hear(&inn, 10).await;
    let call = gateway.pbx.live().calls[0].clone();
    assert_eq!(call.recording, None);
    assert_eq!(
        gateway.pbx.record(&call.id, RecordingCommand::Start).await,
        Err(RecordingRefusal::Off)
    );
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    rows(&gateway, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f078_hold_and_pause_and_resume_during_a_recording() {
    let gateway = gateway(0, false).await;
    record_all(&gateway).await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let (mut out, mut inn) = talking(&ana, "2002", &bruno).await;
    recorded(&gateway, Some(RecordingState::Recording)).await;
    say(&out, 600.0);
    say(&inn, 900.0);
    hear(&inn, 50).await;
    inn.hold();
    out.wait(SOON, |event| *event == CallEvent::Held)
        .await
        .unwrap();
    inn.resume();
    out.wait(SOON, |event| *event == CallEvent::Resumed)
        .await
        .unwrap();
    let call = gateway.pbx.live().calls[0].id.clone();
    gateway
        .pbx
        .record(&call, RecordingCommand::Pause)
        .await
        .unwrap();
    recorded(&gateway, Some(RecordingState::Paused)).await;
    assert_eq!(
        gateway.pbx.record(&call, RecordingCommand::Pause).await,
        Err(RecordingRefusal::NotRecording)
    );
    // What is said now is nobody's business.
    say(&out, 1_500.0);
    hear(&inn, 75).await;
    say(&out, 600.0);
    hear(&inn, 25).await;
    gateway
        .pbx
        .record(&call, RecordingCommand::Resume)
        .await
        .unwrap();
    hear(&inn, 50).await;
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    let rows = rows(&gateway, 1).await;
    let [left, right] = sides(&folder(&gateway).join(&rows[0].file));
    assert_eq!(first(&left, 1_500.0), None);
    assert!(tenths(&left, 600.0) >= 15 && tenths(&right, 900.0) >= 12);
    // Both sides go on together after the pause.
    let last = |samples: &[i16]| samples.iter().rposition(|sample| sample.abs() > 2_000);
    assert!(last(&left).unwrap().abs_diff(last(&right).unwrap()) < 800);
}

#[tokio::test(flavor = "multi_thread")]
async fn f087_a_recording_goes_on_when_the_call_is_passed_on() {
    let gateway = gateway(0, false).await;
    record_all(&gateway).await;
    let ana = gateway.phone("2001").await;
    let (bruno, carla) = (gateway.phone("2002").await, gateway.phone("2003").await);
    let (mut out, inn) = talking(&ana, "2002", &bruno).await;
    recorded(&gateway, Some(RecordingState::Recording)).await;
    say(&out, 600.0);
    say(&inn, 900.0);
    hear(&inn, 50).await;
    // The caller, at whom the recording sits, passes the callee on.
    out.refer("2003");
    let mut at_carla = incoming(&carla).await;
    at_carla.answer();
    at_carla.wait_answered(SOON).await.unwrap();
    out.wait_ended(SOON).await.unwrap();
    say(&at_carla, 1_700.0);
    hear(&inn, 75).await;
    inn.hang_up();
    at_carla.wait_ended(SOON).await.unwrap();
    let rows = rows(&gateway, 1).await;
    let [left, right] = sides(&folder(&gateway).join(&rows[0].file));
    assert!(tenths(&left, 600.0) >= 5);
    assert!(tenths(&left, 1_700.0) >= 5);
    assert!(tenths(&right, 900.0) >= 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn f078_star_3_starts_and_stops_a_recording_on_demand() {
    let gateway = gateway(0, false).await;
    let new = NewExtension {
        number: "2001".into(),
        recording: Some(RecordingMode::OnDemand),
        ..NewExtension::default()
    };
    let (extension, secret) = gateway.extension_with(new).await;
    let ana = Phone::start(gateway.config(&extension, &secret))
        .await
        .unwrap();
    ana.register(600).await.unwrap();
    let bruno = gateway.phone("2002").await;
    let (out, mut inn) = talking(&ana, "2002", &bruno).await;
    hear(&inn, 10).await;
    assert_eq!(gateway.pbx.live().calls[0].recording, None);
    say(&inn, 900.0);
    out.audio().send_digits("*3");
    recorded(&gateway, Some(RecordingState::OnDemand)).await;
    hear(&out, 50).await;
    out.audio().send_digits("*3");
    recorded(&gateway, None).await;
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    let rows = rows(&gateway, 1).await;
    assert!(rows[0].on_demand && rows[0].duration_ms > 500, "{rows:?}");
    let [_, right] = sides(&folder(&gateway).join(&rows[0].file));
    assert!(tenths(&right, 900.0) >= 5);
}

/// A carrier that is known by its address and leads everything to the extension, with its phone.
async fn carrier(gateway: &Gateway, extension: &Extension, mode: Option<RecordingMode>) -> Phone {
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
        ..TrunkInput::default()
    };
    gateway
        .store
        .create_trunk(&Actor::System, trunk)
        .await
        .unwrap();
    let config = PhoneConfig {
        local,
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

/// The first tenth of a second in which a tone is loud, whatever its level.
fn first_tone(samples: &[i16], frequency: f64) -> Option<usize> {
    samples
        .chunks_exact(800)
        .position(|block| level_dbm0(block, frequency) > -25.0)
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
async fn f078_on_a_full_disk_the_call_goes_on_and_its_record_and_an_alarm_say_why() {
    let gateway = gateway(u64::MAX, false).await;
    record_all(&gateway).await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let (out, mut inn) = talking(&ana, "2002", &bruno).await;
    let live = gateway
        .wait("the alarm", |live| !live.alarms.is_empty())
        .await;
    assert_eq!(live.alarms[0].id, "recording_disk_full");
    recorded(&gateway, None).await;
    say(&out, 600.0);
    hear(&inn, 20).await;
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    let rows = rows(&gateway, 1).await;
    assert_eq!(rows[0].problem, Some(RecordingProblem::DiskFull));
    assert_eq!(rows[0].bytes, 0);
    let record = gateway.record().await;
    let step = record
        .trace
        .iter()
        .find(|step| step["step"] == "not_recorded");
    assert_eq!(step.unwrap()["problem"], "disk_full");
}

#[tokio::test(flavor = "multi_thread")]
async fn f079_rows_and_files_find_each_other_at_the_next_start() {
    let mut gateway = gateway(0, false).await;
    record_all(&gateway).await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    for _ in 0..3 {
        let (out, mut inn) = talking(&ana, "2002", &bruno).await;
        recorded(&gateway, Some(RecordingState::Recording)).await;
        say(&out, 600.0);
        hear(&inn, 50).await;
        out.hang_up();
        inn.wait_ended(SOON).await.unwrap();
        gateway.wait("the end", |live| live.calls.is_empty()).await;
    }
    let before = rows(&gateway, 3).await;
    let recordings = folder(&gateway);
    let path = |file: &str| recordings.join(file);
    // One lost its file, one was being written when the power went, and of one there is only the file.
    std::fs::remove_file(path(&before[0].file)).unwrap();
    let mut cut = std::fs::read(path(&before[1].file)).unwrap();
    cut[54..58].copy_from_slice(&100u32.to_le_bytes());
    let unfinished = before[1].file.replace("-1.wav", "-2.wav");
    std::fs::write(path(&unfinished), &cut).unwrap();
    let row = NewRecording {
        call: before[1].call.clone(),
        file: unfinished.clone(),
        started_at: before[1].started_at,
        notice_played_at: None,
        on_demand: false,
    };
    gateway.store.recording_started(row).await.unwrap();
    let orphan = before[2].file.replace("-1.wav", "-7.wav");
    std::fs::copy(path(&before[2].file), path(&orphan)).unwrap();
    gateway
        .restart_with(|config| {
            config.recordings = Some(RecordingConfig {
                folder: recordings.clone(),
                reserve: 0,
            });
        })
        .await;
    let after = rows(&gateway, 5).await;
    assert_eq!(after[0].problem, Some(RecordingProblem::FileLost));
    assert_eq!(after[0].bytes, 0);
    let healed = after.iter().find(|row| row.file == orphan).unwrap();
    assert_eq!(
        (healed.bytes, &healed.call),
        (before[2].bytes, &before[2].call)
    );
    let finished = after.iter().find(|row| row.file == unfinished).unwrap();
    assert_eq!(finished.problem, Some(RecordingProblem::Interrupted));
    assert_eq!(finished.duration_ms, before[1].duration_ms);
    let [left, _] = sides(&path(&unfinished));
    assert!(tenths(&left, 600.0) >= 5);
}
