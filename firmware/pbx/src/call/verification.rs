//! Calls by which the gateway tells somebody a code, so that whoever enters it has shown that the number is his (F208).

use std::sync::Arc;
use std::time::Duration;

use ramal_media::Codec;
use ramal_model::{CallId, CompanyId, Configuration, Direction, Language, Party};
use tokio::time::Instant;

use super::click_to_dial::first_answer;
use super::outside::{self, Outgoing};
use super::record::{Call, Interrupt};
use super::trace::{End, EndedHere, Step};
use super::voice::{Interrupted, Voice};
use super::{Caller, Outcome, routing};
use crate::exchange::Exchange;
use crate::leg::outward::Sent;
use crate::leg::{Cause, Release};
use crate::queue;

/// What the party called is offered.
const CODECS: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];
/// How long it rings there.
const RING_TIME: Duration = Duration::from_secs(45);

/// A code to be told.
pub(crate) struct Telling {
    /// Who is called, as it is dialled here.
    pub(crate) number: String,
    /// What is said, twice.
    pub(crate) code: String,
    /// In which language.
    pub(crate) language: Language,
    /// The ways there.
    pub(crate) ways: Vec<Sent>,
    /// How often the call may be passed on.
    pub(crate) hops_left: u8,
    /// What the whole call follows.
    pub(crate) configuration: Arc<Configuration>,
}

/// The ways by which a public number, in E.164, is called from here, and as what.
pub(crate) fn ways(
    configuration: &Configuration,
    exchange: &Exchange,
    number: &str,
) -> (String, Vec<Sent>) {
    let company = configuration.company();
    let dialled = company.map_or(number.to_owned(), |company| company.local_form(number));
    let ways = routing::ways_outside(configuration, exchange, CompanyId::DEFAULT, &dialled);
    (dialled, ways)
}

/// Handles the call from its beginning to its record.
pub(crate) async fn run(
    exchange: Arc<Exchange>,
    telling: Telling,
    interrupt: queue::Receiver<Interrupt>,
    id: CallId,
) {
    let nobody = || Party {
        number: String::new(),
        name: String::new(),
    };
    let to = Party {
        number: telling.number.clone(),
        name: String::new(),
    };
    let direction = Direction::Outbound;
    let mut call = Call::begin(
        exchange.clone(),
        id,
        interrupt,
        direction,
        nobody(),
        to.clone(),
    );
    call.step(Step::TellsCode {
        number: telling.number.clone(),
    });
    let outgoing = Outgoing {
        caller: nobody(),
        withheld: false,
        diversions: Vec::new(),
        codecs: CODECS.to_vec(),
        hops_left: telling.hops_left,
    };
    let leg = outside::dial(&exchange, &telling.number, telling.ways, outgoing);
    let callee = Caller::Trunk {
        line: leg.trunk().unwrap_or(leg.device()).into(),
        party: Box::new(to),
    };
    let record = call.leg_started(&*leg, callee.leg_party());
    let mut legs = vec![(record, leg)];
    let deadline = Instant::now() + RING_TIME;
    let outcome = match first_answer(&mut call, &mut legs, deadline).await {
        Ok((record, mut leg)) => {
            call.answered_by_gateway(record, leg.codec());
            let configuration = &telling.configuration;
            let mut voice = Voice::new(&mut call, &mut *leg, &callee, configuration);
            voice.language = telling.language;
            let told = tell(&mut voice, &telling.code).await;
            let outcome = ended(&mut call, told);
            leg.hang_up(Release::Cause(outcome.cause));
            call.leg_ended(record, &*leg, outcome.cause).await;
            outcome
        }
        Err(outcome) => {
            for (record, leg) in &mut legs {
                leg.hang_up(Release::Cause(outcome.cause));
                call.leg_ended(*record, &**leg, outcome.cause).await;
            }
            outcome
        }
    };
    call.finish(outcome).await;
}

/// Says the code twice.
async fn tell(voice: &mut Voice<'_>, code: &str) -> Result<(), Interrupted> {
    for _ in 0..2 {
        let mut words = vec!["verification-code".to_owned()];
        words.extend(voice.composer().digits(code));
        voice.say(&words).await?;
    }
    voice.say(&["goodbye"]).await
}

fn ended(call: &mut Call, told: Result<(), Interrupted>) -> Outcome {
    match told {
        Ok(()) => call.ended_here(EndedHere::Finished),
        Err(Interrupted::HungUp(cause)) => {
            call.step(Step::HungUp { by: End::Callee });
            Outcome::cleared_by(cause)
        }
        Err(Interrupted::MediaLost) => {
            call.step(Step::MediaLost { from: End::Callee });
            Outcome::cleared_by(Cause::RECOVERY_ON_TIMER_EXPIRY)
        }
        Err(interrupted) => interrupted.outcome(call),
    }
}
