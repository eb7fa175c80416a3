//! Listening to the messages of a voicemail box by telephone (`*97`, `*98`).

use std::sync::Arc;

use jiff::Timestamp;
use ramal_media::Sound;
use ramal_model::{Configuration, Language, Stored, VoicemailBox, VoicemailMessage};
use ramal_phrases::Agreement;
use ramal_store::{MessageFilter, MessageMarks, StoreError};

use super::super::Caller;
use super::super::service::as_dialled;
use super::super::trace::Step;
use super::super::voice::{Interrupted, Voice};
use super::{PATIENCE, greeting};
use crate::pins::{ATTEMPTS, Door};

/// Boxes that can be chosen by one key.
const CHOICES: usize = 9;
/// Menus that may pass without a key.
const SILENT_MENUS: u32 = 2;

/// Whose messages somebody wants to hear.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::call) enum Whose {
    /// His own.
    Own,
    /// Those of a box whose number and PIN he knows.
    Any,
}

/// Lets somebody listen to messages. Gives the number he wants to be called, if he wants one.
pub(in crate::call) async fn listen(
    voice: &mut Voice<'_>,
    whose: Whose,
    caller: &Caller,
    configuration: &Configuration,
) -> Result<Option<String>, Interrupted> {
    let mailbox = match whose {
        Whose::Own => own(voice, caller, configuration).await?,
        Whose::Any => any(voice, configuration).await?,
    };
    let Some(mailbox) = mailbox else {
        voice.say(&["goodbye"]).await?;
        return Ok(None);
    };
    voice.call.step(Step::MailboxOpened {
        mailbox: mailbox.name.clone(),
    });
    let mut visit = Visit {
        by: caller.party().number,
        mailbox,
        configuration,
        who: caller,
    };
    let next = visit.main_menu(voice).await?;
    if next.is_none() {
        voice.say(&["goodbye"]).await?;
    }
    Ok(next)
}

/// The boxes of whoever calls.
fn boxes_of(caller: &Caller, configuration: &Configuration) -> Vec<Arc<Stored<VoicemailBox>>> {
    let boxes = configuration.catalogue().voicemail_boxes.iter();
    let is_his = |mailbox: &&Arc<Stored<VoicemailBox>>| match caller {
        Caller::Extension(extension) => mailbox.extensions.contains(&extension.id),
        Caller::Station(party) => mailbox.stations.contains(&party.number),
        Caller::SipTrunk(_) | Caller::E1(_) | Caller::Trunk { .. } => false,
    };
    boxes.filter(is_his).cloned().collect()
}

async fn own(
    voice: &mut Voice<'_>,
    caller: &Caller,
    configuration: &Configuration,
) -> Result<Option<Arc<Stored<VoicemailBox>>>, Interrupted> {
    let mut boxes = boxes_of(caller, configuration);
    boxes.truncate(CHOICES);
    match &*boxes {
        [] => {
            voice.say(&["vm-no-box"]).await?;
            return Ok(None);
        }
        [only] => return Ok(Some(only.clone())),
        [..] => {}
    }
    for _ in 0..SILENT_MENUS {
        let mut words = vec!["vm-choose-box".to_owned()];
        for (index, mailbox) in boxes.iter().enumerate() {
            let number = u32::try_from(index + 1).unwrap_or_default();
            let (new, _) = count(&messages(voice, mailbox).await?.unwrap_or_default());
            words.push("vm-box".to_owned());
            words.extend(voice.composer().number(number, Agreement::Alone));
            words.push("vm-new-messages".to_owned());
            words.extend(counted(voice, new));
        }
        let key = voice.ask(&words, PATIENCE).await?;
        let chosen = key.and_then(|key| key.to_digit(10)?.checked_sub(1));
        if let Some(mailbox) = chosen.and_then(|index| boxes.get(index as usize)) {
            return Ok(Some(mailbox.clone()));
        }
    }
    Ok(None)
}

async fn any(
    voice: &mut Voice<'_>,
    configuration: &Configuration,
) -> Result<Option<Arc<Stored<VoicemailBox>>>, Interrupted> {
    let number = voice.ask_number(&["vm-enter-box"], PATIENCE, 16).await?;
    let found = by_number(configuration, &number);
    // Whether there is such a box is not told to whoever does not know its PIN.
    for attempt in 1..=ATTEMPTS {
        let pin = voice.ask_number(&["enter-pin"], PATIENCE, 10).await?;
        if let Some(mailbox) = &found {
            let door = Door::Mailbox(mailbox.id);
            let exchange = voice.call.exchange().clone();
            if !exchange.pins.may_try(door) {
                voice.call.step(Step::PinsRefused);
            } else if mailbox.pin.as_ref() == Some(&pin) {
                exchange.pins.right(door);
                return Ok(found);
            }
        }
        voice.call.step(Step::WrongPin { attempt });
        voice.say(&["wrong-pin"]).await?;
    }
    Ok(None)
}

/// The box that is meant by a number: that of an extension or a telephone on a line, the first with a PIN where there are several.
fn by_number(configuration: &Configuration, number: &str) -> Option<Arc<Stored<VoicemailBox>>> {
    let extension = configuration
        .extension_by_number(number)
        .map(|extension| extension.id);
    let mut boxes = configuration.catalogue().voicemail_boxes.iter();
    boxes
        .find(|mailbox| {
            let of_extension = extension.is_some_and(|id| mailbox.extensions.contains(&id));
            let is_meant = of_extension || mailbox.stations.iter().any(|one| one == number);
            is_meant && mailbox.pin.is_some()
        })
        .cloned()
}

/// The messages of a box: new ones first, of those alike the oldest; none, with the reason in the log, when they cannot be read.
async fn messages(
    voice: &mut Voice<'_>,
    mailbox: &Stored<VoicemailBox>,
) -> Result<Option<Vec<VoicemailMessage>>, Interrupted> {
    let filter = MessageFilter {
        limit: Some(1_000),
        mailbox: Some(mailbox.id),
        ..MessageFilter::default()
    };
    let store = voice.call.exchange().store.clone();
    let read = voice.wait(store.messages(filter)).await?;
    Ok(read
        .inspect_err(|error| tracing::error!(%error, "messages cannot be read"))
        .ok()
        .map(|mut messages| {
            messages.sort_by_key(|message| (message.heard_at.is_some(), message.id));
            messages
        }))
}

/// How many are new, and how many were heard.
fn count(messages: &[VoicemailMessage]) -> (usize, usize) {
    let new = messages.iter().filter(|one| one.heard_at.is_none()).count();
    (new, messages.len() - new)
}

/// A number of messages, as the language says it.
fn counted(voice: &Voice<'_>, count: usize) -> Vec<String> {
    let agreement = match voice.language {
        Language::PtBr => Agreement::Feminine,
        Language::Es | Language::Id | Language::En => Agreement::Alone,
    };
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    voice.composer().number(count, agreement)
}

/// What comes after a message.
enum After {
    /// The next one; whether this one is gone.
    Next { deleted: bool },
    /// The one before.
    Previous,
    /// The main menu.
    Leave,
    /// Its caller is called.
    CallBack(String),
}

/// Somebody in a voicemail box.
struct Visit<'a> {
    by: String,
    mailbox: Arc<Stored<VoicemailBox>>,
    configuration: &'a Configuration,
    who: &'a Caller,
}

impl Visit<'_> {
    async fn main_menu(&mut self, voice: &mut Voice<'_>) -> Result<Option<String>, Interrupted> {
        let mut silent = 0;
        while silent < SILENT_MENUS {
            let Some(messages) = messages(voice, &self.mailbox).await? else {
                voice.say(&["vm-not-available"]).await?;
                return Ok(None);
            };
            let mut words = Vec::new();
            let (new, old) = count(&messages);
            if messages.is_empty() {
                words.push("vm-no-messages".to_owned());
            } else {
                words.push("vm-new-messages".to_owned());
                words.extend(counted(voice, new));
                words.push("vm-old-messages".to_owned());
                words.extend(counted(voice, old));
                words.push("vm-menu-listen".to_owned());
            }
            words.push("vm-menu-greeting".to_owned());
            match voice.ask(&words, PATIENCE).await? {
                Some('1') if !messages.is_empty() => {
                    if let Some(number) = self.go_through(voice, messages).await? {
                        return Ok(Some(number));
                    }
                    silent = 0;
                }
                Some('2') => {
                    greeting::speak(voice, &self.mailbox).await?;
                    silent = 0;
                }
                Some('*') => return Ok(None),
                Some(_) | None => silent += 1,
            }
        }
        Ok(None)
    }

    /// Plays one message after the other.
    async fn go_through(
        &mut self,
        voice: &mut Voice<'_>,
        mut messages: Vec<VoicemailMessage>,
    ) -> Result<Option<String>, Interrupted> {
        let mut index = 0;
        while let Some(message) = messages.get_mut(index) {
            match self.one(voice, index, message).await? {
                After::Next { deleted: true } => {
                    messages.remove(index);
                }
                After::Next { deleted: false } => index += 1,
                After::Previous => index = index.saturating_sub(1),
                After::Leave => return Ok(None),
                After::CallBack(number) => return Ok(Some(number)),
            }
        }
        voice.say(&["vm-no-more"]).await?;
        Ok(None)
    }

    /// Plays a message and does with it what is wanted.
    async fn one(
        &mut self,
        voice: &mut Voice<'_>,
        index: usize,
        message: &mut VoicemailMessage,
    ) -> Result<After, Interrupted> {
        let path = voice.call.exchange().voicemail.path(message);
        let sound = match path {
            Some(path) => voice.open(path).await?,
            None => None,
        };
        let mut announced: Vec<Sound> = voice.words(&self.announced(voice, index, message));
        let mut silent = 0;
        // The first key may come at any time.
        let mut key = match sound.clone() {
            Some(sound) => {
                announced.push(sound);
                voice.play_until_key(announced).await?
            }
            None => {
                voice.play(announced).await?;
                voice.say(&["vm-not-available"]).await?;
                None
            }
        };
        if key.is_none() && sound.is_some() {
            self.heard(voice, message).await?;
        }
        loop {
            if key.is_none() {
                key = voice.ask(&["vm-message-menu"], PATIENCE).await?;
            }
            match key.take() {
                Some('1') => {
                    if let Some(sound) = sound.clone() {
                        key = voice.play_until_key(vec![sound]).await?;
                        if key.is_none() {
                            self.heard(voice, message).await?;
                        }
                    }
                }
                Some('2') => {
                    self.heard(voice, message).await?;
                    voice.say(&["vm-saved"]).await?;
                    return Ok(After::Next { deleted: false });
                }
                Some('3') => {
                    if self.delete(voice, message).await? {
                        voice.say(&["vm-deleted"]).await?;
                        return Ok(After::Next { deleted: true });
                    }
                    voice.say(&["vm-not-available"]).await?;
                }
                Some('4') => return Ok(After::Previous),
                Some('5') => match self.number_to_call(voice, message) {
                    Some(number) => {
                        self.heard(voice, message).await?;
                        return Ok(After::CallBack(number));
                    }
                    None => voice.say(&["vm-from-withheld"]).await?,
                },
                Some('6') => self.forward(voice, message).await?,
                Some('#') => return Ok(After::Next { deleted: false }),
                Some('*') => return Ok(After::Leave),
                Some(_) => {}
                None => {
                    silent += 1;
                    if silent >= SILENT_MENUS {
                        return Ok(After::Leave);
                    }
                }
            }
        }
    }

    /// Which message it is, whose, and when it was left.
    fn announced(
        &self,
        voice: &Voice<'_>,
        index: usize,
        message: &VoicemailMessage,
    ) -> Vec<String> {
        let composer = voice.composer();
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let mut words = vec!["vm-message".to_owned()];
        words.extend(composer.number(number, Agreement::Alone));
        let digits = composer.digits(&message.caller.number);
        if digits.is_empty() {
            words.push("vm-from-withheld".to_owned());
        } else {
            words.push("vm-from".to_owned());
            words.extend(digits);
        }
        if let Ok(at) = Timestamp::from_millisecond(message.started_at) {
            let at = at.to_zoned(voice.time_zone().clone());
            words.push("vm-received".to_owned());
            words.extend(composer.date(at.date()));
            words.extend(composer.time_of_day(at.time()));
        }
        words
    }

    /// The message was heard.
    async fn heard(
        &self,
        voice: &mut Voice<'_>,
        message: &mut VoicemailMessage,
    ) -> Result<(), Interrupted> {
        if message.heard_at.is_some() {
            return Ok(());
        }
        let exchange = voice.call.exchange().clone();
        let marks = MessageMarks {
            heard: Some(true),
            handled: None,
        };
        let marking = exchange.voicemail.mark(message.id, marks, self.by.clone());
        match voice.wait(marking).await? {
            Ok(marked) => *message = marked,
            Err(error) => tracing::error!(%error, "a message stays new"),
        }
        Ok(())
    }

    /// Deletes the message; false when it could not be.
    async fn delete(
        &self,
        voice: &mut Voice<'_>,
        message: &VoicemailMessage,
    ) -> Result<bool, Interrupted> {
        let exchange = voice.call.exchange().clone();
        let deleting = exchange.voicemail.delete(message.id, self.by.clone());
        Ok(match voice.wait(deleting).await? {
            // Somebody else was faster.
            Ok(_) | Err(StoreError::NotFound { .. }) => true,
            Err(error) => {
                tracing::error!(%error, "a message cannot be deleted");
                false
            }
        })
    }

    /// What has to be dialled to call back whoever left the message.
    fn number_to_call(&self, voice: &Voice<'_>, message: &VoicemailMessage) -> Option<String> {
        let number = &message.caller.number;
        as_dialled(self.configuration, voice.call.exchange(), self.who, number)
    }

    /// Puts a copy into the box of somebody else.
    async fn forward(
        &self,
        voice: &mut Voice<'_>,
        message: &VoicemailMessage,
    ) -> Result<(), Interrupted> {
        let number = voice.ask_number(&["vm-forward-to"], PATIENCE, 16).await?;
        if number.is_empty() {
            return Ok(());
        }
        let Some(to) = self.box_of(&number) else {
            return voice.say(&["vm-unknown-box"]).await;
        };
        let exchange = voice.call.exchange().clone();
        let filter = MessageFilter {
            limit: u32::try_from(to.max_messages).ok(),
            mailbox: Some(to.id),
            ..MessageFilter::default()
        };
        let held = voice.wait(exchange.store.messages(filter)).await?;
        if held.is_ok_and(|held| held.len() as i64 >= to.max_messages) {
            return voice.say(&["vm-full"]).await;
        }
        let forwarding = exchange.voicemail.forward(message, to.id, self.by.clone());
        let said = match voice.wait(forwarding).await? {
            Ok(()) => "vm-forwarded",
            Err(error) => {
                tracing::error!(%error, "a message cannot be forwarded");
                "vm-not-available"
            }
        };
        voice.say(&[said]).await
    }

    /// The box of an extension or a telephone on a line, other than this one.
    fn box_of(&self, number: &str) -> Option<Arc<Stored<VoicemailBox>>> {
        let extension = self.configuration.extension_by_number(number);
        let mut boxes = self.configuration.catalogue().voicemail_boxes.iter();
        boxes
            .find(|mailbox| {
                let of_extension =
                    extension.is_some_and(|one| mailbox.extensions.contains(&one.id));
                let is_meant = of_extension || mailbox.stations.iter().any(|one| one == number);
                is_meant && mailbox.id != self.mailbox.id
            })
            .cloned()
    }
}
