//! Random calls between two channels with delays, and with tones and bits that are lost or late: both sides
//! agree about a call where nothing was lost, and nothing is left over in any case.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

mod pair;

use pair::{A, B, Delays, Pair, ms};
use ramal_r2::{
    Category, Cause, Charge, Command, Event, IncomingCall, LineState, OutgoingCall, Party,
    Settings, VARIANTS,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

fn number(random: &mut StdRng, length: usize) -> String {
    (0..length)
        .map(|_| char::from(b'0' + random.random_range(0..10u8)))
        .collect()
}

fn settings(random: &mut StdRng) -> Settings {
    let mut settings = Settings::new(&VARIANTS[random.random_range(0..VARIANTS.len())]);
    settings.max_dnis = random.random_range(1..12);
    settings.max_ani = random.random_range(0..15);
    settings.ani_first = random.random();
    settings.request_ani = random.random_range(0..4) > 0;
    settings.immediate_accept = random.random();
    settings.forced_release = random.random();
    settings.double_answer = random.random_range(0..4) == 0;
    if settings.double_answer && random.random() {
        settings.metering_pulse = Some(ms(600));
    }
    settings
}

fn delays(random: &mut StdRng) -> Delays {
    Delays {
        line: ms(random.random_range(0..80)),
        tone: ms(random.random_range(0..150)),
        detector: ms(random.random_range(5..50)),
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Refused(Cause),
    AnsweredAndClearedBy(usize),
    /// Accepted, and cleared by the calling side before the answer.
    Abandoned,
    /// Cleared by the calling side while the number is sent, after this many milliseconds.
    AbandonedEarly(u64),
}

fn course(random: &mut StdRng) -> Course {
    match random.random_range(0..10) {
        0 => Course::Refused(Cause::Busy),
        1 => Course::Refused(Cause::Congestion),
        2 => Course::Refused(Cause::Unallocated),
        3 => Course::Refused(Cause::Rejected),
        4 => Course::Abandoned,
        5 => Course::AbandonedEarly(random.random_range(0..4_000)),
        _ => Course::AnsweredAndClearedBy(random.random_range(0..2)),
    }
}

fn incoming(pair: &Pair) -> Option<IncomingCall> {
    pair.events.iter().find_map(|event| match event {
        (B, Event::Incoming(call)) => Some(call.clone()),
        _ => None,
    })
}

/// Plays a call to its end; false when it ended early.
fn play(pair: &mut Pair, course: Course, random: &mut StdRng) -> bool {
    let over = |pair: &Pair| !pair.ends(A).is_empty() || !pair.ends(B).is_empty();
    let wait = |pair: &mut Pair, side: usize, wanted: fn(&Event) -> bool| {
        pair.run_until(ms(120_000), |pair| {
            let found = pair
                .events
                .iter()
                .any(|(of, event)| *of == side && wanted(event));
            found || over(pair)
        });
        !over(pair)
    };
    if let Course::AbandonedEarly(after) = course {
        pair.run_until(ms(after), over);
        let _ = pair.command(A, Command::Clear(Cause::Normal));
        return false;
    }
    if !wait(pair, B, |event| matches!(event, Event::Incoming(_))) {
        return false;
    }
    pair.run_until(ms(random.random_range(0..3_000)), over);
    if over(pair) {
        return false;
    }
    if let Course::Refused(cause) = course {
        pair.must(B, Command::Clear(cause));
        return true;
    }
    pair.must(B, Command::Accept(Charge::Charge));
    if !wait(pair, A, |event| matches!(event, Event::Accepted(_))) {
        return false;
    }
    pair.run_until(ms(random.random_range(0..5_000)), over);
    if over(pair) {
        return false;
    }
    if course == Course::Abandoned {
        let _ = pair.command(A, Command::Clear(Cause::Normal));
        return true;
    }
    let _ = pair.command(B, Command::Answer);
    if !wait(pair, A, |event| matches!(event, Event::Answered { .. })) {
        return false;
    }
    pair.run_until(ms(random.random_range(1_500..5_000)), over);
    if let Course::AnsweredAndClearedBy(side) = course
        && !over(pair)
    {
        let from = pair.events.len();
        let _ = pair.command(side, Command::Clear(Cause::Normal));
        if side == B {
            let cleared = |pair: &Pair| {
                pair.events[from..].contains(&(A, Event::ClearBack)) || !pair.ends(A).is_empty()
            };
            pair.run_until(ms(120_000), cleared);
            let _ = pair.command(A, Command::Clear(Cause::Normal));
        }
    }
    true
}

fn agree(pair: &Pair, settings: &Settings, course: Course, dnis: &str, ani: Option<&str>) {
    let told = || format!("{course:?} {}\n{}", settings.variant.code, pair.traces());
    assert_eq!(pair.errors(), Vec::<String>::new(), "{}", told());
    let (a, b) = (pair.ends(A), pair.ends(B));
    assert!(a.len() == 1 && b.len() <= 1, "{}", told());
    if let Course::AbandonedEarly(_) = course {
        return;
    }
    let call = incoming(pair).unwrap();
    let length = dnis.len().min(settings.max_dnis.into());
    assert_eq!(call.dnis.to_string(), dnis[..length], "{}", told());
    if settings.request_ani && settings.max_ani > 0 {
        let heard = call.ani.map(|ani| ani.to_string()).unwrap_or_default();
        let ani = ani.unwrap_or_default();
        let cut = &ani[..ani.len().min(settings.max_ani.into())];
        assert_eq!(heard, cut, "{}", told());
    }
    match course {
        Course::Refused(cause) => {
            assert_eq!(b, [(cause, Party::Ours)], "{}", told());
            let cause = match cause {
                Cause::Rejected => Cause::Congestion,
                // Mexico has one signal for both.
                Cause::Unallocated if settings.variant.code == "MX" => Cause::Busy,
                cause => cause,
            };
            assert_eq!(a, [(cause, Party::Theirs)], "{}", told());
        }
        Course::AnsweredAndClearedBy(B) if settings.forced_release => {
            assert_eq!(a, [(Cause::ForcedRelease, Party::Theirs)], "{}", told());
        }
        _ => assert_eq!(a, [(Cause::Normal, Party::Ours)], "{}", told()),
    }
}

#[test]
fn both_sides_agree_about_every_call_where_nothing_is_lost() {
    for seed in 0..3_000 {
        let random = &mut StdRng::seed_from_u64(seed);
        let settings = settings(random);
        let mut pair = Pair::new(settings.clone(), settings.clone(), delays(random));
        for _ in 0..2 {
            let length = random.random_range(1..12);
            let dnis = number(random, length);
            let ani = (random.random_range(0..4) > 0).then(|| {
                let length = random.random_range(1..16);
                number(random, length)
            });
            let course = course(random);
            let call = OutgoingCall {
                dnis: pair::digits(&dnis),
                ani: ani.as_deref().map(pair::digits),
                category: Category::Subscriber,
            };
            pair.events.clear();
            pair.must(A, Command::Call(call));
            play(&mut pair, course, random);
            pair.wait_idle();
            agree(&pair, &settings, course, &dnis, ani.as_deref());
        }
    }
}

#[test]
fn lost_and_late_tones_and_bits_leave_nothing_over() {
    let (mut failed, mut answered) = (0, 0);
    for seed in 0..3_000 {
        let random = &mut StdRng::seed_from_u64(1_000_000 + seed);
        let settings = settings(random);
        let mut pair = Pair::new(settings.clone(), settings, delays(random));
        let loss = [1, 3, 10, 30][random.random_range(0..4)];
        let mut chance = StdRng::seed_from_u64(seed);
        pair.fate = Box::new(move |_, bits| {
            let fate = chance.random_range(0..1_000);
            if fate < if bits { loss / 2 } else { loss } {
                None
            } else if fate < 2 * loss {
                Some(ms(chance.random_range(0..3_000)))
            } else {
                Some(ms(0))
            }
        });
        let length = random.random_range(1..12);
        let dnis = number(random, length);
        let course = course(random);
        pair.must(A, Command::Call(pair::call_to(&dnis, Some("51555"))));
        play(&mut pair, course, random);
        // As long as something of it may be under way.
        pair.run_until(ms(30_000), |pair| pair.states() == [LineState::Idle; 2]);
        for side in [A, B] {
            let _ = pair.command(side, Command::Clear(Cause::Normal));
        }
        pair.run(ms(5_000));
        pair.heal();
        let idle = pair.run_until(ms(120_000), |pair| pair.states() == [LineState::Idle; 2]);
        assert!(idle, "{seed}: {:?}\n{}", pair.states(), pair.traces());
        let begun = pair
            .events
            .iter()
            .filter(|(of, event)| *of == B && *event == Event::Seized);
        assert_eq!(
            pair.ends(B).len(),
            begun.count(),
            "{seed}\n{}",
            pair.traces()
        );
        assert_eq!(pair.ends(A).len(), 1, "{seed}\n{}", pair.traces());
        failed += usize::from(!pair.errors().is_empty());
        let up = |event: &(usize, Event)| matches!(event, (A, Event::Answered { .. }));
        answered += usize::from(pair.events.iter().any(up));

        // The channel works as before.
        pair.events.clear();
        pair.must(A, Command::Call(pair::call_to(&dnis, Some("51555"))));
        pair.wait(B, "incoming call", |event| {
            matches!(event, Event::Incoming(_))
        });
        pair.must(B, Command::Clear(Cause::Busy));
        pair.wait_idle();
        assert_eq!(pair.ends(A), [(Cause::Busy, Party::Theirs)], "{seed}");
    }
    assert!(failed > 200 && answered > 500, "{failed} {answered}");
}
