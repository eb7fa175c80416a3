//! The task that delivers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ramal_model::{Actor, Delivery, DeliveryWay, EventKind, Id, TextWay, VoicemailMessageId};
use ramal_pbx::Pbx;
use ramal_store::{DeliveryAttempt, MessageMarks, Store};
use rustls::ClientConfig;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::http::Http;
use crate::mail::{Mailer, MailerError};
use crate::outcome::Outcome;
use crate::{live, text_message, webhook};

/// Deliveries under way at a time.
const MOST_UNDER_WAY: usize = 8;
/// How long to wait after the database failed.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// The longest it sleeps: clocks may be set.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// What the courier works with.
pub struct CourierConfig {
    /// Whom it believes when it connects to others.
    pub tls: ClientConfig,
    /// A PEM file with more authorities, for mail servers.
    pub authorities: Option<PathBuf>,
}

/// Why there is no courier.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// Mail cannot be sent.
    #[error(transparent)]
    Mail(#[from] MailerError),
}

/// Delivers until it is dropped. What was under way then is tried again after the next start.
pub struct Courier {
    tasks: [JoinHandle<()>; 2],
}

impl Courier {
    /// Starts delivering.
    ///
    /// # Errors
    /// Certificates cannot be read.
    pub fn start(config: CourierConfig, store: Store, pbx: Pbx) -> Result<Self, CourierError> {
        let work = Arc::new(Work {
            http: Http::new(config.tls),
            mailer: Mailer::new(config.authorities.as_deref())?,
            store: store.clone(),
            pbx: pbx.clone(),
        });
        let deliver = tokio::spawn(work.deliver());
        let listen = tokio::spawn(live::listen(store, pbx));
        Ok(Self {
            tasks: [deliver, listen],
        })
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Way and id of whoever is told.
type Target = (&'static str, i64);

struct Work {
    http: Http,
    mailer: Mailer,
    store: Store,
    pbx: Pbx,
}

impl Work {
    async fn deliver(self: Arc<Self>) {
        let mut under_way: JoinSet<Target> = JoinSet::new();
        let mut busy: Vec<Target> = Vec::new();
        loop {
            let free = MOST_UNDER_WAY.saturating_sub(under_way.len());
            let pause = match self.take(&busy, free).await {
                Ok((due, pause)) => {
                    for delivery in due {
                        let target = delivery.way.target();
                        busy.push(target);
                        let work = Arc::clone(&self);
                        under_way.spawn(async move {
                            work.try_one(delivery).await;
                            target
                        });
                    }
                    pause
                }
                Err(error) => {
                    tracing::error!(%error, "it cannot be read who is to be told of events");
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = self.store.deliveries_written() => {}
                () = sleep(pause) => {}
                Some(ended) = under_way.join_next(), if !under_way.is_empty() => match ended {
                    Ok(target) => busy.retain(|one| *one != target),
                    // Which one it was is not known: they are all looked at again when the others are done.
                    Err(error) => {
                        tracing::error!(%error, "a delivery broke off");
                        if under_way.is_empty() {
                            busy.clear();
                        }
                    }
                },
            }
        }
    }

    /// What is due for others than `busy`, and how long until something else is.
    async fn take(
        &self,
        busy: &[Target],
        free: usize,
    ) -> Result<(Vec<Delivery>, Duration), ramal_store::StoreError> {
        if free == 0 {
            return Ok((Vec::new(), LONGEST_SLEEP));
        }
        let due = self.store.deliveries_due(busy.to_vec(), free).await?;
        let next = self.store.next_delivery_at().await?;
        let pause = next.map_or(LONGEST_SLEEP, |next| {
            // Those due now wait for their target, which wakes us when it is free.
            let ms = u64::try_from(next - self.store.now()).unwrap_or(0);
            if ms == 0 {
                LONGEST_SLEEP
            } else {
                Duration::from_millis(ms)
            }
        });
        Ok((due, pause.min(LONGEST_SLEEP)))
    }

    async fn try_one(&self, delivery: Delivery) {
        let at = self.store.now();
        let begun = Instant::now();
        let outcome = self.tell(&delivery, at).await;
        let took_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let (way, target) = delivery.way.target();
        match &outcome {
            Outcome::Taken(_) => {
                tracing::debug!(way, target, event = delivery.event, "told of an event")
            }
            Outcome::Later(why) | Outcome::Never(why) => {
                tracing::warn!(
                    way,
                    target,
                    event = delivery.event,
                    why,
                    "cannot tell of an event"
                );
            }
        }
        if matches!(outcome, Outcome::Taken(_)) {
            self.mark_heard(&delivery).await;
        }
        let (state, pause, answer) = outcome.settle(delivery.attempts + 1, rand::random());
        let attempt = DeliveryAttempt {
            state,
            next_at: pause.map(|pause| self.store.now() + pause),
            at,
            took_ms,
            answer,
        };
        if let Err(error) = self.store.delivery_tried(delivery.id, attempt).await {
            // It stays due and would be tried again and again at once.
            tracing::error!(%error, "what came of a delivery cannot be written down");
            sleep(AFTER_FAILURE).await;
        }
    }

    async fn tell(&self, delivery: &Delivery, now: i64) -> Outcome {
        let configuration = self.store.configuration();
        let catalogue = configuration.catalogue();
        let gone = || Outcome::Never("it was deleted or switched off meanwhile".into());
        match &delivery.way {
            DeliveryWay::Webhook { webhook: id } => {
                let id = Id::new(*id);
                let test = delivery.kind == EventKind::Test;
                let webhook = catalogue.webhooks.get(id).filter(|one| one.enabled || test);
                let Some(webhook) = webhook else {
                    return gone();
                };
                match webhook::request(webhook, configuration.secret(id), delivery, now) {
                    Ok(request) => self.http.ask(request).await,
                    Err(outcome) => outcome,
                }
            }
            DeliveryWay::Mail { to, because_of } => {
                let language = catalogue.mail_notices.get(Id::new(*because_of));
                let language = language.and_then(|notice| notice.language);
                let mailbox = catalogue.voicemail_boxes.get(Id::new(*because_of));
                let language = language.or_else(|| mailbox.and_then(|mailbox| mailbox.language));
                let sound = mailbox
                    .is_none_or(|mailbox| mailbox.attach_audio)
                    .then(|| self.pbx.voicemail_folder())
                    .flatten();
                let only = (delivery.kind == EventKind::Test).then(|| Id::new(*because_of));
                self.mailer
                    .send(&configuration, only, to, delivery, language, sound)
                    .await
            }
            DeliveryWay::Text {
                gateway,
                to,
                number,
            } => {
                let id = Id::new(*gateway);
                let test = delivery.kind == EventKind::Test;
                let gateway = catalogue
                    .text_gateways
                    .get(id)
                    .filter(|one| one.enabled || test);
                let Some(gateway) = gateway else {
                    return gone();
                };
                let number = number.map(|number| catalogue.numbers.get(Id::new(number)));
                if number.is_some_and(|number| number.is_none()) {
                    return gone();
                }
                let number = number.flatten().map(|number| &number.settings);
                let text = text_message::words(&configuration, number);
                if let TextWay::Sip { trunk } = gateway.carrier {
                    return text_message::over_trunk(&self.pbx, trunk, to, &text).await;
                }
                match text_message::request(gateway, configuration.secret(id), to, &text) {
                    Ok(request) => self.http.ask(request).await,
                    Err(outcome) => outcome,
                }
            }
        }
    }

    /// Marks a voice message as heard whose mail was taken, where its box says so.
    async fn mark_heard(&self, delivery: &Delivery) {
        let DeliveryWay::Mail { because_of, .. } = &delivery.way else {
            return;
        };
        let configuration = self.store.configuration();
        let mailbox = configuration
            .catalogue()
            .voicemail_boxes
            .get(Id::new(*because_of));
        let message = delivery.data.get("id").and_then(serde_json::Value::as_i64);
        if let (Some(true), Some(message)) = (mailbox.map(|one| one.heard_when_mailed), message) {
            let marks = MessageMarks {
                heard: Some(true),
                handled: None,
            };
            let message = VoicemailMessageId(message);
            if let Err(error) = self.pbx.mark_message(message, marks, &Actor::System).await {
                tracing::warn!(%error, %message, "a message that was mailed cannot be marked as heard");
            }
        }
    }
}
