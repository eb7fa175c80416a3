//! The calls of each kind, both ways.

use std::time::Duration;

use ramal_r2::{
    Category, Cause, Charge, Command, Digits, Event, LineState, OutgoingCall, Party, Settings,
    Variant,
};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::script::{Script, Step, expect, hear, tell};

const MAX_DNIS: u8 = 8;
const MAX_ANI: u8 = 12;

pub struct Setup {
    pub settings: Settings,
    pub options: Vec<String>,
    /// libopenr2 takes China's request for a caller's digit for one of the called number's when it calls.
    caller_unknown: bool,
    immediate: bool,
}

fn number(random: &mut StdRng, length: usize) -> String {
    (0..length)
        .map(|_| char::from(b'0' + random.random_range(0..10u8)))
        .collect()
}

fn pause(milliseconds: u64) -> Step {
    Step::Pause(Duration::from_millis(milliseconds))
}

fn ended(cause: Cause, by: Party) -> Step {
    expect(
        "end",
        move |event| matches!(event, Event::Ended { cause: was, by: side } if (*was, *side) == (cause, by)),
    )
}

/// Causes, as both sides name them.
const REFUSALS: [(Cause, &str); 4] = [
    (Cause::Busy, "busy"),
    (Cause::Congestion, "congestion"),
    (Cause::Unallocated, "unallocated"),
    (Cause::OutOfOrder, "out-of-order"),
];

const CATEGORIES: [(Category, &str); 5] = [
    (Category::Subscriber, "subscriber"),
    (Category::Priority, "priority"),
    (Category::International, "international"),
    (Category::InternationalPriority, "international-priority"),
    (Category::Maintenance, "test"),
];

impl Setup {
    pub fn new(code: &str, ani_first: bool) -> Self {
        let mut settings = Settings::new(Variant::find(code).unwrap());
        settings.max_dnis = MAX_DNIS;
        settings.max_ani = MAX_ANI;
        settings.ani_first = ani_first;
        settings.timers.dnis_end = Duration::from_millis(1_500);
        settings.timers.answer = Duration::from_secs(20);
        // Longer than there and back by satellite.
        settings.timers.answer_gap = Duration::from_millis(1_200);
        settings.forced_release = ani_first;
        let caller_unknown = code == "CN";
        settings.request_ani = !caller_unknown;
        settings.metering_pulse = None;
        let options = format!(
            "--max-ani {MAX_ANI} --max-dnis {MAX_DNIS} --ani-first {} --mf-back 1500",
            u8::from(ani_first)
        );
        let mut options: Vec<String> = options.split(' ').map(str::to_owned).collect();
        if code == "AR" {
            options.extend(["--metering".to_owned(), "0".to_owned()]);
        }
        Setup {
            settings,
            options,
            caller_unknown,
            immediate: false,
        }
    }

    pub fn immediate(code: &str) -> Self {
        let mut setup = Setup::new(code, true);
        setup.settings.immediate_accept = true;
        let option = ["--immediate-accept".to_owned(), "1".to_owned()];
        setup.options.extend(option);
        setup.immediate = true;
        setup
    }

    fn script(name: &'static str, steps: Vec<Step>) -> Script {
        let mut script = Script {
            name,
            steps,
            errors: false,
        };
        script.steps.push(Step::Free);
        // Idle bits are on their way to the other side.
        script.steps.push(pause(1_000));
        script
    }

    /// A call of the other side up to our decision. libopenr2 takes a single digit badly without group B.
    fn offered(&self, random: &mut StdRng, category: Option<(Category, &str)>) -> Vec<Step> {
        let dnis = {
            let length = random.random_range(2..=usize::from(MAX_DNIS));
            number(random, length)
        };
        let ani = (random.random_range(0..4) > 0).then(|| {
            let length = random.random_range(1..usize::from(MAX_ANI));
            number(random, length)
        });
        let random_category = CATEGORIES[random.random_range(0..CATEGORIES.len())];
        let (category, name) = category.unwrap_or(random_category);
        let caller = ani.clone().unwrap_or_else(|| "-".to_owned());
        let unknown = self.caller_unknown;
        vec![
            tell(&format!("call {dnis} {caller} {name}")),
            expect("incoming call", move |event| {
                let Event::Incoming(call) = event else {
                    return false;
                };
                assert_eq!(call.dnis.to_string(), dnis);
                assert_eq!(call.category, category);
                if !unknown {
                    assert_eq!(call.ani.map(|ani| ani.to_string()), ani);
                    assert_eq!(call.ani_restricted, ani.is_none());
                }
                true
            }),
        ]
    }

    pub fn answered_incoming(&self, cleared_by_us: bool, random: &mut StdRng) -> Script {
        let mut steps = self.offered(random, None);
        let charge = if random.random() || self.immediate {
            Charge::Charge
        } else {
            Charge::NoCharge
        };
        steps.extend([
            Step::Do(Command::Accept(charge)),
            hear("accepted"),
            expect("acceptance", |event| matches!(event, Event::Accepted(_))),
            pause(random.random_range(0..1_000)),
            Step::Do(Command::Answer),
            hear("answered"),
            pause(random.random_range(200..1_000)),
        ]);
        if cleared_by_us {
            steps.push(Step::Do(Command::Clear(Cause::Normal)));
            let forced = self.settings.forced_release;
            let cause = if forced { "forced" } else { "normal" };
            steps.push(hear(&format!("disconnected {cause}")));
        } else {
            steps.push(tell("clear normal"));
            steps.push(ended(Cause::Normal, Party::Theirs));
        }
        steps.push(hear("ended"));
        Setup::script("answered incoming call", steps)
    }

    /// The `n`th call of the other side.
    pub fn incoming(&self, n: usize, random: &mut StdRng) -> Script {
        let code = self.settings.variant.code;
        match n % 10 {
            0..=3 => self.answered_incoming(n.is_multiple_of(2), random),
            4 | 5 => {
                let mut steps = self.offered(random, None);
                // libopenr2 takes Colombia's "busy" for the ITU's "special information", which it accepts.
                let skipped = usize::from(code == "CO");
                let refusals = &REFUSALS[skipped..];
                let (cause, name) = refusals[n / 10 % refusals.len()];
                // One signal says both in Mexico.
                let name = if code == "MX" && name == "unallocated" {
                    "busy"
                } else {
                    name
                };
                steps.extend([
                    Step::Do(Command::Clear(cause)),
                    hear(&format!("disconnected {name}")),
                    hear("ended"),
                ]);
                Setup::script("refused incoming call", steps)
            }
            6 if code == "BR" => {
                let mut steps = self.offered(random, Some((Category::Collect, "collect")));
                steps.extend([
                    Step::Do(Command::Clear(Cause::CollectRefused)),
                    hear("disconnected unallocated"),
                    hear("ended"),
                ]);
                Setup::script("collect call refused by its category", steps)
            }
            6 | 7 => {
                let mut steps = self.offered(random, None);
                steps.extend([
                    Step::Do(Command::AnswerTwice),
                    hear("answered"),
                    // An exchange ends a collect call then.
                    hear("disconnected normal"),
                    ended(Cause::Normal, Party::Theirs),
                    hear("ended"),
                ]);
                Setup::script("incoming call answered twice", steps)
            }
            8 => {
                let steps = vec![
                    tell("call 51555 4433 subscriber"),
                    pause(random.random_range(200..3_000)),
                    tell("clear normal"),
                    ended(Cause::Normal, Party::Theirs),
                    hear("ended"),
                ];
                Setup::script("incoming call abandoned while the number is sent", steps)
            }
            _ => {
                let mut steps = self.offered(random, None);
                steps.extend([hear("disconnected congestion"), hear("ended")]);
                let mut script = Setup::script("incoming call not decided about", steps);
                script.errors = true;
                script
            }
        }
    }

    /// A call of ours up to the other side's decision.
    fn calls(&self, random: &mut StdRng, category: Option<(Category, &str)>) -> Vec<Step> {
        // With the end by silence libopenr2 gives up a call that it accepts without group B.
        let silent_end = self.settings.variant.ends.called.is_none();
        let shortest = if self.immediate && silent_end {
            MAX_DNIS
        } else {
            2
        };
        let dnis = {
            let length = random.random_range(usize::from(shortest)..=usize::from(MAX_DNIS));
            number(random, length)
        };
        // Mexico has one signal for the end of the caller's number and for a hidden one, which libopenr2 takes
        // it for: only whole numbers are told.
        let whole = self.settings.variant.code == "MX";
        let ani = (random.random_range(0..4) > 0).then(|| {
            let length = random.random_range(1..usize::from(MAX_ANI));
            number(random, if whole { MAX_ANI.into() } else { length })
        });
        let random_category = CATEGORIES[random.random_range(0..CATEGORIES.len())];
        let (category, name) = category.unwrap_or(random_category);
        let caller = ani.clone().unwrap_or_else(|| "-".to_owned());
        let digits = |text: &str| text.parse::<Digits>().unwrap();
        vec![
            Step::Do(Command::Call(OutgoingCall {
                dnis: digits(&dnis),
                ani: ani.as_deref().map(digits),
                category,
            })),
            hear(&format!("offered {dnis} {caller} {name}")),
        ]
    }

    pub fn answered_outgoing(&self, cleared_by_us: bool, random: &mut StdRng) -> Script {
        let mut steps = self.calls(random, None);
        steps.extend([
            tell("accept charge"),
            expect("acceptance", |event| {
                matches!(event, Event::Accepted(Charge::Charge))
            }),
            hear("accepted"),
            pause(random.random_range(0..1_000)),
            tell("answer"),
            expect("answer", |event| *event == Event::Answered { again: false }),
            pause(random.random_range(200..1_000)),
        ]);
        if cleared_by_us {
            steps.push(Step::Do(Command::Clear(Cause::Normal)));
            steps.push(hear("disconnected normal"));
        } else if random.random() {
            steps.push(tell("clear normal"));
            steps.push(expect("clear-back", |event| *event == Event::ClearBack));
            steps.push(Step::Do(Command::Clear(Cause::Normal)));
        } else {
            steps.push(tell("clear forced"));
            steps.push(ended(Cause::ForcedRelease, Party::Theirs));
        }
        steps.push(hear("ended"));
        Setup::script("answered outgoing call", steps)
    }

    /// The `n`th call of ours.
    pub fn outgoing(&self, n: usize, random: &mut StdRng) -> Script {
        let code = self.settings.variant.code;
        match n % 10 {
            0..=3 => self.answered_outgoing(n.is_multiple_of(2), random),
            4 | 5 => {
                let mut steps = self.calls(random, None);
                let (cause, name) = REFUSALS[n / 10 % REFUSALS.len()];
                let cause = if code == "MX" && cause == Cause::Unallocated {
                    Cause::Busy
                } else {
                    cause
                };
                steps.extend([
                    tell(&format!("clear {name}")),
                    ended(cause, Party::Theirs),
                    hear("ended"),
                ]);
                Setup::script("refused outgoing call", steps)
            }
            6 if code == "BR" => {
                let mut steps = self.calls(random, Some((Category::Collect, "collect")));
                steps.extend([
                    tell("clear collect"),
                    ended(Cause::Unallocated, Party::Theirs),
                    hear("ended"),
                ]);
                Setup::script("outgoing collect call refused", steps)
            }
            6 | 7 if n % 20 < 10 => {
                let mut steps = self.calls(random, None);
                steps.extend([
                    tell("accept charge"),
                    hear("accepted"),
                    tell("answer-twice"),
                    expect("answer", |event| *event == Event::Answered { again: false }),
                    expect("clear-back", |event| *event == Event::ClearBack),
                    expect("answer", |event| *event == Event::Answered { again: true }),
                    Step::Do(Command::Clear(Cause::Normal)),
                    hear("ended"),
                ]);
                Setup::script("outgoing call answered twice", steps)
            }
            6 | 7 => {
                let steps = vec![
                    Step::Do(Command::Call(OutgoingCall {
                        dnis: "51555".parse().unwrap(),
                        ani: None,
                        category: Category::Subscriber,
                    })),
                    pause(random.random_range(0..3_000)),
                    Step::Do(Command::Clear(Cause::Normal)),
                    hear("ended"),
                ];
                Setup::script("outgoing call abandoned while the number is sent", steps)
            }
            8 => {
                let mut steps = self.calls(random, None);
                steps.extend([
                    tell("accept charge"),
                    ended(Cause::NoAnswer, Party::Ours),
                    hear("ended"),
                ]);
                Setup::script("outgoing call that nobody answers", steps)
            }
            _ => {
                let mut steps = self.calls(random, None);
                steps.extend([ended(Cause::Protocol, Party::Theirs), hear("ended")]);
                let mut script = Setup::script("outgoing call not decided about", steps);
                script.errors = true;
                script
            }
        }
    }

    /// Both sides seize the channel at once. libopenr2 knows no double seizure and takes ours for a forced release.
    pub fn both_seize(&self) -> Script {
        let call = OutgoingCall {
            dnis: "51555".parse().unwrap(),
            ani: None,
            category: Category::Subscriber,
        };
        let steps = vec![
            tell("call 4433 - subscriber"),
            Step::Do(Command::Call(call)),
            ended(Cause::Glare, Party::Theirs),
            hear("disconnected forced"),
            hear("ended"),
        ];
        Setup::script("both sides seize", steps)
    }

    /// Each side blocks the channel and takes that back.
    pub fn blocked(&self) -> Script {
        let line = |wanted: LineState| {
            expect("state of the line", move |event| {
                *event == Event::Line(wanted)
            })
        };
        let steps = vec![
            tell("block"),
            line(LineState::RemoteBlocked),
            tell("unblock"),
            line(LineState::Idle),
            Step::Do(Command::Block),
            hear("blocked"),
            Step::Do(Command::Unblock),
            hear("idle"),
        ];
        Setup::script("blocked", steps)
    }
}
