//! What the register signals mean in each country, as data.

mod preset;
mod table;

pub use preset::{PRESETS, Preset};
pub use table::VARIANTS;

use crate::{Category, Cause, Charge, MfSignal};

/// What the called side asks for with a signal of group A or C (Q.441 table 8 and national meanings).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// The next digit of the called number.
    NextDigit,
    /// The digit before the last one sent (n-1).
    Previous,
    /// The one before that (n-2).
    SecondPrevious,
    /// The one before that (n-3).
    ThirdPrevious,
    /// The called number from its first digit.
    Restart,
    /// The calling party's category.
    Category,
    /// The category, and group C from then on (Mexico).
    CategoryAndGroupC,
    /// The next digit of the calling number.
    NextCallerDigit,
    /// Address complete: the category in group II, and group B from then on.
    GroupB,
    /// Address complete, charge, set up the speech path: the call is accepted without group B.
    Accept,
    /// Nothing: congestion.
    Congestion,
}

/// What the called side decided, by a signal of group B (Q.441 table 9 and national meanings).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The called party is free.
    Accept(Charge),
    /// The call fails.
    Refuse(Cause),
}

/// Meanings of the signals 11-15 that end a number (Q.441 table 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberEnds {
    /// No more digits of the called number; without one the calling side falls silent.
    pub called: Option<MfSignal>,
    /// No more digits of the calling number.
    pub caller: MfSignal,
    /// The calling number is not shown.
    pub restricted: MfSignal,
}

/// The signalling of one country or operator.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// ISO 3166 code, or `ITU`.
    pub code: &'static str,
    /// Name of the country in English.
    pub name: &'static str,
    /// Where its values are from.
    pub source: &'static str,
    /// Bits C and D of every line signal, never changed in a call: 0b01 in Q.421.
    pub cd: u8,
    /// Group A. A signal with two meanings has two rows.
    pub group_a: &'static [(MfSignal, Request)],
    /// Group B. The first row of a signal is what it means when it is heard, the first row of a verdict what is sent.
    pub group_b: &'static [(MfSignal, Verdict)],
    /// Group C, only where [`Request::CategoryAndGroupC`] leads to it.
    pub group_c: &'static [(MfSignal, Request)],
    /// The ends of numbers.
    pub ends: NumberEnds,
    /// Group II.
    pub categories: &'static [(MfSignal, Category)],
    /// Whether the calling number is usually asked for after the first digit of the called one.
    pub ani_first: bool,
    /// Longest interruption of an answer that is a metering pulse, in milliseconds; 0 without pulses.
    pub metering_pulse_ms: u16,
}

impl Variant {
    /// The variant of an ISO 3166 country code, or `ITU`; upper or lower case.
    #[must_use]
    pub fn find(code: &str) -> Option<&'static Variant> {
        VARIANTS
            .iter()
            .find(|variant| variant.code.eq_ignore_ascii_case(code))
    }

    /// The signal of a request of group A.
    #[must_use]
    pub fn signal_a(&self, request: Request) -> Option<MfSignal> {
        signal_of(self.group_a, request)
    }

    /// The signal of a request of group C.
    #[must_use]
    pub fn signal_c(&self, request: Request) -> Option<MfSignal> {
        signal_of(self.group_c, request)
    }

    /// The signal that tells a verdict, or the nearest one that this variant has.
    #[must_use]
    pub fn signal_b(&self, verdict: Verdict) -> Option<MfSignal> {
        let exact = |wanted: Verdict| signal_of(self.group_b, wanted);
        let refuse = |cause: Cause| exact(Verdict::Refuse(cause));
        exact(verdict).or_else(|| match verdict {
            Verdict::Accept(_) => exact(Verdict::Accept(Charge::Charge)),
            Verdict::Refuse(Cause::NumberChanged) => {
                refuse(Cause::Unallocated).or_else(|| refuse(Cause::Congestion))
            }
            Verdict::Refuse(_) => refuse(Cause::Congestion),
        })
    }

    /// What a signal of group B means.
    #[must_use]
    pub fn verdict(&self, signal: MfSignal) -> Option<Verdict> {
        meanings(self.group_b, signal).next()
    }

    /// The category of a signal of group II.
    #[must_use]
    pub fn category(&self, signal: MfSignal) -> Category {
        meanings(self.categories, signal)
            .next()
            .unwrap_or(Category::Other(signal))
    }

    /// The signal of a category; a category that the variant has not is sent as a subscriber's.
    #[must_use]
    pub fn category_signal(&self, category: Category) -> MfSignal {
        if let Category::Other(signal) = category {
            return signal;
        }
        signal_of(self.categories, category)
            .or_else(|| signal_of(self.categories, Category::Subscriber))
            .unwrap_or(MfSignal::of(1))
    }

    /// Whether a call can be accepted without group B.
    #[must_use]
    pub fn accepts_in_group_a(&self) -> bool {
        self.signal_a(Request::Accept).is_some()
    }
}

fn signal_of<M: PartialEq>(rows: &[(MfSignal, M)], meaning: M) -> Option<MfSignal> {
    rows.iter()
        .find(|(_, row)| *row == meaning)
        .map(|&(signal, _)| signal)
}

/// Every meaning of a signal, in the order of the table.
pub(crate) fn meanings<M: Copy>(
    rows: &'static [(MfSignal, M)],
    signal: MfSignal,
) -> impl Iterator<Item = M> {
    rows.iter()
        .filter(move |row| row.0 == signal)
        .map(|&(_, meaning)| meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(signal: Option<MfSignal>) -> Option<u8> {
        signal.map(MfSignal::number)
    }

    #[test]
    fn every_variant_has_what_a_call_needs() {
        for variant in VARIANTS {
            let code = variant.code;
            for request in [Request::NextDigit, Request::GroupB, Request::Congestion] {
                assert!(variant.signal_a(request).is_some(), "{code} {request:?}");
            }
            let in_c = variant.signal_a(Request::CategoryAndGroupC).is_some();
            assert_eq!(in_c, !variant.group_c.is_empty(), "{code}");
            assert_ne!(
                in_c,
                variant.signal_a(Request::Category).is_some(),
                "{code}"
            );
            for request in [
                Request::NextCallerDigit,
                Request::NextDigit,
                Request::GroupB,
                Request::Congestion,
            ] {
                let signal = if in_c {
                    variant.signal_c(request)
                } else {
                    variant.signal_a(request)
                };
                assert!(signal.is_some(), "{code} {request:?}");
            }
            let congestion = Verdict::Refuse(Cause::Congestion);
            for verdict in [Verdict::Accept(Charge::Charge), congestion] {
                assert!(variant.group_b.iter().any(|row| row.1 == verdict), "{code}");
            }
            assert!(variant.cd < 4);
            assert!(!variant.source.is_empty());
            let subscriber = variant.category_signal(Category::Subscriber);
            assert_eq!(variant.category(subscriber), Category::Subscriber);
        }
    }

    #[test]
    fn brazil_has_the_group_b_of_its_exchanges() {
        let Some(br) = Variant::find("br") else {
            panic!("Brazil");
        };
        let sent = |cause| number(br.signal_b(Verdict::Refuse(cause)));
        assert_eq!(
            number(br.signal_b(Verdict::Accept(Charge::Charge))),
            Some(1)
        );
        assert_eq!(
            number(br.signal_b(Verdict::Accept(Charge::NoCharge))),
            Some(5)
        );
        assert_eq!(sent(Cause::Busy), Some(2));
        assert_eq!(sent(Cause::NumberChanged), Some(3));
        assert_eq!(sent(Cause::Congestion), Some(4));
        assert_eq!(sent(Cause::Unallocated), Some(7));
        assert_eq!(sent(Cause::CollectRefused), Some(7));
        assert_eq!(br.category(MfSignal::of(8)), Category::Collect);
    }

    #[test]
    fn a_verdict_that_a_variant_lacks_is_told_by_the_nearest() {
        let Some(itu) = Variant::find("ITU") else {
            panic!("ITU");
        };
        let changed = Verdict::Refuse(Cause::NumberChanged);
        assert_eq!(number(itu.signal_b(changed)), Some(5));
        let rejected = Verdict::Refuse(Cause::Rejected);
        assert_eq!(number(itu.signal_b(rejected)), Some(4));
        assert_eq!(itu.category_signal(Category::Collect).number(), 1);
    }
}
