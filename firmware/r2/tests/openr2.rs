//! libopenr2 as the other side of every variant that it knows: 200 calls each way with real tones. It runs as a
//! process of its own, built from `tests/lines/peers/r2_peer.c`; needs a C compiler and Debian's `libopenr2-dev`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

#[path = "openr2/calls.rs"]
mod calls;
#[path = "openr2/rig.rs"]
mod rig;
#[path = "openr2/script.rs"]
mod script;

use rand::SeedableRng;
use rand::rngs::StdRng;

use calls::Setup;
use rig::Rig;

/// Of each direction and setup; a variant has two setups.
const CALLS: usize = 100;
const CHANNELS: usize = 25;

fn both_ways(code: &str) {
    for ani_first in [false, true] {
        let setup = Setup::new(code, ani_first);
        // What DAHDI gives at once, and half of it.
        let block = if ani_first { 80 } else { 160 };
        let mut rig = Rig::new(&setup.settings, CHANNELS, block, &setup.options);
        let random = &mut StdRng::seed_from_u64(u64::from(ani_first));
        let incoming = (0..CALLS).map(|n| setup.incoming(n, random)).collect();
        assert_eq!(script::run(&mut rig, incoming), CALLS);
        let outgoing = (0..CALLS).map(|n| setup.outgoing(n, random)).collect();
        assert_eq!(script::run(&mut rig, outgoing), CALLS);
    }
}

macro_rules! variants {
    ($($name:ident: $code:literal;)*) => {
        $(#[test]
        fn $name() {
            both_ways($code);
        })*
    };
}

variants! {
    argentina: "AR";
    brazil: "BR";
    china: "CN";
    czech_republic: "CZ";
    colombia: "CO";
    ecuador: "EC";
    indonesia: "ID";
    itu: "ITU";
    mexico: "MX";
    philippines: "PH";
    venezuela: "VE";
}

#[test]
fn calls_are_accepted_without_group_b() {
    for code in ["ITU", "VE"] {
        let setup = Setup::immediate(code);
        let mut rig = Rig::new(&setup.settings, CHANNELS, 160, &setup.options);
        let random = &mut StdRng::seed_from_u64(7);
        let mut calls = Vec::new();
        for cleared_by_us in [false, true].repeat(10) {
            calls.push(setup.answered_incoming(cleared_by_us, random));
            calls.push(setup.answered_outgoing(cleared_by_us, random));
        }
        script::run(&mut rig, calls);
    }
}

#[test]
fn a_channel_is_blocked_seized_by_both_sides_and_works_afterwards() {
    let setup = Setup::new("BR", false);
    let mut rig = Rig::new(&setup.settings, CHANNELS, 160, &setup.options);
    let random = &mut StdRng::seed_from_u64(3);
    let mut scripts = Vec::new();
    for _ in 0..2 * CHANNELS {
        scripts.push(setup.blocked());
        scripts.push(setup.both_seize());
        scripts.push(setup.answered_incoming(true, random));
        scripts.push(setup.answered_outgoing(true, random));
    }
    script::run(&mut rig, scripts);
}
