//! Elements of messages in words, as Q.931 and Q.850 name them, for people who read a trace.

use super::{Elements, Faults};
use crate::ie::{
    BearerCapability, CallingName, CauseElement, ChannelIdentification, ChannelNumbers, Law,
    Location, NumberingPlan, PartyNumber, Presentation, ProgressDescription, ProgressIndicator,
    RedirectionReason, RestartIndicator, Screening, TransferCapability, TypeOfNumber,
};

impl Elements {
    /// One line for each element, with its name in the standard.
    pub fn words(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut say = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                lines.push(format!("{name}: {value}"));
            }
        };
        say(
            "Bearer capability",
            self.bearer.as_ref().map(BearerCapability::words),
        );
        say("Cause", self.cause.as_ref().map(CauseElement::words));
        say("Call state", self.call_state.map(|state| state.to_string()));
        say(
            "Channel identification",
            self.channel.as_ref().map(ChannelIdentification::words),
        );
        for facility in &self.facility {
            say("Facility", Some(facility_words(facility)));
        }
        for progress in &self.progress {
            say("Progress indicator", Some(progress.words()));
        }
        say(
            "Notification indicator",
            self.notification.map(|value| value.to_string()),
        );
        say("Display", self.display.as_deref().map(printable));
        say("Keypad facility", self.keypad.as_deref().map(printable));
        for (name, number) in [
            ("Connected number", &self.connected),
            ("Calling party number", &self.calling),
            ("Called party number", &self.called),
            ("Original called number", &self.original_called),
            ("Redirecting number", &self.redirecting),
            ("Redirection number", &self.redirection),
        ] {
            // A called number says nothing of being shown.
            let is_shown = name != "Called party number";
            say(name, number.as_ref().map(|number| number.words(is_shown)));
        }
        say(
            "Restart indicator",
            self.restart.map(|restart| restart.words().to_owned()),
        );
        say(
            "Change status",
            self.change_status.map(|status| status.to_string()),
        );
        let octets = |octets: &Vec<u8>| format!("{} octets", octets.len());
        say(
            "High layer compatibility",
            self.high_layer.as_ref().map(octets),
        );
        say("User-user", self.user_user.as_ref().map(octets));
        if self.sending_complete {
            lines.push("Sending complete".to_owned());
        }
        lines
    }
}

impl Faults {
    /// One line for each element that is wrong.
    pub fn words(&self) -> Vec<String> {
        let kinds = [
            (&self.not_comprehended, "is not known and should be"),
            (&self.unrecognized, "is not known"),
            (&self.malformed, "cannot be used"),
        ];
        let lines = |(ids, what): (&Vec<u8>, &str)| {
            let line = |id: &u8| format!("Element {id:#04x} {what}");
            ids.iter().map(line).collect::<Vec<_>>()
        };
        kinds.into_iter().flat_map(lines).collect()
    }
}

/// What somebody has sent as text may hold anything.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '·' } else { c })
        .collect()
}

fn facility_words(contents: &[u8]) -> String {
    match CallingName::decode(contents) {
        Some(name) if name.presentation == Presentation::Allowed => {
            format!("calling name {}", printable(&name.name))
        }
        Some(_) => "calling name, withheld or not available".to_owned(),
        None => format!("{} octets", contents.len()),
    }
}

impl BearerCapability {
    fn words(&self) -> String {
        let capability = match self.capability {
            TransferCapability::Speech => "speech".to_owned(),
            TransferCapability::UnrestrictedDigital => {
                "unrestricted digital information".to_owned()
            }
            TransferCapability::Audio3k1 => "3.1 kHz audio".to_owned(),
            TransferCapability::Other(other) => format!("transfer capability {other}"),
        };
        let law = match self.law {
            Some(Law::A) => ", A-law",
            Some(Law::Mu) => ", mu-law",
            None => "",
        };
        let rate = if self.circuit_64k {
            ""
        } else {
            ", not 64 kbit/s circuit mode"
        };
        format!("{capability}{law}{rate}")
    }
}

impl CauseElement {
    fn words(&self) -> String {
        let mut words = format!("{}, {}", self.cause, self.location.words());
        if !self.diagnostics.is_empty() {
            words += ", diagnostics";
            for octet in &self.diagnostics {
                words += &format!(" {octet:02X}");
            }
        }
        words
    }
}

impl Location {
    fn words(self) -> String {
        let name = match self {
            Self::User => "user",
            Self::PrivateLocal => "private network serving the local user",
            Self::PublicLocal => "public network serving the local user",
            Self::Transit => "transit network",
            Self::PublicRemote => "public network serving the remote user",
            Self::PrivateRemote => "private network serving the remote user",
            Self::Other(other) => return format!("location {other}"),
        };
        name.to_owned()
    }
}

impl ChannelIdentification {
    fn words(&self) -> String {
        let channels = match self.channels {
            ChannelNumbers::None => return "no channel".to_owned(),
            ChannelNumbers::Any => "any".to_owned(),
            ChannelNumbers::Named(set) if set.is_empty() => "one that does not exist".to_owned(),
            ChannelNumbers::Named(set) => {
                let numbers: Vec<_> = set.iter().map(|channel| channel.to_string()).collect();
                numbers.join(" ")
            }
        };
        let choice = if self.exclusive {
            "exclusive"
        } else {
            "preferred"
        };
        format!("{channels}, {choice}")
    }
}

impl ProgressIndicator {
    fn words(&self) -> String {
        let description = match self.description {
            ProgressDescription::NotEndToEndIsdn => "1, not end-to-end ISDN",
            ProgressDescription::DestinationNotIsdn => "2, the destination is not ISDN",
            ProgressDescription::OriginNotIsdn => "3, the origin is not ISDN",
            ProgressDescription::ReturnedToIsdn => "4, back in the ISDN",
            ProgressDescription::ServiceChanged => "5, the service has changed",
            ProgressDescription::InBand => "8, in-band information",
            ProgressDescription::Other(other) => {
                return format!("{other}, {}", self.location.words());
            }
        };
        format!("{description}, {}", self.location.words())
    }
}

impl PartyNumber {
    fn words(&self, is_shown: bool) -> String {
        let digits = match self.digits() {
            "" => "no digits",
            digits => digits,
        };
        let kind = match self.kind {
            TypeOfNumber::Unknown => "unknown type",
            TypeOfNumber::International => "international",
            TypeOfNumber::National => "national",
            TypeOfNumber::NetworkSpecific => "network specific",
            TypeOfNumber::Subscriber => "subscriber",
            TypeOfNumber::Abbreviated => "abbreviated",
            TypeOfNumber::Reserved(_) => "reserved type",
        };
        let plan = match self.plan {
            NumberingPlan::Unknown => "unknown plan",
            NumberingPlan::Isdn => "ISDN plan",
            NumberingPlan::Private => "private plan",
            NumberingPlan::Other(_) => "other plan",
        };
        let mut words = format!("{digits}, {kind}, {plan}");
        if is_shown {
            words += match self.presentation {
                Presentation::Allowed => ", presentation allowed",
                Presentation::Restricted => ", presentation restricted",
                Presentation::NotAvailable => ", not available",
            };
            words += match self.screening {
                Screening::UserProvided => ", user provided",
                Screening::VerifiedAndPassed => ", verified and passed",
                Screening::VerifiedAndFailed => ", verified and failed",
                Screening::NetworkProvided => ", network provided",
            };
        }
        if let Some(reason) = self.reason {
            words += match reason {
                RedirectionReason::Unknown => ", reason unknown",
                RedirectionReason::Busy => ", busy",
                RedirectionReason::NoReply => ", no reply",
                RedirectionReason::Deflection => ", deflected",
                RedirectionReason::OutOfOrder => ", out of order",
                RedirectionReason::ByTerminal => ", by the terminal",
                RedirectionReason::Unconditional => ", unconditional",
                RedirectionReason::Other(_) => ", other reason",
            };
        }
        words
    }
}

impl RestartIndicator {
    fn words(self) -> &'static str {
        match self {
            Self::IndicatedChannels => "indicated channels",
            Self::SingleInterface => "single interface",
            Self::AllInterfaces => "all interfaces",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;
    use crate::Cause;

    #[test]
    fn a_setup_says_who_calls_whom_on_which_channel() {
        let elements = Elements {
            sending_complete: true,
            bearer: Some(BearerCapability::AUDIO_3K1),
            channel: Some(ChannelIdentification::one(17, true)),
            calling: Some(
                PartyNumber::new("11987654321")
                    .unwrap()
                    .of_kind(TypeOfNumber::National)
                    .presented(Presentation::Restricted),
            ),
            called: Some(PartyNumber::new("3032").unwrap()),
            redirecting: Some(
                PartyNumber::new("2001")
                    .unwrap()
                    .because(RedirectionReason::NoReply),
            ),
            display: Some("Ana\nMaria".into()),
            facility: vec![CallingName::new("Ana").encode(), vec![1, 2]],
            user_user: Some(vec![4, 1, 2]),
            ..Elements::default()
        };
        assert_eq!(
            elements.words(),
            [
                "Bearer capability: 3.1 kHz audio, A-law",
                "Channel identification: 17, exclusive",
                "Facility: calling name Ana",
                "Facility: 2 octets",
                "Display: Ana·Maria",
                "Calling party number: 11987654321, national, ISDN plan, presentation restricted, user provided",
                "Called party number: 3032, unknown type, ISDN plan",
                "Redirecting number: 2001, unknown type, ISDN plan, presentation allowed, user provided, no reply",
                "User-user: 3 octets",
                "Sending complete",
            ]
        );
    }

    #[test]
    fn causes_progress_and_restarts_have_their_names() {
        let elements = Elements {
            cause: Some(CauseElement {
                location: Location::PublicLocal,
                cause: Cause::ELEMENT_UNKNOWN,
                diagnostics: vec![0x1C],
            }),
            call_state: Some(10),
            channel: Some(ChannelIdentification {
                channels: ChannelNumbers::Any,
                exclusive: false,
            }),
            progress: vec![ProgressIndicator {
                location: Location::User,
                description: ProgressDescription::InBand,
            }],
            restart: Some(RestartIndicator::SingleInterface),
            ..Elements::default()
        };
        let words = elements.words();
        assert_eq!(
            words[0],
            "Cause: 99 (information element/parameter non-existent or not implemented), \
             public network serving the local user, diagnostics 1C"
        );
        assert_eq!(
            words[1..],
            [
                "Call state: 10",
                "Channel identification: any, preferred",
                "Progress indicator: 8, in-band information, user",
                "Restart indicator: single interface",
            ]
        );
    }

    #[test]
    fn wrong_elements_are_named_by_their_identifiers() {
        let faults = Faults {
            not_comprehended: vec![0x0A],
            unrecognized: vec![0x5F],
            malformed: vec![0x18],
        };
        assert_eq!(
            faults.words(),
            [
                "Element 0x0a is not known and should be",
                "Element 0x5f is not known",
                "Element 0x18 cannot be used",
            ]
        );
    }
}
