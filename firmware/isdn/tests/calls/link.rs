//! Calls when the data link fails (Q.931 §5.8.8, §5.8.9).

use std::time::Duration;

use ramal_isdn::*;

use crate::wire::{Side, Wire};
use crate::{MOMENT, answered, incoming, nothing_left, number, released};

#[test]
fn an_answered_call_survives_a_short_loss_of_the_link_and_no_long_one() {
    let mut wire = Wire::plain();
    let (ours, theirs) = answered(&mut wire, Side::User);
    let ringing = wire
        .setup(Side::User, OutgoingCall::new(number("1")))
        .unwrap();
    wire.pass(MOMENT);
    wire.events();
    wire.layer1(false);
    let events = wire.events_of(Side::User, Duration::from_secs(20));
    assert!(events.contains(&Event::LinkDown));
    assert!(released(&events, ringing).is_some());
    assert_eq!(
        wire.setup(Side::User, OutgoingCall::new(number("1"))),
        Err(SetupError::LinkDown)
    );
    wire.layer1(true);
    let events = wire.events_of(Side::User, Duration::from_secs(20));
    assert_eq!(events, [Event::LinkUp]);
    assert!(wire.user.call_state(ours).is_some() && wire.network.call_state(theirs).is_some());
    wire.layer1(false);
    wire.pass(Duration::from_secs(91));
    let events = wire.events();
    let cause = Cause::DESTINATION_OUT_OF_ORDER;
    assert!(events.contains(&(Side::User, Event::Released { call: ours, cause })));
    assert!(events.contains(&(
        Side::Network,
        Event::Released {
            call: theirs,
            cause
        }
    )));
    nothing_left(&mut wire);
}

#[test]
fn a_call_hung_up_while_the_link_was_away_ends_on_the_other_side_too() {
    let mut wire = Wire::plain();
    let (ours, theirs) = answered(&mut wire, Side::Network);
    wire.layer1(false);
    let cause = Cause::NORMAL_CLEARING;
    wire.command(
        Side::Network,
        ours,
        Command::Disconnect {
            cause,
            in_band: false,
        },
    )
    .unwrap();
    wire.layer1(true);
    let events = wire.events_of(Side::User, Duration::from_secs(5));
    assert!(released(&events, theirs).is_some(), "{events:?}");
    nothing_left(&mut wire);
}

#[test]
fn a_link_that_is_not_wanted_comes_back_when_it_is() {
    let mut wire = Wire::plain();
    let now = wire.now;
    wire.user.want_link(false, now);
    wire.drain(Side::User);
    assert!(
        wire.events_of(Side::User, MOMENT)
            .contains(&Event::LinkDown)
    );
    // The network wants its link, and gets it after a pause.
    assert!(
        wire.events_of(Side::User, Duration::from_secs(2))
            .contains(&Event::LinkUp)
    );
    let now = wire.now;
    wire.network.want_link(false, now);
    wire.user.want_link(false, now);
    wire.drain(Side::Network);
    wire.drain(Side::User);
    wire.pass(Duration::from_secs(30));
    assert!(!wire.user.is_up() && !wire.network.is_up());
    let now = wire.now;
    wire.user.want_link(true, now);
    wire.drain(Side::User);
    wire.pass(MOMENT);
    assert!(wire.user.is_up() && wire.network.is_up());
}

#[test]
fn a_reset_of_the_link_ends_calls_that_are_being_dialled_and_no_others() {
    let mut settings = Settings::new(Role::Network);
    settings.overlap_receiving = true;
    let mut wire = Wire::up(Settings::new(Role::User), settings);
    let (ours, theirs) = answered(&mut wire, Side::User);
    let mut call = OutgoingCall::new(number("51"));
    call.complete = false;
    let dialled = wire.setup(Side::User, call).unwrap();
    let (at_network, _) = incoming(&wire.events_of(Side::Network, MOMENT));
    wire.command(
        Side::Network,
        at_network,
        Command::WantMoreDigits { in_band: true },
    )
    .unwrap();
    wire.pass(MOMENT);
    wire.events();
    // The network has forgotten its link.
    wire.inject(Side::Network, vec![0x02, 0x01, 0x7F]);
    wire.inject(Side::User, vec![0x00, 0x01, 0x7F]);
    let events = wire.events_of(Side::User, Duration::from_secs(10));
    assert_eq!(released(&events, dialled), Some(Cause::TEMPORARY_FAILURE));
    assert!(wire.user.call_state(ours).is_some() && wire.network.call_state(theirs).is_some());
    assert!(wire.user.is_up() && wire.network.is_up());
}

#[test]
fn the_interface_is_restarted_when_the_link_comes_up_if_that_is_wanted() {
    let mut user = Settings::new(Role::User);
    user.restart_when_up = true;
    let mut wire = Wire::new(user, Settings::new(Role::Network));
    wire.layer1(true);
    let events = wire.events_of(Side::User, MOMENT);
    assert!(
        events.contains(&Event::RestartDone { channel: None }),
        "{events:?}"
    );
}
