//! What somebody does from outside in calls in progress: supervises them, or leaves a message and goes.

use ramal_model::{AudioFileId, CallId, ExtensionId};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{AGENT_TIME, Pbx};
use crate::call::click_to_dial::{Click, Then};
use crate::call::{Interrupt, VoiceDrop, VoiceDropRefusal};
use crate::lines::MAX_HOPS;
use crate::live::CallState;
use crate::supervision::{Supervision, SupervisionRefusal, Watch};

impl Pbx {
    /// Lets somebody at the extension `by` supervise a call in which the extension `of` takes part. His phones ring, and
    /// whoever answers is in the call; who is there already does something else from now on. The call that rings, if one
    /// does.
    ///
    /// # Errors
    /// Why it is not done.
    pub async fn supervise(
        &self,
        call: &CallId,
        of: ExtensionId,
        by: ExtensionId,
        mode: Supervision,
    ) -> Result<Option<CallId>, SupervisionRefusal> {
        let configuration = self.exchange.configuration.borrow().clone();
        let of = configuration.extension(of);
        let of = of.ok_or(SupervisionRefusal::NotInCall)?.number.clone();
        let by = configuration.extension(by).filter(|by| by.enabled);
        let by = by.ok_or(SupervisionRefusal::NoExtension)?.clone();
        let live = self.exchange.live.calls_of(&of);
        let talking = live.iter().find(|one| one.call.id == *call);
        match talking.map(|one| one.call.state) {
            Some(CallState::Answered | CallState::Held) => {}
            Some(CallState::Ringing) => return Err(SupervisionRefusal::NotTalking),
            None if self.exchange.live.has(call) => return Err(SupervisionRefusal::NotInCall),
            None => return Err(SupervisionRefusal::NoCall),
        }
        let (told, is_there) = oneshot::channel();
        let watch = Watch {
            by: by.number.clone(),
            of: of.clone(),
            mode,
            newcomer: None,
            told: Some(told),
        };
        let asked = Interrupt::Supervise(Box::new(watch));
        if self.exchange.interrupt(call, asked)
            && let Ok(Ok(true)) = timeout(AGENT_TIME, is_there).await
        {
            return Ok(None);
        }
        let _calls = self.tasks.enter();
        let ringing = self.exchange.click(Click {
            extension: by,
            then: Then::Supervise {
                call: call.clone(),
                of,
                mode,
            },
            hops_left: MAX_HOPS,
            configuration,
        });
        ringing.map(Some).ok_or(SupervisionRefusal::NoRoom)
    }

    /// Leaves a recorded message to whoever the extension `of` talks with, and lets the extension go at once. Without a named
    /// `message` it is the first of those its user has. Where no answering machine was heard, it has to be `confirmed`.
    ///
    /// # Errors
    /// Why it is not done.
    pub async fn drop_voice(
        &self,
        call: &CallId,
        of: ExtensionId,
        message: Option<AudioFileId>,
        confirmed: bool,
    ) -> Result<(), VoiceDropRefusal> {
        let configuration = self.exchange.configuration.borrow().clone();
        let of = configuration.extension(of);
        let of = of.ok_or(VoiceDropRefusal::NotInCall)?.number.clone();
        if !self.exchange.live.has(call) {
            return Err(VoiceDropRefusal::NoCall);
        }
        let (told, answer) = oneshot::channel();
        let drop = VoiceDrop {
            of,
            message,
            confirmed,
            told,
        };
        self.exchange
            .interrupt(call, Interrupt::VoiceDrop(Box::new(drop)));
        match timeout(AGENT_TIME, answer).await {
            Ok(Ok(done)) => done,
            _ => Err(VoiceDropRefusal::NotTalking),
        }
    }
}
