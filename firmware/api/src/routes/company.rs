//! The company.

use axum::Json;
use axum::extract::State;
use ramal_model::{Company, Country, Language, LimitsProfile, MusicClassId, NewCompany};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Conflict, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// The company. How its calls are recorded is told at `/recording-settings`.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompanyData {
    /// Registered name; blank until someone filled it in after the first set-up.
    legal_name: String,
    /// Tax number of the kind its country has, without what is written between the digits; blank when nobody filled it in.
    tax_id: String,
    /// Whom to ask about the gateway.
    contact_name: String,
    /// How to reach them.
    contact_phone: String,
    /// National locality code (CNL); blank outside conurbations.
    cnl: String,
    /// Country, which presets tones, languages and number formats.
    country: Country,
    /// ITU-T E.164 country code without `+`, such as `55`.
    country_code: String,
    /// Area code for local dialling, such as `11`; blank where the country has none.
    area_code: String,
    /// Language of prompts where nothing closer to the caller says otherwise.
    language: Language,
    /// IANA time zone, such as `America/Sao_Paulo`.
    time_zone: String,
    /// Class of music on hold; null is the gateway's own music.
    music_class: Option<MusicClassId>,
    /// How much of something there may be.
    limits: LimitsProfile,
    /// Seconds after which a parked call that nobody took goes back to whoever parked it.
    park_seconds: u16,
}

impl From<Company> for CompanyData {
    fn from(company: Company) -> Self {
        Self {
            legal_name: company.legal_name,
            tax_id: company.tax_id,
            contact_name: company.contact_name,
            contact_phone: company.contact_phone,
            cnl: company.cnl,
            country: company.country,
            country_code: company.country_code,
            area_code: company.area_code,
            language: company.language,
            time_zone: company.time_zone,
            music_class: company.music_class,
            limits: company.limits,
            park_seconds: company.park_seconds,
        }
    }
}

/// The company.
#[utoipa::path(
    get, path = "/company", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = CompanyData), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_company(State(app): State<App>, _: Access) -> Result<Json<CompanyData>, Problem> {
    let company = app.store.configuration().company().cloned();
    company
        .map(|company| Json(company.into()))
        .ok_or_else(|| Problem::not_found("The gateway is not set up yet."))
}

/// Replaces the company's data. What is left out comes from the country.
#[utoipa::path(
    put, path = "/company", tag = "gateway", security(("session" = []), ("token" = [])), request_body = NewCompany,
    responses((status = 200, body = CompanyData), Unauthenticated, Forbidden, BadBody, Conflict, Common)
)]
pub async fn change_company(
    State(app): State<App>,
    may: Access,
    JsonBody(input): JsonBody<NewCompany>,
) -> Result<Json<CompanyData>, Problem> {
    let company = app.store.change_company(&may.caller.actor, input).await?;
    Ok(Json(company.into()))
}
