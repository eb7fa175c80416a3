//! RESTART: bringing channels, or all of them, back to idle (Q.931 §5.5).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::ie::{ChannelIdentification, RestartIndicator};
use crate::message::{CallReference, Elements, Message, MessageType, Origin};

/// What is restarted: one channel, or the interface.
pub(crate) type Extent = Option<u8>;

/// Restarts this side asks for, one after the other as the global call reference allows: states "Restart null" and
/// "Restart request".
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    waiting: VecDeque<Extent>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    extent: Extent,
    at: Instant,
    again: bool,
}

/// What T316 has led to.
pub(crate) enum Expiry {
    Again(Box<Message>),
    GivenUp(Extent),
}

impl Restarts {
    /// Asks for a restart; asking twice is asking once.
    pub(crate) fn want(&mut self, extent: Extent) {
        let runs = self
            .running
            .as_ref()
            .is_some_and(|running| running.extent == extent);
        if !runs && !self.waiting.contains(&extent) {
            self.waiting.push_back(extent);
        }
    }

    /// The next RESTART, if none is under way.
    pub(crate) fn next(&mut self, t316: Duration, now: Instant) -> Option<(Extent, Message)> {
        if self.running.is_some() {
            return None;
        }
        let extent = self.waiting.pop_front()?;
        self.running = Some(Running {
            extent,
            at: now + t316,
            again: false,
        });
        Some((extent, message(extent)))
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.running.as_ref().map(|running| running.at)
    }

    pub(crate) fn timeout(&mut self, t316: Duration, now: Instant) -> Option<Expiry> {
        let running = self.running.as_mut().filter(|running| running.at <= now)?;
        if running.again {
            return self.running.take().map(|it| Expiry::GivenUp(it.extent));
        }
        running.again = true;
        running.at = now + t316;
        Some(Expiry::Again(Box::new(message(running.extent))))
    }

    /// RESTART ACKNOWLEDGE. `None` when it does not belong to the restart that runs.
    pub(crate) fn acknowledged(&mut self, elements: &Elements) -> Option<Extent> {
        let extent = self.running.as_ref()?.extent;
        let fits = match (extent, elements.restart, elements.channel) {
            (Some(channel), Some(RestartIndicator::IndicatedChannels), Some(told)) => {
                told.single() == Some(channel)
            }
            // Some peers do not repeat the channel.
            (Some(_), Some(RestartIndicator::IndicatedChannels), None) => true,
            (None, Some(RestartIndicator::SingleInterface), _) => true,
            // Others always speak of all interfaces.
            (None, Some(RestartIndicator::AllInterfaces), _) => true,
            _ => false,
        };
        fits.then(|| self.running = None).map(|()| extent)
    }

    /// The data link is lost: what runs has to begin again.
    pub(crate) fn link_lost(&mut self) {
        if let Some(running) = self.running.take() {
            self.waiting.push_front(running.extent);
        }
    }
}

fn message(extent: Extent) -> Message {
    let mut message = Message::new(CallReference::new(Origin::Ours, 0), MessageType::Restart);
    message.elements = match extent {
        Some(channel) => Elements {
            channel: Some(ChannelIdentification::one(channel, true)),
            restart: Some(RestartIndicator::IndicatedChannels),
            ..Elements::default()
        },
        None => Elements {
            restart: Some(RestartIndicator::SingleInterface),
            ..Elements::default()
        },
    };
    message
}
