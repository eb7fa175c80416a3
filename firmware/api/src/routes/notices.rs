//! Telling others: how deliveries go, sending them again, trying webhooks, mail and text messages out, and new secrets.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ramal_model::{
    Delivery, DeliveryId, DeliveryState, DeliveryWay, Id, Invalid, MailServer, Object, Secret,
    TextGateway, Webhook, code,
};
use ramal_store::DeliveryFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ObjectId, no_such};
use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, BadQuery, Common, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;
use crate::query::{Parameters, cut, given, page_size};

/// Which deliveries to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// Rows, 1-500, default 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// Only deliveries before this one: `next` of the page before.
    #[param(value_type = Option<i64>)]
    before: Option<String>,
    /// Only deliveries of this webhook or text gateway.
    #[param(value_type = Option<i64>)]
    target: Option<String>,
    /// Only deliveries that are so far: `pending`, `delivered` or `failed`.
    state: Option<String>,
}

impl DeliveryQuery {
    fn filter(self) -> Result<(DeliveryFilter, u32), Invalid> {
        let page = page_size(self.limit)?;
        let number = |field: &str, text: Option<String>| {
            given(text)
                .map(|text| text.parse::<i64>())
                .transpose()
                .map_err(|_| Invalid::one(field, code::INVALID, None, "must be a number"))
        };
        let before = number("before", self.before)?;
        let target = number("target", self.target)?;
        let state = given(self.state)
            .map(|word| DeliveryState::from_word(&word).ok_or(()))
            .transpose()
            .map_err(|()| {
                let states = "pending delivered failed";
                Invalid::one(
                    "state",
                    code::INVALID,
                    Some(states),
                    "is no state of a delivery",
                )
            })?;
        // One more than asked for tells whether there is a next page.
        let filter = DeliveryFilter {
            limit: Some(page + 1),
            before: before.map(DeliveryId),
            target,
            state,
        };
        Ok((filter, page))
    }
}

/// A page of deliveries, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryPage {
    /// The deliveries.
    deliveries: Vec<Delivery>,
    /// `before` of the next page; null when this is the last.
    next: Option<DeliveryId>,
}

/// Who was told of what, and how that went: webhooks, mail and text messages, latest first.
#[utoipa::path(
    get, path = "/deliveries", tag = "notices", security(("session" = []), ("token" = [])), params(DeliveryQuery),
    responses((status = 200, body = DeliveryPage), Unauthenticated, Forbidden, BadQuery, Common)
)]
pub async fn list_deliveries(
    State(app): State<App>,
    _: Access,
    Parameters(query): Parameters<DeliveryQuery>,
) -> Result<Json<DeliveryPage>, Problem> {
    let (filter, page) = query.filter()?;
    let mut deliveries = app.store.deliveries(filter).await?;
    let more = cut(&mut deliveries, page);
    let next = deliveries.last().filter(|_| more).map(|last| last.id);
    Ok(Json(DeliveryPage { deliveries, next }))
}

/// Delivers once more what was delivered or given up, with the id of the event as it was.
#[utoipa::path(
    post, path = "/deliveries/{id}/replay", tag = "notices", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the delivery")),
    responses((status = 202, body = Delivery), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn replay_delivery(
    State(app): State<App>,
    _: Access,
    ObjectId(id): ObjectId,
) -> Result<(StatusCode, Json<Delivery>), Problem> {
    let delivery = app.store.replay_delivery(DeliveryId(id)).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery)))
}

/// Sends a webhook an event `test`, also while it is switched off. How that goes stands in the list of deliveries.
#[utoipa::path(
    post, path = "/webhooks/{id}/test", tag = "notices", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the webhook")),
    responses((status = 202, body = Delivery), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn test_webhook(
    State(app): State<App>,
    _: Access,
    ObjectId(id): ObjectId,
) -> Result<(StatusCode, Json<Delivery>), Problem> {
    let configuration = app.store.configuration();
    let webhook = configuration.catalogue().webhooks.get(Id::new(id));
    webhook.ok_or_else(|| no_such(Webhook::WORDS, id))?;
    tried(&app, DeliveryWay::Webhook { webhook: id }).await
}

/// A webhook's new secret, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookSecret {
    /// What requests are signed with from now on.
    secret: Secret,
}

/// Makes a webhook a new secret; the old one signs nothing any more.
#[utoipa::path(
    post, path = "/webhooks/{id}/secret", tag = "notices", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the webhook")),
    responses((status = 200, body = WebhookSecret), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn renew_webhook_secret(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<WebhookSecret>, Problem> {
    let id = Id::<Webhook>::new(id);
    let secret = app.store.renew_secret_of(&may.caller.actor, id).await?;
    Ok(Json(WebhookSecret { secret }))
}

/// Whom a mail is sent to, to try a server out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailTest {
    /// An e-mail address.
    to: String,
}

/// Sends a mail by this server, also while it is switched off. How that goes stands in the list of deliveries.
#[utoipa::path(
    post, path = "/mail-servers/{id}/test", tag = "notices", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the mail server")), request_body = MailTest,
    responses((status = 202, body = Delivery), Unauthenticated, Forbidden, NoSuchObject, BadBody, Common)
)]
pub async fn test_mail_server(
    State(app): State<App>,
    _: Access,
    ObjectId(id): ObjectId,
    JsonBody(MailTest { to }): JsonBody<MailTest>,
) -> Result<(StatusCode, Json<Delivery>), Problem> {
    let configuration = app.store.configuration();
    let server = configuration.catalogue().mail_servers.get(Id::new(id));
    server.ok_or_else(|| no_such(MailServer::WORDS, id))?;
    let to = ramal_model::email_address(&to)?;
    let way = DeliveryWay::Mail {
        to: vec![to],
        because_of: id,
    };
    tried(&app, way).await
}

/// Whom a text message is sent to, to try a gateway out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextTest {
    /// A number in international form, `+` and 7-15 digits.
    to: String,
}

/// Sends a text message by this gateway. How that goes stands in the list of deliveries.
#[utoipa::path(
    post, path = "/text-gateways/{id}/test", tag = "notices", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the text gateway")), request_body = TextTest,
    responses((status = 202, body = Delivery), Unauthenticated, Forbidden, NoSuchObject, BadBody, Common)
)]
pub async fn test_text_gateway(
    State(app): State<App>,
    _: Access,
    ObjectId(id): ObjectId,
    JsonBody(TextTest { to }): JsonBody<TextTest>,
) -> Result<(StatusCode, Json<Delivery>), Problem> {
    let configuration = app.store.configuration();
    let gateway = configuration.catalogue().text_gateways.get(Id::new(id));
    gateway.ok_or_else(|| no_such(TextGateway::WORDS, id))?;
    let digits = to.strip_prefix('+').unwrap_or_default();
    if !(7..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = "must be `+`, the country code and the number";
        return Err(Invalid::one("to", code::INVALID, Some("+ 7-15"), message).into());
    }
    let way = DeliveryWay::Text {
        gateway: id,
        to,
        number: None,
    };
    tried(&app, way).await
}

async fn tried(app: &App, way: DeliveryWay) -> Result<(StatusCode, Json<Delivery>), Problem> {
    let delivery = app.store.test_delivery(way).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery)))
}
