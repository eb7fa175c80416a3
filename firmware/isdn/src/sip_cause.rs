//! Causes of ISDN and status codes of SIP for each other (RFC 3398 §7.2.4.1 and §8.2.6.1).

use crate::Cause;

/// The final status that tells a SIP caller why the line's side refused or ended the call before it was answered
/// (RFC 3398 §7.2.4.1). An answered call ends with BYE instead.
pub fn sip_status(cause: Cause) -> u16 {
    match cause.normalized().value() {
        1..=3 | 26 => 404,
        17 => 486,
        18 => 408,
        21 | 55 | 57 | 87 => 403,
        22 | 23 => 410,
        27 => 502,
        28 => 484,
        29 | 79 => 501,
        34 | 38 | 41 | 42 | 44 | 47 | 58 | 88 => 503,
        65 | 70 => 488,
        102 => 504,
        111 | 127 => 500,
        // 16, 19, 20, 31 and what the table leaves out: its class decides (§7.2.4.1, last paragraphs).
        value => match value >> 4 {
            0 | 1 => 480,
            2 => 503,
            3 | 4 => 501,
            _ => 500,
        },
    }
}

/// The cause that tells the line's side why a SIP callee refused the call (RFC 3398 §8.2.6.1).
/// A status from outside the table takes that of its class: 4xx as 400, 5xx as 500, 6xx as 600.
pub fn cause_of_sip_status(status: u16) -> Cause {
    match status {
        401..=403 | 407 | 603 => Cause::CALL_REJECTED,
        404 | 485 | 604 => Cause::UNALLOCATED_NUMBER,
        405 => Cause::SERVICE_NOT_AVAILABLE,
        406 | 415 | 501 => Cause::SERVICE_NOT_IMPLEMENTED,
        408 | 504 => Cause::RECOVERY_ON_TIMER_EXPIRY,
        410 => Cause::NUMBER_CHANGED,
        413 | 414 | 416 | 420 | 421 | 423 | 505 | 513 => Cause::INTERWORKING,
        480 => Cause::NO_USER_RESPONDING,
        482 | 483 => Cause::EXCHANGE_ROUTING_ERROR,
        484 => Cause::INVALID_NUMBER_FORMAT,
        486 | 600 => Cause::USER_BUSY,
        // Only the caller's own CANCEL brings it about.
        487 => Cause::NORMAL_CLEARING,
        // By Warning header; without one the media did not fit.
        488 | 606 => Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED,
        502 => Cause::NETWORK_OUT_OF_ORDER,
        400..=599 => Cause::TEMPORARY_FAILURE,
        606..=699 => Cause::USER_BUSY,
        _ => Cause::INTERWORKING,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn causes_become_the_statuses_of_rfc_3398() {
        let table: [(u8, u16); 32] = [
            (1, 404),
            (2, 404),
            (3, 404),
            (16, 480),
            (17, 486),
            (18, 408),
            (19, 480),
            (20, 480),
            (21, 403),
            (22, 410),
            (23, 410),
            (26, 404),
            (27, 502),
            (28, 484),
            (29, 501),
            (31, 480),
            (34, 503),
            (38, 503),
            (41, 503),
            (42, 503),
            (47, 503),
            (55, 403),
            (57, 403),
            (58, 503),
            (65, 488),
            (70, 488),
            (79, 501),
            (87, 403),
            (88, 503),
            (102, 504),
            (111, 500),
            (127, 500),
        ];
        for (cause, status) in table {
            assert_eq!(sip_status(Cause::new(cause).unwrap()), status, "{cause}");
        }
        for value in 1..=127 {
            assert!((400..700).contains(&sip_status(Cause::new(value).unwrap())));
        }
    }

    #[test]
    fn statuses_become_the_causes_of_rfc_3398() {
        let table: [(u16, u8); 37] = [
            (400, 41),
            (401, 21),
            (402, 21),
            (403, 21),
            (404, 1),
            (405, 63),
            (406, 79),
            (407, 21),
            (408, 102),
            (410, 22),
            (413, 127),
            (414, 127),
            (415, 79),
            (416, 127),
            (420, 127),
            (421, 127),
            (423, 127),
            (480, 18),
            (481, 41),
            (482, 25),
            (483, 25),
            (484, 28),
            (485, 1),
            (486, 17),
            (488, 65),
            (500, 41),
            (501, 79),
            (502, 38),
            (503, 41),
            (504, 102),
            (505, 127),
            (513, 127),
            (600, 17),
            (603, 21),
            (604, 1),
            (599, 41),
            (699, 17),
        ];
        for (status, cause) in table {
            assert_eq!(cause_of_sip_status(status).value(), cause, "{status}");
        }
    }

    /// features.md, A.3: what the offline options mean on both kinds of trunk.
    #[test]
    fn offline_options_mean_the_same_on_both_sides() {
        assert_eq!(sip_status(Cause::NO_ANSWER), 480);
        assert_eq!(sip_status(Cause::USER_BUSY), 486);
        assert_eq!(cause_of_sip_status(486), Cause::USER_BUSY);
        assert_eq!(cause_of_sip_status(603), Cause::CALL_REJECTED);
        assert_eq!(sip_status(Cause::UNALLOCATED_NUMBER), 404);
    }
}
