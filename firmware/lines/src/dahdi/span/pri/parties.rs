//! Who calls and who has sent a call on: as the elements of ISDN say it, and as trunks do.

use ramal_isdn::{CallingName, PartyNumber, Presentation, RedirectionReason, TypeOfNumber};

use crate::{Redirected, TrunkCaller};

/// A number as an element has it: those with `+` are international ones.
pub(super) fn party_number(number: &str) -> Option<PartyNumber> {
    match number.strip_prefix('+') {
        Some(digits) => PartyNumber::new(digits)
            .ok()
            .map(|number| number.of_kind(TypeOfNumber::International)),
        None => PartyNumber::new(number).ok(),
    }
}

/// The caller's name, or that there is one and it is not to be shown: the far end needs it for nothing then.
pub(super) fn calling_name(caller: &TrunkCaller) -> Option<CallingName> {
    let withheld = CallingName {
        name: String::new(),
        presentation: Presentation::Restricted,
    };
    match caller.name.as_str() {
        "" => None,
        _ if caller.withheld => Some(withheld),
        name => Some(CallingName::new(name)),
    }
}

/// Who sent a call on, as an element tells it.
pub(super) fn redirected(number: &PartyNumber) -> Redirected {
    Redirected {
        number: match number.presentation {
            Presentation::Allowed => number.digits().to_owned(),
            Presentation::Restricted | Presentation::NotAvailable => String::new(),
        },
        reason: number.reason.unwrap_or(RedirectionReason::Unknown),
    }
}

/// Who sent a call on, as an element is to tell it.
pub(super) fn redirecting_number(redirected: &Redirected) -> PartyNumber {
    let number = party_number(&redirected.number).filter(|number| !number.digits().is_empty());
    let withheld = || PartyNumber::default().presented(Presentation::Restricted);
    number.unwrap_or_else(withheld).because(redirected.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digits: &str) -> PartyNumber {
        PartyNumber::new(digits).unwrap()
    }

    #[test]
    fn a_number_with_a_plus_is_international() {
        let international = number("5551987654321").of_kind(TypeOfNumber::International);
        assert_eq!(party_number("+5551987654321"), Some(international));
        assert_eq!(party_number("2001"), Some(number("2001")));
        assert_eq!(party_number("support"), None);
    }

    #[test]
    fn who_sent_a_call_on_and_withholds_his_number_is_not_told() {
        let busy = number("2001").because(RedirectionReason::Busy);
        let told = redirected(&busy);
        assert_eq!(
            (&*told.number, told.reason),
            ("2001", RedirectionReason::Busy)
        );
        assert_eq!(redirecting_number(&told), busy);
        for presentation in [Presentation::Restricted, Presentation::NotAvailable] {
            let hidden = redirected(&busy.clone().presented(presentation));
            assert_eq!(
                (&*hidden.number, hidden.reason),
                ("", RedirectionReason::Busy)
            );
            let sent = redirecting_number(&hidden);
            assert_eq!(
                (sent.digits(), sent.presentation),
                ("", Presentation::Restricted)
            );
        }
    }

    #[test]
    fn nothing_is_told_of_a_name_that_is_withheld() {
        let mut caller = TrunkCaller {
            name: "Maria".into(),
            ..TrunkCaller::default()
        };
        assert_eq!(calling_name(&caller), Some(CallingName::new("Maria")));
        caller.withheld = true;
        let hidden = calling_name(&caller).unwrap();
        assert_eq!(
            (&*hidden.name, hidden.presentation),
            ("", Presentation::Restricted)
        );
        assert_eq!(calling_name(&TrunkCaller::default()), None);
    }
}
