//! The first set-up: company and administrator, in one step, once.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ramal_model::{Language, NewAdmin, NewCompany, Secret};
use ramal_store::StoreError;
use serde::Deserialize;
use utoipa::ToSchema;

use super::session::{SessionUser, open_session};
use crate::app::App;
use crate::body::JsonBody;
use crate::connection::Peer;
use crate::document::{BadBody, Common, Conflict, Forbidden};
use crate::problem::Problem;

/// The first set-up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    /// Language of prompts and of the administrator.
    language: Language,
    /// ISO 3166-1 alpha-2 code of a known country; presets codes, tones and time zone.
    #[schema(example = "BR")]
    country: String,
    /// The company, as far as it is known already.
    #[serde(default)]
    company: SetUpCompany,
    /// The first administrator.
    admin: SetUpAdmin,
}

/// What may be said about the company at the first set-up.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUpCompany {
    /// Registered name.
    #[serde(default)]
    legal_name: String,
    /// Tax number of the kind its country has.
    #[serde(default)]
    tax_id: String,
    /// Area code.
    #[serde(default)]
    area_code: Option<String>,
    /// IANA time zone; the country's when left out.
    #[serde(default)]
    time_zone: Option<String>,
}

/// The first administrator.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUpAdmin {
    /// 5-64 characters.
    login: String,
    /// Full name; the login when blank.
    #[serde(default)]
    name: String,
    /// At least 10 characters, not a common password.
    password: Secret,
}

/// Does the first set-up and logs the administrator in. Possible once.
#[utoipa::path(
    post, path = "/setup", tag = "access", request_body = SetUp,
    responses((status = 201, body = SessionUser, headers(("Set-Cookie" = String, description = "The session."))),
        Forbidden, BadBody, Conflict, Common)
)]
pub async fn set_up(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    JsonBody(input): JsonBody<SetUp>,
) -> Result<Response, Problem> {
    let company = NewCompany {
        legal_name: input.company.legal_name,
        tax_id: input.company.tax_id,
        contact_name: String::new(),
        contact_phone: String::new(),
        cnl: String::new(),
        country: input.country,
        country_code: None,
        area_code: input.company.area_code,
        language: Some(input.language),
        time_zone: input.company.time_zone,
        music_class: None,
        limits: None,
        park_seconds: None,
    };
    let admin = NewAdmin {
        login: input.admin.login,
        name: input.admin.name,
        password: input.admin.password,
        language: input.language,
    };
    let id = app.store.set_up(company, admin).await.map_err(as_sent)?;
    let user = app.store.configuration().user(id).cloned();
    let user = user.ok_or_else(|| Problem::internal("The new administrator is gone already."))?;
    tracing::info!(login = user.login, "first set-up done");
    open_session(&app, StatusCode::CREATED, user, peer, &headers).await
}

/// Names the fields as they are called in this request, where country and language stand outside of the company.
fn as_sent(error: StoreError) -> Problem {
    let mut problem = Problem::from(error);
    for error in &mut problem.errors {
        if let Some(name @ ("country" | "language")) = error.field.strip_prefix("company.") {
            error.field = name.to_owned();
        }
    }
    problem
}
