//! Who asks, and what he may do.
//!
//! Three ways in: the local Unix socket (root or our own user: trusted as administrator), a bearer token, or the session
//! cookie that a login gave. A cookie alone may change nothing: browsers send it along with requests that other sites
//! start, so such a request must also carry `X-Ramal-CSRF`, which only our own pages can set.

use axum::http::{HeaderMap, header, request::Parts};
use ramal_model::{Actor, Permissions, Role, User};

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
    pub permissions: Permissions,
    /// The user, when it is one in a session.
    pub user: Option<User>,
}

impl Caller {
    /// Who that is, for a sentence.
    pub fn who(&self) -> String {
        match &self.user {
            Some(User {
                login,
                role,
                profile: None,
                ..
            }) => format!("{login}, whose role is {},", role_word(*role)),
            Some(User { login, .. }) => format!("{login}, whom a profile limits,"),
            None => self.actor.to_string(),
        }
    }
}

fn role_word(role: Role) -> String {
    format!("{role:?}").to_lowercase()
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
                permissions: Permissions::everything(),
                user: None,
            }),
            Self::Token(secret) => {
                let token = app.store.token(secret).await?;
                let token = token.ok_or_else(|| {
                    Problem::unauthenticated("This API token does not exist (any more).")
                })?;
                let permissions = token.allows();
                let actor = Actor::Token {
                    id: token.id,
                    name: token.name,
                };
                Ok(Caller {
                    actor,
                    permissions,
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
                    permissions: app.store.configuration().permissions_of(&user),
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

#[cfg(test)]
mod tests {
    use super::*;

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
