//! An FXO line: the telephone's end of a line to an exchange.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{
    DialStep, DialString, Dialler, DiallerOutput, Dialling, HardwareCommand, HardwareEvent, Heard,
    PulseTiming, RingChange, RingDetector, Supervision, SupervisionEvent, SupervisionSettings,
};

/// Without battery for this long the line is dead.
const DEAD: Duration = Duration::from_secs(2);
/// Before the first key when nobody waits for dial tone.
const BEFORE_DIALLING: Duration = Duration::from_millis(800);
/// Between dial tone and the first key.
const AFTER_DIAL_TONE: Duration = Duration::from_millis(100);
/// Outputs that may wait.
const OUTPUTS: usize = 32;

/// What is done about dial tone before the first key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialToneUse {
    /// Nothing: keys are sent 800 ms after the loop was closed.
    Ignore,
    /// Wait for it so long at most, and dial all the same.
    Wait(Duration),
    /// Wait for it so long at most; without it nothing is dialled.
    Require(Duration),
}

/// Refuses collect calls where the exchange drops them when the called party hangs up for a moment, as it does in Brazil
/// (the called party's flash ends only a call that the called party is to pay).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoubleAnswer {
    /// How long the line is taken first.
    pub closed: Duration,
    /// How long it is put down then.
    pub open: Duration,
}

/// How a line is signalled on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FxoSignalling {
    /// What tells answer and hang-up.
    pub supervision: SupervisionSettings,
    /// How keys are sent.
    pub dialling: Dialling,
    /// What is done about dial tone.
    pub dial_tone: DialToneUse,
    /// How long a flash opens the loop.
    pub flash: Duration,
    /// Refuses collect calls; `None` takes every call.
    pub double_answer: Option<DoubleAnswer>,
}

impl Default for FxoSignalling {
    fn default() -> Self {
        FxoSignalling {
            supervision: SupervisionSettings::default(),
            dialling: Dialling::Tones,
            dial_tone: DialToneUse::Wait(Duration::from_secs(4)),
            flash: Duration::from_millis(300),
            double_answer: None,
        }
    }
}

impl FxoSignalling {
    /// Pulses of the usual speed.
    #[must_use]
    pub fn pulses() -> Dialling {
        Dialling::Pulses(PulseTiming::TEN_A_SECOND)
    }
}

/// What the gateway wants of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FxoCommand {
    /// Close the loop to make a call.
    Seize,
    /// Dial.
    Dial(DialString),
    /// Close the loop to take the call that rings.
    Answer,
    /// Open the loop for the exchange's recall time.
    Flash,
    /// Open the loop.
    HangUp,
}

/// What has happened on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FxoEvent {
    /// A call rings.
    RingStarted,
    /// It was given up.
    RingStopped,
    /// About the call on the line.
    Call(SupervisionEvent),
    /// Dial tone came (true), or did not come in time.
    DialTone(bool),
    /// All keys were sent.
    DialFinished,
    /// No battery (true), or battery again.
    NoBattery(bool),
    /// It rings for ever (true), or is quiet again.
    RingsForEver(bool),
    /// The card is in alarm (true), or well again.
    Hardware(bool),
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FxoOutput {
    /// Tell the hardware.
    Hardware(HardwareCommand),
    /// Send this key's tones and the pause after them; [`FxoLine::key_sent`] follows.
    SendKey(char),
    /// Tell the gateway.
    Event(FxoEvent),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DoubleAnswerStage {
    Closed(Instant),
    Open(Instant),
}

/// The signalling of one line.
#[derive(Clone, Debug)]
pub struct FxoLine {
    signalling: FxoSignalling,
    off_hook: bool,
    seized_at: Option<Instant>,
    /// Whether dialling still waits for dial tone, and until when.
    waits_for_dial_tone: bool,
    dial_tone: bool,
    ring: RingDetector,
    supervision: Supervision,
    dialler: Dialler,
    double_answer: Option<DoubleAnswerStage>,
    battery: bool,
    /// Current has flowed since the loop was closed, so that its end means something.
    current: bool,
    no_battery_since: Option<Instant>,
    dead: bool,
    alarm: bool,
    outputs: VecDeque<FxoOutput>,
}

impl FxoLine {
    /// A line on-hook.
    #[must_use]
    pub fn new(signalling: FxoSignalling) -> Self {
        FxoLine {
            supervision: Supervision::new(signalling.supervision),
            dialler: dialler(&signalling),
            signalling,
            off_hook: false,
            seized_at: None,
            waits_for_dial_tone: false,
            dial_tone: false,
            ring: RingDetector::default(),
            double_answer: None,
            battery: true,
            current: false,
            no_battery_since: None,
            dead: false,
            alarm: false,
            outputs: VecDeque::with_capacity(OUTPUTS),
        }
    }

    /// Other signalling from now on. During a call it holds from the next one on.
    pub fn set_signalling(&mut self, signalling: FxoSignalling) {
        self.signalling = signalling;
        if !self.off_hook {
            self.renew();
        }
    }

    /// Whether a call is on the line.
    #[must_use]
    pub fn is_off_hook(&self) -> bool {
        self.off_hook
    }

    /// Whether a call rings.
    #[must_use]
    pub fn is_ringing(&self) -> bool {
        !self.off_hook && self.ring.is_ringing()
    }

    /// Whether there is battery.
    #[must_use]
    pub fn has_battery(&self) -> bool {
        !self.dead
    }

    /// Whether it was found to ring for ever.
    #[must_use]
    pub fn rings_for_ever(&self) -> bool {
        self.ring.is_stuck()
    }

    /// Whether the card is in alarm.
    #[must_use]
    pub fn is_in_alarm(&self) -> bool {
        self.alarm
    }

    /// Whether keys are being sent: what is heard meanwhile means nothing.
    #[must_use]
    pub fn is_dialling(&self) -> bool {
        !self.waits_for_dial_tone && self.dialler.is_busy() && !self.dialler.waits_for_dial_tone()
    }

    /// Whether dial tone is what comes next.
    #[must_use]
    pub fn expects_dial_tone(&self) -> bool {
        self.waits_for_dial_tone && !self.dial_tone || self.dialler.waits_for_dial_tone()
    }

    /// What the gateway wants.
    pub fn command(&mut self, command: FxoCommand, now: Instant) {
        match command {
            FxoCommand::Seize if !self.off_hook => self.close(true, now),
            FxoCommand::Answer if !self.off_hook => {
                self.close(false, now);
                self.double_answer = self
                    .signalling
                    .double_answer
                    .map(|double| DoubleAnswerStage::Closed(now + double.closed));
            }
            FxoCommand::Dial(string) if self.off_hook => self.dialler.add(&string),
            FxoCommand::Flash if self.off_hook => self.dialler.add_step(DialStep::Flash),
            FxoCommand::HangUp if self.off_hook => self.open(),
            _ => {}
        }
    }

    /// What the hardware noticed.
    pub fn hardware(&mut self, event: HardwareEvent, now: Instant) {
        match event {
            HardwareEvent::Ringing(on) => {
                // A closed loop has no ringing voltage; hardware may tell its end late.
                let change = self.ring.voltage(on && !self.off_hook, now);
                self.ring_changed(change);
            }
            HardwareEvent::Battery(battery) => {
                self.battery = battery;
                self.fed(now);
            }
            HardwareEvent::LoopCurrent(flows)
                if self.off_hook && (flows || self.current) && !self.opened_here() =>
            {
                self.current = true;
                self.supervision.current(flows && self.battery, now);
            }
            HardwareEvent::Polarity(polarity) => self.supervision.polarity(polarity, now),
            HardwareEvent::Alarm(alarm) if alarm != self.alarm => {
                self.alarm = alarm;
                self.event(FxoEvent::Hardware(alarm));
            }
            _ => {}
        }
        self.fetch_supervision();
    }

    /// What was heard. Not to be called while keys are sent.
    pub fn heard(&mut self, heard: Heard, now: Instant) {
        if heard == Heard::DialTone && self.seized_at.is_some() && !self.dial_tone {
            self.dial_tone = true;
            self.event(FxoEvent::DialTone(true));
            if self.waits_for_dial_tone {
                self.seized_at = Some(now);
            }
        }
        if heard == Heard::DialTone {
            self.dialler.dial_tone();
        }
        self.supervision.heard(heard, now);
        self.fetch_supervision();
    }

    /// A key and the pause after it have been sent.
    pub fn key_sent(&mut self) {
        self.dialler.key_sent();
    }

    /// Lets time go by.
    pub fn advance(&mut self, now: Instant) {
        if !self.off_hook {
            let change = self.ring.advance(now);
            self.ring_changed(change);
        }
        self.battery_lost(now);
        self.double_answer(now);
        self.dial(now);
        self.supervision.advance(now);
        self.fetch_supervision();
    }

    /// What is to be done, in order.
    pub fn next_output(&mut self) -> Option<FxoOutput> {
        self.outputs.pop_front()
    }

    fn close(&mut self, outgoing: bool, now: Instant) {
        self.renew();
        self.off_hook = true;
        self.seized_at = outgoing.then_some(now);
        self.waits_for_dial_tone = outgoing;
        self.dial_tone = false;
        self.current = false;
        self.ring.taken();
        self.supervision.begin(outgoing, now);
        self.fed(now);
        self.output(FxoOutput::Hardware(HardwareCommand::Loop(true)));
    }

    fn open(&mut self) {
        self.off_hook = false;
        self.seized_at = None;
        self.waits_for_dial_tone = false;
        self.double_answer = None;
        self.dialler.clear();
        self.supervision.end();
        self.output(FxoOutput::Hardware(HardwareCommand::Loop(false)));
    }

    /// Takes over signalling that was set during a call.
    fn renew(&mut self) {
        self.dialler = dialler(&self.signalling);
        self.supervision.set(self.signalling.supervision);
    }

    /// Whether the loop is open at the moment although a call is on the line.
    fn opened_here(&self) -> bool {
        self.dialler.has_opened() || matches!(self.double_answer, Some(DoubleAnswerStage::Open(_)))
    }

    fn ring_changed(&mut self, change: Option<RingChange>) {
        if let Some(change) = change {
            let was_ringing = matches!(change, RingChange::Stuck);
            if was_ringing {
                self.event(FxoEvent::RingStopped);
            }
            self.event(match change {
                RingChange::Started => FxoEvent::RingStarted,
                RingChange::Stopped => FxoEvent::RingStopped,
                RingChange::Stuck => FxoEvent::RingsForEver(true),
                RingChange::Quiet => FxoEvent::RingsForEver(false),
            });
        }
    }

    fn fed(&mut self, now: Instant) {
        if self.battery {
            self.no_battery_since = None;
            if std::mem::take(&mut self.dead) {
                self.event(FxoEvent::NoBattery(false));
            }
        } else {
            self.no_battery_since.get_or_insert(now);
        }
        if self.off_hook && !self.opened_here() {
            self.supervision.current(self.battery, now);
        }
    }

    fn battery_lost(&mut self, now: Instant) {
        let gone = self
            .no_battery_since
            .is_some_and(|since| now.saturating_duration_since(since) >= DEAD);
        if gone && !std::mem::replace(&mut self.dead, true) {
            self.event(FxoEvent::NoBattery(true));
        }
    }

    fn double_answer(&mut self, now: Instant) {
        let (Some(stage), Some(double)) = (self.double_answer, self.signalling.double_answer)
        else {
            return;
        };
        match stage {
            DoubleAnswerStage::Closed(until) if now >= until => {
                self.double_answer = Some(DoubleAnswerStage::Open(now + double.open));
                self.current = false;
                self.output(FxoOutput::Hardware(HardwareCommand::Loop(false)));
            }
            DoubleAnswerStage::Open(until) if now >= until => {
                self.double_answer = None;
                self.output(FxoOutput::Hardware(HardwareCommand::Loop(true)));
            }
            _ => {}
        }
    }

    fn dial(&mut self, now: Instant) {
        if self.waits_for_dial_tone && !self.may_dial(now) {
            return;
        }
        while let Some(output) = self.dialler.advance(now) {
            match output {
                DiallerOutput::SendKey(key) => self.output(FxoOutput::SendKey(key)),
                DiallerOutput::Loop(closed) => {
                    self.current = false;
                    self.output(FxoOutput::Hardware(HardwareCommand::Loop(closed)));
                }
                DiallerOutput::NoDialTone => self.event(FxoEvent::DialTone(false)),
                DiallerOutput::Finished => {
                    self.supervision.dialled(now);
                    self.event(FxoEvent::DialFinished);
                }
            }
        }
    }

    /// Whether keys may be sent now on a line that was just seized.
    fn may_dial(&mut self, now: Instant) -> bool {
        let Some(since) = self.seized_at else {
            return false;
        };
        let lasted = now.saturating_duration_since(since);
        let ready = match self.signalling.dial_tone {
            _ if self.dial_tone => lasted >= AFTER_DIAL_TONE,
            DialToneUse::Ignore => lasted >= BEFORE_DIALLING,
            DialToneUse::Wait(longest) | DialToneUse::Require(longest) if lasted >= longest => {
                self.seized_at = None;
                self.event(FxoEvent::DialTone(false));
                if matches!(self.signalling.dial_tone, DialToneUse::Require(_)) {
                    return false;
                }
                true
            }
            _ => false,
        };
        self.waits_for_dial_tone = !ready;
        if ready {
            self.seized_at = None;
        }
        ready
    }

    fn fetch_supervision(&mut self) {
        while let Some(event) = self.supervision.next_event() {
            self.event(FxoEvent::Call(event));
        }
    }

    fn event(&mut self, event: FxoEvent) {
        self.output(FxoOutput::Event(event));
    }

    fn output(&mut self, output: FxoOutput) {
        self.outputs.push_back(output);
    }
}

fn dialler(signalling: &FxoSignalling) -> Dialler {
    let within = match signalling.dial_tone {
        DialToneUse::Ignore => Duration::from_secs(4),
        DialToneUse::Wait(longest) | DialToneUse::Require(longest) => longest,
    };
    Dialler::new(signalling.dialling, signalling.flash, within)
}

#[cfg(test)]
#[path = "fxo_tests.rs"]
mod tests;
