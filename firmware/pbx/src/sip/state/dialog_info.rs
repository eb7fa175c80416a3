//! The calls of an extension: `application/dialog-info+xml` (RFC 4235), always the full state.

use std::fmt::Write;

use super::escaped;

/// How far a call has come (RFC 4235 §3.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sip) enum DialogState {
    Trying,
    Early,
    Confirmed,
    Terminated,
}

impl DialogState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Trying => "trying",
            Self::Early => "early",
            Self::Confirmed => "confirmed",
            Self::Terminated => "terminated",
        }
    }
}

/// One call as the extension sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sip) struct Dialog {
    /// The same as long as the call lasts.
    pub(in crate::sip) id: String,
    pub(in crate::sip) state: DialogState,
    /// Whether the extension calls, rather than being called.
    pub(in crate::sip) initiator: bool,
    /// Call-ID, the phone's tag and ours: what a Replaces header that picks the call up is made from.
    pub(in crate::sip) name: Option<(String, String, String)>,
    /// Number and name of the other end.
    pub(in crate::sip) remote: (String, String),
}

/// The document.
#[derive(Debug)]
pub(in crate::sip) struct DialogInfo<'a> {
    /// Counts the documents of a subscription from zero.
    pub(in crate::sip) version: u32,
    pub(in crate::sip) number: &'a str,
    pub(in crate::sip) host: &'a str,
    pub(in crate::sip) dialogs: &'a [Dialog],
}

impl DialogInfo<'_> {
    /// The document's text.
    pub(in crate::sip) fn to_xml(&self) -> String {
        let own = format!("sip:{}@{}", escaped(self.number), escaped(self.host));
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"{}\" state=\"full\" entity=\"{own}\">\n",
            self.version
        );
        for dialog in self.dialogs {
            // Writing into a string does not fail.
            let _ = self.write(&mut xml, dialog, &own);
        }
        xml.push_str("</dialog-info>\n");
        xml
    }

    fn write(&self, xml: &mut String, dialog: &Dialog, own: &str) -> std::fmt::Result {
        write!(xml, "<dialog id=\"{}\"", escaped(&dialog.id))?;
        if let Some((call_id, local_tag, remote_tag)) = &dialog.name {
            write!(
                xml,
                " call-id=\"{}\" local-tag=\"{}\" remote-tag=\"{}\"",
                escaped(call_id),
                escaped(local_tag),
                escaped(remote_tag)
            )?;
        }
        let direction = if dialog.initiator {
            "initiator"
        } else {
            "recipient"
        };
        let (number, name) = &dialog.remote;
        let remote = format!("sip:{}@{}", escaped(number), escaped(self.host));
        writeln!(
            xml,
            " direction=\"{direction}\">\n\
             <state>{}</state>\n\
             <local><identity>{own}</identity><target uri=\"{own}\"/></local>\n\
             <remote><identity display=\"{}\">{remote}</identity><target uri=\"{remote}\"/></remote>\n\
             </dialog>",
            dialog.state.as_str(),
            escaped(name)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ringing_call_says_how_to_pick_it_up() {
        let dialogs = [Dialog {
            id: "01r".into(),
            state: DialogState::Early,
            initiator: false,
            name: Some(("c@h".into(), "phone".into(), "gateway".into())),
            remote: ("2001".into(), "Ana & Cia".into()),
        }];
        let info = DialogInfo {
            version: 3,
            number: "2002",
            host: "192.0.2.1",
            dialogs: &dialogs,
        };
        assert_eq!(
            info.to_xml(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"3\" state=\"full\" \
             entity=\"sip:2002@192.0.2.1\">\n\
             <dialog id=\"01r\" call-id=\"c@h\" local-tag=\"phone\" remote-tag=\"gateway\" direction=\"recipient\">\n\
             <state>early</state>\n\
             <local><identity>sip:2002@192.0.2.1</identity><target uri=\"sip:2002@192.0.2.1\"/></local>\n\
             <remote><identity display=\"Ana &amp; Cia\">sip:2001@192.0.2.1</identity>\
             <target uri=\"sip:2001@192.0.2.1\"/></remote>\n\
             </dialog>\n\
             </dialog-info>\n"
        );
    }
}
