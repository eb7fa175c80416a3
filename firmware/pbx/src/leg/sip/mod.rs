//! Legs to SIP phones.
//!
//! A [`SipLeg`] lives in the task of its call. It sends commands to the SIP agent and gets the events of its INVITE session
//! from it, both over bounded queues, and it owns the leg's RTP stream: what goes over the wire as offer and answer is
//! worked out here, by [`negotiation`].

mod commands;
mod events;
mod fax;
mod media;
mod negotiation;
mod protection;
mod transfer;
mod trunk;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use ramal_dsp::AnsweringMachineLimits;
use ramal_media::{Codec, Detection, Engine, IceParameters, Stream, StreamEvent, StreamParameters};
use ramal_model::{Language, MediaEncryption, Party};
use ramal_sip::{Flow, HeaderName, HeaderValue, Host, Invite, NameAddr, Uri};
use tokio::sync::mpsc;

use self::fax::FaxState;
pub(crate) use self::media::MediaSettings;
use self::negotiation::Negotiation;
use super::{Cause, DigitWay, Leg, MediaFlow, Release};
use crate::advertise::OuterAddress;
use crate::location::Contact;
use crate::queue::{self, queue};
use crate::sip::{Command, Destination, LegKey, MakeInvite, SipEvent};
use crate::trunk::Channel;
use crate::trunk::{Diverted, diversion};

/// Events of one leg that may wait for its call.
pub(crate) const EVENT_QUEUE: usize = 32;

/// How to reach phones: makes legs. Cloned freely.
#[derive(Clone)]
pub(crate) struct SipLines {
    commands: mpsc::Sender<Command>,
    engine: Engine,
    outer: OuterAddress,
    keys: Arc<AtomicU64>,
}

/// What an outgoing leg offers to a phone.
#[derive(Debug, Clone)]
pub(crate) struct Dial {
    /// Who calls, as the phone shows it; whoever withholds his number has a name in its language.
    pub(crate) caller: Party,
    /// The number called.
    pub(crate) callee: String,
    /// The company's number that the call came in by.
    pub(crate) called_number: Option<String>,
    /// What the caller can hear, best first.
    pub(crate) codecs: Vec<Codec>,
    /// Whether the callee wants media encrypted.
    pub(crate) encryption: MediaEncryption,
    /// How often the call may still be passed on (`Max-Forwards`).
    pub(crate) hops_left: u8,
    /// Who sent the call on before it came here, the last one first.
    pub(crate) diversions: Vec<Diverted>,
    /// Whether the phone is asked to take the call by itself.
    pub(crate) answers_itself: bool,
}

impl SipLines {
    pub(crate) fn new(
        commands: mpsc::Sender<Command>,
        engine: Engine,
        outer: OuterAddress,
    ) -> Self {
        Self {
            commands,
            engine,
            outer,
            keys: Arc::new(AtomicU64::new(1)),
        }
    }

    /// The address phones at the other end of a flow reach us at.
    pub(crate) fn address(&self, flow: Flow) -> IpAddr {
        self.outer.for_flow(&flow)
    }

    /// A name for a new leg.
    pub(crate) fn key(&self) -> LegKey {
        LegKey(self.keys.fetch_add(1, Ordering::Relaxed))
    }

    /// Rings a phone.
    ///
    /// # Errors
    /// The cause, when there is no port left for its media, or its address cannot be read.
    pub(crate) fn dial(&self, contact: &Contact, dial: &Dial) -> Result<SipLeg, Cause> {
        let target = contact.target().ok_or(Cause::INVALID_NUMBER_FORMAT)?;
        let device = device_name(contact.user_agent.as_deref(), &contact.uri);
        let (route, dial) = (contact.route(), dial.clone());
        let (codecs, encryption) = (dial.codecs.clone(), dial.encryption);
        let make = move |flow, address, offer| {
            let host = Host::from(address);
            let party = |number: &str| NameAddr::new(Uri::sip(Some(number), host.clone(), None));
            let from = match dial.caller.number.as_str() {
                // Whoever withholds his number (RFC 3323 §4.1.1.3).
                "" => {
                    NameAddr::new(anonymous()).with_display_name(match dial.caller.name.as_str() {
                        "" => Language::En.anonymous(),
                        name => name,
                    })
                }
                number => party(number).with_display_name(dial.caller.name.clone()),
            };
            Invite {
                contact_user: dial.caller.number.clone(),
                offer,
                max_forwards: dial.hops_left,
                headers: {
                    let mut headers: Vec<_> = route.clone().into_iter().collect();
                    headers.extend(diversion(&dial.diversions, &host));
                    headers.extend(dial.called_number.as_deref().map(called_number));
                    if dial.answers_itself {
                        headers.extend(answer_itself(&host));
                    }
                    headers
                },
                ..Invite::new(flow, target.clone(), from, party(&dial.callee))
            }
        };
        let media = MediaSettings::of_phone(encryption, contact.flow);
        self.call(
            Destination::Flow(contact.flow),
            device,
            &codecs,
            media,
            make,
        )
    }

    /// Calls somebody. `make` gets the way taken, our address for media on it, and our offer from that address; it is
    /// called again for every further server tried. `device` is what the call record calls the other end.
    ///
    /// # Errors
    /// The cause, when there is no port left for the media.
    pub(crate) fn call(
        &self,
        destination: Destination,
        device: String,
        codecs: &[Codec],
        media: MediaSettings,
        make: impl Fn(Flow, IpAddr, Option<Bytes>) -> Invite + Send + Sync + 'static,
    ) -> Result<SipLeg, Cause> {
        let key = self.key();
        let (_, events) = queue(1);
        let address = match &destination {
            Destination::Flow(flow) => self.address(*flow),
            // Told when it is known.
            Destination::Target(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        let mut leg = SipLeg::new(self.clone(), key, address, events, device, media);
        leg.state = State::Ringing;
        leg.open_stream()?;
        leg.calling = Some(Box::new(Calling {
            destination,
            make: Arc::new(make),
            codecs: codecs.to_vec(),
        }));
        leg.invite();
        Ok(leg)
    }

    /// The leg of a call that has come from a phone, with its offer if it brought one.
    pub(crate) fn incoming(
        &self,
        key: LegKey,
        flow: Flow,
        user_agent: Option<&str>,
        events: queue::Receiver<SipEvent>,
        offer: Option<Bytes>,
        media: MediaSettings,
    ) -> SipLeg {
        let device = device_name(user_agent, &flow.remote.to_string());
        let address = self.address(flow);
        let mut leg = SipLeg::new(self.clone(), key, address, events, device, media);
        match offer {
            Some(offer) => leg.unusable = leg.negotiation.take_offer(&offer).err(),
            None => leg.negotiation.no_offer(),
        }
        leg
    }
}

/// Gives the agent a command.
fn send(commands: &mpsc::Sender<Command>, command: Command) {
    if let Err(mpsc::error::TrySendError::Full(command)) = commands.try_send(command) {
        // The agent is swamped. The command must not be lost, and the call must not wait for it.
        let commands = commands.clone();
        tokio::spawn(async move { commands.send(command).await });
    }
}

/// What asks a phone to take a call by itself: as RFC 5373 has it, and in the two ways that phones of before know.
fn answer_itself(host: &Host) -> [(HeaderName, HeaderValue); 3] {
    let call_info = format!("<sip:{host}>;answer-after=0");
    let alert_info = format!("<http://{host}>;info=alert-autoanswer;delay=0");
    [
        (HeaderName::from("Answer-Mode"), HeaderValue::from("Auto")),
        (HeaderName::CallInfo, HeaderValue::sanitized(call_info)),
        (HeaderName::AlertInfo, HeaderValue::sanitized(alert_info)),
    ]
}

/// Tells programs beside the phone which of the company's numbers was called.
fn called_number(number: &str) -> (HeaderName, HeaderValue) {
    let name = HeaderName::from("X-Called-Number");
    (name, HeaderValue::sanitized(number))
}

/// The URI of a caller without number.
fn anonymous() -> Uri {
    let unspecified = Host::V4(Ipv4Addr::UNSPECIFIED);
    let host = "anonymous.invalid".parse().unwrap_or(unspecified);
    Uri::sip(Some("anonymous"), host, None)
}

/// What the call record calls a phone.
fn device_name(user_agent: Option<&str>, address: &str) -> String {
    match user_agent {
        Some(user_agent) => format!("{user_agent} ({address})"),
        None => address.to_owned(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The phone calls; it was not answered yet.
    Calling,
    /// The phone is called; it has not answered yet.
    Ringing,
    /// Answered, and the phone has all it needs to know about media.
    Established,
    /// Hung up or refused.
    Over,
}

/// Makes an INVITE for a way, our address for media on it, and our offer from there.
type MakeOffering = dyn Fn(Flow, IpAddr, Option<Bytes>) -> Invite + Send + Sync;

/// How a phone is called.
struct Calling {
    destination: Destination,
    make: Arc<MakeOffering>,
    /// What the caller can hear, best first.
    codecs: Vec<Codec>,
}

/// A leg to a phone.
pub(crate) struct SipLeg {
    lines: SipLines,
    key: LegKey,
    device: String,
    state: State,
    /// None when the phone calls.
    calling: Option<Box<Calling>>,
    negotiation: Negotiation,
    /// How the browser at the far end is reached, as the stream was told.
    handshake: Option<IceParameters>,
    /// Why the phone's offer cannot be answered.
    unusable: Option<Cause>,
    /// The answer given with early media: the final one must be the same (RFC 3261 §13.2.1). Or the offer to a caller who
    /// made none.
    early_answer: Option<Bytes>,
    /// Whether the caller made no offer and takes ours in a reliable provisional response, which he answers in PRACK: the
    /// first of these has to hold it (RFC 3262 §5).
    offers_early: bool,
    /// What the other end of the call allows.
    wanted: MediaFlow,
    /// What the phone was last told of that.
    told: MediaFlow,
    /// What the phone itself wants.
    wished: MediaFlow,
    events: queue::Receiver<SipEvent>,
    stream: Option<Stream>,
    stream_events: Option<mpsc::Receiver<StreamEvent>>,
    /// Given back with the leg.
    channel: Option<Channel>,
    /// Whether the caller wants his number withheld.
    private: bool,
    fax: FaxState,
    /// Whether the stream is listened to for keys as tones.
    /// Whether for keys, and for answering machines.
    listening: (bool, bool),
    awaits_machine: bool,
}

impl SipLeg {
    fn new(
        lines: SipLines,
        key: LegKey,
        address: IpAddr,
        events: queue::Receiver<SipEvent>,
        device: String,
        media: MediaSettings,
    ) -> Self {
        let identity = lines.engine.fingerprint().map_err(|error| {
            tracing::error!(%error, "no calls with browsers");
        });
        let identity = identity.ok();
        Self {
            lines,
            key,
            device,
            state: State::Calling,
            calling: None,
            negotiation: Negotiation::new(address, media, identity),
            handshake: None,
            unusable: None,
            early_answer: None,
            offers_early: false,
            wanted: MediaFlow::BOTH,
            told: MediaFlow::BOTH,
            wished: MediaFlow::BOTH,
            events,
            stream: None,
            stream_events: None,
            channel: None,
            private: false,
            fax: FaxState::Voice,
            listening: (false, false),
            awaits_machine: false,
        }
    }

    fn send(&self, command: Command) {
        send(&self.lines.commands, command);
    }

    /// Calls the phone, with an offer as it is to be made now.
    fn invite(&mut self) {
        let Some(calling) = &self.calling else {
            return;
        };
        let (sender, events) = queue(EVENT_QUEUE);
        self.events = events;
        let port = self.port();
        self.negotiation
            .prepare_offer(&calling.codecs, MediaFlow::BOTH, port);
        let offer_from = self.negotiation.offer_from();
        let (lines, make) = (self.lines.clone(), calling.make.clone());
        let invite = MakeInvite::new(move |flow| {
            let address = lines.address(flow);
            make(flow, address, offer_from(address))
        });
        self.send(Command::Invite {
            leg: self.key,
            events: sender,
            destination: calling.destination.clone(),
            invite,
        });
    }

    /// Calls once more when a phone has refused our media that might be encrypted, as those that take no other do.
    fn insist(&mut self) -> bool {
        let may = self.state == State::Ringing && self.calling.is_some();
        let again = may && self.negotiation.insist_on_encryption();
        if again {
            self.invite();
        }
        again
    }

    fn open_stream(&mut self) -> Result<(), Cause> {
        if self.stream.is_some() {
            return Ok(());
        }
        let unavailable = |error| {
            tracing::error!(%error, "no media for a call");
            Cause::RESOURCE_UNAVAILABLE
        };
        let stream = self
            .lines
            .engine
            .open_stream(StreamParameters::default())
            .map_err(unavailable)?;
        self.stream_events = Some(stream.events().map_err(unavailable)?);
        self.stream = Some(stream);
        Ok(())
    }

    fn port(&self) -> u16 {
        self.stream.as_ref().map_or(0, Stream::local_port)
    }

    /// Tells the stream what was agreed.
    fn apply(&mut self) {
        if self.fax == FaxState::Faxing {
            return;
        }
        if let (Some(stream), Some(remote)) = (&self.stream, self.negotiation.remote(self.wanted))
            && let Err(error) = stream.set_remote(remote)
        {
            tracing::error!(%error, "cannot direct the media of a call");
        }
        if let (Some(stream), Some((ice, fingerprint, active))) =
            (&self.stream, self.negotiation.handshake())
            && self.handshake.as_ref() != Some(&ice)
        {
            let begun = match self.handshake.replace(ice.clone()) {
                // The browser looks for another way; the keys stay.
                Some(_) => stream.answer_checks(ice),
                None => stream
                    .answer_checks(ice)
                    .and_then(|()| stream.shake_hands(fingerprint, active)),
            };
            if let Err(error) = begun {
                tracing::error!(%error, "cannot agree on keys with a browser");
            }
        }
        self.listen();
    }

    /// Listens for tones while the far end has no other way to tell keys, and for machines where that is wanted.
    pub(super) fn listen(&mut self) {
        let keys = self.negotiation.digit_way() == DigitWay::Tones;
        let wanted = (keys, self.awaits_machine);
        if let Some(stream) = &self.stream
            && std::mem::replace(&mut self.listening, wanted) != wanted
            && let Err(error) = stream.detect(Detection {
                keys,
                answering_machine: self.awaits_machine.then(AnsweringMachineLimits::default),
                ..Detection::default()
            })
        {
            tracing::error!(%error, "cannot listen for keys in a call");
        }
    }

    /// Answers the phone's initial offer, or offers if it had none.
    fn describe(&mut self, prefer: Option<Codec>) -> Result<Bytes, Cause> {
        if let Some(cause) = self.unusable {
            return Err(cause);
        }
        self.open_stream()?;
        let port = self.port();
        self.told = self.wanted;
        if self.negotiation.has_offer() {
            let answer = self.negotiation.answer(prefer, self.wanted, port)?;
            self.apply();
            Ok(answer)
        } else {
            let codecs: Vec<Codec> = prefer.into_iter().collect();
            Ok(self.negotiation.offer(&codecs, self.wanted, port))
        }
    }

    /// What goes with the first news to a caller who made no offer and takes ours early.
    fn early_offer(&mut self) -> Option<Bytes> {
        if self.offers_early && self.early_answer.is_none() {
            // What fails here fails again when the call is answered, and ends it then.
            self.early_answer = self.describe(None).ok();
        }
        self.early_answer.clone().filter(|_| self.offers_early)
    }

    /// Tells the phone what the other end allows, unless it knows or something else is being agreed.
    fn tell_media_flow(&mut self) {
        if self.state != State::Established
            || self.wanted == self.told
            || self.negotiation.is_offering()
            || self.fax != FaxState::Voice
        {
            return;
        }
        self.told = self.wanted;
        let port = self.port();
        let codecs: Vec<Codec> = self.negotiation.codec().into_iter().collect();
        let sdp = self.negotiation.offer(&codecs, self.wanted, port);
        self.send(Command::Offer { leg: self.key, sdp });
    }
}

impl Drop for SipLeg {
    fn drop(&mut self) {
        self.hang_up(Release::Cause(Cause::NORMAL_CLEARING));
    }
}
