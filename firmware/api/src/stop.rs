//! The signal that the service stops.

use tokio::sync::watch;

/// Tells when the service stops; every long-lived task holds one.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// The sender gives the signal by sending true or by going away.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Returns when the service stops.
    pub async fn requested(&mut self) {
        // An error says that the sender is gone, and the service with it.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}
