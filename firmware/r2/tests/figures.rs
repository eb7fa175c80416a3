//! Whole calls of each kind of variant, signal by signal, as the figures of Q.470 ff. and of the countries show
//! them: the calling side is on the left.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

mod pair;

use pair::{A, B, Pair, call_to, ms};
use ramal_r2::{Category, Cause, Charge, Command, Event, Party, ProtocolError, Settings, Variant};

fn settings(code: &str, max_dnis: u8, max_ani: u8) -> Settings {
    let mut settings = Settings::new(Variant::find(code).unwrap());
    settings.max_dnis = max_dnis;
    settings.max_ani = max_ani;
    settings
}

fn incoming(event: &Event) -> bool {
    matches!(event, Event::Incoming(_))
}

fn accepted(event: &Event) -> bool {
    matches!(event, Event::Accepted(_))
}

/// An answered call that the calling side clears; what was exchanged, and the incoming call.
fn answered_call(settings: &Settings, dnis: &str, ani: Option<&str>) -> (String, Event) {
    let mut pair = Pair::same(settings);
    pair.must(A, Command::Call(call_to(dnis, ani)));
    let call = pair.wait(B, "incoming call", incoming);
    pair.must(B, Command::Accept(Charge::Charge));
    pair.wait(B, "acceptance", accepted);
    pair.must(B, Command::Answer);
    pair.wait(A, "answer", |event| matches!(event, Event::Answered { .. }));
    pair.must(A, Command::Clear(Cause::Normal));
    pair.wait_idle();
    assert_eq!(pair.errors(), Vec::<String>::new());
    assert_eq!(pair.ends(A), [(Cause::Normal, Party::Ours)]);
    assert_eq!(pair.ends(B), [(Cause::Normal, Party::Theirs)]);
    let ladder: Vec<&str> = pair.ladder.iter().map(String::as_str).collect();
    (ladder.join("\n"), call)
}

fn check(settings: &Settings, dnis: &str, ani: Option<&str>, figure: &str) {
    let (ladder, call) = answered_call(settings, dnis, ani);
    let figure: Vec<&str> = figure.split_whitespace().collect();
    let seen: Vec<&str> = ladder.split_whitespace().collect();
    assert_eq!(seen, figure, "{}:\n{ladder}", settings.variant.code);
    let Event::Incoming(call) = call else {
        panic!("{call:?}");
    };
    let told = &dnis[..dnis.len().min(settings.max_dnis.into())];
    assert_eq!(call.dnis.to_string(), told);
    assert_eq!(call.category, Category::Subscriber);
    if settings.max_ani > 0 {
        assert_eq!(call.ani.map(|ani| ani.to_string()).as_deref(), ani);
        assert_eq!(call.ani_restricted, ani.is_none());
    }
}

#[test]
fn itu_asks_for_the_caller_after_the_first_digit() {
    check(
        &settings("ITU", 3, 20),
        "250",
        Some("71"),
        "0001 >  < 1101
         I-2 >   < A-5
         I-1 >   < A-5
         I-7 >   < A-5
         I-1 >   < A-5
         I-15 >  < A-1
         I-5 >   < A-1
         I-10 >  < A-3
         II-1 >  < B-6
                 < 0101
         1001 >  < 1001",
    );
}

#[test]
fn itu_ends_a_short_number_by_i_15() {
    let mut settings = settings("ITU", 9, 0);
    settings.request_ani = false;
    check(
        &settings,
        "25",
        None,
        "0001 >  < 1101
         I-2 >   < A-1
         I-5 >   < A-1
         I-15 >  < A-3
         II-1 >  < B-6
                 < 0101
         1001 >  < 1001",
    );
}

#[test]
fn itu_sets_up_the_speech_path_without_group_b() {
    let mut settings = settings("ITU", 2, 0);
    settings.request_ani = false;
    settings.immediate_accept = true;
    check(
        &settings,
        "25",
        None,
        "0001 >  < 1101
         I-2 >   < A-1
         I-5 >   < A-6
                 < 0101
         1001 >  < 1001",
    );
}

#[test]
fn brazil_waits_for_silence_and_goes_on_by_a_pulse() {
    let mut settings = settings("BR", 9, 20);
    settings.ani_first = false;
    check(
        &settings,
        "25",
        Some("9"),
        "0001 >  < 1101
         I-2 >   < A-1
         I-5 >   < A-1
                 < A-5
         I-1 >   < A-5
         I-9 >   < A-5
         I-15 >  < A-3
         II-1 >  < B-1
                 < 0101
         1001 >  < 1001",
    );
}

#[test]
fn a_hidden_caller_is_i_12_and_in_argentina_i_15() {
    let rest = |end: &str| {
        format!(
            "0001 >  < 1101
             I-2 >   < A-5
             I-1 >   < A-5
             {end} > < A-3
             II-1 >  < B-6
                     < 0101
             1001 >  < 1001"
        )
    };
    check(&settings("ITU", 1, 20), "2", None, &rest("I-12"));
    check(&settings("AR", 1, 20), "2", None, &rest("I-15"));
}

#[test]
fn mexico_asks_for_the_caller_in_group_c() {
    check(
        &settings("MX", 2, 10),
        "25",
        Some("71"),
        "0001 >  < 1101
         I-2 >   < A-1
         I-5 >   < A-6
         I-1 >   < C-1
         I-7 >   < C-1
         I-1 >   < C-1
         I-15 >  < C-3
         II-1 >  < B-1
                 < 0101
         1001 >  < 1001",
    );
    let mut first = settings("MX", 2, 10);
    first.ani_first = true;
    check(
        &first,
        "25",
        Some("7"),
        "0001 >  < 1101
         I-2 >   < A-6
         I-1 >   < C-1
         I-7 >   < C-1
         I-15 >  < C-5
         I-5 >   < A-3
         II-1 >  < B-1
                 < 0101
         1001 >  < 1001",
    );
}

#[test]
fn china_uses_one_signal_for_both_numbers_and_other_line_bits() {
    check(
        &settings("CN", 2, 20),
        "25",
        Some("7"),
        "0011 >  < 1111
         I-2 >   < A-6
         I-1 >   < A-1
         I-7 >   < A-1
         I-15 >  < A-1
         I-5 >   < A-3
         II-1 >  < B-1
                 < 0111
         1011 >  < 1011",
    );
}

#[test]
fn indonesia_and_venezuela_have_their_own_requests() {
    check(
        &settings("ID", 1, 20),
        "2",
        Some("7"),
        "0001 >  < 1101
         I-2 >   < A-6
         I-1 >   < A-6
         I-7 >   < A-6
         I-15 >  < A-3
         II-1 >  < B-6
                 < 0101
         1001 >  < 1001",
    );
    check(
        &settings("VE", 1, 20),
        "2",
        Some("7"),
        "0001 >  < 1101
         I-2 >   < A-5
         I-1 >   < A-9
         I-7 >   < A-9
         I-15 >  < A-3
         II-1 >  < B-6
                 < 0101
         1001 >  < 1001",
    );
}

#[test]
fn a_refusal_is_told_by_group_b_and_cleared_by_the_calling_side() {
    for (code, cause, signal) in [
        ("BR", Cause::Busy, "B-2"),
        ("BR", Cause::NumberChanged, "B-3"),
        ("BR", Cause::Congestion, "B-4"),
        ("BR", Cause::Unallocated, "B-7"),
        ("BR", Cause::OutOfOrder, "B-8"),
        ("ITU", Cause::Busy, "B-3"),
        ("ITU", Cause::Unallocated, "B-5"),
        ("CO", Cause::Unallocated, "B-6"),
        ("CN", Cause::Busy, "B-2"),
    ] {
        let mut pair = Pair::same(&settings(code, 2, 4));
        pair.must(A, Command::Call(call_to("25", Some("1"))));
        pair.wait(B, "incoming call", incoming);
        pair.must(B, Command::Clear(cause));
        pair.wait_idle();
        assert_eq!(pair.ends(A), [(cause, Party::Theirs)], "{code}");
        assert_eq!(pair.ends(B), [(cause, Party::Ours)]);
        assert!(pair.ladder.contains(&format!("< {signal}")), "{code}");
        assert_eq!(pair.errors(), Vec::<String>::new());
    }
}

#[test]
fn a_collect_call_is_refused_by_its_category() {
    let mut pair = Pair::same(&settings("BR", 2, 4));
    let call = ramal_r2::OutgoingCall {
        category: Category::Collect,
        ..call_to("25", Some("1"))
    };
    pair.must(A, Command::Call(call));
    let Event::Incoming(call) = pair.wait(B, "incoming call", incoming) else {
        panic!();
    };
    assert_eq!(call.category, Category::Collect);
    pair.must(B, Command::Clear(Cause::CollectRefused));
    pair.wait_idle();
    assert!(pair.ladder.contains(&"II-8 >".to_owned()));
    // One signal says both in Brazil.
    assert_eq!(pair.ends(A), [(Cause::Unallocated, Party::Theirs)]);
    assert_eq!(pair.ends(B), [(Cause::CollectRefused, Party::Ours)]);
}

#[test]
fn a_double_answer_is_two_answers_with_a_clear_back_between() {
    let mut settings = settings("BR", 2, 0);
    settings.double_answer = true;
    let mut pair = Pair::same(&settings);
    pair.must(A, Command::Call(call_to("25", None)));
    pair.wait(B, "incoming call", incoming);
    pair.must(B, Command::Answer);
    pair.wait(A, "second answer", |event| {
        matches!(event, Event::Answered { again: true })
    });
    let backward: Vec<&String> = pair.ladder.iter().rev().take(3).collect();
    assert_eq!(backward, ["< 0101", "< 1101", "< 0101"]);
    pair.must(A, Command::Clear(Cause::Normal));
    pair.wait_idle();
}

#[test]
fn a_forced_release_ends_the_call_at_once() {
    let mut settings = settings("BR", 2, 0);
    settings.forced_release = true;
    let mut pair = Pair::same(&settings);
    pair.must(A, Command::Call(call_to("25", None)));
    pair.wait(B, "incoming call", incoming);
    pair.must(B, Command::Answer);
    pair.wait(A, "answer", |event| matches!(event, Event::Answered { .. }));
    pair.must(B, Command::Clear(Cause::Normal));
    pair.wait_idle();
    assert_eq!(pair.ends(A), [(Cause::ForcedRelease, Party::Theirs)]);
    assert!(pair.ladder.contains(&"< 0001".to_owned()));
}

#[test]
fn a_clear_back_may_be_taken_back_and_metering_pulses_are_none() {
    let mut settings = settings("ITU", 1, 0);
    settings.metering_pulse = Some(ms(300));
    settings.timers.answer_gap = ms(150);
    settings.timers.first_answer = ms(1_000);
    settings.double_answer = true;
    let mut pair = Pair::same(&settings);
    pair.must(A, Command::Call(call_to("2", None)));
    pair.wait(B, "incoming call", incoming);
    pair.must(B, Command::Answer);
    pair.wait(A, "metering pulse", |event| *event == Event::MeteringPulse);
    pair.must(B, Command::Clear(Cause::Normal));
    pair.wait(A, "clear-back", |event| *event == Event::ClearBack);
    assert_eq!(pair.ends(A), []);
    pair.must(A, Command::Clear(Cause::Normal));
    pair.wait_idle();
}

#[test]
fn both_sides_seizing_at_once_give_way() {
    let mut pair = Pair::same(&settings("ITU", 1, 0));
    pair.must(A, Command::Call(call_to("2", None)));
    pair.must(B, Command::Call(call_to("3", None)));
    pair.wait_idle();
    for side in [A, B] {
        assert_eq!(pair.ends(side), [(Cause::Glare, Party::Theirs)]);
    }
    assert_eq!(pair.ladder, ["0001 >", "< 0001", "1001 >", "< 1001"]);
}

#[test]
fn a_seizing_without_acknowledgement_fails_and_is_cleared() {
    let mut pair = Pair::same(&settings("ITU", 1, 0));
    pair.fate = Box::new(|_, _| None);
    pair.must(A, Command::Call(call_to("2", None)));
    pair.wait(A, "end", |event| matches!(event, Event::Ended { .. }));
    assert_eq!(pair.ends(A), [(Cause::NotAcknowledged, Party::Theirs)]);
    assert!(pair.errors()[0].contains("acknowledge"));
    pair.wait_idle();
}

#[test]
fn overlap_lets_the_numbering_plan_end_the_number() {
    let mut settings = settings("BR", 20, 0);
    settings.overlap = true;
    let mut pair = Pair::same(&settings);
    pair.must(A, Command::Call(call_to("2345", None)));
    for (digit, last) in [('2', false), ('3', false), ('4', true)] {
        pair.wait(
            B,
            "digit",
            |event| matches!(event, Event::Digit { digit: heard, .. } if *heard == digit),
        );
        let command = if last {
            Command::DnisComplete
        } else {
            Command::NextDigit
        };
        pair.must(B, command);
    }
    let Event::Incoming(call) = pair.wait(B, "incoming call", incoming) else {
        panic!();
    };
    assert_eq!(call.dnis.to_string(), "234");
    pair.must(B, Command::Clear(Cause::Busy));
    pair.wait_idle();
}

#[test]
fn a_number_is_complete_before_the_silence_that_ends_it() {
    let mut settings = settings("BR", 20, 0);
    settings.request_ani = false;
    settings.timers.dnis_end = ms(10_000);
    let mut pair = Pair::same(&settings);
    pair.must(A, Command::Call(call_to("234", None)));
    pair.wait(B, "digit", |event| {
        matches!(event, Event::Digit { digit: '4', .. })
    });
    pair.run(ms(1_000));
    let before = pair.now;
    pair.must(B, Command::DnisComplete);
    pair.wait(B, "incoming call", incoming);
    assert!(pair.now - before < ms(1_000));
    pair.must(B, Command::Clear(Cause::Unallocated));
    pair.wait_idle();
    assert_eq!(pair.errors(), Vec::<String>::new());
}

#[test]
fn an_undecided_call_is_told_congestion() {
    let mut pair = Pair::same(&settings("ITU", 1, 0));
    pair.must(A, Command::Call(call_to("2", None)));
    pair.wait(B, "incoming call", incoming);
    pair.wait_idle();
    assert_eq!(pair.ends(A), [(Cause::Congestion, Party::Theirs)]);
    assert_eq!(pair.ends(B), [(Cause::Congestion, Party::Ours)]);
    assert!(
        pair.events
            .contains(&(B, Event::Error(ProtocolError::Undecided)))
    );
}

#[test]
fn blocking_is_seen_and_taken_back() {
    let mut pair = Pair::same(&settings("ITU", 1, 0));
    pair.must(B, Command::Block);
    pair.run(ms(100));
    let states = format!("{:?}", pair.states());
    assert_eq!(states, "[RemoteBlocked, LocalBlocked]");
    let refused = pair.command(A, Command::Call(call_to("2", None)));
    assert!(refused.is_err());
    pair.must(B, Command::Unblock);
    pair.wait_idle();
}
