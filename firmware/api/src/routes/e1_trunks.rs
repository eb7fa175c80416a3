//! E1 trunks, the spans they may be on, and the variants of MFC-R2.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ramal_lines::dahdi::{self, Span};
use ramal_lines::{MessageStep, SignalStep, TrunkStatus};
use ramal_model::{E1SignallingKind, E1Trunk, E1TrunkId, E1TrunkInput};
use ramal_r2::{PRESETS, VARIANTS};
use serde::Serialize;
use utoipa::ToSchema;

use super::{ObjectId, no_such};
use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Conflict, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// An E1 trunk and how it stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct E1TrunkRow {
    /// The trunk.
    #[serde(flatten)]
    trunk: E1Trunk,
    /// How its line and signalling stand now; null while it is disabled.
    status: Option<TrunkStatus>,
    /// Calls in progress over it.
    calls: usize,
}

impl E1TrunkRow {
    fn now(app: &App, trunk: E1Trunk) -> Self {
        Self {
            status: app.pbx.e1_trunk_status(trunk.id),
            calls: app.pbx.e1_trunk_calls(trunk.id),
            trunk,
        }
    }
}

/// All E1 trunks, in the order calls out try them.
#[utoipa::path(
    get, path = "/e1-trunks", tag = "telephony", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [E1TrunkRow]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_e1_trunks(State(app): State<App>, _: Access) -> Json<Vec<E1TrunkRow>> {
    let configuration = app.store.configuration();
    let row = |trunk: &E1Trunk| E1TrunkRow::now(&app, trunk.clone());
    Json(configuration.e1_trunks().iter().map(row).collect())
}

/// Makes an E1 trunk.
#[utoipa::path(
    post, path = "/e1-trunks", tag = "telephony", security(("session" = []), ("token" = [])),
    request_body = E1TrunkInput,
    responses((status = 201, body = E1TrunkRow), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn create_e1_trunk(
    State(app): State<App>,
    may: Access,
    JsonBody(input): JsonBody<E1TrunkInput>,
) -> Result<(StatusCode, Json<E1TrunkRow>), Problem> {
    let trunk = app.store.create_e1_trunk(&may.caller.actor, input).await?;
    Ok((StatusCode::CREATED, Json(E1TrunkRow::now(&app, trunk))))
}

/// One E1 trunk.
#[utoipa::path(
    get, path = "/e1-trunks/{id}", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the E1 trunk")),
    responses((status = 200, body = E1TrunkRow), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_e1_trunk(
    State(app): State<App>,
    _: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<E1TrunkRow>, Problem> {
    let configuration = app.store.configuration();
    let trunk = configuration
        .e1_trunk(E1TrunkId(id))
        .ok_or_else(|| no_such("E1 trunk", id))?;
    Ok(Json(E1TrunkRow::now(&app, trunk.clone())))
}

/// Changes an E1 trunk; what is left out stays.
#[utoipa::path(
    patch, path = "/e1-trunks/{id}", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the E1 trunk")), request_body = E1TrunkInput,
    responses((status = 200, body = E1TrunkRow), Unauthenticated, Forbidden, NoSuchObject, BadBody, Common)
)]
pub async fn change_e1_trunk(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
    JsonBody(input): JsonBody<E1TrunkInput>,
) -> Result<Json<E1TrunkRow>, Problem> {
    let trunk = app
        .store
        .update_e1_trunk(&may.caller.actor, E1TrunkId(id), input)
        .await?;
    Ok(Json(E1TrunkRow::now(&app, trunk)))
}

/// Deletes an E1 trunk.
#[utoipa::path(
    delete, path = "/e1-trunks/{id}", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the E1 trunk")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn delete_e1_trunk(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<StatusCode, Problem> {
    app.store
        .delete_e1_trunk(&may.caller.actor, E1TrunkId(id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The signals of the present or last call on a timeslot of a trunk with MFC-R2, oldest first: line signals, register signals
/// with their times, faults and decisions; at most the last 400. They hold the numbers of both parties as the exchange sends
/// them. ISDN has no signals on timeslots.
#[utoipa::path(
    get, path = "/e1-trunks/{id}/timeslots/{timeslot}/signals", tag = "telephony",
    security(("session" = []), ("token" = [])),
    params(
        ("id" = i64, Path, description = "Id of the E1 trunk"),
        ("timeslot" = u8, Path, description = "1-15 or 17-31", minimum = 1, maximum = 31)
    ),
    responses((status = 200, body = [SignalStep]), Unauthenticated, Forbidden, NoSuchObject, Conflict, Common)
)]
pub async fn list_signals(
    State(app): State<App>,
    _: Access,
    path: Result<Path<(i64, u8)>, PathRejection>,
) -> Result<Json<Vec<SignalStep>>, Problem> {
    let Ok(Path((id, timeslot))) = path else {
        return Err(Problem::not_found(
            "Ids are numbers, and timeslots are 1-15 and 17-31.",
        ));
    };
    let configuration = app.store.configuration();
    let trunk = configuration
        .e1_trunk(E1TrunkId(id))
        .ok_or_else(|| no_such("E1 trunk", id))?;
    if trunk.signalling.kind() != E1SignallingKind::E1R2 || !matches!(timeslot, 1..=15 | 17..=31) {
        return Err(Problem::not_found(
            "Only timeslots 1-15 and 17-31 of trunks with MFC-R2 have signals of their own.",
        ));
    }
    let signals = app.pbx.e1_signals(trunk.id, timeslot).await;
    signals.map(Json).ok_or_else(|| not_at_work(&trunk.name))
}

/// The last frames of the D channel of a trunk with ISDN, oldest first, in words: at most 300 with messages of call control
/// (Q.931) and 100 of the link (Q.921). They hold the numbers of both parties, withheld ones too. MFC-R2 has signals on
/// timeslots instead.
#[utoipa::path(
    get, path = "/e1-trunks/{id}/messages", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the E1 trunk")),
    responses((status = 200, body = [MessageStep]), Unauthenticated, Forbidden, NoSuchObject, Conflict, Common)
)]
pub async fn list_e1_messages(
    State(app): State<App>,
    _: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<Vec<MessageStep>>, Problem> {
    let configuration = app.store.configuration();
    let trunk = configuration
        .e1_trunk(E1TrunkId(id))
        .ok_or_else(|| no_such("E1 trunk", id))?;
    if trunk.signalling.kind() != E1SignallingKind::E1Pri {
        return Err(Problem::not_found(
            "Only trunks with ISDN have a D channel; those with MFC-R2 have signals on timeslots.",
        ));
    }
    let messages = app.pbx.e1_messages(trunk.id).await;
    messages.map(Json).ok_or_else(|| not_at_work(&trunk.name))
}

/// A trunk of which nothing can be shown now.
fn not_at_work(name: &str) -> Problem {
    Problem::conflict(format!(
        "The span of trunk {name} is not at work; its status says why."
    ))
}

/// A span and what the configuration makes of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpanRow {
    /// The span.
    #[serde(flatten)]
    span: Span,
    /// Rank of its line as a source of the card's clock, from 1, the lowest that works is taken; 0 for never, null when no
    /// trunk that is in use is on it.
    clock_rank: Option<u8>,
}

/// The spans of the machine's cards, by number; none without cards or their driver.
#[utoipa::path(
    get, path = "/spans", tag = "telephony", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [SpanRow]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_spans(State(app): State<App>, _: Access) -> Result<Json<Vec<SpanRow>>, Problem> {
    // sysfs blocks.
    let spans = tokio::task::spawn_blocking(dahdi::spans)
        .await
        .map_err(|error| Problem::internal(error.to_string()))?
        .map_err(|error| {
            Problem::internal(format!(
                "The drivers' list of spans cannot be read: {error}."
            ))
        })?;
    let configuration = app.store.configuration();
    let clock_rank = |span: &Span| {
        let mut trunks = configuration.e1_trunks().iter();
        let on_it = trunks.find(|trunk| trunk.enabled && trunk.device == span.name);
        on_it.map(|trunk| trunk.clock_rank)
    };
    let row = |span: Span| SpanRow {
        clock_rank: clock_rank(&span),
        span,
    };
    Ok(Json(spans.into_iter().map(row).collect()))
}

/// A variant or preset of MFC-R2 that a trunk may choose.
#[derive(Debug, Serialize, ToSchema)]
pub struct R2Variant {
    /// What a trunk's `signalling.variant` says.
    id: String,
    /// ISO 3166 code of its country, or `ITU`.
    country: &'static str,
    /// Name of the carrier or exchange; null for a country's variant as it is.
    name: Option<&'static str>,
}

fn known_variants() -> Vec<R2Variant> {
    let variants = VARIANTS.iter().map(|variant| R2Variant {
        id: variant.code.to_ascii_lowercase(),
        country: variant.code,
        name: None,
    });
    let presets = PRESETS.iter().map(|preset| R2Variant {
        id: preset.id.to_owned(),
        country: preset.variant,
        name: Some(preset.name),
    });
    variants.chain(presets).collect()
}

/// The variants of MFC-R2 with the presets of carriers and exchanges.
#[utoipa::path(
    get, path = "/r2-variants", tag = "telephony", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [R2Variant]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_r2_variants(_: Access) -> Json<Vec<R2Variant>> {
    Json(known_variants())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_may_choose_every_variant_and_preset_of_the_signalling_and_no_other() {
        let known: Vec<_> = known_variants().into_iter().map(|one| one.id).collect();
        assert_eq!(known, ramal_model::R2_VARIANTS);
    }
}
