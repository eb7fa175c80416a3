//! Which calls each number takes part in, and who is told when that changes: the lamps and presence of other phones.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use ramal_model::CallId;
use tokio::sync::broadcast;

use crate::live::ActiveCall;
use crate::sip::LegKey;

/// Changes a slow listener may lag behind before he has to look at everything he watches.
const BACKLOG: usize = 1024;

/// A call as one of its numbers sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CallOfNumber {
    pub(crate) call: ActiveCall,
    /// Whether the called party is being alerted, or has been.
    pub(crate) alerting: bool,
    /// The leg of the phone that rang first.
    pub(crate) ringing: Option<LegKey>,
}

/// How a call rings at an extension.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Rung {
    /// Whether a phone there has said that it rings.
    pub(crate) alerting: bool,
    /// The leg of the first that did.
    pub(crate) leg: Option<LegKey>,
}

/// The index. Its owner keeps it together with the calls.
pub(crate) struct Parties {
    by_number: BTreeSet<(Arc<str>, CallId)>,
    /// Where calls ring: perhaps as members of a queue or behind a number, which are then who is called.
    rung: BTreeMap<(Arc<str>, CallId), Rung>,
    rung_by_call: HashMap<CallId, Vec<Arc<str>>>,
    alerting: HashMap<CallId, Option<LegKey>>,
    changes: broadcast::Sender<Arc<str>>,
}

impl Default for Parties {
    fn default() -> Self {
        Self {
            by_number: BTreeSet::new(),
            rung: BTreeMap::new(),
            rung_by_call: HashMap::new(),
            alerting: HashMap::new(),
            changes: broadcast::channel(BACKLOG).0,
        }
    }
}

impl Parties {
    /// Numbers whose state changes from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<str>> {
        self.changes.subscribe()
    }

    /// Something about a number has changed.
    pub(crate) fn changed(&self, number: &str) {
        if self.changes.receiver_count() > 0 {
            // An error only says that nobody listens any more.
            let _ = self.changes.send(number.into());
        }
    }

    fn call_changed(&self, call: &ActiveCall) {
        self.changed(&call.caller.number);
        if call.callee.number != call.caller.number {
            self.changed(&call.callee.number);
        }
    }

    pub(crate) fn started(&mut self, call: &ActiveCall) {
        self.insert(call);
        self.call_changed(call);
    }

    pub(crate) fn updated(&mut self, before: &ActiveCall, call: &ActiveCall) {
        if (&before.caller, &before.callee) != (&call.caller, &call.callee) {
            self.remove(before);
            self.insert(call);
            self.call_changed(before);
        }
        self.call_changed(call);
    }

    pub(crate) fn ended(&mut self, call: &ActiveCall) {
        self.alerting.remove(&call.id);
        self.rings(call, Vec::new());
        self.remove(call);
        self.call_changed(call);
    }

    /// A phone of this number rings for a call.
    pub(crate) fn alerting(&mut self, call: &ActiveCall, leg: Option<LegKey>, number: &str) {
        self.alerting.entry(call.id.clone()).or_insert(leg);
        self.call_changed(call);
        let key = (Arc::from(number), call.id.clone());
        if let Some(rung) = self.rung.get_mut(&key).filter(|rung| !rung.alerting) {
            *rung = Rung {
                alerting: true,
                leg,
            };
            if number != call.callee.number {
                self.changed(number);
            }
        }
    }

    /// The numbers of the extensions whose phones a call rings from now on; none any more when there are none.
    pub(crate) fn rings(&mut self, call: &ActiveCall, numbers: Vec<Arc<str>>) {
        let before = self.rung_by_call.remove(&call.id).unwrap_or_default();
        for number in &before {
            self.rung.remove(&(Arc::clone(number), call.id.clone()));
        }
        for number in &numbers {
            let key = (Arc::clone(number), call.id.clone());
            self.rung.insert(key, Rung::default());
        }
        for number in before.iter().chain(&numbers) {
            // Whoever is called himself is told of the call as it is.
            if **number != *call.callee.number {
                self.changed(number);
            }
        }
        if !numbers.is_empty() {
            self.rung_by_call.insert(call.id.clone(), numbers);
        }
    }

    /// The calls that ring at a number, oldest first.
    pub(crate) fn rung(&self, number: &str) -> impl Iterator<Item = (&CallId, Rung)> {
        let number: Arc<str> = number.into();
        let first = CallId::new(0, [0; 10]);
        self.rung
            .range((number.clone(), first)..)
            .take_while(move |((found, _), _)| *found == number)
            .map(|((_, id), rung)| (id, *rung))
    }

    fn insert(&mut self, call: &ActiveCall) {
        for party in [&call.caller, &call.callee] {
            self.by_number
                .insert((party.number.as_str().into(), call.id.clone()));
        }
    }

    fn remove(&mut self, call: &ActiveCall) {
        for party in [&call.caller, &call.callee] {
            self.by_number
                .remove(&(party.number.as_str().into(), call.id.clone()));
        }
    }

    /// The ids of the calls of a number, oldest first.
    pub(crate) fn ids(&self, number: &str) -> impl Iterator<Item = &CallId> {
        let number: Arc<str> = number.into();
        let first = CallId::new(0, [0; 10]);
        self.by_number
            .range((number.clone(), first)..)
            .take_while(move |(found, _)| *found == number)
            .map(|(_, id)| id)
    }

    /// A call of a number.
    pub(crate) fn view(&self, call: &ActiveCall) -> CallOfNumber {
        let alerting = self.alerting.get(&call.id);
        CallOfNumber {
            call: call.clone(),
            alerting: alerting.is_some(),
            ringing: alerting.copied().flatten(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::CallState;
    use ramal_model::Party;

    fn call(id: u8, caller: &str, callee: &str) -> ActiveCall {
        let party = |number: &str| Party {
            number: number.to_owned(),
            name: String::new(),
        };
        ActiveCall {
            id: CallId::new(1, [id; 10]),
            company: ramal_model::CompanyId::DEFAULT,
            caller: party(caller),
            callee: party(callee),
            state: CallState::Ringing,
            started_at: 0,
            answered_at: None,
            codec: None,
            recording: None,
        }
    }

    #[test]
    fn a_call_of_a_queue_is_found_where_it_rings() {
        let mut parties = Parties::default();
        let one = call(1, "2001", "600");
        parties.started(&one);
        let mut changes = parties.subscribe();
        parties.rings(&one, vec!["2002".into(), "2003".into()]);
        parties.alerting(&one, None, "2003");
        let alerting = |number: &str| parties.rung(number).map(|(_, rung)| rung.alerting).next();
        assert_eq!(
            (alerting("2002"), alerting("2003")),
            (Some(false), Some(true))
        );
        assert_eq!(alerting("600"), None);
        // Taken at one of them, it rings nowhere any more.
        let taken = call(1, "2001", "2003");
        parties.updated(&one, &taken);
        parties.rings(&taken, Vec::new());
        assert!(parties.rung.is_empty() && parties.rung_by_call.is_empty());
        let told: Vec<_> = std::iter::from_fn(|| changes.try_recv().ok()).collect();
        assert_eq!(told.iter().filter(|number| &***number == "2002").count(), 2);
    }

    #[test]
    fn calls_are_found_by_both_numbers_and_follow_transfers() {
        let mut parties = Parties::default();
        let mut changes = parties.subscribe();
        let (one, other) = (call(1, "2001", "2002"), call(2, "2002", "2003"));
        parties.started(&one);
        parties.started(&other);
        assert_eq!(parties.ids("2002").count(), 2);
        assert_eq!(parties.ids("200").count(), 0);
        let after = call(2, "2002", "2004");
        parties.updated(&other, &after);
        assert_eq!(parties.ids("2003").count(), 0);
        assert_eq!(parties.ids("2004").collect::<Vec<_>>(), [&after.id]);
        parties.ended(&one);
        parties.ended(&after);
        assert!(parties.by_number.is_empty());
        let told: Vec<_> = std::iter::from_fn(|| changes.try_recv().ok()).collect();
        assert_eq!(
            told.iter().map(|number| &**number).collect::<Vec<_>>(),
            [
                "2001", "2002", "2002", "2003", "2002", "2003", "2002", "2004", "2001", "2002",
                "2002", "2004"
            ]
        );
    }
}
