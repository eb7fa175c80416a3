//! Who watches whom: lamps (dialog), presence and message waiting (RFC 4235, RFC 3856, RFC 3842).
//!
//! Only extensions may watch, and they see each other's numbers, within their company. What has changed comes from the live
//! state as numbers; the engine asks for a document when a subscriber can take one, and the document is made from the state
//! of that moment.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ramal_model::{
    CompanyId, Configuration, Extension, ExtensionId, FeatureCode, Id, TimeCondition,
};
use ramal_sip::{
    DialogName, Flow, HeaderName, HeaderValue, Request, StatusCode, SubscriptionEnd,
    SubscriptionId, TransactionId,
};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::agent::Agent;
use super::authorisation::Verdict;
use super::session::refusal;
use super::state::{Dialog, DialogInfo, DialogState, Presence, message_summary, pidf};
use crate::live::{ActiveCall, CallState, LiveState};
use crate::parties::{CallOfNumber, Rung};

/// Subscriptions one extension may have: the lamps of five phones with expansion modules.
const MOST_OF_ONE: usize = 500;
/// Terminated calls told in one document.
const MOST_ENDED: usize = 32;

/// The event packages, as the engine is told.
pub(super) const PACKAGES: [&str; 3] = ["dialog", "presence", "message-summary"];

/// An event package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Package {
    Dialog,
    Presence,
    MessageSummary,
}

impl Package {
    fn named(name: &str) -> Option<Self> {
        match name {
            "dialog" => Some(Self::Dialog),
            "presence" => Some(Self::Presence),
            "message-summary" => Some(Self::MessageSummary),
            _ => None,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Dialog => "application/dialog-info+xml",
            Self::Presence => "application/pidf+xml",
            Self::MessageSummary => "application/simple-message-summary",
        }
    }
}

/// What somebody watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watched {
    /// An extension.
    Extension(ExtensionId),
    /// A slot for parked calls.
    ParkSlot,
    /// Whether a fork by the time is switched by hand (AT-16).
    TimeCondition(Id<TimeCondition>),
}

impl Watched {
    fn extension(self) -> Option<ExtensionId> {
        match self {
            Self::Extension(id) => Some(id),
            Self::ParkSlot | Self::TimeCondition(_) => None,
        }
    }
}

/// A subscription.
struct Watch {
    package: Package,
    watcher: ExtensionId,
    /// The company of whoever watches: the calls of others are not shown to him.
    company: CompanyId,
    /// What is watched.
    watched: Watched,
    /// The number watched.
    number: Arc<str>,
    /// The host by which the subscriber named the gateway.
    host: Box<str>,
    /// Documents sent.
    version: u32,
    /// The calls told last, so that their end is told as well.
    told: Vec<Dialog>,
    /// When it is looked again whether a fork by the time is still switched by hand, UTC ms.
    goes_out_at: Option<i64>,
}

impl Watch {
    /// Looks again when what is switched by hand switches back by itself.
    fn goes_out(&mut self, live: &Arc<LiveState>, now: i64, until: Option<i64>) {
        if self.goes_out_at == until {
            return;
        }
        self.goes_out_at = until;
        let Some(until) = until else { return };
        let (live, number) = (Arc::downgrade(live), self.number.clone());
        let time = Duration::from_millis(u64::try_from(until - now).unwrap_or(0) + 1);
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            if let Some(live) = live.upgrade() {
                live.number_changed(&number);
            }
        });
    }
}

/// All subscriptions.
#[derive(Default)]
pub(super) struct Watches {
    by_id: HashMap<SubscriptionId, Watch>,
    by_number: HashMap<Arc<str>, Vec<SubscriptionId>>,
    by_watcher: HashMap<ExtensionId, usize>,
    /// Numbers that change; there while anybody watches.
    changes: Option<broadcast::Receiver<Arc<str>>>,
}

impl Watches {
    fn insert(&mut self, id: SubscriptionId, watch: Watch) {
        *self.by_watcher.entry(watch.watcher).or_default() += 1;
        self.by_number
            .entry(watch.number.clone())
            .or_default()
            .push(id);
        self.by_id.insert(id, watch);
    }

    fn remove(&mut self, id: SubscriptionId) {
        let Some(watch) = self.by_id.remove(&id) else {
            return;
        };
        if let Some(ids) = self.by_number.get_mut(&watch.number) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_number.remove(&watch.number);
            }
        }
        if let Some(count) = self.by_watcher.get_mut(&watch.watcher) {
            *count -= 1;
            if *count == 0 {
                self.by_watcher.remove(&watch.watcher);
            }
        }
        if self.by_id.is_empty() {
            self.changes = None;
        }
    }

    /// Waits for a number that has changed; `None` when some were missed.
    pub(super) async fn change(&mut self) -> Option<Arc<str>> {
        let Some(changes) = &mut self.changes else {
            return std::future::pending().await;
        };
        match changes.recv().await {
            Ok(number) => Some(number),
            Err(RecvError::Lagged(_)) => None,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Agent {
    /// Somebody wants to watch.
    pub(super) fn subscribe(
        &mut self,
        transaction: TransactionId,
        flow: Flow,
        package: &str,
        request: &Request,
    ) {
        match self.may_watch(flow, package, request) {
            Ok(watch) => {
                let now = self.now().instant;
                if let Some(id) = self
                    .endpoint
                    .accept_subscription(now, transaction, flow, request)
                {
                    let live = &self.exchange.live;
                    self.watches
                        .changes
                        .get_or_insert_with(|| live.watch_numbers());
                    self.watches.insert(id, watch);
                }
            }
            Err((status, headers)) => {
                let mut response = request.response(status);
                for (name, value) in headers {
                    response.headers.push(name, value);
                }
                let now = self.now().instant;
                self.endpoint.respond(now, transaction, response);
            }
        }
    }

    fn may_watch(
        &mut self,
        flow: Flow,
        package: &str,
        request: &Request,
    ) -> Result<Watch, (StatusCode, Vec<(HeaderName, HeaderValue)>)> {
        let bare = |status| (status, Vec::new());
        let from = request.headers.from();
        let from = from.map_err(|_| bare(StatusCode::BAD_REQUEST))?;
        let package = Package::named(package).ok_or_else(|| bare(StatusCode::BAD_EVENT))?;
        let now = self.now();
        let configuration = self.configuration();
        let verdict = self
            .authority
            .decide(now, flow, &configuration, request, &from);
        let watcher = match verdict {
            Verdict::Accepted(watcher) => watcher,
            refused => return Err(refusal(refused)),
        };
        let number = request.uri.user().unwrap_or_default();
        let (watched, number) = watchable(&configuration, package, watcher.company, &number)
            .ok_or_else(|| bare(StatusCode::NOT_FOUND))?;
        if package == Package::MessageSummary && watched != Watched::Extension(watcher.id) {
            // Mailboxes are private.
            return Err(bare(StatusCode::FORBIDDEN));
        }
        if !accepts(request, package.content_type()) {
            return Err(bare(StatusCode::NOT_ACCEPTABLE));
        }
        let count = self.watches.by_watcher.get(&watcher.id);
        if count.is_some_and(|count| *count >= MOST_OF_ONE) {
            return Err(bare(StatusCode::FORBIDDEN));
        }
        let host = request.uri.host().map(ToString::to_string);
        Ok(Watch {
            package,
            watcher: watcher.id,
            company: watcher.company,
            watched,
            number,
            host: host.unwrap_or_default().into(),
            version: 0,
            told: Vec::new(),
            goes_out_at: None,
        })
    }

    /// A number has changed, or (`None`) any may have.
    pub(super) fn number_changed(&mut self, number: Option<Arc<str>>) {
        let ids = match &number {
            Some(number) => self.watches.by_number.get(number).cloned(),
            None => Some(self.watches.by_id.keys().copied().collect()),
        };
        for id in ids.unwrap_or_default() {
            self.endpoint.state_changed(id);
        }
    }

    /// Tells a subscriber the state as it is now.
    pub(super) fn notify(&mut self, id: SubscriptionId) {
        let Some(watch) = self.watches.by_id.get_mut(&id) else {
            return;
        };
        let (live, endpoint) = (&self.exchange.live, &self.endpoint);
        let body = match watch.package {
            Package::Dialog => {
                let mut calls = live.calls_of(&watch.number);
                if watch.watched == Watched::ParkSlot {
                    // A slot is taken for everybody, but only the company that parked a call there sees it.
                    let parked = self.exchange.parking.kept_for(&watch.number, watch.company);
                    calls.retain(|of| Some(&of.call.id) == parked.as_ref());
                }
                let mut dialogs = Vec::with_capacity(calls.len());
                if let Watched::TimeCondition(id) = watch.watched {
                    let configuration = self.exchange.configuration.borrow().clone();
                    let now = self.exchange.store.now();
                    if let Some((name, until)) = switched(&configuration, id, now) {
                        dialogs.push(lit(&watch.number, name));
                        watch.goes_out(live, now, until);
                    }
                }
                for call in &calls {
                    let session = call.ringing.and_then(|leg| self.sessions.get(&leg));
                    let name = session.and_then(|session| endpoint.dialog_name(*session));
                    dialogs.extend(dialogs_of(call, &watch.number, name.as_ref()));
                }
                for (call, rung) in live.rung_at(&watch.number) {
                    let session = rung.leg.and_then(|leg| self.sessions.get(&leg));
                    let name = session.and_then(|session| endpoint.dialog_name(*session));
                    dialogs.push(rung_for(call, rung, name.as_ref()));
                }
                let document = with_ended(&watch.told, &dialogs);
                watch.told = dialogs;
                DialogInfo {
                    version: watch.version,
                    number: &watch.number,
                    host: &watch.host,
                    dialogs: &document,
                }
                .to_xml()
            }
            Package::Presence => {
                let configuration = self.exchange.configuration.borrow().clone();
                let presence = Presence {
                    open: watch
                        .watched
                        .extension()
                        .is_some_and(|id| self.exchange.online_since(&configuration, id).is_some()),
                    on_the_phone: !live.calls_of(&watch.number).is_empty()
                        || !live.rung_at(&watch.number).is_empty(),
                };
                pidf(&watch.number, &watch.host, presence)
            }
            Package::MessageSummary => {
                let waiting = watch
                    .watched
                    .extension()
                    .map(|id| self.exchange.voicemail.waiting(id));
                let waiting = waiting.unwrap_or_default();
                message_summary(&watch.number, &watch.host, waiting)
            }
        };
        watch.version = watch.version.wrapping_add(1);
        let content_type = HeaderValue::from(watch.package.content_type());
        let now = self.now().instant;
        self.endpoint
            .notify(now, id, content_type, Bytes::from(body));
    }

    /// A subscription is over.
    pub(super) fn unwatched(&mut self, id: SubscriptionId) {
        self.watches.remove(id);
    }

    /// Ends the subscriptions of extensions that are gone, and to them, be it to another company.
    pub(super) fn check_watches(&mut self, configuration: &Configuration) {
        let there: HashMap<ExtensionId, &Extension> = configuration
            .extensions()
            .iter()
            .filter(|extension| extension.enabled)
            .map(|extension| (extension.id, extension))
            .collect();
        for (id, watch) in &mut self.watches.by_id {
            let Some(watcher) = there.get(&watch.watcher) else {
                self.endpoint
                    .end_subscription(*id, SubscriptionEnd::Rejected);
                continue;
            };
            if watch.company != watcher.company {
                watch.company = watcher.company;
                self.endpoint.state_changed(*id);
            }
            if let Watched::TimeCondition(condition) = watch.watched {
                let now = self.exchange.store.now();
                let is_lit = switched(configuration, condition, now).is_some();
                if is_lit == watch.told.is_empty() {
                    self.endpoint.state_changed(*id);
                }
            }
            let is_there = match watch.watched {
                Watched::Extension(id) => there.get(&id).is_some_and(|watched| {
                    *watched.number == *watch.number && watched.company == watch.company
                }),
                Watched::ParkSlot | Watched::TimeCondition(_) => {
                    watchable(configuration, watch.package, watch.company, &watch.number)
                        .is_some_and(|(watched, _)| watched == watch.watched)
                }
            };
            if !is_there {
                self.endpoint
                    .end_subscription(*id, SubscriptionEnd::NoResource);
            }
        }
    }
}

/// What a number that somebody of this company wants to watch belongs to: nothing where it is another company's. Of slots for
/// parked calls and of forks by the time there are lamps only.
fn watchable(
    configuration: &Configuration,
    package: Package,
    company: CompanyId,
    number: &str,
) -> Option<(Watched, Arc<str>)> {
    if let Some(extension) = configuration.extension_by_number(number) {
        let number = extension.number.as_str().into();
        return (extension.enabled && extension.company == company)
            .then_some((Watched::Extension(extension.id), number));
    }
    if package != Package::Dialog || configuration.who_is_at(number).is_some() {
        return None;
    }
    let watched = match configuration.feature_codes().dialled(number)? {
        (FeatureCode::ParkSlots, _) => Watched::ParkSlot,
        (FeatureCode::TimeOverride, digits) => {
            let number: i64 = digits.parse().ok()?;
            let mut conditions = configuration.catalogue().time_conditions.iter();
            let condition =
                conditions.find(|one| one.company == company && one.code_number == Some(number))?;
            Watched::TimeCondition(condition.id)
        }
        _ => return None,
    };
    Some((watched, number.into()))
}

/// The name of a fork by the time that is switched by hand at this moment, and until when.
fn switched(
    configuration: &Configuration,
    id: Id<TimeCondition>,
    now: i64,
) -> Option<(String, Option<i64>)> {
    let condition = configuration.catalogue().time_conditions.get(id)?;
    let until = condition.switched?.until;
    let is_switched = condition.is_switched_at(now);
    is_switched.then(|| (condition.name.clone(), until))
}

/// What lights the lamp of something that is no call.
fn lit(number: &str, name: String) -> Dialog {
    Dialog {
        id: format!("on{number}"),
        state: DialogState::Confirmed,
        initiator: false,
        name: None,
        remote: (number.to_owned(), name),
    }
}

/// A call that rings at an extension and is for somebody else: a number of the company, or a queue. It has the name under
/// which it is the extension's once it is taken there.
fn rung_for(call: ActiveCall, rung: Rung, name: Option<&DialogName>) -> Dialog {
    Dialog {
        id: format!("{}r", call.id),
        state: match rung.alerting {
            true => DialogState::Early,
            false => DialogState::Trying,
        },
        initiator: false,
        name: name.map(seen_from_phone),
        remote: (call.caller.number, call.caller.name),
    }
}

/// The name of a dialog, as the phone at its other end sees it.
fn seen_from_phone(name: &DialogName) -> (String, String, String) {
    let call_id = String::from_utf8_lossy(name.call_id.as_bytes());
    (
        call_id.into_owned(),
        name.remote_tag.clone(),
        name.local_tag.clone(),
    )
}

/// A call as an extension sees it; twice, if it calls itself. `ringing` is the dialog with the phone that rings.
fn dialogs_of(
    call: &CallOfNumber,
    number: &str,
    ringing: Option<&DialogName>,
) -> impl Iterator<Item = Dialog> {
    let CallOfNumber { call, alerting, .. } = call;
    let state = match call.state {
        CallState::Ringing if !*alerting => DialogState::Trying,
        CallState::Ringing => DialogState::Early,
        CallState::Answered | CallState::Held => DialogState::Confirmed,
    };
    let ends = [
        (&call.caller, &call.callee, true),
        (&call.callee, &call.caller, false),
    ];
    ends.into_iter()
        .filter(move |(own, ..)| own.number == number)
        .map(move |(_, remote, initiator)| Dialog {
            id: format!("{}{}", call.id, if initiator { 'c' } else { 'r' }),
            state,
            initiator,
            name: ringing
                .filter(|_| state == DialogState::Early && !initiator)
                .map(seen_from_phone),
            remote: (remote.number.clone(), remote.name.clone()),
        })
}

/// The dialogs, and those that were told before and are there no more as terminated.
fn with_ended(told: &[Dialog], dialogs: &[Dialog]) -> Vec<Dialog> {
    let ended = told
        .iter()
        .filter(|before| dialogs.iter().all(|dialog| dialog.id != before.id))
        .take(MOST_ENDED)
        .map(|before| Dialog {
            state: DialogState::Terminated,
            name: None,
            ..before.clone()
        });
    dialogs.iter().cloned().chain(ended).collect()
}

/// Whether the subscriber takes this content type (RFC 3261 §20.1).
fn accepts(request: &Request, content_type: &str) -> bool {
    let mut ranges = request.headers.values(&HeaderName::Accept).peekable();
    if ranges.peek().is_none() {
        return true;
    }
    ranges.any(|range| {
        let range = String::from_utf8_lossy(range);
        let range = range.split(';').next().unwrap_or_default().trim();
        ["*/*", "application/*", content_type]
            .iter()
            .any(|taken| range.eq_ignore_ascii_case(taken))
    })
}
