//! What a write belongs to: the request that it was asked for by. It goes with the task, so that the log of who did what
//! is written in the same transaction as what was done, by whatever way the write comes about.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ramal_model::Configuration;

tokio::task_local! {
    static REQUEST: Request;
}

/// Where a request came from and what it asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Address of the client; blank when it is on the gateway.
    pub address: String,
    /// Method of the request, such as `PUT`.
    pub method: String,
    /// Its path.
    pub path: String,
}

/// A draft that a request works on: its id, and the configuration as it would make it.
pub type OpenDraft = (i64, Arc<Configuration>);

#[derive(Clone)]
pub(crate) struct Request {
    pub origin: Arc<Origin>,
    /// The draft that its changes go into.
    pub draft: Option<i64>,
    /// The configuration as the draft would make it.
    view: Arc<Mutex<Option<Arc<Configuration>>>>,
    /// The newest version that it made; 0 while there is none.
    made: Arc<AtomicU64>,
}

impl Request {
    /// The request of this task.
    pub fn current() -> Option<Request> {
        REQUEST.try_with(Clone::clone).ok()
    }

    pub fn made(&self, version: u64) {
        self.made.store(version, Ordering::Relaxed);
    }

    pub fn view(&self) -> Option<Arc<Configuration>> {
        let view = self.view.lock();
        view.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_view(&self, drafted: Arc<Configuration>) {
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        *view = Some(drafted);
    }
}

/// Does the work of a request; also the version of the configuration that it made, if it made one. With a draft, its
/// changes go into that and it reads the configuration as the draft would make it.
pub async fn in_request<F: Future>(
    origin: Origin,
    draft: Option<OpenDraft>,
    work: F,
) -> (F::Output, Option<u64>) {
    let made = Arc::new(AtomicU64::new(0));
    let (draft, view) = draft.unzip();
    let request = Request {
        origin: Arc::new(origin),
        draft,
        view: Arc::new(Mutex::new(view)),
        made: Arc::clone(&made),
    };
    let output = REQUEST.scope(request, work).await;
    let version = made.load(Ordering::Relaxed);
    (output, (version > 0).then_some(version))
}
