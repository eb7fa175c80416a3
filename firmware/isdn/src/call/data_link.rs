//! What the data link's troubles mean for a call (Q.931 §5.8.8, §5.8.9).

use super::{Call, Context, Stage};
use crate::Cause;

impl Call {
    /// The link is lost: only answered calls wait for it (§5.8.9).
    pub(crate) fn link_lost(&mut self, ctx: &mut Context<'_>) {
        self.t322 = None;
        if self.stage != Stage::Active {
            let cause = if self.stage.is_clearing() {
                self.cause
            } else {
                Cause::DESTINATION_OUT_OF_ORDER
            };
            return self.finish(cause, ctx);
        }
        if self.t309.is_none() {
            self.t309 = Some(ctx.now + ctx.settings.timers.t309);
        }
    }

    /// The link is back: is the call still there on the other side? (§5.8.9)
    pub(crate) fn link_restored(&mut self, ctx: &mut Context<'_>) {
        if self.t309.take().is_some() {
            self.enquire(ctx);
        }
    }

    /// The link was reset: messages may be lost (§5.8.8).
    pub(crate) fn link_reset(&mut self, ctx: &mut Context<'_>) {
        match self.stage {
            Stage::SendingDigits | Stage::ReceivingDigits => {
                self.disconnect(Cause::TEMPORARY_FAILURE, false, ctx);
            }
            Stage::PeerProceeding
            | Stage::PeerAlerting
            | Stage::Proceeding
            | Stage::Alerting
            | Stage::Active => self.enquire(ctx),
            // Their own timers notice.
            Stage::SetupSent
            | Stage::SetupReceived
            | Stage::ConnectSent
            | Stage::DisconnectSent
            | Stage::DisconnectReceived
            | Stage::ReleaseSent
            | Stage::Over => {}
        }
    }
}
