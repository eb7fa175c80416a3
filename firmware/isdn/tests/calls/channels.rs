//! Channels: collisions, choice, blocking and restarts (Q.931 §5.1.2, §5.2.3, §5.5, §5.7).

use ramal_isdn::*;

use crate::wire::{Side, Wire};
use crate::{MOMENT, answered, incoming, number, released};

#[test]
fn the_same_channel_wanted_by_both_goes_to_the_network() {
    for exclusive in [false, true] {
        let mut user = Settings::new(Role::User);
        if exclusive {
            user.channel_choice = ChannelChoice::Exclusive;
        }
        user.selection = Selection::Ascending;
        let mut wire = Wire::up(user, Settings::new(Role::Network));
        let of_user = wire
            .setup(Side::User, OutgoingCall::new(number("1")))
            .unwrap();
        let of_network = wire
            .setup(Side::Network, OutgoingCall::new(number("2")))
            .unwrap();
        wire.pass(MOMENT);
        let events = wire.events();
        assert_eq!(wire.network.channel(of_network), Some(1));
        let at_user: Vec<_> = events
            .iter()
            .filter(|(side, _)| *side == Side::User)
            .map(|it| it.1.clone())
            .collect();
        let (theirs, setup) = incoming(&at_user);
        assert_eq!(setup.channel, 1);
        assert_eq!(wire.user.call_counters().collisions, 1);
        wire.command(
            Side::User,
            theirs,
            Command::Connect(ConnectedParty::default()),
        )
        .unwrap();
        if exclusive {
            assert_eq!(
                released(&at_user, of_user),
                Some(Cause::REQUESTED_CHANNEL_NOT_AVAILABLE)
            );
        } else {
            let at_network: Vec<_> = events
                .into_iter()
                .filter(|(side, _)| *side == Side::Network)
                .map(|it| it.1)
                .collect();
            let (at_network, setup) = incoming(&at_network);
            assert_eq!(setup.channel, 2);
            wire.command(
                Side::Network,
                at_network,
                Command::Alerting { in_band: false },
            )
            .unwrap();
            wire.pass(MOMENT);
            assert_eq!(wire.user.channel(of_user), Some(2));
        }
    }
}

#[test]
fn channels_run_out_and_come_back() {
    let mut wire = Wire::plain();
    let calls: Vec<_> = (0..30).map(|_| answered(&mut wire, Side::User)).collect();
    let one_more = wire.setup(Side::User, OutgoingCall::new(number("1")));
    assert_eq!(one_more, Err(SetupError::NoChannel));
    let (ours, _) = calls[7];
    let cause = Cause::NORMAL_CLEARING;
    wire.command(
        Side::User,
        ours,
        Command::Disconnect {
            cause,
            in_band: false,
        },
    )
    .unwrap();
    wire.pass(MOMENT);
    wire.events();
    answered(&mut wire, Side::Network);
}

#[test]
fn a_blocked_channel_takes_no_call() {
    let mut user = Settings::new(Role::User);
    user.channels = [1, 2].into_iter().collect();
    let mut network = Settings::new(Role::Network);
    network.channels = user.channels;
    let mut wire = Wire::up(user, network);
    wire.user.block(1, true).unwrap();
    let ours = wire
        .setup(Side::Network, OutgoingCall::new(number("1")))
        .unwrap();
    let events = wire.events_of(Side::Network, MOMENT);
    assert_eq!(
        released(&events, ours),
        Some(Cause::REQUESTED_CHANNEL_NOT_AVAILABLE)
    );
    assert_eq!(wire.user.block(16, true), Err(NoSuchChannel(16)));
    let (ours, _) = answered(&mut wire, Side::User);
    assert_eq!(wire.user.channel(ours), Some(2));
}

#[test]
fn a_restart_ends_the_calls_of_its_channels() {
    for from in [Side::User, Side::Network] {
        for whole in [false, true] {
            let mut wire = Wire::plain();
            let (ours, theirs) = answered(&mut wire, from);
            let (other, _) = answered(&mut wire, from);
            let channel = wire.side(from).channel(ours);
            let now = wire.now;
            let extent = if whole { None } else { channel };
            wire.side(from).restart(extent, now).unwrap();
            wire.drain(from);
            wire.pass(MOMENT);
            let events = wire.events();
            assert!(events.contains(&(from, Event::RestartDone { channel: extent })));
            let cause = Cause::TEMPORARY_FAILURE;
            assert!(events.contains(&(from, Event::Released { call: ours, cause })));
            assert!(events.contains(&(
                from.other(),
                Event::Released {
                    call: theirs,
                    cause
                }
            )));
            assert_eq!(wire.side(from).call_state(other).is_none(), whole);
            answered(&mut wire, from);
        }
    }
}

#[test]
fn a_channel_of_the_peers_choice() {
    let mut user = Settings::new(Role::User);
    user.channel_choice = ChannelChoice::Any;
    let mut wire = Wire::up(user, Settings::new(Role::Network));
    let call = wire
        .setup(Side::User, OutgoingCall::new(number("1")))
        .unwrap();
    assert_eq!(wire.user.channel(call), None);
    let (theirs, setup) = incoming(&wire.events_of(Side::Network, MOMENT));
    assert_eq!(setup.channel, 1);
    wire.command(
        Side::Network,
        theirs,
        Command::Proceeding { in_band: false },
    )
    .unwrap();
    let events = wire.events_of(Side::User, MOMENT);
    assert_eq!(events[0], Event::ChannelChanged { call, channel: 1 });
    assert_eq!(wire.user.channel(call), Some(1));
}
