//! Legs: one end of a call each, whatever kind of line it is on.
//!
//! A call's task commands its legs through [`Leg`] and waits for their [`LegEvent`]s; it knows neither SIP nor any line
//! signalling. Each kind of line has one implementation: [`SipLeg`](sip::SipLeg) for phones, [`LineLeg`](line::LineLeg)
//! for analogue lines, [`DigitalLeg`](digital::DigitalLeg) for timeslots of E1 trunks, [`OutwardLeg`](outward::OutwardLeg) for whatever way leads out.
//!
//! A leg handed to a call is either an incoming one, which the call refuses or answers, or an outgoing one, which rings
//! from the moment it is made. Dropping a leg hangs it up.

mod cause;
pub(crate) mod digital;
pub(crate) mod fax;
pub(crate) mod line;
pub(crate) mod outward;
pub(crate) mod sip;
mod transfer;

use std::future::poll_fn;
use std::task::{Context, Poll};

pub(crate) use cause::{Cause, from_reason_header};
use ramal_media::{Channel, Codec, HandshakeFault};
use ramal_model::LegKind;
pub(crate) use transfer::{Transfer, TransferNews};

use crate::call::{Newcomer, Replacing};
use crate::sip::LegKey;

/// Which ways media may flow between the gateway and the far end of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MediaFlow {
    /// From the gateway to the far end.
    pub(crate) send: bool,
    /// From the far end to the gateway.
    pub(crate) receive: bool,
}

impl MediaFlow {
    /// Both ways.
    pub(crate) const BOTH: Self = Self {
        send: true,
        receive: true,
    };

    /// What the other leg of a call is told when this one flows this way: it hears what is received here, and is heard
    /// where can be sent to here.
    pub(crate) fn across(self) -> Self {
        Self {
            send: self.receive,
            receive: self.send,
        }
    }

    /// Only the ways that both allow.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            send: self.send && other.send,
            receive: self.receive && other.receive,
        }
    }
}

/// How keys get to the far end of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DigitWay {
    /// As telephone events among the packets (RFC 4733), which a bridge between RTP streams carries.
    Events,
    /// By signalling.
    Signalling,
    /// As tones, which a bridge carries as any sound.
    Tones,
}

/// What a leg reports.
#[derive(Debug)]
pub(crate) enum LegEvent {
    /// The call goes to one of the servers it may go to; none has shown yet that it has it.
    Searching,
    /// The far end's equipment has the call; nobody is alerted yet.
    Proceeding,
    /// The leg tries one way out after the other; this is what it did.
    Attempt(outward::Attempt),
    /// The far end is being alerted; it sends no media of its own.
    Ringing,
    /// The far end sends media before it answers: tones or announcements.
    Progress,
    /// The far end has taken the call, and media is agreed.
    Answered,
    /// The far end will not take the call.
    Rejected(Cause),
    /// The far end has put the call on hold or taken it back.
    MediaFlow(MediaFlow),
    /// The far end pressed a key, told by signalling and not in the media.
    Digit(char),
    /// The far end pressed a key, told in the media (RFC 4733). A bridge to another RTP stream carries it; a line has to be
    /// told.
    MediaDigit(char),
    /// The far end pressed a key, heard as its tones. Whoever hears the far end hears them, too, unless they are muted
    /// ([`Leg::mute_keys`]).
    ToneDigit(char),
    /// The far end wants the call to become a fax.
    FaxOffered(fax::FaxOffer),
    /// The far end has been asked to fax, and does so in this way, or does not.
    FaxAnswered(Option<fax::Fax>),
    /// The far end is back at voice.
    FaxEnded,
    /// The far end is an answering machine or a mailbox.
    MachineHeard,
    /// No media comes from the far end any more.
    MediaTimeout,
    /// The far end and we found no keys for media, so there is none.
    Unsecured(HandshakeFault),
    /// The far end wants the other end of the call to be passed on.
    Transfer(Box<Transfer>),
    /// Somebody else is to take the far end's place.
    Replaced(Replacing),
    /// Somebody wants to talk with both ends of its call. Dropping him hangs him up.
    Joined(Box<Newcomer>),
    /// The leg is over.
    HungUp(Cause),
}

/// Why a leg is hung up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    /// For this cause.
    Cause(Cause),
    /// The called side does not want the call, which is more than that there is no way (RFC 3398 §7.2.4.1, cause 21 of a user).
    Declined,
    /// Another device of the called party has taken the call: not a missed call (RFC 3326 §2).
    AnsweredElsewhere,
}

impl Release {
    /// The cause that says it best where only causes are known.
    pub(crate) fn cause(self) -> Cause {
        match self {
            Self::Cause(cause) => cause,
            Self::Declined => Cause::CALL_REJECTED,
            Self::AnsweredElsewhere => Cause::NON_SELECTED_USER_CLEARING,
        }
    }
}

/// One end of a call.
pub(crate) trait Leg: Send + Sync {
    /// Tells the far end that the called party is being alerted.
    fn alert(&mut self);

    /// Lets the far end hear media before the call is answered, in the codec `prefer` if it can.
    ///
    /// # Errors
    /// The cause to refuse the call with: no common codec, or no port left.
    fn progress(&mut self, prefer: Option<Codec>) -> Result<(), Cause>;

    /// Whether the far end can hear by [`Leg::progress`] why its call is going to be refused, without the call counting as
    /// accepted.
    fn hears_refusals(&self) -> bool {
        false
    }

    /// Takes the call of the far end, in the codec `prefer` if it can.
    ///
    /// # Errors
    /// The cause to refuse the call with: no common codec, or no port left.
    fn answer(&mut self, prefer: Option<Codec>) -> Result<(), Cause>;

    /// Tells the far end that the other end of the call has put it on hold, or taken it back.
    fn set_media_flow(&mut self, flow: MediaFlow);

    /// Passes on a key that was told by signalling.
    fn send_digit(&mut self, digit: char);

    /// Lets nobody hear the tones of keys that the far end presses, or everybody again; false when it cannot. Muted keys
    /// are told as [`LegEvent::ToneDigit`] all the same, and whoever asks for it passes them on in another way.
    fn mute_keys(&mut self, _mute: bool) -> bool {
        false
    }

    /// From now on tells by [`LegEvent::MachineHeard`] when an answering machine speaks at the far end.
    fn listen_for_machine(&mut self) {}

    /// Asks the far end to fax; false when it cannot be asked. Otherwise [`LegEvent::FaxAnswered`] follows.
    fn offer_fax(&mut self, _fax: &fax::Fax) -> bool {
        false
    }

    /// Lets the far end fax as it offered; the other end does so in this way.
    fn answer_fax(&mut self, offer: fax::FaxOffer, _fax: &fax::Fax) {
        drop(offer);
    }

    /// Takes the far end back to voice.
    fn end_fax(&mut self) {}

    /// Ends the leg in whatever way its state needs. Nothing but [`LegEvent::HungUp`] follows.
    fn hang_up(&mut self, release: Release);

    /// The next event. [`LegEvent::Rejected`] and [`LegEvent::HungUp`] are the last.
    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<LegEvent>;

    /// The leg's end of the media, once there is any.
    fn stream(&self) -> Option<&Channel>;

    /// The codecs the far end offered or agreed to, best first.
    fn codecs(&self) -> &[Codec];

    /// The codec media flows in, once agreed.
    fn codec(&self) -> Option<Codec>;

    /// How its media is encrypted, once agreed; none in clear.
    fn encryption(&self) -> Option<&'static str> {
        None
    }

    /// What kind of line it is.
    fn kind(&self) -> LegKind;

    /// What the SIP agent knows it by, if it is a SIP leg.
    fn key(&self) -> Option<LegKey> {
        None
    }

    /// Which device it is, in words for the call record.
    fn device(&self) -> &str;

    /// How keys pressed at the other end get through.
    fn digit_way(&self) -> DigitWay {
        DigitWay::Tones
    }

    /// The name of the trunk it goes over, when it does.
    fn trunk(&self) -> Option<&str> {
        None
    }

    /// Whether whoever is at the far end wants his number withheld.
    fn is_private(&self) -> bool {
        false
    }
}

/// Waits for a leg's next event.
pub(crate) async fn event(leg: &mut dyn Leg) -> LegEvent {
    poll_fn(|context| leg.poll_event(context)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hold_reaches_the_other_end_as_hold() {
        // The holding phone offers sendonly: it may be heard, and takes nothing.
        let holding = MediaFlow {
            send: false,
            receive: true,
        };
        let told = holding.across();
        assert!(told.send && !told.receive);
        // Both ends hold: nothing flows.
        assert_eq!(
            told.and(holding),
            MediaFlow {
                send: false,
                receive: false
            }
        );
    }
}
