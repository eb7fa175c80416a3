//! Sessions of people.

use std::time::Instant;

use axum::extract::State;
use axum::http::header::{HeaderValue, SET_COOKIE, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use ramal_model::{Actor, Invalid, Menu, Permission, Secret, User, UserChange, code};
use ramal_store::SessionOrigin;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::backoff::Attempt;
use crate::body::JsonBody;
use crate::caller::{Caller, SESSION_COOKIE, session_cookie};
use crate::connection::Peer;
use crate::document::{BadBody, Common, Forbidden, SlowDown, Unauthenticated};
use crate::problem::Problem;

/// Who logs in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Login, without regard to case.
    login: String,
    /// Password.
    password: Secret,
}

/// A change of one's own password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The password that is in force.
    current_password: Secret,
    /// The new one: at least 10 characters, not a common password.
    password: Secret,
}

/// Who is logged in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionUser {
    /// The user.
    pub user: User,
    /// What he may do: by his profile, or by his role.
    pub permissions: Vec<Permission>,
    /// The menus that are shown to him; null shows all that the permissions make useful.
    pub menus: Option<Vec<Menu>>,
}

impl SessionUser {
    fn new(app: &App, user: User) -> Self {
        let configuration = app.store.configuration();
        let profile = user.profile;
        let profile = profile.and_then(|id| configuration.catalogue().profiles.get(id));
        Self {
            permissions: configuration.permissions_of(&user).iter().collect(),
            menus: profile.and_then(|profile| profile.menus.clone()),
            user,
        }
    }
}

/// Who is logged in with this session.
#[utoipa::path(
    get, path = "/session", tag = "access", security(("session" = [])),
    responses((status = 200, body = SessionUser), Unauthenticated, Common)
)]
pub async fn show_session(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<SessionUser>, Problem> {
    let user = person(caller)?;
    Ok(Json(SessionUser::new(&app, user)))
}

/// Changes the password of whoever is logged in, whatever the role. All sessions of that user end; the answer sets the cookie of a
/// new one. Wrong attempts count as failed logins do.
#[utoipa::path(
    put, path = "/session/password", tag = "access", security(("session" = [])), request_body = PasswordChange,
    responses((status = 200, body = SessionUser, headers(("Set-Cookie" = String, description = "The new session."))),
        Unauthenticated, Forbidden, BadBody, SlowDown, Common)
)]
pub async fn change_own_password(
    State(app): State<App>,
    caller: Caller,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    JsonBody(change): JsonBody<PasswordChange>,
) -> Result<Response, Problem> {
    let actor = caller.actor.clone();
    let user = person(caller)?;
    let attempt = begin_attempt(&app, peer, &user.login)?;
    let verified = app
        .store
        .verify_password(&user.login, change.current_password)
        .await?;
    if verified.is_none_or(|verified| verified.id != user.id) {
        tracing::warn!(login = user.login, "wrong password at its change");
        return Err(Invalid::one(
            "current_password",
            code::WRONG_PASSWORD,
            None,
            "is not the password that is in force",
        )
        .into());
    }
    app.backoff.succeeded(attempt);
    let change = UserChange {
        password: Some(change.password),
        ..UserChange::default()
    };
    let user = app.store.update_user(&actor, user.id, change).await?;
    tracing::info!(login = user.login, "changed the own password");
    open_session(&app, StatusCode::OK, user, peer, &headers).await
}

/// The user of a session.
fn person(caller: Caller) -> Result<User, Problem> {
    caller.user.ok_or_else(|| {
        Problem::unauthenticated("This is a token or the local socket, not a session.")
    })
}

/// Counts an attempt at a password, or refuses it: after some failures further ones have to wait.
pub(super) fn begin_attempt(app: &App, peer: Peer, login: &str) -> Result<Attempt, Problem> {
    let source = match peer {
        Peer::Network { source, .. } => Some(source),
        Peer::Local { .. } => None,
    };
    app.backoff
        .begin(Instant::now(), source, login)
        .map_err(|wait| {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            Problem::too_many_requests(format!(
                "Too many wrong passwords. Try again in {seconds} s."
            ))
            .retry_after(seconds)
        })
}

/// Logs in; the answer sets the session cookie. After some failures further attempts have to wait.
#[utoipa::path(
    post, path = "/session", tag = "access", request_body = Login,
    responses((status = 200, body = SessionUser, headers(("Set-Cookie" = String, description = "The session."))),
        Unauthenticated, Forbidden, BadBody, SlowDown, Common)
)]
pub async fn log_in(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    JsonBody(login): JsonBody<Login>,
) -> Result<Response, Problem> {
    let attempt = begin_attempt(&app, peer, &login.login)?;
    let Some(user) = app
        .store
        .verify_password(&login.login, login.password)
        .await?
    else {
        let source = match peer {
            Peer::Network { source, .. } => Some(source),
            Peer::Local { .. } => None,
        };
        tracing::warn!(source = source.map(tracing::field::display), "login failed");
        return Err(Problem::wrong_credentials(
            "Check the login, the password and the keyboard's capital letters.",
        ));
    };
    app.backoff.succeeded(attempt);
    tracing::info!(login = user.login, "logged in");
    open_session(&app, StatusCode::OK, user, peer, &headers).await
}

/// Ends the session and deletes the cookie.
#[utoipa::path(
    delete, path = "/session", tag = "access", security(("session" = [])),
    responses((status = 204), Unauthenticated, Forbidden, Common)
)]
pub async fn log_out(
    State(app): State<App>,
    _: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(session) = session_cookie(&headers) {
        app.store.end_session(session).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    response
        .headers_mut()
        .insert(SET_COOKIE, cookie("", Some(0))?);
    Ok(response)
}

/// Starts a session for `user` and answers with him and the cookie.
pub async fn open_session(
    app: &App,
    status: StatusCode,
    user: User,
    peer: Peer,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let address = match peer {
        Peer::Network { source, .. } => source.to_string(),
        Peer::Local { .. } => "local".to_owned(),
    };
    let agent = headers
        .get(USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let origin = SessionOrigin {
        address,
        user_agent: agent.unwrap_or_default(),
    };
    let token = app.store.create_session(user.id, origin).await?;
    let cookie = cookie(token.as_str(), None)?;
    let actor = Actor::User {
        id: user.id,
        login: user.login.clone(),
    };
    let mut response = (status, Json(SessionUser::new(app, user))).into_response();
    response.extensions_mut().insert(actor);
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

/// Without `Max-Age` the browser forgets the cookie when it is closed; idle sessions end in the store anyway.
fn cookie(value: &str, max_age: Option<u32>) -> Result<HeaderValue, Problem> {
    let age = max_age
        .map(|seconds| format!("; Max-Age={seconds}"))
        .unwrap_or_default();
    HeaderValue::try_from(format!(
        "{SESSION_COOKIE}={value}; Path=/; HttpOnly; Secure; SameSite=Strict{age}"
    ))
    .map_err(|error| Problem::internal(format!("The session cookie cannot be written: {error}.")))
}
