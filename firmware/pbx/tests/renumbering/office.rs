//! An office made through the real store: objects that refer to each other in every way there is, by chance.

use crate::drawn::{Drawn, EXTENSIONS};
use proptest::sample::Index;
use ramal_model::*;
use ramal_store::{BackupTimes, HashCost, Options, Store};
use std::sync::Arc;
use std::time::Duration;

/// What a number of the company begins with, and what the numbers of inbound routes begin with.
const COMPANY: &str = "+55513000";
const ROUTES: &str = "55514000";
/// Where calls are forwarded that go outside.
const OUTSIDE: &str = "05133336666";

/// What there is, in the order in which it was made.
#[derive(Default)]
pub struct Office {
    pub extensions: Vec<ExtensionId>,
    users: Vec<UserId>,
    pub queues: Vec<Id<Queue>>,
    pub menus: Vec<Id<Ivr>>,
    pub rooms: Vec<Id<Conference>>,
    boxes: Vec<Id<VoicemailBox>>,
    forks: Vec<Id<TimeCondition>>,
    announcements: Vec<Id<Announcement>>,
    pub numbers: Vec<Id<Number>>,
    ways: Vec<(u8, Index)>,
}

pub fn open(folder: &std::path::Path) -> Store {
    const NEVER: Duration = Duration::from_secs(86_400);
    let options = Options {
        clock: Arc::new(|| 1_795_226_400_000),
        hash_cost: HashCost {
            memory_kib: 64,
            passes: 1,
        },
        backups: BackupTimes {
            after: NEVER,
            apart: NEVER,
            whole_after: NEVER,
        },
    };
    Store::open_with(folder, options).unwrap()
}

pub const NOBODY: Actor = Actor::Local;

pub fn company_number(place: usize) -> String {
    format!("{COMPANY}{place:04}")
}

pub fn routed_number(place: usize) -> String {
    format!("{ROUTES}{place:04}")
}

impl Office {
    /// One of those there are; none of an empty list.
    fn one<T: Copy>(all: &[T], which: Index) -> Option<T> {
        (!all.is_empty()).then(|| all[which.index(all.len())])
    }

    /// Where a call goes on: to something that was made before, so that nothing leads round in a circle.
    fn way(&mut self) -> Destination {
        let (kind, which) = self.ways.pop().unwrap();
        let way = match kind {
            0 => Self::one(&self.users, which).map(|id| Destination::User { id }),
            1 => Self::one(&self.queues, which).map(|id| Destination::Queue { id }),
            2 => Self::one(&self.menus, which).map(|id| Destination::Ivr { id }),
            3 => Self::one(&self.rooms, which).map(|id| Destination::Conference { id }),
            4 => Self::one(&self.boxes, which).map(|id| Destination::Voicemail { id }),
            5 => Self::one(&self.forks, which).map(|id| Destination::TimeCondition { id }),
            6 => Self::one(&self.announcements, which).map(|id| Destination::Announcement { id }),
            7 => Self::one(&self.numbers, which).map(|id| Destination::Number { id }),
            8 => {
                let id = self.extensions[which.index(EXTENSIONS)];
                Some(Destination::Ring {
                    ring: RingStep {
                        targets: vec![RingTarget::Extension { id }],
                        ..RingStep::default()
                    },
                    on_no_answer: None,
                })
            }
            9 => Some(Destination::External {
                number: OUTSIDE.into(),
            }),
            _ => None,
        };
        let id = self.extensions[which.index(EXTENSIONS)];
        way.unwrap_or(Destination::Extension { id })
    }

    /// Makes everything.
    pub async fn open(store: &Store, drawn: &Drawn) -> Self {
        let mut office = Self {
            ways: drawn.ways.clone(),
            ..Self::default()
        };
        set_up(store).await;
        office.people(store, drawn).await;
        let (mut numbers, mut people) = (drawn.others.iter(), drawn.people.iter().copied());
        let mut number = || numbers.next().unwrap().clone();
        for round in 0..2 {
            let room = Conference {
                name: format!("Sala {round}"),
                number: number(),
                ..Conference::default()
            };
            office
                .rooms
                .push(store.create(&NOBODY, room).await.unwrap().id);
            let id = office.extensions[people.next().unwrap().index(EXTENSIONS)];
            let user = Self::one(&office.users, people.next().unwrap()).unwrap();
            let queue = Queue {
                name: format!("Fila {round}"),
                number: number(),
                members: vec![
                    QueueMember::Extension { id, penalty: 0 },
                    QueueMember::Agent {
                        id: user,
                        penalty: 1,
                    },
                ],
                on_full: office.way(),
                on_timeout: office.way(),
                on_empty: Some(office.way()),
                ..Queue::default()
            };
            office
                .queues
                .push(store.create(&NOBODY, queue).await.unwrap().id);
            let fork = TimeCondition {
                name: format!("Horário {round}"),
                periods: vec![Period::default()],
                on_match: office.way(),
                on_no_match: office.way(),
                ..TimeCondition::default()
            };
            office
                .forks
                .push(store.create(&NOBODY, fork).await.unwrap().id);
            let key = |key: &str, destination| IvrKey {
                key: key.into(),
                label: format!("Tecla {key}"),
                destination,
            };
            let menu = Ivr {
                name: format!("Menu {round}"),
                number: Some(number()),
                menu_text: Some(MenuText {
                    template: "${Menu} ${Tecla}".into(),
                    language: None,
                }),
                keys: vec![key("1", office.way()), key("9", office.way())],
                dial_extensions: true,
                on_exceeded: office.way(),
                ..Ivr::default()
            };
            office
                .menus
                .push(store.create(&NOBODY, menu).await.unwrap().id);
            office.number(store, drawn, round, &mut people).await;
            let route = InboundRoute {
                name: format!("Rota {round}"),
                did: Some(routed_number(round).parse().unwrap()),
                destination: office.way(),
                ..InboundRoute::default()
            };
            store.create(&NOBODY, route).await.unwrap();
        }
        office.lines(store, drawn, &mut people).await;
        office.forwards(store, drawn).await;
        office
    }

    /// Extensions, people, a team of them, their boxes.
    async fn people(&mut self, store: &Store, drawn: &Drawn) {
        for (place, number) in drawn.extensions.iter().enumerate() {
            let new = NewExtension {
                number: number.clone(),
                // Without a name an extension is called what its number is.
                display_name: if drawn.flags[place] {
                    String::new()
                } else {
                    format!("Ramal {place}")
                },
                ..NewExtension::default()
            };
            self.extensions
                .push(store.create_extension(&NOBODY, new).await.unwrap().0.id);
        }
        for place in 0..3 {
            let new = NewUser {
                login: format!("pessoa{place}"),
                name: format!("Pessoa {place}"),
                email: None,
                role: Role::Agent,
                language: None,
                active: None,
                extension: Some(self.extensions[place]),
                company: ramal_model::CompanyId::DEFAULT,
                outbound_number: None,
                external_calls: None,
                agent_pin: None,
                profile: None,
                working_hours: Vec::new(),
                voicedrops: Vec::new(),
                password: Secret::new("quatro gatos no telhado".into()),
            };
            self.users
                .push(store.create_user(&NOBODY, new).await.unwrap().id);
        }
        let team = Team {
            name: "Time".into(),
            members: self.users.clone(),
            ..Team::default()
        };
        store.create(&NOBODY, team).await.unwrap();
        for (name, extensions) in [
            ("Só dele", vec![self.extensions[3]]),
            ("De todos", self.extensions.clone()),
        ] {
            let mailbox = VoicemailBox {
                name: name.into(),
                extensions,
                ..VoicemailBox::default()
            };
            self.boxes
                .push(store.create(&NOBODY, mailbox).await.unwrap().id);
        }
        let sound = Recorded {
            origin: AudioOrigin::Speech {
                text: "bem-vindo".into(),
                language: Language::PtBr,
            },
            key: "0123456789abcdef0123456789abcdef".into(),
            duration_ms: 900,
            octets: 7200,
        };
        let named = NewAudioFile {
            name: "Bem-vindo".into(),
            description: String::new(),
        };
        let file = store
            .create_audio_file(&NOBODY, named, sound)
            .await
            .unwrap();
        let announcement = Announcement {
            name: "Aviso".into(),
            files: vec![file.id],
            after: self.way(),
            ..Announcement::default()
        };
        self.announcements
            .push(store.create(&NOBODY, announcement).await.unwrap().id);
    }

    /// A number of the company. The second may forward to the first.
    async fn number(
        &mut self,
        store: &Store,
        drawn: &Drawn,
        round: usize,
        people: &mut impl Iterator<Item = Index>,
    ) {
        let mut target = || self.extensions[people.next().unwrap().index(EXTENSIONS)];
        let (one, two) = (target(), target());
        let mut targets = vec![RingTarget::Extension { id: one }];
        if one != two {
            targets.push(RingTarget::Extension { id: two });
        }
        targets.push(RingTarget::User {
            id: self.users[round],
        });
        let forwards = round > 0 && drawn.flags[6];
        let to = company_number(0);
        let number = Number {
            label: format!("Número {round}"),
            number: company_number(round),
            mode: if forwards {
                InboundMode::ForwardAll
            } else {
                InboundMode::Receive
            },
            forward_to: forwards.then(|| {
                // With and without what tells of a number that it is written with its country.
                let bare = to.trim_start_matches('+').to_owned();
                if drawn.flags[7] { bare } else { to }
            }),
            target: match people.next().unwrap().index(4) {
                0 => NumberTarget::Ivr,
                1 => NumberTarget::Queue,
                2 => NumberTarget::Flow,
                _ => NumberTarget::Ring,
            },
            ivr: self.menus.last().copied(),
            queue: self.queues.last().copied(),
            flow: Some(self.way()),
            ring: RingStep {
                targets,
                strategy: RingStrategy::Sequential,
                ..RingStep::default()
            },
            users: Assignment::List {
                users: self.users.clone(),
            },
            offline_action: OfflineAction::Voicemail {},
            voicemail: self.boxes.first().copied(),
            on_no_answer: Some(self.way()),
            ..Number::default()
        };
        self.numbers
            .push(store.create(&NOBODY, number).await.unwrap().id);
    }

    /// A trunk that rings an extension, a way out that only some may take, and telephones on lines.
    async fn lines(&self, store: &Store, drawn: &Drawn, people: &mut impl Iterator<Item = Index>) {
        let mut somebody = || self.extensions[people.next().unwrap().index(EXTENSIONS)];
        let trunk = TrunkInput {
            name: Some("Operadora".into()),
            hosts: Some(vec!["sip.example.com".into()]),
            auth: Some(TrunkAuth::None),
            inbound: Some(vec![InboundNumber {
                number: "5140001234".into(),
                extension: somebody(),
            }]),
            inbound_default: Some(Some(somebody())),
            ..TrunkInput::default()
        };
        let trunk = store.create_trunk(&NOBODY, trunk).await.unwrap();
        let route = OutboundRoute {
            name: "Para fora".into(),
            rules: vec![OutboundRule {
                pattern: Some("0X.".parse().unwrap()),
                strip: 1,
                ways: vec![Way::Trunk { id: trunk.id }],
                allowed: vec![somebody()],
                ..OutboundRule::default()
            }],
            ..OutboundRoute::default()
        };
        store.create(&NOBODY, route).await.unwrap();
        for (place, (code, which)) in drawn.hot_lines.iter().enumerate() {
            let all = drawn.extensions.iter().chain(&drawn.others);
            let numbers: Vec<_> = all.collect();
            let called = match code {
                0 => OUTSIDE.to_owned(),
                // Behind a code only an extension makes sense.
                1 => format!("*80{}", drawn.extensions[which.index(EXTENSIONS)]),
                2 => format!("**{}", drawn.extensions[which.index(EXTENSIONS)]),
                _ => numbers[which.index(numbers.len())].clone(),
            };
            let settings = PortSettings::Fxs(FxsSettings {
                extension: Some(somebody()),
                hot_line: Some(HotLine {
                    number: called,
                    after_seconds: 0,
                }),
                ..FxsSettings::default()
            });
            let port = format!("FXS {place}");
            store
                .set_analogue_port(&NOBODY, port, settings)
                .await
                .unwrap();
        }
    }

    /// Where people have their calls go, as they would dial it.
    async fn forwards(&self, store: &Store, drawn: &Drawn) {
        for (place, forwards) in drawn.forwards.iter().enumerate() {
            let own = &drawn.extensions[place];
            let to = |which: Option<Index>| {
                let all = drawn.extensions.iter().chain(&drawn.others);
                let all: Vec<_> = all.filter(|number| *number != own).collect();
                // One more than there are is outside.
                let which = which?.index(all.len() + 1);
                Some(
                    all.get(which)
                        .map_or(OUTSIDE.to_owned(), |one| (*one).clone()),
                )
            };
            let change = ExtensionChange {
                forward_all: Some(to(forwards[0]).filter(|_| place % 2 == 0)),
                forward_busy: Some(to(forwards[1])),
                forward_no_answer: Some(to(forwards[2])),
                ..ExtensionChange::default()
            };
            let id = self.extensions[place];
            store.update_extension(&NOBODY, id, change).await.unwrap();
        }
    }
}

async fn set_up(store: &Store) {
    let company = NewCompany {
        legal_name: "Padaria Aurora Ltda".into(),
        tax_id: String::new(),
        contact_name: String::new(),
        contact_phone: String::new(),
        cnl: String::new(),
        country: "BR".into(),
        country_code: None,
        area_code: Some("51".into()),
        language: None,
        time_zone: None,
        music_class: None,
        limits: None,
        park_seconds: None,
    };
    let admin = NewAdmin {
        login: "helena".into(),
        name: "Helena Prado".into(),
        password: Secret::new("quatro gatos no telhado".into()),
        language: Language::PtBr,
    };
    store.set_up(company, admin).await.unwrap();
}
