//! What a write belongs to: the request that it was asked for by. It goes with the task, so that the log of who did what
//! is written in the same transaction as what was done, by whatever way the write comes about.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

#[derive(Clone)]
pub(crate) struct Request {
    pub origin: Arc<Origin>,
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
}

/// Does the work of a request; also the version of the configuration that it made, if it made one.
pub async fn in_request<F: Future>(origin: Origin, work: F) -> (F::Output, Option<u64>) {
    let made = Arc::new(AtomicU64::new(0));
    let request = Request {
        origin: Arc::new(origin),
        made: Arc::clone(&made),
    };
    let output = REQUEST.scope(request, work).await;
    let version = made.load(Ordering::Relaxed);
    (output, (version > 0).then_some(version))
}
