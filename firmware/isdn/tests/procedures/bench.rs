//! One interface whose peer is written message by message.

use std::time::{Duration, Instant};

use ramal_isdn::*;

pub struct Bench {
    pub ours: Interface,
    pub now: Instant,
    command_bit: u8,
    vs: u8,
    vr: u8,
    events: Vec<Event>,
    messages: Vec<Message>,
}

impl Bench {
    /// With the link up.
    pub fn new(settings: Settings) -> Self {
        let command_bit = match settings.role {
            Role::User => 2,
            Role::Network => 0,
        };
        let mut bench = Self {
            ours: Interface::new(settings),
            now: Instant::now(),
            command_bit,
            vs: 0,
            vr: 0,
            events: Vec::new(),
            messages: Vec::new(),
        };
        bench.ours.layer1(true, bench.now);
        bench.ours.receive(&[command_bit ^ 2, 1, 0x73], bench.now);
        bench.drain();
        bench.events.clear();
        bench
    }

    pub fn user() -> Self {
        Self::new(Settings::new(Role::User))
    }

    pub fn drain(&mut self) {
        while let Some(output) = self.ours.poll() {
            match output {
                Output::Event(event) => self.events.push(event),
                Output::Transmit(frame) => self.sent(&frame),
            }
        }
    }

    fn sent(&mut self, frame: &[u8]) {
        match frame {
            [_, _, control, _, message @ ..] if control & 1 == 0 => {
                self.vr = (self.vr + 1) & 0x7F;
                self.messages.push(Message::parse(message).unwrap().0);
                self.ready(false);
            }
            // An enquiry.
            [_, _, 0x01, second] if second & 1 != 0 && frame[0] & 2 != self.command_bit => {
                self.ready(true);
            }
            _ => {}
        }
    }

    fn ready(&mut self, last: bool) {
        let frame = [self.command_bit ^ 2, 1, 0x01, self.vr << 1 | u8::from(last)];
        self.ours.receive(&frame, self.now);
    }

    /// The peer sends a message; these messages are the answer.
    pub fn say(&mut self, octets: &[u8]) -> Vec<Message> {
        self.messages.clear();
        let mut frame = vec![self.command_bit, 1, self.vs << 1, self.vr << 1];
        frame.extend_from_slice(octets);
        self.vs = (self.vs + 1) & 0x7F;
        self.ours.receive(&frame, self.now);
        self.drain();
        std::mem::take(&mut self.messages)
    }

    pub fn command(&mut self, call: CallId, command: Command) -> Vec<Message> {
        self.messages.clear();
        self.ours.command(call, command, self.now).unwrap();
        self.drain();
        std::mem::take(&mut self.messages)
    }

    pub fn setup(&mut self, call: OutgoingCall) -> (CallId, Message) {
        self.messages.clear();
        let id = self.ours.setup(call, self.now).unwrap();
        self.drain();
        (id, self.messages.remove(0))
    }

    /// Lets time pass; these messages were sent meanwhile.
    pub fn pass(&mut self, seconds: u64) -> Vec<Message> {
        self.messages.clear();
        let end = self.now + Duration::from_secs(seconds) + Duration::from_millis(10);
        while let Some(at) = self.ours.next_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.ours.timeout(self.now);
            self.drain();
        }
        self.now = end;
        std::mem::take(&mut self.messages)
    }

    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub fn incoming(&mut self) -> CallId {
        self.events()
            .into_iter()
            .find_map(|event| match event {
                Event::Incoming { call, .. } => Some(call),
                _ => None,
            })
            .expect("an incoming call")
    }

    pub fn released(&mut self, call: CallId) -> Option<Cause> {
        self.events().into_iter().find_map(|event| match event {
            Event::Released { call: it, cause } if it == call => Some(cause),
            _ => None,
        })
    }
}

pub const BEARER: &[u8] = &[0x04, 0x03, 0x80, 0x90, 0xA3];
pub const CHANNEL_5: &[u8] = &[0x18, 0x03, 0xA9, 0x83, 0x85];

/// A message of a call that the peer has begun (`ours` false) or we (true).
pub fn message(kind: u8, reference: u8, ours: bool, elements: &[&[u8]]) -> Vec<u8> {
    let flag = if ours { 0x80 } else { 0 };
    let mut octets = vec![0x08, 0x02, flag, reference, kind];
    octets.extend(elements.concat());
    octets
}

/// Kind, value of the cause, and first octet of its diagnostics, of a single message.
pub fn answer(messages: &[Message]) -> (MessageType, u8, Option<u8>) {
    assert_eq!(messages.len(), 1, "{messages:?}");
    let cause = messages[0].elements.cause.as_ref();
    (
        messages[0].kind,
        cause.map_or(0, |element| element.cause.value()),
        cause.and_then(|element| element.diagnostics.first().copied()),
    )
}
