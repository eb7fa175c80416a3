//! Who did something.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::UserId;

/// Who changes the configuration; written into its journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Actor {
    /// The gateway itself.
    System,
    /// Someone at the gateway's own command line.
    Local,
    /// The person who does the first set-up.
    SetUp,
    /// A user in a session.
    User {
        /// Who.
        id: UserId,
        /// His login at that time.
        login: String,
    },
    /// Somebody at a telephone, by a feature code.
    Telephone {
        /// The number of the extension.
        extension: String,
    },
    /// A program with an API token.
    Token {
        /// Which token.
        id: i64,
        /// Its name at that time.
        name: String,
    },
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::System => f.write_str("system"),
            Actor::Local => f.write_str("command line"),
            Actor::SetUp => f.write_str("first set-up"),
            Actor::User { login, .. } => f.write_str(login),
            Actor::Telephone { extension } => write!(f, "telephone {extension}"),
            Actor::Token { name, .. } => write!(f, "token {name}"),
        }
    }
}
