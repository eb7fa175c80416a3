//! The one thread that writes, with group commit.
//!
//! Writes wait in a bounded queue. The thread takes what is queued, runs each write in a savepoint of one transaction,
//! commits, and only then answers, so an answer means that the row is on the disk. While one commit waits for the disk,
//! the next group gathers. Call records can wait a little for company: at 100 calls a second that leaves one commit in
//! ten, and saves their processor time. A write that fails undoes itself alone.

use std::{path::PathBuf, sync::Arc, thread, time::Duration};

use ramal_model::Configuration;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    Clock,
    database::Database,
    drafts,
    error::{Result, StoreError},
    keeper::Watch,
    request::Request,
    seal::Sealer,
};

/// Writes that may wait; more make their callers wait.
const QUEUE: usize = 1024;
/// Writes that share one commit at most: all that can wait, and the first. On a disk that is slow to commit, only larger groups
/// keep up with the calls.
const GROUP: usize = QUEUE + 1;
/// How long a patient write waits for others to share its commit.
const GATHER: Duration = Duration::from_millis(60);

/// What a write works on: the open transaction, and the configuration as it stands inside it.
pub(crate) struct Write<'a> {
    pub connection: &'a Connection,
    /// For secrets that have to be known again.
    pub sealer: &'a Sealer,
    /// Committed state plus what earlier writes of the same group changed.
    pub configuration: Arc<Configuration>,
    /// UTC ms.
    pub now: i64,
    /// What asked for this write.
    pub request: Option<Request>,
}

trait Job: Send {
    /// Does the work inside its savepoint; an error means that it is to be undone.
    fn run(&mut self, write: &mut Write<'_>) -> Result<()>;
    /// Tells the caller, after the commit or instead of it.
    fn finish(self: Box<Self>, commit: Result<()>);
}

struct Pending<T, F> {
    work: Option<F>,
    request: Option<Request>,
    /// The version that it made.
    made: Option<u64>,
    /// The configuration as its draft would make it now.
    drafted: Option<Arc<Configuration>>,
    result: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Job for Pending<T, F>
where
    T: Send,
    F: FnOnce(&mut Write<'_>) -> Result<T> + Send,
{
    fn run(&mut self, write: &mut Write<'_>) -> Result<()> {
        let Some(work) = self.work.take() else {
            return Err(StoreError::Closed);
        };
        let live = Arc::clone(&write.configuration);
        let draft = self.request.as_ref().and_then(|request| request.draft);
        write.request = self.request.take();
        let result = match draft {
            None => work(write),
            Some(id) => drafts::drafted(write, id).and_then(|drafted| {
                write.configuration = drafted;
                work(write)
            }),
        };
        self.request = write.request.take();
        if draft.is_some() {
            self.drafted = Some(std::mem::replace(
                &mut write.configuration,
                Arc::clone(&live),
            ));
        }
        let now = write.configuration.version();
        self.made = (now != live.version() && result.is_ok()).then_some(now);
        let outcome = result.as_ref().map(|_| ()).map_err(StoreError::clone);
        self.result = Some(result);
        outcome
    }

    fn finish(self: Box<Self>, commit: Result<()>) {
        let result = match (self.result, commit) {
            (Some(Err(error)), Ok(())) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (_, Err(error)) => Err(error),
            (None, Ok(())) => Err(StoreError::Closed),
        };
        if let (Some(request), Ok(_)) = (&self.request, &result) {
            self.made
                .into_iter()
                .for_each(|version| request.made(version));
            self.drafted
                .into_iter()
                .for_each(|drafted| request.set_view(drafted));
        }
        // A caller that went away does not need the answer.
        let _ = self.reply.send(result);
    }
}

/// Whether a write may wait for others to share its commit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Haste {
    /// Somebody waits for the answer.
    Urgent,
    /// Up to [`GATHER`] of delay does no harm.
    Patient,
}

enum Message {
    Job(Box<dyn Job>, Haste),
    Close(oneshot::Sender<()>),
}

/// Handle of the writer thread.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
}

impl Writer {
    pub fn start(
        database: Database,
        configuration: Configuration,
        clock: Clock,
        sealer: Arc<Sealer>,
        watch: Watch,
    ) -> Result<(Writer, watch::Receiver<Arc<Configuration>>)> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let current = Arc::new(configuration);
        let (published, receiver) = watch::channel(Arc::clone(&current));
        let thread = Thread {
            path: database.path.clone(),
            database,
            current,
            published,
            clock,
            sealer,
            watch,
        };
        thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || thread.run(jobs))
            .map_err(|error| {
                StoreError::Database(format!("cannot start the writer thread: {error}"))
            })?;
        Ok((Writer { queue }, receiver))
    }

    /// Runs `work` in a transaction and answers when it is durable.
    pub async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
    {
        self.run_with(Haste::Urgent, work).await
    }

    /// [`Writer::run`] with a say in how soon.
    pub async fn run_with<T, F>(&self, haste: Haste, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Pending {
            work: Some(work),
            request: Request::current(),
            made: None,
            drafted: None,
            result: None,
            reply,
        });
        self.queue
            .send(Message::Job(job, haste))
            .await
            .map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// [`Writer::run_with`] on a thread that may wait.
    pub fn run_blocking<T, F>(&self, haste: Haste, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Pending {
            work: Some(work),
            request: None,
            made: None,
            drafted: None,
            result: None,
            reply,
        });
        self.queue
            .blocking_send(Message::Job(job, haste))
            .map_err(|_| StoreError::Closed)?;
        answer.blocking_recv().map_err(|_| StoreError::Closed)?
    }

    /// Like [`Writer::run`] for what nobody waits for and what may be left out when the queue is full.
    pub fn run_if_idle<F>(&self, work: F)
    where
        F: FnOnce(&mut Write<'_>) -> Result<()> + Send + 'static,
    {
        let (reply, _) = oneshot::channel();
        let job = Box::new(Pending {
            work: Some(work),
            request: Request::current(),
            made: None,
            drafted: None,
            result: None,
            reply,
        });
        if self
            .queue
            .try_send(Message::Job(job, Haste::Patient))
            .is_err()
        {
            tracing::debug!("a write that can be left out was left out");
        }
    }

    /// Lets the queued writes finish, closes the file and returns when that is done.
    pub async fn close(&self) {
        let (reply, done) = oneshot::channel();
        if self.queue.send(Message::Close(reply)).await.is_ok() {
            let _ = done.await;
        }
    }
}

struct Thread {
    path: PathBuf,
    database: Database,
    current: Arc<Configuration>,
    published: watch::Sender<Arc<Configuration>>,
    clock: Clock,
    sealer: Arc<Sealer>,
    watch: Watch,
}

impl Thread {
    fn run(mut self, mut jobs: mpsc::Receiver<Message>) {
        let mut closed = None;
        while closed.is_none() {
            let Some(first) = jobs.blocking_recv() else {
                break;
            };
            if matches!(first, Message::Job(_, Haste::Patient)) {
                thread::sleep(GATHER);
            }
            let mut group = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Job(job, _) => group.push(job),
                    Message::Close(reply) => {
                        closed = Some(reply);
                        break;
                    }
                }
                next = if group.len() < GROUP {
                    jobs.try_recv().ok()
                } else {
                    None
                };
            }
            self.commit(group);
        }
        drop(jobs);
        drop(self.database);
        if let Some(reply) = closed {
            let _ = reply.send(());
        }
    }

    fn commit(&mut self, mut group: Vec<Box<dyn Job>>) {
        if group.is_empty() {
            return;
        }
        let mut write = Write {
            connection: &self.database.connection,
            sealer: &self.sealer,
            configuration: Arc::clone(&self.current),
            now: (self.clock)(),
            request: None,
        };
        let outcome =
            transaction(&mut write, &mut group, &self.watch).map_err(|error| error.at(&self.path));
        match &outcome {
            Ok(()) => {
                let configuration = write.configuration;
                if configuration.version() != self.current.version() {
                    self.current = Arc::clone(&configuration);
                    self.published.send_replace(configuration);
                    self.watch.changed();
                }
            }
            Err(error) => {
                self.watch.look_at(error);
                tracing::error!(%error, writes = group.len(), "nothing of a group of writes was stored");
                if !self.database.connection.is_autocommit()
                    && let Err(error) = self.database.connection.execute_batch("ROLLBACK")
                {
                    tracing::error!(%error, "a failed transaction could not be rolled back");
                }
            }
        }
        for job in group {
            job.finish(outcome.clone());
        }
    }
}

fn transaction(write: &mut Write<'_>, group: &mut [Box<dyn Job>], watch: &Watch) -> Result<()> {
    let connection = write.connection;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for job in group {
        connection
            .prepare_cached("SAVEPOINT one_write")?
            .execute([])?;
        let before = Arc::clone(&write.configuration);
        if let Err(error) = job.run(write) {
            write.configuration = before;
            watch.look_at(&error);
            // After some errors, a full disk among them, SQLite has rolled back the whole transaction by itself.
            if connection.is_autocommit() {
                return Err(error);
            }
            connection
                .prepare_cached("ROLLBACK TO one_write")?
                .execute([])?;
        }
        connection
            .prepare_cached("RELEASE one_write")?
            .execute([])?;
    }
    connection.execute_batch("COMMIT")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::sync::mpsc;

    use super::*;
    use crate::{Options, Store};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_queue_takes_one_commit() {
        let folder = tempfile::tempdir().unwrap();
        // Every group sees a time of its own.
        let time = AtomicI64::new(0);
        let options = Options {
            clock: Arc::new(move || time.fetch_add(1, Ordering::Relaxed)),
            ..Options::default()
        };
        let store = Store::open_with(folder.path(), options).unwrap();
        let writer = store.writer.clone();
        let (begun, has_begun) = oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let first = tokio::spawn({
            let writer = writer.clone();
            async move {
                writer
                    .run(move |_| {
                        let _ = begun.send(());
                        let _ = released.recv();
                        Ok(())
                    })
                    .await
            }
        });
        has_begun.await.unwrap();
        let waiting: Vec<_> = (0..QUEUE)
            .map(|_| {
                let writer = writer.clone();
                tokio::spawn(async move {
                    let at = |write: &mut Write<'_>| Ok(write.now);
                    writer.run_with(Haste::Patient, at).await
                })
            })
            .collect();
        while writer.queue.capacity() > 0 {
            tokio::task::yield_now().await;
        }
        release.send(()).unwrap();
        first.await.unwrap().unwrap();
        let mut groups = BTreeSet::new();
        for write in waiting {
            groups.insert(write.await.unwrap().unwrap());
        }
        assert_eq!(groups.len(), 1, "{groups:?}");
    }
}
