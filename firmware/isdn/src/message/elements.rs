//! The elements of a message: read in any order, printed in the standard's (Q.931 §4.5.1).

use super::Faults;
use crate::ie::{
    BearerCapability, CallingName, CauseElement, ChannelIdentification, Diversion, Malformed,
    PartyNumber, ProgressIndicator, RestartIndicator, ascii, from_text, id, to_text,
};

/// Longest Display, Keypad facility and User-user that are sent, in octets. Networks may take less.
const MAX_DISPLAY: usize = 80;
const MAX_KEYPAD: usize = 32;
const MAX_USER_USER: usize = 128;
/// What some networks begin a Display with: a type octet with bit 8 set, in ISO 8859-1 the letter `±`.
const DISPLAY_TYPE: u8 = 0xB1;
/// Facility and Progress indicator may be repeated; further ones are not looked at.
const MAX_REPEATED: usize = 4;

/// What a message can carry. Elements a gateway has no use for are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elements {
    /// The number is complete.
    pub sending_complete: bool,
    /// State of a channel, in SERVICE.
    pub change_status: Option<u8>,
    /// Bearer capability.
    pub bearer: Option<BearerCapability>,
    /// Cause; the first, if there are two.
    pub cause: Option<CauseElement>,
    /// Call state, as its number (Q.931 §4.5.7).
    pub call_state: Option<u8>,
    /// Channel identification.
    pub channel: Option<ChannelIdentification>,
    /// Facility, as it is.
    pub facility: Vec<Vec<u8>>,
    /// Progress indicator.
    pub progress: Vec<ProgressIndicator>,
    /// Notification indicator: bits 7 to 1 (Q.931 §4.5.22).
    pub notification: Option<u8>,
    /// Display.
    pub display: Option<String>,
    /// Keypad facility.
    pub keypad: Option<String>,
    /// Connected number.
    pub connected: Option<PartyNumber>,
    /// Calling party number; the first, if there are two.
    pub calling: Option<PartyNumber>,
    /// Called party number.
    pub called: Option<PartyNumber>,
    /// Original called number.
    pub original_called: Option<PartyNumber>,
    /// Redirecting number.
    pub redirecting: Option<PartyNumber>,
    /// Redirection number: where the call goes now.
    pub redirection: Option<PartyNumber>,
    /// Restart indicator.
    pub restart: Option<RestartIndicator>,
    /// High layer compatibility, as it is (octets 3 and on).
    pub high_layer: Option<Vec<u8>>,
    /// User-user: protocol discriminator and information.
    pub user_user: Option<Vec<u8>>,
}

impl Elements {
    /// The name in a Facility element, if there is one.
    pub fn calling_name(&self) -> Option<CallingName> {
        self.facility
            .iter()
            .find_map(|contents| CallingName::decode(contents))
    }

    /// The diversion in a Facility element, if there is one.
    pub(crate) fn diversion(&self) -> Option<Diversion> {
        self.facility
            .iter()
            .find_map(|contents| Diversion::decode(contents))
    }

    /// Whether any progress indicator tells to listen to the channel.
    pub fn is_in_band(&self) -> bool {
        self.progress.iter().any(ProgressIndicator::is_in_band)
    }

    /// Reads all elements. The first of a kind counts (§5.8.5.2); out of sequence is as good as in it (§5.8.5.1).
    pub(super) fn read(mut octets: &[u8], faults: &mut Faults) -> Self {
        let mut elements = Self::default();
        let mut codeset = 0;
        while let Some((&id, rest)) = octets.split_first() {
            if id & 0xF0 == 0x90 {
                // Shift (§4.5.3, §4.5.4): bit 4 set is for the next element only.
                octets = rest;
                let new = id & 7;
                if id & 0x08 != 0 {
                    octets = elements.read_one(new, octets, faults);
                } else if new > codeset {
                    codeset = new;
                }
                continue;
            }
            octets = elements.read_one(codeset, octets, faults);
        }
        elements
    }

    fn read_one<'a>(&mut self, codeset: u8, octets: &'a [u8], faults: &mut Faults) -> &'a [u8] {
        let Some((&id, rest)) = octets.split_first() else {
            return octets;
        };
        if id & 0x80 != 0 {
            // Type 1 carries a value in its lower half (repeat indicator, congestion level), type 2 is there or not.
            if codeset == 0 {
                match id {
                    id::SENDING_COMPLETE => self.sending_complete = true,
                    _ if matches!(id & 0xF0, 0xB0 | 0xD0) => {}
                    _ if id::KNOWN_AND_UNUSED.contains(&id) => {}
                    _ => faults.unrecognized.push(id),
                }
            }
            return rest;
        }
        let contents = rest
            .split_first()
            .and_then(|(length, rest)| rest.split_at_checked(usize::from(*length)));
        let Some((contents, after)) = contents else {
            // Cut off: neither this one nor anything behind it can be read.
            if codeset == 0 {
                faults.malformed.push(id);
            }
            return &[];
        };
        // What other code sets mean is agreed between others.
        if codeset == 0 {
            self.take(id, contents, faults);
        }
        after
    }

    fn take(&mut self, id: u8, contents: &[u8], faults: &mut Faults) {
        let taken = match id {
            id::BEARER_CAPABILITY => once(&mut self.bearer, BearerCapability::decode(contents)),
            id::CAUSE => once(&mut self.cause, CauseElement::decode(contents)),
            id::CALL_STATE => once(&mut self.call_state, call_state(contents)),
            id::CHANNEL_IDENTIFICATION => {
                once(&mut self.channel, ChannelIdentification::decode(contents))
            }
            id::FACILITY => {
                if self.facility.len() < MAX_REPEATED {
                    self.facility.push(contents.to_vec());
                }
                Ok(())
            }
            id::PROGRESS_INDICATOR => ProgressIndicator::decode(contents).map(|indicator| {
                if self.progress.len() < MAX_REPEATED {
                    self.progress.push(indicator);
                }
            }),
            id::NOTIFICATION_INDICATOR => once(&mut self.notification, seven_bits(contents)),
            id::DISPLAY => {
                // Some networks put a type octet with bit 8 set before the text.
                let text = match contents {
                    [0x80 | DISPLAY_TYPE, rest @ ..] => rest,
                    all => all,
                };
                once(&mut self.display, Ok(to_text(text)))
            }
            id::KEYPAD_FACILITY => once(&mut self.keypad, Ok(ascii(contents))),
            id::CONNECTED_NUMBER => once(&mut self.connected, PartyNumber::decode(contents)),
            id::CALLING_NUMBER => once(&mut self.calling, PartyNumber::decode(contents)),
            id::CALLED_NUMBER => once(&mut self.called, PartyNumber::decode(contents)),
            id::ORIGINAL_CALLED_NUMBER => {
                once(&mut self.original_called, PartyNumber::decode(contents))
            }
            id::REDIRECTING_NUMBER => once(&mut self.redirecting, PartyNumber::decode(contents)),
            id::REDIRECTION_NUMBER => once(&mut self.redirection, PartyNumber::decode(contents)),
            id::RESTART_INDICATOR => once(&mut self.restart, RestartIndicator::decode(contents)),
            id::HIGH_LAYER_COMPATIBILITY => once(&mut self.high_layer, Ok(contents.to_vec())),
            id::USER_USER => once(&mut self.user_user, not_empty(contents)),
            id::CHANGE_STATUS => once(&mut self.change_status, seven_bits(contents)),
            _ if id::KNOWN_AND_UNUSED.contains(&id) => Ok(()),
            // Bits 8 to 5 zero: whoever does not know it must not act on the message. So it is with Segmented message,
            // because messages in pieces are not put together here.
            0x00..=0x0F => return faults.not_comprehended.push(id),
            _ => return faults.unrecognized.push(id),
        };
        if taken.is_err() {
            faults.malformed.push(id);
        }
    }

    /// Takes out the element that is missed least; `None` when all that is left is needed.
    pub(super) fn leave_out(&mut self) -> Option<u8> {
        if self.user_user.take().is_some() {
            Some(id::USER_USER)
        } else if self.display.take().is_some() {
            Some(id::DISPLAY)
        } else if self.original_called.take().is_some() {
            Some(id::ORIGINAL_CALLED_NUMBER)
        } else {
            self.facility.pop().map(|_| id::FACILITY)
        }
    }

    /// Whether an element of those a message may need is there.
    pub(super) fn has(&self, id: u8) -> bool {
        match id {
            id::BEARER_CAPABILITY => self.bearer.is_some(),
            id::CAUSE => self.cause.is_some(),
            id::CALL_STATE => self.call_state.is_some(),
            id::CHANNEL_IDENTIFICATION => self.channel.is_some(),
            id::NOTIFICATION_INDICATOR => self.notification.is_some(),
            id::PROGRESS_INDICATOR => !self.progress.is_empty(),
            id::RESTART_INDICATOR => self.restart.is_some(),
            id::USER_USER => self.user_user.is_some(),
            _ => false,
        }
    }

    /// Prints all elements, in ascending order of their identifiers behind Sending complete.
    pub(super) fn write(&self, octets: &mut Vec<u8>) {
        if self.sending_complete {
            octets.push(id::SENDING_COMPLETE);
        }
        let mut put = |id: u8, contents: Option<Vec<u8>>| {
            if let Some(contents) = contents
                && let Ok(length) = u8::try_from(contents.len())
            {
                octets.extend([id, length]);
                octets.extend(contents);
            }
        };
        put(
            id::CHANGE_STATUS,
            self.change_status.map(|status| vec![0x80 | status]),
        );
        put(
            id::BEARER_CAPABILITY,
            self.bearer.map(BearerCapability::encode),
        );
        put(id::CAUSE, self.cause.as_ref().map(CauseElement::encode));
        put(
            id::CALL_STATE,
            self.call_state.map(|state| vec![state & 0x3F]),
        );
        put(
            id::CHANNEL_IDENTIFICATION,
            self.channel.map(ChannelIdentification::encode),
        );
        for facility in &self.facility {
            put(id::FACILITY, Some(facility.clone()));
        }
        for progress in &self.progress {
            put(id::PROGRESS_INDICATOR, Some(progress.encode()));
        }
        put(
            id::NOTIFICATION_INDICATOR,
            self.notification.map(|value| vec![0x80 | value]),
        );
        let text =
            |text: &String, most| Some(from_text(text, most)).filter(|text| !text.is_empty());
        // As the first letter it would be read as the type octet of some networks.
        let display = self.display.as_ref().map(|shown| {
            let shown: String = shown.chars().filter(|c| !c.is_control()).collect();
            match shown.strip_prefix(char::from(DISPLAY_TYPE)) {
                Some(rest) => format!("?{rest}"),
                None => shown,
            }
        });
        let display = display.and_then(|it| text(&it, MAX_DISPLAY));
        put(id::DISPLAY, display);
        put(
            id::KEYPAD_FACILITY,
            self.keypad.as_ref().and_then(|it| text(it, MAX_KEYPAD)),
        );
        let presented =
            |number: &Option<PartyNumber>| number.as_ref().map(PartyNumber::encode_presented);
        let redirecting =
            |number: &Option<PartyNumber>| number.as_ref().map(PartyNumber::encode_redirecting);
        put(id::CONNECTED_NUMBER, presented(&self.connected));
        put(id::CALLING_NUMBER, presented(&self.calling));
        put(
            id::CALLED_NUMBER,
            self.called.as_ref().map(PartyNumber::encode_called),
        );
        put(
            id::ORIGINAL_CALLED_NUMBER,
            redirecting(&self.original_called),
        );
        put(id::REDIRECTING_NUMBER, redirecting(&self.redirecting));
        put(id::REDIRECTION_NUMBER, presented(&self.redirection));
        put(
            id::RESTART_INDICATOR,
            self.restart.map(RestartIndicator::encode),
        );
        put(id::HIGH_LAYER_COMPATIBILITY, self.high_layer.clone());
        let user_user = self.user_user.as_ref();
        put(
            id::USER_USER,
            user_user.map(|it| it[..it.len().min(MAX_USER_USER + 1)].to_vec()),
        );
    }
}

fn once<T>(place: &mut Option<T>, value: Result<T, Malformed>) -> Result<(), Malformed> {
    if place.is_none() {
        *place = Some(value?);
    }
    Ok(())
}

fn call_state(contents: &[u8]) -> Result<u8, Malformed> {
    match contents.first() {
        // ITU coding only.
        Some(octet) if octet & 0xC0 == 0 => Ok(octet & 0x3F),
        _ => Err(Malformed),
    }
}

fn seven_bits(contents: &[u8]) -> Result<u8, Malformed> {
    contents.first().map(|octet| octet & 0x7F).ok_or(Malformed)
}

fn not_empty(contents: &[u8]) -> Result<Vec<u8>, Malformed> {
    if contents.is_empty() {
        return Err(Malformed);
    }
    Ok(contents.to_vec())
}
