//! Supervisors: whose calls somebody may supervise, and how he comes into them (AT-03, F253).
//!
//! A supervisor has no call of his own while he supervises: his leg becomes the third one of the call (`call::third`). He
//! comes by dialling the code before the number of an extension, or is rung because a program asked for it.

use ramal_model::{Area, CallId, Configuration, Extension, FeatureCode, Verb};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::oneshot;
use utoipa::ToSchema;

use crate::call::{Caller, IncomingCall, Interrupt, Newcomer, Slot};
use crate::exchange::Exchange;
use crate::live::CallState;

/// What a supervisor does in a call. At his phone he changes it by a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Supervision {
    /// He hears both, and nobody hears him (key 4).
    Listen,
    /// The one he supervises hears him (key 5).
    Whisper,
    /// Both hear him (key 6).
    Barge,
    /// He takes the place of the one he supervises (key 7).
    TakeOver,
}

impl Supervision {
    /// What a key means that a supervisor presses.
    pub(crate) fn by_key(key: char) -> Option<Self> {
        match key {
            '4' => Some(Self::Listen),
            '5' => Some(Self::Whisper),
            '6' => Some(Self::Barge),
            '7' => Some(Self::TakeOver),
            _ => None,
        }
    }
}

/// Why a call is not supervised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SupervisionRefusal {
    /// No call in progress has this id.
    #[error("there is no such call")]
    NoCall,
    /// The extension takes no part in the call.
    #[error("the extension takes no part in the call")]
    NotInCall,
    /// Nobody talks in the call.
    #[error("nobody talks yet")]
    NotTalking,
    /// The supervisor's extension does not exist or is switched off.
    #[error("the supervisor has no extension that may call")]
    NoExtension,
    /// The gateway has as many calls as it may.
    #[error("there is no room for another call")]
    NoRoom,
}

/// Somebody's wish to supervise a call. Dropping it hangs him up.
#[derive(Debug)]
pub(crate) struct Watch {
    /// His number.
    pub(crate) by: String,
    /// The number of the extension whose call it is.
    pub(crate) of: String,
    /// What he wants to do.
    pub(crate) mode: Supervision,
    /// His leg, unless he is in the call already.
    pub(crate) newcomer: Option<Newcomer>,
    /// Told whether it was done.
    pub(crate) told: Option<oneshot::Sender<bool>>,
}

impl Watch {
    /// Tells whoever asked.
    pub(crate) fn tell(&mut self, done: bool) {
        if let Some(told) = self.told.take() {
            // He may not have waited.
            let _ = told.send(done);
        }
    }
}

/// Whether somebody at this extension may supervise the calls of another one.
fn may_supervise(configuration: &Configuration, by: &Extension, of: &Extension) -> bool {
    let Some(user) = configuration.user_at(by.id).filter(|_| by.id != of.id) else {
        return false;
    };
    let scope = configuration
        .permissions_of(user)
        .scope(Area::Live, Verb::Listen);
    scope.is_some_and(|scope| {
        let people = configuration.people(Some(user.id), scope);
        people.have_extension(configuration, of.id)
    })
}

/// The call that an extension talks in, the latest if there are several.
fn call_of(exchange: &Exchange, number: &str) -> Option<CallId> {
    let calls = exchange.live.calls_of(number);
    let talks = |state: CallState| matches!(state, CallState::Answered | CallState::Held);
    let mut talking = calls.iter().rev().filter(|one| talks(one.call.state));
    talking.next().map(|one| one.call.id.clone())
}

/// Lets somebody who has dialled the code into the call that he may supervise; gives him back otherwise.
pub(crate) fn by_code(exchange: &Exchange, incoming: IncomingCall) -> Option<IncomingCall> {
    let configuration = &incoming.configuration;
    let dialled = &incoming.dialled;
    let asked = configuration.feature_codes().dialled(dialled);
    let (Some((FeatureCode::Supervise, number)), Caller::Extension(by)) = (asked, &incoming.caller)
    else {
        return Some(incoming);
    };
    let found = configuration
        .extension_by_number(number)
        .filter(|of| may_supervise(configuration, by, of))
        .filter(|_| configuration.who_is_at(dialled).is_none())
        .and_then(|of| Some((call_of(exchange, &of.number)?, of.number.clone())));
    let Some((call, of)) = found else {
        return Some(incoming);
    };
    let Some(slot) = Slot::take(&exchange.live, by) else {
        return Some(incoming);
    };
    tracing::info!(%call, by = by.number, of, "a call is supervised");
    let watch = Watch {
        by: by.number.clone(),
        of,
        mode: Supervision::Listen,
        newcomer: Some(Newcomer::calling(incoming.leg, incoming.caller, Some(slot))),
        told: None,
    };
    // A call that ends meanwhile lets it drop, which hangs him up.
    exchange.interrupt(&call, Interrupt::Supervise(Box::new(watch)));
    None
}
