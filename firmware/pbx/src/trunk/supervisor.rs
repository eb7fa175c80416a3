//! The task of one trunk: sends what registration and health want sent, and tells what came of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ramal_model::{TrunkAuth, TrunkId};
use ramal_sip::{CSeq, Contacts, HeaderName, HeaderValue, Method, Request, Response};
use tokio::sync::{mpsc, watch};

use super::health::{Health, Verdict};
use super::registration::{Outcome, Registration, Standing};
use super::{Trunk, TrunkFault, TrunkState, TrunkStatus, outgoing};
use crate::clock::utc_ms;
use crate::live::LiveState;
use crate::sip::{Answered, Command, RequestError};

/// A registrar that has not answered by then counts as silent: long enough for four copies of the request (RFC 3261
/// §17.1.2.2), short enough to try four hosts within the time callers have patience.
const REGISTER_TIME: Duration = Duration::from_secs(8);
/// A host that has not answered OPTIONS by then has lost one.
const OPTIONS_TIME: Duration = Duration::from_secs(4);
/// Within this time a registrar must confirm that we are gone.
const UNREGISTER_TIME: Duration = Duration::from_millis(700);

/// What came of a request.
enum Report {
    Register(Result<Answered, RequestError>),
    Options(usize, Result<Answered, RequestError>),
}

/// What stays the same through all registrations of a trunk (RFC 3261 §10.2.4).
struct Identity {
    call_id: HeaderValue,
    from_tag: String,
    sequence: u32,
}

impl Identity {
    fn new() -> Self {
        Self {
            call_id: HeaderValue::sanitized(format!("{:032x}", rand::random::<u128>())),
            from_tag: format!("{:016x}", rand::random::<u64>()),
            sequence: rand::random::<u16>().into(),
        }
    }

    fn sign(&mut self, request: &mut Request) {
        self.sequence += 1;
        let headers = &mut request.headers;
        headers.set(HeaderName::CallId, self.call_id.clone());
        let number = self.sequence;
        headers.set(HeaderName::CSeq, CSeq::new(number, Method::Register));
        if let Ok(from) = headers.from() {
            headers.set(HeaderName::From, from.with_tag(&self.from_tag));
        }
    }
}

/// Serves a trunk through all changes until it is gone.
pub(super) async fn run(
    id: TrunkId,
    mut configured: watch::Receiver<Option<Arc<Trunk>>>,
    commands: mpsc::Sender<Command>,
    live: Arc<LiveState>,
) {
    let mut identity = Identity::new();
    loop {
        let current = configured.borrow_and_update().clone();
        let Some(trunk) = current else {
            // Not configured yet, or disabled; when nobody can enable it any more, this was all.
            live.trunk_removed(id);
            if configured.changed().await.is_err() {
                return;
            }
            continue;
        };
        let mut service = Service::new(trunk.clone(), &commands, &live, &mut identity);
        service.serve(&mut configured).await;
        let registered = service.registration.as_ref().is_some_and(|registration| {
            matches!(registration.standing(), Standing::Registered { .. })
        });
        let next = configured.borrow().clone();
        let stays = next.is_some_and(|next| same_account(&next, &trunk));
        if registered && !stays {
            service.unregister().await;
        }
    }
}

/// Whether a registration of the one is also one of the other.
fn same_account(one: &Trunk, other: &Trunk) -> bool {
    let (one, other) = (&one.settings, &other.settings);
    one.auth == other.auth
        && one.hosts == other.hosts
        && one.transport == other.transport
        && one.user == other.user
        && one.account() == other.account()
        && one.from_domain == other.from_domain
}

/// One trunk as configured at one time.
struct Service<'a> {
    trunk: Arc<Trunk>,
    commands: &'a mpsc::Sender<Command>,
    live: &'a LiveState,
    identity: &'a mut Identity,
    registration: Option<Registration>,
    health: Vec<Health>,
    /// Why the last failure was one.
    fault: Option<(TrunkFault, Option<u16>)>,
}

impl<'a> Service<'a> {
    fn new(
        trunk: Arc<Trunk>,
        commands: &'a mpsc::Sender<Command>,
        live: &'a LiveState,
        identity: &'a mut Identity,
    ) -> Self {
        let now = now();
        let settings = &trunk.settings;
        let registers = settings.auth == TrunkAuth::Register;
        let has_password = trunk.password.is_some();
        let registration = (registers && has_password)
            .then(|| Registration::new(settings.hosts.len(), settings.register_expires, now));
        let interval = Duration::from_secs(settings.options_interval.into());
        let health = match settings.options_interval {
            0 => Vec::new(),
            _ => settings
                .hosts
                .iter()
                .map(|_| Health::new(interval, now))
                .collect(),
        };
        let fault = (registers && !has_password).then_some((TrunkFault::NoPassword, None));
        Self {
            trunk,
            commands,
            live,
            identity,
            registration,
            health,
            fault,
        }
    }

    /// Works until the configuration changes.
    async fn serve(&mut self, configured: &mut watch::Receiver<Option<Arc<Trunk>>>) {
        // Room for every request that can be on its way.
        let (reports, mut results) = mpsc::channel(1 + self.health.len());
        let trunk = self.trunk.clone();
        self.publish();
        loop {
            let due = self
                .registration
                .iter()
                .filter_map(Registration::due)
                .chain(self.health.iter().filter_map(Health::due))
                .min();
            tokio::select! {
                _ = configured.changed() => return,
                Some(report) = results.recv() => {
                    self.report(report);
                    self.publish();
                }
                () = trunk.connection_lost.notified() => {
                    if let Some(registration) = &mut self.registration {
                        registration.lost(now(), rand::random());
                    }
                }
                () = sleep_until(due) => self.send_due(&reports),
            }
        }
    }

    fn send_due(&mut self, reports: &mpsc::Sender<Report>) {
        let now = now();
        let trunk = self.trunk.clone();
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if let Some(registration) = self.registration.as_mut().filter(|one| due(one.due())) {
            let attempt = registration.send();
            if let Some(host) = trunk.settings.hosts.get(attempt.host) {
                let mut request = outgoing::register(&trunk.settings, host, attempt.expires);
                self.identity.sign(&mut request);
                let sent = self.send(attempt.host, request, REGISTER_TIME);
                let reports = reports.clone();
                tokio::spawn(async move { reports.send(Report::Register(sent.await)).await });
            }
        }
        for index in 0..self.health.len() {
            let (Some(health), Some(host)) =
                (self.health.get_mut(index), trunk.settings.hosts.get(index))
            else {
                continue;
            };
            if due(health.due()) {
                health.ask();
                let request = outgoing::options(&trunk.settings, host);
                let sent = self.send(index, request, OPTIONS_TIME);
                let reports = reports.clone();
                tokio::spawn(async move { reports.send(Report::Options(index, sent.await)).await });
            }
        }
    }

    /// Sends a request to a host; the answer, or that none came in time.
    fn send(
        &self,
        host: usize,
        request: Request,
        limit: Duration,
    ) -> impl Future<Output = Result<Answered, RequestError>> + Send + use<> {
        let trunk = self.trunk.clone();
        let commands = self.commands.clone();
        async move {
            let host = trunk.settings.hosts.get(host);
            let host = host.ok_or(RequestError::Unresolved)?;
            let account = Some(trunk.settings.account().to_owned());
            trunk.send(&commands, host, request, account, limit).await
        }
    }

    fn report(&mut self, report: Report) {
        let now = now();
        match report {
            Report::Register(result) => {
                let Some(registration) = &mut self.registration else {
                    return;
                };
                let outcome = match &result {
                    Ok(answered) => {
                        if answered.response.status.is_success() {
                            self.trunk.answered_from(answered.flow.remote.ip());
                            self.trunk.registered_over(answered.flow);
                            self.fault = None;
                        } else {
                            let status = answered.response.status.code();
                            self.fault = Some((TrunkFault::Refused, Some(status)));
                        }
                        // Answers to challenges have counted it up.
                        let sequence = answered.response.headers.cseq().map(|cseq| cseq.number);
                        self.identity.sequence = sequence.unwrap_or(0).max(self.identity.sequence);
                        read(&answered.response, self.trunk.settings.account())
                    }
                    Err(error) => {
                        self.fault = Some((fault(*error), None));
                        Outcome::Silent
                    }
                };
                registration.finished(now, outcome, rand::random());
            }
            Report::Options(index, result) => {
                let Some(health) = self.health.get_mut(index) else {
                    return;
                };
                // Any answer shows a host that lives (RFC 3261 §11.2), but for those that say it can do nothing.
                let good = match &result {
                    Ok(answered) => !matches!(answered.response.status.code(), 408 | 503),
                    Err(_) => false,
                };
                match &result {
                    Ok(answered) if good => self.trunk.answered_from(answered.flow.remote.ip()),
                    Ok(answered) => {
                        let status = answered.response.status.code();
                        self.fault = Some((TrunkFault::Refused, Some(status)));
                    }
                    Err(error) if self.registration.is_none() => {
                        self.fault = Some((fault(*error), None));
                    }
                    Err(_) => {}
                }
                health.finished(now, good);
            }
        }
    }

    /// How the trunk stands, by registration and health together.
    fn state(&self) -> TrunkState {
        let verdict = |wanted| self.health.iter().any(|health| health.verdict() == wanted);
        let all_down = !self.health.is_empty()
            && self
                .health
                .iter()
                .all(|health| health.verdict() == Verdict::Down);
        if self.trunk.settings.auth == TrunkAuth::Register {
            return match self.registration.as_ref().map(Registration::standing) {
                None => TrunkState::Rejected,
                Some(Standing::Unregistered) => TrunkState::Unregistered,
                Some(Standing::Rejected { .. }) => TrunkState::Rejected,
                Some(Standing::Unreachable { .. }) => TrunkState::Unreachable,
                Some(Standing::Registered { .. }) if all_down => TrunkState::Unreachable,
                Some(Standing::Registered { .. }) => TrunkState::Registered,
            };
        }
        if self.health.is_empty() || verdict(Verdict::Up) {
            TrunkState::Ok
        } else if all_down {
            TrunkState::Unreachable
        } else {
            TrunkState::Trying
        }
    }

    /// Tells everybody how the trunk stands.
    fn publish(&self) {
        let state = self.state();
        let settings = &self.trunk.settings;
        let down = |index: &usize| {
            self.health
                .get(*index)
                .is_some_and(|health| health.verdict() == Verdict::Down)
        };
        let mut hosts: Vec<usize> = (0..settings.hosts.len()).collect();
        if let Some(registration) = &self.registration {
            hosts.sort_by_key(|index| *index != registration.host());
        }
        let answering: Vec<usize> = hosts.iter().copied().filter(|index| !down(index)).collect();
        if !answering.is_empty() {
            hosts = answering;
        }
        let host = hosts.first().and_then(|index| settings.hosts.get(*index));
        let bad = !matches!(state, TrunkState::Registered | TrunkState::Ok);
        let (fault, status) = match self.fault {
            Some((fault, status)) if bad => (Some(fault), status),
            _ => (None, None),
        };
        let registered_until = match self.registration.as_ref().map(Registration::standing) {
            Some(Standing::Registered { until }) => {
                let left = until.saturating_duration_since(now());
                Some(utc_ms() + i64::try_from(left.as_millis()).unwrap_or(i64::MAX))
            }
            _ => None,
        };
        let status = TrunkStatus {
            id: settings.id,
            name: settings.name.clone(),
            state,
            since: utc_ms(),
            host: host.map(ToString::to_string),
            fault,
            status,
            registered_until,
        };
        {
            let mut known = self.trunk.known();
            known.state = state;
            known.hosts = hosts;
        }
        self.live.trunk_changed(status);
    }

    /// Tells the registrar that we are gone.
    async fn unregister(&mut self) {
        let Some(index) = self.registration.as_ref().map(Registration::host) else {
            return;
        };
        let Some(host) = self.trunk.settings.hosts.get(index) else {
            return;
        };
        let mut request = outgoing::register(&self.trunk.settings, host, 0);
        self.identity.sign(&mut request);
        if let Ok(answered) = self.send(index, request, UNREGISTER_TIME).await {
            let sequence = answered.response.headers.cseq().map(|cseq| cseq.number);
            self.identity.sequence = sequence.unwrap_or(0).max(self.identity.sequence);
        }
    }
}

/// What a registrar's answer says (RFC 3261 §10.2.1, §10.2.4).
fn read(response: &Response, account: &str) -> Outcome {
    let headers = &response.headers;
    let contact = match headers.contacts() {
        Ok(Contacts::List(addresses)) => addresses
            .into_iter()
            .filter(|contact| contact.uri.user().as_deref() == Some(account))
            .filter_map(|contact| contact.expires())
            .max(),
        _ => None,
    };
    Outcome::Answered {
        status: response.status.code(),
        granted: contact.or(headers.expires().ok().flatten()),
        min_expires: headers.number(HeaderName::MinExpires).ok().flatten(),
        retry_after: headers.number(HeaderName::RetryAfter).ok().flatten(),
    }
}

fn fault(error: RequestError) -> TrunkFault {
    match error {
        RequestError::Unresolved => TrunkFault::NoAddress,
        RequestError::Unreachable => TrunkFault::Unreachable,
        RequestError::NotTrusted => TrunkFault::NotTrusted,
        RequestError::Timeout => TrunkFault::NoAnswer,
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
