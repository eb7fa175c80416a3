//! Webhooks as the Standard Webhooks specification 1.0 describes them: what is posted, and how it is signed.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper::{Method, Request};
use jiff::Timestamp;
use ramal_model::{Delivery, Secret, Webhook};
use serde_json::json;
use sha2::Sha256;

use crate::outcome::Outcome;

/// What the gateway calls itself.
pub(crate) const USER_AGENT: &str = concat!("Ramal/", env!("CARGO_PKG_VERSION"));

/// The request that tells of an event.
///
/// # Errors
/// Why there is none, as the outcome.
pub(crate) fn request(
    webhook: &Webhook,
    secret: Option<&Secret>,
    delivery: &Delivery,
    now_ms: i64,
) -> Result<Request<Full<Bytes>>, Outcome> {
    let id = format!("evt_{}_{}", delivery.at, delivery.event);
    let at = Timestamp::from_millisecond(delivery.at).unwrap_or_default();
    let body = json!({
        "id": id,
        "type": delivery.kind,
        "timestamp": at.to_string(),
        "data": delivery.data,
    })
    .to_string();
    let seconds = (now_ms / 1000).to_string();
    let lost = || {
        // A configuration that came from another gateway.
        Outcome::Never("the webhook has no secret that can be read: make a new one".into())
    };
    let signature = secret.and_then(|secret| sign(secret, &id, &seconds, &body));
    Request::builder()
        .method(Method::POST)
        .uri(&webhook.url)
        .header("content-type", "application/json")
        .header("user-agent", USER_AGENT)
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds)
        .header("webhook-signature", signature.ok_or_else(lost)?)
        .body(Full::from(body))
        .map_err(|error| Outcome::Never(format!("no request can be made: {error}")))
}

/// `v1,` and the base64 of HMAC-SHA256 over id, time and body; none when the secret has not its form.
fn sign(secret: &Secret, id: &str, seconds: &str, body: &str) -> Option<String> {
    let key = secret.as_str().strip_prefix(Webhook::SECRET_PREFIX)?;
    let key = BASE64_STANDARD.decode(key).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    let mac = mac.finalize().into_bytes();
    Some(format!("v1,{}", BASE64_STANDARD.encode(mac)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_specification_shows_it() {
        // The example of the reference libraries (github.com/standard-webhooks/standard-webhooks).
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into());
        let signed = sign(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(
            signed.as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
    }

    #[test]
    fn no_secret_no_request() {
        assert_eq!(sign(&Secret::new("abc".into()), "1", "2", "3"), None);
    }
}
