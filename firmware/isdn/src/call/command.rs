//! What call control wants (Q.931 §5.1, §5.2, §5.3).

use super::{Call, Context, Stage, Timer, in_band, progress};
use crate::Cause;
use crate::command::{Command, CommandError};
use crate::event::{ConnectedParty, Event};
use crate::ie::{PartyNumber, ProgressDescription};
use crate::message::{Elements, MessageType};
use crate::settings::Role;

impl Call {
    pub(crate) fn command(
        &mut self,
        command: Command,
        ctx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        match command {
            Command::Disconnect { cause, in_band } => {
                self.disconnect(cause, in_band, ctx);
                Ok(())
            }
            Command::Digits { digits, complete } => self.more_digits(digits, complete, ctx),
            Command::WantMoreDigits { in_band } => self.want_more_digits(in_band, ctx),
            Command::Proceeding { in_band } => self.proceed(in_band, ctx),
            Command::Alerting { in_band } => self.alert(in_band, ctx),
            Command::Progress { in_band, cause } => self.tell_progress(in_band, cause, ctx),
            Command::Connect(party) => self.connect(party, ctx),
            Command::Keypad(keypad) => self.say(
                MessageType::Information,
                Elements {
                    keypad: Some(keypad),
                    ..Elements::default()
                },
                ctx,
            ),
            Command::Display(text) => self.say(
                MessageType::Information,
                Elements {
                    display: Some(text),
                    ..Elements::default()
                },
                ctx,
            ),
            Command::Notify(indicator) => self.say(
                MessageType::Notify,
                Elements {
                    notification: Some(indicator & 0x7F),
                    ..Elements::default()
                },
                ctx,
            ),
            Command::UserUser(information) => self.say(
                MessageType::UserInformation,
                Elements {
                    user_user: Some(information),
                    ..Elements::default()
                },
                ctx,
            ),
            Command::Enquire => {
                let known = !matches!(self.stage, Stage::SetupSent | Stage::SetupReceived);
                self.allow(
                    known && !self.stage.is_clearing() && self.t309.is_none(),
                    ctx,
                )?;
                self.enquire(ctx);
                Ok(())
            }
        }
    }

    fn allow(&self, allowed: bool, ctx: &Context<'_>) -> Result<(), CommandError> {
        if allowed {
            return Ok(());
        }
        Err(CommandError::WrongState(self.state(ctx.settings.role)))
    }

    /// Messages that may come at any time once both sides know the call.
    fn say(
        &mut self,
        kind: MessageType,
        elements: Elements,
        ctx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        let known = !matches!(self.stage, Stage::SetupSent | Stage::SetupReceived);
        self.allow(known && !self.stage.is_clearing(), ctx)?;
        self.send(kind, elements, ctx);
        Ok(())
    }

    fn more_digits(
        &mut self,
        digits: PartyNumber,
        complete: bool,
        ctx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        match self.stage {
            Stage::SetupSent => {
                self.waiting_digits = Some(match self.waiting_digits.take() {
                    None => (digits, complete),
                    Some((before, _)) => (before.followed_by(&digits), complete),
                });
                Ok(())
            }
            Stage::SendingDigits => {
                self.send_digits(digits, complete, ctx);
                Ok(())
            }
            _ => self.allow(false, ctx),
        }
    }

    /// INFORMATION with digits (§5.1.3).
    pub(super) fn send_digits(
        &mut self,
        digits: PartyNumber,
        complete: bool,
        ctx: &mut Context<'_>,
    ) {
        let elements = Elements {
            sending_complete: complete,
            called: Some(digits).filter(|digits| !digits.digits().is_empty()),
            ..Elements::default()
        };
        self.send(MessageType::Information, elements, ctx);
        self.start(Timer::T304, ctx);
    }

    fn want_more_digits(&mut self, tone: bool, ctx: &mut Context<'_>) -> Result<(), CommandError> {
        self.allow(self.stage == Stage::SetupReceived, ctx)?;
        let elements = Elements {
            channel: self.first_answer(),
            progress: in_band(tone, ctx),
            ..Elements::default()
        };
        self.send(MessageType::SetupAcknowledge, elements, ctx);
        self.stage = Stage::ReceivingDigits;
        self.start(Timer::T302, ctx);
        Ok(())
    }

    fn proceed(&mut self, tone: bool, ctx: &mut Context<'_>) -> Result<(), CommandError> {
        self.allow(
            matches!(self.stage, Stage::SetupReceived | Stage::ReceivingDigits),
            ctx,
        )?;
        let elements = Elements {
            channel: self.first_answer(),
            progress: in_band(tone, ctx),
            ..Elements::default()
        };
        self.send(MessageType::CallProceeding, elements, ctx);
        self.stage = Stage::Proceeding;
        self.timer = None;
        Ok(())
    }

    fn tell_progress(
        &mut self,
        tone: bool,
        cause: Option<Cause>,
        ctx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        if self.stage == Stage::SetupReceived {
            // PROGRESS cannot be the first answer (§5.2.5.1); CALL PROCEEDING can, and says the same of tones.
            return self.proceed(tone, ctx);
        }
        let has_answered = matches!(
            self.stage,
            Stage::ReceivingDigits | Stage::Proceeding | Stage::Alerting
        );
        self.allow(has_answered, ctx)?;
        let description = match tone {
            true => ProgressDescription::InBand,
            false => ProgressDescription::NotEndToEndIsdn,
        };
        let elements = Elements {
            cause: cause.map(|cause| ctx.cause(cause, &[])),
            progress: progress(Some(description), ctx),
            ..Elements::default()
        };
        self.send(MessageType::Progress, elements, ctx);
        Ok(())
    }

    fn alert(&mut self, tone: bool, ctx: &mut Context<'_>) -> Result<(), CommandError> {
        self.allow(
            matches!(
                self.stage,
                Stage::SetupReceived | Stage::ReceivingDigits | Stage::Proceeding
            ),
            ctx,
        )?;
        let elements = Elements {
            channel: self.first_answer(),
            progress: in_band(tone, ctx),
            ..Elements::default()
        };
        self.send(MessageType::Alerting, elements, ctx);
        self.stage = Stage::Alerting;
        self.timer = None;
        Ok(())
    }

    fn connect(
        &mut self,
        party: ConnectedParty,
        ctx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        self.allow(
            matches!(
                self.stage,
                Stage::SetupReceived | Stage::ReceivingDigits | Stage::Proceeding | Stage::Alerting
            ),
            ctx,
        )?;
        let elements = Elements {
            channel: self.first_answer(),
            display: party.name,
            connected: party.number,
            user_user: party.user_user,
            ..Elements::default()
        };
        self.send(MessageType::Connect, elements, ctx);
        match ctx.settings.role {
            Role::User => {
                self.stage = Stage::ConnectSent;
                self.start(Timer::T313, ctx);
            }
            // The user need not acknowledge (§5.1.8).
            Role::Network => {
                self.stage = Stage::Active;
                self.timer = None;
                ctx.tell(Event::Established { call: self.id });
            }
        }
        Ok(())
    }
}
