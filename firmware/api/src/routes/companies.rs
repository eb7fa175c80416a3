//! The companies on the gateway: the one that it is set up for, and further ones (F234).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ramal_model::{
    AudioFileId, CompanyId, Configuration, HostedCompany, Id, MusicClassId, Number, UsedBy,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{ObjectId, no_such};
use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Conflict, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// A company on the gateway.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompanyRow {
    /// 0 for the company that the gateway is set up for, which is changed at `/company`.
    id: CompanyId,
    /// Registered name; blank only where the first set-up left it so.
    name: String,
    /// Tax number of the kind that the gateway's country has.
    tax_id: String,
    /// Whom to ask.
    contact_name: String,
    /// How to reach them.
    contact_phone: String,
    /// National locality code (CNL); blank outside conurbations.
    cnl: String,
    /// What callers of its voicemail boxes hear that have no greeting of their own; null is the gateway's own words.
    voicemail_greeting: Option<AudioFileId>,
    /// What the party outside is told before its calls are recorded; null is the gateway's own words.
    recording_notice: Option<AudioFileId>,
    /// What those hear who are held; null follows the default company, and there is the gateway's own music.
    music_class: Option<MusicClassId>,
    /// The number that those see whom its people call who have none of their own; always null for the default company, whose
    /// calls show what the route or trunk says.
    #[schema(value_type = Option<i64>)]
    outbound_number: Option<Id<Number>>,
    /// What belongs to it; a further company cannot be deleted while there is anything. Always empty for the default one.
    used_by: Vec<UsedBy>,
}

impl CompanyRow {
    fn of(configuration: &Configuration, id: CompanyId) -> Option<Self> {
        let Some(hosted) = id.hosted() else {
            let company = configuration.company()?;
            return Some(Self {
                id,
                name: company.legal_name.clone(),
                tax_id: company.tax_id.clone(),
                contact_name: company.contact_name.clone(),
                contact_phone: company.contact_phone.clone(),
                cnl: company.cnl.clone(),
                voicemail_greeting: company.voicemail_greeting,
                recording_notice: company.recording.notice_file,
                music_class: company.music_class,
                outbound_number: None,
                used_by: Vec::new(),
            });
        };
        let company = configuration.hosted_company(id)?.clone();
        Some(Self {
            id,
            name: company.name,
            tax_id: company.tax_id,
            contact_name: company.contact_name,
            contact_phone: company.contact_phone,
            cnl: company.cnl,
            voicemail_greeting: company.voicemail_greeting,
            recording_notice: company.recording_notice,
            music_class: company.music_class,
            outbound_number: company.outbound_number,
            used_by: configuration.referring_to("hosted_company", hosted.number()),
        })
    }

    fn now(app: &App, id: CompanyId) -> Result<Json<Self>, Problem> {
        let found = Self::of(&app.store.configuration(), id);
        found.map(Json).ok_or_else(|| no_such("company", id))
    }
}

/// The companies on the gateway, the one that it is set up for first, the others by name. Whoever may see his own company only
/// sees that.
#[utoipa::path(
    get, path = "/companies", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [CompanyRow]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_companies(State(app): State<App>, may: Access) -> Json<Vec<CompanyRow>> {
    let configuration = app.store.configuration();
    let mut hosted: Vec<_> = configuration
        .catalogue()
        .hosted_companies
        .iter()
        .cloned()
        .collect();
    hosted.sort_by_cached_key(|company| company.name.to_lowercase());
    let hosted = hosted.iter().map(|company| CompanyId(company.id.number()));
    let own = may.limit(&app);
    let companies = std::iter::once(CompanyId::DEFAULT)
        .chain(hosted)
        .filter(|id| own.is_none_or(|own| own == *id))
        .filter_map(|id| CompanyRow::of(&configuration, id));
    Json(companies.collect())
}

/// Makes a further company; there are at most 20 in all.
#[utoipa::path(
    post, path = "/companies", tag = "gateway", security(("session" = []), ("token" = [])), request_body = HostedCompany,
    responses((status = 201, body = CompanyRow), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn create_company(
    State(app): State<App>,
    may: Access,
    JsonBody(company): JsonBody<HostedCompany>,
) -> Result<(StatusCode, Json<CompanyRow>), Problem> {
    may.ensure(may.limit(&app).is_none())?;
    let company = app.store.create(&may.caller.actor, company).await?;
    let row = CompanyRow::now(&app, CompanyId(company.id.number()))?;
    Ok((StatusCode::CREATED, row))
}

/// One company.
#[utoipa::path(
    get, path = "/companies/{id}", tag = "gateway", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the company; 0 is the one that the gateway is set up for")),
    responses((status = 200, body = CompanyRow), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_company_on_gateway(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<CompanyRow>, Problem> {
    let row = CompanyRow::now(&app, CompanyId(id))?;
    may.of_company(&app, CompanyId(id))?;
    Ok(row)
}

/// Replaces what is said of a further company; what is left out takes its default. That which the gateway is set up for is
/// changed at `/company`.
#[utoipa::path(
    put, path = "/companies/{id}", tag = "gateway", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the company")), request_body = HostedCompany,
    responses((status = 200, body = CompanyRow), Unauthenticated, Forbidden, NoSuchObject, BadBody, Conflict, Common)
)]
pub async fn replace_company(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
    JsonBody(company): JsonBody<HostedCompany>,
) -> Result<Json<CompanyRow>, Problem> {
    let hosted = further(&app, &may, id)?;
    app.store
        .replace(&may.caller.actor, hosted, company)
        .await?;
    CompanyRow::now(&app, CompanyId(id))
}

/// Deletes a further company to which nothing belongs any more. Its calls stay in the call history.
#[utoipa::path(
    delete, path = "/companies/{id}", tag = "gateway", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the company")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Conflict, Common)
)]
pub async fn delete_company(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<StatusCode, Problem> {
    let hosted = further(&app, &may, id)?;
    may.ensure(may.limit(&app).is_none())?;
    app.store.delete(&may.caller.actor, hosted, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The further company with this id, if the caller may look after it.
fn further(app: &App, may: &Access, id: i64) -> Result<Id<HostedCompany>, Problem> {
    let company = CompanyId(id);
    if !app.store.configuration().has_company(company) {
        return Err(no_such("company", id));
    }
    may.of_company(app, company)?;
    company.hosted().ok_or_else(|| {
        Problem::conflict("The company that the gateway is set up for is changed at /company.")
    })
}
