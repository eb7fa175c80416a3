//! The end that answers the gateway's call to itself: an echo.

use std::sync::Arc;
use std::time::Duration;

use ramal_media::MediaError;
use ramal_model::CallId;
use tokio::time::{Instant, sleep_until};

use crate::call::Interrupt;
use crate::exchange::Exchange;
use crate::leg::{self, Cause, Leg, LegEvent, Release};
use crate::queue;

/// Longest that it listens.
const LONGEST: Duration = Duration::from_secs(30);

/// Answers, and sends back what comes, until it is hung up.
pub(crate) async fn run(
    _exchange: Arc<Exchange>,
    mut leg: Box<dyn Leg>,
    mut interrupt: queue::Receiver<Interrupt>,
    _id: CallId,
) {
    if let Err(cause) = answer(&mut *leg) {
        leg.hang_up(Release::Cause(cause));
    }
    let end = Instant::now() + LONGEST;
    let mut ending = false;
    loop {
        tokio::select! {
            event = leg::event(&mut *leg) => match event {
                LegEvent::HungUp(_) | LegEvent::Rejected(_) => return,
                LegEvent::MediaTimeout | LegEvent::Unsecured(_) => leg.hang_up(Release::Cause(Cause::RECOVERY_ON_TIMER_EXPIRY)),
                // Nothing else concerns an echo.
                _ => {}
            },
            told = interrupt.recv(), if !ending => match told {
                Some(Interrupt::End(_)) | None => {
                    ending = true;
                    leg.hang_up(Release::Cause(Cause::NORMAL_CLEARING));
                }
                Some(_) => {}
            },
            () = sleep_until(end) => return,
        }
    }
}

fn answer(leg: &mut dyn Leg) -> Result<(), Cause> {
    leg.answer(None)?;
    let channel = leg.stream().ok_or(Cause::RESOURCE_UNAVAILABLE)?;
    let echo: Result<(), MediaError> = channel.echo();
    echo.map_err(|_| Cause::RESOURCE_UNAVAILABLE)
}
