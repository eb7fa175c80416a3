//! Timers of a call and what happens when they run out (Q.931 §9.2).

use std::time::{Duration, Instant};

use super::{Call, Context};
use crate::Cause;
use crate::event::Event;
use crate::message::MessageType;
use crate::settings::Timers;

/// Timers by the standard's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    T301,
    T302,
    T303,
    T304,
    T305,
    T306,
    T308,
    T310,
    T313,
    T322,
}

impl Timer {
    fn duration(self, timers: &Timers) -> Duration {
        match self {
            Self::T301 => timers.t301,
            Self::T302 => timers.t302,
            Self::T303 => timers.t303,
            Self::T304 => timers.t304,
            Self::T305 => timers.t305,
            Self::T306 => timers.t306,
            Self::T308 => timers.t308,
            Self::T310 => timers.t310,
            Self::T313 => timers.t313,
            Self::T322 => timers.t322,
        }
    }
}

/// A timer that runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) timer: Timer,
    at: Instant,
    /// It has run out once before.
    again: bool,
}

impl Running {
    pub(super) fn start(timer: Timer, ctx: &Context<'_>) -> Self {
        Self {
            timer,
            at: ctx.now + timer.duration(&ctx.settings.timers),
            again: false,
        }
    }

    fn once_more(timer: Timer, ctx: &Context<'_>) -> Self {
        Self {
            again: true,
            ..Self::start(timer, ctx)
        }
    }
}

impl Call {
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let protocol = self.timer.map(|running| running.at);
        let enquiry = self.t322.map(|running| running.at);
        protocol.into_iter().chain(enquiry).chain(self.t309).min()
    }

    /// Lets what is due run out.
    pub(crate) fn timeout(&mut self, ctx: &mut Context<'_>) {
        if self.t309.is_some_and(|at| at <= ctx.now) {
            return self.finish(Cause::DESTINATION_OUT_OF_ORDER, ctx);
        }
        if let Some(due) = self.t322.take_if(|running| running.at <= ctx.now) {
            if due.again {
                // §5.8.10: nobody answers for this call.
                self.disconnect(Cause::TEMPORARY_FAILURE, false, ctx);
            } else {
                self.enquire(ctx);
                self.t322 = Some(Running::once_more(Timer::T322, ctx));
            }
        }
        if let Some(due) = self.timer.take_if(|running| running.at <= ctx.now) {
            self.expired(due, ctx);
        }
    }

    fn expired(&mut self, due: Running, ctx: &mut Context<'_>) {
        match due.timer {
            Timer::T301 => {
                self.disconnect(Cause::RECOVERY_ON_TIMER_EXPIRY, false, ctx);
                // What the calling side is told (§5.2.5.3).
                self.cause = Cause::NO_ANSWER;
            }
            Timer::T302 => {
                let event = Event::Digits {
                    call: self.id,
                    digits: String::new(),
                    complete: true,
                };
                ctx.tell(event);
            }
            Timer::T303 => match self.setup.as_deref() {
                Some(setup) if !due.again => {
                    ctx.messages.push(setup.clone());
                    self.timer = Some(Running::once_more(Timer::T303, ctx));
                }
                _ => {
                    let cause = Cause::RECOVERY_ON_TIMER_EXPIRY;
                    self.send_cause(MessageType::ReleaseComplete, cause, ctx);
                    self.finish(Cause::NO_USER_RESPONDING, ctx);
                }
            },
            Timer::T304 | Timer::T310 | Timer::T313 => {
                self.disconnect(Cause::RECOVERY_ON_TIMER_EXPIRY, false, ctx);
            }
            Timer::T305 | Timer::T306 => self.release(self.cause, ctx),
            Timer::T308 if !due.again => {
                self.send_cause(MessageType::Release, self.cause, ctx);
                self.timer = Some(Running::once_more(Timer::T308, ctx));
            }
            Timer::T308 => {
                // §5.3.3: the channel is put into a maintenance condition.
                ctx.lost_channels.extend(self.channel);
                self.finish(self.cause, ctx);
            }
            // Runs apart from these.
            Timer::T322 => {}
        }
    }

    /// The peer tells its progress in another way: T304 and T310 need not watch it any more.
    pub(super) fn stop_progress_timer(&mut self) {
        self.timer
            .take_if(|running| matches!(running.timer, Timer::T304 | Timer::T310));
    }
}
