//! Calls: one task each, written as straight async code over leg handles.
//!
//! [`run`] takes an incoming leg through [`routing`], then either lets a [`service`] of the gateway talk to it, or rings
//! ([`ring`]) and connects ([`talk`]) another leg, and writes the call's record at the end ([`record`]). Those who talk may
//! be passed on and replaced ([`transfer`]), and recorded ([`recording`]); a call that rings may be picked up by others
//! ([`pickup`]). Numbers, menus and queues lead it on by the pages of [`crate::flow`], for which [`stage`] stands.
//!
//! A call's task takes as much memory as its largest state, for as long as it lives. Everything but talking is short or
//! rare, and waited for in a box of its own.

mod agent_code;
pub(crate) mod click_to_dial;
mod conference;
mod confirm;
mod consult;
mod hold;
mod keys;
mod outbound;
mod outside;
mod paging;
mod park;
mod participant;
mod phones;
mod pickup;
pub(crate) mod progress_tone;
mod queued;
mod reach;
mod record;
mod recording;
mod refusals;
mod ring;
pub(crate) mod routing;
mod service;
mod setting_code;
mod spoken;
mod stage;
mod talk;
mod third;
mod toll_bar;
pub(crate) mod trace;
mod transfer;
pub(crate) mod verification;
mod voice;
mod voicedrop;
mod voicemail;
mod whisper;

use std::sync::Arc;

use ramal_model::{
    CallResult, CompanyId, Configuration, Direction, E1TrunkId, Extension, ExtensionId,
    FeatureCode, Party, TrunkId,
};

pub(crate) use self::participant::{Newcomer, Replacing};
pub(crate) use self::record::Interrupt;
pub(crate) use self::recording::Order;
pub use self::recording::{RecordingCommand, RecordingRefusal};
pub(crate) use self::voicedrop::VoiceDrop;
pub use self::voicedrop::VoiceDropRefusal;

use self::participant::{Pair, Participant};
use self::reach::{Following, Reached, Waiting, reach};
use self::record::Call;
use self::routing::Route;
use self::trace::{Refused, Step};
use crate::clock::utc_ms;
use crate::exchange::Exchange;
use crate::leg::{Cause, Leg};
use crate::live::LiveState;
use crate::queue;
use crate::queues::OfQueue;
use crate::supervision;
use crate::trunk::Diverted;

/// A call that has just arrived.
pub(crate) struct IncomingCall {
    /// The caller's end.
    pub(crate) leg: Box<dyn Leg>,
    /// Who calls.
    pub(crate) caller: Caller,
    /// The number dialled.
    pub(crate) dialled: String,
    /// How often the call may still be passed on.
    pub(crate) hops_left: u8,
    /// The configuration the whole call follows.
    pub(crate) configuration: Arc<Configuration>,
}

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// A phone of an extension; its credentials were checked.
    Extension(Box<Extension>),
    /// The telephone on a line of the gateway.
    Station(Box<Party>),
    /// Somebody whom a SIP trunk's carrier connects.
    SipTrunk(Box<SipTrunkCaller>),
    /// Somebody on an E1 trunk.
    E1(Box<E1Caller>),
    /// Somebody on a line to the exchange.
    Trunk {
        /// Which line.
        line: Box<str>,
        /// Who it is, as far as the exchange says.
        party: Box<Party>,
    },
}

/// Who calls over a SIP trunk.
#[derive(Debug, Clone)]
pub(crate) struct SipTrunkCaller {
    /// Which trunk.
    pub(crate) trunk: TrunkId,
    /// Its name.
    pub(crate) name: String,
    /// Who it is, as far as the carrier says.
    pub(crate) party: Party,
    /// Who sent the call on to us, the last one first.
    pub(crate) diversions: Vec<Diverted>,
    /// Whether the trunk had a channel left for the call.
    pub(crate) has_channel: bool,
}

/// Who calls over an E1 trunk.
#[derive(Debug, Clone)]
pub(crate) struct E1Caller {
    /// Which trunk.
    pub(crate) trunk: E1TrunkId,
    /// Its name.
    pub(crate) name: String,
    /// Who it is, as far as the exchange says.
    pub(crate) party: Party,
    /// Who sent the call on to us, the last one first.
    pub(crate) diversions: Vec<Diverted>,
}

impl Caller {
    /// Number and name for the other end and for the record.
    fn party(&self) -> Party {
        match self {
            Self::Extension(extension) => Party {
                number: extension.number.clone(),
                name: extension.display_name.clone(),
            },
            Self::Station(party) | Self::Trunk { party, .. } => Party::clone(party),
            Self::SipTrunk(from) => from.party.clone(),
            Self::E1(from) => from.party.clone(),
        }
    }

    /// The same as people in the company know him: a caller from outside by the name of the contact who has his number.
    fn known(&self, configuration: &Configuration) -> Party {
        let party = self.party();
        let contact = match self.direction() {
            Direction::Inbound => configuration.contact_with(&party.number),
            _ => None,
        };
        match contact {
            Some(contact) => Party {
                name: contact.name.clone(),
                ..party
            },
            None => party,
        }
    }

    /// The same as telephones show him: by the number that is dialled here to reach him.
    fn shown(&self, configuration: &Configuration) -> Party {
        let mut party = self.known(configuration);
        if self.direction() == Direction::Inbound
            && let Some(company) = configuration.company()
        {
            party.number = company.local_form(&party.number);
        }
        party
    }

    /// What the record calls his leg.
    fn leg_party(&self) -> &str {
        match self {
            Self::Extension(extension) => &extension.number,
            Self::Station(party) => &party.number,
            Self::Trunk { line, .. } => line,
            Self::SipTrunk(from) => &from.name,
            Self::E1(from) => &from.name,
        }
    }

    /// Who sent the call on before it came here, the last one first.
    fn diversions(&self) -> &[Diverted] {
        match self {
            Self::SipTrunk(from) => &from.diversions,
            Self::E1(from) => &from.diversions,
            Self::Extension(_) | Self::Station(_) | Self::Trunk { .. } => &[],
        }
    }

    /// The company whose people he is one of; callers from outside are nobody's.
    fn company(&self) -> CompanyId {
        self.extension()
            .map_or(CompanyId::DEFAULT, |extension| extension.company)
    }

    fn extension(&self) -> Option<&Extension> {
        match self {
            Self::Extension(extension) => Some(extension),
            Self::Station(_) | Self::Trunk { .. } | Self::SipTrunk(_) | Self::E1(_) => None,
        }
    }

    fn direction(&self) -> Direction {
        match self {
            Self::Trunk { .. } | Self::SipTrunk(_) | Self::E1(_) => Direction::Inbound,
            Self::Extension(_) | Self::Station(_) => Direction::Internal,
        }
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    result: CallResult,
    /// What the caller's leg is released with, if it is still there.
    cause: Cause,
}

impl Outcome {
    fn new(result: CallResult, cause: Cause) -> Self {
        Self { result, cause }
    }

    /// An answered call that ended for this cause.
    fn cleared_by(cause: Cause) -> Self {
        Self::new(CallResult::Answered, cause)
    }
}

/// Handles a call from its arrival to its record.
pub(crate) async fn run(
    exchange: Arc<Exchange>,
    incoming: IncomingCall,
    interrupt: queue::Receiver<Interrupt>,
    id: ramal_model::CallId,
) {
    let Some(incoming) = pickup::pick_up(&exchange, incoming) else {
        return;
    };
    let Some(incoming) = supervision::by_code(&exchange, incoming) else {
        return;
    };
    let IncomingCall {
        leg,
        caller,
        dialled,
        hops_left,
        configuration,
    } = incoming;
    let to = Party {
        number: dialled.clone(),
        name: configuration
            .extension_by_number(&dialled)
            .map(|callee| callee.display_name.clone())
            .unwrap_or_default(),
    };
    let direction = caller.direction();
    let mut call = Call::begin(
        exchange,
        id,
        interrupt,
        direction,
        caller.known(&configuration),
        to,
    );
    let leg_record = call.leg_started(&*leg, caller.leg_party());
    let shared = call.exchange().clone();
    let asked = configuration.feature_codes().dialled(&dialled);
    let dialled = match asked {
        Some((FeatureCode::HideNumber, number)) if caller.extension().is_some() => {
            call.hide_number();
            number
        }
        _ => &dialled,
    };
    let route = routing::route(&configuration, &shared, &caller, dialled, |step| {
        call.step(step);
    });
    let slot = caller
        .extension()
        .map(|extension| Slot::take(&shared.live, extension));
    // Who calls for help is let through, however many calls he has.
    let busy = matches!(slot, Some(None)) && !configuration.is_emergency(dialled);
    let caller = Participant::new(leg, caller, leg_record, slot.flatten());
    let outcome = if busy {
        let refused = call.refused(Refused::CallerBusy, Cause::USER_BUSY);
        Box::pin(caller.end(&mut call, refused.cause)).await;
        refused
    } else {
        let following = Following {
            configuration: &configuration,
            hops_left,
        };
        connect(&mut call, caller, route, &following).await
    };
    Box::pin(call.finish(outcome)).await;
}

/// Takes the call where it leads, until it is over.
async fn connect(
    call: &mut Call,
    mut caller: Participant,
    route: Route,
    following: &Following<'_>,
) -> Outcome {
    let mut waiting = Waiting {
        participant: &mut caller,
        transferor: None,
        queued: None,
        asking: None,
        on_behalf_of: None,
    };
    let outcome = match Box::pin(reach(call, &mut waiting, route, following)).await {
        Ok(Reached::Talking(callee)) => {
            return transfer::converse(call, Pair::new(caller, callee), following).await;
        }
        Ok(Reached::Served(outcome)) => outcome,
        Err(not_taken) => not_taken.outcome(),
    };
    Box::pin(caller.end(call, outcome.cause)).await;
    outcome
}

/// One of the calls an extension may have at a time.
pub(crate) struct Slot {
    live: Arc<LiveState>,
    extension: ExtensionId,
    /// Whether the extension took the call.
    took: bool,
    /// The call of a queue it is for.
    of_queue: Option<Box<OfQueue>>,
}

impl Slot {
    pub(crate) fn take(live: &Arc<LiveState>, extension: &Extension) -> Option<Self> {
        live.occupy(extension.id, usize::from(extension.max_calls))
            .then(|| Self {
                live: live.clone(),
                extension: extension.id,
                took: false,
                of_queue: None,
            })
    }

    /// The call is one of a queue.
    fn is_of_queue(&mut self, of_queue: Option<OfQueue>) {
        self.of_queue = of_queue.map(Box::new);
    }

    /// The extension takes the call.
    pub(crate) fn take_call(&mut self) {
        self.took = true;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Whoever is left alone after a call must not look free before.
        self.of_queue = None;
        self.live.release(self.extension, self.took.then(utc_ms));
    }
}

impl Refused {
    /// Why media could not be agreed with a leg.
    fn of_media(cause: Cause) -> Self {
        if cause == Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED {
            Self::NoCommonCodec
        } else {
            Self::NoResources
        }
    }
}

impl Call {
    /// Writes down why the call goes no further.
    fn refused(&mut self, reason: Refused, cause: Cause) -> Outcome {
        self.step(Step::Refused { reason });
        let result = match reason {
            Refused::UnknownNumber
            | Refused::UnconfiguredNumber
            | Refused::Disabled
            | Refused::NothingToPickUp
            | Refused::NothingParked => CallResult::NotFound,
            Refused::Busy | Refused::CallerBusy | Refused::OwnNumber | Refused::NoFreeSlot => {
                CallResult::Busy
            }
            Refused::Rejected
            | Refused::InternationalBarred
            | Refused::CountryBarred
            | Refused::ClassBarred
            | Refused::CallRate
            | Refused::DailyCap
            | Refused::RouteBarred
            | Refused::NoOutboundNumber
            | Refused::NumberNotAssigned
            | Refused::NotInPickupGroup
            | Refused::NotSupervised => CallResult::Rejected,
            Refused::NotRegistered
            | Refused::NoCommonCodec
            | Refused::NoResources
            | Refused::TrunksDown
            | Refused::NoFreeLine => CallResult::Failed,
        };
        Outcome::new(result, cause)
    }
}
