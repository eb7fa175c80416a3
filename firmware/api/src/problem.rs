//! Error answers: `application/problem+json` (RFC 9457), one shape for every refusal.

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ramal_model::{FieldProblem, Invalid};
use ramal_store::{RefusedField, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::audit::Refusal;

/// Media type of every error answer (RFC 9457 §3).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong, in the form of RFC 9457.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Stable identifier of the kind of problem, `urn:ramal:problem:<kind>`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "urn:ramal:problem:invalid")]
    pub kind: Cow<'static, str>,
    /// Short English summary of the kind.
    #[schema(value_type = String)]
    pub title: Cow<'static, str>,
    /// HTTP status, the same as in the status line.
    #[schema(value_type = u16, minimum = 400, maximum = 599)]
    #[serde(serialize_with = "status_number")]
    pub status: StatusCode,
    /// English sentence about this occurrence: what happened, to what, what to do.
    pub detail: String,
    /// Refused fields with status 422; with 409 what was changed since, or what would break a rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldProblem>,
    /// Seconds after which a retry may succeed; sent as `Retry-After`.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

fn status_number<S: serde::Serializer>(status: &StatusCode, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_u16(status.as_u16())
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $kind:literal, $status:ident, $title:literal;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(detail: impl Into<String>) -> Self {
                Self::new(concat!("urn:ramal:problem:", $kind), StatusCode::$status, $title, detail.into())
            }
        )*
    };
}

impl Problem {
    fn new(kind: &'static str, status: StatusCode, title: &'static str, detail: String) -> Self {
        Self {
            kind: Cow::Borrowed(kind),
            title: Cow::Borrowed(title),
            status,
            detail,
            errors: Vec::new(),
            retry_after: None,
        }
    }

    kinds! {
        /// 400: the request cannot be read (broken JSON, broken query).
        malformed = "malformed", BAD_REQUEST, "The request cannot be read";
        /// 401: nobody is logged in, or the session or token is not valid any more.
        unauthenticated = "unauthenticated", UNAUTHORIZED, "Log in first";
        /// 401: login or password is wrong; deliberately the same for both.
        wrong_credentials = "wrong-credentials", UNAUTHORIZED, "Login or password is wrong";
        /// 403: a cookie request that changes something came without the `X-Ramal-CSRF` header or from another site.
        cross_site = "cross-site", FORBIDDEN, "The request did not come from the gateway's own pages";
        /// 403: the role does not allow it.
        forbidden = "forbidden", FORBIDDEN, "You may not do this";
        /// 404: no such object or path.
        not_found = "not-found", NOT_FOUND, "Not found";
        /// 405: the path exists, the method does not.
        method_not_allowed = "method-not-allowed", METHOD_NOT_ALLOWED, "The method is not allowed here";
        /// 408: the request took too long.
        timeout = "timeout", REQUEST_TIMEOUT, "The request took too long";
        /// 409: the state of the gateway does not allow it (already set up, last administrator, in use).
        conflict = "conflict", CONFLICT, "Not possible in the present state";
        /// 413: the body is above the limit.
        too_large = "too-large", PAYLOAD_TOO_LARGE, "The request body is too large";
        /// 415: the body is not `application/json`.
        unsupported_media_type = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "The request body must be JSON";
        /// 416: the part of a file that is asked for does not exist.
        no_such_part = "no-such-part", RANGE_NOT_SATISFIABLE, "There is no such part";
        /// 429: too many attempts; `Retry-After` says when to come back.
        too_many_requests = "too-many-requests", TOO_MANY_REQUESTS, "Too many attempts";
        /// 500: a fault of the gateway; the reason is in its log.
        internal = "internal", INTERNAL_SERVER_ERROR, "The gateway could not do this";
        /// 503: not now (storage busy, limit of event listeners reached).
        unavailable = "unavailable", SERVICE_UNAVAILABLE, "Not available now";
    }

    /// 422: fields are refused; `errors` names each.
    #[must_use]
    pub fn invalid(errors: Vec<FieldProblem>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.field, only.message),
            many => format!("{} fields are refused.", many.len()),
        };
        let mut problem = Self::new(
            "urn:ramal:problem:invalid",
            StatusCode::UNPROCESSABLE_ENTITY,
            "Some fields are refused",
            detail,
        );
        problem.errors = errors;
        problem
    }

    /// 422 for one field.
    pub fn invalid_field(
        field: impl Into<String>,
        code: &str,
        limit: Option<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::invalid(vec![FieldProblem {
            field: field.into(),
            code: code.into(),
            limit,
            message: message.into(),
        }])
    }

    /// Adds `Retry-After: seconds`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The problem for an answer that the HTTP framework gave without a body.
    #[must_use]
    pub fn for_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found("There is nothing at this path."),
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::method_not_allowed("The Allow header lists the methods of this path.")
            }
            StatusCode::REQUEST_TIMEOUT => Self::timeout("Send the whole request at once."),
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large("Send less."),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Self::unsupported_media_type("Send application/json.")
            }
            status if status.is_server_error() => {
                Self::internal("The gateway's log has the reason.")
            }
            status => Self {
                status,
                ..Self::malformed(
                    status
                        .canonical_reason()
                        .unwrap_or("The request was refused."),
                )
            },
        }
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::invalid(invalid.problems)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Invalid(invalid) => invalid.into(),
            StoreError::NotFound { object, id } => {
                Self::not_found(format!("There is no {object} {id}."))
            }
            StoreError::Conflict { ref problems, .. } => {
                let mut conflict = Self::conflict(sentence(&error));
                conflict.errors = problems.clone();
                conflict
            }
            StoreError::AlreadySetUp | StoreError::NotSetUp | StoreError::Referenced { .. } => {
                Self::conflict(sentence(&error))
            }
            StoreError::Overloaded => Self::unavailable(sentence(&error)).retry_after(5),
            StoreError::DiskFull(_) | StoreError::Closed => {
                tracing::error!(%error, "a request was not carried out");
                Self::unavailable(sentence(&error))
            }
            error => {
                tracing::error!(%error, "a request was not carried out");
                Self::internal("The storage failed. The gateway's log has the reason.")
            }
        }
    }
}

fn sentence(error: &StoreError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).chain(['.']).collect())
        .unwrap_or_default()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status;
        let retry_after = self.retry_after;
        let refusal = Refusal {
            kind: self.kind.rsplit(':').next().unwrap_or_default().to_owned(),
            fields: self
                .errors
                .iter()
                .map(|error| RefusedField {
                    field: error.field.clone(),
                    code: error.code.clone(),
                })
                .collect(),
        };
        let mut response = (status, Json(self)).into_response();
        response.extensions_mut().insert(refusal);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"ramal\""),
            );
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
