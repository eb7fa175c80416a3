//! AT-24, AT-26, AT-40 on ISDN: who calls, his name, who has forwarded, and how long a call out rings, with libpri as the
//! exchange.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::time::{Duration, Instant};

use gateway_under_test::{Gateway, GatewayError};
use line_tests::WiredSpans;
use line_tests::peer::Peer;
use ramal_lines::dahdi::{SpanSetup, SpanUse, configure};
use serde_json::{Value, json};
use sipphone::{Call, Phone, PhoneConfig};

type Result<T = ()> = std::result::Result<T, GatewayError>;

/// Emulation is slow.
const SOON: Duration = Duration::from_secs(60);
/// The company's number, and one outside.
const NUMBER: &str = "3032";
const OUTSIDE: &str = "40028922";
/// Who has forwarded to the company's number.
const FORWARDER: &str = "5130003333";
/// Where a carrier by SIP is.
const CARRIER: &str = "127.0.0.1:9890";

/// A gateway on an exchange's E1, with a phone.
struct Bench {
    exchange: Peer,
    gateway: Gateway,
    phone: Phone,
    trunk: Value,
    extension: i64,
    // Last: they are removed when nobody uses them any more.
    _spans: WiredSpans,
}

impl Bench {
    async fn start() -> Result<Self> {
        Self::start_with(&[], json!({ "kind": "e1_pri", "side": "user" })).await
    }

    /// The same with an exchange of these options, and this signalling.
    async fn start_with(options: &[&str], signalling: Value) -> Result<Self> {
        let spans = WiredSpans::new(31).expect("spans");
        let setup = SpanSetup {
            usage: SpanUse::Pri,
            crc4: false,
            clock_rank: 0,
        };
        configure(spans.control(), &spans.far, &setup, None).expect("the far end");
        let d_channel = (spans.far.first_channel + 15).to_string();
        let own = ["--network", "--dahdi", &d_channel];
        let exchange = Peer::start("pri_peer", &[own.as_slice(), options].concat());
        let gateway = Gateway::start().await?;
        let extension = json!({ "number": "2001", "display_name": "Maria" });
        let extension = gateway.extension_with(&extension).await?;
        let phone = Phone::start(gateway.phone_config(&extension)).await?;
        phone.register(300).await?;
        let trunk = json!({
            "name": "Operadora", "device": spans.near.name, "crc4": false,
            "signalling": signalling,
            "outbound": [{ "prefix": "", "strip": 0 }],
        });
        let api = gateway.api();
        let trunk = api.post("/api/v1/e1-trunks", &trunk).await?.expect(201)?;
        let up = |answer: &Value| answer.pointer("/0/status/state") == Some(&json!("up"));
        gateway
            .wait("/api/v1/e1-trunks", "the trunk is up", up)
            .await?;
        // One end knows before the other.
        exchange.expect("the D channel", |event| (event == "up").then_some(()));
        Ok(Self {
            exchange,
            gateway,
            phone,
            trunk: trunk["id"].clone(),
            extension: extension.id,
            _spans: spans,
        })
    }

    async fn number(&self, more: Value) -> Result {
        let mut number = json!({ "label": "Geral", "number": NUMBER, "trunk": self.trunk });
        for (key, value) in more.as_object().into_iter().flatten() {
            number[key] = value.clone();
        }
        let api = self.gateway.api();
        api.post("/api/v1/numbers", &number).await?.expect(201)?;
        Ok(())
    }

    /// A carrier by SIP, whose trunk calls take first, with the path of the trunk.
    async fn carrier(&self) -> Result<(Phone, String)> {
        let config = PhoneConfig {
            local: CARRIER.parse().expect("an address"),
            ..PhoneConfig::new(self.gateway.sip(), "5198765432", "")
        };
        let carrier = Phone::start(config).await?;
        let trunk = json!({
            "name": "VoIP", "hosts": [CARRIER], "auth": "ip", "sources": ["127.0.0.1"],
            "options_interval": 0, "priority": 1,
        });
        let api = self.gateway.api();
        let trunk = api.post("/api/v1/trunks", &trunk).await?.expect(201)?;
        Ok((carrier, format!("/api/v1/trunks/{}", trunk["id"])))
    }

    /// The exchange's next call from here: its tag, and who it is said to be from.
    fn rings(&self) -> (String, String) {
        self.exchange.expect("a call", |event| {
            let tag = event.strip_prefix("ring ")?.split_whitespace().next()?;
            Some((tag.to_owned(), event.to_owned()))
        })
    }

    /// Why a call is over, as the exchange is told.
    fn over(&self, tag: &str) -> String {
        self.exchange.expect("the end", |event| {
            let mut words = event.split_whitespace();
            let is_end = words.next()?.starts_with("hangup") && words.next()? == tag;
            is_end.then(|| words.next().unwrap_or_default().to_owned())
        })
    }
}

/// The word behind `key=` of an event.
fn value<'a>(event: &'a str, key: &str) -> &'a str {
    event
        .split_whitespace()
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
        .unwrap_or_default()
}

async fn next_call(phone: &Phone) -> Result<Call> {
    let next = tokio::time::timeout(SOON, phone.next_call()).await;
    next.ok().flatten().ok_or(GatewayError::Late("the call"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_40_isdn_a_number_whose_presentation_is_restricted_is_shown_to_nobody() -> Result {
    let mut bench = Bench::start().await?;
    let targets = json!([{ "ring": "extension", "id": bench.extension }]);
    bench
        .number(json!({ "ring": { "targets": targets } }))
        .await?;
    // 35: restricted, provided by the network.
    bench.exchange.tell(&format!(
        "call 5 called={NUMBER} calling=11987654321 pres=35 channel=5"
    ));
    let call = next_call(&bench.phone).await?;
    let caller = call.caller();
    assert!(caller.contains("anonymous.invalid"), "{caller}");
    assert!(!caller.contains("11987654321"), "{caller}");
    bench.exchange.tell("hangup 5 16");
    let records = bench.gateway.records(1).await?;
    assert_eq!(records[0]["caller"]["number"], Value::Null, "{records:?}");
    assert!(!format!("{records:?}").contains("11987654321"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_26_isdn_an_exchange_is_told_which_number_has_forwarded_a_call() -> Result {
    let mut bench = Bench::start().await?;
    let forward = json!({ "mode": "forward_all", "forward_to": OUTSIDE });
    bench.number(forward).await?;
    bench.exchange.tell(&format!(
        "call 6 called={NUMBER} calling=11987654321 channel=6"
    ));
    let (_, event) = bench.rings();
    assert_eq!(value(&event, "called"), OUTSIDE, "{event}");
    assert_eq!(value(&event, "redirecting"), NUMBER, "{event}");
    bench.exchange.tell("hangup 6 16");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_26_isdn_who_has_forwarded_a_call_to_us_is_told_wherever_it_goes() -> Result {
    let mut bench = Bench::start().await?;
    let (carrier, trunk) = bench.carrier().await?;
    bench
        .number(json!({ "mode": "forward_all", "forward_to": OUTSIDE }))
        .await?;
    // 2: no reply.
    let calls = |bench: &mut Bench, tag: u32| {
        bench.exchange.tell(&format!(
            "call {tag} called={NUMBER} calling=11987654321 redirecting={FORWARDER} reason=2 channel={tag}"
        ));
    };
    // To a carrier by SIP.
    calls(&mut bench, 6);
    let call = next_call(&carrier).await?;
    let diversion = call.invite_values("Diversion").join(", ");
    let entries: Vec<_> = diversion.split(", ").collect();
    assert_eq!(entries.len(), 2, "{diversion}");
    for (entry, number, reason) in [
        (entries[0], NUMBER, "unconditional"),
        (entries[1], FORWARDER, "no-answer"),
    ] {
        assert!(entry.contains(&format!("<sip:{number}@")), "{entry}");
        assert!(entry.ends_with(&format!(";reason={reason}")), "{entry}");
    }
    let history = call.invite_values("History-Info").join(", ");
    assert!(
        history.starts_with(&format!("<sip:{FORWARDER}@")),
        "{history}"
    );
    assert!(history.contains("cause%3D408>;index=1,"), "{history}");
    bench.exchange.tell("hangup 6 16");
    let records = bench.gateway.records(1).await?;
    let trace = records[0]["trace"].as_array().cloned().unwrap_or_default();
    let diverted = trace.iter().find(|step| step["step"] == "diverted_by");
    let diverted = diverted.expect("the record says who has forwarded it");
    assert_eq!(diverted["number"], FORWARDER, "{diverted}");
    assert_eq!(diverted["reason"], "no-answer", "{diverted}");
    // To one that is not to be told.
    let api = bench.gateway.api();
    let quiet = json!({ "diversion_out": [] });
    api.patch(&trunk, &quiet).await?.expect(200)?;
    calls(&mut bench, 7);
    let call = next_call(&carrier).await?;
    let told = ["Diversion", "History-Info"].map(|name| call.invite_values(name).len());
    assert_eq!(told, [0, 0]);
    bench.exchange.tell("hangup 7 16");
    // And back to an exchange.
    let api = bench.gateway.api();
    let disabled = json!({ "enabled": false });
    api.patch(&trunk, &disabled).await?.expect(200)?;
    calls(&mut bench, 8);
    let (_, event) = bench.rings();
    assert_eq!(value(&event, "redirecting"), NUMBER, "{event}");
    // 15: unconditional.
    assert_eq!(value(&event, "reason"), "15", "{event}");
    bench.exchange.tell("hangup 8 16");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_26_isdn_a_telephone_is_told_who_has_forwarded_the_call() -> Result {
    let mut bench = Bench::start().await?;
    let targets = json!([{ "ring": "extension", "id": bench.extension }]);
    bench
        .number(json!({ "ring": { "targets": targets } }))
        .await?;
    // 1: busy.
    bench.exchange.tell(&format!(
        "call 5 called={NUMBER} calling=11987654321 redirecting={FORWARDER} reason=1 channel=5"
    ));
    let call = next_call(&bench.phone).await?;
    let diversion = call.invite_values("Diversion").join(", ");
    assert!(
        diversion.starts_with(&format!("<sip:{FORWARDER}@")),
        "{diversion}"
    );
    assert!(diversion.ends_with(">;reason=user-busy"), "{diversion}");
    bench.exchange.tell("hangup 5 16");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f186_isdn_an_exchange_is_told_the_caller_s_name_as_the_trunk_is_set() -> Result {
    // An exchange of a private network takes names by Facility.
    for (way, options, told) in [
        ("off", [].as_slice(), ""),
        ("display", &[], "Maria"),
        ("facility", &["--qsig"], "Maria"),
    ] {
        let signalling = json!({ "kind": "e1_pri", "side": "user", "calling_name": way });
        let mut bench = Bench::start_with(options, signalling).await?;
        let mut call = bench.phone.call(&format!("0{OUTSIDE}")).await?;
        let (tag, event) = bench.rings();
        assert_eq!(value(&event, "calling"), "2001", "{event}");
        assert_eq!(value(&event, "name"), told, "{way}: {event}");
        bench.exchange.tell(&format!("proceeding {tag}"));
        bench.exchange.tell(&format!("ringing {tag}"));
        call.wait_ringing(SOON).await?;
        call.hang_up();
        bench.over(&tag);
        // And a name that comes in is shown, however it comes.
        if way != "off" {
            let targets = json!([{ "ring": "extension", "id": bench.extension }]);
            bench
                .number(json!({ "ring": { "targets": targets } }))
                .await?;
            bench.exchange.tell(&format!(
                "call 5 called={NUMBER} calling=11987654321 name=Jose channel=5"
            ));
            let call = next_call(&bench.phone).await?;
            assert!(call.caller().contains("Jose"), "{}", call.caller());
            bench.exchange.tell("hangup 5 16");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_24_isdn_a_call_out_that_nobody_takes_ends_after_a_minute_with_cause_19() -> Result {
    let mut bench = Bench::start().await?;
    let mut call = bench.phone.call(&format!("0{OUTSIDE}")).await?;
    let (tag, _) = bench.rings();
    let begun = Instant::now();
    bench.exchange.tell(&format!("proceeding {tag}"));
    bench.exchange.tell(&format!("ringing {tag}"));
    call.wait_ringing(SOON).await?;
    call.wait_ended(2 * SOON).await?;
    let rang = begun.elapsed().as_secs_f64();
    assert!((55.0..=66.0).contains(&rang), "{rang} s");
    assert_eq!(bench.over(&tag), "19");
    let records = bench.gateway.records(1).await?;
    assert_eq!(records[0]["result"], "no_answer", "{records:?}");
    // Who has said what on the D channel stays to be read.
    let path = format!("/api/v1/e1-trunks/{}/messages", bench.trunk);
    let steps = bench.gateway.api().get(&path).await?.expect(200)?;
    let steps = steps.as_array().cloned().unwrap_or_default();
    let messages: Vec<_> = steps
        .iter()
        .filter(|step| step["kind"] == "message")
        .collect();
    for (sent, message, detail) in [
        (true, "SETUP", format!("Called party number: {OUTSIDE}")),
        (
            false,
            "CALL PROCEEDING",
            "Channel identification: ".to_owned(),
        ),
        (false, "ALERTING", String::new()),
        (true, "DISCONNECT", "Cause: 19 (no answer".to_owned()),
        (true, "RELEASE COMPLETE", String::new()),
    ] {
        let said = messages
            .iter()
            .find(|step| step["message"] == message && step["sent"] == sent);
        let said = said.unwrap_or_else(|| panic!("{message}: {messages:#?}"));
        assert_eq!(said["call"]["ours"], true, "{said}");
        let mut details = said["details"].as_array().into_iter().flatten();
        let has = details.any(|line| line.as_str().is_some_and(|line| line.starts_with(&detail)));
        assert!(has || detail.is_empty(), "{said}");
    }
    assert_eq!(steps[0]["kind"], "link", "{:?}", steps[0]);
    Ok(())
}
