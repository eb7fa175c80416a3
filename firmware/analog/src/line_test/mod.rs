//! The automatic test of a line to an exchange: what it has, and what its exchange says and understands.
//!
//! [`LineTest`] uses an [`FxoLine`](crate::FxoLine) as somebody with a telephone would: takes the line, listens for dial
//! tone, presses a key so that the exchange waits in silence, has the echo measured then, and makes or takes a call whose
//! other end hangs up. Whoever joins it with sound gives it [`LineSound`] every 20 ms and sends what
//! [`LineTestOutput`] asks for. Each thing that is found is told at once; what is wrong is told by name.

mod far_end;
mod plan;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{Dialling, FxoCommand, FxoEvent, FxoSignalling};
use far_end::FarCall;
pub use plan::{
    FarEndTest, LineFinding, LineSound, LineTestFault, LineTestOutput, LineTestPlan, LineTestStep,
};

/// Sound without pause for so long is dial tone and no part of a tone with pauses, milliseconds.
const STEADY_MS: u32 = 1_200;
/// The exchange has to give dial tone within this.
const DIAL_TONE: Duration = Duration::from_secs(10);
/// Dial tone has to end this long after a key.
const KEY_TAKES: Duration = Duration::from_secs(3);
/// How long noise is listened to.
const NOISE: Duration = Duration::from_millis(400);
/// After the key, until its own echo and the exchange's switching are over.
const SETTLED: Duration = Duration::from_millis(300);
/// A line that is louder than this while nobody speaks is disturbed, dBm0.
const LOUD: f32 = -35.0;
/// What is on the line besides may be so much louder than the echo, dB.
const DISTURBED: f32 = 15.0;
/// On-hook between two times off-hook, so that the exchange notices.
const ON_HOOK: Duration = Duration::from_secs(2);
/// Somebody has to call within this where the test waits for it.
const CALL: Duration = Duration::from_secs(120);
/// After the first ring, so that the caller can be told.
const FIRST_RING: Duration = Duration::from_secs(4);

#[derive(Debug)]
enum State {
    Begin,
    /// Seized; a tone with pauses has been heard, or an interruption of the current.
    DialTone {
        since: Instant,
        other: bool,
        cut: bool,
    },
    /// The key has been sent at that time.
    Silence(Option<Instant>),
    Noise {
        since: Instant,
        sum: f64,
        count: u32,
    },
    Echo,
    /// On-hook until then, and what comes after.
    OnHook(Instant, Next),
    /// Seized again, to dial.
    Seized(Instant),
    Dialling,
    WaitingForCall(Instant),
    Ringing(Instant),
    Call(FarCall),
    /// Put down before its end.
    Stopping,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Once more, by pulses.
    DialToneAgain,
    FarEnd,
    Finish,
}

/// One test of one line.
#[derive(Debug)]
pub struct LineTest {
    plan: LineTestPlan,
    state: State,
    pulses: bool,
    found_dial_tone: bool,
    outputs: VecDeque<LineTestOutput>,
}

impl LineTest {
    /// A test that begins as soon as time goes by.
    #[must_use]
    pub fn new(plan: LineTestPlan) -> Self {
        LineTest {
            pulses: plan.dialling != Dialling::Tones,
            plan,
            state: State::Begin,
            found_dial_tone: false,
            outputs: VecDeque::new(),
        }
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Ends it for this reason, whatever it is about.
    pub fn stop(&mut self, fault: LineTestFault) {
        let ending = matches!(
            self.state,
            State::Stopping | State::OnHook(_, Next::Finish) | State::Over
        );
        match fault {
            _ if self.is_over() => {}
            // The line is on-hook, and somebody waits.
            LineTestFault::Rings => {
                self.trouble(fault);
                self.finish();
            }
            _ if ending => {}
            _ => {
                self.trouble(fault);
                self.line(FxoCommand::HangUp);
                self.state = State::Stopping;
            }
        }
    }

    /// What happened on the line.
    pub fn event(&mut self, event: FxoEvent, now: Instant) {
        match (event, &mut self.state) {
            (FxoEvent::NoBattery(true), _) => self.stop(LineTestFault::NoBattery),
            (FxoEvent::Hardware(true), _) => self.stop(LineTestFault::Hardware),
            (FxoEvent::RingStarted, State::WaitingForCall(_)) => {
                self.state = State::Ringing(now + FIRST_RING);
            }
            // He has given up before it was taken; perhaps he tries again.
            (FxoEvent::RingStopped, State::Ringing(_)) => {
                self.state = State::WaitingForCall(now + CALL);
            }
            (FxoEvent::RingStarted, _) => self.stop(LineTestFault::Rings),
            (FxoEvent::DialFinished, State::Silence(sent)) => *sent = Some(now),
            (FxoEvent::DialFinished, State::Dialling) => self.call(FarCall::outgoing(now)),
            (FxoEvent::Call(event), State::Call(call)) => {
                if let Some(finding) = call.event(event, now) {
                    self.found(finding);
                }
            }
            _ => {}
        }
    }

    /// Current flows in the closed loop, or does not.
    pub fn current(&mut self, flows: bool, now: Instant) {
        match &mut self.state {
            State::DialTone { cut, .. } => *cut |= !flows,
            State::Call(call) => {
                if let Some(finding) = call.current(flows, now) {
                    self.found(finding);
                }
            }
            _ => {}
        }
    }

    /// What the line sounded like in the 20 ms that end now.
    pub fn heard(&mut self, sound: LineSound, now: Instant) {
        let steady = sound.steady.filter(|(_, _, lasted)| *lasted >= STEADY_MS);
        match &mut self.state {
            State::DialTone { since, other, .. } => {
                *other |= sound.cadence.is_some();
                let since = *since;
                if let Some((frequencies, level, lasted)) = steady {
                    let lasted = Duration::from_millis(lasted.into());
                    self.dial_tone(LineFinding::DialTone {
                        frequencies,
                        level,
                        after: now.saturating_duration_since(since).saturating_sub(lasted),
                    });
                }
            }
            State::Silence(Some(sent)) => {
                let lasted = now.saturating_duration_since(*sent);
                if sound.steady.is_none() && sound.level < LOUD && lasted >= SETTLED {
                    self.found(LineFinding::TakesTones(!self.pulses));
                    self.state = State::Noise {
                        since: now,
                        sum: 0.0,
                        count: 0,
                    };
                }
            }
            State::Noise { sum, count, .. } => {
                *sum += 10f64.powf(f64::from(sound.level.max(-100.0)) / 10.0);
                *count += 1;
            }
            State::Seized(_) if steady.is_some() => self.dial(),
            State::Call(call) => {
                if let Some((frequencies, on_ms, off_ms, level)) = sound.cadence
                    && far_end::may_be_hang_up(on_ms, off_ms)
                {
                    let cut = call.end();
                    self.outputs.extend(cut.map(LineTestOutput::Found));
                    self.found(LineFinding::HangUpTone {
                        frequencies,
                        on_ms,
                        off_ms,
                        level,
                    });
                    self.hang_up(now, Next::Finish);
                }
            }
            _ => {}
        }
    }

    /// What came back of the noise: loss in dB, delay in milliseconds, and the level of what else was heard, dBm0.
    pub fn echo(&mut self, loss: f32, delay: f32, rest: f32, sent: f32, now: Instant) {
        if !matches!(self.state, State::Echo) {
            return;
        }
        if rest > LOUD && rest > sent - loss + DISTURBED {
            self.trouble(LineTestFault::Disturbed);
        } else {
            self.found(LineFinding::Echo { loss, delay });
        }
        self.hang_up(now, Next::FarEnd);
    }

    /// Lets time go by.
    pub fn advance(&mut self, now: Instant) {
        let lasted = |since: Instant| now.saturating_duration_since(since);
        match &mut self.state {
            State::Begin => self.seize_for_dial_tone(now),
            State::Stopping => self.state = State::OnHook(now + ON_HOOK, Next::Finish),
            State::DialTone { since, other, cut } if lasted(*since) >= DIAL_TONE => {
                let fault = match (*other, *cut) {
                    (true, _) => LineTestFault::OtherTone,
                    (_, true) => LineTestFault::NoCurrent,
                    _ => LineTestFault::NoDialTone,
                };
                self.stop(fault);
            }
            State::Silence(Some(sent)) if lasted(*sent) >= KEY_TAKES => {
                if self.pulses {
                    self.trouble(LineTestFault::KeysNotTaken);
                    self.hang_up(now, Next::Finish);
                } else {
                    self.pulses = true;
                    self.hang_up(now, Next::DialToneAgain);
                }
            }
            State::Noise { since, sum, count } if lasted(*since) >= NOISE => {
                let level = 10.0 * (*sum / f64::from((*count).max(1))).max(1e-10).log10();
                self.found(LineFinding::Noise(level as f32));
                self.state = State::Echo;
                self.step(LineTestStep::Echo);
                self.outputs.push_back(LineTestOutput::MeasureEcho);
            }
            State::OnHook(until, next) if now >= *until => {
                let next = *next;
                self.go_on(next, now);
            }
            State::Seized(since) if lasted(*since) >= DIAL_TONE => self.dial(),
            State::WaitingForCall(until) if now >= *until => {
                self.trouble(LineTestFault::NobodyCalled);
                self.finish();
            }
            State::Ringing(until) if now >= *until => {
                self.line(FxoCommand::Answer);
                self.call(FarCall::incoming(now));
            }
            State::Call(call) if call.is_silent(now) => {
                let cut = call.end();
                self.outputs.extend(cut.map(LineTestOutput::Found));
                self.trouble(LineTestFault::NoHangUpTone);
                self.hang_up(now, Next::Finish);
            }
            _ => {}
        }
    }

    /// What is to be done and what is known, in order.
    pub fn next_output(&mut self) -> Option<LineTestOutput> {
        self.outputs.pop_front()
    }

    fn seize_for_dial_tone(&mut self, now: Instant) {
        self.step(LineTestStep::DialTone);
        self.line(FxoCommand::Seize);
        self.state = State::DialTone {
            since: now,
            other: false,
            cut: false,
        };
    }

    fn dial_tone(&mut self, finding: LineFinding) {
        if !std::mem::replace(&mut self.found_dial_tone, true) {
            self.found(finding);
        }
        self.step(LineTestStep::Silence);
        let Ok(key) = self.plan.quiet_key.to_string().parse();
        self.line(FxoCommand::Dial(key));
        self.state = State::Silence(None);
    }

    fn go_on(&mut self, next: Next, now: Instant) {
        match (next, &self.plan.far_end) {
            (Next::DialToneAgain, _) => {
                self.outputs
                    .push_back(LineTestOutput::Dialling(FxoSignalling::pulses()));
                self.seize_for_dial_tone(now);
            }
            (Next::FarEnd, FarEndTest::Dial(_)) => {
                self.step(LineTestStep::Calling);
                self.line(FxoCommand::Seize);
                self.state = State::Seized(now);
            }
            (Next::FarEnd, FarEndTest::Incoming) => {
                self.step(LineTestStep::WaitingForCall);
                self.state = State::WaitingForCall(now + CALL);
            }
            (Next::FarEnd, FarEndTest::None) | (Next::Finish, _) => self.finish(),
        }
    }

    fn dial(&mut self) {
        if let FarEndTest::Dial(number) = &self.plan.far_end {
            let number = number.clone();
            self.line(FxoCommand::Dial(number));
        }
        self.state = State::Dialling;
    }

    fn call(&mut self, call: FarCall) {
        self.step(LineTestStep::HangUp);
        self.state = State::Call(call);
    }

    fn hang_up(&mut self, now: Instant, next: Next) {
        self.line(FxoCommand::HangUp);
        self.state = State::OnHook(now + ON_HOOK, next);
    }

    fn finish(&mut self) {
        self.state = State::Over;
        self.outputs.push_back(LineTestOutput::Finished);
    }

    fn line(&mut self, command: FxoCommand) {
        self.outputs.push_back(LineTestOutput::Line(command));
    }

    fn step(&mut self, step: LineTestStep) {
        self.outputs.push_back(LineTestOutput::Step(step));
    }

    fn found(&mut self, finding: LineFinding) {
        self.outputs.push_back(LineTestOutput::Found(finding));
    }

    fn trouble(&mut self, fault: LineTestFault) {
        self.outputs.push_back(LineTestOutput::Trouble(fault));
    }
}

#[cfg(test)]
mod tests;
