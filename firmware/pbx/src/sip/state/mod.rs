//! What subscribers are told: the states of extensions in the formats of their event packages.

mod dialog_info;
mod message_summary;
mod pidf;

pub(super) use dialog_info::{Dialog, DialogInfo, DialogState};
pub(super) use message_summary::message_summary;
pub(super) use pidf::{Presence, pidf};

/// Text as XML takes it: markup escaped, what XML cannot hold left out (XML 1.0 §2.2, §2.4).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
                out.push(character);
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn a_name_cannot_break_out_of_its_element() {
        assert_eq!(
            escaped("</remote>\u{0}\"A & B's\"\r\n é"),
            "&lt;/remote&gt;&quot;A &amp; B&apos;s&quot; é"
        );
    }
}
