//! Why a leg was refused or released, in the words all kinds of lines share (Q.850), and its translation to and from SIP
//! (RFC 3398 §7.2.4.1 and §8.2.6.1).

use std::fmt;

/// A Q.850 cause value, 1-127.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Cause(pub(crate) u8);

impl Cause {
    /// The number is not assigned to anyone.
    pub(crate) const UNALLOCATED_NUMBER: Self = Self(1);
    /// Somebody hung up.
    pub(crate) const NORMAL_CLEARING: Self = Self(16);
    /// The called party is in a call.
    pub(crate) const USER_BUSY: Self = Self(17);
    /// The called party's equipment did not react.
    pub(crate) const NO_USER_RESPONDING: Self = Self(18);
    /// It rang, and nobody took it.
    pub(crate) const NO_ANSWER: Self = Self(19);
    /// The called party is not registered.
    pub(crate) const SUBSCRIBER_ABSENT: Self = Self(20);
    /// The called party refused the call.
    pub(crate) const CALL_REJECTED: Self = Self(21);
    /// Another device of the called party took the call.
    pub(crate) const NON_SELECTED_USER_CLEARING: Self = Self(26);
    /// The called party cannot be reached because of a fault at its end.
    pub(crate) const DESTINATION_OUT_OF_ORDER: Self = Self(27);
    /// The number is too short or cannot be a number.
    pub(crate) const INVALID_NUMBER_FORMAT: Self = Self(28);
    /// Over, for no reason that the others name.
    pub(crate) const NORMAL_UNSPECIFIED: Self = Self(31);
    /// All lines to the exchange are in use.
    pub(crate) const NO_CIRCUIT: Self = Self(34);
    /// The way to the called party does not work.
    pub(crate) const NETWORK_OUT_OF_ORDER: Self = Self(38);
    /// A passing fault here; trying again may help.
    pub(crate) const TEMPORARY_FAILURE: Self = Self(41);
    /// The gateway has no more room for calls, ports or media.
    pub(crate) const RESOURCE_UNAVAILABLE: Self = Self(47);
    /// No common codec.
    pub(crate) const BEARER_CAPABILITY_NOT_IMPLEMENTED: Self = Self(65);
    /// A timer of the signalling or of the media ran out.
    pub(crate) const RECOVERY_ON_TIMER_EXPIRY: Self = Self(102);

    /// The SIP status a call refused for this cause is answered with (RFC 3398 §7.2.4.1).
    pub(crate) fn sip_status(self) -> u16 {
        match self.0 {
            1..=3 | 26 => 404,
            17 => 486,
            18 => 408,
            16 | 19 | 20 | 31 => 480,
            21 => 403,
            22 => 410,
            23 => 410,
            27 => 502,
            28 => 484,
            29 => 501,
            55 | 57 | 87 => 403,
            65 | 70 => 488,
            79 => 501,
            102 => 504,
            111 | 127 => 500,
            34 | 38 | 41 | 42 | 47 | 58 | 88 => 503,
            _ => 500,
        }
    }

    /// The cause a refused SIP call stands for (RFC 3398 §8.2.6.1). A `Reason` header with a Q.850 cause (RFC 3326) says
    /// it better where there is one.
    pub(crate) fn from_sip_status(status: u16) -> Self {
        Self(match status {
            400 | 481 | 500 | 503 => 41,
            401 | 402 | 403 | 407 | 603 => 21,
            404 | 485 | 604 => 1,
            405 | 501 => 79,
            406 | 415 => 79,
            408 => 102,
            410 => 22,
            480 => 18,
            482 | 483 => 25,
            484 => 28,
            486 | 600 => 17,
            487 => 16,
            488 | 606 => 65,
            502 => 38,
            504 => 102,
            _ => 127,
        })
    }

    /// The cause's name in Q.850's words.
    pub(crate) fn name(self) -> &'static str {
        match self.0 {
            1 => "unallocated number",
            16 => "normal call clearing",
            17 => "user busy",
            18 => "no user responding",
            19 => "no answer from user",
            20 => "subscriber absent",
            21 => "call rejected",
            22 => "number changed",
            25 => "exchange routing error",
            26 => "non-selected user clearing",
            27 => "destination out of order",
            28 => "invalid number format",
            31 => "normal, unspecified",
            34 => "no circuit available",
            38 => "network out of order",
            41 => "temporary failure",
            42 => "switching equipment congestion",
            47 => "resource unavailable",
            65 => "bearer capability not implemented",
            79 => "service or option not implemented",
            102 => "recovery on timer expiry",
            111 => "protocol error",
            127 => "interworking",
            _ => "other",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.name())
    }
}

/// Reads the Q.850 cause out of a `Reason` header's value, such as `Q.850;cause=17;text="User busy"` (RFC 3326 §2).
pub(crate) fn from_reason_header(value: &str) -> Option<Cause> {
    value.split(',').find_map(|reason| {
        let mut parts = reason.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case("Q.850") {
            return None;
        }
        parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let cause: u8 = name
                .trim()
                .eq_ignore_ascii_case("cause")
                .then(|| value.trim().parse().ok())??;
            (1..=127).contains(&cause).then_some(Cause(cause))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statuses_a_caller_sees_are_those_of_rfc_3398() {
        assert_eq!(Cause::USER_BUSY.sip_status(), 486);
        assert_eq!(Cause::NO_ANSWER.sip_status(), 480);
        assert_eq!(Cause::UNALLOCATED_NUMBER.sip_status(), 404);
        assert_eq!(Cause::SUBSCRIBER_ABSENT.sip_status(), 480);
        assert_eq!(Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED.sip_status(), 488);
        assert_eq!(Cause::RESOURCE_UNAVAILABLE.sip_status(), 503);
    }

    #[test]
    fn every_cause_gives_a_final_failure() {
        for value in 1..=127 {
            assert!(
                (400..700).contains(&Cause(value).sip_status()),
                "cause {value}"
            );
        }
    }

    #[test]
    fn busy_and_reject_survive_the_way_through_the_gateway() {
        assert_eq!(Cause::from_sip_status(486), Cause::USER_BUSY);
        assert_eq!(Cause::from_sip_status(603), Cause::CALL_REJECTED);
        assert_eq!(Cause::from_sip_status(404), Cause::UNALLOCATED_NUMBER);
    }

    #[test]
    fn a_reason_header_is_read_whatever_stands_around_it() {
        assert_eq!(
            from_reason_header("SIP;cause=200;text=\"Call completed elsewhere\", Q.850 ;cause=26"),
            Some(Cause(26))
        );
        assert_eq!(from_reason_header("Q.850;text=\"no cause\""), None);
        assert_eq!(from_reason_header("Q.850;cause=300"), None);
        assert_eq!(from_reason_header("SIP;cause=486"), None);
    }
}
