//! Queues and agents as they stand, and what agents do.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ramal_model::{Break, CallId, ExtensionId, Id, Queue, UserId, code};
use ramal_pbx::{AgentRefusal, AgentStatus, CallbackInQueue, CallbackRefusal, QueueStatus};
use ramal_store::AgentInterval;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{ObjectId, no_such};
use crate::app::App;
use crate::body::JsonBody;
use crate::caller::Caller;
use crate::document::{
    BadBody, BadQuery, Common, Conflict, Forbidden, NoSuchObject, Unauthenticated,
};
use crate::permit::Access;
use crate::problem::Problem;
use crate::query::{Parameters, page_size};

/// All queues now, by name: who waits, and how their members stand. Changes come as events `queue_changed`.
#[utoipa::path(
    get, path = "/queue-status", tag = "calls", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [QueueStatus]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_queue_status(State(app): State<App>, may: Access) -> Json<Vec<QueueStatus>> {
    let mut queues = app.pbx.queues();
    queues.retain(|queue| his_company(&app, &may, queue.id).is_ok());
    Json(queues)
}

/// Refuses queues of other companies.
fn his_company(app: &App, may: &Access, queue: i64) -> Result<(), Problem> {
    let company = app.store.configuration().company_of("queue", queue);
    may.of_company(app, company.unwrap_or_default())
}

/// One queue now.
#[utoipa::path(
    get, path = "/queues/{id}/live", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the queue")),
    responses((status = 200, body = QueueStatus), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_queue_status(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<QueueStatus>, Problem> {
    his_company(&app, &may, id)?;
    let mut queues = app.pbx.queues().into_iter();
    let found = queues.find(|queue| queue.id == id);
    found.map(Json).ok_or_else(|| no_such("queue", id))
}

/// Lets a queue count from zero. Who waits goes on waiting.
#[utoipa::path(
    post, path = "/queues/{id}/reset", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the queue")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn reset_queue(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<StatusCode, Problem> {
    let queue: Id<Queue> = Id::new(id);
    let configuration = app.store.configuration();
    let found = configuration.catalogue().queues.get(queue);
    found.ok_or_else(|| no_such("queue", id))?;
    his_company(&app, &may, id)?;
    app.pbx.reset_queue(queue);
    tracing::info!(queue = id, by = %may.caller.actor, "queue counts from zero");
    Ok(StatusCode::NO_CONTENT)
}

/// Who is to be called back, who has waited longest first. Agents see the queues of which they are members.
#[utoipa::path(
    get, path = "/queues/{id}/callbacks", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the queue")),
    responses((status = 200, body = [CallbackInQueue]), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn list_queue_callbacks(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<Vec<CallbackInQueue>>, Problem> {
    his_queue(&app, &may, id)?;
    let mut queues = app.pbx.queues().into_iter();
    let found = queues.find(|queue| queue.id == id);
    let found = found.ok_or_else(|| no_such("queue", id))?;
    Ok(Json(found.callbacks))
}

/// Decides that somebody is not called back who has given up waiting. 409 when it is his turn already.
#[utoipa::path(
    delete, path = "/queues/{id}/callbacks/{call}", tag = "calls", security(("session" = []), ("token" = [])),
    params(
        ("id" = i64, Path, description = "Id of the queue"),
        ("call" = String, Path, description = "Id of the call he came by")
    ),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Conflict, Common)
)]
pub async fn cancel_queue_callback(
    State(app): State<App>,
    may: Access,
    Path((id, call)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let number = id.parse().map_err(|_| no_such("queue", &id))?;
    let queue = his_queue(&app, &may, number)?;
    let missing = || no_such("callback", &call);
    let named = call.parse::<CallId>().map_err(|_| missing())?;
    match app.pbx.call_off(queue, &named).await {
        Ok(()) => {
            tracing::info!(queue = number, %call, by = %may.caller.actor, "callback cancelled");
            Ok(StatusCode::NO_CONTENT)
        }
        Err(CallbackRefusal::NoSuchCallback) => Err(missing()),
        Err(refusal) => Err(Problem::conflict(format!("Not done: {refusal}."))),
    }
}

/// The queue, if people of the caller take its calls.
fn his_queue(app: &App, may: &Access, id: i64) -> Result<Id<Queue>, Problem> {
    let queue: Id<Queue> = Id::new(id);
    let configuration = app.store.configuration();
    let found = configuration.catalogue().queues.get(queue);
    let found = found.ok_or_else(|| no_such("queue", id))?;
    may.of_queue(app, found)?;
    Ok(queue)
}

/// All agents now, by name: users who are members of queues, and whoever has logged in. Changes come as events
/// `agent_changed`.
#[utoipa::path(
    get, path = "/agents", tag = "calls", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [AgentStatus]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_agents(State(app): State<App>, may: Access) -> Json<Vec<AgentStatus>> {
    let people = may.people(&app);
    let mut agents = app.pbx.agents();
    agents.retain(|agent| people.include(UserId(agent.user)));
    Json(agents)
}

/// One agent now. Agents see themselves only.
#[utoipa::path(
    get, path = "/agents/{id}", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the user")),
    responses((status = 200, body = AgentStatus), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_agent(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<AgentStatus>, Problem> {
    himself(&app, &may, id)?;
    status(&app, id)
}

/// Where an agent logs in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentLogin {
    /// The id of an extension; his own when null.
    #[serde(default)]
    extension: Option<i64>,
}

/// Lets an agent take calls of queues, from now on at this extension.
#[utoipa::path(
    post, path = "/agents/{id}/login", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the user")), request_body = AgentLogin,
    responses((status = 200, body = AgentStatus), Unauthenticated, Forbidden, NoSuchObject, BadBody, Conflict, Common)
)]
pub async fn log_agent_in(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
    JsonBody(login): JsonBody<AgentLogin>,
) -> Result<Json<AgentStatus>, Problem> {
    himself(&app, &may, id)?;
    let extension = login.extension.map(ExtensionId);
    if let Some(wanted) = extension
        && app.store.configuration().extension(wanted).is_none()
    {
        return Err(unknown("extension", wanted.0));
    }
    if let Some(wanted) = extension {
        may.of_extension(&app, wanted)?;
    }
    let done = app.pbx.log_agent_in(UserId(id), extension);
    answer(&app, &may.caller, id, "login", done)
}

/// Ends an agent's work in queues, and his pause. A call he is in goes on.
#[utoipa::path(
    post, path = "/agents/{id}/logout", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the user")),
    responses((status = 200, body = AgentStatus), Unauthenticated, Forbidden, NoSuchObject, Conflict, Common)
)]
pub async fn log_agent_out(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<AgentStatus>, Problem> {
    let by_himself = himself(&app, &may, id)?;
    let done = app.pbx.log_agent_out(UserId(id), by_himself);
    answer(&app, &may.caller, id, "logout", done)
}

/// Why an agent pauses.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentPause {
    /// The id of a break; none when null.
    #[serde(default, rename = "break")]
    of_break: Option<i64>,
}

/// Lets an agent take no calls of queues. 409 when as many as may are in the break; it says his place in line.
#[utoipa::path(
    post, path = "/agents/{id}/pause", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the user")), request_body = AgentPause,
    responses((status = 200, body = AgentStatus), Unauthenticated, Forbidden, NoSuchObject, BadBody, Conflict, Common)
)]
pub async fn pause_agent(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
    JsonBody(pause): JsonBody<AgentPause>,
) -> Result<Json<AgentStatus>, Problem> {
    himself(&app, &may, id)?;
    let of_break: Option<Id<Break>> = pause.of_break.map(Id::new);
    if let Some(wanted) = of_break
        && app
            .store
            .configuration()
            .catalogue()
            .breaks
            .get(wanted)
            .is_none()
    {
        return Err(unknown("break", wanted.number()));
    }
    let done = app.pbx.pause_agent(UserId(id), of_break);
    answer(&app, &may.caller, id, "pause", done)
}

/// Lets an agent take calls of queues again.
#[utoipa::path(
    post, path = "/agents/{id}/resume", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the user")),
    responses((status = 200, body = AgentStatus), Unauthenticated, Forbidden, NoSuchObject, Conflict, Common)
)]
pub async fn resume_agent(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<AgentStatus>, Problem> {
    let by_himself = himself(&app, &may, id)?;
    let done = app.pbx.resume_agent(UserId(id), by_himself);
    answer(&app, &may.caller, id, "resume", done)
}

/// How many intervals are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Intervals {
    /// Rows, 1-500, default 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
}

/// When an agent was logged in and when he paused, the newest first. What goes on has no interval yet.
#[utoipa::path(
    get, path = "/agents/{id}/intervals", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the user"), Intervals),
    responses((status = 200, body = [AgentInterval]), Unauthenticated, Forbidden, NoSuchObject, BadQuery, Common)
)]
pub async fn list_agent_intervals(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
    Parameters(wanted): Parameters<Intervals>,
) -> Result<Json<Vec<AgentInterval>>, Problem> {
    himself(&app, &may, id)?;
    let limit = page_size(wanted.limit)?;
    let configuration = app.store.configuration();
    let user = configuration.user(UserId(id));
    user.ok_or_else(|| no_such("user", id))?;
    Ok(Json(app.store.agent_intervals(id, limit).await?))
}

/// Whether the caller is this agent; refused when the agent is none of his people.
fn himself(app: &App, may: &Access, agent: i64) -> Result<bool, Problem> {
    may.of_user(app, UserId(agent))?;
    let user = may.caller.user.as_ref();
    Ok(user.is_some_and(|user| user.id.0 == agent))
}

/// 422 for a field that names no object.
fn unknown(field: &str, id: i64) -> Problem {
    let message = format!("there is no {field} {id}");
    Problem::invalid_field(field, code::NO_SUCH_OBJECT, None, message)
}

fn status(app: &App, agent: i64) -> Result<Json<AgentStatus>, Problem> {
    let found = app.pbx.agent(UserId(agent));
    found.map(Json).ok_or_else(|| no_such("user", agent))
}

fn answer(
    app: &App,
    caller: &Caller,
    agent: i64,
    what: &str,
    done: Result<(), AgentRefusal>,
) -> Result<Json<AgentStatus>, Problem> {
    match done {
        Ok(()) => {
            tracing::info!(agent, what, by = %caller.actor, "agent changed");
            status(app, agent)
        }
        Err(AgentRefusal::NoSuchUser(id)) => Err(no_such("user", id)),
        Err(refusal) => Err(Problem::conflict(format!("Not done: {refusal}."))),
    }
}
