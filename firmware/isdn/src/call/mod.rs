//! One call: the procedures of Q.931 §5 for the side it is on.

mod clearing;
mod command;
mod data_link;
mod receive;
mod setup;
mod state;
mod timer;

use std::collections::VecDeque;
use std::time::Instant;

use crate::Cause;
use crate::channels::Channels;
use crate::event::{CallId, Event, Output};
use crate::ie::{CauseElement, ChannelIdentification, Location, PartyNumber};
use crate::ie::{ProgressDescription, ProgressIndicator};
use crate::message::{CallReference, Elements, Message, MessageType};
use crate::settings::{Role, Settings};

pub(crate) use setup::Refusal;
pub(crate) use state::Stage;
pub use state::{CallState, StateNumber};
use timer::{Running, Timer};

/// What a call acts upon besides itself.
pub(crate) struct Context<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) channels: &'a mut Channels,
    /// Messages to send, in order.
    pub(crate) messages: &'a mut Vec<Message>,
    pub(crate) outputs: &'a mut VecDeque<Output>,
    /// Channels whose peer did not answer RELEASE: to be restarted (§5.3.3).
    pub(crate) lost_channels: &'a mut Vec<u8>,
    pub(crate) now: Instant,
}

impl Context<'_> {
    pub(crate) fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// A cause of ours.
    pub(crate) fn cause(&self, cause: Cause, diagnostics: &[u8]) -> CauseElement {
        CauseElement {
            location: location(self.settings.role),
            cause,
            diagnostics: diagnostics.to_vec(),
        }
    }
}

/// Where what this side says comes from.
fn location(role: Role) -> Location {
    match role {
        Role::User => Location::User,
        Role::Network => Location::PrivateLocal,
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Call {
    id: CallId,
    reference: CallReference,
    stage: Stage,
    /// `None` after it was given up to a call of the network (§5.7), until the network names another.
    channel: Option<u8>,
    /// Our SETUP does not let the peer choose another channel.
    exclusive: bool,
    /// The channel was named in the first answer to SETUP.
    channel_settled: bool,
    timer: Option<Running>,
    t309: Option<Instant>,
    t322: Option<Running>,
    /// Our SETUP, until it is answered.
    setup: Option<Box<Message>>,
    /// Digits that wait for SETUP ACKNOWLEDGE.
    waiting_digits: Option<(PartyNumber, bool)>,
    /// Why the call ends, once it does.
    cause: Cause,
}

impl Call {
    pub(crate) fn id(&self) -> CallId {
        self.id
    }

    pub(crate) fn reference(&self) -> CallReference {
        self.reference
    }

    pub(crate) fn channel(&self) -> Option<u8> {
        self.channel
    }

    pub(crate) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    pub(crate) fn state(&self, role: Role) -> CallState {
        self.stage.state(role)
    }

    /// Our SETUP was sent and nothing has come back: its channel is not settled.
    pub(crate) fn may_yield(&self) -> bool {
        self.stage == Stage::SetupSent
    }

    /// Gives its channel up to a call of the network (§5.7).
    pub(crate) fn yield_channel(&mut self, channels: &mut Channels) {
        if let Some(channel) = self.channel.take() {
            channels.free(channel, self.id);
        }
    }

    fn send(&self, kind: MessageType, elements: Elements, ctx: &mut Context<'_>) {
        ctx.messages.push(Message {
            reference: self.reference,
            kind,
            elements,
        });
    }

    fn send_cause(&self, kind: MessageType, cause: Cause, ctx: &mut Context<'_>) {
        let elements = Elements {
            cause: Some(ctx.cause(cause, &[])),
            ..Elements::default()
        };
        self.send(kind, elements, ctx);
    }

    /// STATUS with our state (§5.8).
    fn send_status(&self, cause: Cause, diagnostics: &[u8], ctx: &mut Context<'_>) {
        let elements = Elements {
            cause: Some(ctx.cause(cause, diagnostics)),
            call_state: Some(self.state(ctx.settings.role).value()),
            ..Elements::default()
        };
        self.send(MessageType::Status, elements, ctx);
    }

    /// Asks for the peer's state (§5.8.10).
    fn enquire(&mut self, ctx: &mut Context<'_>) {
        self.send(MessageType::StatusEnquiry, Elements::default(), ctx);
        self.t322 = Some(Running::start(Timer::T322, ctx));
    }

    fn start(&mut self, timer: Timer, ctx: &Context<'_>) {
        self.timer = Some(Running::start(timer, ctx));
    }

    /// The channel, for the first answer to an incoming SETUP (§5.1.2, §5.2.3.1); later ones need not repeat it.
    fn first_answer(&mut self) -> Option<ChannelIdentification> {
        if self.channel_settled {
            return None;
        }
        self.channel_settled = true;
        self.channel
            .map(|channel| ChannelIdentification::one(channel, true))
    }

    /// It is over: the reference and the channel are free.
    fn finish(&mut self, cause: Cause, ctx: &mut Context<'_>) {
        if self.stage == Stage::Over {
            return;
        }
        self.stage = Stage::Over;
        self.timer = None;
        self.t309 = None;
        self.t322 = None;
        if let Some(channel) = self.channel.take() {
            ctx.channels.free(channel, self.id);
        }
        ctx.tell(Event::Released {
            call: self.id,
            cause,
        });
    }
}

/// "In-band information or appropriate pattern now available", if it is.
fn in_band(there: bool, ctx: &Context<'_>) -> Vec<ProgressIndicator> {
    progress(there.then_some(ProgressDescription::InBand), ctx)
}

fn progress(description: Option<ProgressDescription>, ctx: &Context<'_>) -> Vec<ProgressIndicator> {
    description
        .map(|description| ProgressIndicator {
            location: match ctx.settings.role {
                // Tones of a gateway come from the private network behind it.
                Role::User => Location::PrivateLocal,
                Role::Network => location(Role::Network),
            },
            description,
        })
        .into_iter()
        .collect()
}
