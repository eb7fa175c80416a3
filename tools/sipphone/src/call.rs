//! A call as its user sees it.

use crate::audio::Audio;
use crate::{PhoneError, call_task::Command};
use std::time::Duration;
use tokio::sync::mpsc;

/// Why a call is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndReason {
    /// The other side refused or did not answer: SIP status code.
    Refused(u16),
    /// The other side hung up.
    RemoteHangUp,
    /// This side hung up.
    LocalHangUp,
    /// The caller gave up before the answer; the Reason header if there was one.
    Cancelled(Option<String>),
    /// No answer to signalling, or the phone is gone.
    Failed(String),
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallEvent {
    /// A provisional response above 100: status, and whether it carried a description.
    Progress(u16, bool),
    /// Both sides agreed on the call.
    Answered,
    /// The other side put the call on hold.
    Held,
    /// The other side took it back from hold.
    Resumed,
    /// Our REFER was answered: status.
    ReferAnswered(u16),
    /// How a call we asked for by REFER fares: status line of the fragment, and whether that was the last word.
    Referred(String, bool),
    /// The call is over; nothing follows.
    Ended(EndReason),
}

/// A call in progress. Dropping it hangs up.
#[derive(Debug)]
pub struct Call {
    pub(crate) caller: String,
    pub(crate) called: String,
    pub(crate) invite: Option<rsip::SipMessage>,
    pub(crate) audio: Audio,
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    pub(crate) events: mpsc::UnboundedReceiver<CallEvent>,
    pub(crate) ended: Option<EndReason>,
}

impl Call {
    /// From value of the INVITE.
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// Request URI of the INVITE.
    pub fn called(&self) -> &str {
        &self.called
    }

    /// Values of a header of the INVITE that came, each as it was written.
    pub fn invite_values(&self, name: &str) -> Vec<String> {
        let invite = self.invite.as_ref();
        invite.map_or_else(Vec::new, |invite| crate::message::values(invite, name))
    }

    /// The call's audio.
    pub fn audio(&self) -> &Audio {
        &self.audio
    }

    /// The next event; after the end it repeats [`CallEvent::Ended`].
    pub async fn event(&mut self) -> CallEvent {
        if let Some(reason) = &self.ended {
            return CallEvent::Ended(reason.clone());
        }
        let event = self
            .events
            .recv()
            .await
            .unwrap_or(CallEvent::Ended(EndReason::Failed("phone stopped".into())));
        if let CallEvent::Ended(reason) = &event {
            self.ended = Some(reason.clone());
        }
        event
    }

    /// Waits for `wanted`, at most `limit`; events before it are dropped, the end of the call is an error.
    pub async fn wait(
        &mut self,
        limit: Duration,
        wanted: impl Fn(&CallEvent) -> bool,
    ) -> Result<CallEvent, PhoneError> {
        let deadline = tokio::time::Instant::now() + limit;
        let mut others = Vec::new();
        loop {
            match tokio::time::timeout_at(deadline, self.event()).await {
                Ok(event) if wanted(&event) => return Ok(event),
                Ok(CallEvent::Ended(reason)) => return Err(PhoneError::Ended(reason)),
                Ok(event) => others.push(event),
                Err(_) => {
                    eprintln!("sipphone: meanwhile came {others:?}");
                    return Err(PhoneError::Late("the awaited call event"));
                }
            }
        }
    }

    /// Waits until the other side rings.
    pub async fn wait_ringing(&mut self, limit: Duration) -> Result<(), PhoneError> {
        self.wait(limit, |e| matches!(e, CallEvent::Progress(..)))
            .await
            .map(drop)
    }

    /// Waits until the call is answered.
    pub async fn wait_answered(&mut self, limit: Duration) -> Result<(), PhoneError> {
        self.wait(limit, |e| *e == CallEvent::Answered)
            .await
            .map(drop)
    }

    /// Waits for the end of the call and says why it ended.
    pub async fn wait_ended(&mut self, limit: Duration) -> Result<EndReason, PhoneError> {
        match self
            .wait(limit, |e| matches!(e, CallEvent::Ended(_)))
            .await?
        {
            CallEvent::Ended(reason) => Ok(reason),
            _ => Err(PhoneError::Late("the end of the call")),
        }
    }

    /// Sends 180 to the caller.
    pub fn ring(&self) {
        self.command(Command::Ring);
    }

    /// Answers an incoming call.
    pub fn answer(&self) {
        self.command(Command::Answer);
    }

    /// Refuses an incoming call with a SIP status (400-699).
    pub fn reject(&self, status: u16) {
        self.command(Command::Reject(status));
    }

    /// Ends the call by CANCEL, BYE or 603, whichever fits.
    pub fn hang_up(&self) {
        self.command(Command::HangUp);
    }

    /// Puts the other side on hold by re-INVITE (`sendonly`).
    pub fn hold(&self) {
        self.command(Command::Hold(true));
    }

    /// Takes the other side back.
    pub fn resume(&self) {
        self.command(Command::Hold(false));
    }

    pub(crate) fn command(&self, command: Command) {
        // A call that is over takes no commands; its end is reported as an event.
        let _ = self.commands.send(command);
    }
}
