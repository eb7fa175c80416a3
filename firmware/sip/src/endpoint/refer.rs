//! REFER and Replaces: what one session has to do with another.

use std::time::Instant;

use super::Endpoint;
use crate::dialog::DialogKey;
use crate::session::{ReferId, SessionId};
use crate::{HeaderValue, Replaces, StatusCode};

/// A dialog as a third party names it: in dialog-info (RFC 4235) and, tags turned round, in Replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogName {
    /// Call-ID.
    pub call_id: HeaderValue,
    /// Our tag.
    pub local_tag: String,
    /// The peer's tag.
    pub remote_tag: String,
}

impl Endpoint {
    /// Accepts an [`Event::Refer`](super::Event::Refer) with 202; the referrer is told `100 Trying` at once, unless it
    /// asked not to be told (RFC 4488).
    pub fn accept_refer(&mut self, now: Instant, refer: ReferId) {
        self.act(now, refer.session, |session, context| {
            session.accept_refer(context, now, refer)
        });
    }

    /// Refuses an [`Event::Refer`](super::Event::Refer) with a status of 300-699.
    pub fn refuse_refer(&mut self, now: Instant, refer: ReferId, status: StatusCode) {
        let status = if status.code() < 300 {
            StatusCode::DECLINE
        } else {
            status
        };
        self.act(now, refer.session, |session, context| {
            session.refuse_refer(context, now, refer, status)
        });
    }

    /// Tells the referrer how the call it asked for fares: the status of the last response to it. A final one is the last
    /// word. The referrer is told even when its session is over.
    pub fn refer_progress(&mut self, now: Instant, refer: ReferId, status: StatusCode) {
        self.act(now, refer.session, |session, context| {
            session.tell_referrer(context, now, refer, status)
        });
    }

    /// The session whose dialog a Replaces header names.
    ///
    /// # Errors
    /// The status an INVITE with this header is refused with (RFC 3891 §3): 481 when there is no such dialog, or it is an
    /// early one that the other side began; 486 when it is confirmed and the header says `early-only`; 603 when it is over.
    pub fn find_session(&self, replaces: &Replaces) -> Result<SessionId, StatusCode> {
        let id = self.find_dialog(replaces);
        let id = id.ok_or(StatusCode::CALL_DOES_NOT_EXIST)?;
        let session = self.sessions.get(&id);
        let session = session.ok_or(StatusCode::CALL_DOES_NOT_EXIST)?;
        session.replaceable(replaces.early_only).map(|()| id)
    }

    /// The session whose dialog is named, in whatever state it is.
    pub fn find_dialog(&self, replaces: &Replaces) -> Option<SessionId> {
        let key = |remote_tag: &str| {
            DialogKey::new(
                &self.context.keys,
                replaces.call_id.as_bytes(),
                &replaces.to_tag,
                remote_tag,
            )
        };
        let dialogs = &self.context.dialogs;
        let found = dialogs.get(&key(&replaces.from_tag)).or_else(|| {
            // A peer older than RFC 3261 has no tag, which a Replaces header writes as zero.
            (&*replaces.from_tag == "0")
                .then(|| dialogs.get(&key("")))
                .flatten()
        });
        found.copied()
    }

    /// The dialog of a session, or the first early one of our INVITE; `None` before there is any.
    pub fn dialog_name(&self, session: SessionId) -> Option<DialogName> {
        self.sessions.get(&session)?.dialog_name()
    }
}
