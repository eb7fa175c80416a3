//! Voicemail (F088-F092, AT-33), with real sockets on both sides.

use std::path::PathBuf;

use ramal_model::{
    Actor, AudioFileId, AudioOrigin, CallRecord, Extension, NewAudioFile, Party, Recorded, Stored,
    VoicemailBox, VoicemailMessage,
};
use ramal_pbx::{LiveEvent, RecordingConfig};
use ramal_store::{CallFilter, MessageFilter, NewMessage};
use sipphone::{Call, Phone};
use tokio::sync::broadcast::Receiver;

use crate::gateway::{Gateway, SOON, incoming, steps};
use crate::sounds::{does_not_hear, has, hears, install, say, speak, tone};

/// Hz of the tone before a message, and of the prompts of these tests.
const TONE: f64 = 440.0;
const GREETING: f64 = 600.0;
const REVIEW: f64 = 700.0;
const FULL: f64 = 800.0;
const KEPT: f64 = 900.0;
const TOO_SHORT: f64 = 1_000.0;
const NOT_STORED: f64 = 1_100.0;
const PIN: f64 = 1_200.0;
const WRONG_PIN: f64 = 1_300.0;
const MENU: f64 = 1_400.0;
const MESSAGE_MENU: f64 = 1_500.0;
const FORWARD_TO: f64 = 1_600.0;
const ENTER_BOX: f64 = 1_700.0;
/// What callers say.
const VOICE: f64 = 2_000.0;
const OTHER_VOICE: f64 = 2_300.0;

const PROMPTS: [(&str, f64); 12] = [
    ("vm-greeting", GREETING),
    ("vm-review", REVIEW),
    ("vm-full", FULL),
    ("vm-kept", KEPT),
    ("vm-too-short", TOO_SHORT),
    ("vm-not-stored", NOT_STORED),
    ("enter-pin", PIN),
    ("wrong-pin", WRONG_PIN),
    ("vm-menu-greeting", MENU),
    ("vm-message-menu", MESSAGE_MENU),
    ("vm-forward-to", FORWARD_TO),
    ("vm-enter-box", ENTER_BOX),
];

/// A gateway that takes messages; `reserve` bytes of its disk are for others.
async fn gateway(reserve: u64) -> Gateway {
    Gateway::start_with(|mut config, folder| {
        config.voicemail = Some(RecordingConfig {
            folder: folder.join("voicemail"),
            reserve,
        });
        let sounds = folder.join("sounds");
        std::fs::create_dir_all(&sounds).unwrap();
        config.sounds.audio_files = Some(sounds);
        install(folder, &PROMPTS);
        config
    })
    .await
}

/// An extension with its phone.
async fn phone(gateway: &Gateway, number: &str) -> (Extension, Phone) {
    let (extension, secret) = gateway.extension(number).await;
    let phone = Phone::start(gateway.config(&extension, &secret))
        .await
        .unwrap();
    phone.register(600).await.unwrap();
    (extension, phone)
}

async fn mailbox(
    gateway: &Gateway,
    owner: &Extension,
    settings: VoicemailBox,
) -> Stored<VoicemailBox> {
    let settings = VoicemailBox {
        name: format!("Box {}", owner.number),
        extensions: vec![owner.id],
        ..settings
    };
    gateway
        .store
        .create(&Actor::System, settings)
        .await
        .unwrap()
}

/// A call to somebody who does not take it: the caller comes to his voicemail box.
async fn not_taken(caller: &Phone, number: &str, callee: &Phone) -> Call {
    let mut out = caller.call(number).await.unwrap();
    let mut inn = incoming(callee).await;
    inn.reject(486);
    out.wait_answered(SOON).await.unwrap();
    inn.wait_ended(SOON).await.unwrap();
    out
}

async fn messages(gateway: &Gateway) -> Vec<VoicemailMessage> {
    gateway
        .store
        .messages(MessageFilter::default())
        .await
        .unwrap()
}

/// The next message that comes to a box.
async fn arrived(events: &mut Receiver<LiveEvent>) -> VoicemailMessage {
    tokio::time::timeout(SOON, async {
        loop {
            if let LiveEvent::VoicemailNew { message } = events.recv().await.unwrap() {
                return *message;
            }
        }
    })
    .await
    .unwrap()
}

fn path(gateway: &Gateway, message: &VoicemailMessage) -> PathBuf {
    gateway.folder().join("voicemail").join(&message.file)
}

/// Waits until it is time to speak.
async fn after_tone(call: &Call) {
    hears(call, TONE).await;
    does_not_hear(call, TONE).await;
}

/// The samples of a message, whose file says that it is 8 kHz, mono, 16 bits.
fn sound(gateway: &Gateway, message: &VoicemailMessage) -> Vec<i16> {
    let file = std::fs::read(path(gateway, message)).unwrap();
    assert_eq!(file[20..36], tone(1.0, 1)[20..36]);
    let (pairs, _) = file[44..].as_chunks::<2>();
    pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
}

/// Tenths of a second with this tone.
fn tenths(samples: &[i16], frequency: f64) -> usize {
    samples
        .chunks_exact(800)
        .filter(|block| has(block, frequency))
        .count()
}

/// The record of the last call, once all are over.
async fn last_record(gateway: &Gateway) -> CallRecord {
    gateway
        .wait("the end of all calls", |live| live.calls.is_empty())
        .await;
    let mut records = gateway.store.calls(CallFilter::default()).await.unwrap();
    records.remove(0)
}

fn not_left(record: &CallRecord) -> &str {
    let step = record
        .trace
        .iter()
        .find(|step| step["step"] == "message_not_left");
    step.unwrap_or_else(|| panic!("{:#?}", record.trace))["reason"]
        .as_str()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_33_a_message_is_stored_lights_the_lamp_and_is_heard_and_deleted_by_telephone() {
    let gateway = gateway(0).await;
    let ((_, ana), (owner, bruno)) = (phone(&gateway, "2001").await, phone(&gateway, "2002").await);
    let mailbox = mailbox(&gateway, &owner, VoicemailBox::default()).await;
    let mut lamp = bruno
        .subscribe("message-summary", "2002", 600)
        .await
        .unwrap();
    let is_lit = |lit: &'static str, counts: &'static str| {
        move |body: &str| {
            body.contains(&format!("Messages-Waiting: {lit}"))
                && body.contains(&format!("Voice-Message: {counts} "))
        }
    };
    lamp.wait(SOON, is_lit("no", "0/0")).await.unwrap();

    let (_, mut events) = gateway.pbx.observe();
    let call = not_taken(&ana, "2002", &bruno).await;
    hears(&call, GREETING).await;
    after_tone(&call).await;
    say(&call, VOICE, 200).await;
    call.hang_up();
    let message = arrived(&mut events).await;
    assert_eq!(
        (message.mailbox, &*message.caller.number),
        (mailbox.id, "2001")
    );
    assert!((3_500..5_500).contains(&message.duration_ms), "{message:?}");
    let samples = sound(&gateway, &message);
    assert_eq!(samples.len() as i64 / 8, message.duration_ms);
    assert!((36..44).contains(&tenths(&samples, VOICE)), "{message:?}");
    assert_eq!(tenths(&samples, TONE), 0);
    lamp.wait(SOON, is_lit("yes", "1/0")).await.unwrap();
    let record = last_record(&gateway).await;
    for step in ["voicemail", "greeting_played", "message_left", "hung_up"] {
        assert!(steps(&record).contains(&step), "{step}: {:?}", record.trace);
    }
    assert_eq!(record.id, message.call);

    let mut own = bruno.call("*97").await.unwrap();
    own.wait_answered(SOON).await.unwrap();
    hears(&own, MENU).await;
    own.audio().send_digits("1");
    hears(&own, VOICE).await;
    hears(&own, MESSAGE_MENU).await;
    lamp.wait(SOON, is_lit("no", "0/1")).await.unwrap();
    assert_eq!(
        messages(&gateway).await[0].heard_by.as_deref(),
        Some("2002")
    );
    own.audio().send_digits("3");
    lamp.wait(SOON, is_lit("no", "0/0")).await.unwrap();
    own.hang_up();
    assert!(messages(&gateway).await.is_empty());
    assert!(!path(&gateway, &message).exists());
    let row = gateway.store.message(message.id).await.unwrap();
    assert_eq!(row.deleted_by.as_deref(), Some("2002"));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_33_a_message_of_less_than_the_shortest_is_dropped() {
    let gateway = gateway(0).await;
    let ((_, ana), (owner, bruno)) = (phone(&gateway, "2001").await, phone(&gateway, "2002").await);
    mailbox(&gateway, &owner, VoicemailBox::default()).await;
    let call = not_taken(&ana, "2002", &bruno).await;
    after_tone(&call).await;
    say(&call, VOICE, 75).await;
    call.hang_up();
    let record = last_record(&gateway).await;
    assert_eq!(not_left(&record), "too_short");
    assert!(messages(&gateway).await.is_empty());
    let files = std::fs::read_dir(gateway.folder().join("voicemail")).unwrap();
    assert_eq!(files.count(), 0);
    // Who says nothing at all is not there.
    let call = not_taken(&ana, "2002", &bruno).await;
    after_tone(&call).await;
    call.hang_up();
    assert_eq!(not_left(&last_record(&gateway).await), "hung_up");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_33_a_message_ends_at_the_longest_and_at_silence() {
    let gateway = gateway(0).await;
    let ((_, ana), (owner, bruno)) = (phone(&gateway, "2001").await, phone(&gateway, "2002").await);
    let settings = VoicemailBox {
        max_seconds: 10,
        silence_seconds: 3,
        ..VoicemailBox::default()
    };
    mailbox(&gateway, &owner, settings).await;
    let mut call = not_taken(&ana, "2002", &bruno).await;
    after_tone(&call).await;
    speak(&call, VOICE);
    hears(&call, KEPT).await;
    call.wait_ended(SOON).await.unwrap();
    let cut = messages(&gateway).await.remove(0);
    assert!((9_700..=10_000).contains(&cut.duration_ms), "{cut:?}");

    let mut call = not_taken(&ana, "2002", &bruno).await;
    after_tone(&call).await;
    say(&call, VOICE, 175).await;
    hears(&call, KEPT).await;
    call.wait_ended(SOON).await.unwrap();
    // The silence that ended it is no part of it.
    let short = messages(&gateway).await.remove(0);
    assert!((3_000..5_500).contains(&short.duration_ms), "{short:?}");
    assert!(tenths(&sound(&gateway, &short), VOICE) >= 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn f090_what_was_said_is_heard_again_and_said_anew() {
    let gateway = gateway(0).await;
    let ((_, ana), (owner, bruno)) = (phone(&gateway, "2001").await, phone(&gateway, "2002").await);
    let settings = VoicemailBox {
        min_seconds: 1,
        ..VoicemailBox::default()
    };
    mailbox(&gateway, &owner, settings).await;
    let mut call = not_taken(&ana, "2002", &bruno).await;
    after_tone(&call).await;
    say(&call, VOICE, 100).await;
    call.audio().send_digits("#");
    hears(&call, REVIEW).await;
    call.audio().send_digits("2");
    hears(&call, VOICE).await;
    hears(&call, REVIEW).await;
    call.audio().send_digits("3");
    after_tone(&call).await;
    say(&call, OTHER_VOICE, 100).await;
    call.audio().send_digits("#");
    hears(&call, REVIEW).await;
    call.audio().send_digits("1");
    hears(&call, KEPT).await;
    call.wait_ended(SOON).await.unwrap();
    let kept = messages(&gateway).await;
    assert_eq!(kept.len(), 1, "{kept:?}");
    let samples = sound(&gateway, &kept[0]);
    assert!(tenths(&samples, OTHER_VOICE) >= 15);
    assert_eq!(tenths(&samples, VOICE), 0);
    let files = std::fs::read_dir(gateway.folder().join("voicemail")).unwrap();
    assert_eq!(files.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_box_and_a_full_disk_are_told() {
    let gateway = gateway(0).await;
    let ((_, ana), (owner, bruno)) = (phone(&gateway, "2001").await, phone(&gateway, "2002").await);
    let settings = VoicemailBox {
        max_messages: 1,
        ..VoicemailBox::default()
    };
    let mailbox = mailbox(&gateway, &owner, settings).await;
    stored(&gateway, &mailbox).await;
    let mut call = not_taken(&ana, "2002", &bruno).await;
    hears(&call, FULL).await;
    call.wait_ended(SOON).await.unwrap();
    assert_eq!(not_left(&last_record(&gateway).await), "full");
    // A box that holds messages stays.
    let refused = gateway
        .store
        .delete::<VoicemailBox>(&Actor::System, mailbox.id, false)
        .await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("1 messages"), "{refused}");

    let gateway = self::gateway(u64::MAX).await;
    let ((_, ana), (owner, bruno)) = (phone(&gateway, "2001").await, phone(&gateway, "2002").await);
    self::mailbox(&gateway, &owner, VoicemailBox::default()).await;
    let mut call = not_taken(&ana, "2002", &bruno).await;
    hears(&call, NOT_STORED).await;
    call.wait_ended(SOON).await.unwrap();
    assert_eq!(not_left(&last_record(&gateway).await), "disk_full");
    assert!(messages(&gateway).await.is_empty());
    let alarms = gateway.pbx.live().alarms;
    assert!(alarms.iter().any(|alarm| alarm.id == "recording_disk_full"));
}

/// An audio file of a tone.
async fn audio(gateway: &Gateway, name: &str, frequency: f64) -> AudioFileId {
    let key = format!("{:032x}", frequency as u32);
    let file = gateway.folder().join(format!("sounds/{key}.wav"));
    std::fs::write(file, tone(frequency, 300)).unwrap();
    let sound = Recorded {
        origin: AudioOrigin::Upload {
            file_name: String::new(),
            format: "mp3".into(),
        },
        key,
        duration_ms: 300,
        octets: 4_844,
    };
    let new = NewAudioFile {
        name: name.into(),
        description: String::new(),
    };
    let made = gateway
        .store
        .create_audio_file(&Actor::System, new, sound)
        .await;
    made.unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn at_33_the_boxs_greeting_goes_before_the_companys() {
    let gateway = gateway(0).await;
    let ((_, ana), (owner, bruno)) = (phone(&gateway, "2001").await, phone(&gateway, "2002").await);
    let mut mailbox = mailbox(&gateway, &owner, VoicemailBox::default()).await;
    let (of_company, of_box) = (
        audio(&gateway, "company", 2_600.0).await,
        audio(&gateway, "box", 2_900.0).await,
    );
    gateway
        .store
        .change_voicemail_greeting(&Actor::System, Some(of_company))
        .await
        .unwrap();
    let used = gateway
        .store
        .delete_audio_file(&Actor::System, of_company)
        .await;
    assert!(used.is_err(), "a greeting in use stays");
    let call = not_taken(&ana, "2002", &bruno).await;
    hears(&call, 2_600.0).await;
    after_tone(&call).await;
    call.hang_up();
    mailbox.settings.greeting = Some(of_box);
    gateway
        .store
        .replace(&Actor::System, mailbox.id, mailbox.settings)
        .await
        .unwrap();
    let call = not_taken(&ana, "2002", &bruno).await;
    hears(&call, 2_900.0).await;
    after_tone(&call).await;
    call.hang_up();
    last_record(&gateway).await;
    let greetings: Vec<_> = gateway
        .store
        .calls(CallFilter::default())
        .await
        .unwrap()
        .iter()
        .flat_map(|record| record.trace.clone())
        .filter(|step| step["step"] == "greeting_played")
        .map(|step| step["greeting"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(greetings, ["mailbox", "company"]);
}

/// A message of two seconds that was left before, not ended: as a power cut leaves it.
async fn unfinished(gateway: &Gateway, mailbox: &Stored<VoicemailBox>) -> NewMessage {
    let call = ramal_model::CallId::new(1_700_000_000_000, rand::random());
    let file = format!("{call}-00000001.wav");
    let mut wav = b"RIFF\x32\x7d\x00\x00WAVEfmt \x12\x00\x00\x00\x06\x00\x02\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x08\x00\x00\x00fact\x04\x00\x00\x00\x80\x3e\x00\x00data\x00\x7d\x00\x00".to_vec();
    wav.extend((0..80_000u32).map(|n| (n % 251) as u8 | 1));
    std::fs::write(gateway.folder().join("voicemail").join(&file), &wav).unwrap();
    NewMessage {
        mailbox: mailbox.id,
        call,
        caller: Party {
            number: "5198765432".into(),
            name: String::new(),
        },
        file,
        started_at: 1_700_000_000_000,
    }
}

/// A message that lies in a box.
async fn stored(gateway: &Gateway, mailbox: &Stored<VoicemailBox>) -> VoicemailMessage {
    let new = unfinished(gateway, mailbox).await;
    std::fs::write(
        gateway.folder().join("voicemail").join(&new.file),
        tone(VOICE, 2_000),
    )
    .unwrap();
    let id = gateway.store.message_started(new).await.unwrap();
    gateway
        .store
        .message_kept(id, 1_700_000_002_000, 2_000, 32_044)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_survives_a_power_cut() {
    let mut gateway = gateway(0).await;
    let (owner, _) = gateway.extension("2002").await;
    let mailbox = mailbox(&gateway, &owner, VoicemailBox::default()).await;
    let new = unfinished(&gateway, &mailbox).await;
    gateway.store.message_started(new).await.unwrap();
    let short = NewMessage {
        file: "01JCZ8Y8M6T5X0K3V9Q4R7N2BD-00000002.wav".into(),
        ..unfinished(&gateway, &mailbox).await
    };
    // Its file never came about.
    gateway.store.message_started(short).await.unwrap();
    let folder = gateway.folder().join("voicemail");
    gateway
        .restart_with(|config| {
            config.voicemail = Some(RecordingConfig {
                folder: folder.clone(),
                reserve: 0,
            });
        })
        .await;
    let kept = messages(&gateway).await;
    assert_eq!(kept.len(), 1, "{kept:?}");
    // Five seconds were on the disk; the header knew of two.
    assert_eq!(kept[0].duration_ms, 5_000);
    assert_eq!(sound(&gateway, &kept[0]).len(), 40_000);
    // What no row names was not wanted.
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_box_is_heard_with_its_pin_and_messages_are_forwarded_and_called_back() {
    let gateway = gateway(0).await;
    let ((_, ana), (owner, bruno)) = (phone(&gateway, "2001").await, phone(&gateway, "2002").await);
    let (other, _) = gateway.extension("2003").await;
    let settings = VoicemailBox {
        pin: Some("4321".into()),
        ..VoicemailBox::default()
    };
    let with_pin = mailbox(&gateway, &owner, settings).await;
    let to = mailbox(&gateway, &other, VoicemailBox::default()).await;
    let message = stored(&gateway, &with_pin).await;

    let mut call = ana.call("*98").await.unwrap();
    call.wait_answered(SOON).await.unwrap();
    hears(&call, ENTER_BOX).await;
    call.audio().send_digits("2002#");
    for _ in 0..3 {
        hears(&call, PIN).await;
        call.audio().send_digits("1234#");
        hears(&call, WRONG_PIN).await;
    }
    call.wait_ended(SOON).await.unwrap();
    let record = last_record(&gateway).await;
    assert_eq!(
        steps(&record)
            .iter()
            .filter(|step| **step == "wrong_pin")
            .count(),
        3
    );

    let mut call = ana.call("*98").await.unwrap();
    call.wait_answered(SOON).await.unwrap();
    hears(&call, ENTER_BOX).await;
    call.audio().send_digits("2002#");
    hears(&call, PIN).await;
    call.audio().send_digits("4321#");
    hears(&call, MENU).await;
    call.audio().send_digits("1");
    hears(&call, MESSAGE_MENU).await;
    let (_, mut events) = gateway.pbx.observe();
    call.audio().send_digits("6");
    hears(&call, FORWARD_TO).await;
    call.audio().send_digits("2003#");
    let copy = arrived(&mut events).await;
    assert_eq!(
        (copy.mailbox, copy.forwarded_by.as_deref()),
        (to.id, Some("2001"))
    );
    assert_eq!(sound(&gateway, &copy), sound(&gateway, &message));
    call.hang_up();
    last_record(&gateway).await;

    // Called back: his number is an extension's.
    let (_, mut events) = gateway.pbx.observe();
    let left = not_taken(&ana, "2002", &bruno).await;
    after_tone(&left).await;
    say(&left, VOICE, 200).await;
    left.hang_up();
    arrived(&mut events).await;
    gateway.wait("the end", |live| live.calls.is_empty()).await;
    let mut own = bruno.call("*97").await.unwrap();
    own.wait_answered(SOON).await.unwrap();
    hears(&own, MENU).await;
    own.audio().send_digits("1");
    hears(&own, VOICE).await;
    own.audio().send_digits("5");
    let mut back = incoming(&ana).await;
    assert!(back.caller().contains("sip:2002@"), "{}", back.caller());
    back.answer();
    back.wait_answered(SOON).await.unwrap();
    speak(&back, OTHER_VOICE);
    hears(&own, OTHER_VOICE).await;
    own.hang_up();
    back.wait_ended(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn f089_a_greeting_is_spoken_by_telephone() {
    let gateway = gateway(0).await;
    let ((_, ana), (owner, bruno)) = (phone(&gateway, "2001").await, phone(&gateway, "2002").await);
    mailbox(&gateway, &owner, VoicemailBox::default()).await;
    for (round, voice) in [VOICE, OTHER_VOICE].into_iter().enumerate() {
        let mut own = bruno.call("*97").await.unwrap();
        own.wait_answered(SOON).await.unwrap();
        hears(&own, MENU).await;
        own.audio().send_digits("2");
        after_tone(&own).await;
        say(&own, voice, 50).await;
        own.audio().send_digits("#");
        hears(&own, REVIEW).await;
        own.audio().send_digits("1");
        hears(&own, MENU).await;
        own.hang_up();
        gateway.wait("the end", |live| live.calls.is_empty()).await;
        // The second one takes the place of the first.
        let files = gateway.store.configuration().audio_files().len();
        assert_eq!(files, 1, "after {round}");
        let call = not_taken(&ana, "2002", &bruno).await;
        hears(&call, voice).await;
        after_tone(&call).await;
        call.hang_up();
        gateway.wait("the end", |live| live.calls.is_empty()).await;
    }
}
