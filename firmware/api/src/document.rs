//! The OpenAPI document: its frame, and the refusals that every operation may give.

use std::collections::BTreeMap;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, Ref, RefOr};
use utoipa::{IntoResponses, Modify, OpenApi};

use crate::problem::{PROBLEM_JSON, Problem};

/// Where the API lies.
pub const BASE: &str = "/api/v1";

/// The frame of the document; the operations are collected from the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Ramal",
        description = "Telephone gateway. Times are UTC milliseconds since the epoch. Every refusal is a problem \
            document (RFC 9457). Log in for a session cookie and send `X-Ramal-CSRF: 1` with every request that changes \
            something, or send an API token.",
    ),
    components(schemas(Problem)),
    modifiers(&Security),
    tags(
        (name = "gateway", description = "The gateway as a whole"),
        (name = "access", description = "Set-up, sessions, users and API tokens"),
        (name = "telephony", description = "Extensions, phones and trunks"),
        (name = "calls", description = "Calls in progress and past"),
    ),
)]
pub struct Frame;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let cookie = ApiKeyValue::with_description(
            crate::caller::SESSION_COOKIE,
            "Session, from POST /session or POST /setup. Requests that change something also need X-Ramal-CSRF: 1.",
        );
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("API token, from POST /tokens."));
        components.add_security_scheme("token", SecurityScheme::Http(token.build()));
    }
}

/// Objects that the export extends by a secret, and lists by their state. Their own schemas are closed, because the import refuses unknown fields;
/// as a part of a larger object they must be open, or nothing could ever fit both.
const EXTENDED: [&str; 6] = [
    "User",
    "Extension",
    "SipTrunk",
    "E1Trunk",
    "AudioFile",
    "MusicClass",
];

/// Opens the schemas that others are put together from.
pub fn open_extended(document: &mut Document) {
    let schemas = document
        .components
        .iter_mut()
        .flat_map(|components| &mut components.schemas);
    for (name, schema) in schemas {
        if EXTENDED.contains(&name.as_str())
            && let RefOr::T(Schema::Object(object)) = schema
        {
            object.additional_properties = None;
        }
        if let RefOr::T(schema) = schema {
            open_parts(schema);
        }
    }
}

/// Opens the objects that a larger one is put together from in its own place.
fn open_parts(schema: &mut Schema) {
    let Schema::AllOf(whole) = schema else { return };
    for part in &mut whole.items {
        match part {
            RefOr::T(Schema::Object(object)) => object.additional_properties = None,
            RefOr::T(schema) => open_parts(schema),
            RefOr::Ref(_) => {}
        }
    }
}

fn problem(description: &str) -> ResponseBuilder {
    let schema = Ref::from_schema_name("Problem");
    ResponseBuilder::new().description(description).content(
        PROBLEM_JSON,
        ContentBuilder::new()
            .schema(Some(RefOr::Ref(schema)))
            .build(),
    )
}

fn retry_after(response: ResponseBuilder) -> ResponseBuilder {
    let seconds = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .description(Some("Seconds to wait."))
        .build();
    response.header(
        "Retry-After",
        HeaderBuilder::new().schema(Some(seconds)).build(),
    )
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident { $($status:literal => $response:expr),* $(,)? })*) => {
        $(
            $(#[$doc])*
            pub struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    BTreeMap::from([$(($status.to_owned(), RefOr::T($response.build()))),*])
                }
            }
        )*
    };
}

refusals! {
    /// May come from any operation.
    Common {
        "408" => problem("The request took too long."),
        "500" => problem("A fault of the gateway; its log has the reason."),
        "503" => retry_after(problem("Not available now.")),
    }
    /// Without a valid session or token.
    Unauthenticated {
        "401" => problem("No valid session or API token."),
    }
    /// The role has no right to this, or a change came without the CSRF header.
    Forbidden {
        "403" => problem("The role does not allow this, or the CSRF header is missing."),
    }
    /// The object does not exist.
    NoSuchObject {
        "404" => problem("No such object."),
    }
    /// A query parameter is refused.
    BadQuery {
        "422" => problem("A query parameter is refused; `errors` names it."),
    }
    /// A part of a file is asked for that it does not have.
    NoSuchPart {
        "416" => problem("The file has no such part."),
    }
    /// The body is refused.
    BadBody {
        "400" => problem("The body is not JSON."),
        "413" => problem("The body is too large."),
        "415" => problem("The body is not application/json."),
        "422" => problem("Fields are refused; `errors` names each."),
    }
    /// The present state does not allow it.
    Conflict {
        "409" => problem("Not possible in the present state."),
    }
    /// Too many attempts.
    SlowDown {
        "429" => retry_after(problem("Too many attempts.")),
    }
}
