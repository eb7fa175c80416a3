//! Messages for the interface as a whole: RESTART (Q.931 §5.5) and SERVICE.

use std::time::Instant;

use super::Interface;
use crate::Cause;
use crate::channels::{ChannelSet, ChannelStatus};
use crate::event::{Event, Fault};
use crate::ie::{ChannelNumbers, RestartIndicator, id};
use crate::message::{Elements, Faults, Message, MessageType};
use crate::restart::{Expiry, Extent};

/// State "Restart null" (Q.931 §4.5.7).
const REST_0: u8 = 0;

impl Interface {
    /// A message with the global call reference.
    pub(super) fn global(&mut self, message: &Message, faults: &Faults, now: Instant) {
        match message.kind {
            MessageType::Restart => self.restart_received(message, faults, now),
            MessageType::RestartAcknowledge => self.restart_acknowledged(message),
            MessageType::Status => {
                let cause = message.elements.cause.as_ref();
                self.tell(Event::Fault(Fault::Status {
                    call: None,
                    cause: cause.map_or(Cause::NORMAL_UNSPECIFIED, |element| element.cause),
                    peer_state: message.elements.call_state.unwrap_or(REST_0),
                }));
            }
            MessageType::ReleaseComplete => {}
            // §5.8.3.2 f.
            _ => self.global_status(message, Cause::INVALID_CALL_REFERENCE, &[], now),
        }
    }

    fn global_status(&mut self, message: &Message, cause: Cause, diagnostics: &[u8], now: Instant) {
        let mut status = Message::new(message.reference, MessageType::Status);
        let cause = self.context(now).cause(cause, diagnostics);
        status.elements = Elements {
            cause: Some(cause),
            call_state: Some(REST_0),
            ..Elements::default()
        };
        self.messages.push(status);
    }

    fn restart_received(&mut self, message: &Message, faults: &Faults, now: Instant) {
        let elements = &message.elements;
        let Some(extent) = elements.restart else {
            let cause = match faults.malformed.contains(&id::RESTART_INDICATOR) {
                true => Cause::INVALID_ELEMENT_CONTENTS,
                false => Cause::MANDATORY_ELEMENT_MISSING,
            };
            return self.global_status(message, cause, &[id::RESTART_INDICATOR], now);
        };
        let present = self.channels.present();
        let channels = match (extent, elements.channel) {
            (RestartIndicator::IndicatedChannels, None) => {
                let cause = match faults.malformed.contains(&id::CHANNEL_IDENTIFICATION) {
                    true => Cause::INVALID_ELEMENT_CONTENTS,
                    false => Cause::MANDATORY_ELEMENT_MISSING,
                };
                return self.global_status(message, cause, &[id::CHANNEL_IDENTIFICATION], now);
            }
            (RestartIndicator::IndicatedChannels, Some(told)) => match told.channels {
                ChannelNumbers::Named(set) if set.iter().any(|it| present.contains(it)) => set,
                _ => {
                    let cause = Cause::IDENTIFIED_CHANNEL_DOES_NOT_EXIST;
                    return self.global_status(message, cause, &[], now);
                }
            },
            _ => present,
        };
        let channels: ChannelSet = channels.iter().filter(|it| present.contains(*it)).collect();
        for channel in channels.iter() {
            self.clear_channel(channel, now);
            self.channels.block_by_peer(channel, false);
            if self.channels.status(channel) == Some(ChannelStatus::OutOfService) {
                self.channels.set_status(channel, ChannelStatus::Idle);
            }
        }
        if extent != RestartIndicator::IndicatedChannels {
            // Calls that wait for a channel, too.
            self.with_each_call(now, |call, ctx| call.restarted(ctx));
        }
        let mut answer = Message::new(message.reference, MessageType::RestartAcknowledge);
        answer.elements = Elements {
            channel: elements.channel,
            restart: Some(extent),
            ..Elements::default()
        };
        self.messages.push(answer);
        self.tell(Event::Restarted { extent, channels });
    }

    fn restart_acknowledged(&mut self, message: &Message) {
        if let Some(extent) = self.restarts.acknowledged(&message.elements) {
            self.set_restarted(extent, ChannelStatus::Idle);
            self.tell(Event::RestartDone { channel: extent });
        }
    }

    /// Sends the next RESTART, if one waits and none is under way.
    pub(super) fn start_restarts(&mut self, now: Instant) {
        let Some((extent, message)) = self.restarts.next(self.settings.timers.t316, now) else {
            return;
        };
        for channel in self.restarted_channels(extent).iter() {
            self.clear_channel(channel, now);
            self.channels.set_status(channel, ChannelStatus::Restarting);
        }
        if extent.is_none() {
            self.with_each_call(now, |call, ctx| call.restarted(ctx));
        }
        self.messages.push(message);
    }

    pub(super) fn restart_timeout(&mut self, now: Instant) {
        match self.restarts.timeout(self.settings.timers.t316, now) {
            Some(Expiry::Again(message)) => self.messages.push(*message),
            Some(Expiry::GivenUp(extent)) => {
                self.set_restarted(extent, ChannelStatus::OutOfService);
                self.tell(Event::RestartFailed { channel: extent });
            }
            None => {}
        }
    }

    fn restarted_channels(&self, extent: Extent) -> ChannelSet {
        match extent {
            Some(channel) => ChannelSet::from_iter([channel]),
            None => self.channels.present(),
        }
    }

    fn set_restarted(&mut self, extent: Extent, status: ChannelStatus) {
        for channel in self.restarted_channels(extent).iter() {
            if self.channels.status(channel) == Some(ChannelStatus::Restarting) {
                self.channels.set_status(channel, status);
            }
        }
    }

    /// SERVICE of North American networks: the peer takes channels out of service, or puts them back; it is acknowledged
    /// as it is.
    pub(super) fn service(&mut self, message: &Message) {
        let MessageType::Service(protocol) = message.kind else {
            return;
        };
        let elements = &message.elements;
        let (Some(status), Some(told)) = (elements.change_status, elements.channel) else {
            return;
        };
        if let ChannelNumbers::Named(set) = told.channels {
            let present = self.channels.present();
            for channel in set.iter().filter(|it| present.contains(*it)) {
                // 0 in service, 1 maintenance, 2 out of service.
                let in_service = status & 7 == 0;
                if self.channels.is_blocked_by_peer(channel) == in_service {
                    self.channels.block_by_peer(channel, !in_service);
                    self.tell(Event::ServiceChanged {
                        channel,
                        in_service,
                    });
                }
            }
        }
        let mut answer = Message::new(message.reference, MessageType::ServiceAcknowledge(protocol));
        answer.elements = Elements {
            change_status: Some(status),
            channel: elements.channel,
            ..Elements::default()
        };
        self.messages.push(answer);
    }
}
