//! Watching a state: SUBSCRIBE and the NOTIFYs that follow (RFC 6665).

use crate::dialog::Dialog;
use crate::phone::Phone;
use crate::transaction::{Inner, token};
use crate::{PhoneError, message};
use rsip::SipMessage;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// A NOTIFY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Subscription-State value.
    pub state: String,
    /// Content-Type value.
    pub content_type: String,
    /// The body.
    pub body: String,
}

/// A subscription. Dropping it makes the phone answer its NOTIFYs with 481.
#[derive(Debug)]
pub struct Subscription {
    phone: Arc<Inner>,
    dialog: Dialog,
    event: String,
    notifications: mpsc::UnboundedReceiver<Notification>,
}

impl Phone {
    /// Subscribes to the state `event` (`dialog`, `presence`, `message-summary`) of `number`.
    ///
    /// # Errors
    /// [`PhoneError::Refused`] with the status when the gateway does not want it.
    pub async fn subscribe(
        &self,
        event: &str,
        number: &str,
        expires: u32,
    ) -> Result<Subscription, PhoneError> {
        let phone = self.inner.clone();
        let config = &phone.config;
        let target = format!("sip:{number}@{}", config.server);
        let local = format!("<sip:{}@{}>;tag={}", config.user, config.server, token());
        let call_id = token();
        let (requests_tx, requests) = mpsc::unbounded_channel();
        let (notifications_tx, notifications) = mpsc::unbounded_channel();
        phone.adopt_call(&call_id, requests_tx);
        tokio::spawn(answer(phone.clone(), requests, notifications_tx));
        let extra = headers(&phone, event, expires);
        let response = phone
            .challenged(
                "SUBSCRIBE",
                &target,
                &local,
                &format!("<{target}>"),
                &call_id,
                &extra,
                "",
            )
            .await?;
        let (status, reason) = message::status(&response);
        if status >= 300 {
            phone.forget_call(&call_id);
            return Err(PhoneError::Refused {
                method: "SUBSCRIBE".into(),
                status,
                reason,
            });
        }
        let mut dialog = Dialog {
            call_id,
            local,
            remote: String::new(),
            target,
            local_cseq: 2,
        };
        dialog.learn(&response);
        Ok(Subscription {
            phone,
            dialog,
            event: event.to_owned(),
            notifications,
        })
    }
}

impl Subscription {
    /// The next NOTIFY.
    pub async fn next(&mut self, limit: Duration) -> Result<Notification, PhoneError> {
        match tokio::time::timeout(limit, self.notifications.recv()).await {
            Ok(Some(notification)) => Ok(notification),
            _ => Err(PhoneError::Late("a NOTIFY")),
        }
    }

    /// Waits for a NOTIFY whose body is as wanted; those before it are dropped.
    pub async fn wait(
        &mut self,
        limit: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Notification, PhoneError> {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            let notification = self.next(left).await?;
            if wanted(&notification.body) {
                return Ok(notification);
            }
        }
    }

    /// Refreshes the subscription, or ends it with 0; gives the status of the answer.
    pub async fn refresh(&mut self, expires: u32) -> Result<u16, PhoneError> {
        self.dialog.local_cseq += 1;
        let d = &self.dialog;
        let request = self.phone.request(
            "SUBSCRIBE",
            &d.target,
            &d.local,
            &d.remote,
            &d.call_id,
            d.local_cseq,
            &headers(&self.phone, &self.event, expires),
            "",
        )?;
        Ok(message::status(&self.phone.transact(request).await?).0)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.phone.forget_call(&self.dialog.call_id);
    }
}

fn headers(phone: &Inner, event: &str, expires: u32) -> [(&'static str, String); 3] {
    [
        ("Contact", format!("<{}>", phone.contact())),
        ("Event", event.to_owned()),
        ("Expires", expires.to_string()),
    ]
}

/// Answers NOTIFYs for as long as somebody wants them.
async fn answer(
    phone: Arc<Inner>,
    mut requests: mpsc::UnboundedReceiver<rsip::Request>,
    notifications: mpsc::UnboundedSender<Notification>,
) {
    while let Some(request) = requests.recv().await {
        let as_message = SipMessage::Request(request.clone());
        let header = |name| message::value(&as_message, name).unwrap_or_default();
        let notification = Notification {
            state: header("Subscription-State"),
            content_type: header("Content-Type"),
            body: String::from_utf8_lossy(&request.body).into_owned(),
        };
        let answered = async {
            let ok = message::response(&request, 200, "OK", None, &[], "")?;
            phone.respond(&request, ok).await
        };
        if let Err(error) = answered.await {
            eprintln!("sipphone {}: {error}", phone.config.user);
        }
        if notifications.send(notification).is_err() {
            return;
        }
    }
}
