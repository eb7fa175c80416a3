//! Text messages by a service on the web, and over SIP trunks.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderName;
use hyper::{Method, Request};
use ramal_model::{Configuration, Language, Number, Secret, TextGateway, TextWay, TrunkId};
use ramal_pbx::Pbx;

use crate::outcome::Outcome;
use crate::webhook::USER_AGENT;

/// What a caller of the number is written: its own text, or the built-in one in its language.
/// Without a number it is only tried out, and the company's name is all there is to say.
pub(crate) fn words(configuration: &Configuration, number: Option<&Number>) -> String {
    let company = configuration.company();
    let name = company.map_or("", |company| company.legal_name.as_str());
    let Some(number) = number else {
        return format!("Ramal {name}").trim().to_owned();
    };
    let language = number
        .language
        .or_else(|| company.map(|company| company.language))
        .unwrap_or(Language::En);
    let own = number
        .text_back
        .as_ref()
        .map(|text_back| text_back.text.as_str());
    let text = own.filter(|text| !text.is_empty()).unwrap_or(match language {
        Language::PtBr => "Não conseguimos atender sua ligação para ${number}. Retornaremos em breve. ${company}",
        Language::Es => "No pudimos atender su llamada al ${number}. Le devolveremos la llamada pronto. ${company}",
        Language::Id => "Maaf, panggilan Anda ke ${number} belum terjawab. Kami akan segera menghubungi Anda. ${company}",
        Language::En => "Sorry we missed your call to ${number}. We will call you back soon. ${company}",
    });
    let text = text
        .replace("${number}", &number.number)
        .replace("${company}", name);
    text.trim().to_owned()
}

/// Sends `text` to `to` over a trunk.
pub(crate) async fn over_trunk(pbx: &Pbx, trunk: TrunkId, to: &str, text: &str) -> Outcome {
    match pbx.send_text(trunk, to, text).await {
        Ok(answer) => Outcome::Taken(answer),
        Err(error) if error.may_pass() => Outcome::Later(error.to_string()),
        Err(error) => Outcome::Never(error.to_string()),
    }
}

/// The request that sends `text` to `to`.
///
/// # Errors
/// Why there is none, as the outcome.
pub(crate) fn request(
    gateway: &TextGateway,
    secret: Option<&Secret>,
    to: &str,
    text: &str,
) -> Result<Request<Full<Bytes>>, Outcome> {
    let TextWay::Http {
        url,
        body,
        content_type,
        secret_header,
    } = &gateway.carrier
    else {
        return Err(Outcome::Never("it is no service on the web".to_owned()));
    };
    let fill = |template: &str, write: &dyn Fn(&str) -> String| {
        // Text first: a number cannot look like a name, a text can.
        let (before, after) = ("${to}", "${text}");
        let mut filled = String::with_capacity(template.len() + text.len());
        let mut rest = template;
        while let Some(at) = rest.find("${") {
            filled.push_str(rest.get(..at).unwrap_or_default());
            let found = rest.get(at..).unwrap_or_default();
            if let Some(onward) = found.strip_prefix(before) {
                filled.push_str(&write(to));
                rest = onward;
            } else if let Some(onward) = found.strip_prefix(after) {
                filled.push_str(&write(text));
                rest = onward;
            } else {
                filled.push_str("${");
                rest = found.get(2..).unwrap_or_default();
            }
        }
        filled.push_str(rest);
        filled
    };
    let as_json = |value: &str| {
        let quoted = serde_json::Value::from(value).to_string();
        quoted.trim_matches('"').to_owned()
    };
    let write_body: &dyn Fn(&str) -> String = match content_type.as_str() {
        TextWay::FORM => &percent_encoded,
        _ => &as_json,
    };
    let content = fill(body, write_body);
    let mut request = Request::builder()
        .uri(fill(url, &percent_encoded))
        .header("user-agent", USER_AGENT);
    request = if content.is_empty() {
        request.method(Method::GET)
    } else {
        request
            .method(Method::POST)
            .header("content-type", content_type)
    };
    if let Some(secret) = secret
        && let Ok(name) = HeaderName::from_bytes(secret_header.as_bytes())
    {
        request = request.header(name, secret.as_str());
    }
    request
        .body(Full::from(content))
        .map_err(|error| Outcome::Never(format!("no request can be made: {error}")))
}

/// All but the unreserved characters as `%` and their bytes (RFC 3986 §2.3).
fn percent_encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn gateway(url: &str, body: &str, content_type: &str) -> TextGateway {
        TextGateway {
            carrier: TextWay::Http {
                url: url.into(),
                body: body.into(),
                content_type: content_type.into(),
                secret_header: "Authorization".into(),
            },
            ..TextGateway::default()
        }
    }

    async fn made(gateway: &TextGateway, text: &str) -> (Method, String, Option<String>, String) {
        let secret = Secret::new("Bearer abc".into());
        let request = request(gateway, Some(&secret), "+5551999990000", text).unwrap();
        let (parts, body) = request.into_parts();
        let authorization = parts.headers.get("authorization");
        let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        (parts.method, parts.uri.to_string(), authorization, body)
    }

    #[tokio::test]
    async fn text_is_written_as_its_place_asks() {
        let text = "Olá \"você\" & ${to}\n50%";
        let json = gateway(
            "http://sms/send",
            r#"{"to":"${to}","t":"${text}"}"#,
            TextWay::JSON,
        );
        let (method, uri, secret, body) = made(&json, text).await;
        assert_eq!((method, uri.as_str()), (Method::POST, "http://sms/send"));
        assert_eq!(secret.as_deref(), Some("Bearer abc"));
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({ "to": "+5551999990000", "t": text })
        );

        let form = gateway("http://sms/send", "to=${to}&t=${text}", TextWay::FORM);
        let (_, _, _, body) = made(&form, "a&b=c ç").await;
        assert_eq!(body, "to=%2B5551999990000&t=a%26b%3Dc%20%C3%A7");

        let get = gateway(
            "http://sms/send?to=${to}&t=${text}&x=${y}",
            "",
            TextWay::JSON,
        );
        let (method, uri, _, body) = made(&get, "oi!").await;
        assert_eq!((method, body.as_str()), (Method::GET, ""));
        assert!(uri.ends_with("to=%2B5551999990000&t=oi%21&x=${y}"), "{uri}");
    }
}
