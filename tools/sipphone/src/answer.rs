//! The called side: what an INVITE is answered with.

use std::time::Duration;

use rsip::SipMessage;

use crate::call::{CallEvent, EndReason};
use crate::call_task::{Command, Task};
use crate::sdp::{self, Direction};
use crate::transaction::{T1, T2};
use crate::{PhoneError, message};

impl Task {
    /// Answers an INVITE as the user says, until the call's end.
    pub async fn take_call(&mut self, invite: rsip::Request) -> Result<EndReason, PhoneError> {
        let tag = message::parameter(&self.dialog.local, "tag");
        let contact = ("Contact", format!("<{}>", self.phone.contact()));
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Ring) => {
                        let ringing = message::response(&invite, 180, "Ringing", tag.as_deref(), std::slice::from_ref(&contact), "")?;
                        self.phone.respond(&invite, ringing).await?;
                    }
                    Some(Command::Answer) => break,
                    Some(Command::Reject(status)) => {
                        self.refuse(&invite, status, tag.as_deref()).await?;
                        return Ok(EndReason::LocalHangUp);
                    }
                    Some(Command::HangUp) | None => {
                        self.refuse(&invite, 603, tag.as_deref()).await?;
                        return Ok(EndReason::LocalHangUp);
                    }
                    Some(Command::Hold(_) | Command::Refer(_)) => {}
                    Some(Command::Name(reply)) => self.tell_name(reply),
                },
                Some(request) = self.requests.recv() => {
                    let as_message = SipMessage::Request(request.clone());
                    if message::cseq(&as_message).is_some_and(|(_, m)| m == "CANCEL") {
                        let ok = message::response(&request, 200, "OK", tag.as_deref(), &[], "")?;
                        self.phone.respond(&request, ok).await?;
                        self.refuse(&invite, 487, tag.as_deref()).await?;
                        return Ok(EndReason::Cancelled(message::value(&as_message, "Reason")));
                    }
                }
            }
        }
        if !self.connect(&invite.body) {
            self.refuse(&invite, 488, tag.as_deref()).await?;
            return Ok(EndReason::Failed("no usable audio offered".into()));
        }
        let body = sdp::describe(
            self.audio.local(),
            &[self.law],
            self.telephone_event,
            Direction::SendRecv,
            1,
        );
        let ok = message::response(&invite, 200, "OK", tag.as_deref(), &[contact], &body)?;
        self.await_ack(&invite, ok).await?;
        self.emit(CallEvent::Answered);
        self.talk(None).await
    }

    async fn refuse(
        &self,
        invite: &rsip::Request,
        status: u16,
        tag: Option<&str>,
    ) -> Result<(), PhoneError> {
        let reason = match status {
            486 => "Busy Here",
            487 => "Request Terminated",
            488 => "Not Acceptable Here",
            603 => "Decline",
            _ => "Refused",
        };
        self.phone
            .respond(
                invite,
                message::response(invite, status, reason, tag, &[], "")?,
            )
            .await
    }

    /// Sends a 2xx to INVITE until its ACK comes (RFC 3261 §13.3.1.4).
    pub async fn await_ack(
        &mut self,
        invite: &rsip::Request,
        ok: SipMessage,
    ) -> Result<(), PhoneError> {
        let bytes = ok.to_string().into_bytes();
        self.phone.respond(invite, ok).await?;
        let mut interval = T1;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(32);
        loop {
            match tokio::time::timeout(interval, self.requests.recv()).await {
                Ok(Some(request)) => {
                    let as_message = SipMessage::Request(request);
                    if message::cseq(&as_message).is_some_and(|(_, m)| m == "ACK") {
                        return Ok(());
                    }
                }
                Ok(None) => return Err(PhoneError::Timeout("200 OK".into())),
                Err(_) if tokio::time::Instant::now() >= deadline => {
                    return Err(PhoneError::Timeout("200 OK".into()));
                }
                Err(_) => {
                    self.phone.sender.send(&bytes).await?;
                    interval = (interval * 2).min(T2);
                }
            }
        }
    }
}
