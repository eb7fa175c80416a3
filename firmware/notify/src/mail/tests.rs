//! What leaves for a mail server.

use ramal_model::{DeliveryId, DeliveryState, DeliveryWay, MailServer};
use serde_json::json;

use super::*;

fn delivery() -> Delivery {
    Delivery {
        id: DeliveryId(7),
        event: 3,
        kind: EventKind::VoicemailNew,
        at: 1_790_000_000_000,
        way: DeliveryWay::Mail {
            to: vec!["ana@example.com".into()],
            because_of: 1,
        },
        state: DeliveryState::Pending,
        attempts: 0,
        next_at: None,
        last_at: None,
        took_ms: None,
        answer: String::new(),
        data: json!({ "file": "m1.wav", "caller": { "number": "190", "name": "" } }),
    }
}

fn server() -> MailServer {
    MailServer {
        from: "pabx@example.com".into(),
        ..MailServer::default()
    }
}

fn mail(sender: &str, sound: Option<&(String, Vec<u8>)>) -> String {
    let words = words::of(&delivery(), Language::PtBr, None);
    let to = ["ana@example.com".to_owned(), "rui@example.com".to_owned()];
    let message = compose(&server(), sender, &to, &delivery(), &words, sound).unwrap();
    String::from_utf8(message.formatted()).unwrap()
}

#[test]
fn carries_sender_receivers_and_sound() {
    let sound = ("m1.wav".to_owned(), vec![0, 255, 128, 7]);
    let text = mail("Padaria São João", Some(&sound));
    assert!(
        text.contains("To: ana@example.com, rui@example.com\r\n"),
        "{text}"
    );
    assert!(text.contains("<pabx@example.com>\r\n"), "{text}");
    assert!(
        text.contains("Auto-Submitted: auto-generated\r\n"),
        "{text}"
    );
    assert!(
        text.contains("Message-ID: <1790000000000.3.7@example.com>\r\n"),
        "{text}"
    );
    assert!(text.contains("filename=\"m1.wav\""), "{text}");
    assert!(text.contains("AP+ABw=="), "{text}");
    assert!(!mail("", None).contains("audio/wav"));
}

#[test]
fn a_sender_cannot_write_headers() {
    let text = mail("x\r\nBcc: victim@example.com", None);
    assert!(!text.to_lowercase().contains("\r\nbcc:"), "{text}");
}

#[tokio::test]
async fn sounds_come_from_their_folder_alone() {
    let folder = std::env::temp_dir();
    for file in ["../etc/passwd", "/etc/passwd", ".profile", ""] {
        let mut delivery = delivery();
        delivery.data = json!({ "file": file });
        assert_eq!(sound(&folder, &delivery).await, None, "{file}");
    }
}

#[test]
fn authorities_that_cannot_be_read_are_named() {
    let path = Path::new("/nonexistent/ca.pem");
    let error = Mailer::new(Some(path)).err().unwrap();
    assert!(error.to_string().contains("/nonexistent/ca.pem"), "{error}");
}
