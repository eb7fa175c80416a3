//! Music on hold and audio files: what each class plays, kept ready for those who are put on hold, and what menus and
//! announcements say.
//!
//! A task follows the configuration and opens the files that are used; a call that plays something only looks up.
//! What was encoded and is not heard any more is given back after a while.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ramal_media::{Engine, MediaError, Prompt, Sound, is_sound};
use ramal_model::{CompanyId, Configuration, MusicClass, MusicClassId, MusicOrder, MusicPosition};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use tokio::sync::watch;
use tokio::time::interval;

/// How often it is looked for music that nobody hears.
const TIDY: Duration = Duration::from_secs(60);
/// Encoded music that nobody hears is kept up to this many octets: an hour and a half of G.711.
const KEPT: usize = 48 << 20;

/// Where sounds lie.
#[derive(Debug, Clone, Default)]
pub struct SoundFolders {
    /// Audio files, as `<key>.wav`; none when there are none.
    pub audio_files: Option<PathBuf>,
    /// The gateway's own music, played where no class says otherwise; none when there is none.
    pub music: Option<PathBuf>,
}

/// All music.
pub(crate) struct MusicService {
    engine: Engine,
    folders: SoundFolders,
    /// Shared positions count from here.
    epoch: Instant,
    /// Orders shared by all listeners are drawn with it.
    seed: RandomState,
    pieces: Mutex<Pieces>,
}

#[derive(Default)]
struct Pieces {
    own: Vec<Arc<Prompt>>,
    by_key: HashMap<String, Arc<Prompt>>,
}

/// What somebody on hold hears.
pub(crate) struct Programme {
    /// The pieces, in their order.
    pub(crate) sounds: Vec<Sound>,
    /// How long it has been running for everybody; none when each hears it from the beginning.
    pub(crate) running: Option<Duration>,
    /// Which class it is; another one begins anew.
    pub(crate) class: Option<MusicClassId>,
}

impl MusicService {
    pub(crate) fn new(engine: Engine, folders: SoundFolders) -> Self {
        Self {
            engine,
            folders,
            epoch: Instant::now(),
            seed: RandomState::new(),
            pieces: Mutex::default(),
        }
    }

    /// What a class plays now; the gateway's own music when it has nothing, or when there is no class. None when there is no
    /// music at all.
    pub(crate) fn programme(
        &self,
        configuration: &Configuration,
        class: Option<MusicClassId>,
    ) -> Option<Programme> {
        let class = class.and_then(|id| configuration.music_class(id));
        let pieces = self.pieces();
        let of_class = class.map(|class| {
            let keys = class
                .files
                .iter()
                .filter_map(|id| configuration.audio_file(*id));
            let pieces = keys.filter_map(|file| pieces.by_key.get(&file.key));
            pieces.cloned().collect::<Vec<_>>()
        });
        let (mut chosen, class) = match of_class {
            Some(chosen) if !chosen.is_empty() => (chosen, class),
            _ => (pieces.own.clone(), None),
        };
        drop(pieces);
        if chosen.is_empty() {
            return None;
        }
        let shared = class.is_none_or(|class| class.position == MusicPosition::Shared);
        if class.is_some_and(|class| class.order == MusicOrder::Shuffled) {
            self.shuffle(&mut chosen, class, shared);
        }
        Some(Programme {
            sounds: chosen.into_iter().map(Sound::Prompt).collect(),
            running: shared.then(|| self.epoch.elapsed()),
            class: class.map(|class| class.id),
        })
    }

    /// By chance; for all listeners of a class the same way where they share its position.
    fn shuffle(&self, pieces: &mut [Arc<Prompt>], class: Option<&MusicClass>, shared: bool) {
        let seed = match class.filter(|_| shared) {
            Some(class) => self.seed.hash_one((class.id, &class.files)),
            None => rand::random(),
        };
        pieces.shuffle(&mut StdRng::seed_from_u64(seed));
    }

    /// Keeps the pieces of all classes open, for as long as the configuration is published.
    pub(crate) async fn follow(
        self: Arc<Self>,
        mut configuration: watch::Receiver<Arc<Configuration>>,
    ) {
        let mut tidy = interval(TIDY);
        loop {
            tokio::select! {
                _ = tidy.tick() => {}
                changed = configuration.changed() => if changed.is_err() {
                    return;
                },
            }
            let current = configuration.borrow_and_update().clone();
            let service = Arc::clone(&self);
            // Opening files waits for the disk.
            if tokio::task::spawn_blocking(move || service.refresh(&current))
                .await
                .is_err()
            {
                tracing::error!("music on hold cannot be opened");
            }
        }
    }

    /// Where audio files lie.
    pub(crate) fn audio_files(&self) -> Option<PathBuf> {
        self.folders.audio_files.clone()
    }

    /// Where the sound of an audio file lies.
    pub(crate) fn audio_file(&self, key: &str) -> Option<PathBuf> {
        let folder = self.folders.audio_files.as_ref()?;
        Some(folder.join(format!("{key}.wav")))
    }

    fn refresh(&self, configuration: &Configuration) {
        // Calls look up pieces meanwhile: what is there stays until all is there.
        let (mut old, own) = {
            let pieces = self.pieces();
            (pieces.by_key.clone(), pieces.own.clone())
        };
        let mut unheard = 0;
        let mut keep = |piece: &Arc<Prompt>| {
            // Ours are the only ones: nobody hears it now.
            if Arc::strong_count(piece) > 2 {
                return true;
            }
            unheard += piece.encoded_octets();
            unheard <= KEPT
        };
        let mut new = Pieces::default();
        for key in configuration
            .music_classes()
            .iter()
            .flat_map(|class| class.files.iter().copied())
            .chain(configuration.catalogue().audio_files())
            .chain(configuration.recording_notice_of(CompanyId::DEFAULT))
            .filter_map(|id| configuration.audio_file(id))
            .map(|file| file.key.clone())
            .chain(configuration.speeches().map(|speech| speech.key()))
        {
            if new.by_key.contains_key(&key) {
                continue;
            }
            let known = old.remove(&key).filter(&mut keep);
            if let Some(piece) = known.or_else(|| self.open_piece(&key)) {
                new.by_key.insert(key, piece);
            }
        }
        new.own = if own.is_empty() {
            self.own_music()
        } else {
            own
        };
        *self.pieces() = new;
    }

    /// An audio file that a call plays, if it is open.
    pub(crate) fn piece(&self, key: &str) -> Option<Arc<Prompt>> {
        self.pieces().by_key.get(key).cloned()
    }

    /// An audio file that a call plays, also one that was added a moment ago and lies on the disk only.
    pub(crate) async fn piece_at_hand(self: &Arc<Self>, key: &str) -> Option<Arc<Prompt>> {
        if let Some(piece) = self.piece(key) {
            return Some(piece);
        }
        let (music, key) = (Arc::clone(self), key.to_owned());
        let opened = tokio::task::spawn_blocking(move || music.open_piece(&key)).await;
        opened.ok().flatten()
    }

    /// Opens an audio file; waits for the disk.
    pub(crate) fn open_piece(&self, key: &str) -> Option<Arc<Prompt>> {
        let folder = self.folders.audio_files.as_ref()?;
        self.open(&folder.join(format!("{key}.wav")))
    }

    fn own_music(&self) -> Vec<Arc<Prompt>> {
        let entries = self
            .folders
            .music
            .iter()
            .filter_map(|folder| folder.read_dir().ok());
        let mut files: Vec<PathBuf> = entries
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| is_sound(path))
            .collect();
        files.sort();
        files.iter().filter_map(|path| self.open(path)).collect()
    }

    fn open(&self, path: &std::path::Path) -> Option<Arc<Prompt>> {
        let opened: Result<_, MediaError> = self.engine.open_prompt(path);
        opened
            .inspect_err(|error| tracing::warn!(%error, "an audio file cannot be played"))
            .ok()
    }

    fn pieces(&self) -> MutexGuard<'_, Pieces> {
        // Whole at any moment: only exchanged as a whole.
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
