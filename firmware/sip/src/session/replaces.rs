//! Whether a session's dialog may be replaced by another one (RFC 3891).

use super::{Session, State};
use crate::StatusCode;
use crate::endpoint::DialogName;

impl Session {
    /// The dialog, or the first early one of our INVITE.
    pub(crate) fn dialog_name(&self) -> Option<DialogName> {
        let dialog = self
            .dialog
            .as_ref()
            .or(self.early.first().map(|early| &early.dialog))?;
        Some(DialogName {
            call_id: dialog.call_id().clone(),
            local_tag: self.local_tag.to_string(),
            remote_tag: dialog.remote_tag.to_string(),
        })
    }

    /// Whether an INVITE may take the place of this session's dialog (RFC 3891 §3).
    pub(crate) fn replaceable(&self, early_only: bool) -> Result<(), StatusCode> {
        match self.state {
            State::Confirmed | State::Answering { .. } if early_only => Err(StatusCode::BUSY_HERE),
            State::Confirmed | State::Answering { .. } | State::Calling { .. } => Ok(()),
            // An early dialog that the other side began.
            State::Ringing { .. } => Err(StatusCode::CALL_DOES_NOT_EXIST),
            State::Terminated => Err(StatusCode::DECLINE),
        }
    }
}
