//! Who asks, and what that role may do.
//!
//! Three ways in: the local Unix socket (root or our own user: trusted as administrator), a bearer token, or the session
//! cookie that a login gave. A cookie alone may change nothing: browsers send it along with requests that other sites
//! start, so such a request must also carry `X-Ramal-CSRF`, which only our own pages can set.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request::Parts};
use ramal_model::{Actor, Role, User};

use crate::app::App;
use crate::connection::Peer;
use crate::problem::Problem;

/// Name of the session cookie.
pub const SESSION_COOKIE: &str = "ramal_session";
/// Header that a request with a session cookie must carry to change something.
pub const CSRF_HEADER: &str = "x-ramal-csrf";

/// Who sent the request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// As the journal names him.
    pub actor: Actor,
    /// What he may do.
    pub role: Role,
    /// The user, when it is one in a session.
    pub user: Option<User>,
}

/// Proof of identity as it came with a request; kept by long answers to check it again.
#[derive(Debug, Clone)]
pub enum Evidence {
    /// A process on the gateway.
    Local,
    /// `Authorization: Bearer`.
    Token(String),
    /// The session cookie.
    Session(String),
}

impl Evidence {
    /// What a request brings along; a token goes before a cookie.
    pub fn of(parts: &Parts) -> Result<Self, Problem> {
        if matches!(parts.extensions.get::<Peer>(), Some(Peer::Local { .. })) {
            return Ok(Self::Local);
        }
        if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
            let token = value.to_str().ok().and_then(bearer);
            return token
                .map(|token| Self::Token(token.to_owned()))
                .ok_or_else(|| {
                    Problem::unauthenticated("Authorization must be `Bearer` and an API token.")
                });
        }
        let session = session_cookie(&parts.headers)
            .ok_or_else(|| Problem::unauthenticated("Log in at /session, or send an API token."))?;
        if !parts.method.is_safe() && !parts.headers.contains_key(CSRF_HEADER) {
            return Err(Problem::cross_site(
                "Send the header X-Ramal-CSRF: 1 with the session cookie.",
            ));
        }
        Ok(Self::Session(session.to_owned()))
    }

    /// Who that is; 401 when the token or session does not exist (any more) or its user was deactivated.
    pub async fn caller(&self, app: &App) -> Result<Caller, Problem> {
        match self {
            Self::Local => Ok(Caller {
                actor: Actor::Local,
                role: Role::Admin,
                user: None,
            }),
            Self::Token(secret) => {
                let token = app.store.token(secret).await?;
                let token = token.ok_or_else(|| {
                    Problem::unauthenticated("This API token does not exist (any more).")
                })?;
                let actor = Actor::Token {
                    id: token.id,
                    name: token.name,
                };
                Ok(Caller {
                    actor,
                    role: token.role,
                    user: None,
                })
            }
            Self::Session(secret) => {
                let ended = || Problem::unauthenticated("The session has ended. Log in again.");
                let session = app.store.session(secret).await?.ok_or_else(ended)?;
                let user = session.user;
                let actor = Actor::User {
                    id: user.id,
                    login: user.login.clone(),
                };
                Ok(Caller {
                    actor,
                    role: user.role,
                    user: Some(user),
                })
            }
        }
    }
}

/// The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110 §11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
        .filter(|token| !token.is_empty())
}

/// The session cookie's value.
pub fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == SESSION_COOKIE && !value.is_empty()).then_some(value))
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Evidence::of(parts)?.caller(app).await
    }
}

/// Something a role may or may not do.
pub trait Right: Send + Sync + 'static {
    /// Roles that may.
    const ROLES: &[Role];
    /// What it is, for the refusal.
    const WHAT: &str;
}

/// A caller whose role has the right `R`; anybody else is refused before the body is read.
pub struct May<R> {
    /// The caller.
    pub caller: Caller,
    right: PhantomData<R>,
}

impl<R: Right> May<R> {
    /// Checks the caller's role.
    pub fn check(caller: Caller) -> Result<Self, Problem> {
        if R::ROLES.contains(&caller.role) {
            return Ok(Self {
                caller,
                right: PhantomData,
            });
        }
        let role = format!("{:?}", caller.role).to_lowercase();
        Err(Problem::forbidden(format!(
            "The role {role} may not {}.",
            R::WHAT
        )))
    }
}

impl<R: Right> FromRequestParts<App> for May<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Self::check(Caller::from_request_parts(parts, app).await?)
    }
}

/// The rights, as types for [`May`].
pub mod right {
    use ramal_model::Role::{self, Admin, Agent, Auditor, Installer, Supervisor, User};

    use super::Right;

    macro_rules! rights {
        ($($(#[$doc:meta])* $name:ident = $what:literal, [$($role:ident),*];)*) => {
            $(
                $(#[$doc])*
                #[derive(Debug, Clone, Copy)]
                pub struct $name;

                impl Right for $name {
                    const ROLES: &[Role] = &[$($role),*];
                    const WHAT: &str = $what;
                }
            )*
        };
    }

    rights! {
        /// Company data and the list of extensions: what everybody in the company knows.
        ViewDirectory = "see the directory", [Admin, Installer, Supervisor, Agent, Auditor, User];
        /// Company data.
        EditCompany = "change the company", [Admin, Installer];
        /// Extensions and their secrets.
        EditExtensions = "change extensions", [Admin, Installer];
        /// Trunks and their state.
        ViewTrunks = "see trunks", [Admin, Installer, Supervisor, Auditor];
        /// Trunks and their passwords.
        EditTrunks = "change trunks", [Admin, Installer];
        /// Audio files and music on hold.
        ViewSounds = "hear audio files", [Admin, Installer, Supervisor, Auditor];
        /// Audio files and music on hold.
        EditSounds = "change audio files and music on hold", [Admin, Installer, Supervisor];
        /// Numbers, routes, menus, queues and what else leads calls.
        ViewTelephony = "see where calls go", [Admin, Installer, Supervisor, Auditor];
        /// Numbers, routes, menus, queues and what else leads calls.
        EditTelephony = "change where calls go", [Admin, Installer];
        /// The list of users.
        ViewUsers = "see users", [Admin, Auditor];
        /// Users, their roles and passwords.
        EditUsers = "change users", [Admin];
        /// Registered phones, calls in progress, events.
        ViewLive = "see calls in progress", [Admin, Installer, Supervisor, Auditor];
        /// Logging in to queues and pausing; agents for themselves only.
        WorkInQueues = "work in queues", [Admin, Supervisor, Agent];
        /// What concerns all agents of a queue.
        DirectAgents = "direct agents", [Admin, Supervisor];
        /// Ending somebody else's call.
        HangUp = "end calls", [Admin, Installer, Supervisor];
        /// Bans of sources of SIP messages.
        LiftBans = "lift bans", [Admin, Installer];
        /// The call history.
        ViewCalls = "see the call history", [Admin, Installer, Supervisor, Auditor];
        /// Recordings of calls and their sound.
        Listen = "listen to recordings", [Admin, Supervisor, Auditor];
        /// The sound of recordings.
        DeleteRecordings = "delete recordings", [Admin];
        /// Who had access to recordings.
        AuditRecordings = "see who listened to recordings", [Admin, Auditor];
        /// Which calls are recorded and how long that is kept.
        EditRecordingSettings = "change the settings for recording", [Admin];
        /// Recording of a call in progress.
        OrderRecording = "start and stop recordings", [Admin, Supervisor];
        /// Messages in voicemail boxes and their sound.
        HearMessages = "listen to voice messages", [Admin, Supervisor, Auditor];
        /// Marks of voice messages, and their end.
        EditMessages = "mark and delete voice messages", [Admin, Supervisor];
        /// Members of conferences.
        Moderate = "moderate conferences", [Admin, Supervisor];
        /// Load, disk and lines.
        ViewSystem = "see the system's state", [Admin, Installer, Supervisor, Auditor];
        /// API tokens.
        EditTokens = "manage API tokens", [Admin];
        /// The whole configuration with its password hashes.
        MoveConfiguration = "export or import the configuration", [Admin];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(role: Role) -> Caller {
        Caller {
            actor: Actor::System,
            role,
            user: None,
        }
    }

    #[test]
    fn auditors_and_users_change_nothing() {
        for role in [Role::Auditor, Role::User, Role::Agent] {
            assert!(May::<right::EditCompany>::check(caller(role)).is_err());
            assert!(May::<right::EditExtensions>::check(caller(role)).is_err());
            assert!(May::<right::EditTrunks>::check(caller(role)).is_err());
            assert!(May::<right::EditUsers>::check(caller(role)).is_err());
            assert!(May::<right::HangUp>::check(caller(role)).is_err());
            assert!(May::<right::DeleteRecordings>::check(caller(role)).is_err());
            assert!(May::<right::EditRecordingSettings>::check(caller(role)).is_err());
            assert!(May::<right::EditTokens>::check(caller(role)).is_err());
            assert!(May::<right::MoveConfiguration>::check(caller(role)).is_err());
        }
    }

    #[test]
    fn a_refusal_names_role_and_right() {
        let problem = May::<right::EditUsers>::check(caller(Role::Auditor))
            .err()
            .unwrap();
        assert_eq!(problem.status, 403);
        assert_eq!(problem.detail, "The role auditor may not change users.");
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; ramal_session_old=x".parse().unwrap());
        assert_eq!(session_cookie(&headers), None);
        headers.append(header::COOKIE, "b=2;  ramal_session=abc".parse().unwrap());
        assert_eq!(session_cookie(&headers), Some("abc"));
    }

    #[test]
    fn only_bearer_credentials_are_taken() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc"), Some("abc"));
        for wrong in ["abc", "Bearer", "Bearer ", "Basic abc"] {
            assert_eq!(bearer(wrong), None, "{wrong}");
        }
    }
}
