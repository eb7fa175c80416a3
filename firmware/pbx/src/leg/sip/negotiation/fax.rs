//! Offer and answer of a fax in the place of the audio stream.

use std::net::SocketAddr;

use bytes::Bytes;
use ramal_sip::sdp::{self, ImageDescription};

use super::Negotiation;
use crate::leg::fax::Fax;

impl Negotiation {
    /// Offers the phone to fax. What was agreed about audio stays for afterwards.
    pub(in crate::leg::sip) fn offer_fax(&mut self, fax: &Fax, port: u16) -> Bytes {
        self.offering = true;
        self.local.offer_image(&self.image(fax, port))
    }

    /// Reads a fax offer of the phone; `None` when it offers audio, or nothing that can be read.
    pub(in crate::leg::sip) fn take_fax_offer(&mut self, body: &[u8]) -> Option<Fax> {
        let description = sdp::parse(body).ok()?;
        let image = description.image()?;
        if description.audio().is_some() || !self.protector.allows_clear() {
            // With audio the call stays a voice call, and the answer refuses the fax stream.
            return None;
        }
        let fax = Fax {
            attributes: image.attributes.clone(),
        };
        self.fax_offer = Some(Box::new((description, image)));
        Some(fax)
    }

    /// Answers the phone's fax offer; the answer, and where the phone takes its fax. `None` when there is none.
    pub(in crate::leg::sip) fn answer_fax(
        &mut self,
        fax: &Fax,
        port: u16,
    ) -> Option<(Bytes, SocketAddr)> {
        let (description, theirs) = *self.fax_offer.take()?;
        let ours = self.image(fax, port);
        let sdp = self.local.answer_image(&description, &ours);
        Some((sdp, theirs.address()))
    }

    /// Takes the phone's answer to our fax offer: what it can do, and where it takes its fax. `None` when it refuses.
    pub(in crate::leg::sip) fn take_fax_answer(
        &mut self,
        body: &[u8],
    ) -> Option<(Fax, SocketAddr)> {
        self.offering = false;
        let image = sdp::parse(body).ok()?.image()?;
        let address = image.address();
        let fax = Fax {
            attributes: image.attributes,
        };
        Some((fax, address))
    }

    /// Whether the phone may be asked to fax.
    pub(in crate::leg::sip) fn may_fax(&self) -> bool {
        !self.offering && self.protector.allows_clear()
    }

    fn image(&self, fax: &Fax, port: u16) -> ImageDescription {
        ImageDescription {
            addr: self.address,
            port,
            attributes: fax.attributes.clone(),
        }
    }
}
