//! A whole interface: frames, messages, user's actions and time in any order. When its user has hung up everything and all
//! timers have run out, nothing may be left, and each call was released exactly once.
//!
//! The first byte chooses the side. Then come steps, each beginning with a byte: below 0x40 a frame as it is, below 0xa0 a
//! message in an I frame with the right numbers; both with their length in one byte. Above, the user acts on the call
//! named by the next byte, or time passes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ramal_isdn::{
    CallId, Cause, ChannelChoice, ChannelStatus, Command, ConnectedParty, Event, Interface,
    OutgoingCall, Output, PartyNumber, Role, Settings,
};

/// Outputs of one step; more would be a flood.
const MOST_OUTPUTS: usize = 2_000;

struct Run {
    interface: Interface,
    now: Instant,
    calls: Vec<CallId>,
    alive: BTreeSet<CallId>,
    /// Numbers of a peer that takes all.
    vs: u8,
    vr: u8,
    command_bit: u8,
}

impl Run {
    fn drain(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.interface.poll() {
            outputs += 1;
            assert!(outputs < MOST_OUTPUTS, "a flood");
            match output {
                Output::Transmit(frame) => self.sent(&frame),
                Output::Event(Event::Incoming { call, .. }) => {
                    self.calls.push(call);
                    assert!(self.alive.insert(call));
                }
                Output::Event(Event::Released { call, .. }) => {
                    assert!(self.alive.remove(&call), "released twice");
                }
                Output::Event(_) => {}
            }
        }
        assert!(self.interface.calls().len() <= 64, "calls without end");
    }

    fn sent(&mut self, frame: &[u8]) {
        match frame {
            [_, _, control, ..] if control & 1 == 0 => self.vr = ((control >> 1) + 1) & 0x7F,
            // SABME or UA: numbers begin anew.
            [_, _, 0x7F | 0x73] => {
                self.vs = 0;
                self.vr = 0;
            }
            _ => {}
        }
    }

    fn frame(&mut self, frame: &[u8]) {
        self.interface.receive(frame, self.now);
        self.drain();
    }

    fn message(&mut self, message: &[u8]) {
        let mut frame = vec![self.command_bit, 1, self.vs << 1, self.vr << 1];
        frame.extend_from_slice(message);
        self.vs = (self.vs + 1) & 0x7F;
        self.frame(&frame);
    }

    fn establish(&mut self) {
        let (command, response) = (self.command_bit, self.command_bit ^ 2);
        self.frame(&[command, 1, 0x7F]);
        self.frame(&[response, 1, 0x73]);
        self.vs = 0;
        self.vr = 0;
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut steps = 0;
        while let Some(next) = self.interface.next_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.interface.timeout(self.now);
            self.drain();
            steps += 1;
            assert!(steps < 10_000, "timers run in circles");
        }
        self.now = end;
    }

    fn setup(&mut self, complete: bool, channel: Option<u8>) {
        let Ok(called) = PartyNumber::new("5133") else {
            return;
        };
        let mut call = OutgoingCall::new(called);
        call.complete = complete;
        call.channel = channel;
        if let Ok(call) = self.interface.setup(call, self.now) {
            self.calls.push(call);
            assert!(self.alive.insert(call));
        }
        self.drain();
    }

    fn act(&mut self, action: u8, operand: u8) {
        let in_band = operand & 0x80 != 0;
        let command = match action {
            0xA0..0xA8 => return self.setup(in_band, None),
            0xA8..0xB0 => return self.setup(in_band, Some(operand & 0x1F)),
            0xB0..0xB8 => Command::Proceeding { in_band },
            0xB8..0xC0 => Command::WantMoreDigits { in_band },
            0xC0..0xC8 => Command::Alerting { in_band },
            0xC8..0xD0 => Command::Connect(ConnectedParty::default()),
            0xD0..0xD8 => Command::Disconnect {
                cause: Cause::USER_BUSY,
                in_band,
            },
            0xD8..0xDC => Command::Digits {
                digits: PartyNumber::default(),
                complete: in_band,
            },
            0xDC..0xE0 => Command::Progress {
                in_band,
                cause: Some(Cause::INTERWORKING),
            },
            0xE0..0xE2 => Command::Enquire,
            0xE2..0xE4 => Command::UserUser(vec![operand; usize::from(operand)]),
            0xE4..0xE6 => Command::Display("*".repeat(usize::from(operand))),
            0xE6..0xE8 => {
                self.interface.layer1(in_band, self.now);
                return self.drain();
            }
            0xE8..0xEA => {
                let channel = Some(operand & 0x1F).filter(|channel| *channel > 0);
                let _ = self.interface.restart(channel, self.now);
                return self.drain();
            }
            0xEA..0xEC => {
                let _ = self.interface.block(operand & 0x1F, in_band);
                return self.drain();
            }
            0xEC..0xF0 => return self.establish(),
            0xF0..0xF8 => return self.pass(Duration::from_millis(u64::from(operand) * 10)),
            _ => return self.pass(Duration::from_secs(u64::from(operand))),
        };
        if !self.calls.is_empty() {
            let call = self.calls[usize::from(operand & 0x7F) % self.calls.len()];
            // Commands that come too late are part of the game.
            let _ = self.interface.command(call, command, self.now);
            self.drain();
        }
    }

    fn end(mut self) {
        self.interface
            .disconnect_all(Cause::NORMAL_CLEARING, self.now);
        self.drain();
        // The peer says nothing more; restarts give up after twice T316.
        self.pass(Duration::from_secs(500));
        assert!(self.alive.is_empty(), "{:?} are left", self.alive);
        assert_eq!(self.interface.calls().len(), 0);
        for channel in 1..=31 {
            let status = self.interface.channel_status(channel);
            assert!(
                !matches!(status, Some(ChannelStatus::InUse(_))),
                "{channel}"
            );
        }
    }
}

/// Plays the input's steps.
pub fn run(input: &[u8]) {
    let Some((&side, mut input)) = input.split_first() else {
        return;
    };
    let (role, command_bit) = match side & 1 {
        0 => (Role::User, 2),
        _ => (Role::Network, 0),
    };
    let mut settings = Settings::new(role);
    settings.overlap_receiving = side & 2 != 0;
    settings.restart_when_up = side & 4 != 0;
    settings.channel_choice = match side & 24 {
        0 => ChannelChoice::Preferred,
        8 => ChannelChoice::Exclusive,
        _ => ChannelChoice::Any,
    };
    // A silent peer is asked less often, for the fuzzer's speed.
    settings.link.pause = Duration::from_secs(100);
    settings.timers.t316 = Duration::from_secs(60);
    let mut run = Run {
        interface: Interface::new(settings),
        now: Instant::now(),
        calls: Vec::new(),
        alive: BTreeSet::new(),
        vs: 0,
        vr: 0,
        command_bit,
    };
    run.interface.layer1(true, run.now);
    run.drain();
    run.establish();
    while let [step, operand, rest @ ..] = input {
        if *step < 0xA0 {
            let length = usize::from(*operand).min(rest.len());
            let (octets, after) = rest.split_at(length);
            match *step {
                0..0x40 => run.frame(octets),
                _ => run.message(octets),
            }
            input = after;
        } else {
            run.act(*step, *operand);
            input = rest;
        }
    }
    run.end();
}
