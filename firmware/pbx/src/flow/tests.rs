//! Calls thought through: the evaluation order, and what holds for any configuration.

use std::collections::HashMap;
use std::sync::Arc;

use ramal_model::*;

use super::simulate::{Scenario, Standing, Thought, ThoughtEnd, simulate};

const FRIDAY_NOON: &str = "2026-11-06T15:00:00Z";

/// A configuration under construction.
struct Plan {
    catalogue: Catalogue,
    users: Vec<User>,
    next: i64,
}

impl Plan {
    fn new() -> Self {
        Self {
            catalogue: Catalogue::default(),
            users: Vec::new(),
            next: 100,
        }
    }

    fn add<T: InCatalogue>(&mut self, settings: T) -> Id<T> {
        self.next += 1;
        let id = Id::new(self.next);
        T::all_mut(&mut self.catalogue).insert(Stored { id, settings });
        id
    }

    /// With extensions 2001 to 2010, whose ids are 1 to 10.
    fn configuration(self) -> Arc<Configuration> {
        let extension = |index: i64| Extension {
            id: ExtensionId(index),
            number: format!("{}", 2000 + index),
            display_name: format!("Ramal {index}"),
            language: None,
            enabled: true,
            max_calls: 4,
            ring_time: 60,
            media_encryption: MediaEncryption::default(),
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
        };
        let extensions = (1..=10).map(extension).collect();
        let company = NewCompany {
            legal_name: "Padaria".into(),
            tax_id: String::new(),
            contact_name: String::new(),
            contact_phone: String::new(),
            cnl: String::new(),
            country: "BR".into(),
            country_code: None,
            area_code: None,
            language: None,
            time_zone: None,
            music_class: None,
            limits: None,
            park_seconds: None,
        };
        let company = company.validate_set_up().ok();
        let configuration = Configuration::new(1, company, self.users, extensions, HashMap::new());
        Arc::new(configuration.with_catalogue(self.catalogue))
    }
}

fn ring(who: &[i64]) -> RingStep {
    RingStep {
        targets: who
            .iter()
            .map(|id| RingTarget::Extension {
                id: ExtensionId(*id),
            })
            .collect(),
        ..RingStep::default()
    }
}

fn number(ring: RingStep) -> Number {
    Number {
        label: "Geral".into(),
        number: "+555133334444".into(),
        ring,
        ..Number::default()
    }
}

fn call(online: &[i64]) -> Scenario {
    Scenario {
        at: FRIDAY_NOON.parse().unwrap(),
        dialled: "555133334444".into(),
        caller: Some("5133336666".into()),
        standing: online
            .iter()
            .enumerate()
            .map(|(place, id)| (ExtensionId(*id), Standing::Free(place as i64)))
            .collect(),
        ..Scenario::default()
    }
}

fn steps(thought: &Thought) -> Vec<String> {
    let name = |step: &serde_json::Value| step["step"].as_str().unwrap().to_owned();
    thought.trace.iter().map(name).collect()
}

/// When which extension rang: seconds and ids.
fn rings(thought: &Thought) -> Vec<(u64, i64)> {
    let rings = thought.trace.iter().filter(|step| step["step"] == "rings");
    rings
        .map(|step| {
            let number: i64 = step["number"].as_str().unwrap().parse().unwrap();
            (step["at_ms"].as_u64().unwrap() / 1000, number - 2000)
        })
        .collect()
}

#[test]
fn at_02_outside_his_working_hours_a_user_is_offline_for_numbers() {
    let mut plan = Plan::new();
    plan.add(number(ring(&[1])));
    plan.users.push(User {
        id: UserId(50),
        login: "helena".into(),
        name: "Helena".into(),
        email: None,
        role: Role::Agent,
        language: Language::En,
        active: true,
        extension: Some(ExtensionId(1)),
        company: ramal_model::CompanyId::DEFAULT,
        outbound_number: None,
        external_calls: true,
        verified_numbers: Vec::new(),
        caller_id: None,
        agent_pin_set: false,
        profile: None,
        working_hours: vec![Period {
            start: "08:00".parse().unwrap(),
            end: "18:00".parse().unwrap(),
            ..Period::default()
        }],
        voicedrops: Vec::new(),
    });
    let configuration = plan.configuration();
    let at = |time: &str| Scenario {
        at: format!("2026-11-06T{time}[America/Sao_Paulo]")
            .parse::<jiff::Zoned>()
            .unwrap()
            .timestamp(),
        taken_by: Some(ExtensionId(1)),
        ..call(&[1])
    };
    let evening = simulate(&configuration, &at("19:00:00"));
    assert_eq!(evening.rung, []);
    let why = evening
        .trace
        .iter()
        .find(|step| step["step"] == "passed_over");
    assert_eq!(why.unwrap()["because"], "off_work");
    let working = simulate(&configuration, &at("17:59:59"));
    assert_eq!(working.end, ThoughtEnd::TakenBy(ExtensionId(1)));
}

#[test]
fn at_22_those_online_first_ring_first_and_the_offline_are_left_out() {
    let mut plan = Plan::new();
    let sequential = RingStep {
        strategy: RingStrategy::Sequential,
        interval: Some(10),
        cycles: 2,
        ..ring(&[1, 2, 3])
    };
    plan.add(number(sequential));
    let configuration = plan.configuration();
    let thought = simulate(&configuration, &call(&[2, 1, 3]));
    assert_eq!(
        rings(&thought),
        [(0, 2), (10, 1), (20, 3), (30, 2), (40, 1), (50, 3)]
    );
    assert_eq!(thought.duration.as_secs(), 60);
    assert_eq!(thought.end, ThoughtEnd::Cleared(Clearing::Normal));
    let thought = simulate(&configuration, &call(&[1, 3]));
    assert_eq!(rings(&thought)[..2], [(0, 1), (10, 3)]);
    assert!(steps(&thought).contains(&"passed_over".to_owned()));
}

#[test]
fn at_21_all_ring_at_once_and_nobody_for_too_short_a_time() {
    let mut plan = Plan::new();
    plan.add(number(RingStep {
        timeout: Some(20),
        ..ring(&[1, 2, 3])
    }));
    let configuration = plan.configuration();
    let mut scenario = call(&[1, 2, 3]);
    let thought = simulate(&configuration, &scenario);
    assert_eq!(rings(&thought), [(0, 1), (0, 2), (0, 3)]);
    assert_eq!(thought.duration.as_secs(), 20);
    scenario.taken_by = Some(ExtensionId(2));
    assert_eq!(
        simulate(&configuration, &scenario).end,
        ThoughtEnd::TakenBy(ExtensionId(2))
    );
    let mut plan = Plan::new();
    let voicemail = plan.add(VoicemailBox::default());
    plan.add(Number {
        voicemail: Some(voicemail),
        ..number(RingStep {
            timeout: Some(3),
            ..ring(&[1])
        })
    });
    let thought = simulate(&plan.configuration(), &call(&[1]));
    assert_eq!((thought.end, thought.rung.len()), (ThoughtEnd::Served, 0));
}

#[test]
fn at_28_by_chance_nobody_rings_twice_before_all_have() {
    let mut plan = Plan::new();
    let random = RingStep {
        strategy: RingStrategy::Random,
        timeout: Some(180),
        ..ring(&[1, 2, 3])
    };
    plan.add(number(random));
    let thought = simulate(&plan.configuration(), &call(&[1, 2, 3]));
    let rung = rings(&thought);
    assert_eq!(rung.len(), 6);
    for round in rung.chunks(3) {
        let mut ids: Vec<_> = round.iter().map(|(_, id)| *id).collect();
        ids.sort_unstable();
        assert_eq!(ids, [1, 2, 3]);
    }
}

#[test]
fn at_29_and_at_32_nobody_online_is_told_before_the_offline_action() {
    let mut plan = Plan::new();
    plan.add(Number {
        welcome: Some(AudioFileId(1)),
        offline_action: OfflineAction::Busy {},
        on_no_answer: Some(Destination::External {
            number: "0190".into(),
        }),
        ..number(ring(&[1]))
    });
    let configuration = plan.configuration();
    let thought = simulate(&configuration, &call(&[]));
    assert_eq!(
        steps(&thought),
        ["number", "passed_over", "nobody_online", "offline_action"]
    );
    assert_eq!(thought.end, ThoughtEnd::Cleared(Clearing::Busy));
    // Online but in a call is busy, not offline.
    let mut scenario = call(&[]);
    scenario.standing.insert(ExtensionId(1), Standing::Busy);
    scenario.taken_outside = true;
    let thought = simulate(&configuration, &scenario);
    assert!(steps(&thought).contains(&"all_busy".to_owned()));
    assert_eq!(thought.end, ThoughtEnd::TakenOutside("0190".into()));
}

#[test]
fn at_31_forwarding_that_comes_back_is_ended() {
    let mut plan = Plan::new();
    for (label, own, to) in [("Um", "5551", "5552"), ("Dois", "5552", "5551")] {
        plan.add(Number {
            label: label.into(),
            number: own.into(),
            mode: InboundMode::ForwardAll,
            forward_to: Some(to.into()),
            ..Number::default()
        });
    }
    let scenario = Scenario {
        dialled: "5551".into(),
        ..call(&[1])
    };
    let thought = simulate(&plan.configuration(), &scenario);
    assert_eq!(thought.end, ThoughtEnd::Cleared(Clearing::Congestion));
    assert_eq!(steps(&thought).last().unwrap(), "round_in_circles");
    assert!(thought.rung.is_empty());
}

#[test]
fn at_17_a_menu_counts_wrong_keys_and_silence_alike() {
    let mut plan = Plan::new();
    let vendas = Destination::Extension { id: ExtensionId(1) };
    let ivr = plan.add(Ivr {
        name: "Principal".into(),
        menu: Some(AudioFileId(1)),
        keys: vec![IvrKey {
            key: "1".into(),
            label: "Vendas".into(),
            destination: vendas,
        }],
        on_exceeded: Destination::HangUp {
            clearing: Clearing::Rejected,
        },
        ..Ivr::default()
    });
    plan.add(Number {
        target: NumberTarget::Ivr,
        ivr: Some(ivr),
        ..number(RingStep::default())
    });
    let configuration = plan.configuration();
    let mut scenario = Scenario {
        keys: "9-9".into(),
        ..call(&[1])
    };
    let thought = simulate(&configuration, &scenario);
    assert_eq!(
        steps(&thought)[1..],
        [
            "ivr",
            "ivr_invalid",
            "ivr_timeout",
            "ivr_invalid",
            "ivr_exceeded",
            "led_to_end"
        ]
    );
    assert_eq!(thought.end, ThoughtEnd::Cleared(Clearing::Rejected));
    scenario.keys = "91".into();
    scenario.taken_by = Some(ExtensionId(1));
    let thought = simulate(&configuration, &scenario);
    assert_eq!(
        (thought.end, thought.ivr_path.as_str()),
        (ThoughtEnd::TakenBy(ExtensionId(1)), "1")
    );
}

#[test]
fn at_09_the_narrowest_route_takes_the_call() {
    let mut plan = Plan::new();
    let to = |id: i64| Destination::Extension {
        id: ExtensionId(id),
    };
    for (name, did, id) in [
        ("Todos", None, 1),
        ("Faixa", Some("555133330000-555133339999"), 2),
        ("Um", Some("555133334445"), 3),
    ] {
        plan.add(InboundRoute {
            name: name.into(),
            did: did.map(|did| did.parse().unwrap()),
            destination: to(id),
            ..InboundRoute::default()
        });
    }
    plan.add(number(ring(&[4])));
    let configuration = plan.configuration();
    for (dialled, id) in [
        ("+555133334445", 3),
        ("555133337777", 2),
        ("40", 1),
        ("+555133334444", 4),
    ] {
        let scenario = Scenario {
            dialled: dialled.into(),
            taken_by: Some(ExtensionId(id)),
            ..call(&[1, 2, 3, 4])
        };
        assert_eq!(
            simulate(&configuration, &scenario).end,
            ThoughtEnd::TakenBy(ExtensionId(id)),
            "{dialled}"
        );
    }
    let nothing = simulate(&Plan::new().configuration(), &call(&[1]));
    assert_eq!(nothing.end, ThoughtEnd::Unconfigured);
}

mod any {
    //! What holds for any configuration and any call.

    use proptest::prelude::*;

    use super::*;

    fn destination() -> impl Strategy<Value = Destination> {
        // Ids that may or may not exist, and may lead round in a circle: the pages must end even if the checks failed.
        prop_oneof![
            Just(Destination::HangUp {
                clearing: Clearing::Busy
            }),
            (0..12i64).prop_map(|id| Destination::Extension {
                id: ExtensionId(id)
            }),
            (100..130i64).prop_map(|id| Destination::Ivr { id: Id::new(id) }),
            (100..130i64).prop_map(|id| Destination::Number { id: Id::new(id) }),
            (100..130i64).prop_map(|id| Destination::TimeCondition { id: Id::new(id) }),
            (100..130i64).prop_map(|id| Destination::Announcement { id: Id::new(id) }),
            (100..130i64).prop_map(|id| Destination::Queue { id: Id::new(id) }),
            (proptest::collection::vec(0..12i64, 0..7), any::<bool>()).prop_map(|(who, chance)| {
                let strategy = if chance {
                    RingStrategy::Random
                } else {
                    RingStrategy::Sequential
                };
                let ring = RingStep {
                    strategy,
                    timeout: chance.then_some(100),
                    ..ring(&who)
                };
                Destination::Ring {
                    ring,
                    on_no_answer: None,
                }
            }),
        ]
    }

    prop_compose! {
        fn configuration()(
            numbers in proptest::collection::vec((destination(), 0..4u8, any::<bool>()), 1..5),
            menus in proptest::collection::vec((destination(), destination()), 0..5),
            forks in proptest::collection::vec((destination(), destination()), 0..5),
            announcements in proptest::collection::vec(destination(), 0..5),
        ) -> Arc<Configuration> {
            let mut plan = Plan::new();
            for (index, (flow, target, anonymous)) in numbers.into_iter().enumerate() {
                plan.add(Number {
                    label: format!("N{index}"),
                    number: format!("555{index}"),
                    target: match target { 0 => NumberTarget::Ring, 1 => NumberTarget::Ivr, _ => NumberTarget::Flow },
                    ivr: Some(Id::new(104)),
                    flow: Some(flow.clone()),
                    on_no_answer: Some(flow),
                    reject_anonymous: anonymous,
                    ring: ring(&[1, 2, 3]),
                    ..Number::default()
                });
            }
            for (index, (one, other)) in menus.into_iter().enumerate() {
                let key = |key: &str, destination| IvrKey { key: key.into(), label: String::new(), destination };
                plan.add(Ivr { name: format!("M{index}"), keys: vec![key("1", one.clone()), key("2", other)], on_exceeded: one, ..Ivr::default() });
            }
            for (index, (on_match, on_no_match)) in forks.into_iter().enumerate() {
                plan.add(TimeCondition { name: format!("T{index}"), periods: vec![Period::default()], on_match, on_no_match, ..TimeCondition::default() });
            }
            for (index, after) in announcements.into_iter().enumerate() {
                plan.add(Announcement { name: format!("A{index}"), after, ..Announcement::default() });
            }
            plan.configuration()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn every_call_comes_to_an_end_and_rings_only_those_who_can_be_rung(
            configuration in configuration(),
            online in proptest::collection::btree_set(1..=10i64, 0..6),
            busy in proptest::collection::btree_set(1..=10i64, 0..6),
            keys in "[0-9*#-]{0,12}",
            withheld in any::<bool>(),
            first in 0..5usize,
        ) {
            let mut scenario = call(&online.iter().copied().collect::<Vec<_>>());
            for id in &busy {
                scenario.standing.insert(ExtensionId(*id), Standing::Busy);
            }
            scenario.keys = keys;
            scenario.dialled = format!("555{first}");
            scenario.caller = (!withheld).then(|| "51999".into());
            let thought = simulate(&configuration, &scenario);
            for id in &thought.rung {
                prop_assert!(online.contains(&id.0) && !busy.contains(&id.0), "{id} may not ring");
            }
            prop_assert!(thought.trace.len() <= 200);
            prop_assert!(thought.duration.as_secs() < 64 * 1500);
            prop_assert!(!matches!(thought.end, ThoughtEnd::TakenBy(_)), "nobody takes it");
            let again = simulate(&configuration, &scenario);
            prop_assert_eq!(thought.trace, again.trace);
        }
    }
}

/// F055: nobody of those who are there came.
#[test]
fn f055_nobody_who_was_rung_came_is_told_before_the_call_goes_on() {
    let mut plan = Plan::new();
    plan.add(Number {
        unavailable_message: Some(AudioFileId(7)),
        on_no_answer: Some(Destination::HangUp {
            clearing: Clearing::Busy,
        }),
        ..number(RingStep {
            timeout: Some(20),
            ..ring(&[1])
        })
    });
    let thought = simulate(&plan.configuration(), &call(&[1]));
    assert_eq!(thought.end, ThoughtEnd::Cleared(Clearing::Busy));
    assert_eq!(thought.hears, [AudioFileId(7)]);
    assert_eq!(rings(&thought), [(0, 1)]);
}

/// C25: welcomed by somebody, and led by the menu.
#[test]
fn c25_a_welcome_goes_before_the_menu_if_somebody_is_online() {
    let mut plan = Plan::new();
    let ivr = plan.add(Ivr {
        name: "Principal".into(),
        menu: Some(AudioFileId(1)),
        ..Ivr::default()
    });
    plan.add(Number {
        target: NumberTarget::Ivr,
        ivr: Some(ivr),
        welcome: Some(AudioFileId(2)),
        ..number(ring(&[1]))
    });
    let configuration = plan.configuration();
    let online = simulate(&configuration, &call(&[1]));
    assert_eq!(online.hears.first(), Some(&AudioFileId(2)));
    let nobody = simulate(&configuration, &call(&[]));
    assert_eq!(nobody.hears.first(), Some(&AudioFileId(1)));
}

/// D2 step 7 goes before queues as well.
#[test]
fn a_number_does_not_let_people_wait_in_a_queue_where_nobody_is() {
    let mut plan = Plan::new();
    let mut queue = Queue {
        name: "Vendas".into(),
        members: vec![ramal_model::QueueMember::Extension {
            id: ExtensionId(1),
            penalty: 0,
        }],
        ..Queue::default()
    };
    let id = plan.add(queue.clone());
    let vendas = Number {
        target: NumberTarget::Queue,
        queue: Some(id),
        welcome: Some(AudioFileId(2)),
        unavailable_message: Some(AudioFileId(3)),
        offline_action: OfflineAction::Busy {},
        ..number(RingStep::default())
    };
    plan.add(vendas.clone());
    let configuration = plan.configuration();
    let nobody = simulate(&configuration, &call(&[]));
    assert_eq!(nobody.hears, [AudioFileId(3)]);
    assert_eq!(nobody.end, ThoughtEnd::Cleared(Clearing::Busy));
    let busy = Scenario {
        standing: [(ExtensionId(1), Standing::Busy)].into(),
        ..call(&[])
    };
    let waits = simulate(&configuration, &busy);
    assert_eq!(waits.hears.first(), Some(&AudioFileId(2)));
    assert!(steps(&waits).contains(&"queue".to_owned()));
    // What the queue says itself goes before.
    let mut plan = Plan::new();
    queue.on_empty = Some(Destination::Extension { id: ExtensionId(2) });
    let id = plan.add(queue);
    plan.add(Number {
        queue: Some(id),
        ..vendas
    });
    let led_on = simulate(&plan.configuration(), &call(&[]));
    assert!(steps(&led_on).contains(&"queue".to_owned()));
}
