//! Archives on the gateway: made, listed, taken in, checked and prepared for a restore.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ramal_age::{Identity, Recipient};
use ramal_model::{Actor, Configuration};
use ramal_store::Store;
use ramal_store::archive::{self, Difference, Holdings, Parts, Restored};
use serde::Serialize;
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc, watch};
use utoipa::ToSchema;

use crate::ArchiveError;
use crate::files::{
    ArchiveFile, ArchiveKind, Careful, ENDING, Folder, Pieces, STRETCH, UNFINISHED, Upload, clear,
    make_dir, new_file, parse,
};
use crate::manifest::{About, folders};
use crate::pack::{Contents, Source, pack};
use crate::schedule::{self, Schedule};
use crate::settle::{INCOMING, PLAN, Plan, READY, RESTORE, rename, sync_dir};
use crate::unpack::{is_plain, unpack};

/// The folder of archives.
const FOLDER: &str = "archives";
/// Pieces on their way to somebody who downloads while it is made.
const PIECES: usize = 4;

/// An archive that is being made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Making {
    /// Its name.
    pub file: String,
    /// Since when, UTC milliseconds.
    pub since: i64,
}

/// What is going on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct State {
    /// The archive that is being made.
    pub making: Option<Making>,
    /// Why the last one could not be made.
    pub problem: Option<String>,
    /// That there is no scheduled archive as new as there should be.
    pub missed: Option<Missed>,
}

/// A scheduled archive that there should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Missed {
    /// Since when it is known, UTC milliseconds.
    pub since: i64,
    /// Why the last try failed; blank where none was made.
    pub reason: String,
}

/// An archive to be made.
#[derive(Clone, Debug)]
pub struct Order {
    /// What goes into it besides settings and sounds.
    pub parts: Parts,
    /// For whom it is encrypted.
    pub recipient: Recipient,
    /// Why.
    pub kind: ArchiveKind,
}

/// What an archive holds, and what restoring it changes.
#[derive(Debug)]
pub struct Report {
    /// What it says of itself.
    pub about: About,
    /// What it holds.
    pub contents: Contents,
    /// How its objects differ from the gateway's, by kind.
    pub differences: std::collections::BTreeMap<String, Difference>,
    /// What the gateway holds.
    pub here: Holdings,
    /// Objects that this version cannot read.
    pub unread: Vec<String>,
    /// Secrets that have to be entered again.
    pub lost_secrets: u64,
    /// The configuration in it.
    pub configuration: Arc<Configuration>,
}

/// Handle of the archives; clones share them.
#[derive(Clone)]
pub struct Archives(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    folder: PathBuf,
    store: Store,
    product: &'static str,
    /// Held by whoever makes or unpacks an archive.
    work: Arc<Mutex<()>>,
    state: watch::Sender<State>,
}

impl Archives {
    /// Opens the archives of the data folder `dir`, and clears what a power cut left half done. `product` is the version of
    /// the program.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(dir: &Path, store: Store, product: &'static str) -> Result<Self, ArchiveError> {
        let folder = dir.join(FOLDER);
        make_dir(&folder)?;
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                clear(&entry.path());
            }
        }
        Ok(Self(Arc::new(Inner {
            dir: dir.to_owned(),
            folder,
            store,
            product,
            work: Arc::default(),
            state: watch::Sender::default(),
        })))
    }

    /// What is going on now.
    pub fn state(&self) -> State {
        self.0.state.borrow().clone()
    }

    /// The same, with every change.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.0.state.subscribe()
    }

    /// Notes whether a scheduled archive is missing, and since when.
    pub(crate) fn note_missed(&self, reason: Option<&str>) {
        let now = self.0.store.now();
        self.0.state.send_if_modified(|state| {
            let missed = reason.map(|reason| Missed {
                since: state.missed.as_ref().map_or(now, |missed| missed.since),
                reason: reason.to_owned(),
            });
            let is_new = state.missed != missed;
            state.missed = missed;
            is_new
        });
    }

    /// The archives, the newest first.
    pub fn list(&self) -> Vec<ArchiveFile> {
        let mut archives: Vec<ArchiveFile> = fs::read_dir(&self.0.folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let bytes = entry.metadata().ok()?.len();
                parse(entry.file_name().to_str()?, bytes)
            })
            .collect();
        archives.sort_by(|a, b| (b.at, &b.file).cmp(&(a.at, &a.file)));
        archives
    }

    /// Where an archive lies.
    ///
    /// # Errors
    /// [`ArchiveError::NotFound`].
    pub fn path(&self, file: &str) -> Result<PathBuf, ArchiveError> {
        let path = self.0.folder.join(file);
        let is_there = is_plain(file) && parse(file, 0).is_some() && path.is_file();
        is_there
            .then_some(path)
            .ok_or_else(|| ArchiveError::NotFound(file.to_owned()))
    }

    /// Deletes an archive.
    ///
    /// # Errors
    /// [`ArchiveError::NotFound`].
    pub fn delete(&self, file: &str) -> Result<(), ArchiveError> {
        let path = self.path(file)?;
        fs::remove_file(&path).map_err(ArchiveError::file("delete", &path))
    }

    /// Begins to make an archive; its name. [`Archives::state`] tells when it is done.
    ///
    /// # Errors
    /// [`ArchiveError::Busy`].
    pub fn start(&self, order: Order) -> Result<String, ArchiveError> {
        let turn = self.turn()?;
        let now = self.0.store.now();
        let file = format!("{}-{now}.{ENDING}", order.kind.name());
        let making = Making {
            file: file.clone(),
            since: now,
        };
        self.0
            .state
            .send_modify(|state| state.making = Some(making));
        let (archives, name) = (self.clone(), file.clone());
        tokio::spawn(async move {
            let made = archives.make(&order, &name).await;
            match &made {
                Ok(contents) => tracing::info!(
                    archive = name,
                    files = contents.files,
                    bytes = contents.bytes,
                    "an archive was made"
                ),
                Err(error) => {
                    tracing::error!(archive = name, %error, "an archive could not be made")
                }
            }
            let problem = made.err().map(|error| error.to_string());
            if order.kind == ArchiveKind::Scheduled {
                archives.note_missed(problem.as_deref());
            }
            archives.0.state.send_modify(|state| {
                state.making = None;
                state.problem = problem;
            });
            drop(turn);
        });
        Ok(file)
    }

    async fn make(&self, order: &Order, name: &str) -> Result<Contents, ArchiveError> {
        let unfinished = self.0.folder.join(format!("{UNFINISHED}-{name}"));
        let file = new_file(&unfinished)?;
        let to = Careful {
            file,
            folder: self.0.folder.clone(),
            unchecked: STRETCH,
        };
        let made = self.write(order, to).await.and_then(|(to, contents)| {
            to.file
                .sync_all()
                .map_err(ArchiveError::file("sync", &unfinished))?;
            rename(&unfinished, &self.0.folder.join(name))?;
            sync_dir(&self.0.folder)?;
            Ok(contents)
        });
        if made.is_err() {
            clear(&unfinished);
        }
        made
    }

    /// Makes an archive that nothing is kept of on the gateway: its pieces, as they come. It ends with an error when it
    /// could not be made to its end.
    ///
    /// # Errors
    /// [`ArchiveError::Busy`].
    pub fn stream(&self, order: Order) -> Result<mpsc::Receiver<io::Result<Bytes>>, ArchiveError> {
        let turn = self.turn()?;
        let (pieces, received) = mpsc::channel(PIECES);
        let archives = self.clone();
        tokio::spawn(async move {
            let to = io::BufWriter::with_capacity(64 << 10, Pieces(pieces.clone()));
            let made = archives.write(&order, to).await;
            if let Err(error) = made {
                tracing::error!(%error, "an archive could not be made");
                // Whoever downloads may have gone away.
                let _ = pieces.send(Err(io::Error::other(error.to_string()))).await;
            }
            drop(turn);
        });
        Ok(received)
    }

    async fn write<W>(&self, order: &Order, to: W) -> Result<(W, Contents), ArchiveError>
    where
        W: Write + Send + 'static,
    {
        let mut parts = order.parts;
        // A recording is found by its call.
        parts.history |= parts.recordings;
        let copy = Folder::make(self.0.folder.join(format!("{UNFINISHED}-copy")))?;
        let holdings = self.0.store.copy_for_archive(copy.0.clone(), parts).await?;
        let configuration = self.0.store.configuration();
        let company = configuration
            .company()
            .map(|company| company.legal_name.clone())
            .unwrap_or_default();
        let about = About::new(self.0.product, company, self.0.store.now(), parts, holdings);
        let (dir, recipient) = (self.0.dir.clone(), order.recipient.clone());
        blocking(move || {
            let source = Source {
                dir: &dir,
                copy: &copy.0,
            };
            pack(&source, &about, &recipient, to)
        })
        .await
    }

    /// Begins to take in an archive that somebody brings.
    ///
    /// # Errors
    /// [`ArchiveError::DiskFull`].
    pub fn receive(&self) -> Result<Upload, ArchiveError> {
        Upload::begin(&self.0.folder, self.0.store.now())
    }

    /// Says what an archive holds and what restoring it would change. Nothing is changed by that.
    ///
    /// # Errors
    /// Why it cannot be restored.
    pub async fn check(&self, file: &str, identity: Identity) -> Result<Report, ArchiveError> {
        let _turn = self.turn()?;
        let incoming = self.unpack(file, identity).await?;
        Ok(incoming.report)
    }

    /// Prepares a restore, which the next start completes; see [`crate::settle`].
    ///
    /// # Errors
    /// Why it cannot be restored; the gateway is as it was then.
    pub async fn restore(
        &self,
        file: &str,
        identity: Identity,
        by: Actor,
    ) -> Result<Report, ArchiveError> {
        let _turn = self.turn()?;
        let Incoming { folder, report } = self.unpack(file, identity).await?;
        let plan = Plan {
            parts: report.about.parts,
            restored: Restored {
                at: self.0.store.now(),
                by,
                archive: file.to_owned(),
                made_at: report.about.made_at,
            },
        };
        let dir = self.0.dir.clone();
        blocking(move || {
            for folder_of_part in folders(plan.parts) {
                make_dir(&folder.0.join(folder_of_part))?;
            }
            let text = serde_json::to_vec(&plan)
                .map_err(|error| ArchiveError::Foreign(error.to_string()))?;
            let path = folder.0.join(PLAN);
            let mut file = new_file(&path)?;
            file.write_all(&text)
                .and_then(|()| file.sync_all())
                .map_err(ArchiveError::file("write", &path))?;
            sync_dir(&folder.0)?;
            let restore = dir.join(RESTORE);
            // The one step that counts.
            rename(&folder.0, &restore.join(READY))?;
            sync_dir(&restore)
        })
        .await?;
        Ok(report)
    }

    async fn unpack(&self, file: &str, identity: Identity) -> Result<Incoming, ArchiveError> {
        let path = self.path(file)?;
        let dir = self.0.dir.clone();
        make_dir(&dir.join(RESTORE))?;
        let folder = Folder::make(dir.join(RESTORE).join(INCOMING))?;
        let (folder, about, contents, prepared) = blocking(move || {
            let file = File::open(&path).map_err(ArchiveError::file("read", &path))?;
            let file = io::BufReader::with_capacity(64 << 10, file);
            let (about, contents) = unpack(file, &identity, &folder.0)?;
            let prepared = archive::prepare(&folder.0, &dir)?;
            Ok((folder, about, contents, prepared))
        })
        .await?;
        let differences = self.0.store.compare(folder.0.clone()).await?;
        let here = self.0.store.holdings().await?;
        let report = Report {
            about,
            contents,
            differences,
            here,
            unread: prepared.unread,
            lost_secrets: prepared.lost_secrets,
            configuration: prepared.configuration,
        };
        Ok(Incoming { folder, report })
    }

    /// What is made by itself.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn schedule(&self) -> Result<Schedule, ArchiveError> {
        let found = self.0.store.gateway_setting(schedule::NAME).await?;
        Ok(found.unwrap_or_default())
    }

    /// Changes what is made by itself.
    ///
    /// # Errors
    /// [`ramal_store::StoreError::Invalid`] with every field that is refused.
    pub async fn set_schedule(&self, schedule: &Schedule) -> Result<(), ArchiveError> {
        schedule.check().map_err(ramal_store::StoreError::from)?;
        let store = &self.0.store;
        Ok(store.set_gateway_setting(schedule::NAME, schedule).await?)
    }

    /// The store that is archived.
    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    /// Deletes scheduled archives above this number.
    pub(crate) fn prune(&self, kept: usize) {
        let scheduled = self.list().into_iter();
        let scheduled = scheduled.filter(|archive| archive.kind == ArchiveKind::Scheduled);
        for surplus in scheduled.skip(kept) {
            if let Err(error) = self.delete(&surplus.file) {
                tracing::warn!(%error, "an old archive is still there");
            }
        }
    }

    fn turn(&self) -> Result<OwnedMutexGuard<()>, ArchiveError> {
        Arc::clone(&self.0.work)
            .try_lock_owned()
            .map_err(|_| ArchiveError::Busy)
    }
}

/// An archive that was unpacked and can be used.
struct Incoming {
    folder: Folder,
    report: Report,
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ArchiveError> + Send + 'static,
) -> Result<T, ArchiveError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| ArchiveError::Store(ramal_store::StoreError::Closed))?
}
