//! Message types (Q.931 table 4-2).

use std::fmt;

use super::MAINTENANCE;

macro_rules! kinds {
    ($($name:ident = $octet:literal, $text:literal;)*) => {
        /// What a message says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum MessageType {
            $(#[doc = $text] $name,)*
            /// SERVICE, with its protocol discriminator.
            Service(u8),
            /// SERVICE ACKNOWLEDGE, with its protocol discriminator.
            ServiceAcknowledge(u8),
            /// Anything else.
            Unknown(u8),
        }

        impl MessageType {
            pub(super) fn from_octet(octet: u8) -> Self {
                match octet {
                    $($octet => Self::$name,)*
                    other => Self::Unknown(other),
                }
            }

            /// The octet on the line.
            pub(super) fn octet(self) -> u8 {
                match self {
                    $(Self::$name => $octet,)*
                    Self::Service(_) => 0x0F,
                    Self::ServiceAcknowledge(_) => 0x07,
                    Self::Unknown(octet) => octet,
                }
            }
        }

        impl fmt::Display for MessageType {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name => f.write_str($text),)*
                    Self::Service(_) => f.write_str("SERVICE"),
                    Self::ServiceAcknowledge(_) => f.write_str("SERVICE ACKNOWLEDGE"),
                    Self::Unknown(octet) => write!(f, "message {octet:#04x}"),
                }
            }
        }
    };
}

kinds! {
    Alerting = 0x01, "ALERTING";
    CallProceeding = 0x02, "CALL PROCEEDING";
    Progress = 0x03, "PROGRESS";
    Setup = 0x05, "SETUP";
    Connect = 0x07, "CONNECT";
    SetupAcknowledge = 0x0D, "SETUP ACKNOWLEDGE";
    ConnectAcknowledge = 0x0F, "CONNECT ACKNOWLEDGE";
    UserInformation = 0x20, "USER INFORMATION";
    SuspendReject = 0x21, "SUSPEND REJECT";
    ResumeReject = 0x22, "RESUME REJECT";
    Hold = 0x24, "HOLD";
    Suspend = 0x25, "SUSPEND";
    Resume = 0x26, "RESUME";
    HoldReject = 0x30, "HOLD REJECT";
    Retrieve = 0x31, "RETRIEVE";
    RetrieveReject = 0x37, "RETRIEVE REJECT";
    Disconnect = 0x45, "DISCONNECT";
    Restart = 0x46, "RESTART";
    Release = 0x4D, "RELEASE";
    RestartAcknowledge = 0x4E, "RESTART ACKNOWLEDGE";
    ReleaseComplete = 0x5A, "RELEASE COMPLETE";
    Segment = 0x60, "SEGMENT";
    Facility = 0x62, "FACILITY";
    Register = 0x64, "REGISTER";
    Notify = 0x6E, "NOTIFY";
    StatusEnquiry = 0x75, "STATUS ENQUIRY";
    CongestionControl = 0x79, "CONGESTION CONTROL";
    Information = 0x7B, "INFORMATION";
    Status = 0x7D, "STATUS";
}

impl MessageType {
    pub(super) fn from_maintenance(octet: u8, protocol: u8) -> Option<Self> {
        match octet {
            0x0F => Some(Self::Service(protocol)),
            0x07 => Some(Self::ServiceAcknowledge(protocol)),
            _ => None,
        }
    }

    /// The protocol discriminator, if it is not that of call control.
    pub(super) fn protocol(self) -> Option<u8> {
        match self {
            Self::Service(protocol) | Self::ServiceAcknowledge(protocol) => {
                debug_assert!(MAINTENANCE.contains(&protocol));
                Some(protocol)
            }
            _ => None,
        }
    }
}
