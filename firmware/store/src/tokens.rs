//! API tokens for programs. Shown once, stored as a hash.

use ramal_model::{Actor, Invalid, Permission, Permissions, Role, Secret, code};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::{json, to_value};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::{
    Store,
    error::{Result, StoreError},
    snapshot::Note,
};

/// What every token begins with, so that scanners for leaked secrets can find it.
const PREFIX: &str = "ramal_";
/// Uses are noted at most so often.
const NOTED_EVERY_MS: i64 = 60_000;
/// Tokens in one gateway.
const MOST_TOKENS: usize = 200;

/// Input for a new token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for, 1-64 characters.
    pub name: String,
    /// What it allows; administration when left out.
    #[serde(default)]
    pub role: Option<Role>,
    /// What it allows instead of what the role does, at most 200; null is what the role does. `own` is nobody's.
    #[serde(default)]
    pub permissions: Option<Vec<Permission>>,
}

/// A token, without its secret. Times are UTC milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Identifies it; never used again.
    pub id: i64,
    /// What it is for.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// What it allows instead of what the role does.
    pub permissions: Option<Vec<Permission>>,
    /// When it was made.
    pub created_at: i64,
    /// Who made it.
    pub created_by: String,
    /// When it was last used, to the minute.
    pub last_used_at: Option<i64>,
}

impl NewToken {
    /// What it is to allow.
    ///
    /// # Errors
    /// Names the permissions that mean nothing.
    pub fn allows(&self) -> std::result::Result<Permissions, Invalid> {
        match &self.permissions {
            Some(permissions) => Permissions::checked(permissions),
            None => Ok(self.role.unwrap_or(Role::Admin).permissions()),
        }
    }
}

impl Token {
    /// What it allows.
    pub fn allows(&self) -> Permissions {
        match &self.permissions {
            Some(permissions) => permissions.iter().copied().collect(),
            None => self.role.permissions(),
        }
    }
}

/// A random token of 256 bits in URL-safe letters.
pub(crate) fn new_token(prefix: &str) -> Result<Secret> {
    let mut bytes = [0; 32];
    crate::random(&mut bytes)?;
    let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Secret::new(format!("{prefix}{hexadecimal}")))
}

/// A token of 256 random bits needs no slow hash: nobody can try them out.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

impl Store {
    /// Makes a token. The secret is shown once.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub async fn create_token(&self, actor: &Actor, new: NewToken) -> Result<(Token, Secret)> {
        let name = new.name.trim().to_owned();
        let length = name.chars().count();
        if !(1..=64).contains(&length) || name.chars().any(char::is_control) {
            let code = if length == 0 {
                code::REQUIRED
            } else {
                code::TOO_LONG
            };
            return Err(Invalid::one(
                "name",
                code,
                Some("1-64"),
                "takes one line of 1 to 64 characters",
            )
            .into());
        }
        new.allows()?;
        let permissions = new.permissions;
        let actor = actor.clone();
        let secret = new_token(PREFIX)?;
        let secret_hash = hash(secret.as_str());
        let role = new.role.unwrap_or(Role::Admin);
        self.writer
            .run(move |write| {
                let tokens = list(write.connection)?;
                if tokens.len() >= MOST_TOKENS {
                    let limit = MOST_TOKENS.to_string();
                    let message = format!("the gateway holds at most {limit} tokens; delete one");
                    return Err(Invalid::one("name", code::TOO_MANY, Some(&limit), message).into());
                }
                if tokens.iter().any(|token| token.name == name) {
                    let message = format!("a token named {name} exists already");
                    return Err(Invalid::one("name", code::TAKEN, None, message).into());
                }
                write
                    .connection
                    .prepare_cached(
                        "INSERT INTO tokens (name, role, secret_hash, created_at, created_by, permissions)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute(params![
                        name,
                        role_word(role)?,
                        secret_hash,
                        write.now,
                        actor.to_string(),
                        permissions.as_ref().map(serde_json::to_string).transpose()?
                    ])?;
                let token = Token {
                    id: write.connection.last_insert_rowid(),
                    name,
                    role,
                    permissions,
                    created_at: write.now,
                    created_by: actor.to_string(),
                    last_used_at: None,
                };
                let after = journalled(&token);
                write.note(
                    &actor,
                    Note {
                        object: "token",
                        id: token.id,
                        before: None,
                        after: Some(after),
                    },
                )?;
                Ok((token, secret))
            })
            .await
    }

    /// All tokens, oldest first.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn tokens(&self) -> Result<Vec<Token>> {
        self.readers.run(list).await
    }

    /// Deletes a token; it is refused from now on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete_token(&self, actor: &Actor, id: i64) -> Result<()> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let token = list(write.connection)?
                    .into_iter()
                    .find(|token| token.id == id)
                    .ok_or_else(|| StoreError::not_found("token", id))?;
                write
                    .connection
                    .prepare_cached("DELETE FROM tokens WHERE id = ?1")?
                    .execute([id])?;
                let before = journalled(&token);
                write.note(
                    &actor,
                    Note {
                        object: "token",
                        id,
                        before: Some(before),
                        after: None,
                    },
                )
            })
            .await
    }

    /// The token with this secret.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn token(&self, secret: &str) -> Result<Option<Token>> {
        let secret_hash = hash(secret);
        let token = self
            .readers
            .run(move |connection| {
                Ok(connection
                    .prepare_cached(&format!("{SELECT} WHERE secret_hash = ?1"))?
                    .query_row([secret_hash], read)
                    .optional()?)
            })
            .await?;
        let now = self.now();
        if let Some(token) = &token
            && token
                .last_used_at
                .is_none_or(|last| now >= last + NOTED_EVERY_MS)
        {
            let id = token.id;
            self.writer.run_if_idle(move |write| {
                write
                    .connection
                    .prepare_cached("UPDATE tokens SET last_used_at = ?2 WHERE id = ?1")?
                    .execute([id, now])?;
                Ok(())
            });
        }
        Ok(token)
    }
}

const SELECT: &str =
    "SELECT id, name, role, created_at, created_by, last_used_at, permissions FROM tokens";

fn list(connection: &Connection) -> Result<Vec<Token>> {
    let mut rows = connection.prepare_cached(&format!("{SELECT} ORDER BY id"))?;
    let tokens = rows.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
    Ok(tokens)
}

/// What the journal keeps of a token.
fn journalled(token: &Token) -> serde_json::Value {
    json!({ "id": token.id, "name": token.name, "role": token.role, "permissions": token.permissions })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Token> {
    let unreadable = |column: usize, error: serde_json::Error| {
        let text = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, text, error.into())
    };
    let role: String = row.get(2)?;
    let role = serde_json::from_value(json!(role)).map_err(|error| unreadable(2, error))?;
    let permissions: Option<String> = row.get(6)?;
    let permissions = permissions
        .map(|text| serde_json::from_str(&text))
        .transpose();
    Ok(Token {
        id: row.get(0)?,
        name: row.get(1)?,
        role,
        permissions: permissions.map_err(|error| unreadable(6, error))?,
        created_at: row.get(3)?,
        created_by: row.get(4)?,
        last_used_at: row.get(5)?,
    })
}

fn role_word(role: Role) -> Result<String> {
    Ok(to_value(role)?.as_str().unwrap_or_default().to_owned())
}
