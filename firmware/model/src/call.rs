//! Call detail records: one row per call, with its legs inside.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{CompanyId, TollClass};

/// Identifies a call: 26 characters of Crockford's base 32, of which the first 10 are the start in milliseconds, so
/// that sorting by id is sorting by start (the form of a ULID).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "01JCZ8Y8M6T5X0K3V9Q4R7N2BD")]
pub struct CallId(String);

const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl CallId {
    /// The id of a call that starts at `started_at` (UTC ms), made unique by 80 random bits.
    pub fn new(started_at: i64, random: [u8; 10]) -> Self {
        let mut bits: u128 = u128::from(started_at.max(0).unsigned_abs() & 0xffff_ffff_ffff);
        for byte in random {
            bits = bits << 8 | u128::from(byte);
        }
        let text = (0..26)
            .rev()
            .map(|place| char::from(BASE32[(bits >> (5 * place)) as usize & 31]))
            .collect();
        CallId(text)
    }

    /// The 26 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not 26 characters of Crockford's base 32.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a call id: it has 26 digits and capital letters")]
pub struct BadCallId(pub String);

impl FromStr for CallId {
    type Err = BadCallId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for CallId {
    type Error = BadCallId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() == 26 && text.bytes().all(|byte| BASE32.contains(&byte)) {
            Ok(CallId(text))
        } else {
            Err(BadCallId(text))
        }
    }
}

impl From<CallId> for String {
    fn from(id: CallId) -> Self {
        id.0
    }
}

/// Where a call came from and went to, seen from the company.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Between extensions, or from an extension to a service of the gateway.
    Internal,
    /// From a line or trunk.
    Inbound,
    /// To a line or trunk.
    Outbound,
}

impl Direction {
    /// The word used in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Direction::Internal => "internal",
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallResult {
    /// A human or a service took it.
    Answered,
    /// The called party was busy.
    Busy,
    /// Nobody answered within the ring time.
    NoAnswer,
    /// The caller gave up.
    Cancelled,
    /// The called party declined.
    Rejected,
    /// Something did not work; `end_reason` says what.
    Failed,
    /// No such number.
    NotFound,
    /// The gateway stopped in the middle of the call.
    Interrupted,
}

impl CallResult {
    /// The word used in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            CallResult::Answered => "answered",
            CallResult::Busy => "busy",
            CallResult::NoAnswer => "no_answer",
            CallResult::Cancelled => "cancelled",
            CallResult::Rejected => "rejected",
            CallResult::Failed => "failed",
            CallResult::NotFound => "not_found",
            CallResult::Interrupted => "interrupted",
        }
    }
}

/// One end of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Party {
    /// Number as presented or dialled; blank when withheld or unknown, which the API and records say as null.
    #[serde(with = "withheld")]
    #[schema(value_type = Option<String>)]
    pub number: String,
    /// Name, blank when unknown.
    pub name: String,
}

/// A blank number as null: nobody takes it for one (AT-40).
mod withheld {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &str, to: S) -> Result<S::Ok, S::Error> {
        Some(number)
            .filter(|number| !number.is_empty())
            .serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        Ok(Option::deserialize(from)?.unwrap_or_default())
    }
}

/// Which kind of line a leg runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LegKind {
    /// A SIP phone or trunk.
    Sip,
    /// An analogue or digital line.
    Line,
    /// A service of the gateway, such as the echo test.
    Service,
}

/// What one leg of a call did. Times are UTC milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LegRecord {
    /// Kind of line.
    pub kind: LegKind,
    /// Number of the extension, of the line or of the service; blank when withheld, which the API and records say as null.
    #[serde(with = "withheld")]
    #[schema(value_type = Option<String>)]
    pub party: String,
    /// User agent, contact or port: which device it was.
    #[serde(default)]
    pub device: String,
    /// Name of the codec, such as `PCMA`; none when no media was agreed.
    #[serde(default)]
    pub codec: Option<String>,
    /// How its media was encrypted, such as `AES_CM_128_HMAC_SHA1_80`; none when it was not.
    #[serde(default)]
    pub encryption: Option<String>,
    /// When it began.
    pub started_at: i64,
    /// When it was answered.
    #[serde(default)]
    pub answered_at: Option<i64>,
    /// When it ended.
    #[serde(default)]
    pub ended_at: Option<i64>,
    /// Why it ended: a SIP status or a Q.850 cause in words.
    #[serde(default)]
    pub cause: String,
    /// Media packets received from this leg.
    #[serde(default)]
    pub packets_received: u64,
    /// Media packets sent to this leg.
    #[serde(default)]
    pub packets_sent: u64,
    /// Packets that never came from this leg.
    #[serde(default)]
    pub packets_lost: u64,
    /// Interarrival jitter at the end, milliseconds (RFC 3550 §6.4.1).
    #[serde(default)]
    pub jitter_ms: f64,
    /// Mean opinion score of what came from this leg, 1.0-4.4 (ITU-T G.107); none without media.
    #[serde(default)]
    pub mos: Option<f64>,
    /// Mean opinion score of what this leg heard, by its own reports (RFC 3550 §6.4); none without reports.
    #[serde(default)]
    pub remote_mos: Option<f64>,
    /// Time to this leg and back, milliseconds; none without reports.
    #[serde(default)]
    pub round_trip_ms: Option<f64>,
    /// What the call to its number costs, when it left the company; none for numbers for help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toll: Option<TollClass>,
    /// Number of the extension whose class of service it came under, when it left the company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charged_to: Option<String>,
}

impl LegRecord {
    /// A leg that begins now, at `started_at`.
    #[must_use]
    pub fn begin(kind: LegKind, party: String, device: String, started_at: i64) -> Self {
        Self {
            kind,
            party,
            device,
            codec: None,
            encryption: None,
            started_at,
            answered_at: None,
            ended_at: None,
            cause: String::new(),
            packets_received: 0,
            packets_sent: 0,
            packets_lost: 0,
            jitter_ms: 0.0,
            mos: None,
            remote_mos: None,
            round_trip_ms: None,
            toll: None,
            charged_to: None,
        }
    }

    /// Milliseconds from its answer to its end that lie after `since`, UTC ms.
    #[must_use]
    pub fn talked_since(&self, since: i64) -> i64 {
        let talked = |answered: i64, ended: i64| (ended - answered.max(since)).max(0);
        self.answered_at
            .zip(self.ended_at)
            .map_or(0, |(answered, ended)| talked(answered, ended))
    }
}

/// One call. Times are UTC milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallRecord {
    /// Sorts by start.
    pub id: CallId,
    /// When the caller's request came.
    pub started_at: i64,
    /// When it was answered; none when it never was.
    pub answered_at: Option<i64>,
    /// When it ended; none while it lasts, and when the gateway stopped in the middle of it.
    pub ended_at: Option<i64>,
    /// Seen from the company.
    pub direction: Direction,
    /// The company whose call it is: that of the number that was called from outside, or else of whoever called; 0 is the
    /// one that the gateway is set up for.
    #[serde(default, skip_serializing_if = "CompanyId::is_default")]
    pub company: CompanyId,
    /// Who called.
    pub caller: Party,
    /// The caller's number as E.164 with `+` when he called from outside and shows one.
    #[serde(default)]
    pub caller_e164: Option<String>,
    /// Who was called, as dialled.
    pub callee: Party,
    /// The called number as E.164 with `+` when it is outside.
    #[serde(default)]
    pub callee_e164: Option<String>,
    /// How it ended; none while it lasts.
    pub result: Option<CallResult>,
    /// More words on the end; blank when there is nothing to add.
    pub end_reason: String,
    /// Its legs, in the order they began.
    pub legs: Vec<LegRecord>,
    /// The keys its caller chose by from menus, such as `1>3`; blank when there were none.
    #[serde(default)]
    pub ivr_path: String,
    /// The steps that led the call where it went.
    #[schema(value_type = Vec<Object>)]
    pub trace: Vec<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_start_and_read_back() {
        let early = CallId::new(1_700_000_000_000, [255; 10]);
        let late = CallId::new(1_700_000_000_001, [0; 10]);
        assert!(early < late);
        assert_eq!(early.as_str().len(), 26);
        assert_eq!(early.as_str().parse::<CallId>().unwrap(), early);
        assert!("01jcz8y8m6t5x0k3v9q4r7n2bd".parse::<CallId>().is_err());
        assert!("".parse::<CallId>().is_err());
    }

    #[test]
    fn a_withheld_number_is_null_and_not_a_number() {
        let withheld = Party::default();
        let said = serde_json::json!({ "number": null, "name": "" });
        assert_eq!(serde_json::to_value(&withheld).unwrap(), said);
        assert_eq!(serde_json::from_value::<Party>(said).unwrap(), withheld);
        // As records were written before.
        let blank = serde_json::json!({ "number": "", "name": "" });
        assert_eq!(serde_json::from_value::<Party>(blank).unwrap(), withheld);
        let given = Party {
            number: "2001".into(),
            ..Party::default()
        };
        assert_eq!(serde_json::to_value(given).unwrap()["number"], "2001");
    }

    #[test]
    fn results_have_one_spelling_everywhere() {
        for result in [
            CallResult::NoAnswer,
            CallResult::NotFound,
            CallResult::Interrupted,
            CallResult::Answered,
        ] {
            assert_eq!(serde_json::to_value(result).unwrap(), result.as_str());
        }
    }
}
