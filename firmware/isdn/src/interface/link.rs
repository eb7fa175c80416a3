//! Between the layers: the data link's primitives (Q.931 §5.8.8, §5.8.9).

use std::time::Instant;

use super::Interface;
use crate::event::{Event, Fault, Output};
use crate::link::LinkOutput;

impl Interface {
    /// Layer 1 has come up or gone (the span's alarms). While it is down nothing is sent, and calls are treated as when
    /// the data link is lost; when it is back the link is established by itself.
    pub fn layer1(&mut self, up: bool, now: Instant) {
        if up == self.layer_1_up {
            return;
        }
        self.layer_1_up = up;
        if up && self.link_wanted {
            self.link.establish(now);
        } else if !up {
            self.establish_at = None;
            self.link.deactivate();
        }
        self.work(now);
    }

    /// Whether the link is wanted; it is, by default. Without it the link is released as by a gateway that shuts down,
    /// and comes up again only when the peer asks for it or it is wanted again.
    pub fn want_link(&mut self, wanted: bool, now: Instant) {
        self.link_wanted = wanted;
        if !self.layer_1_up {
            return;
        }
        match wanted {
            true if !self.link.is_up() => self.link.establish(now),
            true => {}
            false => {
                self.establish_at = None;
                self.link.release(now);
            }
        }
        self.work(now);
    }

    /// Moves what layer 3 has to say into the link, and what the link has to say into outputs, until both are silent.
    pub(super) fn work(&mut self, now: Instant) {
        loop {
            for channel in std::mem::take(&mut self.lost_channels) {
                self.restarts.want(Some(channel));
            }
            if self.link_up {
                self.start_restarts(now);
            }
            for mut message in self.messages.drain(..) {
                let (octets, left_out) = message.encode_within(self.settings.link.n201);
                self.link.send(octets, now);
                for element in left_out {
                    let message = message.kind;
                    let fault = Fault::LeftOut { message, element };
                    self.outputs.push_back(Output::Event(Event::Fault(fault)));
                }
            }
            let Some(output) = self.link.poll() else {
                return;
            };
            match output {
                LinkOutput::Frame(frame) => {
                    if self.layer_1_up {
                        self.trace.add(true, &frame, now);
                        self.outputs.push_back(Output::Transmit(frame));
                    }
                }
                LinkOutput::Data(octets) => self.message_received(&octets, now),
                LinkOutput::Error(error) => self.tell(Event::Fault(Fault::Link(error))),
                LinkOutput::Confirmed | LinkOutput::Established { was_up: false } => {
                    self.link_is_up(now);
                }
                LinkOutput::Established { was_up: true } => {
                    self.with_each_call(now, |call, ctx| call.link_reset(ctx));
                }
                LinkOutput::Released => self.link_is_down(now),
            }
        }
    }

    fn link_is_up(&mut self, now: Instant) {
        self.establish_at = None;
        if self.link_up {
            return;
        }
        self.link_up = true;
        self.tell(Event::LinkUp);
        if self.settings.restart_when_up && self.calls.is_empty() {
            self.restarts.want(None);
        }
        self.with_each_call(now, |call, ctx| call.link_restored(ctx));
    }

    fn link_is_down(&mut self, now: Instant) {
        if self.layer_1_up && self.link_wanted {
            // §5.8.9: asked for again, not so fast that two refusing sides fill the D channel.
            self.establish_at = Some(now + self.settings.link.pause);
        }
        if !self.link_up {
            return;
        }
        self.link_up = false;
        self.restarts.link_lost();
        self.tell(Event::LinkDown);
        self.with_each_call(now, |call, ctx| call.link_lost(ctx));
        // Nothing can be sent any more.
        self.messages.clear();
    }
}
