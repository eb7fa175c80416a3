//! The phone's INVITE client transaction: retransmission, CANCEL and ACK (RFC 3261 §17.1.1, §13.2, §9.1).

use crate::call::CallEvent;
use crate::call_task::{Command, Task};
use crate::transaction::T1;
use crate::{PhoneError, message};
use rsip::SipMessage;
use std::time::Duration;
use tokio::sync::mpsc;

/// Responses to one INVITE, repeated 2xx included.
pub type Responses = mpsc::UnboundedReceiver<rsip::Response>;

/// How an INVITE of ours ended.
pub enum InviteEnd {
    /// 2xx, acknowledged; the ACK is kept for repeated ones.
    Answered(Responses, Vec<u8>),
    /// 3xx to 6xx, acknowledged.
    Final(Box<rsip::Response>),
    /// This side cancelled.
    GivenUp,
}

impl Task {
    /// Sees an INVITE of ours through to its final response.
    pub async fn await_invite(
        &mut self,
        invite: &SipMessage,
        bytes: Vec<u8>,
        mut responses: Responses,
    ) -> Result<InviteEnd, PhoneError> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(200);
        let mut interval = T1;
        let mut provisional = false;
        let mut given_up = false;
        loop {
            let resend = tokio::time::sleep(interval);
            tokio::select! {
                _ = resend, if !provisional && !self.phone.sender.is_reliable() => {
                    self.phone.sender.send(&bytes).await?;
                    interval *= 2;
                    if interval > Duration::from_secs(32) {
                        return Err(PhoneError::Timeout("INVITE".into()));
                    }
                }
                _ = tokio::time::sleep_until(deadline) => return Err(PhoneError::Timeout("INVITE".into())),
                Some(response) = responses.recv() => {
                    let (status, _) = message::status(&response);
                    if status < 200 {
                        provisional = true;
                        if status > 100 {
                            self.dialog.learn(&response);
                            let early = self.connect(&response.body);
                            self.emit(CallEvent::Progress(status, early));
                        }
                        if given_up {
                            self.send_cancel(invite).await?;
                        }
                        continue;
                    }
                    let ack = self.ack(invite, &response)?;
                    self.phone.sender.send(&ack).await?;
                    if status >= 300 {
                        return Ok(if given_up { InviteEnd::GivenUp } else { InviteEnd::Final(Box::new(response)) });
                    }
                    self.dialog.learn(&response);
                    if given_up {
                        let bye = self.in_dialog("BYE", &[], "")?;
                        self.phone.transact(bye).await?;
                        return Ok(InviteEnd::GivenUp);
                    }
                    if !self.connect(&response.body) {
                        return Err(PhoneError::Message { what: "answer", reason: "no usable audio".into() });
                    }
                    return Ok(InviteEnd::Answered(responses, ack));
                }
                command = self.commands.recv(), if !given_up => {
                    match command {
                        Some(Command::Name(reply)) => self.tell_name(reply),
                        Some(Command::HangUp) | None => {
                            given_up = true;
                            if provisional {
                                self.send_cancel(invite).await?;
                            }
                        }
                        // Done when the INVITE is over.
                        Some(later) => self.later.push_back(later),
                    }
                }
                Some(request) = self.requests.recv() => {
                    let response = message::response(&request, 200, "OK", None, &[], "")?;
                    self.phone.respond(&request, response).await?;
                }
            }
        }
    }

    /// CANCEL of an INVITE: same branch, same CSeq number (RFC 3261 §9.1).
    async fn send_cancel(&self, invite: &SipMessage) -> Result<(), PhoneError> {
        let cancel = self.same_branch("CANCEL", invite, None)?;
        self.phone.sender.send(cancel.to_string().as_bytes()).await
    }

    /// ACK: inside the INVITE's transaction for a refusal, a request of its own for a 2xx (RFC 3261 §13.2.2.4).
    fn ack(
        &mut self,
        invite: &SipMessage,
        response: &rsip::Response,
    ) -> Result<Vec<u8>, PhoneError> {
        let (status, _) = message::status(response);
        if status >= 300 {
            let to = message::value(&SipMessage::Response(response.clone()), "To");
            return Ok(self
                .same_branch("ACK", invite, to)?
                .to_string()
                .into_bytes());
        }
        self.dialog.learn(response);
        let cseq = message::cseq(invite).map_or(1, |(n, _)| n);
        let d = &self.dialog;
        let ack = self.phone.request(
            "ACK",
            &d.target,
            &d.local,
            &d.remote,
            &d.call_id,
            cseq,
            &[],
            "",
        )?;
        Ok(ack.to_string().into_bytes())
    }

    fn same_branch(
        &self,
        method: &str,
        invite: &SipMessage,
        to: Option<String>,
    ) -> Result<SipMessage, PhoneError> {
        let get = |name: &str| message::value(invite, name).unwrap_or_default();
        let SipMessage::Request(request) = invite else {
            return Err(PhoneError::Message {
                what: "INVITE",
                reason: "not a request".into(),
            });
        };
        let cseq = message::cseq(invite).map_or(1, |(n, _)| n);
        let headers = [
            ("Via", get("Via")),
            ("Max-Forwards", "70".to_owned()),
            ("From", get("From")),
            ("To", to.unwrap_or_else(|| get("To"))),
            ("Call-ID", get("Call-ID")),
            ("CSeq", format!("{cseq} {method}")),
        ];
        message::request(method, &request.uri.to_string(), &headers, "")
    }
}
