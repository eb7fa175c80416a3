//! How a call begins (Q.931 §5.1, §5.2).

use super::{Call, Context, Running, Stage, Timer, progress};
use crate::Cause;
use crate::channels::{Channels, Direction};
use crate::command::OutgoingCall;
use crate::event::{CallId, Event, IncomingCall};
use crate::ie::{
    CallingName, ChannelIdentification, ChannelNumbers, Presentation, ProgressDescription, id,
};
use crate::message::{CallReference, Elements, Faults, Message, MessageType};
use crate::settings::{ChannelChoice, NameService};

/// Why a SETUP does not become a call: the cause, and the element to blame.
pub(crate) struct Refusal {
    pub(crate) cause: Cause,
    pub(crate) element: Option<u8>,
}

impl Refusal {
    fn because(cause: Cause) -> Self {
        Self {
            cause,
            element: None,
        }
    }

    fn of_element(cause: Cause, element: u8) -> Self {
        Self {
            cause,
            element: Some(element),
        }
    }
}

impl Call {
    /// Sends SETUP on a channel that is free; with `None` the peer chooses.
    pub(crate) fn outgoing(
        id: CallId,
        reference: CallReference,
        channel: Option<u8>,
        call: OutgoingCall,
        ctx: &mut Context<'_>,
    ) -> Self {
        let insists = ctx.settings.channel_choice == ChannelChoice::Exclusive;
        let exclusive = insists || call.channel.is_some();
        let any = ChannelIdentification {
            channels: ChannelNumbers::Any,
            exclusive: false,
        };
        let (display, facility) = name_elements(ctx.settings.name_service, call.calling_name);
        let mut setup = Message::new(reference, MessageType::Setup);
        setup.elements = Elements {
            sending_complete: call.complete && ctx.settings.sending_complete,
            bearer: Some(call.bearer),
            channel: Some(channel.map_or(any, |it| ChannelIdentification::one(it, exclusive))),
            progress: progress(
                call.from_outside
                    .then_some(ProgressDescription::OriginNotIsdn),
                ctx,
            ),
            display,
            facility,
            keypad: call.keypad,
            calling: call.calling,
            called: Some(call.called).filter(|called| !called.digits().is_empty()),
            original_called: call.original_called,
            redirecting: call.redirecting,
            user_user: call.user_user,
            ..Elements::default()
        };
        ctx.messages.push(setup.clone());
        if let Some(channel) = channel {
            ctx.channels.take(channel, id);
        }
        Self {
            id,
            reference,
            stage: Stage::SetupSent,
            channel,
            exclusive,
            channel_settled: false,
            timer: Some(Running::start(Timer::T303, ctx)),
            t309: None,
            t322: None,
            setup: Some(Box::new(setup)),
            waiting_digits: None,
            cause: Cause::NORMAL_UNSPECIFIED,
        }
    }

    /// Takes a SETUP of the peer, or says why not.
    pub(crate) fn incoming(
        id: CallId,
        message: Message,
        faults: &Faults,
        ctx: &mut Context<'_>,
    ) -> Result<Self, Refusal> {
        if let Some(&element) = faults.not_comprehended.first() {
            let cause = Cause::MANDATORY_ELEMENT_MISSING;
            return Err(Refusal::of_element(cause, element));
        }
        if let Some(element) = message.invalid(faults) {
            let cause = Cause::INVALID_ELEMENT_CONTENTS;
            return Err(Refusal::of_element(cause, element));
        }
        let reference = message.reference;
        let elements = message.elements;
        let Some(bearer) = elements.bearer else {
            let cause = Cause::MANDATORY_ELEMENT_MISSING;
            return Err(Refusal::of_element(cause, id::BEARER_CAPABILITY));
        };
        if !bearer.is_supported() {
            let cause = Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED;
            return Err(Refusal::because(cause));
        }
        let channel = channel_for(elements.channel, ctx.channels)?;
        ctx.channels.take(channel, id);
        let call = Self {
            id,
            reference,
            stage: Stage::SetupReceived,
            channel: Some(channel),
            exclusive: true,
            channel_settled: false,
            timer: None,
            t309: None,
            t322: None,
            setup: None,
            waiting_digits: None,
            cause: Cause::NORMAL_UNSPECIFIED,
        };
        let from_outside = elements.progress.iter().any(|indicator| {
            matches!(
                indicator.description,
                ProgressDescription::OriginNotIsdn | ProgressDescription::NotEndToEndIsdn
            )
        });
        let restricted = elements
            .calling
            .as_ref()
            .is_some_and(|number| number.presentation == Presentation::Restricted);
        let by_display = |name: String| CallingName {
            name,
            presentation: match restricted {
                true => Presentation::Restricted,
                false => Presentation::Allowed,
            },
        };
        let calling_name = elements.calling_name();
        let diversion = elements.diversion().unwrap_or_default();
        let setup = IncomingCall {
            channel,
            bearer,
            complete: elements.sending_complete || !ctx.settings.overlap_receiving,
            calling_name: calling_name.or_else(|| elements.display.map(by_display)),
            called: elements.called,
            calling: elements.calling,
            redirecting: elements.redirecting.or(diversion.redirecting),
            original_called: elements.original_called.or(diversion.original_called),
            keypad: elements.keypad,
            from_outside,
            user_user: elements.user_user,
        };
        ctx.tell(Event::Incoming {
            call: id,
            setup: Box::new(setup),
        });
        Ok(call)
    }

    /// The channel of the peer's first answer to our SETUP (§5.1.2, §5.2.3.1). `false` when the call cannot go on and has
    /// begun to end.
    pub(super) fn settle_channel(
        &mut self,
        told: Option<ChannelIdentification>,
        ctx: &mut Context<'_>,
    ) -> bool {
        self.setup = None;
        if self.channel_settled {
            return true;
        }
        self.channel_settled = true;
        let channel = match told {
            // Ours is right.
            None => self.channel,
            Some(element) => element.single(),
        };
        if channel.is_some() && channel == self.channel {
            return true;
        }
        // What is kept for incoming calls may be given by whoever makes them.
        let Some(channel) = channel.filter(|channel| {
            let is_free = |direction| ctx.channels.is_free(*channel, direction);
            !self.exclusive && (is_free(Direction::Outgoing) || is_free(Direction::Incoming))
        }) else {
            self.release(Cause::CHANNEL_UNACCEPTABLE, ctx);
            return false;
        };
        self.yield_channel(ctx.channels);
        self.channel = Some(channel);
        ctx.channels.take(channel, self.id);
        ctx.tell(Event::ChannelChanged {
            call: self.id,
            channel,
        });
        true
    }
}

/// The Display and the Facility elements that say a caller's name.
fn name_elements(
    service: NameService,
    name: Option<CallingName>,
) -> (Option<String>, Vec<Vec<u8>>) {
    match (service, name) {
        (NameService::Display, Some(name)) if name.presentation == Presentation::Allowed => {
            (Some(name.name), Vec::new())
        }
        (NameService::Facility, Some(name)) => (None, vec![name.encode()]),
        _ => (None, Vec::new()),
    }
}

/// The channel of an incoming call (§5.1.2, §5.2.3).
fn channel_for(asked: Option<ChannelIdentification>, channels: &Channels) -> Result<u8, Refusal> {
    let any = || {
        let channel = channels.select(Direction::Incoming);
        channel.ok_or(Refusal::because(Cause::NO_CHANNEL_AVAILABLE))
    };
    let Some(asked) = asked else {
        return any();
    };
    match asked.channels {
        ChannelNumbers::Any => any(),
        // A call that waits for a channel of another call.
        ChannelNumbers::None => Err(Refusal::because(Cause::NO_CHANNEL_AVAILABLE)),
        ChannelNumbers::Named(set) if set.len() > 1 => {
            let cause = Cause::INVALID_ELEMENT_CONTENTS;
            Err(Refusal::of_element(cause, id::CHANNEL_IDENTIFICATION))
        }
        ChannelNumbers::Named(_) => match asked.single().filter(|it| channels.exists(*it)) {
            Some(channel) if channels.is_free(channel, Direction::Incoming) => Ok(channel),
            Some(_) if asked.exclusive => {
                Err(Refusal::because(Cause::REQUESTED_CHANNEL_NOT_AVAILABLE))
            }
            None if asked.exclusive => {
                Err(Refusal::because(Cause::IDENTIFIED_CHANNEL_DOES_NOT_EXIST))
            }
            _ => any(),
        },
    }
}
