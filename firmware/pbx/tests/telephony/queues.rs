//! Queues and agents: AT-04, AT-10, AT-11, F123-F141, F254-F263.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ramal_model::{
    Actor, Break, CallRecord, CallResult, Clearing, Destination, ExtensionId, Id, NewUser, Queue,
    QueueMember, QueueStrategy, Role, Secret, UserChange, UserId,
};
use ramal_pbx::{MemberState, QueueStatus};
use ramal_store::{CallFilter, Options};
use sipphone::{Call, EndReason, Phone, Source};

use crate::gateway::{Gateway, SOON, incoming, steps};
use crate::music::{self, class, hears};

fn extension(gateway: &Gateway, number: &str) -> ExtensionId {
    let configuration = gateway.store.configuration();
    configuration.extension_by_number(number).unwrap().id
}

fn member(gateway: &Gateway, number: &str) -> QueueMember {
    QueueMember::Extension {
        id: extension(gateway, number),
        penalty: 0,
    }
}

/// Queue 600 with these extensions.
fn plain(gateway: &Gateway, members: &[&str]) -> Queue {
    Queue {
        name: "Vendas".into(),
        number: "600".into(),
        members: members.iter().map(|it| member(gateway, it)).collect(),
        wrap_up: 0,
        announce_every: None,
        on_timeout: Destination::HangUp {
            clearing: Clearing::Normal,
        },
        ..Queue::default()
    }
}

async fn make(gateway: &Gateway, queue: Queue) -> Id<Queue> {
    gateway
        .store
        .create(&Actor::System, queue)
        .await
        .unwrap()
        .id
}

async fn change(
    gateway: &Gateway,
    id: Id<Queue>,
    change: impl FnOnce(&mut Queue) + Send + 'static,
) {
    let update = move |queue: &Queue| {
        let mut queue = queue.clone();
        change(&mut queue);
        queue
    };
    let store = &gateway.store;
    store.update(&Actor::System, id, update).await.unwrap();
}

/// A user whose own extension this is.
async fn user(gateway: &Gateway, login: &str, number: &str) -> UserId {
    let new = NewUser {
        login: login.into(),
        name: login.into(),
        email: None,
        role: Role::Agent,
        language: None,
        active: None,
        extension: Some(extension(gateway, number)),
        company: ramal_model::CompanyId::DEFAULT,
        outbound_number: None,
        external_calls: None,
        agent_pin: Some(Secret::new("4711".into())),
        profile: None,
        working_hours: Vec::new(),
        voicedrops: Vec::new(),
        password: Secret::new("um girassol na janela".into()),
    };
    let store = &gateway.store;
    store.create_user(&Actor::System, new).await.unwrap().id
}

/// Waits until the only queue looks so.
async fn wait(gateway: &Gateway, what: &str, is: impl Fn(&QueueStatus) -> bool) -> QueueStatus {
    tokio::time::timeout(SOON, async {
        loop {
            let queue = gateway.pbx.queues().remove(0);
            if is(&queue) {
                return queue;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{what} did not happen: {:?}", gateway.pbx.queues()))
}

/// A phone goes and comes: the clerk of the queues looks at the clock whenever that happens.
async fn come_back(phone: &Phone) {
    phone.register(0).await.unwrap();
    phone.register(600).await.unwrap();
}

/// A phone dials a code and hears out what the gateway says.
async fn dial(phone: &Phone, code: &str) {
    let mut call = phone.call(code).await.unwrap();
    call.wait_answered(SOON).await.unwrap();
    let end = call.wait_ended(SOON).await.unwrap();
    assert_eq!(end, EndReason::RemoteHangUp, "{code}");
}

/// An agent logs in at somebody else's phone.
async fn log_in(phone: &Phone, code: &str, pins: &[&str]) {
    let mut call = phone.call(code).await.unwrap();
    call.wait_answered(SOON).await.unwrap();
    for pin in pins {
        call.audio().send_digits(pin);
    }
    let end = call.wait_ended(SOON).await.unwrap();
    assert_eq!(end, EndReason::RemoteHangUp, "{code}");
}

/// A caller who waits in the queue.
async fn waits(caller: &Phone) -> Call {
    let mut call = caller.call("600").await.unwrap();
    call.wait_answered(SOON).await.unwrap();
    call
}

fn elsewhere(end: &EndReason) -> bool {
    matches!(end, EndReason::Cancelled(Some(reason)) if reason.contains("SIP;cause=200"))
}

/// The call that rings at one of these phones next.
async fn rings<'a>(phones: &[&'a Phone; 3]) -> (&'a Phone, Call) {
    let [a, b, c] = phones;
    tokio::select! {
        call = incoming(a) => (*a, call),
        call = incoming(b) => (*b, call),
        call = incoming(c) => (*c, call),
    }
}

/// The records, the oldest first.
async fn records(gateway: &Gateway) -> Vec<CallRecord> {
    gateway
        .wait("the end of the calls", |live| live.calls.is_empty())
        .await;
    let mut records = gateway.store.calls(CallFilter::default()).await.unwrap();
    records.reverse();
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn at_10_all_ring_the_caller_hears_music_and_one_takes_the_call() {
    let gateway = music::gateway().await;
    let caller = gateway.phone("2000").await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let class = class(&gateway, "Fila", 700.0, ramal_model::MusicPosition::Shared).await;
    let queue = plain(&gateway, &["2001", "2002"]);
    let id = make(
        &gateway,
        Queue {
            music_class: Some(class),
            ..queue
        },
    )
    .await;
    let mut out = waits(&caller).await;
    let (mut at_ana, at_bruno) = (incoming(&ana).await, incoming(&bruno).await);
    at_ana.ring();
    at_bruno.ring();
    assert!(at_ana.caller().contains("<sip:2000@"));
    // Music, not the tone of ringing, while they ring; one of the class as soon as it is open.
    tokio::time::timeout(SOON, async {
        while sipphone::level_dbm0(&out.audio().last(Duration::from_millis(200)), 700.0) < -20.0
            && sipphone::level_dbm0(&out.audio().last(Duration::from_millis(200)), 500.0) < -20.0
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    let queue = wait(&gateway, "ringing", |queue| {
        queue.waiting.iter().any(|one| one.ringing.len() == 2)
    })
    .await;
    assert_eq!(queue.waiting[0].position, 1);
    assert_eq!(queue.members[0].state, MemberState::Ringing);
    let mut at_bruno = at_bruno;
    at_bruno.answer();
    at_bruno.wait_answered(SOON).await.unwrap();
    let end = at_ana.wait_ended(SOON).await.unwrap();
    assert!(elsewhere(&end), "{end:?}");
    at_bruno.audio().send(Source::Tone {
        frequency: 1_000.0,
        dbm0: -10.0,
    });
    hears(&out, 1_000.0).await;
    let queue = wait(&gateway, "talking", |queue| queue.waiting.is_empty()).await;
    assert_eq!((queue.answered, queue.members[1].answered), (1, 1));
    assert_eq!(queue.members[0].missed, 0);
    at_bruno.hang_up();
    out.wait_ended(SOON).await.unwrap();
    let record = gateway.record().await;
    assert_eq!(record.result, Some(CallResult::Answered));
    let legs: Vec<_> = record.legs.iter().map(|leg| leg.party.as_str()).collect();
    assert_eq!(legs, ["2000", "2001", "2002"]);
    assert_eq!(
        steps(&record),
        [
            "dialled",
            "queue",
            "answered_by_gateway",
            "queue_waits",
            "queue_rings",
            "answered_by",
            "queue_taken",
            "hung_up"
        ]
    );
    gateway.pbx.reset_queue(id);
    assert_eq!(gateway.pbx.queues()[0].answered, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_10_the_order_is_kept_and_changes_while_somebody_waits() {
    let gateway = Gateway::start().await;
    let caller = gateway.phone("2000").await;
    let (a, b, c) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    let phones = [&a, &b, &c];
    let queue = Queue {
        strategy: QueueStrategy::Linear,
        ..plain(&gateway, &["2002", "2001", "2003"])
    };
    let id = make(&gateway, queue).await;
    for _ in 0..2 {
        let mut out = waits(&caller).await;
        for expected in ["2002", "2001", "2003"] {
            let (_, mut call) = rings(&phones).await;
            // The number that is called is the phone's own.
            assert!(call.called().contains(expected), "{}", call.called());
            call.reject(486);
            call.wait_ended(SOON).await.unwrap();
        }
        out.hang_up();
        out.wait_ended(SOON).await.unwrap();
        wait(&gateway, "leaving", |queue| queue.waiting.is_empty()).await;
        // Who did not take a call is left alone for some seconds.
        wait(&gateway, "rest", |queue| {
            let mut members = queue.members.iter();
            members.all(|it| it.state == MemberState::Free)
        })
        .await;
    }
    let mut out = waits(&caller).await;
    let (_, mut call) = rings(&phones).await;
    assert!(call.called().contains("2002"), "{}", call.called());
    change(&gateway, id, |queue| {
        queue.strategy = QueueStrategy::RingAll
    })
    .await;
    call.reject(486);
    call.wait_ended(SOON).await.unwrap();
    let (mut at_a, at_c) = (incoming(&a).await, incoming(&c).await);
    at_c.ring();
    at_a.answer();
    at_a.wait_answered(SOON).await.unwrap();
    // The phone may know it before the queue does.
    wait(&gateway, "the answer", |queue| queue.answered == 1).await;
    out.hang_up();
    at_a.wait_ended(SOON).await.unwrap();
    out.wait_ended(SOON).await.unwrap();
    let records = records(&gateway).await;
    let results: Vec<_> = records
        .iter()
        .map(|record| record.result.unwrap())
        .collect();
    use CallResult::{Answered, Cancelled};
    assert_eq!(results, [Cancelled, Cancelled, Answered]);
    assert_eq!(gateway.pbx.queues()[0].abandoned, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_10_an_agent_is_rung_where_he_has_logged_in() {
    let mut gateway = Gateway::start().await;
    let caller = gateway.phone("2000").await;
    let (own, other) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let ana = user(&gateway, "ana.lima", "2001").await;
    let queue = Queue {
        members: vec![QueueMember::Agent {
            id: ana,
            penalty: 0,
        }],
        on_empty: Some(Destination::HangUp {
            clearing: Clearing::Busy,
        }),
        ..plain(&gateway, &[])
    };
    make(&gateway, queue).await;
    // Nobody has logged in: her own telephone does not ring.
    let mut out = caller.call("600").await.unwrap();
    assert_eq!(out.wait_ended(SOON).await.unwrap(), EndReason::Refused(486));
    log_in(&other, "*452001", &["4711#"]).await;
    let agent = gateway.pbx.agent(ana).unwrap();
    assert_eq!(agent.extension.as_deref(), Some("2002"));
    assert_eq!(agent.state, MemberState::Free);
    // It is written down, and holds after a restart.
    tokio::time::timeout(SOON, async {
        while gateway.store.queue_members().await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    gateway.restart().await;
    for phone in [&caller, &own, &other] {
        phone.register(600).await.unwrap();
    }
    let out = waits(&caller).await;
    let mut at_other = incoming(&other).await;
    at_other.answer();
    at_other.wait_answered(SOON).await.unwrap();
    out.hang_up();
    at_other.wait_ended(SOON).await.unwrap();
    // The same code logs her out, and there is nobody again.
    dial(&other, "*45").await;
    assert_eq!(
        gateway.pbx.agent(ana).unwrap().state,
        MemberState::LoggedOut
    );
    let mut out = caller.call("600").await.unwrap();
    assert_eq!(out.wait_ended(SOON).await.unwrap(), EndReason::Refused(486));
    tokio::time::timeout(SOON, async {
        while gateway
            .store
            .agent_intervals(ana.0, 10)
            .await
            .unwrap()
            .is_empty()
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    // At her own phone she needs no number.
    dial(&own, "*45").await;
    let agent = gateway.pbx.agent(ana).unwrap();
    assert_eq!(agent.extension.as_deref(), Some("2001"));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_10_nobody_logs_in_at_a_strange_phone_without_his_pin() {
    let gateway = Gateway::start().await;
    let other = gateway.phone("2002").await;
    gateway.phone("2001").await;
    let ana = user(&gateway, "ana.lima", "2001").await;
    let state = || gateway.pbx.agent(ana).unwrap().state;
    let wrong = ["4712#", "471#", "47110#"];
    log_in(&other, "*452001", &wrong).await;
    assert_eq!(state(), MemberState::LoggedOut);
    let record = records(&gateway).await.remove(0);
    let tried = steps(&record);
    assert_eq!(tried.iter().filter(|it| **it == "wrong_pin").count(), 3);
    log_in(&other, "*452001", &wrong).await;
    // Even the right one is not taken after six wrong ones in a row.
    log_in(&other, "*452001", &["4711#", "4711#", "4711#"]).await;
    assert_eq!(state(), MemberState::LoggedOut);
    let record = records(&gateway).await.pop().unwrap();
    assert!(steps(&record).contains(&"pins_refused"), "{record:?}");
    // Whoever has no PIN works at his own phone only.
    let bruno = user(&gateway, "bruno.lima", "2002").await;
    let change = UserChange {
        agent_pin: Some(None),
        ..UserChange::default()
    };
    let store = &gateway.store;
    let changed = store.update_user(&Actor::System, bruno, change).await;
    assert!(!changed.unwrap().agent_pin_set);
    let strange = gateway.phone("2003").await;
    log_in(&strange, "*452002", &["#", "4711#", "0000#"]).await;
    let agent = gateway.pbx.agent(bruno).unwrap();
    assert_eq!(agent.state, MemberState::LoggedOut);
    dial(&other, "*45").await;
    let agent = gateway.pbx.agent(bruno).unwrap();
    assert_eq!(agent.extension.as_deref(), Some("2002"));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_11_the_queue_has_so_many_places_and_patience_an_end() {
    let gateway = music::gateway().await;
    let agent = gateway.phone("2001").await;
    let queue = Queue {
        max_callers: 2,
        max_wait: 2,
        on_timeout: Destination::Extension {
            id: extension(&gateway, "2001"),
        },
        ..plain(&gateway, &[])
    };
    make(&gateway, queue).await;
    let (a, b, c) = (
        gateway.phone("2011").await,
        gateway.phone("2012").await,
        gateway.phone("2013").await,
    );
    let first = waits(&a).await;
    let mut second = waits(&b).await;
    hears(&second, 500.0).await;
    let mut third = c.call("600").await.unwrap();
    assert_eq!(
        third.wait_ended(SOON).await.unwrap(),
        EndReason::Refused(486),
        "there is no third place"
    );
    second.hang_up();
    second.wait_ended(SOON).await.unwrap();
    // Patience ends, and the call goes on elsewhere.
    let mut on = incoming(&agent).await;
    assert!(on.caller().contains("<sip:2011@"));
    on.answer();
    on.wait_answered(SOON).await.unwrap();
    first.hang_up();
    on.wait_ended(SOON).await.unwrap();
    let records = records(&gateway).await;
    assert!(steps(&records[0]).contains(&"queue_timeout"));
    assert_eq!(records[1].result, Some(CallResult::Cancelled));
    assert_eq!(
        steps(&records[2]),
        ["dialled", "queue", "queue_full", "led_to_end"]
    );
    let queue = &gateway.pbx.queues()[0];
    assert_eq!((queue.abandoned, queue.sent_on), (1, 1));
    assert!(queue.longest_wait_ms >= 2_000, "{queue:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f141_a_member_is_left_alone_after_a_call_and_paused_after_missed_ones() {
    let clock = Clock::default();
    let gateway = Gateway::start_at(clock.options(), |config, _| config).await;
    let caller = gateway.phone("2000").await;
    let ana = gateway.phone("2001").await;
    let queue = Queue {
        wrap_up: 600,
        pause_after_missed: Some(1),
        ..plain(&gateway, &["2001"])
    };
    make(&gateway, queue).await;
    let mut out = waits(&caller).await;
    let mut at_ana = incoming(&ana).await;
    at_ana.answer();
    at_ana.wait_answered(SOON).await.unwrap();
    at_ana.hang_up();
    out.wait_ended(SOON).await.unwrap();
    let state = |state| move |queue: &QueueStatus| queue.members[0].state == state;
    wait(&gateway, "wrap-up", state(MemberState::WrapUp)).await;
    let out = waits(&caller).await;
    clock.passes(600);
    come_back(&ana).await;
    let mut at_ana = incoming(&ana).await;
    at_ana.reject(486);
    at_ana.wait_ended(SOON).await.unwrap();
    wait(&gateway, "pause", state(MemberState::Paused)).await;
    dial(&ana, "*46").await;
    clock.passes(5);
    come_back(&ana).await;
    let mut at_ana = incoming(&ana).await;
    at_ana.answer();
    at_ana.wait_answered(SOON).await.unwrap();
    out.hang_up();
    at_ana.wait_ended(SOON).await.unwrap();
}

/// A clock that is put forward by hand.
#[derive(Clone)]
struct Clock(Arc<AtomicI64>);

impl Default for Clock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(0)))
    }
}

impl Clock {
    fn options(&self) -> Options {
        let (ahead, system) = (self.0.clone(), Options::default().clock);
        Options {
            clock: Arc::new(move || system() + ahead.load(Ordering::SeqCst)),
            ..Options::default()
        }
    }

    fn passes(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_04_a_break_keeps_callers_away_and_ends_by_itself() {
    let clock = Clock::default();
    let gateway = Gateway::start_at(clock.options(), |config, _| config).await;
    let caller = gateway.phone("2000").await;
    let (at_a, at_b) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let ana = user(&gateway, "ana.lima", "2001").await;
    let bruno = user(&gateway, "bruno.sa", "2002").await;
    let lunch = Break {
        name: "Lunch".into(),
        number: 1,
        minutes: 1,
        max_agents: 1,
        allow_overrun: false,
        hide_on_panel: true,
        ..Break::default()
    };
    let lunch = gateway.store.create(&Actor::System, lunch).await.unwrap();
    let members = [ana, bruno].map(|id| QueueMember::Agent { id, penalty: 0 });
    let queue = Queue {
        members: members.to_vec(),
        ..plain(&gateway, &[])
    };
    make(&gateway, queue).await;
    for phone in [&at_a, &at_b] {
        dial(phone, "*45").await;
    }
    dial(&at_a, "*461").await;
    let agent = gateway.pbx.agent(ana).unwrap();
    assert_eq!(agent.state, MemberState::Paused);
    assert_eq!(agent.break_name.as_deref(), Some("Lunch"));
    // The panel shows the other one only.
    let shown: Vec<_> = gateway.pbx.queues()[0].members.clone();
    assert_eq!((shown.len(), shown[0].user), (1, Some(bruno.0)));
    let refused = gateway.pbx.pause_agent(bruno, Some(lunch.id)).unwrap_err();
    assert!(refused.to_string().starts_with("1 of 1 "), "{refused}");
    dial(&at_b, "*461").await;
    assert_eq!(gateway.pbx.agent(bruno).unwrap().state, MemberState::Free);
    // Callers of the queue reach the other one only.
    let out = waits(&caller).await;
    let mut rung = incoming(&at_b).await;
    rung.answer();
    rung.wait_answered(SOON).await.unwrap();
    assert!(
        tokio::time::timeout(Duration::ZERO, at_a.next_call())
            .await
            .is_err()
    );
    out.hang_up();
    rung.wait_ended(SOON).await.unwrap();
    // Who knows her number reaches her all the same.
    let mut out = caller.call("2001").await.unwrap();
    let mut direct = incoming(&at_a).await;
    direct.answer();
    out.wait_answered(SOON).await.unwrap();
    direct.wait_answered(SOON).await.unwrap();
    out.hang_up();
    direct.wait_ended(SOON).await.unwrap();
    clock.passes(90);
    come_back(&at_a).await;
    wait(&gateway, "the end of the break", |queue| {
        let mut members = queue.members.iter();
        members.any(|one| one.user == Some(ana.0) && one.state == MemberState::Free)
    })
    .await;
    let intervals = tokio::time::timeout(SOON, async {
        loop {
            let found = gateway.store.agent_intervals(ana.0, 10).await.unwrap();
            if !found.is_empty() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(intervals.len(), 1);
    assert_eq!(intervals[0].ended_at - intervals[0].began_at, 60_000);
    assert_eq!(intervals[0].ended_by, "time");
    // One that may last longer does, and is marked.
    let longer = |it: &Break| Break {
        allow_overrun: true,
        ..it.clone()
    };
    gateway
        .store
        .update(&Actor::System, lunch.id, longer)
        .await
        .unwrap();
    dial(&at_a, "*461").await;
    clock.passes(90);
    come_back(&at_a).await;
    let agent = gateway.pbx.agent(ana).unwrap();
    assert_eq!((agent.state, agent.exceeded), (MemberState::Paused, true));
    dial(&at_a, "*461").await;
    assert_eq!(gateway.pbx.agent(ana).unwrap().state, MemberState::Free);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_member_hears_the_whisper_before_the_caller() {
    let gateway = music::gateway().await;
    let caller = gateway.phone("2000").await;
    let ana = gateway.phone("2001").await;
    let class = class(&gateway, "Nome", 900.0, ramal_model::MusicPosition::Shared).await;
    let file = gateway
        .store
        .configuration()
        .music_class(class)
        .unwrap()
        .files[0];
    let queue = Queue {
        whisper: Some(file),
        ..plain(&gateway, &["2001"])
    };
    make(&gateway, queue).await;
    let mut out = waits(&caller).await;
    caller_tone(&out);
    let mut at_ana = incoming(&ana).await;
    at_ana.answer();
    at_ana.wait_answered(SOON).await.unwrap();
    hears(&at_ana, 900.0).await;
    // Meanwhile the caller hears music, and she does not hear him.
    hears(&out, 500.0).await;
    let heard = at_ana.audio().heard();
    assert!(sipphone::level_dbm0(&heard, 1_300.0) < -50.0);
    hears(&at_ana, 1_300.0).await;
    at_ana.hang_up();
    out.wait_ended(SOON).await.unwrap();
}

fn caller_tone(call: &Call) {
    call.audio().send(Source::Tone {
        frequency: 1_300.0,
        dbm0: -10.0,
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn at_11_announcements_come_between_the_music() {
    let gateway = music::gateway().await;
    let caller = gateway.phone("2000").await;
    let class = class(&gateway, "Aviso", 900.0, ramal_model::MusicPosition::Shared).await;
    let file = gateway
        .store
        .configuration()
        .music_class(class)
        .unwrap()
        .files[0];
    let queue = Queue {
        announcement: Some(file),
        announce_every: Some(10),
        ..plain(&gateway, &[])
    };
    make(&gateway, queue).await;
    let out = waits(&caller).await;
    let began = std::time::Instant::now();
    hears(&out, 500.0).await;
    hears(&out, 900.0).await;
    assert!(began.elapsed() > Duration::from_secs(9));
    hears(&out, 500.0).await;
}
