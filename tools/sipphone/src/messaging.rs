//! Text messages (RFC 3428).

use crate::phone::Phone;
use crate::transaction::{Inner, token};
use crate::{PhoneError, message};
use rsip::SipMessage;

/// A text message that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextMessage {
    /// From value.
    pub from: String,
    /// To value.
    pub to: String,
    /// Content-Type value.
    pub content_type: String,
    /// The text.
    pub text: String,
}

impl Phone {
    /// Sends a text to `number` and returns the status of the answer, after a challenge.
    pub async fn message(&self, number: &str, text: &str) -> Result<u16, PhoneError> {
        let config = &self.inner.config;
        let target = format!("sip:{number}@{}", config.server);
        let from = format!("<sip:{}@{}>;tag={}", config.user, config.server, token());
        let extra = [("Content-Type", "text/plain;charset=UTF-8".to_owned())];
        let response = self
            .inner
            .challenged(
                "MESSAGE",
                &target,
                &from,
                &format!("<{target}>"),
                &token(),
                &extra,
                text,
            )
            .await?;
        Ok(message::status(&response).0)
    }

    /// The next text message, which was answered with 200.
    pub async fn next_message(&self) -> Option<TextMessage> {
        self.messages.lock().await.recv().await
    }
}

/// Reads a MESSAGE.
pub fn read(request: &rsip::Request) -> TextMessage {
    let as_message = SipMessage::Request(request.clone());
    let header = |name| message::value(&as_message, name).unwrap_or_default();
    TextMessage {
        from: header("From"),
        to: header("To"),
        content_type: header("Content-Type"),
        text: String::from_utf8_lossy(&request.body).into_owned(),
    }
}

impl Inner {
    /// Sends a request outside of calls, answering one challenge, and gives the final response.
    #[allow(clippy::too_many_arguments)]
    pub async fn challenged(
        &self,
        method: &str,
        uri: &str,
        from: &str,
        to: &str,
        call_id: &str,
        extra: &[(&str, String)],
        body: &str,
    ) -> Result<rsip::Response, PhoneError> {
        let request = self.request(method, uri, from, to, call_id, 1, extra, body)?;
        let response = self.transact(request).await?;
        let Some(answer) = self.authorization(&response, method, uri) else {
            return Ok(response);
        };
        let mut extra = extra.to_vec();
        extra.push(answer);
        let request = self.request(method, uri, from, to, call_id, 2, &extra, body)?;
        self.transact(request).await
    }
}
