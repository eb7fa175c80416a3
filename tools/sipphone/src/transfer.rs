//! Passing calls on: REFER with what follows it, and INVITE with Replaces (RFC 3515, RFC 3891).

use crate::call::{Call, CallEvent};
use crate::call_task::{Command, Task};
use crate::phone::Phone;
use crate::{PhoneError, call_task, message};
use rsip::SipMessage;
use tokio::sync::oneshot;

/// How the call's dialog is named by this phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogName {
    /// Call-ID.
    pub call_id: String,
    /// This phone's tag.
    pub local_tag: String,
    /// The other side's tag.
    pub remote_tag: String,
}

impl DialogName {
    /// The Replaces value that names the dialog to the other side of it.
    pub fn replaces(&self) -> String {
        format!(
            "{};to-tag={};from-tag={}",
            self.call_id, self.remote_tag, self.local_tag
        )
    }
}

impl Call {
    /// Asks the other side to call `number` instead (unattended transfer).
    pub fn refer(&self, number: &str) {
        self.command(Command::Refer(format!("<sip:{number}@gateway.invalid>")));
    }

    /// Asks the other side to take this phone's place in the call `other` to `number` (attended transfer).
    pub async fn refer_replacing(&self, number: &str, other: &Call) -> Result<(), PhoneError> {
        let replaces = escaped(&other.name().await?.replaces());
        self.command(Command::Refer(format!(
            "<sip:{number}@gateway.invalid?Replaces={replaces}>"
        )));
        Ok(())
    }

    /// Sends REFER with this Refer-To value, whatever it is.
    pub fn refer_to(&self, value: &str) {
        self.command(Command::Refer(value.to_owned()));
    }

    /// How the call's dialog is named.
    pub async fn name(&self) -> Result<DialogName, PhoneError> {
        let (reply, name) = oneshot::channel();
        self.command(Command::Name(reply));
        name.await.map_err(|_| PhoneError::Late("the dialog"))
    }
}

impl Phone {
    /// Calls `number` to talk with both ends of the dialog that a Join value names (RFC 3911).
    pub async fn call_joining(&self, number: &str, join: &str) -> Result<Call, PhoneError> {
        let headers = vec![("Require", "join".to_owned()), ("Join", join.to_owned())];
        call_task::outgoing(self.inner.clone(), number, headers).await
    }

    /// Calls `number` to take the place of the dialog that a Replaces value names.
    pub async fn call_replacing(&self, number: &str, replaces: &str) -> Result<Call, PhoneError> {
        let headers = vec![
            ("Require", "replaces".to_owned()),
            ("Replaces", replaces.to_owned()),
        ];
        call_task::outgoing(self.inner.clone(), number, headers).await
    }
}

/// Escapes what a URI header may not hold (RFC 3261 §19.1.1).
fn escaped(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

impl Task {
    pub fn tell_name(&self, reply: oneshot::Sender<DialogName>) {
        let tag = |value: &str| message::parameter(value, "tag").unwrap_or_default();
        // Whoever asked may have given up.
        let _ = reply.send(DialogName {
            call_id: self.dialog.call_id.clone(),
            local_tag: tag(&self.dialog.local),
            remote_tag: tag(&self.dialog.remote),
        });
    }

    /// Sends REFER; its answer comes as an event while the call goes on.
    pub async fn refer(&mut self, target: String) -> Result<(), PhoneError> {
        let extra = [
            ("Contact", format!("<{}>", self.phone.contact())),
            ("Refer-To", target),
            ("Referred-By", format!("<{}>", self.phone.contact())),
        ];
        let refer = self.in_dialog("REFER", &extra, "")?;
        let (phone, events) = (self.phone.clone(), self.events.clone());
        let (bytes, responses) = phone.open_transaction(&refer).await?;
        tokio::spawn(async move {
            let answer = phone.await_final("REFER".into(), bytes, responses).await;
            let status = match answer {
                Ok(response) => message::status(&response).0,
                Err(_) => 408,
            };
            // A dropped call has nobody to tell.
            let _ = events.send(CallEvent::ReferAnswered(status));
        });
        Ok(())
    }

    /// NOTIFY of a REFER.
    pub async fn notified(&mut self, request: &rsip::Request) -> Result<(), PhoneError> {
        let ok = message::response(request, 200, "OK", None, &[], "")?;
        self.phone.respond(request, ok).await?;
        let state = message::value(&SipMessage::Request(request.clone()), "Subscription-State");
        let last = state.is_some_and(|state| state.starts_with("terminated"));
        let fragment = String::from_utf8_lossy(&request.body);
        let line = fragment.lines().next().unwrap_or_default().to_owned();
        self.emit(CallEvent::Referred(line, last));
        Ok(())
    }
}
