//! Mail by SMTP (RFC 5321).

mod words;

use std::path::Path;
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use ramal_model::{
    Configuration, Delivery, EventKind, Id, Language, MailSecurity, MailServer, Secret,
};

use crate::http::causes;
use crate::outcome::Outcome;

/// A server has so long for each answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Larger sounds are not attached: many servers refuse more.
const MOST_ATTACHED: u64 = 15 << 20;

/// Why no mail can be sent.
#[derive(Debug, thiserror::Error)]
pub enum MailerError {
    /// The file with more authorities cannot be read.
    #[error("cannot read the certificates in {path}: {error}; give a PEM file")]
    Authorities {
        /// The file.
        path: std::path::PathBuf,
        /// The reason.
        error: String,
    },
}

/// Sends mail.
pub(crate) struct Mailer {
    authorities: Vec<Certificate>,
}

impl Mailer {
    /// Trusts the system's authorities and those in the PEM file `authorities`.
    pub(crate) fn new(authorities: Option<&Path>) -> Result<Self, MailerError> {
        let Some(path) = authorities else {
            return Ok(Self {
                authorities: Vec::new(),
            });
        };
        let failed = |error: String| MailerError::Authorities {
            path: path.to_owned(),
            error,
        };
        let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        let certificate = Certificate::from_pem(&pem).map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            authorities: vec![certificate],
        })
    }

    /// Writes to `to` of an event, by the server `only`, where one is to be tried out. The sound of a voice message is taken from `sounds`, where there is such a folder.
    pub(crate) async fn send(
        &self,
        configuration: &Configuration,
        only: Option<Id<MailServer>>,
        to: &[String],
        delivery: &Delivery,
        language: Option<Language>,
        sounds: Option<&Path>,
    ) -> Outcome {
        let mut servers: Vec<_> = configuration.catalogue().mail_servers.iter().collect();
        servers.retain(|server| only.map_or(server.enabled, |only| server.id == only));
        servers.sort_by_cached_key(|server| server.name.to_lowercase());
        if servers.is_empty() {
            return Outcome::Later("no mail server is set up".into());
        }
        let company = configuration.company();
        let language = language
            .or_else(|| company.map(|company| company.language))
            .unwrap_or(Language::En);
        let words = words::of(delivery, language, company);
        let sound = match sounds.filter(|_| delivery.kind == EventKind::VoicemailNew) {
            Some(folder) => sound(folder, delivery).await,
            None => None,
        };
        let mut worst = Outcome::Later(String::new());
        for server in servers {
            let sender = company.map_or("Ramal", |company| company.legal_name.as_str());
            let message = match compose(server, sender, to, delivery, &words, sound.as_ref()) {
                Ok(message) => message,
                Err(why) => return Outcome::Never(why),
            };
            let password = configuration.secret(server.id);
            worst = self.hand_over(server, password, message).await;
            if matches!(worst, Outcome::Taken(_)) {
                break;
            }
        }
        worst
    }

    async fn hand_over(
        &self,
        server: &MailServer,
        password: Option<&Secret>,
        message: Message,
    ) -> Outcome {
        let tls = match self.tls(server) {
            Ok(tls) => tls,
            Err(error) => return Outcome::Later(format!("{}: {}", server.name, causes(&error))),
        };
        let port = u16::try_from(server.port).unwrap_or(587);
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(port)
            .timeout(Some(PATIENCE))
            .tls(tls);
        if !server.user.is_empty() {
            let password = password.map_or("", Secret::as_str).to_owned();
            transport = transport.credentials(Credentials::new(server.user.clone(), password));
        }
        match transport.build().send(message).await {
            Ok(answer) => {
                let words: Vec<_> = answer.message().collect();
                Outcome::Taken(format!(
                    "{}: {} {}",
                    server.name,
                    answer.code(),
                    words.join(" ")
                ))
            }
            // Also what a server calls permanent may be mended by an administrator within two days.
            Err(error) => Outcome::Later(format!("{}: {}", server.name, causes(&error))),
        }
    }

    fn tls(&self, server: &MailServer) -> Result<Tls, lettre::transport::smtp::Error> {
        let parameters = || {
            let mut builder = TlsParameters::builder(server.host.clone());
            for authority in &self.authorities {
                builder = builder.add_root_certificate(authority.clone());
            }
            builder.build_rustls()
        };
        Ok(match server.security {
            MailSecurity::StartTls => Tls::Required(parameters()?),
            MailSecurity::Tls => Tls::Wrapper(parameters()?),
            MailSecurity::None => Tls::None,
        })
    }
}

/// A voice message's sound and its file's name; none when it is gone or too large.
async fn sound(folder: &Path, delivery: &Delivery) -> Option<(String, Vec<u8>)> {
    let file = delivery.data.get("file")?.as_str()?;
    // Names in the database are ours; nothing but a plain name may come from there all the same.
    if file.contains('/') || file.starts_with('.') {
        return None;
    }
    let path = folder.join(file);
    let size = tokio::fs::metadata(&path).await.ok()?.len();
    if size > MOST_ATTACHED {
        return None;
    }
    Some((file.to_owned(), tokio::fs::read(&path).await.ok()?))
}

/// The mail.
fn compose(
    server: &MailServer,
    sender: &str,
    to: &[String],
    delivery: &Delivery,
    words: &words::Words,
    sound: Option<&(String, Vec<u8>)>,
) -> Result<Message, String> {
    let address = |text: &str| {
        text.parse::<Address>()
            .map_err(|error| format!("{text}: {error}"))
    };
    // The library cannot write control characters into a name.
    let sender = sender.replace(char::is_control, " ");
    let sender = Some(sender.trim()).filter(|sender| !sender.is_empty());
    let from = Mailbox::new(sender.map(str::to_owned), address(&server.from)?);
    let mut message = Message::builder()
        .from(from)
        .subject(words.subject.clone())
        .date_now()
        .message_id(Some(message_id(delivery, &server.from)))
        // RFC 3834: nobody's holiday notice answers it.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    for one in to {
        message = message.to(Mailbox::new(None, address(one)?));
    }
    let text = SinglePart::plain(words.body.clone());
    let parts = match sound {
        None => MultiPart::mixed().singlepart(text),
        Some((name, content)) => {
            let kind = ContentType::parse("audio/wav").map_err(|error| error.to_string())?;
            let sound = Attachment::new(name.clone()).body(content.clone(), kind);
            MultiPart::mixed().singlepart(text).singlepart(sound)
        }
    };
    message.multipart(parts).map_err(|error| error.to_string())
}

/// The same for each attempt: a server that took the mail before its answer was lost may know it again.
fn message_id(delivery: &Delivery, from: &str) -> String {
    let host = from
        .split_once('@')
        .map_or("ramal.invalid", |(_, host)| host);
    format!(
        "<{}.{}.{}@{host}>",
        delivery.at, delivery.event, delivery.id
    )
}

#[cfg(test)]
mod tests;
