//! Writes the D channel of some calls between a user and a network into a capture file, for a look with Wireshark:
//! `cargo run -p ramal-isdn --example capture -- FILE.pcap`, then `tshark -r FILE.pcap -V`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::time::{Duration, Instant};

use ramal_isdn::{
    BearerCapability, CallId, CallingName, Cause, Command, ConnectedParty, Event, Interface,
    InvalidDigits, OutgoingCall, Output, PartyNumber, Presentation, RedirectionReason, Role,
    Settings, TypeOfNumber,
};

/// LAPD without pseudo-header.
const LINKTYPE_LAPD: u32 = 203;

struct Capture {
    file: BufWriter<File>,
    start: Instant,
    now: Instant,
    user: Interface,
    network: Interface,
    /// The last call each side was told of.
    incoming: [Option<CallId>; 2],
}

impl Capture {
    fn new(path: &str) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        for word in [0xA1B2_C3D4, 4 << 16 | 2, 0, 0, 65_535, LINKTYPE_LAPD] {
            file.write_all(&u32::to_le_bytes(word))?;
        }
        let now = Instant::now();
        let mut network = Settings::new(Role::Network);
        network.overlap_receiving = true;
        Ok(Self {
            file,
            start: now,
            now,
            user: Interface::new(Settings::new(Role::User)),
            network: Interface::new(network),
            incoming: [None, None],
        })
    }

    fn side(&mut self, role: Role) -> &mut Interface {
        match role {
            Role::User => &mut self.user,
            Role::Network => &mut self.network,
        }
    }

    /// Carries frames until both are silent.
    fn settle(&mut self) -> io::Result<()> {
        let mut silent = 0;
        let mut role = Role::User;
        while silent < 2 {
            silent += 1;
            while let Some(output) = self.side(role).poll() {
                silent = 0;
                match output {
                    Output::Transmit(frame) => {
                        self.now += Duration::from_millis(5);
                        self.write(&frame)?;
                        let now = self.now;
                        self.side(other(role)).receive(&frame, now);
                    }
                    Output::Event(Event::Incoming { call, .. }) => {
                        self.incoming[role as usize] = Some(call);
                    }
                    Output::Event(_) => {}
                }
            }
            role = other(role);
        }
        Ok(())
    }

    fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        let time = self.now - self.start;
        let length = frame.len() as u32;
        for word in [time.as_secs() as u32, time.subsec_micros(), length, length] {
            self.file.write_all(&word.to_le_bytes())?;
        }
        self.file.write_all(frame)
    }

    fn pass(&mut self, seconds: u64) -> io::Result<()> {
        let end = self.now + Duration::from_secs(seconds);
        for role in [Role::User, Role::Network] {
            while let Some(at) = self.side(role).next_timeout().filter(|at| *at <= end) {
                self.now = self.now.max(at);
                let now = self.now;
                self.side(role).timeout(now);
                self.settle()?;
            }
        }
        self.now = end;
        Ok(())
    }

    fn call(&mut self, from: Role, call: OutgoingCall) -> io::Result<(CallId, CallId)> {
        let now = self.now;
        let ours = self.side(from).setup(call, now).map_err(io::Error::other)?;
        self.settle()?;
        let theirs = self.incoming[other(from) as usize].take();
        Ok((ours, theirs.ok_or(io::ErrorKind::NotConnected)?))
    }

    fn command(&mut self, role: Role, call: CallId, command: Command) -> io::Result<()> {
        let now = self.now;
        let done = self.side(role).command(call, command, now);
        done.map_err(io::Error::other)?;
        self.settle()
    }
}

fn other(role: Role) -> Role {
    match role {
        Role::User => Role::Network,
        Role::Network => Role::User,
    }
}

fn full_call() -> Result<OutgoingCall, InvalidDigits> {
    let mut call =
        OutgoingCall::new(PartyNumber::new("5133334444")?.of_kind(TypeOfNumber::National));
    call.bearer = BearerCapability::AUDIO_3K1;
    call.calling = Some(PartyNumber::new("555123")?.presented(Presentation::Restricted));
    call.calling_name = Some(CallingName::new("João"));
    call.redirecting = Some(PartyNumber::new("2001")?.because(RedirectionReason::NoReply));
    call.original_called = Some(PartyNumber::new("2000")?.because(RedirectionReason::Busy));
    call.keypad = Some("*21#".into());
    call.from_outside = true;
    call.user_user = Some(b"\x04hello".to_vec());
    Ok(call)
}

fn main() -> io::Result<()> {
    let path = std::env::args().nth(1).ok_or(io::ErrorKind::InvalidInput)?;
    let mut capture = Capture::new(&path)?;
    let now = capture.now;
    capture.user.layer1(true, now);
    capture.network.layer1(true, now);
    capture.settle()?;
    let in_band = true;
    let cause = Cause::USER_BUSY;
    for from in [Role::User, Role::Network] {
        let to = other(from);
        let (ours, theirs) = capture.call(from, full_call().map_err(io::Error::other)?)?;
        capture.command(to, theirs, Command::Proceeding { in_band: false })?;
        let progress = Command::Progress {
            in_band,
            cause: Some(Cause::INTERWORKING),
        };
        capture.command(to, theirs, progress)?;
        capture.command(to, theirs, Command::Alerting { in_band })?;
        let party = ConnectedParty {
            number: PartyNumber::new("4444").ok(),
            name: Some("Maria".into()),
            user_user: Some(b"\x04hi".to_vec()),
        };
        capture.command(to, theirs, Command::Connect(party))?;
        capture.command(from, ours, Command::Keypad("12#".into()))?;
        capture.command(to, theirs, Command::Display("Olá".into()))?;
        capture.command(from, ours, Command::Notify(0))?;
        capture.command(from, ours, Command::UserUser(b"\x04bye".to_vec()))?;
        capture.command(to, theirs, Command::Enquire)?;
        capture.pass(15)?;
        capture.command(to, theirs, Command::Disconnect { cause, in_band })?;
        capture.command(
            from,
            ours,
            Command::Disconnect {
                cause,
                in_band: false,
            },
        )?;

        let mut call = OutgoingCall::new(PartyNumber::default());
        call.complete = false;
        call.bearer = BearerCapability::DIGITAL_64K;
        let (ours, theirs) = capture.call(from, call)?;
        if from == Role::User {
            capture.command(to, theirs, Command::WantMoreDigits { in_band })?;
            let digits = PartyNumber::new("51").map_err(io::Error::other)?;
            let complete = true;
            capture.command(from, ours, Command::Digits { digits, complete })?;
        }
        capture.command(
            to,
            theirs,
            Command::Disconnect {
                cause,
                in_band: false,
            },
        )?;
        let now = capture.now;
        capture
            .side(from)
            .restart(Some(5), now)
            .map_err(io::Error::other)?;
        capture
            .side(from)
            .restart(None, now)
            .map_err(io::Error::other)?;
        capture.settle()?;
    }
    let now = capture.now;
    capture.user.want_link(false, now);
    capture.settle()?;
    capture.pass(3)?;
    capture.file.flush()
}
