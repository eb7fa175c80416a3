//! An FXS line: the exchange's end of a line to a telephone.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{
    Alerting, AlertingStep, CallerIdPlace, HardwareCommand, HardwareEvent, HookDecoder, HookSignal,
    HookTiming, LeftOffHook, OffHookSound, Polarity, RingCadence,
};

/// How long hardware passes on sound for a message to a telephone that is on-hook.
const MESSAGE: Duration = Duration::from_secs(4);
/// Between the telephone's going on-hook and a message to its lamp, and between two rings and such a message.
const QUIET: Duration = Duration::from_millis(1_000);
/// After the feed was cut, until current flows as the telephone lets it.
const SETTLING: Duration = Duration::from_millis(200);
/// Outputs that may wait.
const OUTPUTS: usize = 32;

/// How a telephone is signalled to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FxsSignalling {
    /// How its loop is read.
    pub hook: HookTiming,
    /// When it is told who calls; `None`: never.
    pub caller_id: Option<CallerIdPlace>,
    /// For how long the feed is cut when the other end has hung up; zero: not at all.
    pub disconnect: Duration,
    /// Whether the feed is reversed while a call it made is answered.
    pub reverse_on_answer: bool,
    /// What it hears after a call until it is put down; `None`: silence.
    pub left_off_hook: Option<LeftOffHook>,
}

impl Default for FxsSignalling {
    fn default() -> Self {
        FxsSignalling {
            hook: HookTiming::default(),
            caller_id: Some(CallerIdPlace::AfterFirstRing),
            disconnect: Duration::from_millis(600),
            reverse_on_answer: false,
            left_off_hook: Some(LeftOffHook::default()),
        }
    }
}

/// What the gateway wants of a telephone's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FxsCommand {
    /// Ring it. `caller_id`: there is somebody to be told.
    Ring {
        /// In this rhythm.
        cadence: RingCadence,
        /// Whether there is a caller to tell.
        caller_id: bool,
    },
    /// Stop ringing.
    StopRinging,
    /// The party it called has answered.
    Answered,
    /// The call is over.
    HangUp,
    /// Another call begins on the lifted telephone: nothing of the last one is left.
    Renew,
    /// Tell its lamp about messages, when it is on-hook.
    TellMessageWaiting,
}

/// What a telephone has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FxsEvent {
    /// Lifted; ends ringing.
    OffHook,
    /// Put down.
    OnHook,
    /// The recall key.
    Flash,
    /// A digit of a dial.
    PulseDigit(char),
    /// It was not put down for long after a call (true), or is at last.
    LeftOffHook(bool),
    /// The card is in alarm (true), or well again.
    Hardware(bool),
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FxsOutput {
    /// Tell the hardware.
    Hardware(HardwareCommand),
    /// Send the dual alerting tone; [`FxsLine::sound_sent`] follows.
    SendAlertingTone,
    /// Send the caller; [`FxsLine::sound_sent`] follows.
    SendCallerId,
    /// Send the lamp's message.
    SendMessageWaiting,
    /// Stop what is sent to the telephone on-hook: it was lifted, or ringing is over.
    StopSending,
    /// Let it hear this in place of a call.
    Sound(OffHookSound),
    /// Tell the gateway.
    Event(FxsEvent),
}

/// The signalling of one telephone's line.
#[derive(Clone, Debug)]
pub struct FxsLine {
    signalling: FxsSignalling,
    hook: HookDecoder,
    alerting: Option<Alerting>,
    /// Until when the feed is cut.
    cut_until: Option<Instant>,
    /// Until when the loop says nothing because no current flows, and what it said last meanwhile.
    blind_until: Option<Instant>,
    unseen: bool,
    reversed: bool,
    /// Since when the call is over while the telephone is lifted, and what it heard last.
    over_since: Option<Instant>,
    heard: Option<OffHookSound>,
    /// The lamp is to be told; the telephone has been quiet since.
    lamp: bool,
    quiet_since: Option<Instant>,
    left: bool,
    alarm: bool,
    outputs: VecDeque<FxsOutput>,
}

impl FxsLine {
    /// A telephone on-hook.
    #[must_use]
    pub fn new(signalling: FxsSignalling) -> Self {
        FxsLine {
            hook: HookDecoder::new(signalling.hook.clone()),
            signalling,
            alerting: None,
            cut_until: None,
            blind_until: None,
            unseen: false,
            reversed: false,
            over_since: None,
            heard: None,
            lamp: false,
            quiet_since: None,
            left: false,
            alarm: false,
            outputs: VecDeque::with_capacity(OUTPUTS),
        }
    }

    /// Other signalling from now on.
    pub fn set_signalling(&mut self, signalling: FxsSignalling) {
        self.hook.set_timing(signalling.hook.clone());
        self.signalling = signalling;
    }

    /// Whether the telephone is lifted.
    #[must_use]
    pub fn is_off_hook(&self) -> bool {
        self.hook.is_off_hook()
    }

    /// Whether it rings, or is about to.
    #[must_use]
    pub fn is_ringing(&self) -> bool {
        self.alerting.is_some()
    }

    /// Whether it was not put down for long after a call.
    #[must_use]
    pub fn is_left_off_hook(&self) -> bool {
        self.left
    }

    /// Whether the card is in alarm.
    #[must_use]
    pub fn is_in_alarm(&self) -> bool {
        self.alarm
    }

    /// What the gateway wants.
    pub fn command(&mut self, command: FxsCommand, now: Instant) {
        match command {
            FxsCommand::Ring { cadence, caller_id } if !self.is_off_hook() => {
                self.stop_ringing();
                let place = self.signalling.caller_id.filter(|_| caller_id);
                self.alerting = Some(Alerting::new(cadence, place));
            }
            FxsCommand::Ring { .. } => {}
            FxsCommand::StopRinging => {
                self.stop_ringing();
                self.quiet_since = Some(now);
            }
            FxsCommand::Answered => {
                if self.signalling.reverse_on_answer && self.is_off_hook() {
                    self.reverse(true);
                }
            }
            FxsCommand::HangUp => {
                self.stop_ringing();
                self.reverse(false);
                if self.is_off_hook() && self.over_since.is_none() {
                    self.over_since = Some(now);
                    if !self.signalling.disconnect.is_zero() {
                        self.cut_until = Some(now + self.signalling.disconnect);
                        self.blind_until = Some(now + self.signalling.disconnect + SETTLING);
                        self.unseen = true;
                        self.hardware_command(HardwareCommand::Battery(false));
                    }
                }
            }
            FxsCommand::Renew => {
                if self.over_since.take().is_some() {
                    self.feed_again();
                    self.heard = None;
                }
            }
            FxsCommand::TellMessageWaiting => {
                self.lamp = true;
                self.quiet_since.get_or_insert(now);
            }
        }
    }

    /// What the hardware noticed.
    pub fn hardware(&mut self, event: HardwareEvent, now: Instant) {
        match event {
            HardwareEvent::Loop(closed) if self.blind_until.is_some() => self.unseen = closed,
            HardwareEvent::Loop(closed) => self.hook.loop_changed(closed, now),
            HardwareEvent::Hook(signal) => self.hook.told(signal),
            HardwareEvent::Alarm(alarm) if alarm != self.alarm => {
                self.alarm = alarm;
                self.output(FxsOutput::Event(FxsEvent::Hardware(alarm)));
            }
            _ => {}
        }
        self.fetch_hook(now);
    }

    /// The alerting tone or the caller has been sent.
    pub fn sound_sent(&mut self, now: Instant) {
        if let Some(alerting) = &mut self.alerting {
            alerting.sound_sent(now);
        }
    }

    /// Lets time go by.
    pub fn advance(&mut self, now: Instant) {
        if self.cut_until.is_some_and(|until| now >= until) {
            self.feed_again();
        }
        if self.blind_until.is_some_and(|until| now >= until) {
            self.blind_until = None;
            self.hook.loop_changed(self.unseen, now);
        }
        self.hook.advance(now);
        self.fetch_hook(now);
        while let Some(step) = self
            .alerting
            .as_mut()
            .and_then(|alerting| alerting.advance(now))
        {
            self.output(match step {
                AlertingStep::Hardware(command) => FxsOutput::Hardware(command),
                AlertingStep::SendAlertingTone => FxsOutput::SendAlertingTone,
                AlertingStep::SendCallerId => FxsOutput::SendCallerId,
            });
        }
        self.left_off_hook(now);
        let quiet = self
            .quiet_since
            .is_some_and(|since| now.saturating_duration_since(since) >= QUIET);
        if self.lamp && quiet && !self.is_off_hook() && !self.is_ringing() {
            self.lamp = false;
            self.hardware_command(HardwareCommand::OnHookTransmission(MESSAGE));
            self.output(FxsOutput::SendMessageWaiting);
        }
    }

    /// What is to be done, in order.
    pub fn next_output(&mut self) -> Option<FxsOutput> {
        self.outputs.pop_front()
    }

    fn fetch_hook(&mut self, now: Instant) {
        while let Some(signal) = self.hook.next_signal() {
            let event = match signal {
                HookSignal::OffHook => {
                    self.stop_ringing();
                    self.output(FxsOutput::StopSending);
                    self.quiet_since = None;
                    FxsEvent::OffHook
                }
                HookSignal::OnHook => {
                    self.feed_again();
                    self.reverse(false);
                    self.over_since = None;
                    self.heard = None;
                    self.quiet_since = Some(now);
                    if std::mem::take(&mut self.left) {
                        self.output(FxsOutput::Event(FxsEvent::LeftOffHook(false)));
                    }
                    FxsEvent::OnHook
                }
                HookSignal::Flash => FxsEvent::Flash,
                HookSignal::PulseDigit(digit) => FxsEvent::PulseDigit(digit),
            };
            self.output(FxsOutput::Event(event));
        }
    }

    fn stop_ringing(&mut self) {
        if let Some(mut alerting) = self.alerting.take() {
            for command in alerting.stop().into_iter().flatten() {
                self.hardware_command(command);
            }
            self.output(FxsOutput::StopSending);
        }
    }

    fn feed_again(&mut self) {
        if self.cut_until.take().is_some() {
            self.hardware_command(HardwareCommand::Battery(true));
        }
    }

    fn reverse(&mut self, reversed: bool) {
        if reversed != std::mem::replace(&mut self.reversed, reversed) {
            self.hardware_command(HardwareCommand::Polarity(if reversed {
                Polarity::Reversed
            } else {
                Polarity::Normal
            }));
        }
    }

    fn left_off_hook(&mut self, now: Instant) {
        let (Some(since), Some(plan)) = (self.over_since, self.signalling.left_off_hook) else {
            return;
        };
        let sound = plan.sound(since, now);
        if self.heard.replace(sound) == Some(sound) {
            return;
        }
        self.output(FxsOutput::Sound(sound));
        if sound != OffHookSound::Busy && !std::mem::replace(&mut self.left, true) {
            self.output(FxsOutput::Event(FxsEvent::LeftOffHook(true)));
        }
    }

    fn hardware_command(&mut self, command: HardwareCommand) {
        self.output(FxsOutput::Hardware(command));
    }

    fn output(&mut self, output: FxsOutput) {
        self.outputs.push_back(output);
    }
}

#[cfg(test)]
#[path = "fxs_tests.rs"]
mod tests;
