//! A phone's REFER as the call sees it, and what the phone is told of it (RFC 3515).

use ramal_sip::{ReferId, StatusCode};
use tokio::sync::oneshot;

use super::{SipLines, send};
use crate::call::Newcomer;
use crate::leg::{Cause, Transfer, TransferNews};
use crate::sip::Command;

impl SipLines {
    /// The wish of a phone that has sent REFER.
    pub(crate) fn transfer(
        &self,
        refer: ReferId,
        target: String,
        join: Option<oneshot::Sender<Newcomer>>,
    ) -> Transfer {
        let commands = self.commands.clone();
        let tell = move |news| send(&commands, command(refer, news));
        Transfer::new(target, join, Box::new(tell))
    }
}

fn command(refer: ReferId, news: TransferNews) -> Command {
    let status = |cause: Cause| {
        StatusCode::new(cause.sip_status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
    };
    let progress = |status| Command::ReferProgress { refer, status };
    let refuse = |status| Command::RefuseRefer { refer, status };
    match news {
        TransferNews::Accepted => Command::AcceptRefer { refer },
        TransferNews::Pending => refuse(StatusCode::REQUEST_PENDING),
        TransferNews::Refused(cause) => refuse(status(cause)),
        TransferNews::Alerting => progress(StatusCode::RINGING),
        TransferNews::Done => progress(StatusCode::OK),
        TransferNews::NoSuchCall => progress(StatusCode::CALL_DOES_NOT_EXIST),
        TransferNews::Failed(cause) => progress(status(cause)),
    }
}
