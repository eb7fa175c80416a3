//! A leg out of the company: way after way, host after host of a SIP trunk, until one takes the call.
//!
//! To its call it is one leg that rings. What cannot be reached is left behind within a few seconds; what refuses because
//! of the called party speaks for all.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ramal_media::{Channel as MediaChannel, Codec};
use ramal_model::{E1TrunkId, HostPort, LegKind, Party, TrunkId};
use tokio::time::{Sleep, sleep};

use super::fax::{Fax, FaxOffer};
use super::{Cause, DigitWay, Leg, LegEvent, MediaFlow, Release};
use crate::call::trace::PassedOver;
use crate::exchange::Exchange;
use crate::trunk::{Trunk, TrunkCall};

/// A host that has not shown within this time that it got the call is left for the next one; so long for each of its
/// servers, which the agent leaves sooner.
const REACTION_TIME: Duration = Duration::from_secs(3);

/// What such a leg tries, for the call's trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// The call goes out over this trunk.
    Sent {
        /// The trunk's name.
        trunk: String,
        /// The host it goes to; none on an E1 trunk.
        host: Option<String>,
        /// The number as the carrier gets it.
        number: String,
    },
    /// That did not work.
    Failed {
        /// The trunk's name.
        trunk: String,
        /// The host it went to; none on an E1 trunk.
        host: Option<String>,
        /// Why.
        cause: Cause,
    },
    /// A trunk was passed over.
    PassedOver {
        /// The trunk's name.
        trunk: String,
        /// Why.
        because: PassedOver,
    },
}

/// A way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// A SIP trunk.
    Sip(TrunkId),
    /// An E1 trunk.
    E1(E1TrunkId),
    /// The analogue line of this name, or whichever is free.
    Line(Option<String>),
}

/// What is sent by a way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) way: Way,
    /// The number as the exchange or carrier is to get it.
    pub(crate) number: String,
    /// The caller's number that is shown there, when it is not his own.
    pub(crate) shown: Option<String>,
}

/// A call on its way out.
#[derive(Debug, Clone)]
pub(crate) struct Outward {
    /// The ways it may take, best first.
    pub(crate) ways: Vec<Sent>,
    /// The call.
    pub(crate) call: TrunkCall,
    /// What the caller can hear, best first.
    pub(crate) codecs: Vec<Codec>,
}

/// See the module.
pub(crate) struct OutwardLeg {
    exchange: Arc<Exchange>,
    call: TrunkCall,
    /// Who calls, where no way shows somebody else.
    caller: Party,
    codecs: Vec<Codec>,
    ways: VecDeque<Sent>,
    /// The trunk being tried and its hosts that are left.
    hosts: Option<(Arc<Trunk>, VecDeque<HostPort>)>,
    current: Option<Current>,
    /// Told before anything else.
    attempts: VecDeque<Attempt>,
    /// Why the last attempt failed.
    failure: Cause,
    over: bool,
}

/// The attempt under way.
struct Current {
    leg: Box<dyn Leg>,
    /// The trunk and host; none for a line.
    way: Option<(String, Option<String>)>,
    /// When it must have reacted; none when it has, and for lines.
    patience: Option<Pin<Box<Sleep>>>,
    /// Whether the far end is being alerted: from then on the call is decided there.
    alerting: bool,
}

impl OutwardLeg {
    /// Begins to call.
    pub(crate) fn new(exchange: Arc<Exchange>, outward: Outward) -> Self {
        let Outward { ways, call, codecs } = outward;
        let mut leg = Self {
            exchange,
            caller: call.caller.clone(),
            call,
            codecs,
            ways: ways.into(),
            hosts: None,
            current: None,
            attempts: VecDeque::new(),
            failure: Cause::NO_CIRCUIT,
            over: false,
        };
        leg.advance();
        leg
    }

    /// Goes on to the next host or way; afterwards there is no current attempt when none is left.
    fn advance(&mut self) {
        self.current = None;
        loop {
            if let Some((trunk, hosts)) = &mut self.hosts
                && let Some(host) = hosts.pop_front()
            {
                let trunk = trunk.clone();
                if self.try_host(&trunk, &host) {
                    return;
                }
                continue;
            }
            self.hosts = None;
            let Some(Sent { way, number, shown }) = self.ways.pop_front() else {
                return;
            };
            self.call.caller = match shown {
                Some(number) => Party {
                    number,
                    name: String::new(),
                },
                None => self.caller.clone(),
            };
            let id = match way {
                Way::Sip(id) => id,
                Way::E1(id) => {
                    if self.try_e1(id, &number) {
                        return;
                    }
                    continue;
                }
                Way::Line(port) => {
                    if self.try_line(port.as_deref(), &number) {
                        return;
                    }
                    continue;
                }
            };
            let Some(trunk) = self.exchange.trunks.trunk(id) else {
                continue;
            };
            if !trunk.is_up() {
                self.failure = Cause::NETWORK_OUT_OF_ORDER;
                self.pass_over(&trunk, PassedOver::Down);
                continue;
            }
            if !trunk.begin(Instant::now()) {
                self.failure = Cause::NO_CIRCUIT;
                self.pass_over(&trunk, PassedOver::Full);
                continue;
            }
            self.call.number = number;
            let hosts = trunk.hosts().into();
            self.hosts = Some((trunk, hosts));
        }
    }

    fn pass_over(&mut self, trunk: &Trunk, because: PassedOver) {
        self.attempts.push_back(Attempt::PassedOver {
            trunk: trunk.settings.name.clone(),
            because,
        });
    }

    fn try_host(&mut self, trunk: &Arc<Trunk>, host: &HostPort) -> bool {
        let name = trunk.settings.name.clone();
        let Some(channel) = trunk.channel() else {
            self.failure = Cause::NO_CIRCUIT;
            self.hosts = None;
            self.pass_over(trunk, PassedOver::Full);
            return false;
        };
        match self
            .exchange
            .sip
            .dial_trunk(trunk, host, &self.call, &self.codecs)
        {
            Ok(mut leg) => {
                leg.occupy(channel);
                self.attempts.push_back(Attempt::Sent {
                    trunk: name.clone(),
                    host: Some(host.to_string()),
                    number: self.call.number.clone(),
                });
                self.current = Some(Current {
                    leg: Box::new(leg),
                    way: Some((name, Some(host.to_string()))),
                    patience: Some(Box::pin(sleep(REACTION_TIME))),
                    alerting: false,
                });
                true
            }
            Err(cause) => {
                self.failure = cause;
                false
            }
        }
    }

    /// Begins the call on an E1 trunk; false when that does not take it.
    fn try_e1(&mut self, id: E1TrunkId, number: &str) -> bool {
        let exchange = &self.exchange;
        let digital = &exchange.lines.digital;
        let Some(name) = digital.name(id) else {
            return false;
        };
        match digital.dial(&exchange.engine, id, number, &self.call) {
            Ok(leg) => {
                self.attempts.push_back(Attempt::Sent {
                    trunk: name.clone(),
                    host: None,
                    number: number.to_owned(),
                });
                self.current = Some(Current {
                    leg: Box::new(leg),
                    way: Some((name, None)),
                    // The signalling has timers of its own.
                    patience: None,
                    alerting: false,
                });
                true
            }
            Err(_) => {
                self.failure = Cause::NETWORK_OUT_OF_ORDER;
                self.attempts.push_back(Attempt::PassedOver {
                    trunk: name,
                    because: PassedOver::Down,
                });
                false
            }
        }
    }

    /// Begins the call on an analogue line; false when none is free.
    fn try_line(&mut self, port: Option<&str>, number: &str) -> bool {
        let exchange = &self.exchange;
        let caller = &self.call.caller;
        let line = exchange
            .lines
            .dial_out(&exchange.engine, port, number, caller);
        match line {
            Ok(leg) => {
                self.current = Some(Current {
                    leg: Box::new(leg),
                    way: None,
                    patience: None,
                    alerting: false,
                });
                true
            }
            Err(_) => {
                self.failure = Cause::NO_CIRCUIT;
                false
            }
        }
    }

    /// The current attempt has failed and the next begins.
    fn fail(&mut self, cause: Cause) {
        self.failure = cause;
        if let Some(current) = &mut self.current {
            current.leg.hang_up(Release::Cause(cause));
            if let Some((trunk, host)) = current.way.take() {
                self.attempts
                    .push_back(Attempt::Failed { trunk, host, cause });
            }
        }
        self.advance();
    }

    fn leg(&mut self) -> Option<&mut Box<dyn Leg>> {
        self.current.as_mut().map(|current| &mut current.leg)
    }
}

/// Whether the fault is the way's and not the called party's (Q.850 §2.2.5, classes of network and resource faults).
fn may_help(cause: Cause) -> bool {
    matches!(cause.0, 27 | 34 | 38 | 41 | 42 | 44 | 47 | 102)
}

impl Leg for OutwardLeg {
    fn alert(&mut self) {}

    fn progress(&mut self, _prefer: Option<Codec>) -> Result<(), Cause> {
        Ok(())
    }

    fn answer(&mut self, _prefer: Option<Codec>) -> Result<(), Cause> {
        Ok(())
    }

    fn set_media_flow(&mut self, flow: MediaFlow) {
        if let Some(leg) = self.leg() {
            leg.set_media_flow(flow);
        }
    }

    fn send_digit(&mut self, digit: char) {
        if let Some(leg) = self.leg() {
            leg.send_digit(digit);
        }
    }

    fn mute_keys(&mut self, mute: bool) -> bool {
        self.leg().is_some_and(|leg| leg.mute_keys(mute))
    }

    fn listen_for_machine(&mut self) {
        if let Some(leg) = self.leg() {
            leg.listen_for_machine();
        }
    }

    fn offer_fax(&mut self, fax: &Fax) -> bool {
        self.leg().is_some_and(|leg| leg.offer_fax(fax))
    }

    fn answer_fax(&mut self, offer: FaxOffer, fax: &Fax) {
        if let Some(leg) = self.leg() {
            leg.answer_fax(offer, fax);
        }
    }

    fn end_fax(&mut self) {
        if let Some(leg) = self.leg() {
            leg.end_fax();
        }
    }

    fn hang_up(&mut self, release: Release) {
        self.over = true;
        if let Some(leg) = self.leg() {
            leg.hang_up(release);
        }
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<LegEvent> {
        loop {
            if let Some(attempt) = self.attempts.pop_front() {
                return Poll::Ready(LegEvent::Attempt(attempt));
            }
            if self.over {
                return Poll::Pending;
            }
            let Some(current) = &mut self.current else {
                self.over = true;
                return Poll::Ready(LegEvent::Rejected(self.failure));
            };
            match current.leg.poll_event(context) {
                Poll::Ready(LegEvent::Searching) => {
                    current.patience = Some(Box::pin(sleep(REACTION_TIME)));
                }
                Poll::Ready(LegEvent::Proceeding) => current.patience = None,
                Poll::Ready(LegEvent::Rejected(cause) | LegEvent::HungUp(cause))
                    if !current.alerting && may_help(cause) =>
                {
                    self.fail(cause);
                }
                Poll::Ready(event) => {
                    current.patience = None;
                    current.alerting = true;
                    self.over = matches!(event, LegEvent::Rejected(_) | LegEvent::HungUp(_));
                    return Poll::Ready(event);
                }
                Poll::Pending => {
                    let lost = current
                        .patience
                        .as_mut()
                        .is_some_and(|patience| patience.as_mut().poll(context).is_ready());
                    if !lost {
                        return Poll::Pending;
                    }
                    self.fail(Cause::RECOVERY_ON_TIMER_EXPIRY);
                }
            }
        }
    }

    fn stream(&self) -> Option<&MediaChannel> {
        self.current.as_ref()?.leg.stream()
    }

    fn codecs(&self) -> &[Codec] {
        match &self.current {
            Some(current) => current.leg.codecs(),
            None => &self.codecs,
        }
    }

    fn codec(&self) -> Option<Codec> {
        self.current.as_ref()?.leg.codec()
    }

    fn encryption(&self) -> Option<&'static str> {
        self.current.as_ref()?.leg.encryption()
    }

    fn kind(&self) -> LegKind {
        self.current
            .as_ref()
            .map_or(LegKind::Sip, |current| current.leg.kind())
    }

    fn device(&self) -> &str {
        self.current
            .as_ref()
            .map_or("", |current| current.leg.device())
    }

    fn digit_way(&self) -> DigitWay {
        self.current
            .as_ref()
            .map_or(DigitWay::Events, |current| current.leg.digit_way())
    }

    fn trunk(&self) -> Option<&str> {
        let (trunk, _) = self.current.as_ref()?.way.as_ref()?;
        Some(trunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_way_is_tried_for_faults_of_the_way_only() {
        for status in [408, 500, 502, 503, 504] {
            assert!(may_help(Cause::from_sip_status(status)), "{status}");
        }
        for status in [403, 404, 480, 484, 486, 488, 600, 603] {
            assert!(!may_help(Cause::from_sip_status(status)), "{status}");
        }
    }
}
