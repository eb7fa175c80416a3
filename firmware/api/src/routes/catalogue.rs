//! What leads calls: numbers, routes, menus, queues and the like. All kinds have the same operations.

use std::any::Any;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ramal_model::{
    Configuration, FieldProblem, Id, InCatalogue, InboundRoute, Number, Object, OutboundRoute,
    Profile, Secret, Stored, TrunkId, UsedBy,
};
use ramal_pbx::TrunkState;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{ObjectId, no_such};
use crate::app::App;
use crate::body::JsonBody;
use crate::document::{
    BadBody, BadQuery, Common, Conflict, Forbidden, NoSuchObject, Unauthenticated,
};
use crate::form::problem;
use crate::permit::Access;
use crate::problem::Problem;
use crate::query::Parameters;

/// How something is deleted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Deletion {
    /// Takes a number from the users who call with it, too: they call nobody outside then, but for help. Other kinds of
    /// objects belong to nobody in this way.
    release: Option<bool>,
}

/// An object and what leads to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Row<T: Object> {
    /// The object.
    #[serde(flatten)]
    object: Stored<T>,
    /// What leads to it; it cannot be deleted while there is anything.
    used_by: Vec<UsedBy>,
    /// Why nothing comes by an inbound route now: its `trunk` does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreachable: Option<Unreachable>,
    /// What of it cannot work as things are, by field; it is kept and used all the same. Left out where there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<FieldProblem>,
    /// The secret that was made for a new object, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    new_secret: Option<Secret>,
}

/// Why no call can come.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unreachable {
    /// The trunk is not registered, is refused, or does not answer.
    Trunk,
}

impl Unreachable {
    /// Whether calls cannot come by a trunk.
    pub fn by(app: &App, trunk: TrunkId) -> Option<Self> {
        let trunks = app.pbx.live().trunks;
        let status = trunks.iter().find(|one| one.id == trunk)?;
        match status.state {
            TrunkState::Unregistered | TrunkState::Rejected | TrunkState::Unreachable => {
                Some(Self::Trunk)
            }
            TrunkState::Trying | TrunkState::Registered | TrunkState::Ok => None,
        }
    }
}

impl<T: InCatalogue> Row<T> {
    fn now(app: &App, object: Stored<T>) -> Self {
        let configuration = app.store.configuration();
        let route = (&object.settings as &dyn Any).downcast_ref::<InboundRoute>();
        let trunk = route.and_then(|route| route.trunk);
        Self {
            used_by: configuration.referring_to(T::KIND, object.id.number()),
            unreachable: trunk.and_then(|trunk| Unreachable::by(app, trunk)),
            warnings: warnings(app, &configuration, &object.settings),
            object,
            new_secret: None,
        }
    }
}

fn warnings<T: InCatalogue>(
    app: &App,
    configuration: &Configuration,
    settings: &T,
) -> Vec<FieldProblem> {
    let settings = settings as &dyn Any;
    if let Some(route) = settings.downcast_ref::<OutboundRoute>() {
        app.pbx.route_warnings(configuration, route)
    } else if let Some(number) = settings.downcast_ref::<Number>() {
        app.pbx.number_warnings(configuration, number)
    } else {
        Vec::new()
    }
}

/// Refuses objects of other companies.
fn is_his<T: InCatalogue>(app: &App, may: &Access, id: Id<T>) -> Result<(), Problem> {
    let configuration = app.store.configuration();
    let object = T::all(configuration.catalogue()).get(id);
    match object.and_then(|object| object.company(object.id)) {
        Some(company) => may.of_company(app, company),
        None => Ok(()),
    }
}

/// The same for what is to be changed: what belongs to no company belongs to the gateway, which is not everybody's to change.
fn may_change<T: InCatalogue>(app: &App, may: &Access, id: Id<T>) -> Result<(), Problem> {
    may.ensure(may.limit(app).is_none() || T::default().company_mut().is_some())?;
    is_his(app, may, id)
}

/// Lets an object belong to the caller's company.
fn adopt<T: InCatalogue>(app: &App, may: &Access, settings: &mut T) -> Result<(), Problem> {
    match settings.company_mut() {
        Some(company) => may.adopt(app, company),
        None => may.ensure(may.limit(app).is_none()),
    }
}

fn list<T: InCatalogue>(app: &App, may: &Access) -> Json<Vec<Row<T>>> {
    let configuration = app.store.configuration();
    let mut objects: Vec<_> = T::all(configuration.catalogue()).iter().cloned().collect();
    if let Some(own) = may.limit(app) {
        objects.retain(|object| {
            object
                .company(object.id)
                .is_none_or(|company| company == own)
        });
    }
    objects.sort_by_cached_key(|object| object.name().to_lowercase());
    let rows = objects.into_iter();
    Json(
        rows.map(|object| Row::now(app, Stored::clone(&object)))
            .collect(),
    )
}

fn show<T: InCatalogue>(app: &App, may: &Access, id: i64) -> Result<Json<Row<T>>, Problem> {
    is_his::<T>(app, may, Id::new(id))?;
    let configuration = app.store.configuration();
    let object = T::all(configuration.catalogue()).get(Id::new(id));
    let object = object.ok_or_else(|| no_such(T::WORDS, id))?;
    Ok(Json(Row::now(app, Stored::clone(object))))
}

/// Nobody makes a profile that allows more than he may himself.
fn may_give<T: InCatalogue>(may: &Access, settings: &T) -> Result<(), Problem> {
    match (settings as &dyn Any).downcast_ref::<Profile>() {
        Some(profile) => may.ensure_not_more(&profile.allows()),
        None => Ok(()),
    }
}

/// Speaks what an object says before it counts, so that no call finds it unspoken and whoever saves it is told why it cannot
/// be. What comes otherwise, by an import for instance, is spoken later.
async fn speak<T: InCatalogue>(app: &App, settings: &T) -> Result<(), Problem> {
    let configuration = app.store.configuration();
    for speech in settings.speeches(&configuration) {
        let (key, tag) = (speech.key(), speech.language.tag());
        let spoken = app.studio.keep_spoken(&key, &speech.text, tag);
        spoken.await.map_err(problem)?;
    }
    Ok(())
}

async fn create<T: InCatalogue>(
    app: &App,
    may: &Access,
    mut settings: T,
) -> Result<(StatusCode, Json<Row<T>>), Problem> {
    adopt(app, may, &mut settings)?;
    may_give(may, &settings)?;
    speak(app, &settings).await?;
    let given = settings.clone().take_secret().is_some();
    let object = app.store.create(&may.caller.actor, settings).await?;
    let secret = app.store.configuration().secret(object.id).cloned();
    let row = Row {
        new_secret: secret.filter(|_| !given),
        ..Row::now(app, object)
    };
    Ok((StatusCode::CREATED, Json(row)))
}

async fn replace<T: InCatalogue>(
    app: &App,
    may: &Access,
    id: i64,
    mut settings: T,
) -> Result<Json<Row<T>>, Problem> {
    may_change::<T>(app, may, Id::new(id))?;
    adopt(app, may, &mut settings)?;
    may_give(may, &settings)?;
    speak(app, &settings).await?;
    let object = app
        .store
        .replace(&may.caller.actor, Id::new(id), settings)
        .await?;
    Ok(Json(Row::now(app, object)))
}

async fn delete<T: InCatalogue>(
    app: &App,
    may: &Access,
    id: i64,
    deletion: Deletion,
) -> Result<StatusCode, Problem> {
    may_change::<T>(app, may, Id::new(id))?;
    app.store
        .delete::<T>(
            &may.caller.actor,
            Id::new(id),
            deletion.release.unwrap_or(false),
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The operations of each kind: its module and type, its path, and what the operations are called.
macro_rules! kinds {
    ($($module:ident: $kind:ident, $list:literal, $one:literal, $words:literal;)*) => {
        $(
            mod $module {
                use super::*;
                use ramal_model::$kind;

                #[utoipa::path(
                    get, path = $list, operation_id = concat!("list_", stringify!($module)),
                    summary = concat!("All objects of the kind ", $words, ", by name."),
                    tag = "telephony", security(("session" = []), ("token" = [])),
                    responses((status = 200, body = [Row<$kind>]), Unauthenticated, Forbidden, Common)
                )]
                pub async fn list(State(app): State<App>, may: Access) -> Json<Vec<Row<$kind>>> {
                    super::list(&app, &may)
                }

                #[utoipa::path(
                    post, path = $list, operation_id = concat!("create_", stringify!($module)),
                    summary = concat!("Makes an object of the kind ", $words, "."),
                    tag = "telephony", security(("session" = []), ("token" = [])),
                    request_body = $kind,
                    responses((status = 201, body = Row<$kind>), Unauthenticated, Forbidden, BadBody, Common)
                )]
                pub async fn create(
                    State(app): State<App>,
                    may: Access,
                    JsonBody(settings): JsonBody<$kind>,
                ) -> Result<(StatusCode, Json<Row<$kind>>), Problem> {
                    super::create(&app, &may, settings).await
                }

                #[utoipa::path(
                    get, path = $one, operation_id = concat!("show_", stringify!($module)),
                    summary = concat!("One object of the kind ", $words, "."),
                    tag = "telephony", security(("session" = []), ("token" = [])),
                    params(("id" = i64, Path, description = "Id of the object")),
                    responses((status = 200, body = Row<$kind>), Unauthenticated, Forbidden, NoSuchObject, Common)
                )]
                pub async fn show(
                    State(app): State<App>,
                    may: Access,
                    ObjectId(id): ObjectId,
                ) -> Result<Json<Row<$kind>>, Problem> {
                    super::show(&app, &may, id)
                }

                #[utoipa::path(
                    put, path = $one, operation_id = concat!("replace_", stringify!($module)),
                    summary = concat!("Replaces the settings of an object of the kind ", $words,
                        "; what is left out takes its default. Calls in progress keep what they began with."),
                    tag = "telephony", security(("session" = []), ("token" = [])),
                    params(("id" = i64, Path, description = "Id of the object")), request_body = $kind,
                    responses((status = 200, body = Row<$kind>), Unauthenticated, Forbidden, NoSuchObject, BadBody, Common)
                )]
                pub async fn replace(
                    State(app): State<App>,
                    may: Access,
                    ObjectId(id): ObjectId,
                    JsonBody(settings): JsonBody<$kind>,
                ) -> Result<Json<Row<$kind>>, Problem> {
                    super::replace(&app, &may, id, settings).await
                }

                #[utoipa::path(
                    delete, path = $one, operation_id = concat!("delete_", stringify!($module)),
                    summary = concat!("Deletes an object of the kind ", $words, " that nothing leads to."),
                    tag = "telephony", security(("session" = []), ("token" = [])),
                    params(("id" = i64, Path, description = "Id of the object"), Deletion),
                    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, BadQuery, Conflict, Common)
                )]
                pub async fn delete(
                    State(app): State<App>,
                    may: Access,
                    ObjectId(id): ObjectId,
                    Parameters(deletion): Parameters<Deletion>,
                ) -> Result<StatusCode, Problem> {
                    super::delete::<$kind>(&app, &may, id, deletion).await
                }
            }
        )*

        /// The operations of all kinds.
        pub fn operations() -> OpenApiRouter<App> {
            OpenApiRouter::default()
                $(
                    .routes(routes!($module::list, $module::create))
                    .routes(routes!($module::show, $module::replace, $module::delete))
                )*
        }
    };
}

kinds! {
    numbers: Number, "/numbers", "/numbers/{id}", "number";
    inbound_routes: InboundRoute, "/inbound-routes", "/inbound-routes/{id}", "inbound route";
    outbound_routes: OutboundRoute, "/outbound-routes", "/outbound-routes/{id}", "outbound route";
    ivrs: Ivr, "/ivrs", "/ivrs/{id}", "IVR";
    queues: Queue, "/queues", "/queues/{id}", "queue";
    breaks: Break, "/breaks", "/breaks/{id}", "break";
    time_conditions: TimeCondition, "/time-conditions", "/time-conditions/{id}", "time condition";
    calendars: Calendar, "/calendars", "/calendars/{id}", "calendar";
    announcements: Announcement, "/announcements", "/announcements/{id}", "announcement";
    conferences: Conference, "/conferences", "/conferences/{id}", "conference";
    paging_groups: PagingGroup, "/paging-groups", "/paging-groups/{id}", "paging group";
    voicemail_boxes: VoicemailBox, "/voicemail-boxes", "/voicemail-boxes/{id}", "voicemail box";
    teams: Team, "/teams", "/teams/{id}", "team";
    profiles: Profile, "/profiles", "/profiles/{id}", "profile";
    webhooks: Webhook, "/webhooks", "/webhooks/{id}", "webhook";
    mail_servers: MailServer, "/mail-servers", "/mail-servers/{id}", "mail server";
    mail_notices: MailNotice, "/mail-notices", "/mail-notices/{id}", "mail notice";
    text_gateways: TextGateway, "/text-gateways", "/text-gateways/{id}", "text gateway";
    contacts: Contact, "/contacts", "/contacts/{id}", "contact";
}
