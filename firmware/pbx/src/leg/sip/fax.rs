//! A leg whose phone turns the call into a fax, or is asked to.

use std::net::SocketAddr;

use super::{SipLeg, State, send};
use crate::leg::fax::{Fax, FaxOffer};
use crate::leg::{Cause, LegEvent};
use crate::sip::Command;

/// How far a leg is with a fax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaxState {
    /// The leg carries voice.
    Voice,
    /// The phone was asked to fax.
    Offering,
    /// The leg carries a fax.
    Faxing,
}

impl SipLeg {
    /// The phone offers to fax.
    pub(super) fn fax_offered(&mut self, fax: Fax) -> LegEvent {
        let (commands, leg) = (self.lines.commands.clone(), self.key);
        let status = Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED.sip_status();
        let refuse = move || send(&commands, Command::RefuseOffer { leg, status });
        LegEvent::FaxOffered(FaxOffer::new(fax, refuse))
    }

    /// Asks the phone to fax; false when it cannot be asked now.
    pub(super) fn ask_to_fax(&mut self, fax: &Fax) -> bool {
        if self.state != State::Established
            || !self.negotiation.may_fax()
            || self.fax != FaxState::Voice
        {
            return false;
        }
        let port = self.port();
        let sdp = self.negotiation.offer_fax(fax, port);
        self.fax = FaxState::Offering;
        self.send(Command::Offer { leg: self.key, sdp });
        true
    }

    /// The phone has answered whether it faxes.
    pub(super) fn fax_answered(&mut self, sdp: Option<&[u8]>) -> LegEvent {
        self.fax = FaxState::Voice;
        let answer = sdp.and_then(|sdp| self.negotiation.take_fax_answer(sdp));
        if sdp.is_none() {
            self.negotiation.forget_offer();
        }
        LegEvent::FaxAnswered(answer.map(|(fax, address)| {
            self.start_fax(address);
            fax
        }))
    }

    /// Answers the phone's fax offer with what the other end can do.
    pub(super) fn take_fax(&mut self, offer: FaxOffer, fax: &Fax) {
        let port = self.port();
        if let Some((sdp, address)) = self.negotiation.answer_fax(fax, port) {
            offer.taken();
            self.send(Command::AnswerOffer { leg: self.key, sdp });
            self.start_fax(address);
        }
    }

    fn start_fax(&mut self, address: SocketAddr) {
        self.fax = FaxState::Faxing;
        if let Some(stream) = &self.stream
            && let Err(error) = stream.set_fax(address)
        {
            tracing::error!(%error, "cannot direct the fax of a call");
        }
    }

    /// The other end is back at voice.
    pub(super) fn return_to_voice(&mut self) {
        if self.fax == FaxState::Faxing && !self.negotiation.is_offering() {
            self.fax = FaxState::Voice;
            self.told = self.wanted;
            let port = self.port();
            let codecs: Vec<_> = self.negotiation.codec().into_iter().collect();
            let sdp = self.negotiation.offer(&codecs, self.wanted, port);
            self.send(Command::Offer { leg: self.key, sdp });
        }
    }
}
