//! What only an E1's card knows: line code, framing, clock, and the errors that it counts (`line_tests::pairs`).

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use line_tests::pairs::LinePairs;
use line_tests::party::End;
use line_tests::until;
use ramal_isdn::{Role, Settings};
use ramal_lines::dahdi::span::Signalling;
use ramal_lines::dahdi::{Control, SpanSetup, SpanUse, configure, spans};

// `DAHDI_CONFIG_*` of include/dahdi/user.h.
const HDB3: i32 = 1 << 9;
const CCS: i32 = 1 << 8;
const CRC4: i32 = 1 << 10;

#[test]
fn an_e1_card_is_given_its_line_and_its_errors_are_shown() {
    let pairs = LinePairs::insert_with(&["e1=1"]);
    let span = until("the E1", || {
        let found = spans().unwrap_or_default();
        found
            .into_iter()
            .find(|span| span.name == "PAIRS/E1" && span.first_channel > 0)
    });
    let given = || {
        ["e1_line", "e1_clock", "e1_configured"]
            .map(|name| pairs.parameter(name).parse::<i32>().unwrap())
    };
    let control = Control::open().unwrap();
    let mut setup = SpanSetup {
        usage: SpanUse::Pri,
        crc4: true,
        clock_rank: 2,
    };
    assert_eq!(configure(&control, &span, &setup, None).unwrap(), 31);
    assert_eq!(given(), [HDB3 | CCS | CRC4, 2, 1]);
    // What it has already it is not given again.
    let previous = setup.clone();
    assert_eq!(
        configure(&control, &span, &setup, Some(&previous)).unwrap(),
        0
    );
    assert_eq!(given(), [HDB3 | CCS | CRC4, 2, 1]);
    setup.clock_rank = 1;
    assert_eq!(
        configure(&control, &span, &setup, Some(&previous)).unwrap(),
        0
    );
    assert_eq!(given(), [HDB3 | CCS | CRC4, 1, 2]);
    setup = SpanSetup {
        usage: SpanUse::R2,
        crc4: false,
        clock_rank: 0,
    };
    configure(&control, &span, &setup, Some(&previous)).unwrap();
    assert_eq!(given(), [HDB3, 0, 3]);

    let gateway = End::start_with(
        &span,
        Signalling::Pri(Box::new(Settings::new(Role::User))),
        false,
    );
    until("the card works without an error", || {
        let status = gateway.status();
        (status.reason.is_none() && status.crc4_errors == 0 && status.slips == 0).then_some(())
    });
    pairs.set_parameter("e1_errors", "3,5,7,9,4");
    until("its errors are shown", || {
        let status = gateway.status();
        (status.crc4_errors == 5 && status.slips == 4).then_some(())
    });
    let counters = control.counters(span.number).unwrap();
    assert_eq!(counters.bipolar_violations, 3);
    assert_eq!(counters.e_bits, 7);
    assert_eq!(counters.frame_alignment_errors, 9);
}
