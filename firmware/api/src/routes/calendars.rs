//! What calendars are made of: public holidays by country, the days of a year, and files of holidays.

use axum::Json;
use axum::extract::State;
use jiff::tz::TimeZone;
use ramal_model::{
    CalendarDay, HOLIDAY_COUNTRIES, HolidayCountry, Id, InCatalogue, Invalid, Object, code,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{ObjectId, no_such};
use crate::app::App;
use crate::document::{BadBody, BadQuery, Common, Forbidden, NoSuchObject, Unauthenticated};
use crate::holiday_file::{HolidayFile, HolidayFileBody};
use crate::permit::Access;
use crate::problem::Problem;
use crate::query::{Parameters, given};

type Calendar = ramal_model::Calendar;

/// Which year is meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct YearQuery {
    /// 1970-9998; this year where nothing is said, in the company's time zone.
    #[param(value_type = Option<i16>)]
    year: Option<String>,
}

/// The countries whose public holidays calendars can take, with their regions.
#[utoipa::path(
    get, path = "/holiday-countries", tag = "telephony", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [HolidayCountry]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_holiday_countries(_: Access) -> Json<&'static [HolidayCountry]> {
    Json(&HOLIDAY_COUNTRIES)
}

/// The holidays of a calendar in a year, in order: those entered and those of its country.
#[utoipa::path(
    get, path = "/calendars/{id}/days", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the calendar"), YearQuery),
    responses((status = 200, body = [CalendarDay]), Unauthenticated, Forbidden, NoSuchObject, BadQuery, Common)
)]
pub async fn show_calendar_days(
    State(app): State<App>,
    _: Access,
    ObjectId(id): ObjectId,
    Parameters(query): Parameters<YearQuery>,
) -> Result<Json<Vec<CalendarDay>>, Problem> {
    let configuration = app.store.configuration();
    let calendar = Calendar::all(configuration.catalogue()).get(Id::new(id));
    let calendar = calendar.ok_or_else(|| no_such(Calendar::WORDS, id))?;
    let year = match given(query.year) {
        None => {
            let zone = configuration
                .company()
                .and_then(|company| TimeZone::get(&company.time_zone).ok());
            jiff::Timestamp::now()
                .to_zoned(zone.unwrap_or(TimeZone::UTC))
                .year()
        }
        Some(text) => {
            let year = text
                .parse()
                .ok()
                .filter(|year| (1970..=9998).contains(year));
            year.ok_or_else(|| {
                Invalid::one("year", code::INVALID, Some("1970-9998"), "must be a year")
            })?
        }
    };
    Ok(Json(calendar.days(year)))
}

/// Reads an iCalendar file (RFC 5545): which holidays are in it. Nothing is stored; what is wanted of it goes into `holidays` of
/// a calendar.
#[utoipa::path(
    post, path = "/calendars/read", tag = "telephony", security(("session" = []), ("token" = [])),
    request_body(content = String, content_type = "text/calendar"),
    responses((status = 200, body = HolidayFile), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn read_holiday_file(
    _: Access,
    HolidayFileBody(text): HolidayFileBody,
) -> Result<Json<HolidayFile>, Problem> {
    Ok(Json(HolidayFile::read(&text)?))
}
