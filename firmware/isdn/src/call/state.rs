//! Call states (Q.931 §2.1, §2.2).

use std::fmt;

use crate::settings::Role;

/// States as the standard names them, for both sides: U0 to U25 and N0 to N25. What a state means depends on the side:
/// "outgoing" and "incoming" are as the user sees them (§2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallState {
    role: Role,
    number: StateNumber,
}

/// Numbers of Q.931 §4.5.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum StateNumber {
    /// Null.
    Null = 0,
    /// Call initiated.
    CallInitiated = 1,
    /// Overlap sending.
    OverlapSending = 2,
    /// Outgoing call proceeding.
    OutgoingCallProceeding = 3,
    /// Call delivered.
    CallDelivered = 4,
    /// Call present.
    CallPresent = 6,
    /// Call received.
    CallReceived = 7,
    /// Connect request.
    ConnectRequest = 8,
    /// Incoming call proceeding.
    IncomingCallProceeding = 9,
    /// Active.
    Active = 10,
    /// Disconnect request.
    DisconnectRequest = 11,
    /// Disconnect indication.
    DisconnectIndication = 12,
    /// Release request.
    ReleaseRequest = 19,
    /// Overlap receiving.
    OverlapReceiving = 25,
}

impl CallState {
    /// No call.
    pub(crate) fn null(role: Role) -> Self {
        Self {
            role,
            number: StateNumber::Null,
        }
    }

    /// The state's number.
    pub fn number(self) -> StateNumber {
        self.number
    }

    /// The value of a Call state element.
    pub(crate) fn value(self) -> u8 {
        self.number as u8
    }
}

impl fmt::Display for CallState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.role {
            Role::User => 'U',
            Role::Network => 'N',
        };
        write!(f, "{letter}{}", self.value())
    }
}

/// Where a call is. One machine serves both sides, because their procedures (§5.1 and §5.2) mirror each other; the
/// standard's name is found with the side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    /// We have sent SETUP: U1, N6.
    SetupSent,
    /// The peer wants more digits: U2, N25.
    SendingDigits,
    /// The peer has all it needs: U3, N9.
    PeerProceeding,
    /// The peer alerts: U4, N7.
    PeerAlerting,
    /// The peer has sent SETUP: U6, N1.
    SetupReceived,
    /// We want more digits: U25, N2.
    ReceivingDigits,
    /// We have all we need: U9, N3.
    Proceeding,
    /// We alert: U7, N4.
    Alerting,
    /// We have sent CONNECT and wait for its acknowledgement, as the user does: U8.
    ConnectSent,
    /// U10, N10.
    Active,
    /// We have sent DISCONNECT: U11, N12.
    DisconnectSent,
    /// The peer has sent DISCONNECT, and there is something to hear: U12, N11.
    DisconnectReceived,
    /// We have sent RELEASE: U19, N19.
    ReleaseSent,
    /// It is over.
    Over,
}

impl Stage {
    pub(crate) fn state(self, role: Role) -> CallState {
        use StateNumber as S;
        let (user, network) = match self {
            Self::SetupSent => (S::CallInitiated, S::CallPresent),
            Self::SendingDigits => (S::OverlapSending, S::OverlapReceiving),
            Self::PeerProceeding => (S::OutgoingCallProceeding, S::IncomingCallProceeding),
            Self::PeerAlerting => (S::CallDelivered, S::CallReceived),
            Self::SetupReceived => (S::CallPresent, S::CallInitiated),
            Self::ReceivingDigits => (S::OverlapReceiving, S::OverlapSending),
            Self::Proceeding => (S::IncomingCallProceeding, S::OutgoingCallProceeding),
            Self::Alerting => (S::CallReceived, S::CallDelivered),
            Self::ConnectSent => (S::ConnectRequest, S::Active),
            Self::Active => (S::Active, S::Active),
            Self::DisconnectSent => (S::DisconnectRequest, S::DisconnectIndication),
            Self::DisconnectReceived => (S::DisconnectIndication, S::DisconnectRequest),
            Self::ReleaseSent => (S::ReleaseRequest, S::ReleaseRequest),
            Self::Over => (S::Null, S::Null),
        };
        let number = match role {
            Role::User => user,
            Role::Network => network,
        };
        CallState { role, number }
    }

    /// Whether the call has begun to end.
    pub(crate) fn is_clearing(self) -> bool {
        matches!(
            self,
            Self::DisconnectSent | Self::DisconnectReceived | Self::ReleaseSent | Self::Over
        )
    }

    /// Whether a state the peer tells can go with this one (§5.8.11). Messages may cross, so only what no message on its
    /// way can mend is a mismatch: one side talks and the other has not even been asked to.
    pub(crate) fn fits(self, peer: u8) -> bool {
        match self {
            Self::Active => !matches!(peer, 1..=4 | 6 | 7 | 9 | 25),
            Self::SendingDigits
            | Self::PeerProceeding
            | Self::PeerAlerting
            | Self::ReceivingDigits
            | Self::Proceeding
            | Self::Alerting => peer != 10,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_a_call_have_the_standards_pairs_of_states() {
        for (ours, theirs) in [
            (Stage::SetupSent, Stage::SetupReceived),
            (Stage::SendingDigits, Stage::ReceivingDigits),
            (Stage::PeerProceeding, Stage::Proceeding),
            (Stage::PeerAlerting, Stage::Alerting),
            (Stage::DisconnectSent, Stage::DisconnectReceived),
            (Stage::ReleaseSent, Stage::ReleaseSent),
            (Stage::Active, Stage::Active),
        ] {
            for (one, other) in [(Role::User, Role::Network), (Role::Network, Role::User)] {
                assert_eq!(ours.state(one).number(), theirs.state(other).number());
            }
        }
        let user = Stage::Alerting.state(Role::User);
        assert_eq!(user.to_string(), "U7");
        assert_eq!(Stage::Alerting.state(Role::Network).to_string(), "N4");
    }
}
