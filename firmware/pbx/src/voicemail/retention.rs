//! Messages that were heard go when they are older than their box keeps them.

use std::sync::Weak;
use std::time::Duration;

use ramal_store::StoreError;
use tokio::time::sleep;

use crate::clock::utc_ms;
use crate::exchange::Exchange;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(600);
const DAY_MS: i64 = 86_400_000;

/// Looks after the age of messages for as long as the exchange lives.
pub(super) async fn look_after(exchange: Weak<Exchange>) {
    while let Some(exchange) = exchange.upgrade() {
        if let Err(error) = let_go(&exchange).await {
            tracing::error!(%error, "old messages cannot be deleted");
        }
        drop(exchange);
        sleep(EVERY).await;
    }
}

async fn let_go(exchange: &Exchange) -> Result<(), StoreError> {
    let configuration = exchange.configuration.borrow().clone();
    for mailbox in configuration.catalogue().voicemail_boxes.iter() {
        let Some(days) = mailbox.keep_days else {
            continue;
        };
        let oldest = utc_ms() - days * DAY_MS;
        loop {
            let old = exchange
                .store
                .messages_heard_before(mailbox.id, oldest)
                .await?;
            if old.is_empty() {
                break;
            }
            for message in old {
                match exchange.voicemail.delete(message.id, "age".into()).await {
                    // Somebody was faster.
                    Ok(_) | Err(StoreError::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Ok(())
}
