//! A few threads with read-only connections. In WAL mode they neither wait for the writer nor make it wait.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{
    database,
    error::{Result, StoreError},
    keeper::Watch,
};

/// Reading threads. A long search must not hold up a log-in.
const THREADS: usize = 2;
/// Reads that may wait; more make their callers wait.
const QUEUE: usize = 256;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// Handle of the reading threads; they end with its last clone.
#[derive(Clone)]
pub(crate) struct Readers {
    queue: mpsc::Sender<Job>,
    watch: Watch,
}

impl Readers {
    pub fn start(path: &Path, watch: Watch) -> Result<Readers> {
        let (queue, jobs) = mpsc::channel::<Job>(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        for index in 0..THREADS {
            let connection = database::open_reader(path)?;
            let jobs = Arc::clone(&jobs);
            thread::Builder::new()
                .name(format!("store-reader-{index}"))
                .spawn(move || {
                    while let Some(job) = next(&jobs) {
                        job(&connection);
                    }
                })
                .map_err(|error| {
                    StoreError::Database(format!("cannot start a reader thread: {error}"))
                })?;
        }
        Ok(Readers { queue, watch })
    }

    /// Runs `work` on a reading thread.
    pub async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let _ = reply.send(work(connection));
        });
        self.queue.send(job).await.map_err(|_| StoreError::Closed)?;
        let result = answer.await.map_err(|_| StoreError::Closed)?;
        result.inspect_err(|error| self.watch.look_at(error))
    }
}

/// The idle threads queue up at the lock; the one that has it waits for the next job.
fn next(jobs: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    jobs.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .blocking_recv()
}
