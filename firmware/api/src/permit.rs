//! The one place where it is decided who may do what: every operation with the permission that it needs.
//!
//! [`permit`] goes around all operations. It looks the operation up, finds out who asks, refuses him or hands on an
//! [`Access`] that says in which scope he may. Operations that are not listed get no [`Access`], so what takes one fails;
//! the document names the permission of each operation (`x-permission`), and a test walks it.

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use ramal_model::Area::{self, *};
use ramal_model::Verb::{self, *};
use ramal_model::{
    CompanyId, ExtensionId, Id, People, Queue, QueueMember, Scope, UserId, VoicemailBox,
};
use ramal_store::{OpenDraft, StoreError, in_request};
use utoipa::IntoResponses;
use utoipa::openapi::extensions::ExtensionsBuilder;

use crate::app::App;
use crate::audit;
use crate::caller::{Caller, Evidence};
use crate::document::{BASE, Conflict};
use crate::problem::Problem;

/// What an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: strangers may.
    Nothing,
    /// To be somebody.
    Identity,
    /// This permission, in any scope.
    Permission(Area, Verb),
}

/// Objects whose operations need the verb of their method: `view` to get, `create` to post, `edit` to put or patch,
/// `delete` to delete. `/{id}` behind the path goes with it.
const OBJECTS: &[(&str, Area)] = &[
    ("/company", Company),
    ("/companies", Company),
    ("/extensions", Extensions),
    ("/trunks", Trunks),
    ("/e1-trunks", Trunks),
    ("/spans", Trunks),
    ("/r2-variants", Trunks),
    ("/lines/{port}/settings", Lines),
    ("/audio-files", Sounds),
    ("/music-classes", Sounds),
    ("/numbers", Telephony),
    ("/inbound-routes", Telephony),
    ("/outbound-routes", Telephony),
    ("/ivrs", Telephony),
    ("/queues", Telephony),
    ("/breaks", Telephony),
    ("/time-conditions", Telephony),
    ("/calendars", Telephony),
    ("/contacts", Telephony),
    ("/announcements", Telephony),
    ("/conferences", Telephony),
    ("/paging-groups", Telephony),
    ("/voicemail-boxes", Telephony),
    ("/voicemail-settings", Telephony),
    ("/users", Users),
    ("/teams", Users),
    ("/profiles", Users),
    ("/tokens", Tokens),
    ("/registrations", Live),
    ("/calls/active", Live),
    ("/sip/bans", Bans),
    ("/sip/bans/{address}", Bans),
    ("/queue-status", Live),
    ("/agents", Agents),
    ("/calls", Calls),
    ("/recordings", Recordings),
    ("/recording-settings", RecordingSettings),
    ("/voicemail-messages", Voicemail),
    ("/system", System),
    ("/alarms", System),
    ("/storage", System),
    ("/audit-log", Audit),
    ("/configuration/versions", Configuration),
    ("/configuration/drafts", Configuration),
    ("/webhooks", Notices),
    ("/mail-servers", Notices),
    ("/mail-notices", Notices),
    ("/text-gateways", Notices),
    ("/deliveries", Notices),
];

/// Operations that need something else.
const OTHERS: &[(&str, &str, Need)] = &[
    ("GET", "/status", Need::Nothing),
    ("GET", "/countries", Need::Nothing),
    ("GET", "/openapi.json", Need::Nothing),
    ("POST", "/setup", Need::Nothing),
    ("POST", "/session", Need::Nothing),
    ("GET", "/session", Need::Identity),
    ("DELETE", "/session", Need::Identity),
    ("PUT", "/session/password", Need::Identity),
    ("GET", "/company", Need::Permission(Directory, View)),
    ("GET", "/companies", Need::Permission(Directory, View)),
    ("GET", "/companies/{id}", Need::Permission(Directory, View)),
    ("GET", "/sip-settings", Need::Permission(Company, View)),
    ("PUT", "/sip-settings", Need::Permission(Company, Edit)),
    ("GET", "/toll-settings", Need::Permission(Company, View)),
    ("PUT", "/toll-settings", Need::Permission(Company, Edit)),
    ("GET", "/feature-codes", Need::Permission(Directory, View)),
    ("PUT", "/feature-codes", Need::Permission(Company, Edit)),
    ("DELETE", "/feature-codes", Need::Permission(Company, Edit)),
    ("GET", "/extensions", Need::Permission(Directory, View)),
    ("GET", "/extensions/{id}", Need::Permission(Directory, View)),
    (
        "POST",
        "/extensions/{id}/secret",
        Need::Permission(Extensions, Edit),
    ),
    // Who sets up trunks knows what their carriers let be shown.
    (
        "POST",
        "/users/{id}/verified-numbers",
        Need::Permission(Trunks, Edit),
    ),
    (
        "POST",
        "/users/{id}/verified-numbers/call",
        Need::Permission(Users, Edit),
    ),
    (
        "POST",
        "/users/{id}/verified-numbers/code",
        Need::Permission(Users, Edit),
    ),
    (
        "DELETE",
        "/users/{id}/verified-numbers/{number}",
        Need::Permission(Users, Edit),
    ),
    // They hold the numbers of callers, withheld ones too.
    (
        "GET",
        "/e1-trunks/{id}/timeslots/{timeslot}/signals",
        Need::Permission(Trunks, Edit),
    ),
    (
        "GET",
        "/e1-trunks/{id}/messages",
        Need::Permission(Trunks, Edit),
    ),
    ("GET", "/lines/{port}/test", Need::Permission(Lines, View)),
    ("POST", "/lines/{port}/test", Need::Permission(Lines, Edit)),
    (
        "DELETE",
        "/lines/{port}/test",
        Need::Permission(Lines, Edit),
    ),
    (
        "POST",
        "/audio-files/speech",
        Need::Permission(Sounds, Create),
    ),
    ("POST", "/speech", Need::Permission(Sounds, Create)),
    (
        "GET",
        "/audio-files/{id}/sound",
        Need::Permission(Sounds, View),
    ),
    (
        "PUT",
        "/audio-files/{id}/sound",
        Need::Permission(Sounds, Edit),
    ),
    ("POST", "/simulate", Need::Permission(Telephony, View)),
    (
        "GET",
        "/holiday-countries",
        Need::Permission(Telephony, View),
    ),
    (
        "GET",
        "/calendars/{id}/days",
        Need::Permission(Telephony, View),
    ),
    ("POST", "/calendars/read", Need::Permission(Telephony, View)),
    ("GET", "/queues/{id}/live", Need::Permission(Live, View)),
    (
        "POST",
        "/queues/{id}/reset",
        Need::Permission(Agents, Apply),
    ),
    (
        "GET",
        "/queues/{id}/callbacks",
        Need::Permission(Agents, View),
    ),
    (
        "DELETE",
        "/queues/{id}/callbacks/{call}",
        Need::Permission(Agents, Edit),
    ),
    ("GET", "/agents", Need::Permission(Live, View)),
    ("POST", "/agents/{id}/login", Need::Permission(Agents, Edit)),
    (
        "POST",
        "/agents/{id}/logout",
        Need::Permission(Agents, Edit),
    ),
    ("POST", "/agents/{id}/pause", Need::Permission(Agents, Edit)),
    (
        "POST",
        "/agents/{id}/resume",
        Need::Permission(Agents, Edit),
    ),
    (
        "GET",
        "/agents/{id}/intervals",
        Need::Permission(Agents, View),
    ),
    ("GET", "/events", Need::Permission(Live, View)),
    (
        "POST",
        "/calls/active/{id}/recording",
        Need::Permission(Recordings, Create),
    ),
    (
        "POST",
        "/calls/active/{id}/voicedrop",
        Need::Permission(Calls, Create),
    ),
    (
        "POST",
        "/calls/active/{id}/supervision",
        Need::Permission(Live, Listen),
    ),
    (
        "GET",
        "/recordings/{id}/audio",
        Need::Permission(Recordings, Listen),
    ),
    (
        "GET",
        "/recordings/{id}/waveform",
        Need::Permission(Recordings, Listen),
    ),
    (
        "GET",
        "/recordings/{id}/accesses",
        Need::Permission(Audit, View),
    ),
    (
        "GET",
        "/recording-settings",
        Need::Permission(Telephony, View),
    ),
    (
        "GET",
        "/voicemail-messages/{id}/audio",
        Need::Permission(Voicemail, Listen),
    ),
    (
        "GET",
        "/voicemail-messages/{id}/accesses",
        Need::Permission(Audit, View),
    ),
    (
        "POST",
        "/conferences/{id}/lock",
        Need::Permission(Conferences, Edit),
    ),
    (
        "PATCH",
        "/conferences/{id}/members/{call}",
        Need::Permission(Conferences, Edit),
    ),
    (
        "DELETE",
        "/conferences/{id}/members/{call}",
        Need::Permission(Conferences, Delete),
    ),
    ("GET", "/conferences/active", Need::Permission(Live, View)),
    (
        "POST",
        "/system/self-check",
        Need::Permission(System, Apply),
    ),
    ("GET", "/fleet", Need::Permission(System, View)),
    ("PUT", "/fleet", Need::Permission(System, Apply)),
    ("POST", "/fleet/ask", Need::Permission(System, Apply)),
    ("GET", "/system/update", Need::Permission(System, View)),
    (
        "POST",
        "/system/update/bundle",
        Need::Permission(System, Apply),
    ),
    (
        "DELETE",
        "/system/update/bundle",
        Need::Permission(System, Apply),
    ),
    (
        "POST",
        "/system/update/install",
        Need::Permission(System, Apply),
    ),
    (
        "POST",
        "/system/update/restart",
        Need::Permission(System, Apply),
    ),
    (
        "DELETE",
        "/system/update/restart",
        Need::Permission(System, Apply),
    ),
    (
        "POST",
        "/system/update/previous",
        Need::Permission(System, Apply),
    ),
    (
        "POST",
        "/system/update/acknowledge",
        Need::Permission(System, Apply),
    ),
    (
        "POST",
        "/storage/backups",
        Need::Permission(Configuration, Apply),
    ),
    (
        "POST",
        "/storage/recoveries/{id}/acknowledge",
        Need::Permission(Configuration, Apply),
    ),
    ("GET", "/metrics", Need::Permission(System, View)),
    // It shows settings, calls and the audit log.
    (
        "GET",
        "/support-bundle",
        Need::Permission(Configuration, Export),
    ),
    ("GET", "/network", Need::Permission(System, View)),
    ("PUT", "/network", Need::Permission(System, Apply)),
    // Its token is the evidence.
    ("POST", "/network/confirm", Need::Nothing),
    ("DELETE", "/network/trial", Need::Permission(System, Apply)),
    (
        "POST",
        "/network/acknowledge",
        Need::Permission(System, Apply),
    ),
    ("GET", "/backups", Need::Permission(System, View)),
    ("POST", "/backups", Need::Permission(Configuration, Export)),
    (
        "POST",
        "/backups/stream",
        Need::Permission(Configuration, Export),
    ),
    (
        "POST",
        "/backups/upload",
        Need::Permission(Configuration, Apply),
    ),
    (
        "GET",
        "/backups/{file}",
        Need::Permission(Configuration, Export),
    ),
    (
        "DELETE",
        "/backups/{file}",
        Need::Permission(Configuration, Apply),
    ),
    (
        "POST",
        "/backups/{file}/check",
        Need::Permission(Configuration, Apply),
    ),
    (
        "POST",
        "/backups/{file}/restore",
        Need::Permission(Configuration, Apply),
    ),
    ("GET", "/backup-schedule", Need::Permission(System, View)),
    (
        "PUT",
        "/backup-schedule",
        Need::Permission(Configuration, Apply),
    ),
    (
        "POST",
        "/backup-keys",
        Need::Permission(Configuration, Export),
    ),
    (
        "POST",
        "/factory-reset",
        Need::Permission(Configuration, Apply),
    ),
    (
        "GET",
        "/configuration/export",
        Need::Permission(Configuration, Export),
    ),
    (
        "POST",
        "/configuration/import",
        Need::Permission(Configuration, Apply),
    ),
    (
        "POST",
        "/configuration/versions/{id}/undo",
        Need::Permission(Configuration, Apply),
    ),
    (
        "POST",
        "/configuration/drafts/{id}/activate",
        Need::Permission(Configuration, Apply),
    ),
    (
        "POST",
        "/extensions/import",
        Need::Permission(Extensions, Create),
    ),
    (
        "GET",
        "/extensions/export",
        Need::Permission(Extensions, View),
    ),
    (
        "POST",
        "/trunks/legacy-text",
        Need::Permission(Trunks, Create),
    ),
    (
        "POST",
        "/numbers/import",
        Need::Permission(Telephony, Create),
    ),
    ("GET", "/numbers/export", Need::Permission(Telephony, View)),
    ("GET", "/calls/export", Need::Permission(Calls, Export)),
    ("GET", "/audit-log/export", Need::Permission(Audit, Export)),
    (
        "POST",
        "/deliveries/{id}/replay",
        Need::Permission(Notices, Apply),
    ),
    (
        "POST",
        "/webhooks/{id}/test",
        Need::Permission(Notices, Apply),
    ),
    (
        "POST",
        "/webhooks/{id}/secret",
        Need::Permission(Notices, Edit),
    ),
    (
        "POST",
        "/mail-servers/{id}/test",
        Need::Permission(Notices, Apply),
    ),
    (
        "POST",
        "/text-gateways/{id}/test",
        Need::Permission(Notices, Apply),
    ),
];

/// What the operation with this method and path, as the document writes it below [`BASE`], needs.
pub fn need(method: &Method, path: &str) -> Option<Need> {
    let method = if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    let other = OTHERS
        .iter()
        .find(|(of, at, _)| *of == method && *at == path);
    if let Some((_, _, need)) = other {
        return Some(*need);
    }
    let object = path.strip_suffix("/{id}").unwrap_or(path);
    let (_, area) = OBJECTS.iter().find(|(at, _)| *at == object)?;
    let verb = match method {
        "GET" => View,
        "POST" => Create,
        "PUT" | "PATCH" => Edit,
        "DELETE" => Delete,
        _ => return None,
    };
    Some(Need::Permission(*area, verb))
}

/// Writes the permission of each operation into the document, and that a header may name a draft it does not fit.
pub fn declare(document: &mut utoipa::openapi::OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let Some(path) = path.strip_prefix(BASE) else {
            continue;
        };
        for (method, operation) in [
            (Method::GET, &mut item.get),
            (Method::POST, &mut item.post),
            (Method::PUT, &mut item.put),
            (Method::PATCH, &mut item.patch),
            (Method::DELETE, &mut item.delete),
        ] {
            let Some(operation) = operation else { continue };
            let word = match need(&method, path) {
                Some(Need::Nothing) => "none".to_owned(),
                Some(Need::Identity) => "session".to_owned(),
                Some(Need::Permission(area, verb)) => format!("{area}:{verb}"),
                None => continue,
            };
            if word != "none" {
                let responses = &mut operation.responses.responses;
                for (status, response) in Conflict::responses() {
                    responses.entry(status).or_insert(response);
                }
            }
            let extension = ExtensionsBuilder::new().add("x-permission", word).build();
            operation
                .extensions
                .get_or_insert_default()
                .merge(extension);
        }
    }
}

/// Lets those pass who may, and writes down what comes of it.
pub async fn permit(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts.extensions.get::<MatchedPath>();
    let path = path.and_then(|path| path.as_str().strip_prefix(BASE).map(str::to_owned));
    let need = path.as_deref().and_then(|path| need(&parts.method, path));
    let (method, origin) = (parts.method.clone(), audit::origin(&parts));
    let mut actor = None;
    if let Some(need @ (Need::Identity | Need::Permission(..))) = need {
        let caller = match Evidence::of(&parts) {
            Ok(evidence) => evidence.caller(&app).await.map(|caller| (evidence, caller)),
            Err(problem) => Err(problem),
        };
        let access = caller.and_then(|(evidence, caller)| {
            actor = Some(caller.actor.clone());
            let access = Access::of(caller, evidence, need)?;
            access.ensure_own(&app, path.as_deref().unwrap_or_default())?;
            Ok(access)
        });
        match access {
            Ok(access) => parts.extensions.insert(access),
            Err(problem) => {
                let response = problem.into_response();
                audit::write_down(&app, &method, origin, actor, &response);
                read_out(body).await;
                return response;
            }
        };
    }
    let draft = match draft(&app, need, &parts).await {
        Ok(draft) => draft,
        Err(problem) => {
            read_out(body).await;
            return problem.into_response();
        }
    };
    let work = next.run(Request::from_parts(parts, body));
    let (response, version) = in_request(origin.clone(), draft, work).await;
    if version.is_none() {
        audit::write_down(&app, &method, origin, actor, &response);
    }
    response
}

/// Whether somebody who looks after one of several companies on the gateway may do this: what belongs to the companies is asked
/// for by each operation.
fn is_of_companies(area: Area, verb: Verb, path: &str) -> bool {
    match area {
        Telephony if path == "/voicemail-settings" => verb == View,
        Company => path.starts_with("/companies"),
        _ => area.is_of_companies(verb),
    }
}

/// Octets of a body that is read although its request is refused.
const READ_OUT: u64 = 64 << 10;

/// Reads a short body to its end. Some clients do not see an answer that comes before they have sent all of the request: by
/// HTTP/2, curl 7 fails with error 92. Of a long one nothing is read, so that a client who waits for leave (RFC 9110 §10.1.1)
/// need not send it.
async fn read_out(body: Body) {
    if body
        .size_hint()
        .upper()
        .is_some_and(|length| length <= READ_OUT)
    {
        // One that breaks off is refused all the same.
        let _ = body.collect().await;
    }
}

/// Header that names the draft which a request is to work on.
const DRAFT_HEADER: &str = "x-ramal-draft";

/// The draft that a request names. What is no part of drafts refuses it.
async fn draft(app: &App, need: Option<Need>, parts: &Parts) -> Result<Option<OpenDraft>, Problem> {
    let Some(id) = parts.headers.get(DRAFT_HEADER) else {
        return Ok(None);
    };
    let area = match need {
        Some(Need::Permission(area, View | Create | Edit | Delete)) => Some(area),
        _ => None,
    };
    let path = parts.uri.path();
    let is_part = matches!(
        area,
        Some(Directory | Company | Extensions | Telephony | RecordingSettings)
    ) || (area == Some(Trunks)
        && !path.ends_with("/spans")
        && !path.ends_with("/r2-variants")
        && !path.ends_with("/legacy-text"));
    if !is_part {
        return Err(Problem::conflict(
            "This is no part of drafts; send it without X-Ramal-Draft.",
        ));
    }
    let id = id.to_str().ok().and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| Problem::conflict("X-Ramal-Draft takes the id of a draft."))?;
    match app.store.drafted(id).await {
        Ok(drafted) => Ok(Some((id, drafted))),
        Err(StoreError::NotFound { .. }) => {
            Err(Problem::conflict(format!("There is no draft {id}.")))
        }
        Err(error) => Err(error.into()),
    }
}

/// A caller who may do what he asks for, and in which scope.
#[derive(Clone, Debug)]
pub struct Access {
    /// Who asks.
    pub caller: Caller,
    /// Whose things he may do it to.
    pub scope: Scope,
    evidence: Evidence,
    need: Need,
}

impl Access {
    fn of(caller: Caller, evidence: Evidence, need: Need) -> Result<Self, Problem> {
        let scope = match need {
            Need::Permission(area, verb) => {
                let scope = caller.permissions.scope(area, verb);
                scope.ok_or_else(|| {
                    let who = caller.who();
                    Problem::forbidden(format!("{who} lacks the permission {area}:{verb}."))
                })?
            }
            Need::Nothing | Need::Identity => Scope::Own,
        };
        Ok(Self {
            caller,
            scope,
            evidence,
            need,
        })
    }

    /// The same a while later; an error when he may not any more.
    pub async fn again(&self, app: &App) -> Result<Self, Problem> {
        let caller = self.evidence.caller(app).await?;
        Self::of(caller, self.evidence.clone(), self.need)
    }

    /// Whose things he may do it to.
    pub fn people(&self, app: &App) -> People {
        let user = self.caller.user.as_ref().map(|user| user.id);
        app.store.configuration().people(user, self.scope)
    }

    /// The company he is confined to; none when he may do it to all of them, and where there is but one.
    pub fn limit(&self, app: &App) -> Option<CompanyId> {
        let user = self.caller.user.as_ref();
        let company = user.map_or(CompanyId::DEFAULT, |user| user.company);
        let several = !company.is_default() || app.store.configuration().hosts_companies();
        (self.scope < Scope::All && several).then_some(company)
    }

    /// Refuses what is the gateway's to whoever looks after one of its companies.
    fn ensure_own(&self, app: &App, path: &str) -> Result<(), Problem> {
        let Need::Permission(area, verb) = self.need else {
            return Ok(());
        };
        self.ensure(self.limit(app).is_none() || is_of_companies(area, verb, path))
    }

    /// Refuses what belongs to other companies.
    pub fn of_company(&self, app: &App, company: CompanyId) -> Result<(), Problem> {
        self.ensure(self.limit(app).is_none_or(|own| own == company))
    }

    /// Refuses extensions of other companies; one that there is not is nobody's.
    pub fn of_extension(&self, app: &App, extension: ExtensionId) -> Result<(), Problem> {
        let configuration = app.store.configuration();
        match configuration.extension(extension) {
            Some(extension) => self.of_company(app, extension.company),
            None => Ok(()),
        }
    }

    /// Lets what is made or changed belong to the caller's company where it says none, and refuses to give it to others.
    pub fn adopt(&self, app: &App, company: &mut CompanyId) -> Result<(), Problem> {
        if let Some(own) = self.limit(app)
            && company.is_default()
        {
            *company = own;
        }
        self.of_company(app, *company)
    }

    /// The company whose things are listed: the one asked for, or his own.
    pub fn listed(
        &self,
        app: &App,
        asked: Option<CompanyId>,
    ) -> Result<Option<CompanyId>, Problem> {
        match (self.people(app), asked) {
            (People::Company { company, .. }, None) => Ok(Some(company)),
            (_, Some(asked)) => self.of_company(app, asked).map(|()| Some(asked)),
            (_, None) => Ok(None),
        }
    }

    /// The users he may do it to; none when it is everybody, be it in his company only.
    pub fn users(&self, app: &App) -> Option<Vec<UserId>> {
        match self.people(app) {
            People::Everybody | People::Company { .. } => None,
            People::Users(users) => Some(users.into_iter().collect()),
        }
    }

    /// Refuses what belongs to others.
    pub fn of_user(&self, app: &App, user: UserId) -> Result<(), Problem> {
        self.ensure(self.people(app).include(user))
    }

    /// Refuses calls that none of his people takes part in.
    pub fn of_numbers<'a>(
        &self,
        app: &App,
        numbers: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), Problem> {
        let (people, configuration) = (self.people(app), app.store.configuration());
        let mut numbers = numbers.into_iter();
        self.ensure(
            people == People::Everybody
                || numbers.any(|number| people.have_number(&configuration, number)),
        )
    }

    /// Refuses voicemail boxes of others.
    pub fn of_mailbox(&self, app: &App, mailbox: Id<VoicemailBox>) -> Result<(), Problem> {
        let boxes = self.people(app).mailboxes(&app.store.configuration());
        self.ensure(boxes.is_none_or(|boxes| boxes.contains(&mailbox)))
    }

    /// Refuses queues of which none of his people is a member.
    pub fn of_queue(&self, app: &App, queue: &Queue) -> Result<(), Problem> {
        let (people, configuration) = (self.people(app), app.store.configuration());
        let mut members = queue.members.iter();
        self.ensure(
            people.have_company(queue.company)
                || members.any(|member| match member {
                    QueueMember::Extension { id, .. } => people.have_extension(&configuration, *id),
                    QueueMember::Agent { id, .. } => people.include(*id),
                }),
        )
    }

    /// Refuses what is not in his scope.
    pub fn ensure(&self, holds: bool) -> Result<(), Problem> {
        if holds {
            return Ok(());
        }
        Err(Problem::forbidden(format!(
            "{} may do this to what is in the scope `{}` only.",
            self.caller.who(),
            self.scope
        )))
    }

    /// Refuses to give somebody, or to touch somebody who has, more permissions than the caller has.
    pub fn ensure_not_more(&self, permissions: &ramal_model::Permissions) -> Result<(), Problem> {
        match self.caller.permissions.lacks(permissions) {
            None => Ok(()),
            Some(more) => Err(Problem::forbidden(format!(
                "{} has no permission {more} and cannot decide about it.",
                self.caller.who()
            ))),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Access {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let access = parts.extensions.get::<Self>().cloned();
        access.ok_or_else(|| {
            tracing::error!(path = %parts.uri.path(), "the operation names no permission");
            Problem::internal("The operation names no permission.")
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Access::from_request_parts(parts, state).await?.caller)
    }
}

/// All operations with the permission they need, for the test that walks the document.
#[cfg(test)]
fn listed() -> std::collections::BTreeMap<String, Vec<&'static str>> {
    let mut listed: std::collections::BTreeMap<String, Vec<&'static str>> =
        std::collections::BTreeMap::new();
    for (method, path, _) in OTHERS {
        listed.entry((*path).to_owned()).or_default().push(method);
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_the_document_needs_something_and_says_so() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        let mut operations = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                if !["get", "post", "put", "patch", "delete"].contains(&method.as_str()) {
                    continue;
                }
                assert!(operation["x-permission"].is_string(), "{method} {path}");
                operations += 1;
            }
        }
        assert!(operations > 100, "{operations}");
    }

    #[test]
    fn nothing_is_listed_that_is_no_operation() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        for (path, methods) in listed() {
            for method in methods {
                let operation = &document["paths"][format!("{BASE}{path}")][method.to_lowercase()];
                assert!(operation.is_object(), "{method} {path}");
            }
        }
        for (path, _) in OBJECTS {
            let item = &document["paths"][format!("{BASE}{path}")];
            assert!(item.is_object(), "{path}");
        }
    }
}
