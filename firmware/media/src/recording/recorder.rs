//! Handles of the recorder: begin a recording, put its tap on a channel, pause it, end it.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::disk::Folder;
use super::form::Form;
use super::session::{Finished, RecordingFailure};
use super::tap::Tap;
use super::writer::{Control, Writer};
use crate::command::{Command, Home};
use crate::handle::Channel;
use crate::{Codec, MediaError};

/// Time between two rounds of the writer while anything is recorded.
const ROUND: Duration = Duration::from_millis(100);

/// How to start a recorder.
#[derive(Clone, Debug)]
pub struct RecorderConfig {
    /// Where recordings are written; made when it is not there, readable for the service only.
    pub folder: PathBuf,
    /// Bytes of the file system that are left to everything else: recordings end when less is free.
    pub reserve: u64,
}

/// Writes recordings. Clones are the same one; its threads end when the last one and all recordings are dropped.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

struct Shared {
    origin: Instant,
    folder: PathBuf,
    /// `None` when it is being dropped.
    commands: Mutex<Option<Sender<Control>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    figures: Arc<Figures>,
    next: AtomicU64,
}

#[derive(Default)]
struct Figures {
    active: AtomicUsize,
    lost: AtomicU64,
}

impl Recorder {
    /// Starts the writer.
    ///
    /// # Errors
    /// The folder cannot be made, or the system refuses a thread.
    pub fn start(config: &RecorderConfig) -> Result<Recorder, MediaError> {
        let origin = Instant::now();
        let figures = Arc::new(Figures::default());
        let writer = Writer::new(Folder::open(&config.folder)?, config.reserve);
        let (commands, queue) = channel();
        let thread = thread::Builder::new()
            .name("recording".into())
            .spawn({
                let figures = Arc::clone(&figures);
                move || run(writer, &queue, origin, &figures)
            })
            .map_err(|error| {
                MediaError::system("start the thread that writes recordings", error)
            })?;
        Ok(Recorder {
            shared: Arc::new(Shared {
                origin,
                folder: config.folder.clone(),
                commands: Mutex::new(Some(commands)),
                thread: Mutex::new(Some(thread)),
                figures,
                next: AtomicU64::new(1),
            }),
        })
    }

    /// Begins a recording of a call in `codec` into a new file of this name in the folder: G.711 as it comes, every other
    /// codec decoded to 16 bits at its own rate. It is silent until it is put on a channel. Whether it could be begun is told by the end.
    #[must_use]
    pub fn begin(&self, file: &str, codec: Codec) -> (Recording, RecordingEnd) {
        let (report, end) = oneshot::channel();
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        match Form::of(codec) {
            Some(form) => self.shared.send(Control::Begin {
                number,
                path: self.shared.folder.join(file),
                form,
                at: self.shared.now(),
                report,
            }),
            None => {
                // Nobody has had the time to go.
                let _ = report.send(Finished {
                    failure: Some(RecordingFailure::Codec(codec.name())),
                    ..Finished::default()
                });
            }
        }
        let recording = Recording {
            shared: Arc::clone(&self.shared),
            number,
            tapped: None,
        };
        (recording, RecordingEnd(end))
    }

    /// Where recordings are written.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        &self.shared.folder
    }

    /// Recordings being written now.
    #[must_use]
    pub fn active(&self) -> usize {
        self.shared.figures.active.load(Ordering::Relaxed)
    }

    /// Packets that are missing in recordings because the disk was too slow, since the start.
    #[must_use]
    pub fn lost_packets(&self) -> u64 {
        self.shared.figures.lost.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Recorder({})", self.shared.folder.display())
    }
}

impl Shared {
    fn now(&self) -> u64 {
        self.origin.elapsed().as_micros() as u64
    }

    fn send(&self, command: Control) {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(commands) = &*commands {
            // The thread ends only after this sender. A recording it does not get to know says that it has stopped.
            let _ = commands.send(command);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        *self
            .commands
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner) = None;
        let thread = self
            .thread
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// The writer's thread: rounds while anything is recorded, and sleep otherwise.
fn run(
    mut writer: Writer<Folder>,
    commands: &Receiver<Control>,
    origin: Instant,
    figures: &Figures,
) {
    let mut open = true;
    while open || writer.active() > 0 {
        let first = if writer.active() == 0 {
            commands.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else if open {
            // Commands wait for the round: nothing is in a hurry here.
            thread::sleep(ROUND);
            commands.try_recv().map_err(|error| match error {
                std::sync::mpsc::TryRecvError::Empty => RecvTimeoutError::Timeout,
                std::sync::mpsc::TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            })
        } else {
            thread::sleep(ROUND);
            Err(RecvTimeoutError::Disconnected)
        };
        open = !matches!(first, Err(RecvTimeoutError::Disconnected));
        let now = origin.elapsed().as_micros() as u64;
        writer.round(now, first.into_iter().chain(commands.try_iter()));
        figures.active.store(writer.active(), Ordering::Relaxed);
        figures.lost.store(writer.lost(), Ordering::Relaxed);
    }
}

/// A recording in progress. Dropping it ends it.
pub struct Recording {
    shared: Arc<Shared>,
    number: u64,
    /// The channel it is on, and the number of the tap there.
    tapped: Option<(Arc<Home>, u64)>,
}

impl Recording {
    /// Records this channel from now on instead of the one before: what its far end says is on the left, what it is
    /// sent on the right.
    ///
    /// # Errors
    /// [`MediaError::Overloaded`] or [`MediaError::Stopped`]; the recording is then silent.
    pub fn tap(&mut self, channel: &Channel) -> Result<(), MediaError> {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        self.untap();
        let tap_number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (tap, ring) = Tap::new(tap_number, self.shared.origin);
        let home = &channel.home;
        home.post(Command::Tap(home.id, tap))?;
        let number = self.number;
        self.shared.send(Control::Tap { number, ring });
        self.tapped = Some((Arc::clone(home), tap_number));
        Ok(())
    }

    /// Whether it is on this channel.
    #[must_use]
    pub fn is_on(&self, channel: &Channel) -> bool {
        self.tapped
            .as_ref()
            .is_some_and(|(home, _)| Arc::ptr_eq(home, &channel.home))
    }

    /// [`Channel::id`] of the channel it is on.
    #[must_use]
    pub fn channel(&self) -> Option<u64> {
        self.tapped.as_ref().map(|(home, _)| home.id)
    }

    /// Leaves out what is said from now on; the time is left out, too.
    pub fn pause(&self) {
        let (number, at) = (self.number, self.shared.now());
        self.shared.send(Control::Pause { number, at });
    }

    /// Goes on.
    pub fn resume(&self) {
        let (number, at) = (self.number, self.shared.now());
        self.shared.send(Control::Resume { number, at });
    }

    fn untap(&mut self) {
        if let Some((home, tap)) = self.tapped.take() {
            // A full queue leaves the tap until the channel ends; the writer reads no more of it.
            let _ = home.post(Command::Untap(home.id, tap));
        }
    }
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Recording({})", self.number)
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.untap();
        let (number, at) = (self.number, self.shared.now());
        self.shared.send(Control::End { number, at });
    }
}

/// Resolves when a recording is over and on the disk, or failed.
#[derive(Debug)]
pub struct RecordingEnd(oneshot::Receiver<Finished>);

impl Future for RecordingEnd {
    type Output = Finished;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Finished> {
        Pin::new(&mut self.0).poll(context).map(|finished| {
            finished.unwrap_or_else(|_| Finished {
                failure: Some(RecordingFailure::Stopped),
                ..Finished::default()
            })
        })
    }
}
