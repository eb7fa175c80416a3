//! What goes wrong with lines is named in their state and as an alarm that says what to do, and other lines go on.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::time::{Duration, Instant};

use gateway_under_test::{Gateway, GatewayError};
use line_tests::WiredSpans;
use line_tests::far_end::FarEnd;
use line_tests::pairs::LinePairs;
use line_tests::peer::Peer;
use line_tests::until;
use ramal_lines::dahdi::{
    ChannelDevice, ChannelEvent, Hook, Received, SpanSetup, SpanUse, configure,
};
use serde_json::{Value, json};
use sipphone::Phone;

type Result<T = ()> = std::result::Result<T, GatewayError>;

/// Emulation is slow.
const SOON: Duration = Duration::from_secs(60);
const OUTSIDE: &str = "40028922";
/// A line that rings so long at a time, in milliseconds: no exchange does.
const ENDLESS: i32 = 60_000;

/// Asks for what stands at this path until something is found there. Alarms take their time: a short fault is none.
async fn found<T>(
    gateway: &Gateway,
    path: &str,
    what: &'static str,
    find: impl Fn(&Value) -> Option<T>,
) -> Result<T> {
    let begun = Instant::now();
    loop {
        let answer = gateway.api().get(path).await?.expect(200)?;
        if let Some(found) = find(&answer) {
            return Ok(found);
        }
        if begun.elapsed() > 2 * SOON {
            return Err(GatewayError::Late(what));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn of_id(alarms: &Value, id: &str) -> Option<Value> {
    let mut alarms = alarms.as_array().into_iter().flatten();
    alarms.find(|alarm| alarm["id"] == id).cloned()
}

async fn raised(gateway: &Gateway, id: &str) -> Result<Value> {
    let find = |alarms: &Value| of_id(alarms, id);
    found(gateway, "/api/v1/alarms", "the alarm", find).await
}

async fn cleared(gateway: &Gateway, id: &str) -> Result<()> {
    let gone = |alarms: &Value| of_id(alarms, id).is_none().then_some(());
    found(gateway, "/api/v1/alarms", "the end of the alarm", gone).await
}

fn fault_of(lines: &Value, name: &str) -> Value {
    let mut lines = lines["lines"].as_array().into_iter().flatten();
    let line = lines.find(|line| line["name"] == name);
    line.map(|line| line["fault"].clone())
        .unwrap_or_else(|| json!("no such line"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_rings_for_ever_is_told_and_calls_go_by_the_other() -> Result {
    let pairs = LinePairs::insert();
    let [first, second] = [0, 1].map(|port| FarEnd::start(pairs.channel(port)));
    first
        .device
        .set_ring_cadence(&[ENDLESS, 1_000])
        .expect("a cadence");
    let gateway = Gateway::start().await?;
    let extension = gateway.extension("2001").await?;
    let phone = Phone::start(gateway.phone_config(&extension)).await?;
    phone.register(300).await?;
    let faults = |lines: &Value| [fault_of(lines, "FXO 1"), fault_of(lines, "FXO 2")];
    gateway
        .wait("/api/v1/system", "both lines work", |lines| {
            faults(lines) == [Value::Null, Value::Null]
        })
        .await?;
    until("the exchange can ring", || {
        first.device.set_hook(Hook::Ring).ok()
    });
    let told = raised(&gateway, "line_rings_for_ever:FXO 1").await?;
    assert_eq!(told["object"], "FXO 1", "{told}");
    assert_eq!(told["action"], "line_rings_for_ever_action", "{told}");
    let lines = gateway.api().get("/api/v1/system").await?.expect(200)?;
    assert_eq!(faults(&lines), [json!("rings_for_ever"), Value::Null]);
    // It is no call, and calls out take the other line.
    second.carries(150);
    let call = phone.call(&format!("0{OUTSIDE}")).await?;
    second.sees(ChannelEvent::RingOffHook);
    second.device.set_hook(Hook::OffHook).expect("feeds");
    second.is_dialled(OUTSIDE);
    call.hang_up();
    second.sees(ChannelEvent::OnHook);
    assert_eq!(first.has_seen(ChannelEvent::RingOffHook), None);
    first.device.set_hook(Hook::RingOff).expect("stops");
    cleared(&gateway, "line_rings_for_ever:FXO 1").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_line_code_at_the_far_end_is_told_until_it_is_ours() -> Result {
    let pairs = LinePairs::insert_with(&["e1=1"]);
    let gateway = Gateway::start().await?;
    let trunk = json!({
        "name": "Operadora", "device": "PAIRS/E1", "signalling": { "kind": "e1_pri" },
    });
    let trunk = gateway
        .api()
        .post("/api/v1/e1-trunks", &trunk)
        .await?
        .expect(201)?;
    let id = format!("e1_line_code:{}", trunk["id"]);
    // AMI where HDB3 is expected: some violations in a thousand bits, as the card counts them.
    let mut violations = 0;
    let begun = Instant::now();
    let told = loop {
        violations += 4_000;
        pairs.set_parameter("e1_errors", &format!("{violations},0,0,0,0"));
        let alarms = gateway.api().get("/api/v1/alarms").await?.expect(200)?;
        if let Some(alarm) = of_id(&alarms, &id) {
            break alarm;
        }
        assert!(begun.elapsed() < 2 * SOON, "{id} is not raised");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(told["object"], "Operadora", "{told}");
    assert_eq!(told["action"], "e1_line_code_action", "{told}");
    let trunks = gateway.api().get("/api/v1/e1-trunks").await?.expect(200)?;
    assert_eq!(trunks.pointer("/0/status/fault"), Some(&json!("line_code")));
    // As long as it lasts, and no longer.
    cleared(&gateway, &id).await?;
    found(
        &gateway,
        "/api/v1/e1-trunks",
        "that nobody answers",
        |trunks| (trunks.pointer("/0/status/fault") == Some(&json!("no_answer"))).then_some(()),
    )
    .await?;
    // Lines of the same card have never noticed.
    let lines = gateway.api().get("/api/v1/system").await?.expect(200)?;
    assert_eq!(fault_of(&lines, "FXO 1"), Value::Null);
    Ok(())
}

/// Sends frames that mean nothing as fast as the D channel takes them, until dropped.
fn babbler(d_channel: u32) -> impl FnOnce() {
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = stop.clone();
    let channel = ChannelDevice::open(d_channel).expect("the D channel");
    channel.carry_frames().expect("frames");
    let thread = std::thread::spawn(move || {
        // Unnumbered information for a link that nobody has, and two octets for the check sequence.
        let frame = [0x16, 0x01, 0x03, 1, 2, 3, 4, 5, 6, 7, 0, 0];
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            match channel.transmit(&frame) {
                Received::Octets(_) => {}
                Received::Event => while let Ok(Some(_)) = channel.next_event() {},
                Received::Nothing => std::thread::sleep(Duration::from_millis(2)),
                Received::Gone => return,
            }
        }
    });
    move || {
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        thread.join().expect("the babbler");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_d_channel_that_babbles_is_told_and_can_be_read() -> Result {
    let spans = WiredSpans::new(31).expect("spans");
    let setup = SpanSetup {
        usage: SpanUse::Pri,
        crc4: false,
        clock_rank: 0,
    };
    configure(spans.control(), &spans.far, &setup, None).expect("the far end");
    let d_channel = spans.far.first_channel + 15;
    let stop = babbler(d_channel);
    let gateway = Gateway::start().await?;
    let trunk = json!({
        "name": "Operadora", "device": spans.near.name, "crc4": false,
        "signalling": { "kind": "e1_pri", "side": "user" },
    });
    let trunk = gateway
        .api()
        .post("/api/v1/e1-trunks", &trunk)
        .await?
        .expect(201)?;
    let id = format!("e1_babbles:{}", trunk["id"]);
    let told = raised(&gateway, &id).await?;
    assert_eq!(told["action"], "e1_babbles_action", "{told}");
    let path = format!("/api/v1/e1-trunks/{}", trunk["id"]);
    let shown = gateway.api().get(&path).await?.expect(200)?;
    assert_eq!(shown.pointer("/status/fault"), Some(&json!("babbles")));
    // What comes can be read, and takes no more room however long it goes on.
    let messages = format!("{path}/messages");
    let steps = gateway.api().get(&messages).await?.expect(200)?;
    let steps = steps.as_array().cloned().unwrap_or_default();
    assert!(steps.len() <= 100, "{}", steps.len());
    let babble = |step: &Value| {
        let link = step["link"].as_str().unwrap_or_default();
        step["kind"] == "unreadable" && link.contains("SAPI 5")
    };
    assert!(
        steps.iter().filter(|step| babble(step)).count() > 50,
        "{steps:?}"
    );
    stop();
    let peer = Peer::start(
        "pri_peer",
        &["--network", "--dahdi", &d_channel.to_string()],
    );
    found(&gateway, &path, "the trunk", |trunk| {
        (trunk.pointer("/status/state") == Some(&json!("up"))).then_some(())
    })
    .await?;
    cleared(&gateway, &id).await?;
    drop(peer);
    Ok(())
}
