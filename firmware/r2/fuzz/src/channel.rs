//! A channel under bits, register signals, commands, alarms and time in any order. Every call must end
//! once, and when the other side's bits are idle again, so must be the channel.
//!
//! The first byte chooses the variant, the second the settings. Each byte after them is a step: see `Run::step`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ramal_r2::{
    Category, Cause, Channel, Charge, Command, Digits, Event, LineState, MAX_TRACE, MfSignal,
    OutgoingCall, Output, Settings, VARIANTS,
};

/// A channel and what is known about it from outside.
struct Run {
    channel: Channel,
    now: Instant,
    cd: u8,
    call: bool,
    offered: bool,
    transmitting: bool,
    listening: bool,
}

fn settings(variant: u8, choice: u8) -> Settings {
    let variant = &VARIANTS[usize::from(variant) % VARIANTS.len()];
    let mut settings = Settings::new(variant);
    settings.max_dnis = choice & 7;
    settings.max_ani = (choice >> 3 & 1) * 10;
    settings.ani_first ^= choice & 0x10 != 0;
    settings.immediate_accept = choice & 0x20 != 0;
    settings.forced_release = choice & 0x20 != 0;
    settings.overlap = choice & 0x40 != 0;
    settings.double_answer = choice & 0x40 != 0;
    settings.request_ani = choice & 0x80 == 0;
    settings.zero_seizure_ack = choice & 0x90 == 0x90;
    if choice & 0x80 != 0 {
        settings.metering_pulse = Some(Duration::from_millis(300));
    }
    settings
}

impl Run {
    /// Carries out what comes out, and checks the order of events.
    fn drain(&mut self) {
        while let Some(output) = self.channel.poll() {
            match output {
                Output::SetBits(bits) => assert_eq!(bits & 0b1_0011, self.cd),
                Output::Transmit(signal) => self.transmitting = signal.is_some(),
                Output::Listen(direction) => self.listening = direction.is_some(),
                Output::Event(event) => self.event(&event),
            }
        }
        assert!(!self.transmitting || self.listening);
        assert!(self.channel.trace().steps().count() <= MAX_TRACE);
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Seized => {
                assert!(!self.call, "two calls at once");
                self.call = true;
                self.offered = false;
            }
            Event::Incoming(_) => {
                assert!(self.call && !self.offered);
                self.offered = true;
            }
            Event::Digit { .. }
            | Event::Accepted(_)
            | Event::Answered { .. }
            | Event::MeteringPulse
            | Event::ClearBack => assert!(self.call, "{event:?} without a call"),
            Event::Ended { .. } => {
                assert!(self.call, "an end without a call");
                self.call = false;
            }
            Event::Error(error) => assert!(!error.to_string().is_empty()),
            Event::Line(_) => {}
        }
    }

    /// Lets time pass: whatever is due happens in time.
    fn pass(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        for _ in 0..10_000 {
            let Some(next) = self.channel.next_timeout().filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            self.channel.timeout(self.now);
            self.drain();
        }
        panic!("the channel always wants to be called at once");
    }

    fn command(&mut self, number: u8) {
        let digits = |text: &str| text.parse::<Digits>().unwrap_or_default();
        let call = OutgoingCall {
            dnis: digits("25"),
            ani: (number & 8 != 0).then(|| digits("71")),
            category: Category::Subscriber,
        };
        let command = match number & 0xF {
            0 | 8 => Command::Call(call),
            1 => Command::Accept(Charge::Charge),
            2 => Command::Accept(Charge::NoCharge),
            3 => Command::Answer,
            4 => Command::AnswerTwice,
            5 => Command::Clear(Cause::Normal),
            6 => Command::Clear(Cause::Busy),
            7 => Command::Clear(Cause::Rejected),
            9 => Command::NextDigit,
            10 => Command::DnisComplete,
            11 => Command::Block,
            12 => Command::Unblock,
            _ => Command::Clear(Cause::CollectRefused),
        };
        let done = self.channel.command(command, self.now);
        if matches!(command, Command::Call(_)) && done.is_ok() {
            assert!(!self.call);
            (self.call, self.offered) = (true, false);
        }
    }

    fn step(&mut self, step: u8) {
        let low = step & 0xF;
        match step >> 4 {
            // Line bits with the variant's C and D, and with any.
            0 => self.channel.line_bits(low << 2 & 0xF | self.cd, self.now),
            1 => self.channel.line_bits(low, self.now),
            // A register signal begins, or ends.
            2 | 3 => self.channel.signal(MfSignal::new(low), self.now),
            // Time: up to 150 ms, up to 7.5 s, up to 300 s.
            4 | 5 => self.pass(u64::from(low) * 10),
            6 => self.pass(u64::from(low) * 500),
            7 => self.pass(u64::from(low) * 20_000),
            8 | 9 => self.command(low),
            10 => self.channel.alarm(low & 1 == 1, self.now),
            // The other side's register does as it should: a signal until it is answered.
            11..=13 => {
                self.channel.signal(MfSignal::new(low), self.now);
                self.drain();
                self.pass(50);
                self.channel.signal(None, self.now);
                self.drain();
                self.pass(50);
            }
            // The line does as it should.
            _ => {
                let ab = [0b10, 0b00, 0b11, 0b01][usize::from(low & 3)];
                self.channel.line_bits(ab << 2 | self.cd, self.now);
                self.drain();
                self.pass(50);
            }
        }
        self.drain();
    }
}

/// Runs one input.
///
/// # Panics
/// When the channel misbehaves.
pub fn run(input: &[u8]) {
    let [variant, choice, steps @ ..] = input else {
        return;
    };
    let settings = settings(*variant, *choice);
    let now = Instant::now();
    let cd = settings.variant.cd;
    let mut run = Run {
        channel: Channel::new(Arc::new(settings), now),
        now,
        cd,
        call: false,
        offered: false,
        transmitting: false,
        listening: false,
    };
    run.drain();
    for step in steps.iter().take(400) {
        run.step(*step);
    }
    // All is well again.
    run.channel.alarm(false, run.now);
    run.channel.line_bits(0b1000 | cd, run.now);
    run.drain();
    run.pass(400_000);
    let _ = run.channel.command(Command::Unblock, run.now);
    let _ = run.channel.command(Command::Clear(Cause::Normal), run.now);
    run.drain();
    run.pass(20_000);
    assert_eq!(run.channel.line_state(), LineState::Idle);
    assert!(!run.call && !run.transmitting && !run.listening);
    assert_eq!(run.channel.next_timeout(), None);
}
