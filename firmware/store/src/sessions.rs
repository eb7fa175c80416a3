//! Log-ins of users. A session is known by a random token, of which only the hash is stored.

use ramal_model::{Secret, User, UserId};
use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Store,
    error::{Result, StoreError},
    tokens::{hash, new_token},
};

/// A session that is not used for so long ends: two hours, in milliseconds.
pub const SESSION_IDLE_MS: i64 = 2 * 60 * 60 * 1000;
/// A session ends at the latest after so long: one day, in milliseconds.
pub const SESSION_LIFETIME_MS: i64 = 24 * 60 * 60 * 1000;
/// Uses are noted at most so often, so that a page that asks often does not write often.
const NOTED_EVERY_MS: i64 = 60_000;
/// Sessions of one user; the oldest makes room.
const MOST_SESSIONS: i64 = 20;

/// Where a log-in came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionOrigin {
    /// Address of the client.
    pub address: String,
    /// Its `User-Agent`; only the first 200 characters are kept.
    pub user_agent: String,
}

/// A log-in that is in force. Times are UTC milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Session {
    /// The user as he is now.
    pub user: User,
    /// When he logged in.
    pub created_at: i64,
    /// When it ends even when it is used.
    pub expires_at: i64,
    /// Address of the client.
    pub address: String,
    /// What the client calls itself.
    pub user_agent: String,
}

impl Store {
    /// Starts a session; the token belongs into the client's cookie and nowhere else.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the user does not exist or is not active.
    pub async fn create_session(&self, user: UserId, origin: SessionOrigin) -> Result<Secret> {
        let token = new_token("")?;
        let token_hash = hash(token.as_str());
        self.writer
            .run(move |write| {
                if !write.configuration.user(user).is_some_and(|user| user.active) {
                    return Err(StoreError::not_found("user", user));
                }
                let now = write.now;
                write
                    .connection
                    .prepare_cached("DELETE FROM sessions WHERE expires_at <= ?1 OR last_seen_at <= ?2")?
                    .execute([now, now - SESSION_IDLE_MS])?;
                write
                    .connection
                    .prepare_cached(
                        "DELETE FROM sessions WHERE user = ?1 AND token_hash NOT IN
                         (SELECT token_hash FROM sessions WHERE user = ?1 ORDER BY created_at DESC LIMIT ?2)",
                    )?
                    .execute([user.0, MOST_SESSIONS - 1])?;
                let user_agent: String = origin.user_agent.chars().take(200).collect();
                write
                    .connection
                    .prepare_cached(
                        "INSERT INTO sessions
                         (token_hash, user, created_at, last_seen_at, expires_at, address, user_agent)
                         VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6)",
                    )?
                    .execute(params![token_hash, user.0, now, now + SESSION_LIFETIME_MS, origin.address, user_agent])?;
                Ok(())
            })
            .await?;
        Ok(token)
    }

    /// The session of a token, while it and its user are in force.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn session(&self, token: &str) -> Result<Option<Session>> {
        let token_hash = hash(token);
        let row = self
            .readers
            .run(move |connection| {
                let row = connection
                    .prepare_cached(
                        "SELECT user, created_at, last_seen_at, expires_at, address, user_agent
                         FROM sessions WHERE token_hash = ?1",
                    )?
                    .query_row([token_hash], |row| {
                        let times: (i64, i64, i64) = (row.get(1)?, row.get(2)?, row.get(3)?);
                        Ok((UserId(row.get(0)?), times, row.get(4)?, row.get(5)?))
                    })
                    .optional()?;
                Ok(row)
            })
            .await?;
        let Some((user, (created_at, last_seen_at, expires_at), address, user_agent)) = row else {
            return Ok(None);
        };
        let now = self.now();
        if now >= expires_at || now >= last_seen_at + SESSION_IDLE_MS {
            return Ok(None);
        }
        let Some(user) = self
            .configuration()
            .user(user)
            .filter(|user| user.active)
            .cloned()
        else {
            return Ok(None);
        };
        if now >= last_seen_at + NOTED_EVERY_MS {
            self.writer.run_if_idle(move |write| {
                write
                    .connection
                    .prepare_cached("UPDATE sessions SET last_seen_at = ?2 WHERE token_hash = ?1")?
                    .execute(params![token_hash, now])?;
                Ok(())
            });
        }
        Ok(Some(Session {
            user,
            created_at,
            expires_at,
            address,
            user_agent,
        }))
    }

    /// Ends a session; one that does not exist is ended already.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn end_session(&self, token: &str) -> Result<()> {
        let token_hash = hash(token);
        self.writer
            .run(move |write| {
                write
                    .connection
                    .prepare_cached("DELETE FROM sessions WHERE token_hash = ?1")?
                    .execute([token_hash])?;
                Ok(())
            })
            .await
    }
}
