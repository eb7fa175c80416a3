//! Speaks what the configuration has the gateway say and nobody has spoken yet: after an import, a restored backup or
//! another language of the company. What is saved through the API is spoken before it counts.

use std::sync::Arc;
use std::time::Duration;

use ramal_model::Configuration;
use ramal_sounds::Studio;
use tokio::sync::watch;
use tokio::time::sleep;

/// When it is tried again after something could not be spoken.
const AGAIN: Duration = Duration::from_secs(60);

/// Follows the configuration for as long as it is published.
pub(crate) async fn follow(studio: Studio, mut configuration: watch::Receiver<Arc<Configuration>>) {
    loop {
        let current = configuration.borrow_and_update().clone();
        let mut all_spoken = true;
        for speech in current.speeches() {
            let tag = speech.language.tag();
            let spoken = studio.keep_spoken(&speech.key(), &speech.text, tag).await;
            if let Err(error) = spoken {
                tracing::error!(%error, text = speech.text, "a text is not spoken: nobody hears it");
                all_spoken = false;
            }
        }
        let again = async {
            match all_spoken {
                true => std::future::pending().await,
                false => sleep(AGAIN).await,
            }
        };
        tokio::select! {
            changed = configuration.changed() => if changed.is_err() {
                return;
            },
            () = again => {}
        }
    }
}
