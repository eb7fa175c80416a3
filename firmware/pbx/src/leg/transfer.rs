//! A far end's wish to pass the other end of its call on, whatever kind of line it comes by.

use std::fmt;

use tokio::sync::oneshot;

use super::Cause;
use crate::call::Newcomer;

/// What the far end is told about its wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransferNews {
    /// It is being tried.
    Accepted,
    /// Another one is being tried already.
    Pending,
    /// It is not tried.
    Refused(Cause),
    /// The target is being alerted.
    Alerting,
    /// The call was passed on.
    Done,
    /// The dialog that was to be taken over is not there.
    NoSuchCall,
    /// The target cannot be reached.
    Failed(Cause),
}

/// The wish. Whatever becomes of it, the far end is told in the end, even if it is only dropped.
pub(crate) struct Transfer {
    /// The number to pass the other end on to.
    pub(crate) target: String,
    /// Where the other end is awaited when it is to take the place of somebody in another call (attended transfer).
    pub(crate) join: Option<oneshot::Sender<Newcomer>>,
    tell: Box<dyn Fn(TransferNews) + Send + Sync>,
    accepted: bool,
    finished: bool,
}

impl Transfer {
    /// `tell` brings the news to the far end.
    pub(crate) fn new(
        target: String,
        join: Option<oneshot::Sender<Newcomer>>,
        tell: Box<dyn Fn(TransferNews) + Send + Sync>,
    ) -> Self {
        Self {
            target,
            join,
            tell,
            accepted: false,
            finished: false,
        }
    }

    /// It is being tried.
    pub(crate) fn accept(&mut self) {
        self.accepted = true;
        (self.tell)(TransferNews::Accepted);
    }

    /// Another one is being tried already.
    pub(crate) fn refuse_as_pending(mut self) {
        self.finish(TransferNews::Pending);
    }

    /// The target is being alerted.
    pub(crate) fn alerting(&self) {
        (self.tell)(TransferNews::Alerting);
    }

    /// The last news.
    pub(crate) fn finish(&mut self, news: TransferNews) {
        if !std::mem::replace(&mut self.finished, true) {
            (self.tell)(news);
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        let cause = Cause::TEMPORARY_FAILURE;
        self.finish(if self.accepted {
            TransferNews::Failed(cause)
        } else {
            TransferNews::Refused(cause)
        });
    }
}

impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer")
            .field("target", &self.target)
            .field("attended", &self.join.is_some())
            .finish_non_exhaustive()
    }
}
