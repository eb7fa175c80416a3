//! Events that others are told of, and how that goes: the outbox of webhooks, mail and text messages.
//!
//! An event is written in the transaction of what it tells of, with a row for each who is told, so that neither is there without
//! the other. Whoever delivers asks for what is due, tries, and writes down what came of it.

use ramal_model::{
    CallRecord, CallResult, Configuration, Delivery, DeliveryId, DeliveryState, DeliveryWay,
    Direction, EventKind, RecordingRecord, VoicemailMessage, mobile_number,
};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params, types::Type};
use serde_json::{Value, json};

use crate::{
    Store,
    error::{Result, StoreError},
    writer::{Haste, Write},
};

/// Events that are kept; with older ones their deliveries go.
const KEPT_EVENTS: i64 = 20_000;
/// Deliveries that wait at most. What happens beyond that is only told to those who follow the stream.
const MOST_PENDING: i64 = 10_000;

/// A caller is written to once within this time (F096), ms.
const TEXT_ONCE_MS: i64 = 4 * 3600 * 1000;

/// Which deliveries to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// At most so many; 50 when left out, never more than 1000.
    pub limit: Option<u32>,
    /// Only deliveries before this one.
    pub before: Option<DeliveryId>,
    /// Only deliveries of this webhook or text gateway.
    pub target: Option<i64>,
    /// Only deliveries that are so far.
    pub state: Option<DeliveryState>,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// How far the delivery is now.
    pub state: DeliveryState,
    /// When it is tried next, UTC ms; none when it is over.
    pub next_at: Option<i64>,
    /// When it was tried, UTC ms.
    pub at: i64,
    /// How long that took, ms.
    pub took_ms: i64,
    /// The other side's answer, or what kept it from arriving.
    pub answer: String,
}

/// Something that happened, on its way to those who are told.
pub(crate) struct Happening {
    pub kind: EventKind,
    pub data: Value,
    /// Who is told besides those who asked for this kind of event.
    pub also: Vec<DeliveryWay>,
}

impl Happening {
    /// What somebody wants to be told of when a call is over; nothing while nobody does.
    pub(crate) fn of_call(configuration: &Configuration, call: &CallRecord) -> Vec<Self> {
        let kinds = [EventKind::CallEnded, EventKind::CallMissed];
        let kinds = kinds.into_iter().filter(|kind| match kind {
            EventKind::CallMissed => is_missed(call),
            _ => call.result.is_some(),
        });
        let kinds = kinds.filter(|kind| is_wanted(configuration, *kind));
        kinds
            .map(|kind| Self {
                kind,
                data: told_of_call(call),
                also: Vec::new(),
            })
            .collect()
    }

    /// What is told of a recording that can be listened to.
    pub(crate) fn of_recording(recording: &RecordingRecord) -> Self {
        let mut data = json!(recording);
        data["audio"] = json!(format!("/api/v1/recordings/{}/audio", recording.id));
        Self {
            kind: EventKind::RecordingReady,
            data,
            also: Vec::new(),
        }
    }

    /// What is told of a new message in a box.
    pub(crate) fn of_message(configuration: &Configuration, message: &VoicemailMessage) -> Self {
        let mailbox = configuration
            .catalogue()
            .voicemail_boxes
            .get(message.mailbox);
        let email = mailbox.and_then(|mailbox| mailbox.email.clone());
        let mut data = json!(message);
        data["mailbox_name"] = json!(mailbox.map(|mailbox| &mailbox.name));
        data["audio"] = json!(format!("/api/v1/voicemail-messages/{}/audio", message.id));
        Self {
            kind: EventKind::VoicemailNew,
            data,
            also: email
                .map(|email| DeliveryWay::Mail {
                    to: vec![email],
                    because_of: message.mailbox.number(),
                })
                .into_iter()
                .collect(),
        }
    }
}

/// A call from outside that no human took.
pub(crate) struct MissedCall {
    caller: String,
    called: String,
    data: Value,
}

impl MissedCall {
    /// The call, if it is one, and if anybody is written to at all.
    pub(crate) fn of(configuration: &Configuration, call: &CallRecord) -> Option<Self> {
        let mut numbers = configuration.catalogue().numbers.iter();
        let any = numbers.any(|number| number.text_back.is_some());
        (any && is_missed(call)).then(|| Self {
            caller: call.caller.number.clone(),
            called: call.callee.number.clone(),
            data: told_of_call(call),
        })
    }
}

/// Whether a call from outside is over that no human took (D5).
fn is_missed(call: &CallRecord) -> bool {
    use CallResult::{Busy, Cancelled, NoAnswer, Rejected};
    call.direction == Direction::Inbound
        && matches!(call.result, Some(Busy | Cancelled | NoAnswer | Rejected))
}

/// A call's record without the steps that led it, which are for the company's own eyes.
fn told_of_call(call: &CallRecord) -> Value {
    let mut data = json!(call);
    if let Value::Object(fields) = &mut data {
        fields.remove("trace");
    }
    data
}

/// Whether anybody is to be told of such events.
fn is_wanted(configuration: &Configuration, kind: EventKind) -> bool {
    let catalogue = configuration.catalogue();
    let webhooks = catalogue.webhooks.iter();
    let mut webhooks = webhooks.filter(|one| one.enabled && one.events.contains(&kind));
    let notices = catalogue.mail_notices.iter();
    let mut notices = notices.filter(|one| one.enabled && one.events.contains(&kind));
    webhooks.next().is_some() || notices.next().is_some()
}

impl Write<'_> {
    /// Writes down an event and who is told of it; nothing when nobody is. Whether somebody is.
    pub(crate) fn publish(&mut self, happening: Happening) -> Result<bool> {
        let Happening { kind, data, also } = happening;
        let catalogue = self.configuration.catalogue();
        let webhooks = catalogue.webhooks.iter();
        let webhooks = webhooks.filter(|one| one.enabled && one.events.contains(&kind));
        let webhooks = webhooks.map(|one| DeliveryWay::Webhook {
            webhook: one.id.number(),
        });
        let notices = catalogue.mail_notices.iter();
        let notices = notices.filter(|one| one.enabled && one.events.contains(&kind));
        let notices = notices.map(|one| DeliveryWay::Mail {
            to: one.to.clone(),
            because_of: one.id.number(),
        });
        let ways: Vec<_> = webhooks.chain(notices).chain(also).collect();
        if ways.is_empty() {
            return Ok(false);
        }
        self.deliver(kind, &data, &ways)
    }

    /// Has the caller written to whose call nobody took, where the number that he called says so: mobile numbers only, and each
    /// once within [`TEXT_ONCE_MS`]. Whether that is done.
    pub(crate) fn text_back(&self, call: &MissedCall) -> Result<bool> {
        let catalogue = self.configuration.catalogue();
        let numbers = catalogue.numbers.iter();
        let mut numbers = numbers
            .filter(|number| number.is_dialled(number.trunk.map(|trunk| trunk.0), &call.called));
        let Some((number, text_back)) =
            numbers.find_map(|number| Some((number, number.text_back.as_ref()?)))
        else {
            return Ok(false);
        };
        let company = self.configuration.company();
        let Some(to) = company.and_then(|company| mobile_number(company, &call.caller)) else {
            return Ok(false);
        };
        let written: bool = self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM deliveries JOIN events ON events.id = deliveries.event
                 WHERE way = 'text' AND address ->> '$.to' = ?1 AND events.at > ?2 AND kind = 'call.missed')",
            )?
            .query_row(params![to, self.now - TEXT_ONCE_MS], |row| row.get(0))?;
        if written {
            return Ok(false);
        }
        let way = DeliveryWay::Text {
            gateway: text_back.gateway.number(),
            to,
            number: Some(number.id.number()),
        };
        self.deliver(EventKind::CallMissed, &call.data, &[way])
    }

    fn deliver(&self, kind: EventKind, data: &Value, ways: &[DeliveryWay]) -> Result<bool> {
        let pending: i64 = self
            .connection
            .prepare_cached("SELECT count(*) FROM deliveries WHERE state = 'pending'")?
            .query_row([], |row| row.get(0))?;
        if pending >= MOST_PENDING {
            tracing::error!(
                kind = kind.as_str(),
                pending,
                "nobody is told of an event: too many wait already"
            );
            return Ok(false);
        }
        self.connection
            .prepare_cached("INSERT INTO events (at, kind, data) VALUES (?1, ?2, ?3)")?
            .execute(params![self.now, kind.as_str(), data.to_string()])?;
        let event = self.connection.last_insert_rowid();
        for way in ways {
            let (word, target) = way.target();
            self.connection
                .prepare_cached(
                    "INSERT INTO deliveries (event, way, target, address, next_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![event, word, target, serde_json::to_string(way)?, self.now])?;
        }
        self.connection
            .prepare_cached("DELETE FROM events WHERE id <= ?1")?
            .execute([event - KEPT_EVENTS])?;
        Ok(true)
    }
}

impl Store {
    /// Tells those who asked for it of something that is not written down elsewhere.
    ///
    /// # Errors
    /// Failures of the database.
    pub async fn publish(&self, kind: EventKind, data: Value) -> Result<()> {
        if !is_wanted(&self.configuration(), kind) {
            return Ok(());
        }
        let happening = Happening {
            kind,
            data,
            also: Vec::new(),
        };
        let told = self
            .writer
            .run_with(Haste::Patient, move |write| write.publish(happening))
            .await?;
        self.tell_of_deliveries(told);
        Ok(())
    }

    /// Tells somebody of an event `test`, whatever kinds he asks for.
    ///
    /// # Errors
    /// Failures of the database.
    pub async fn test_delivery(&self, way: DeliveryWay) -> Result<Delivery> {
        let delivery = self
            .writer
            .run(move |write| {
                write.deliver(EventKind::Test, &json!({}), &[way])?;
                one(
                    write.connection,
                    DeliveryId(write.connection.last_insert_rowid()),
                )
            })
            .await?;
        self.tell_of_deliveries(true);
        Ok(delivery)
    }

    /// Wakes whoever delivers.
    pub(crate) fn tell_of_deliveries(&self, told: bool) {
        if told {
            self.due.notify_one();
        }
    }

    /// Returns when something new may be due. A delivery that becomes due later than now is not told of.
    pub async fn deliveries_written(&self) {
        self.due.notified().await;
    }

    /// Deliveries that are due, the oldest first, without those that go to one of `busy` (way and id of the target).
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn deliveries_due(
        &self,
        busy: Vec<(&'static str, i64)>,
        limit: usize,
    ) -> Result<Vec<Delivery>> {
        let now = self.now();
        self.readers
            .run(move |connection| {
                let mut rows = connection.prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM {TABLES} WHERE state = 'pending' AND next_at <= ?1 ORDER BY next_at, deliveries.id"
                ))?;
                let rows = rows.query_map([now], read)?;
                let mut due: Vec<Delivery> = Vec::new();
                for delivery in rows {
                    let delivery = delivery?;
                    let target = delivery.way.target();
                    if !busy.contains(&target) && !due.iter().any(|one| one.way.target() == target) {
                        due.push(delivery);
                    }
                    if due.len() >= limit {
                        break;
                    }
                }
                Ok(due)
            })
            .await
    }

    /// When the next delivery is due, UTC ms; none when none waits.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn next_delivery_at(&self) -> Result<Option<i64>> {
        self.readers
            .run(|connection| {
                Ok(connection
                    .prepare_cached("SELECT min(next_at) FROM deliveries WHERE state = 'pending'")?
                    .query_row([], |row| row.get(0))?)
            })
            .await
    }

    /// Writes down what came of an attempt.
    ///
    /// # Errors
    /// Failures of the database.
    pub async fn delivery_tried(&self, id: DeliveryId, attempt: DeliveryAttempt) -> Result<()> {
        let answer: String = attempt.answer.chars().take(500).collect();
        self.writer
            .run_with(Haste::Patient, move |write| {
                write
                    .connection
                    .prepare_cached(
                        "UPDATE deliveries SET state = ?2, next_at = ?3, last_at = ?4, took_ms = ?5, answer = ?6,
                                               attempts = attempts + 1 WHERE id = ?1",
                    )?
                    .execute(params![
                        id.0,
                        attempt.state.as_str(),
                        attempt.next_at,
                        attempt.at,
                        attempt.took_ms,
                        answer
                    ])?;
                Ok(())
            })
            .await
    }

    /// Delivers once more what was delivered, or given up, at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn replay_delivery(&self, id: DeliveryId) -> Result<Delivery> {
        let delivery = self
            .writer
            .run(move |write| {
                let changed = write
                    .connection
                    .prepare_cached(
                        "UPDATE deliveries SET state = 'pending', attempts = 0, next_at = ?2 WHERE id = ?1",
                    )?
                    .execute(params![id.0, write.now])?;
                if changed == 0 {
                    return Err(StoreError::not_found("delivery", id));
                }
                one(write.connection, id)
            })
            .await?;
        self.tell_of_deliveries(true);
        Ok(delivery)
    }

    /// Deliveries that pass the filter, newest first.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn deliveries(&self, filter: DeliveryFilter) -> Result<Vec<Delivery>> {
        self.readers
            .run(move |connection| {
                let mut rows = connection.prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM {TABLES} WHERE deliveries.id < :before
                       AND (:target IS NULL OR target = :target) AND (:state IS NULL OR state = :state)
                     ORDER BY deliveries.id DESC LIMIT :limit"
                ))?;
                let deliveries = rows
                    .query_map(
                        named_params! {
                            ":before": filter.before.map_or(i64::MAX, |before| before.0),
                            ":target": filter.target,
                            ":state": filter.state.map(DeliveryState::as_str),
                            ":limit": filter.limit.unwrap_or(50).min(1000),
                        },
                        read,
                    )?
                    .collect::<rusqlite::Result<_>>()?;
                Ok(deliveries)
            })
            .await
    }
}

const TABLES: &str = "deliveries JOIN events ON events.id = deliveries.event";
const COLUMNS: &str = "deliveries.id, events.id, events.kind, events.at, deliveries.address, deliveries.state, \
                       deliveries.attempts, deliveries.next_at, deliveries.last_at, deliveries.took_ms, \
                       deliveries.answer, events.data";

fn one(connection: &Connection, id: DeliveryId) -> Result<Delivery> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE deliveries.id = ?1"
        ))?
        .query_row([id.0], read)
        .optional()?
        .ok_or_else(|| StoreError::not_found("delivery", id))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let word = |column: usize| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    let strange = |column: usize, error: String| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
    };
    let kind = word(2)?;
    let state = word(5)?;
    Ok(Delivery {
        id: DeliveryId(row.get(0)?),
        event: row.get(1)?,
        kind: EventKind::from_word(kind)
            .ok_or_else(|| strange(2, format!("`{kind}` is no kind of event")))?,
        at: row.get(3)?,
        way: serde_json::from_str(word(4)?).map_err(|error| strange(4, error.to_string()))?,
        state: DeliveryState::from_word(state)
            .ok_or_else(|| strange(5, format!("`{state}` is no state")))?,
        attempts: row.get(6)?,
        next_at: row.get(7)?,
        last_at: row.get(8)?,
        took_ms: row.get(9)?,
        answer: row.get(10)?,
        data: serde_json::from_str(word(11)?).map_err(|error| strange(11, error.to_string()))?,
    })
}
