//! What is wrong with an input, field by field.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Codes of [`FieldProblem::code`]. The UI translates by them, so they never change their meaning.
pub mod code {
    /// The field is missing or blank.
    pub const REQUIRED: &str = "required";
    /// Fewer characters than `limit`.
    pub const TOO_SHORT: &str = "too_short";
    /// More characters than `limit`.
    pub const TOO_LONG: &str = "too_long";
    /// Something else than the digits 0-9.
    pub const DIGITS_ONLY: &str = "digits_only";
    /// A character that `limit` does not list.
    pub const CHARACTER: &str = "character";
    /// A control character, such as a line break.
    pub const CONTROL_CHARACTER: &str = "control_character";
    /// A number outside `limit`.
    pub const OUT_OF_RANGE: &str = "out_of_range";
    /// Another object has this value already; `limit` names it.
    pub const TAKEN: &str = "taken";
    /// The same value twice in one document.
    pub const DUPLICATE: &str = "duplicate";
    /// No such country in the list of known countries.
    pub const UNKNOWN_COUNTRY: &str = "unknown_country";
    /// No such name in the IANA time zone database.
    pub const UNKNOWN_TIME_ZONE: &str = "unknown_time_zone";
    /// No such variant or preset of MFC-R2 in the list of known ones.
    pub const UNKNOWN_VARIANT: &str = "unknown_variant";
    /// The password is on the list of common passwords.
    pub const COMMON_PASSWORD: &str = "common_password";
    /// The password is, or little more than, the login.
    pub const SAME_AS_LOGIN: &str = "same_as_login";
    /// The password is, or little more than, the person's name.
    pub const SAME_AS_NAME: &str = "same_as_name";
    /// The number does not fit its own check digits; `limit` names its kind.
    pub const CHECK_DIGIT: &str = "check_digit";
    /// Not the password that is in force.
    pub const WRONG_PASSWORD: &str = "wrong_password";
    /// The passphrase or key does not open the archive.
    pub const WRONG_SECRET: &str = "wrong_secret";
    /// An archive was made for a key where a passphrase was given, or the other way round.
    pub const OTHER_SECRET: &str = "other_secret";
    /// The file is no archive of this product.
    pub const NOT_ARCHIVE: &str = "not_archive";
    /// The archive is cut off or was altered.
    pub const DAMAGED_ARCHIVE: &str = "damaged_archive";
    /// What has to be typed to confirm was not.
    pub const NOT_CONFIRMED: &str = "not_confirmed";
    /// No active administrator would be left.
    pub const LAST_ADMIN: &str = "last_admin";
    /// Not an e-mail address.
    pub const EMAIL: &str = "email";
    /// A field this version does not know.
    pub const UNKNOWN_FIELD: &str = "unknown_field";
    /// A value of the wrong type or form.
    pub const INVALID: &str = "invalid";
    /// The document is not a configuration of this product.
    pub const UNKNOWN_FORMAT: &str = "unknown_format";
    /// The document was written by a newer version.
    pub const NEWER_SCHEMA: &str = "newer_schema";
    /// More objects than `limit`.
    pub const TOO_MANY: &str = "too_many";
    /// The content is not sound, or sound of a kind that is not read; the message says what it is.
    pub const NOT_SOUND: &str = "not_sound";
    /// The sound cannot be decoded; the message says why.
    pub const DAMAGED_SOUND: &str = "damaged_sound";
    /// There is no sound in the file.
    pub const NO_SOUND: &str = "no_sound";
    /// More megabytes than `limit`.
    pub const TOO_LARGE: &str = "too_large";
    /// Plays longer than `limit` minutes.
    pub const PLAYS_TOO_LONG: &str = "plays_too_long";
    /// The text cannot be spoken.
    pub const UNSPEAKABLE: &str = "unspeakable";
    /// The image has no voice for this language.
    pub const NO_VOICE: &str = "no_voice";
    /// The object that the field names does not belong to this one.
    pub const NOT_ASSIGNED: &str = "not_assigned";
    /// The number is not known to be his.
    pub const NOT_VERIFIED: &str = "not_verified";
    /// No trunk that he calls outside by shows numbers that its carrier has not given.
    pub const NO_FOREIGN_CALLER_ID: &str = "no_foreign_caller_id";
    /// Not the code that was told; `limit` says what one looks like.
    pub const WRONG_CODE: &str = "wrong_code";
    /// The object belongs to another company than what it is to work with.
    pub const OTHER_COMPANY: &str = "other_company";
    /// Calls would come back to where they are; `limit` is the way.
    pub const CIRCLE: &str = "circle";
    /// More menus below one another than `limit`.
    pub const TOO_DEEP: &str = "too_deep";
    /// The value is another one than when the change was thought out.
    pub const CHANGED_SINCE: &str = "changed_since";
    /// The object that the field names does not exist.
    pub const NO_SUCH_OBJECT: &str = "no_such_object";
    /// Not an address of the web of the kinds that `limit` lists.
    pub const URL: &str = "url";
    /// A time that needs to know when somebody answers, which does not show on the lines that `limit` names. A warning: the
    /// object is kept as it is.
    pub const NO_SUPERVISION: &str = "no_supervision";
    /// Something that analogue lines cannot do, such as to show another number than their own; `limit` names them. A warning:
    /// the object is kept as it is.
    pub const NOT_SUPPORTED_ON_LINE: &str = "not_supported_on_line";
    /// A password would be sent without encryption.
    pub const UNENCRYPTED: &str = "unencrypted";
}

/// One thing that is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// Path of the field, such as `number` or `extensions[3].number`.
    pub field: String,
    /// What is wrong: one of [`code`].
    pub code: String,
    /// The limit that was not kept, such as `2-7`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// One English sentence for people who read the API directly.
    pub message: String,
}

/// The input breaks at least one rule; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invalid {
    /// Every problem found, never empty.
    pub problems: Vec<FieldProblem>,
}

impl Invalid {
    /// An error of one problem.
    pub fn one(field: &str, code: &str, limit: Option<&str>, message: impl Into<String>) -> Self {
        let mut problems = Problems::default();
        problems.add(field, code, limit, message);
        Invalid {
            problems: problems.0,
        }
    }

    /// Whether one of the problems is `code` at `field`.
    pub fn names(&self, field: &str, code: &str) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.field == field && problem.code == code)
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{}: {}", problem.field, problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}

/// Collects problems while an object is checked, so that all of them are told at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<FieldProblem>);

impl Problems {
    /// Notes one problem.
    pub fn add(
        &mut self,
        field: &str,
        code: &str,
        limit: Option<&str>,
        message: impl Into<String>,
    ) {
        self.0.push(FieldProblem {
            field: field.to_owned(),
            code: code.to_owned(),
            limit: limit.map(str::to_owned),
            message: message.into(),
        });
    }

    /// Notes the problems of a nested object, its field names prefixed with `path`.
    pub fn nest(&mut self, path: &str, inner: Invalid) {
        self.0.extend(inner.problems.into_iter().map(|mut problem| {
            problem.field = match (path, problem.field.as_str()) {
                (_, "") => path.to_owned(),
                ("", field) => field.to_owned(),
                (_, field) => format!("{path}.{field}"),
            };
            problem
        }));
    }

    /// `value` when nothing was noted.
    pub fn finish<T>(self, value: T) -> Result<T, Invalid> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(Invalid { problems: self.0 })
        }
    }

    /// Whether nothing was noted so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
