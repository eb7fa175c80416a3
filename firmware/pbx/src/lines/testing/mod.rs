//! The automatic test of a line to an exchange: who may start it, how it goes, and what becomes of its findings.
//!
//! The port itself measures ([`Command::Test`]). Its task notes what it tells, lets another port take part where that is
//! wanted, and gives the port the settings that follow.

mod partner;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use ramal_analog::{FarEndTest, LineTestFault, LineTestStep};
use ramal_lines::{
    Command, Event, HangUpSource, LineTestNews, LineTestReport, LineTestRequest, LineTrouble,
    PortKind, TestStep,
};
use ramal_model::{Actor, FxoSettings, Invalid, PortSettings, code};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use utoipa::ToSchema;

use super::{Entry, LineService, LineTask};
use crate::clock::utc_ms;

pub(super) use partner::{TakePart, take_part};

/// Keys of a number to dial, with the pauses of a dial string.
const KEYS: &str = "0123456789*#,wW";
/// Longest number to dial.
const MOST_KEYS: usize = 32;
/// How the test of a line goes, or went.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LineTestStatus {
    /// Whether it is still running.
    pub running: bool,
    /// What it is about at the moment.
    pub step: Option<TestStep>,
    /// When it was started, UTC milliseconds.
    pub started_at: i64,
    /// When it was over, UTC milliseconds.
    pub ended_at: Option<i64>,
    /// What was asked for.
    pub request: LineTestRequest,
    /// What has been found so far.
    pub report: LineTestReport,
    /// The settings that follow, once it is over; none when too little is known.
    pub settings: Option<FxoSettings>,
    /// Whether the port has got them.
    pub applied: bool,
}

/// Why a test is not begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineTestRefusal {
    /// There is no such port, or it has a telephone.
    #[error("the gateway has no port `{0}` to an exchange")]
    NoPort(String),
    /// The port is in use.
    #[error("the port `{0}` is in use; test it when its call is over")]
    Busy(String),
    /// A field of the request is refused.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// Where everybody sees how a port's test goes.
#[derive(Debug, Clone, Default)]
pub(super) struct TestBoard(Arc<Mutex<Option<LineTestStatus>>>);

impl TestBoard {
    fn show(&self) -> Option<LineTestStatus> {
        let board = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        board.clone()
    }

    fn change(&self, change: impl FnOnce(&mut LineTestStatus)) {
        let mut board = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(status) = board.as_mut() {
            change(status);
        }
    }
}

/// What a port's task is told about tests.
pub(super) enum TestOrder {
    /// Test the line. The port is taken already.
    Begin(Box<Begin>),
    /// Stop testing.
    Stop,
    /// Take the call of another port's test and hang up. The port is taken already.
    TakePart(TakePart),
}

pub(super) struct Begin {
    request: LineTestRequest,
    actor: Actor,
    partner: Option<Partner>,
}

/// The tested line's end of its partner.
struct Partner {
    /// Told when the call to it is begun. Dropped: the test is over.
    calls: Option<oneshot::Sender<()>>,
    answered: oneshot::Receiver<()>,
}

impl LineService {
    /// Begins the test of a port.
    pub(crate) fn begin_test(
        &self,
        port: &str,
        request: LineTestRequest,
        actor: Actor,
    ) -> Result<LineTestStatus, LineTestRefusal> {
        check(&request)?;
        let ports = self.ports.read().unwrap_or_else(PoisonError::into_inner);
        let find = |name: &str| {
            ports
                .iter()
                .find(|entry| entry.kind == PortKind::Fxo && entry.name == name)
        };
        let entry = find(port).ok_or_else(|| LineTestRefusal::NoPort(port.to_owned()))?;
        let other = match &request.hang_up {
            HangUpSource::Port { port: other, .. } => Some(
                find(other)
                    .filter(|other| other.name != entry.name)
                    .ok_or_else(|| {
                        let message = format!("`{other}` is no other port to an exchange");
                        Invalid::one("hang_up.port", code::NO_SUCH_OBJECT, None, message)
                    })?,
            ),
            _ => None,
        };
        let busy = |entry: &Entry| LineTestRefusal::Busy(entry.name.clone());
        if entry.busy.swap(true, Ordering::AcqRel) {
            return Err(busy(entry));
        }
        let free = || entry.busy.store(false, Ordering::Release);
        let mut partner = None;
        if let Some(other) = other {
            if other.busy.swap(true, Ordering::AcqRel) {
                free();
                return Err(busy(other));
            }
            let (calls, called) = oneshot::channel();
            let (answered, answer) = oneshot::channel();
            let part = TestOrder::TakePart(TakePart { called, answered });
            if other.tests.try_send(part).is_err() {
                other.busy.store(false, Ordering::Release);
                free();
                return Err(busy(other));
            }
            partner = Some(Partner {
                calls: Some(calls),
                answered: answer,
            });
        }
        let status = LineTestStatus {
            running: true,
            step: None,
            started_at: utc_ms(),
            ended_at: None,
            request: request.clone(),
            report: LineTestReport::default(),
            settings: None,
            applied: false,
        };
        let before = {
            let mut board = entry.test.0.lock().unwrap_or_else(PoisonError::into_inner);
            board.replace(status.clone())
        };
        let begin = TestOrder::Begin(Box::new(Begin {
            request,
            actor,
            partner,
        }));
        if entry.tests.try_send(begin).is_err() {
            *entry.test.0.lock().unwrap_or_else(PoisonError::into_inner) = before;
            free();
            return Err(busy(entry));
        }
        Ok(status)
    }

    /// How the last test of a port goes or went; none when it was never tested since the gateway has started.
    pub(crate) fn test(&self, port: &str) -> Option<LineTestStatus> {
        let ports = self.ports.read().unwrap_or_else(PoisonError::into_inner);
        let entry = ports.iter().find(|entry| entry.name == port)?;
        entry.test.show()
    }

    /// Stops the test of a port; false when none is running.
    pub(crate) fn stop_test(&self, port: &str) -> bool {
        let ports = self.ports.read().unwrap_or_else(PoisonError::into_inner);
        let entry = ports.iter().find(|entry| entry.name == port);
        entry.is_some_and(|entry| {
            entry.test.show().is_some_and(|status| status.running)
                && entry.tests.try_send(TestOrder::Stop).is_ok()
        })
    }
}

fn check(request: &LineTestRequest) -> Result<(), Invalid> {
    let keys = |field: &str, value: &str| {
        let message = format!("`{value}` is no number to dial");
        if value.is_empty() {
            Err(Invalid::one(field, code::REQUIRED, None, "is blank"))
        } else if value.chars().count() > MOST_KEYS {
            let most = MOST_KEYS.to_string();
            Err(Invalid::one(field, code::TOO_LONG, Some(&most), message))
        } else if value.contains(|key| !KEYS.contains(key)) {
            Err(Invalid::one(field, code::CHARACTER, Some(KEYS), message))
        } else {
            Ok(())
        }
    };
    keys("quiet_key", request.quiet_key.to_string().trim())?;
    match &request.hang_up {
        HangUpSource::Port { number, .. } | HangUpSource::Number { number } => {
            keys("hang_up.number", number)
        }
        HangUpSource::Nothing | HangUpSource::IncomingCall => Ok(()),
    }
}

/// What comes after a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// The port goes on as usual.
    Free,
    /// Somebody calls.
    Rings,
    /// The driver or the gateway has ended.
    Gone,
}

/// Tests the line of a port.
pub(super) async fn test(line: &mut LineTask, begin: Begin) -> After {
    let Begin {
        request,
        actor,
        partner,
    } = begin;
    let (mut calls, mut answered) = match partner {
        Some(partner) => (partner.calls, Some(partner.answered)),
        None => (None, None),
    };
    let board = line.test.clone();
    let country = line.fxo().country;
    let trouble = |fault| board.change(|status| status.report.trouble(fault));
    let far_end = match &request.hang_up {
        HangUpSource::Nothing => FarEndTest::None,
        HangUpSource::IncomingCall => FarEndTest::Incoming,
        HangUpSource::Port { number, .. } | HangUpSource::Number { number } => {
            let Ok(number) = number.parse();
            FarEndTest::Dial(number)
        }
    };
    let begun = line.port.command(Command::Test {
        quiet_key: request.quiet_key,
        far_end,
    });
    let mut after = After::Free;
    if let Err(error) = begun {
        tracing::error!(%error, "a line cannot be tested");
        trouble(LineTrouble::Hardware);
        board.change(|status| finish(status, None));
        return after;
    }
    let mut stopped = false;
    loop {
        tokio::select! {
            event = line.port.events().recv() => match event {
                Some(Event::Test(LineTestNews::Step(step))) => {
                    board.change(|status| status.step = Some(step.into()));
                    if step == LineTestStep::Calling && let Some(calls) = calls.take() {
                        // A partner that is gone is not reached.
                        let _ = calls.send(());
                    }
                }
                Some(Event::Test(LineTestNews::Found(found))) => {
                    board.change(|status| status.report.note(&found, country));
                }
                Some(Event::Test(LineTestNews::Trouble(fault))) => {
                    if fault == LineTestFault::Rings {
                        after = After::Rings;
                    }
                    trouble(fault.into());
                }
                Some(Event::Test(LineTestNews::Finished)) => break,
                Some(Event::CallerId(caller)) => {
                    board.change(|status| status.report.caller = Some(caller));
                }
                Some(_) => {}
                None => {
                    trouble(LineTrouble::Hardware);
                    after = After::Gone;
                    break;
                }
            },
            reached = partner_answers(&mut answered) => {
                answered = None;
                board.change(|status| if reached {
                    status.report.answered = true;
                } else {
                    status.report.trouble(LineTrouble::PartnerNotReached);
                });
                if !reached && !stopped {
                    stopped = true;
                    line.command(Command::HangUp);
                }
            }
            order = line.tests.recv() => match order {
                Some(TestOrder::Stop) => {
                    stopped = true;
                    line.command(Command::HangUp);
                }
                // Whoever takes a port for a test has found it free.
                Some(TestOrder::Begin(_) | TestOrder::TakePart(_)) => {}
                None => {
                    line.command(Command::HangUp);
                    trouble(LineTrouble::Stopped);
                    after = After::Gone;
                    break;
                }
            },
        }
    }
    let before = line.fxo();
    let report = board.show().map(|status| status.report).unwrap_or_default();
    let settings = report.is_usable().then(|| report.settings(&before));
    let mut applied = false;
    if let Some(settings) = settings.as_ref().filter(|_| request.apply) {
        let port = line.port.name().to_owned();
        let wanted = PortSettings::Fxo(settings.clone());
        let store = &line.exchange.store;
        match store.set_analogue_port(&actor, port, wanted).await {
            Ok(_) => applied = true,
            Err(error) => {
                tracing::error!(%error, line = line.port.name(), "a tested line keeps its settings");
                trouble(LineTrouble::NotSaved);
            }
        }
    }
    board.change(|status| {
        status.applied = applied;
        finish(status, settings);
    });
    after
}

fn finish(status: &mut LineTestStatus, settings: Option<FxoSettings>) {
    status.running = false;
    status.step = None;
    status.ended_at = Some(utc_ms());
    status.settings = settings;
}

/// Whether the partner has taken the call, or (false) could not.
async fn partner_answers(answered: &mut Option<oneshot::Receiver<()>>) -> bool {
    match answered {
        Some(answered) => answered.await.is_ok(),
        None => std::future::pending().await,
    }
}

/// A port that was just taken for a test rings: the caller comes first.
pub(super) fn refuse(line: &LineTask, order: &TestOrder) {
    if matches!(order, TestOrder::Begin(_)) {
        line.test.change(|status| {
            status.report.trouble(LineTrouble::Rings);
            finish(status, None);
        });
    }
}

/// A sender of orders, for tests that are to come.
pub(super) fn orders() -> (mpsc::Sender<TestOrder>, mpsc::Receiver<TestOrder>) {
    mpsc::channel(2)
}
