//! libpri in a process of its own at the other end of the D channel, with real time.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use ramal_isdn::{CallId, Event, Interface, OutgoingCall, Output, Role, Settings};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(30);

static PEER: LazyLock<PathBuf> = LazyLock::new(|| {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pri-peer");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lines/peers/pri_peer.c");
    let built = Command::new("cc")
        .args(["-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&program)
        .arg(source)
        .arg("-lpri")
        .status()
        .expect("a C compiler");
    assert!(built.success(), "cannot build the peer: install libpri-dev");
    program
});

enum Input {
    Frame(Vec<u8>),
    Line(String),
}

/// An interface of ours with libpri behind its D channel.
pub struct Line {
    pub ours: Interface,
    child: Child,
    stdin: ChildStdin,
    socket: Arc<OwnedFd>,
    inputs: Receiver<Input>,
    events: VecDeque<Event>,
    lines: VecDeque<String>,
    /// Frames lost on their way, each way, of a thousand.
    pub lost: u32,
    /// Nothing gets through.
    pub cut: bool,
    random: StdRng,
    numbers: u32,
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Line {
    /// With the link up.
    pub fn new(settings: Settings, options: &[&str]) -> Self {
        let role = match settings.role {
            Role::User => "--network",
            Role::Network => "--user",
        };
        let (ours, theirs) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::empty(),
        )
        .unwrap();
        let mut child = Command::new(&*PEER)
            .arg(role)
            .args(["--fd", &theirs.as_raw_fd().to_string()])
            .args(options)
            .args(std::env::var_os("PRI_PEER_LOG").map(|_| "--debug"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(match std::env::var_os("PRI_PEER_LOG") {
                Some(_) => Stdio::inherit(),
                None => Stdio::null(),
            })
            .spawn()
            .unwrap();
        drop(theirs);
        let socket = Arc::new(ours);
        let (sender, inputs) = channel();
        read_frames(Arc::clone(&socket), sender.clone());
        read_lines(child.stdout.take().unwrap(), sender);
        let stdin = child.stdin.take().unwrap();
        let mut line = Self {
            ours: Interface::new(settings),
            child,
            stdin,
            socket,
            inputs,
            events: VecDeque::new(),
            lines: VecDeque::new(),
            lost: 0,
            cut: false,
            random: StdRng::seed_from_u64(921),
            numbers: 0,
        };
        line.ours.layer1(true, Instant::now());
        line.until("up", |event| *event == Event::LinkUp);
        line.forget();
        line
    }

    /// A number nobody has called before.
    pub fn fresh_number(&mut self) -> String {
        self.numbers += 1;
        format!("5133{:06}", self.numbers)
    }

    /// Tells libpri.
    pub fn tell(&mut self, command: &str) {
        writeln!(self.stdin, "{command}").unwrap();
    }

    pub fn setup(&mut self, call: OutgoingCall) -> CallId {
        let call = self.ours.setup(call, Instant::now()).unwrap();
        self.drain();
        call
    }

    pub fn command(&mut self, call: CallId, command: ramal_isdn::Command) {
        let state = self.ours.call_state(call);
        if let Err(error) = self.ours.command(call, command.clone(), Instant::now()) {
            panic!("{command:?} in {state:?}: {error}");
        }
        self.drain();
    }

    pub fn drain(&mut self) {
        while let Some(output) = self.ours.poll() {
            match output {
                Output::Event(event) => self.events.push_back(event),
                Output::Transmit(frame) => {
                    if !self.is_lost() {
                        send(self.socket.as_raw_fd(), &frame, MsgFlags::MSG_NOSIGNAL).unwrap();
                    }
                }
            }
        }
    }

    fn is_lost(&mut self) -> bool {
        self.cut || self.random.random_range(0..1000) < self.lost
    }

    /// Lets one thing happen, or a moment pass.
    pub fn step(&mut self) {
        let now = Instant::now();
        let most = Duration::from_millis(50);
        let wait = self
            .ours
            .next_timeout()
            .map_or(most, |at| at.saturating_duration_since(now).min(most));
        match self.inputs.recv_timeout(wait) {
            Ok(Input::Frame(frame)) => {
                if !self.is_lost() {
                    self.ours.receive(&frame, Instant::now());
                }
            }
            Ok(Input::Line(line)) => {
                assert!(!line.starts_with("error"), "{line}");
                self.lines.push_back(line);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("libpri is gone"),
        }
        let now = Instant::now();
        if self.ours.next_timeout().is_some_and(|at| at <= now) {
            self.ours.timeout(now);
        }
        self.drain();
    }

    /// Drops what was not waited for.
    pub fn forget(&mut self) {
        self.events.clear();
        self.lines.clear();
    }

    /// Waits for an event of ours; earlier ones are dropped.
    pub fn event(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        let end = Instant::now() + LIMIT;
        let mut seen = Vec::new();
        loop {
            while let Some(event) = self.events.pop_front() {
                if wanted(&event) {
                    return event;
                }
                seen.push(event);
            }
            assert!(
                Instant::now() < end,
                "not seen among {seen:?}, {:?}",
                self.lines
            );
            self.step();
        }
    }

    /// Waits for a line of libpri's that begins with words; earlier ones are dropped. Gives its words.
    pub fn line(&mut self, beginning: &str) -> Vec<String> {
        let end = Instant::now() + LIMIT;
        let mut seen = Vec::new();
        loop {
            while let Some(line) = self.lines.pop_front() {
                if line == beginning || line.starts_with(&format!("{beginning} ")) {
                    return line.split_whitespace().map(str::to_owned).collect();
                }
                seen.push(line);
            }
            assert!(
                Instant::now() < end,
                "no {beginning:?} among {seen:?}, {:?}",
                self.events
            );
            self.step();
        }
    }

    /// Waits for both, in any order.
    pub fn until(&mut self, line: &str, event: impl Fn(&Event) -> bool) {
        let end = Instant::now() + LIMIT;
        while !(self.lines.iter().any(|it| it == line) && self.events.iter().any(&event)) {
            assert!(Instant::now() < end, "{:?}, {:?}", self.lines, self.events);
            self.step();
        }
    }

    /// Waits until neither side has a call, as far as ours can tell.
    pub fn idle(&mut self) {
        let end = Instant::now() + LIMIT;
        while self.ours.calls().count() > 0 {
            assert!(Instant::now() < end, "{:?}", self.events);
            self.step();
        }
    }
}

fn read_frames(socket: Arc<OwnedFd>, sender: Sender<Input>) {
    thread::spawn(move || {
        let mut frame = [0; 1024];
        while let Ok(length @ 1..) = recv(socket.as_raw_fd(), &mut frame, MsgFlags::empty()) {
            if sender.send(Input::Frame(frame[..length].to_vec())).is_err() {
                return;
            }
        }
    });
}

fn read_lines(output: impl std::io::Read + Send + 'static, sender: Sender<Input>) {
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n') {
            let Ok(line) = line else { return };
            let line = String::from_utf8_lossy(&line).into_owned();
            if sender.send(Input::Line(line)).is_err() {
                return;
            }
        }
    });
}

/// The value of `key=` among the words of a line.
pub fn value<'a>(words: &'a [String], key: &str) -> &'a str {
    words
        .iter()
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
        .unwrap_or("")
}
