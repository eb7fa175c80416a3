//! The thread of call control: the SIP agent and all calls share it.
//!
//! A message concerns the agent, then a call, then the agent again. On one thread they hand it on without waking anybody,
//! which on several costs more than all they do with it. Connections and their TLS are served by the runtime of whoever
//! started the PBX, so that no handshake keeps calls waiting.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;

use tokio::runtime::{Builder, EnterGuard, Handle};
use tokio::sync::oneshot;

/// What the thread works on until it is done.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A thread that waits for its work. It ends when it is dropped instead of being given any.
pub(crate) struct CallThread {
    runtime: Handle,
    work: oneshot::Sender<Work>,
}

/// A thread that works. Clones stand for the same one; it stops when the last is dropped.
#[derive(Clone)]
pub(crate) struct CallTasks {
    runtime: Handle,
    _alive: Arc<oneshot::Sender<()>>,
}

impl CallThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system refuses a thread or a descriptor.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (work, given) = oneshot::channel::<Work>();
        thread::Builder::new().name("calls".into()).spawn(move || {
            runtime.block_on(async {
                if let Ok(work) = given.await {
                    // As a task, which others on this thread wake by a queue; what `block_on` itself waits for is woken
                    // through the kernel.
                    let _ = tokio::spawn(work).await;
                }
            });
        })?;
        Ok(Self {
            runtime: handle,
            work,
        })
    }

    /// Sockets, timers and tasks made while the answer lives are the thread's.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Gives the thread its work; when that is done, all its tasks end.
    pub(crate) fn run(self, work: impl Future<Output = ()> + Send + 'static) -> CallTasks {
        let (alive, dropped) = oneshot::channel();
        let work = async {
            tokio::select! {
                () = work => {}
                _ = dropped => {}
            }
        };
        // The thread waits for nothing else.
        let _ = self.work.send(Box::pin(work));
        CallTasks {
            runtime: self.runtime,
            _alive: Arc::new(alive),
        }
    }
}

impl CallTasks {
    /// See [`CallThread::enter`].
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }
}
