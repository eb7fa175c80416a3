//! The product's own driver at both ends of a wired span: calls by ISDN and by MFC-R2 with their sound.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use line_tests::party::{End, blocks_heard, r2_settings, talk};
use line_tests::{WiredSpans, until};
use ramal_isdn::{Role, Settings};
use ramal_lines::dahdi::span::Signalling;
use ramal_lines::{TrunkCommand, TrunkEvent, TrunkState};

fn pri(role: Role) -> Signalling {
    Signalling::Pri(Box::new(Settings::new(role)))
}

/// A call from one end to the other, answered; both sounds.
fn connect(
    from: &mut End,
    to: &mut End,
) -> ([ramal_lines::TrunkCallId; 2], [ramal_lines::PortAudio; 2]) {
    let out = from.call("3032", "11987654321");
    let (incoming, called, caller, far) = to.incoming();
    assert_eq!((called.as_str(), caller.as_str()), ("3032", "11987654321"));
    to.tell(TrunkCommand::Proceed(incoming));
    to.tell(TrunkCommand::Alert(incoming));
    let near = from.expect("a timeslot", |event| match event {
        TrunkEvent::Channel { audio, .. } => Some(audio.clone()),
        _ => None,
    });
    from.expect("ringing", |event| {
        matches!(event, TrunkEvent::Ringing { .. }).then_some(())
    });
    to.tell(TrunkCommand::Answer(incoming));
    from.expect("the answer", |event| {
        matches!(event, TrunkEvent::Answered(_)).then_some(())
    });
    ([out, incoming], [near, far])
}

fn hear_each_other(near: &ramal_lines::PortAudio, far: &ramal_lines::PortAudio) {
    // Emulation stalls for tenths of a second, which shows as silence between blocks; what is said is not lost.
    let [heard_near, heard_far] = talk(near, far, 250);
    for (heard, seed) in [(heard_near, 2), (heard_far, 1)] {
        let blocks = blocks_heard(&heard, seed, 250);
        assert!(
            blocks > 240,
            "only {blocks} of 250 blocks of seed {seed} came through whole"
        );
    }
}

#[test]
fn isdn_calls_pass_both_ways_with_their_sound_bit_for_bit() {
    let spans = WiredSpans::new(31).expect("spans");
    let mut user = End::start(&spans.near, pri(Role::User));
    let mut network = End::start(&spans.far, pri(Role::Network));
    user.until_up();
    network.until_up();
    for turn in 0..2 {
        let (from, to) = match turn {
            0 => (&mut user, &mut network),
            _ => (&mut network, &mut user),
        };
        let ([out, incoming], [near, far]) = connect(from, to);
        hear_each_other(&near, &far);
        from.tell(TrunkCommand::HangUp(out, 16));
        assert_eq!(to.released(incoming), 16);
        assert_eq!(from.released(out), 16);
    }
    // Refused: the cause arrives.
    let out = user.call("99", "1");
    let (incoming, ..) = network.incoming();
    network.tell(TrunkCommand::HangUp(incoming, 17));
    assert_eq!(user.released(out), 17);
}

#[test]
fn a_pulled_cable_ends_isdn_calls_and_a_replugged_one_brings_the_trunk_back() {
    let spans = WiredSpans::new(31).expect("spans");
    let user = End::start(&spans.near, pri(Role::User));
    {
        let _network = End::start(&spans.far, pri(Role::Network));
        user.until_up();
    }
    spans.cut().expect("cut");
    until("the trunk is down", || {
        matches!(
            user.state(),
            TrunkState::LineDown | TrunkState::SignallingDown
        )
        .then_some(())
    });
    let far = spans.mend().expect("mended");
    let _network = End::start(&far, pri(Role::Network));
    user.until_up();
}

#[test]
fn r2_calls_pass_both_ways_with_their_sound() {
    let spans = WiredSpans::new(31).expect("spans");
    let r2 = || Signalling::R2(r2_settings("BR"));
    let mut ours = End::start(&spans.near, r2());
    let mut theirs = End::start(&spans.far, r2());
    ours.until_up();
    theirs.until_up();
    for turn in 0..2 {
        let (from, to) = match turn {
            0 => (&mut ours, &mut theirs),
            _ => (&mut theirs, &mut ours),
        };
        let ([out, incoming], [near, far]) = connect(from, to);
        hear_each_other(&near, &far);
        from.tell(TrunkCommand::HangUp(out, 16));
        to.released(incoming);
        from.released(out);
    }
    let out = ours.call("3099", "1");
    let (incoming, ..) = theirs.incoming();
    theirs.tell(TrunkCommand::HangUp(incoming, 17));
    assert_eq!(ours.released(out), 17);
}
