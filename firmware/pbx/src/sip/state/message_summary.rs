//! Messages that wait for an extension: `application/simple-message-summary` (RFC 3842).

use ramal_model::MessagesWaiting;

/// The summary of the account `number`.
pub(in crate::sip) fn message_summary(
    number: &str,
    host: &str,
    waiting: MessagesWaiting,
) -> String {
    let MessagesWaiting { new, old } = waiting;
    let lamp = if new > 0 { "yes" } else { "no" };
    format!(
        "Messages-Waiting: {lamp}\r\nMessage-Account: sip:{number}@{host}\r\nVoice-Message: {new}/{old} (0/0)\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_messages_light_the_lamp() {
        assert_eq!(
            message_summary("2001", "192.0.2.1", MessagesWaiting { new: 2, old: 8 }),
            "Messages-Waiting: yes\r\nMessage-Account: sip:2001@192.0.2.1\r\nVoice-Message: 2/8 (0/0)\r\n"
        );
        let empty = message_summary("2001", "192.0.2.1", MessagesWaiting::default());
        assert!(empty.starts_with("Messages-Waiting: no\r\n"), "{empty}");
    }
}
