//! The other side of one channel, signal by signal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ramal_r2::{
    Category, Cause, Channel, Command, CommandError, Event, LineState, MfSignal, OutgoingCall,
    Output, Party, ProtocolError, Settings, Variant,
};

pub const IDLE: u8 = 0b1001;
pub const SEIZED: u8 = 0b0001;
pub const ACKNOWLEDGED: u8 = 0b1101;
pub const CLEAR_BACK: u8 = 0b1101;
pub const ANSWERED: u8 = 0b0101;
pub const FORCED: u8 = 0b0001;

pub struct Exchange {
    pub channel: Channel,
    pub now: Instant,
    pub bits: u8,
    pub tone: Option<u8>,
    pub events: Vec<Event>,
}

impl Exchange {
    pub fn with(settings: Settings) -> Self {
        let now = Instant::now();
        let mut exchange = Exchange {
            channel: Channel::new(Arc::new(settings), now),
            now,
            bits: 0,
            tone: None,
            events: Vec::new(),
        };
        exchange.line(IDLE);
        assert_eq!(exchange.channel.line_state(), LineState::Idle);
        exchange.events.clear();
        exchange
    }

    pub fn new(code: &str) -> Self {
        Exchange::with(settings(code))
    }

    pub fn collect(&mut self) {
        while let Some(output) = self.channel.poll() {
            match output {
                Output::SetBits(bits) => self.bits = bits,
                Output::Transmit(signal) => self.tone = signal.map(MfSignal::number),
                Output::Listen(_) => {}
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    pub fn pass(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        while let Some(next) = self.channel.next_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.channel.timeout(self.now);
            self.collect();
        }
        self.now = end;
    }

    pub fn line(&mut self, bits: u8) {
        self.channel.line_bits(bits, self.now);
        self.pass(40);
        self.collect();
    }

    pub fn hear(&mut self, signal: u8) -> Option<u8> {
        self.channel.signal(MfSignal::new(signal), self.now);
        self.collect();
        self.pass(40);
        self.tone
    }

    /// A compelled signal of the other side; what ours is after it.
    pub fn compelled(&mut self, signal: u8) -> Option<u8> {
        self.hear(signal);
        self.hear(0)
    }

    pub fn command(&mut self, command: Command) -> Result<(), CommandError> {
        let result = self.channel.command(command, self.now);
        self.collect();
        result
    }

    /// A call of ours, acknowledged.
    pub fn call(&mut self, dnis: &str) {
        let call = OutgoingCall {
            dnis: dnis.parse().unwrap(),
            ani: Some("71".parse().unwrap()),
            category: Category::Subscriber,
        };
        self.command(Command::Call(call)).unwrap();
        assert_eq!(self.bits, SEIZED);
        self.line(ACKNOWLEDGED);
    }

    /// A call of theirs with one digit, offered.
    pub fn incoming() -> Self {
        let mut settings = settings("ITU");
        settings.max_dnis = 1;
        settings.request_ani = false;
        let mut exchange = Exchange::with(settings);
        exchange.line(SEIZED);
        assert_eq!(exchange.bits, ACKNOWLEDGED);
        assert_eq!(exchange.hear(5), Some(3));
        exchange.hear(0);
        exchange.hear(1);
        assert!(matches!(exchange.events.last(), Some(Event::Incoming(_))));
        exchange
    }

    pub fn answered() -> Self {
        let mut exchange = Exchange::incoming();
        exchange.command(Command::Answer).unwrap();
        exchange.hear(0);
        exchange.pass(200);
        assert_eq!(exchange.bits, ANSWERED);
        exchange
    }

    pub fn end(&self) -> Option<(Cause, Party)> {
        self.events.iter().find_map(|event| match event {
            Event::Ended { cause, by } => Some((*cause, *by)),
            _ => None,
        })
    }

    pub fn error(&self) -> Option<ProtocolError> {
        self.events.iter().find_map(|event| match event {
            Event::Error(error) => Some(*error),
            _ => None,
        })
    }

    pub fn is_idle_after(&mut self, bits: u8) {
        self.line(bits);
        self.pass(1_000);
        assert_eq!(self.channel.line_state(), LineState::Idle);
        assert_eq!((self.bits, self.tone), (IDLE, None));
        assert_eq!(self.channel.next_timeout(), None);
    }
}

pub fn settings(code: &str) -> Settings {
    Settings::new(Variant::find(code).unwrap())
}
