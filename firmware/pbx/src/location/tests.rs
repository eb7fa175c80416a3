//! What the location service keeps, writes and asks.

use ramal_sip::Transport;
use ramal_store::Store;
use tokio::sync::watch;

use super::*;

struct Bench {
    locations: LocationService,
    owner: Extension,
    now: Now,
}

impl Bench {
    fn new() -> Self {
        Self {
            locations: LocationService::new(Arc::new(LiveState::new())),
            owner: Extension {
                id: ExtensionId(1),
                number: "2001".into(),
                display_name: "Ana".into(),
                language: None,
                enabled: true,
                max_calls: 4,
                ring_time: 60,
                media_encryption: Default::default(),
                music_class: None,
                recording: None,
                forward_all: None,
                forward_busy: None,
                forward_no_answer: None,
                do_not_disturb: false,
                company: ramal_model::CompanyId::DEFAULT,
                webrtc_allowed: true,
                class_of_service: ramal_model::ClassOfService::default(),
                pickup_groups: ramal_model::PickupGroups::default(),
            },
            now: Now::read(),
        }
    }

    fn register(&self, cseq: u32, contact: &str, remote: &str) {
        let change = ContactChange {
            uri: contact.parse().unwrap(),
            instance: None,
            expires: Duration::from_secs(600),
        };
        let origin = Origin {
            flow: flow(remote),
            call_id: "a",
            cseq,
            fingerprint: u64::from(cseq),
            user_agent: Some("Telefon 1.0"),
            path: None,
        };
        let change = Change::Contacts(vec![change]);
        self.locations
            .update(self.now, &self.owner, &origin, change)
            .unwrap();
    }

    fn pass(&mut self, time: Duration) {
        self.now.instant += time;
        self.now.utc_ms += i64::try_from(time.as_millis()).unwrap();
    }

    fn contact(&self) -> Arc<Contact> {
        self.locations.contacts(self.owner.id)[0].clone()
    }

    /// Rows that would be written now.
    fn rows(&self) -> usize {
        self.locations.lock().take_rows().0.len()
    }
}

fn flow(remote: &str) -> Flow {
    Flow {
        transport: Transport::Udp,
        local: ([192, 0, 2, 1], 5060).into(),
        remote: remote.parse().unwrap(),
        connection: 0,
    }
}

const PHONE: &str = "sip:2001@192.0.2.7:5060";
const SOURCE: &str = "192.0.2.7:5060";

#[test]
fn a_refresh_is_written_only_when_its_row_has_grown_old_or_says_something_else() {
    let mut bench = Bench::new();
    bench.register(1, PHONE, SOURCE);
    assert_eq!(bench.rows(), 1);
    for cseq in 2..=30 {
        bench.pass(Duration::from_secs(10));
        bench.register(cseq, PHONE, SOURCE);
    }
    assert_eq!(bench.rows(), 0, "the row covers half of the time granted");
    bench.pass(Duration::from_secs(11));
    bench.register(31, PHONE, SOURCE);
    assert_eq!(bench.rows(), 1);
    bench.register(32, PHONE, "192.0.2.7:5080");
    assert_eq!(bench.rows(), 1, "it has moved");
    bench.pass(Duration::from_secs(1));
    bench.register(33, PHONE, "192.0.2.7:5080");
    assert_eq!(bench.rows(), 0);
    bench.locations.lock().mark_unwritten();
    assert_eq!(bench.rows(), 1, "at an orderly stop");
}

#[tokio::test]
async fn a_refresh_wakes_only_who_looks_at_registrations() {
    let mut bench = Bench::new();
    let listener = Arc::new(Notify::new());
    bench.locations.live.tell_of_presence(listener.clone());
    let told = || std::pin::pin!(listener.notified()).as_mut().enable();
    let (_, mut all) = bench.locations.observe();
    let (_, mut news) = bench.locations.live.news();
    bench.register(1, PHONE, SOURCE);
    assert!(told(), "somebody can be called now");
    for cseq in 2..5 {
        bench.pass(Duration::from_secs(10));
        bench.register(cseq, PHONE, SOURCE);
    }
    assert!(!told(), "that has not changed");
    assert_eq!(std::iter::from_fn(|| all.try_recv().ok()).count(), 4);
    assert!(news.is_empty(), "calls and trunks have not changed");
    bench.locations.live.configuration_changed(7);
    let changed = LiveEvent::ConfigurationChanged { version: 7 };
    assert_eq!(news.recv().await.unwrap(), changed);
    assert_eq!(all.recv().await.unwrap(), changed);
    bench.pass(Duration::from_secs(601));
    bench.locations.take_due(bench.now.instant, 10);
    assert_eq!(bench.locations.len(), 0);
    assert!(told(), "nobody can be called any more");
}

#[test]
fn a_phone_that_does_not_answer_is_unreachable_until_it_does() {
    let mut bench = Bench::new();
    bench.register(1, PHONE, SOURCE);
    let (before, mut events) = bench.locations.observe();
    assert!(before.registrations[0].reachable);
    let mut ask = |answered: bool| {
        let due = bench.locations.next_due().unwrap();
        assert!(due > bench.now.instant);
        bench.pass(due - bench.now.instant);
        let [probe] = &bench.locations.take_due(due, 10)[..] else {
            panic!("one question");
        };
        assert_eq!(probe.target.as_bytes(), PHONE.as_bytes());
        bench.locations.probed(probe.extension, probe.id, answered);
        bench.contact().reachable
    };
    assert!(ask(false));
    assert!(!ask(false));
    assert!(!ask(false));
    assert!(ask(true));
    assert!(ask(false), "counted from the beginning");
    assert!(!ask(false));
    bench.register(2, PHONE, SOURCE);
    assert!(bench.contact().reachable, "it has registered");
    let told: Vec<bool> = std::iter::from_fn(|| match events.try_recv().ok()? {
        LiveEvent::RegistrationChanged { registration } => Some(registration.reachable),
        other => panic!("{other:?}"),
    })
    .collect();
    assert_eq!(told, [false, true, false, true]);
}

#[test]
fn a_phone_behind_a_nat_is_asked_often_enough_to_keep_it_open() {
    let bench = Bench::new();
    bench.register(1, PHONE, "198.51.100.4:40123");
    let first = bench.locations.next_due().unwrap() - bench.now.instant;
    assert!(first <= Duration::from_secs(25) && first >= Duration::from_secs(15));
    // Without room for a question it is asked the next time.
    let due = bench.locations.next_due().unwrap();
    assert!(bench.locations.take_due(due, 0).is_empty());
    assert!(bench.locations.next_due().unwrap() > due);
}

#[test]
fn a_connection_takes_its_contacts_with_it_and_no_others() {
    let bench = Bench::new();
    let over = |connection: u64, cseq: u32, contact: &str| {
        let change = ContactChange {
            uri: contact.parse().unwrap(),
            instance: None,
            expires: Duration::from_secs(600),
        };
        let origin = Origin {
            flow: Flow {
                transport: Transport::Tcp,
                connection,
                ..flow(SOURCE)
            },
            call_id: "a",
            cseq,
            fingerprint: 1,
            user_agent: None,
            path: None,
        };
        let change = Change::Contacts(vec![change]);
        bench
            .locations
            .update(bench.now, &bench.owner, &origin, change)
            .unwrap();
        origin.flow
    };
    let first = over(1, 1, PHONE);
    over(2, 1, "sip:2001@192.0.2.8");
    let moved = over(3, 2, PHONE);
    bench.locations.flow_closed(first);
    assert_eq!(bench.locations.len(), 2, "it has moved to another");
    bench.locations.flow_closed(moved);
    let left = bench.locations.contacts(bench.owner.id);
    assert_eq!(left.len(), 1);
    assert_eq!(&*left[0].uri, "sip:2001@192.0.2.8");
    assert_eq!(
        bench.locations.next_due(),
        Some(left[0].deadline),
        "a phone on a connection is not asked"
    );
}

#[tokio::test]
async fn what_is_registered_moved_and_removed_is_what_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let admin = ramal_model::Actor::System;
    let new = serde_json::from_str(r#"{"number":"2001","display_name":"Ana"}"#).unwrap();
    let (extension, _) = store.create_extension(&admin, new).await.unwrap();
    let mut bench = Bench::new();
    bench.owner.id = extension.id;
    bench.register(1, PHONE, SOURCE);
    bench.register(1, "sip:2001@192.0.2.8", "192.0.2.8:5060");
    bench.register(1, "sip:2001@192.0.2.9", "192.0.2.9:5060");
    let (stop, stopped) = watch::channel(false);
    let gone = |contact: &str| {
        let origin = Origin {
            flow: flow(SOURCE),
            call_id: "b",
            cseq: 1,
            fingerprint: 1,
            user_agent: None,
            path: None,
        };
        let change = ContactChange {
            uri: contact.parse().unwrap(),
            instance: None,
            expires: Duration::ZERO,
        };
        bench
            .locations
            .update(
                bench.now,
                &bench.owner,
                &origin,
                Change::Contacts(vec![change]),
            )
            .unwrap();
    };
    gone("sip:2001@192.0.2.8");
    gone("sip:2001@192.0.2.9");
    // Back before anything was written.
    bench.register(2, "sip:2001@192.0.2.9", "192.0.2.9:5060");
    stop.send_replace(true);
    bench.locations.persist(&store, stopped).await;
    let mut contacts: Vec<_> = store
        .bindings()
        .await
        .unwrap()
        .into_iter()
        .map(|binding| binding.contact)
        .collect();
    contacts.sort_unstable();
    assert_eq!(contacts, [PHONE, "sip:2001@192.0.2.9"]);
}
