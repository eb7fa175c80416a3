//! The variants. Values are those of Q.441 where a country is not known to differ.

use super::{NumberEnds, Request, Variant, Verdict};
use crate::Charge::{Charge, NoCharge};
use crate::{Category, Cause, MfSignal};
use Request::{
    Accept, CategoryAndGroupC, Congestion, GroupB, NextCallerDigit, NextDigit, Previous, Restart,
    SecondPrevious, ThirdPrevious,
};

const fn s(number: u8) -> MfSignal {
    MfSignal::of(number)
}

const fn refuse(cause: Cause) -> Verdict {
    Verdict::Refuse(cause)
}

/// Q.441 table 8 in national use.
const ITU_A: &[(MfSignal, Request)] = &[
    (s(1), NextDigit),
    (s(2), Previous),
    (s(3), GroupB),
    (s(4), Congestion),
    (s(5), Request::Category),
    (s(5), NextCallerDigit),
    (s(6), Accept),
    (s(7), SecondPrevious),
    (s(8), ThirdPrevious),
    (s(15), Congestion),
];

/// Q.441 table 9.
const ITU_B: &[(MfSignal, Verdict)] = &[
    (s(2), refuse(Cause::SpecialInformation)),
    (s(3), refuse(Cause::Busy)),
    (s(4), refuse(Cause::Congestion)),
    (s(5), refuse(Cause::Unallocated)),
    (s(6), Verdict::Accept(Charge)),
    (s(7), Verdict::Accept(NoCharge)),
    (s(8), refuse(Cause::OutOfOrder)),
];

/// Q.441 table 7.
const ITU_II: &[(MfSignal, Category)] = &[
    (s(1), Category::Subscriber),
    (s(2), Category::Priority),
    (s(3), Category::Maintenance),
    (s(5), Category::Operator),
    (s(6), Category::Data),
    (s(7), Category::International),
    (s(8), Category::InternationalData),
    (s(9), Category::InternationalPriority),
    (s(10), Category::InternationalOperator),
];

/// I-15 ends either number; I-12 (request not accepted) hides the caller's.
const ITU_ENDS: NumberEnds = NumberEnds {
    called: Some(s(15)),
    caller: s(15),
    restricted: s(12),
};

const SILENT_END: NumberEnds = NumberEnds {
    called: None,
    ..ITU_ENDS
};

const ITU: Variant = Variant {
    code: "ITU",
    name: "International",
    source: "ITU-T Q.421, Q.441",
    cd: 0b01,
    group_a: ITU_A,
    group_b: ITU_B,
    group_c: &[],
    ends: ITU_ENDS,
    categories: ITU_II,
    ani_first: true,
    metering_pulse_ms: 0,
};

/// Every variant, in the order of their codes.
pub const VARIANTS: &[Variant] = &[
    Variant {
        code: "AR",
        name: "Argentina",
        source: "openr2 1.3.3, variant AR",
        // A hidden caller is I-15 and the end of the caller's number I-12: the reverse of the ITU's.
        ends: NumberEnds {
            called: None,
            caller: s(12),
            restricted: s(15),
        },
        categories: &[
            (s(1), Category::Subscriber),
            (s(2), Category::Priority),
            (s(3), Category::Maintenance),
            (s(4), Category::Payphone),
            (s(5), Category::Operator),
            (s(6), Category::Data),
            (s(7), Category::International),
            (s(9), Category::InternationalPriority),
            (s(10), Category::InternationalOperator),
        ],
        metering_pulse_ms: 400,
        ..ITU
    },
    Variant {
        code: "BO",
        name: "Bolivia",
        source: "openr2, branch release-1-bolivia",
        group_a: &[
            (s(1), NextDigit),
            (s(2), Previous),
            (s(3), GroupB),
            (s(4), Congestion),
            (s(5), Request::Category),
            (s(5), NextCallerDigit),
            (s(6), Accept),
            (s(7), SecondPrevious),
            (s(9), Restart),
        ],
        ..ITU
    },
    Variant {
        code: "BR",
        name: "Brazil",
        source: "openr2 1.3.3, variant BR; Group B as its operators use it",
        group_a: &[
            (s(1), NextDigit),
            (s(2), Restart),
            (s(3), GroupB),
            (s(4), Congestion),
            (s(5), Request::Category),
            (s(5), NextCallerDigit),
            (s(7), SecondPrevious),
            (s(8), ThirdPrevious),
            (s(9), Previous),
        ],
        group_b: &[
            (s(1), Verdict::Accept(Charge)),
            (s(2), refuse(Cause::Busy)),
            (s(3), refuse(Cause::NumberChanged)),
            (s(4), refuse(Cause::Congestion)),
            (s(5), Verdict::Accept(NoCharge)),
            // Free, charged, and held by the called party.
            (s(6), Verdict::Accept(Charge)),
            (s(7), refuse(Cause::Unallocated)),
            (s(7), refuse(Cause::CollectRefused)),
            (s(8), refuse(Cause::OutOfOrder)),
        ],
        ends: SILENT_END,
        categories: &[
            (s(1), Category::Subscriber),
            (s(2), Category::Priority),
            (s(3), Category::Maintenance),
            (s(4), Category::Payphone),
            (s(5), Category::Operator),
            (s(6), Category::Data),
            (s(7), Category::International),
            (s(8), Category::Collect),
            (s(9), Category::InternationalPriority),
        ],
        ..ITU
    },
    Variant {
        code: "CL",
        name: "Chile",
        source: "ITU-T Q.441 (no national difference published)",
        ..ITU
    },
    Variant {
        code: "CN",
        name: "China",
        source: "openr2 1.3.3, variant CN; Unicall's installation notes (line bits C=1, D=1)",
        cd: 0b11,
        group_a: &[
            (s(1), NextDigit),
            (s(1), NextCallerDigit),
            (s(2), Previous),
            (s(3), GroupB),
            (s(4), Congestion),
            (s(6), Request::Category),
            (s(7), SecondPrevious),
            (s(8), ThirdPrevious),
        ],
        group_b: &[
            (s(1), Verdict::Accept(Charge)),
            (s(2), refuse(Cause::Busy)),
            (s(4), refuse(Cause::Congestion)),
            (s(5), refuse(Cause::Unallocated)),
            (s(7), Verdict::Accept(NoCharge)),
            (s(8), refuse(Cause::OutOfOrder)),
        ],
        ends: SILENT_END,
        ..ITU
    },
    Variant {
        code: "CO",
        name: "Colombia",
        source: "openr2 1.3.3, variant CO (field tests with Metrotel, Barranquilla)",
        group_b: &[
            (s(1), Verdict::Accept(Charge)),
            (s(2), refuse(Cause::Busy)),
            (s(4), refuse(Cause::Congestion)),
            (s(5), Verdict::Accept(NoCharge)),
            (s(6), refuse(Cause::Unallocated)),
            (s(8), refuse(Cause::OutOfOrder)),
        ],
        ..ITU
    },
    Variant {
        code: "CZ",
        name: "Czech Republic",
        source: "openr2 1.3.3, variant CZ",
        ..ITU
    },
    Variant {
        code: "EC",
        name: "Ecuador",
        source: "openr2 1.3.3, variant EC",
        ..ITU
    },
    Variant {
        code: "ID",
        name: "Indonesia",
        source: "openr2 1.3.3, variant ID",
        group_a: &[
            (s(1), NextDigit),
            (s(2), Restart),
            (s(3), GroupB),
            (s(4), Congestion),
            (s(5), Accept),
            (s(6), Request::Category),
            (s(6), NextCallerDigit),
            (s(8), Previous),
            (s(9), SecondPrevious),
        ],
        ..ITU
    },
    ITU,
    Variant {
        code: "MX",
        name: "Mexico",
        source: "openr2 1.3.3, variant MX (Telmex, Axtel, Avantel, Telcel)",
        group_a: &[
            (s(1), NextDigit),
            (s(2), Previous),
            (s(3), GroupB),
            (s(4), Congestion),
            (s(6), CategoryAndGroupC),
            (s(7), SecondPrevious),
            (s(8), ThirdPrevious),
        ],
        group_b: &[
            (s(1), Verdict::Accept(Charge)),
            (s(2), refuse(Cause::Busy)),
            // Mexico has one signal for a busy and for an unallocated number.
            (s(2), refuse(Cause::Unallocated)),
            (s(4), refuse(Cause::Congestion)),
            (s(5), Verdict::Accept(NoCharge)),
            (s(8), refuse(Cause::OutOfOrder)),
        ],
        group_c: &[
            (s(1), NextCallerDigit),
            (s(3), GroupB),
            (s(4), Congestion),
            (s(5), NextDigit),
        ],
        ends: NumberEnds {
            called: None,
            caller: s(15),
            restricted: s(15),
        },
        ani_first: false,
        ..ITU
    },
    Variant {
        code: "PH",
        name: "Philippines",
        source: "openr2 1.3.3, variant PH",
        ..ITU
    },
    Variant {
        code: "VE",
        name: "Venezuela",
        source: "openr2 1.3.3, variant VE",
        group_a: &[
            (s(1), NextDigit),
            (s(2), Previous),
            (s(3), GroupB),
            (s(4), Congestion),
            (s(5), Request::Category),
            (s(6), Accept),
            (s(7), SecondPrevious),
            (s(8), ThirdPrevious),
            (s(9), NextCallerDigit),
        ],
        ends: SILENT_END,
        ..ITU
    },
];
