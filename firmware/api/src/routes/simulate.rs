//! Calls that are only thought through: where one would go, and why.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use ramal_model::{
    Clearing, Configuration, Direction, E1TrunkId, ExtensionId, Problems, TrunkId, code,
};
use ramal_pbx::{Scenario, Standing, ThoughtEnd, simulate};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::catalogue::Unreachable;
use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Forbidden, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// The years 2001 to 2099, UTC ms.
const TIMES: RangeInclusive<i64> = 978_307_200_000..=4_102_444_799_999;

/// A call to think through. What is left out is as it is now.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Thought {
    /// When it comes, UTC ms, in the years 2001 to 2099; now when left out.
    #[serde(default)]
    at: Option<i64>,
    /// The id of the SIP or E1 trunk it comes over.
    #[serde(default)]
    trunk: Option<i64>,
    /// The analogue line it comes over, at most 32 characters.
    #[serde(default)]
    line: Option<String>,
    /// The number of the extension that makes the call; null for a call that comes in. What depends on lines, and which
    /// outbound routes are open, is as it is now.
    #[serde(default)]
    from: Option<String>,
    /// The number dialled, at most 32 characters.
    #[serde(default)]
    dialled: String,
    /// The caller's number, at most 32 characters; withheld when null.
    #[serde(default)]
    caller: Option<String>,
    /// The keys the caller presses, one for each time he is asked, at most 64; `-` presses nothing.
    #[serde(default)]
    keys: String,
    /// The numbers of extensions that are online; null is those that are online now.
    #[serde(default)]
    online: Option<Vec<String>>,
    /// The numbers of extensions that are in a call, with `online`.
    #[serde(default)]
    busy: Vec<String>,
    /// The number of the extension that takes the call when it rings; nobody when null.
    #[serde(default)]
    taken_by: Option<String>,
    /// Whether somebody outside takes the call when it rings there.
    #[serde(default)]
    taken_outside: bool,
}

/// Where a call would go.
#[derive(Debug, Serialize, ToSchema)]
pub struct Course {
    /// How it ends.
    end: CourseEnd,
    /// Why it could not come now: its `trunk` does not work. Null where it could.
    unreachable: Option<Unreachable>,
    /// The steps of its way, as the call history has them.
    #[schema(value_type = Vec<Object>)]
    trace: Vec<Value>,
    /// The keys chosen from menus, such as `1>3`.
    ivr_path: String,
    /// How long it would take, milliseconds.
    duration_ms: u64,
    /// The numbers of the extensions that ring, each once, in the order of their first ringing.
    rung: Vec<String>,
    /// The names of the audio files that the caller hears, in their order.
    hears: Vec<String>,
}

/// How a call would end.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum CourseEnd {
    /// An extension takes it.
    TakenBy {
        /// Its number.
        extension: String,
    },
    /// Somebody outside takes it.
    TakenOutside {
        /// The number called.
        number: String,
    },
    /// It comes to a voicemail box or a conference and stays there.
    Served {},
    /// The caller is told this.
    Cleared {
        /// What.
        clearing: Clearing,
    },
    /// Nothing is configured for the number.
    Unconfigured {},
}

/// Thinks a call through without placing it: where it would go, and why. Whoever looks after one company only thinks through
/// the calls of that one.
#[utoipa::path(
    post, path = "/simulate", tag = "telephony", security(("session" = []), ("token" = [])), request_body = Thought,
    responses((status = 200, body = Course), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn simulate_call(
    State(app): State<App>,
    may: Access,
    JsonBody(thought): JsonBody<Thought>,
) -> Result<Json<Course>, Problem> {
    let configuration = app.store.configuration();
    let from = thought.from.clone();
    let scenario = thought.scenario(&app, &configuration)?;
    let from = from.and_then(|number| configuration.extension_by_number(&number));
    match from {
        Some(extension) => may.of_company(&app, extension.company)?,
        None => may_come_in(&app, &may, &configuration, &scenario)?,
    }
    let trunk = scenario.trunk.map(TrunkId);
    let unreachable = trunk.and_then(|trunk| Unreachable::by(&app, trunk));
    let course = match from {
        Some(extension) => app
            .pbx
            .simulate_dialled(&configuration, extension, &scenario),
        None => simulate(&configuration, &scenario),
    };
    let number = |id: ExtensionId| {
        let extension = configuration.extension(id);
        extension.map(|one| one.number.clone()).unwrap_or_default()
    };
    Ok(Json(Course {
        end: match course.end {
            ThoughtEnd::TakenBy(id) => CourseEnd::TakenBy {
                extension: number(id),
            },
            ThoughtEnd::TakenOutside(number) => CourseEnd::TakenOutside { number },
            ThoughtEnd::Served => CourseEnd::Served {},
            ThoughtEnd::Cleared(clearing) => CourseEnd::Cleared { clearing },
            ThoughtEnd::Unconfigured => CourseEnd::Unconfigured {},
        },
        unreachable,
        trace: course.trace,
        ivr_path: course.ivr_path,
        duration_ms: course.duration.as_millis().try_into().unwrap_or(u64::MAX),
        rung: course.rung.into_iter().map(number).collect(),
        hears: course
            .hears
            .into_iter()
            .filter_map(|id| {
                configuration
                    .audio_files()
                    .iter()
                    .find(|file| file.id == id)
            })
            .map(|file| file.name.clone())
            .collect(),
    }))
}

/// Refuses a call from outside that would be another company's.
fn may_come_in(
    app: &App,
    may: &Access,
    configuration: &Configuration,
    scenario: &Scenario,
) -> Result<(), Problem> {
    let (trunk, dialled) = (scenario.trunk, scenario.dialled.as_str());
    let caller = scenario.caller.as_deref().unwrap_or_default();
    may.of_company(
        app,
        configuration.company_of_call(Direction::Inbound, caller, dialled),
    )?;
    // The same number may come over several trunks, and be another company's on this one.
    let numbers = configuration.catalogue().numbers.iter();
    for number in numbers.filter(|number| number.is_dialled(trunk, dialled)) {
        may.of_company(app, number.company)?;
    }
    Ok(())
}

impl Thought {
    fn scenario(self, app: &App, configuration: &Configuration) -> Result<Scenario, Problem> {
        let mut problems = Problems::default();
        if let Some(at) = self.at
            && !TIMES.contains(&at)
        {
            let limit = format!("{}-{}", TIMES.start(), TIMES.end());
            let message = "must be a time of this century";
            problems.add("at", code::OUT_OF_RANGE, Some(&limit), message);
        }
        let known = |id: i64| {
            configuration.trunk(TrunkId(id)).is_some()
                || configuration.e1_trunk(E1TrunkId(id)).is_some()
        };
        if self.trunk.is_some_and(|id| !known(id)) {
            problems.add(
                "trunk",
                code::NO_SUCH_OBJECT,
                None,
                "there is no such trunk",
            );
        }
        let texts = [
            ("dialled", self.dialled.len(), 32),
            ("line", self.line.as_ref().map_or(0, String::len), 32),
            ("caller", self.caller.as_ref().map_or(0, String::len), 32),
            ("keys", self.keys.len(), 64),
        ];
        for (field, length, most) in texts {
            if length > most {
                let message = format!("takes at most {most} characters");
                problems.add(field, code::TOO_LONG, Some(&most.to_string()), message);
            }
        }
        let mut find = |field: &str, number: &str| {
            let extension = configuration.extension_by_number(number);
            if extension.is_none() {
                problems.add(
                    field,
                    code::NO_SUCH_OBJECT,
                    None,
                    "there is no such extension",
                );
            }
            extension.map(|extension| extension.id)
        };
        if let Some(number) = &self.from {
            find("from", number);
        }
        let mut standing = BTreeMap::new();
        match &self.online {
            None => standing = app.pbx.standing(),
            Some(online) => {
                for (place, number) in online.iter().enumerate() {
                    let since = i64::try_from(place).unwrap_or_default();
                    let id = find(&format!("online[{place}]"), number);
                    standing.extend(id.map(|id| (id, Standing::Free(since))));
                }
            }
        }
        for (place, number) in self.busy.iter().enumerate() {
            let id = find(&format!("busy[{place}]"), number);
            standing.extend(id.map(|id| (id, Standing::Busy)));
        }
        let taken_by = self
            .taken_by
            .as_ref()
            .and_then(|number| find("taken_by", number));
        problems.finish(())?;
        Ok(Scenario {
            at: self
                .at
                .and_then(|at| Timestamp::from_millisecond(at).ok())
                .unwrap_or_else(Timestamp::now),
            trunk: self.trunk,
            line: self.line,
            dialled: self.dialled,
            caller: self.caller.filter(|caller| !caller.is_empty()),
            keys: self.keys,
            standing,
            taken_by,
            taken_outside: self.taken_outside,
        })
    }
}
