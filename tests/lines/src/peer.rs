//! An exchange that nobody here wrote at the far end of a span: libpri or libopenr2 in a program of its own
//! (`tests/lines/peers`), steered by lines of text.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long the exchange may take for an event.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running exchange; killed when dropped.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    commands: ChildStdin,
    events: Receiver<String>,
}

impl Peer {
    /// Starts the program `name` and waits until it is ready.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        let folder = std::env::var_os("RAMAL_LINE_PEERS")
            .expect("RAMAL_LINE_PEERS names the exchanges' folder");
        let mut child = Command::new(PathBuf::from(folder).join(name))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the exchange starts");
        let commands = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (lines, events) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    return;
                }
            }
        });
        let peer = Self {
            child,
            commands,
            events,
        };
        peer.expect("readiness", |event| (event == "ready").then_some(()));
        peer
    }

    /// Gives it a command.
    ///
    /// # Panics
    /// When it is gone.
    pub fn tell(&mut self, command: &str) {
        writeln!(self.commands, "{command}").expect("the exchange takes commands");
        self.commands.flush().expect("the exchange takes commands");
    }

    /// What it has said and nobody has waited for.
    pub fn pending(&self) -> Vec<String> {
        self.events.try_iter().collect()
    }

    /// Stops it where it stands, as a machine that hangs.
    ///
    /// # Panics
    /// When it is gone.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    ///
    /// # Panics
    /// When it is gone.
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(i32::try_from(self.child.id()).expect("a process number"));
        kill(process, signal).expect("the exchange takes signals");
    }

    /// Waits for the event that `wanted` takes something from, passing over others.
    ///
    /// # Panics
    /// When it does not come.
    pub fn expect<T>(&self, what: &str, mut wanted: impl FnMut(&str) -> Option<T>) -> T {
        let mut seen = Vec::new();
        loop {
            let event = self
                .events
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("{what} did not come in time, but {seen:?}"));
            if let Some(found) = wanted(&event) {
                return found;
            }
            seen.push(event);
            assert!(seen.len() < 100, "{what} did not come, but {seen:?}");
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It has no more to say.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
