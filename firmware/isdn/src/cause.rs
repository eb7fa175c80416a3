//! Why a call ends: cause values of Q.850.

use std::fmt;

/// A cause value of Q.850 §2.2.6, 1 to 127.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cause(u8);

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $text:literal;)*) => {
        impl Cause {
            $($(#[$doc])* #[doc = $text] pub const $name: Cause = Cause($value);)*

            /// The value's name in Q.850; `None` for values it does not define.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

causes! {
    UNALLOCATED_NUMBER = 1, "unallocated (unassigned) number";
    NO_ROUTE_TO_TRANSIT_NETWORK = 2, "no route to specified transit network";
    NO_ROUTE_TO_DESTINATION = 3, "no route to destination";
    SEND_SPECIAL_INFORMATION_TONE = 4, "send special information tone";
    MISDIALLED_TRUNK_PREFIX = 5, "misdialled trunk prefix";
    CHANNEL_UNACCEPTABLE = 6, "channel unacceptable";
    CALL_AWARDED = 7, "call awarded and being delivered in an established channel";
    PREEMPTION = 8, "preemption";
    NORMAL_CLEARING = 16, "normal call clearing";
    USER_BUSY = 17, "user busy";
    NO_USER_RESPONDING = 18, "no user responding";
    NO_ANSWER = 19, "no answer from user (user alerted)";
    SUBSCRIBER_ABSENT = 20, "subscriber absent";
    CALL_REJECTED = 21, "call rejected";
    NUMBER_CHANGED = 22, "number changed";
    REDIRECTION = 23, "redirection to new destination";
    EXCHANGE_ROUTING_ERROR = 25, "exchange routing error";
    NON_SELECTED_USER_CLEARING = 26, "non-selected user clearing";
    DESTINATION_OUT_OF_ORDER = 27, "destination out of order";
    INVALID_NUMBER_FORMAT = 28, "invalid number format (address incomplete)";
    FACILITY_REJECTED = 29, "facility rejected";
    RESPONSE_TO_STATUS_ENQUIRY = 30, "response to STATUS ENQUIRY";
    NORMAL_UNSPECIFIED = 31, "normal, unspecified";
    NO_CHANNEL_AVAILABLE = 34, "no circuit/channel available";
    NETWORK_OUT_OF_ORDER = 38, "network out of order";
    TEMPORARY_FAILURE = 41, "temporary failure";
    SWITCHING_EQUIPMENT_CONGESTION = 42, "switching equipment congestion";
    ACCESS_INFORMATION_DISCARDED = 43, "access information discarded";
    REQUESTED_CHANNEL_NOT_AVAILABLE = 44, "requested circuit/channel not available";
    RESOURCE_UNAVAILABLE = 47, "resource unavailable, unspecified";
    FACILITY_NOT_SUBSCRIBED = 50, "requested facility not subscribed";
    OUTGOING_CALLS_BARRED = 53, "outgoing calls barred within CUG";
    INCOMING_CALLS_BARRED = 55, "incoming calls barred within CUG";
    BEARER_CAPABILITY_NOT_AUTHORIZED = 57, "bearer capability not authorized";
    BEARER_CAPABILITY_NOT_AVAILABLE = 58, "bearer capability not presently available";
    SERVICE_NOT_AVAILABLE = 63, "service or option not available, unspecified";
    BEARER_CAPABILITY_NOT_IMPLEMENTED = 65, "bearer capability not implemented";
    FACILITY_NOT_IMPLEMENTED = 69, "requested facility not implemented";
    ONLY_RESTRICTED_DIGITAL = 70, "only restricted digital information bearer capability is available";
    SERVICE_NOT_IMPLEMENTED = 79, "service or option not implemented, unspecified";
    INVALID_CALL_REFERENCE = 81, "invalid call reference value";
    IDENTIFIED_CHANNEL_DOES_NOT_EXIST = 82, "identified channel does not exist";
    NOT_A_MEMBER_OF_CUG = 87, "user not member of CUG";
    INCOMPATIBLE_DESTINATION = 88, "incompatible destination";
    INVALID_MESSAGE = 95, "invalid message, unspecified";
    MANDATORY_ELEMENT_MISSING = 96, "mandatory information element is missing";
    MESSAGE_TYPE_UNKNOWN = 97, "message type non-existent or not implemented";
    MESSAGE_NOT_COMPATIBLE_OR_UNKNOWN = 98, "message not compatible with call state or message type non-existent or not implemented";
    ELEMENT_UNKNOWN = 99, "information element/parameter non-existent or not implemented";
    INVALID_ELEMENT_CONTENTS = 100, "invalid information element contents";
    MESSAGE_NOT_COMPATIBLE = 101, "message not compatible with call state";
    RECOVERY_ON_TIMER_EXPIRY = 102, "recovery on timer expiry";
    PROTOCOL_ERROR = 111, "protocol error, unspecified";
    INTERWORKING = 127, "interworking, unspecified";
}

impl Cause {
    /// The cause of a value; `None` unless it is 1 to 127.
    pub fn new(value: u8) -> Option<Self> {
        (1..=127).contains(&value).then_some(Self(value))
    }

    /// The value, 1 to 127.
    pub fn value(self) -> u8 {
        self.0
    }

    /// What to act upon: a value that Q.850 does not define stands for the "unspecified" one of its class.
    pub fn normalized(self) -> Self {
        if self.name().is_some() {
            return self;
        }
        Self(match self.0 >> 4 {
            0 | 1 => 31,
            2 => 47,
            3 => 63,
            4 => 79,
            5 => 95,
            6 => 111,
            _ => 127,
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.name().unwrap_or("not defined"))
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
