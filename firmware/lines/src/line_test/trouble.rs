//! What may be wrong with a line, and what to do about it.

use ramal_analog::LineTestFault;
use serde::Serialize;
use utoipa::ToSchema;

/// Something that is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineTrouble {
    /// The card is in alarm or gone.
    Hardware,
    /// There is no battery.
    NoBattery,
    /// There is battery, and no current flows in the closed loop.
    NoCurrent,
    /// Somebody called during the test.
    Rings,
    /// The exchange is silent.
    NoDialTone,
    /// The exchange gives another tone than dial tone.
    OtherTone,
    /// Dial tone goes on whatever is dialled.
    KeysNotTaken,
    /// The line is not silent when it should be, so its echo is not known.
    Disturbed,
    /// Nobody has called.
    NobodyCalled,
    /// The other port did not ring.
    PartnerNotReached,
    /// The other port was in use.
    PartnerBusy,
    /// No tone was heard after the call.
    NoHangUpTone,
    /// It was stopped.
    Stopped,
    /// The settings could not be saved.
    NotSaved,
}

impl From<LineTestFault> for LineTrouble {
    fn from(fault: LineTestFault) -> Self {
        match fault {
            LineTestFault::Hardware => LineTrouble::Hardware,
            LineTestFault::NoBattery => LineTrouble::NoBattery,
            LineTestFault::NoCurrent => LineTrouble::NoCurrent,
            LineTestFault::Rings => LineTrouble::Rings,
            LineTestFault::NoDialTone => LineTrouble::NoDialTone,
            LineTestFault::OtherTone => LineTrouble::OtherTone,
            LineTestFault::KeysNotTaken => LineTrouble::KeysNotTaken,
            LineTestFault::Disturbed => LineTrouble::Disturbed,
            LineTestFault::NobodyCalled => LineTrouble::NobodyCalled,
            LineTestFault::NoHangUpTone => LineTrouble::NoHangUpTone,
            LineTestFault::Stopped => LineTrouble::Stopped,
        }
    }
}

impl LineTrouble {
    /// What is to be done about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            LineTrouble::Hardware => {
                "The card of this port is in alarm or gone: check that it sits in its slot and that its driver is loaded."
            }
            LineTrouble::NoBattery => {
                "There is no voltage on the line: check the plug and the cable; if a telephone is dead on it, too, tell the carrier."
            }
            LineTrouble::NoCurrent => {
                "There is voltage but no current when the line is taken: check the cable for a bad contact, and that no \
                 telephone or alarm panel is in front of the gateway; if a telephone does not work either, tell the carrier."
            }
            LineTrouble::Rings => {
                "Somebody called during the test, and the call was let through: test again later."
            }
            LineTrouble::NoDialTone => {
                "The line was taken and the exchange stayed silent for 10 seconds: try a telephone on it; if it is \
                 silent, too, tell the carrier, otherwise check the cable between socket and gateway."
            }
            LineTrouble::OtherTone => {
                "The exchange gives another tone than dial tone: the line may be blocked or out of service, or a device \
                 before the gateway has it; try a telephone on it."
            }
            LineTrouble::KeysNotTaken => {
                "Dial tone goes on whatever is dialled: choose another quiet key that begins a number here, and check \
                 that the line may make calls."
            }
            LineTrouble::Disturbed => {
                "Something is heard on the line when it should be silent, so its echo could not be measured: choose a \
                 quiet key after which the exchange says nothing, and check for hum or a radio station on the line."
            }
            LineTrouble::NobodyCalled => {
                "Nobody called the line within two minutes: start the test again and call it from a mobile telephone."
            }
            LineTrouble::PartnerNotReached => {
                "The other port did not ring: check that the number is that of its line, and that both lines work."
            }
            LineTrouble::PartnerBusy => {
                "The other port was in use: test again when it is free, or choose another one."
            }
            LineTrouble::NoHangUpTone => {
                "No repeated tone was heard within 20 seconds after the call: if the line shows polarity or an \
                 interruption that is enough; otherwise set the silence after which calls end."
            }
            LineTrouble::Stopped => "The test was stopped: start it again.",
            LineTrouble::NotSaved => {
                "What was found could not be saved as the port's settings: look into the log and save them by hand."
            }
        }
    }

    /// Whether nothing that was found may be trusted to set the port by.
    pub(super) fn is_fatal(self) -> bool {
        !matches!(
            self,
            LineTrouble::Disturbed
                | LineTrouble::NobodyCalled
                | LineTrouble::PartnerNotReached
                | LineTrouble::PartnerBusy
                | LineTrouble::NoHangUpTone
        )
    }
}

/// A fault with what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TroubleReport {
    /// What is wrong.
    pub trouble: LineTrouble,
    /// What to do, in English.
    #[schema(value_type = String)]
    pub advice: &'static str,
}
