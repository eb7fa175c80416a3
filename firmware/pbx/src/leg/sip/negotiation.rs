//! Offer and answer of one leg (RFC 3264): one audio stream, telephone events.
//!
//! Both legs of a call are led to one codec where they share one. Where they do not, the media engine transcodes
//! between any two it can decode; formats it only carries are agreed on when the other leg speaks nothing else.

mod codecs;
mod fax;

use std::net::IpAddr;

use bytes::Bytes;
use ramal_media::{Codec, IceParameters, Remote};
use ramal_sip::sdp::{
    self, AudioDescription, Direction, ImageDescription, Local, SessionDescription,
};

use super::media::MediaSettings;
use super::protection::Protector;
use crate::leg::{Cause, DigitWay, MediaFlow};

/// Payload type under which we offer telephone events; the one most phones use.
const TELEPHONE_EVENT: u8 = 101;
/// Milliseconds of audio in a packet.
const PTIME: u16 = 20;

/// The phone's offer, and the stream of it that we take.
struct Offered {
    description: SessionDescription,
    /// Which of its media lines it is.
    at: usize,
    audio: AudioDescription,
}

/// What was said about a leg's media, and what follows from it.
pub(super) struct Negotiation {
    address: IpAddr,
    media: MediaSettings,
    local: Local,
    protector: Protector,
    /// The phone's offer that waits for our answer.
    pending: Option<Box<Offered>>,
    /// The phone's offer to fax that waits for our answer.
    fax_offer: Option<Box<(SessionDescription, ImageDescription)>>,
    /// Our offer that waits for the phone's answer.
    offering: bool,
    /// The codecs in it.
    offered: Vec<Codec>,
    /// How we described ourselves last.
    ours: Option<AudioDescription>,
    /// How the phone described itself last.
    theirs: Option<AudioDescription>,
    /// What the phone can do, best first.
    codecs: Vec<Codec>,
    /// What media flows in.
    codec: Option<Codec>,
}

impl Negotiation {
    /// `address` is where the phone is to send media to, `identity` the fingerprint of our certificate for browsers.
    pub(super) fn new(address: IpAddr, media: MediaSettings, identity: Option<[u8; 32]>) -> Self {
        Self {
            address,
            protector: Protector::new(media.encryption, media.browser, identity),
            media,
            local: Local::new(rand::random()),
            pending: None,
            fax_offer: None,
            offering: false,
            offered: Vec::new(),
            ours: None,
            theirs: None,
            codecs: Vec::new(),
            codec: None,
        }
    }

    /// Makes our offer: the codecs given first, then the others that we have.
    pub(super) fn offer(&mut self, codecs: &[Codec], flow: MediaFlow, port: u16) -> Bytes {
        self.prepare_offer(codecs, flow, port);
        // Just made.
        self.ours
            .as_ref()
            .map(|ours| self.local.offer(ours))
            .unwrap_or_default()
    }

    /// Makes an offer to be printed when it is known from which address: [`Self::offer_from`] does.
    pub(super) fn prepare_offer(&mut self, codecs: &[Codec], flow: MediaFlow, port: u16) {
        let offered = codecs::to_offer(&self.media, codecs);
        // Telephone events keep the number they have in this session (RFC 3264 §8.3.2).
        let event = self
            .ours
            .as_ref()
            .and_then(|ours| ours.telephone_event)
            .unwrap_or(TELEPHONE_EVENT);
        let mut ours =
            AudioDescription::new(self.address, port, codecs::described(&offered, event))
                .with_direction(direction(flow))
                .with_ptime(PTIME);
        ours = self.protector.offer().describe(ours);
        if self.media.digits == DigitWay::Events {
            ours = ours.with_telephone_event(event);
        }
        self.offering = true;
        self.offered = offered;
        self.ours = Some(ours);
    }

    /// Has the next offer ask for encryption alone. False when that is nothing new.
    pub(super) fn insist_on_encryption(&mut self) -> bool {
        self.protector.insist()
    }

    /// Prints the offer prepared as told from an address: which one it is, is known only when the way to the phone is.
    pub(super) fn offer_from(&self) -> impl Fn(IpAddr) -> Option<Bytes> + Send + use<> {
        let (local, ours) = (self.local.clone(), self.ours.clone());
        move |address| {
            let ours = AudioDescription {
                addr: address,
                ..ours.clone()?
            };
            Some(local.clone().offer(&ours))
        }
    }

    /// The way to the phone is known now.
    pub(super) fn set_address(&mut self, address: IpAddr) {
        self.address = address;
        if let Some(ours) = &mut self.ours {
            ours.addr = address;
            // The version counts what the phone is told.
            self.local.offered(ours);
        }
    }

    /// Takes the phone's offer.
    ///
    /// # Errors
    /// It cannot be read, or has no audio that we speak; an earlier description stays in force.
    pub(super) fn take_offer(&mut self, sdp: &[u8]) -> Result<(), Cause> {
        let none = Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED;
        let description = sdp::parse(sdp).map_err(|_| none)?;
        let usable = |(_, audio): &(usize, AudioDescription)| !self.known(audio).is_empty();
        let streams = description.audios().filter(usable);
        let (at, audio) = self.protector.choose(streams).ok_or(none)?;
        self.codecs = self.known(&audio);
        self.pending = Some(Box::new(Offered {
            description,
            at,
            audio,
        }));
        Ok(())
    }

    /// The phone called without an offer: ours will have to do.
    pub(super) fn no_offer(&mut self) {
        self.codecs = self.media.codecs.clone();
    }

    /// Whether an offer of the phone waits for an answer.
    pub(super) fn has_offer(&self) -> bool {
        self.pending.is_some()
    }

    /// Answers the phone's offer with one codec: `prefer` if the phone can, else the phone's own choice of those that
    /// can be transcoded.
    ///
    /// # Errors
    /// There is no offer, or what one side speaks cannot be made of what the other does.
    pub(super) fn answer(
        &mut self,
        prefer: Option<Codec>,
        flow: MediaFlow,
        port: u16,
    ) -> Result<Bytes, Cause> {
        let none = Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED;
        // First, as the offer stays when it cannot be answered so: the other end of the call may speak what we do not.
        let codec = codecs::to_answer(&self.codecs, prefer).ok_or(none)?;
        let Offered {
            description,
            at,
            audio: offer,
        } = *self.pending.take().ok_or(none)?;
        let mut ours = AudioDescription::new(self.address, port, vec![codecs::rtp(codec)])
            .with_direction(direction(flow))
            .with_ptime(PTIME);
        if self.media.digits == DigitWay::Events {
            ours = ours.with_telephone_event(TELEPHONE_EVENT);
        }
        ours = self.protector.answer(&offer).ok_or(none)?.describe(ours);
        let ours = ours.answer_to(&offer).ok_or(none)?;
        let sdp = self.local.answer(&description, at, &ours);
        self.codec = Some(codec);
        self.ours = Some(ours);
        self.theirs = Some(offer);
        Ok(sdp)
    }

    /// Whether our offer waits for an answer.
    pub(super) fn is_offering(&self) -> bool {
        self.offering
    }

    /// Our offer was refused, or the phone's withdrawn: what was agreed before stays.
    pub(super) fn forget_offer(&mut self) {
        self.offering = false;
        self.pending = None;
        self.fax_offer = None;
    }

    /// Takes the phone's answer to our offer.
    ///
    /// # Errors
    /// It cannot be read, or takes none of our codecs.
    pub(super) fn take_answer(&mut self, sdp: &[u8]) -> Result<(), Cause> {
        self.offering = false;
        let none = Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED;
        let description = sdp::parse(sdp).map_err(|_| none)?;
        let audio = description.audio().ok_or(none)?;
        let codecs = self.known(&audio);
        let codec = codecs::to_answer(&codecs, None)
            .or(codecs.first().copied())
            .ok_or(none)?;
        if !self.protector.take_answer(&audio) {
            return Err(none);
        }
        self.codec = Some(codec);
        self.codecs = codecs;
        self.theirs = Some(audio);
        Ok(())
    }

    /// What the phone itself allows.
    pub(super) fn far(&self) -> MediaFlow {
        self.theirs
            .as_ref()
            .map_or(MediaFlow::BOTH, |theirs| MediaFlow {
                send: theirs.direction.receives(),
                receive: theirs.direction.sends(),
            })
    }

    /// How keys get to the phone: as the settings say, and as tones where events were wanted and the phone has none.
    pub(super) fn digit_way(&self) -> DigitWay {
        let none = |side: &AudioDescription| side.telephone_event.is_none();
        match self.media.digits {
            DigitWay::Events if self.theirs.as_ref().is_some_and(none) => DigitWay::Tones,
            way => way,
        }
    }

    /// The codecs of a description that we may use, best first.
    fn known(&self, audio: &AudioDescription) -> Vec<Codec> {
        codecs::known(&self.media, &self.offered, audio)
    }

    /// What the phone can do, best first.
    pub(super) fn codecs(&self) -> &[Codec] {
        &self.codecs
    }

    /// What media flows in, once agreed.
    pub(super) fn codec(&self) -> Option<Codec> {
        self.codec
    }

    /// How media is encrypted, once agreed.
    pub(super) fn encryption(&self) -> Option<&'static str> {
        self.protector.encryption()
    }

    /// How a browser is reached and whose certificate it has, once that is agreed.
    pub(super) fn handshake(&self) -> Option<(IceParameters, [u8; 32], bool)> {
        self.protector.handshake()
    }

    /// What the stream has to know, once media is agreed. `wanted` is what the other end of the call allows.
    pub(super) fn remote(&self, wanted: MediaFlow) -> Option<Remote> {
        let (codec, ours, theirs) = (self.codec?, self.ours.as_ref()?, self.theirs.as_ref()?);
        let flow = self.far().and(wanted);
        Some(Remote {
            rtp: theirs.rtp_address(),
            rtcp: Some(theirs.rtcp_address()),
            payloads: codecs::payloads(theirs, codec)?,
            receive_payloads: codecs::payloads(ours, codec),
            // Nowhere to send to: hold of old phones.
            send: flow.send && (theirs.browser.is_some() || !theirs.addr.is_unspecified()),
            receive: flow.receive,
            symmetric: true,
            rtcp_mux: theirs.browser.is_some(),
            protection: self.protector.protection(),
        })
    }
}

fn direction(flow: MediaFlow) -> Direction {
    Direction::new(flow.send, flow.receive)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn phone(codecs: &str, attributes: &str) -> String {
        format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
             m=audio 4000 RTP/AVP {codecs}\r\na=rtpmap:96 telephone-event/8000\r\n{attributes}"
        )
    }

    fn text(sdp: &Bytes) -> &str {
        std::str::from_utf8(sdp).unwrap()
    }

    #[test]
    fn the_callers_order_of_codecs_reaches_the_callee() {
        let mut callee = Negotiation::new(ADDRESS, MediaSettings::default(), None);
        let offer = callee.offer(&[Codec::Pcmu], MediaFlow::BOTH, 10_000);
        assert!(
            text(&offer).contains("m=audio 10000 RTP/AVP 0 8 9 111 101\r\n"),
            "{}",
            text(&offer)
        );
    }

    #[test]
    fn the_answer_takes_the_codec_of_the_other_leg_when_the_phone_can() {
        let mut caller = Negotiation::new(ADDRESS, MediaSettings::default(), None);
        caller.take_offer(phone("0 8 96", "").as_bytes()).unwrap();
        assert_eq!(caller.codecs(), [Codec::Pcmu, Codec::Pcma]);
        let answer = caller
            .answer(Some(Codec::Pcma), MediaFlow::BOTH, 10_000)
            .unwrap();
        assert!(
            text(&answer).contains("m=audio 10000 RTP/AVP 8 96\r\n"),
            "{}",
            text(&answer)
        );
        let remote = caller.remote(MediaFlow::BOTH).unwrap();
        assert_eq!(remote.rtp, "192.0.2.7:4000".parse().unwrap());
        assert_eq!(remote.payloads.telephone_event, Some(96));
    }

    #[test]
    fn a_format_that_is_only_carried_is_taken_with_another_leg_and_refused_without() {
        let mut caller = Negotiation::new(ADDRESS, MediaSettings::default(), None);
        caller.take_offer(phone("18 96", "").as_bytes()).unwrap();
        let mut callee = Negotiation::new(ADDRESS, MediaSettings::default(), None);
        let offer = callee.offer(caller.codecs(), MediaFlow::BOTH, 10_002);
        assert!(
            text(&offer).contains("m=audio 10002 RTP/AVP 18 101\r\n"),
            "{}",
            text(&offer)
        );
        callee
            .take_answer(phone("18 96", "a=fmtp:18 annexb=no\r\n").as_bytes())
            .unwrap();
        let answer = caller
            .answer(callee.codec(), MediaFlow::BOTH, 10_000)
            .unwrap();
        assert!(
            text(&answer).contains("m=audio 10000 RTP/AVP 18 96\r\n"),
            "{}",
            text(&answer)
        );
        assert_eq!(caller.codec(), callee.codec());

        caller.take_offer(phone("18 96", "").as_bytes()).unwrap();
        let refused = caller.answer(None, MediaFlow::BOTH, 10_000);
        assert_eq!(refused, Err(Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED));
        // Early sound was not possible; the call still is.
        let answer = caller.answer(callee.codec(), MediaFlow::BOTH, 10_000);
        assert!(answer.is_ok(), "{answer:?}");
        assert!(caller.take_offer(b"not a description").is_err());
        assert!(caller.take_offer(phone("13 96", "").as_bytes()).is_err());
    }

    #[test]
    fn hold_and_resume_turn_the_media_off_and_on() {
        let mut leg = Negotiation::new(ADDRESS, MediaSettings::default(), None);
        leg.offer(&[], MediaFlow::BOTH, 10_000);
        leg.take_answer(phone("8 96", "").as_bytes()).unwrap();
        assert_eq!(leg.far(), MediaFlow::BOTH);

        leg.take_offer(phone("8 96", "a=sendonly\r\n").as_bytes())
            .unwrap();
        let answer = leg.answer(leg.codec(), MediaFlow::BOTH, 10_000).unwrap();
        assert!(
            text(&answer).contains("a=recvonly\r\n"),
            "{}",
            text(&answer)
        );
        let remote = leg.remote(MediaFlow::BOTH).unwrap();
        assert!(!remote.send && remote.receive);

        leg.take_offer(phone("8 96", "a=sendrecv\r\n").as_bytes())
            .unwrap();
        leg.answer(leg.codec(), MediaFlow::BOTH, 10_000).unwrap();
        assert!(leg.remote(MediaFlow::BOTH).unwrap().send);
    }

    #[test]
    fn an_answer_without_audio_ends_the_negotiation() {
        let mut leg = Negotiation::new(ADDRESS, MediaSettings::default(), None);
        leg.offer(&[], MediaFlow::BOTH, 10_000);
        let refused = phone("8", "").replace("m=audio 4000", "m=audio 0");
        assert!(leg.take_answer(refused.as_bytes()).is_err());
        assert!(!leg.is_offering());
        assert_eq!(leg.codec(), None);
    }
}
