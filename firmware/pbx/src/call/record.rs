//! A call's record, trace and live state, from its beginning to its end.

use std::convert::Infallible;
use std::sync::Arc;

use ramal_media::{Codec, PlayEnd, PlayHandle, StreamStatistics};
use ramal_model::{
    AudioFileId, CallId, CallRecord, CallResult, CompanyId, Direction, Extension, ExtensionId,
    Language, LegKind, LegRecord, MusicClassId, Party, RecordingMode, RecordingProblem, TollClass,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Outcome;
use super::participant::Newcomer;
use super::pickup::RingingEntry;
use super::progress_tone::{self, ProgressTone};
use super::recording::{CallRecording, Order};
use super::trace::{End, EndedHere, Feature, Step, Trace};
use super::voicedrop::VoiceDrop;
use crate::clock::utc_ms;
use crate::exchange::Exchange;
use crate::leg::{Cause, Leg};
use crate::live::{ActiveCall, CallState};
use crate::queue;
use crate::supervision::Watch;

/// A call in progress.
pub(super) struct Call {
    exchange: Arc<Exchange>,
    began: Instant,
    record: CallRecord,
    trace: Trace,
    /// Whether it is known whose call from outside it is.
    company_found: bool,
    /// Legs that came under the class of service of an extension.
    charged: Vec<(usize, ExtensionId)>,
    /// The number that was last sent outside.
    sent: Option<String>,
    interrupt: queue::Receiver<Interrupt>,
    pub(super) recording: CallRecording,
    /// Whether somebody has taken the call, or the gateway has served it to the end: a call that was only answered so that
    /// its caller could choose or wait has not been taken (D5).
    taken: bool,
    /// What the number says that it came by.
    pub(super) of_number: OfNumber,
    /// Whether the caller does not want his number seen.
    hides_number: bool,
    /// Whether somebody in the call has called for help: no limit ends it.
    calls_for_help: bool,
    /// Whether phones that are rung are asked to take the call by themselves.
    phones_answer: bool,
    /// Closed when the call's row is written; its end is written only after it.
    row: oneshot::Receiver<Infallible>,
}

/// What somebody other than the two parties wants of a call.
#[derive(Debug)]
pub(crate) enum Interrupt {
    /// It is to end.
    End(EndedHere),
    /// This one wants to take it while it rings.
    Join(Box<Newcomer>),
    /// This one wants to supervise it.
    Supervise(Box<Watch>),
    /// An end leaves the other one a message.
    VoiceDrop(Box<VoiceDrop>),
    /// Its recording is to begin, to end, or to pause.
    Record(Order),
    /// Its recording has ended for this reason.
    RecordingFailed(RecordingProblem),
    /// What is said before a recording begins has been said, or was interrupted.
    NoticeEnded(PlayEnd),
}

/// What a number of the company says of the calls that come by it.
#[derive(Debug, Clone, Default)]
pub(super) struct OfNumber {
    /// The number, as it comes in.
    pub(super) number: Option<String>,
    /// What those inside who are rung see before who calls.
    pub(super) label: Option<String>,
    /// What people in the company call it.
    pub(super) called: Option<String>,
    /// The queue that the call came through since.
    pub(super) queue: Option<String>,
    /// What those outside hear who are asked whether they take one.
    pub(super) whisper: Option<AudioFileId>,
    /// The same as a text.
    pub(super) whisper_text: Option<String>,
    /// The key they take it with; none is any digit.
    pub(super) accept_key: Option<char>,
    /// Whether they are recorded.
    pub(super) recording: Option<RecordingMode>,
    /// What the party outside is told before they are.
    pub(super) recording_notice: Option<AudioFileId>,
    /// What its callers hear on hold.
    pub(super) music_class: Option<MusicClassId>,
    /// The language its callers are spoken to in.
    pub(super) language: Option<Language>,
}

/// What a leg costs that leaves the company, and whom.
#[derive(Debug, Default)]
pub(super) struct Charged {
    toll: Option<TollClass>,
    /// The extension under whose class of service it comes, and its number.
    to: Option<(ExtensionId, String)>,
}

/// A leg's place in the call's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LegRef(usize);

/// What somebody wants of a call; none when the exchange is gone.
async fn wanted(
    interrupts: &mut queue::Receiver<Interrupt>,
    calls_for_help: bool,
) -> Option<Interrupt> {
    loop {
        match interrupts.recv().await {
            Some(Interrupt::End(EndedHere::DailyCap)) if calls_for_help => {}
            interrupt => return interrupt,
        }
    }
}

impl Call {
    /// Begins a call: shows it, and has its row written while it goes on.
    pub(super) fn begin(
        exchange: Arc<Exchange>,
        id: CallId,
        interrupt: queue::Receiver<Interrupt>,
        direction: Direction,
        caller: Party,
        callee: Party,
    ) -> Self {
        let company = exchange.configuration.borrow().company_of_call(
            direction,
            &caller.number,
            &callee.number,
        );
        let record = CallRecord {
            id: id.clone(),
            started_at: utc_ms(),
            answered_at: None,
            ended_at: None,
            direction,
            company,
            caller: caller.clone(),
            callee: callee.clone(),
            result: None,
            end_reason: String::new(),
            legs: Vec::with_capacity(2),
            trace: Vec::new(),
            ivr_path: String::new(),
            caller_e164: match direction {
                Direction::Inbound => exchange.configuration.borrow().e164(&caller.number),
                _ => None,
            },
            callee_e164: None,
        };
        exchange.live.call_started(ActiveCall {
            id,
            company,
            caller,
            callee,
            state: CallState::Ringing,
            started_at: record.started_at,
            answered_at: None,
            codec: None,
            recording: None,
        });
        // A handle of the task would keep all its memory until the end of the call.
        let (written, row) = oneshot::channel();
        tokio::spawn({
            let store = exchange.store.clone();
            let record = record.clone();
            async move {
                let _written = written;
                if let Err(error) = store.call_started(&record).await {
                    tracing::error!(call = %record.id, %error, "cannot store the beginning of a call");
                }
            }
        });
        Self {
            exchange,
            began: Instant::now(),
            record,
            trace: Trace::default(),
            company_found: false,
            charged: Vec::new(),
            sent: None,
            interrupt,
            recording: CallRecording::default(),
            taken: false,
            of_number: OfNumber::default(),
            hides_number: false,
            calls_for_help: false,
            phones_answer: false,
            row,
        }
    }

    /// What all calls share.
    pub(super) fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    /// Lets a leg hear a tone of the company's country for as long as the handle is kept; `None` when it has no media.
    pub(super) fn progress_tone(&self, leg: &dyn Leg, tone: ProgressTone) -> Option<PlayHandle> {
        let tones = progress_tone::tones_of(&self.exchange.configuration.borrow());
        progress_tone::play(leg, tones, tone)
    }

    /// Adds a step to the trace.
    pub(super) fn step(&mut self, step: Step) {
        tracing::debug!(call = %self.record.id, ?step);
        self.leads_to_company(&step);
        if let Step::Trunk { number }
        | Step::SipTrunk { number, .. }
        | Step::E1Trunk { number, .. } = &step
        {
            self.sent = Some(number.clone());
        }
        self.calls_for_help |= matches!(step, Step::Emergency { .. });
        if let Step::TollBarred { by, reason, .. } = &step {
            self.toll_refused(by, *reason);
        }
        self.trace.push(self.began.elapsed(), step);
    }

    /// The company whose call it is.
    pub(super) fn company(&self) -> CompanyId {
        self.record.company
    }

    /// Whose a call from outside is: the company's to whose number, menu, queue or extension it is led first.
    fn leads_to_company(&mut self, step: &Step) {
        if self.record.direction != Direction::Inbound || self.company_found {
            return;
        }
        let configuration = self.exchange.configuration.borrow().clone();
        if !configuration.hosts_companies() {
            return;
        }
        let catalogue = configuration.catalogue();
        let company = match step {
            Step::Number { label, .. } => catalogue.numbers.by_name(label).map(|one| one.company),
            Step::Ivr { ivr } => catalogue.ivrs.by_name(ivr).map(|one| one.company),
            Step::Queue { queue } => catalogue.queues.by_name(queue).map(|one| one.company),
            Step::Conference { room } => catalogue.conferences.by_name(room).map(|one| one.company),
            Step::Voicemail { mailbox } => {
                let found = catalogue.voicemail_boxes.by_name(mailbox);
                found.map(|one| one.company)
            }
            Step::Extension { number, .. } | Step::Rings { number } => {
                configuration.company_at(number)
            }
            _ => None,
        };
        let Some(company) = company else { return };
        self.company_found = true;
        self.record.company = company;
        self.exchange
            .live
            .call_changed(&self.record.id, |call| call.company = company);
    }

    /// Waits until somebody other than the two parties wants the call to end. Who wants to take it comes too late.
    pub(super) async fn interrupted(&mut self) -> EndedHere {
        loop {
            match self.interrupt().await {
                Interrupt::End(why) => return why,
                Interrupt::NoticeEnded(end) => self.notice_ended(end, None),
                Interrupt::RecordingFailed(problem) => self.recording_failed(problem),
                Interrupt::Join(_)
                | Interrupt::Supervise(_)
                | Interrupt::VoiceDrop(_)
                | Interrupt::Record(_) => {}
            }
        }
    }

    /// Waits until somebody other than the two parties wants something of the call.
    pub(super) async fn interrupt(&mut self) -> Interrupt {
        // A closed channel: the exchange is gone.
        let shutdown = Interrupt::End(EndedHere::Shutdown);
        tokio::select! {
            interrupt = wanted(&mut self.interrupt, self.calls_for_help) => interrupt.unwrap_or(shutdown),
            end = self.recording.notice_ends() => Interrupt::NoticeEnded(end),
        }
    }

    /// The call's id.
    pub(super) fn id(&self) -> &CallId {
        &self.record.id
    }

    /// The phones of these extensions ring for this call, until the answer is dropped.
    pub(super) fn may_be_picked_up(&self, extensions: Vec<ExtensionId>) -> RingingEntry {
        RingingEntry::new(&self.exchange, self.id(), extensions)
    }

    /// Lets two legs hear each other.
    pub(super) fn bridge(&self, one: &dyn Leg, other: &dyn Leg) {
        if let (Some(one), Some(other)) = (one.stream(), other.stream())
            && let Err(error) = self.exchange.engine.bridge(one, other)
        {
            tracing::error!(%error, "cannot connect the media of a call");
        }
    }

    /// The caller does not want his number seen by those he calls.
    pub(super) fn hide_number(&mut self) {
        self.step(Step::NumberHidden);
        self.hides_number = true;
    }

    /// Whether he does not.
    pub(super) fn hides_number(&self) -> bool {
        self.hides_number
    }

    /// Phones that are rung from now on are asked to take the call by themselves, or not any more.
    pub(super) fn phones_answer(&mut self, by_themselves: bool) {
        self.phones_answer = by_themselves;
    }

    /// Whether they are asked to.
    pub(super) fn do_phones_answer(&self) -> bool {
        self.phones_answer
    }

    /// The call leaves the company.
    pub(super) fn goes_out(&mut self) {
        self.record.direction = Direction::Outbound;
    }

    /// Whether the call leaves the company.
    pub(super) fn is_outbound(&self) -> bool {
        self.record.direction == Direction::Outbound
    }

    /// A leg has begun.
    pub(super) fn leg_started(&mut self, leg: &dyn Leg, party: &str) -> LegRef {
        self.record.legs.push(LegRecord::begin(
            leg.kind(),
            party.to_owned(),
            leg.device().to_owned(),
            utc_ms(),
        ));
        LegRef(self.record.legs.len() - 1)
    }

    /// The leg `caller` is now connected: to the leg `callee`, or to a service of the gateway.
    pub(super) fn answered(
        &mut self,
        caller: LegRef,
        callee: Option<LegRef>,
        codec: Option<Codec>,
    ) {
        self.taken = true;
        self.heard_by_gateway(caller, callee, codec);
    }

    /// The caller hears the gateway, which leads him on.
    pub(super) fn answered_by_gateway(&mut self, caller: LegRef, codec: Option<Codec>) {
        self.heard_by_gateway(caller, None, codec);
    }

    fn heard_by_gateway(&mut self, caller: LegRef, callee: Option<LegRef>, codec: Option<Codec>) {
        let now = *self.record.answered_at.get_or_insert_with(utc_ms);
        for leg in std::iter::once(caller).chain(callee) {
            self.leg_answered(leg);
        }
        let codec = codec.map(|codec| codec.name().to_owned());
        self.exchange.live.call_changed(&self.record.id, |call| {
            call.state = CallState::Answered;
            call.answered_at = Some(now);
            call.codec = codec;
        });
    }

    /// A leg has become part of an answered call.
    pub(super) fn leg_answered(&mut self, LegRef(index): LegRef) {
        if let Some(leg) = self.record.legs.get_mut(index) {
            let since = *leg.answered_at.get_or_insert_with(utc_ms);
            let charged = self.charged.iter().find(|(place, _)| *place == index);
            if let Some((_, extension)) = charged.filter(|_| leg.ended_at.is_none()) {
                let tolls = &self.exchange.tolls;
                tolls.talks(&self.record.id, index, *extension, since);
            }
        }
    }

    /// A leg that leaves the company costs so much, and comes under the class of service of this extension.
    pub(super) fn charge(
        &mut self,
        LegRef(index): LegRef,
        toll: Option<TollClass>,
        to: Option<&Extension>,
    ) {
        let Some(leg) = self.record.legs.get_mut(index) else {
            return;
        };
        leg.toll = toll;
        if let Some(extension) = to {
            leg.charged_to = Some(extension.number.clone());
            self.charged.push((index, extension.id));
            self.exchange.tolls.begins(extension.id);
        }
    }

    /// What a leg costs and whom, for the call that it goes on in.
    pub(super) fn charged(&self, LegRef(index): LegRef) -> Charged {
        let leg = self.record.legs.get(index);
        let charged = self.charged.iter().find(|(place, _)| *place == index);
        let number = leg.and_then(|leg| leg.charged_to.clone());
        Charged {
            toll: leg.and_then(|leg| leg.toll),
            to: charged.map(|(_, extension)| *extension).zip(number),
        }
    }

    /// A leg that came from another call costs what it did there. It is no further call.
    pub(super) fn goes_on_costing(&mut self, LegRef(index): LegRef, charged: Charged) {
        let Some(leg) = self.record.legs.get_mut(index) else {
            return;
        };
        leg.toll = charged.toll;
        if let Some((extension, number)) = charged.to {
            leg.charged_to = Some(number);
            self.charged.push((index, extension));
        }
    }

    /// A leg that was written down as ended stays after all.
    pub(super) fn leg_goes_on(&mut self, LegRef(index): LegRef) {
        if let Some(leg) = self.record.legs.get_mut(index) {
            let ended_at = leg.ended_at.take();
            leg.cause.clear();
            // It was counted up to its end.
            let counts = leg.answered_at.and(ended_at);
            let charged = self.charged.iter().find(|(place, _)| *place == index);
            if let (Some(since), Some((_, extension))) = (counts, charged) {
                let tolls = &self.exchange.tolls;
                tolls.talks(&self.record.id, index, *extension, since);
            }
        }
    }

    /// The called party is being alerted at this leg.
    pub(super) fn alerting(&self, leg: &dyn Leg, number: &str) {
        let live = &self.exchange.live;
        live.call_alerting(&self.record.id, leg.key(), number);
    }

    /// What is configured leads the call round in a circle, and somebody should look at it.
    pub(super) fn goes_round(&self) {
        let dialled = self.record.callee.number.clone();
        self.exchange.live.calls_go_round(dialled, utc_ms());
    }

    /// Who is at an end of the call now. What was dialled stays in the record.
    pub(super) fn now_at(&self, end: End, party: Party) {
        self.exchange
            .live
            .call_changed(&self.record.id, |call| match end {
                End::Caller => call.caller = party,
                End::Callee => call.callee = party,
            });
    }

    /// A service of the gateway is the other end.
    pub(super) fn service(&mut self, feature: Feature) {
        let device = match feature {
            Feature::Echo => "echo",
            Feature::SpeakingClock => "speaking_clock",
            Feature::SayNumber => "say_number",
            Feature::OwnVoicemail | Feature::AnyVoicemail => "voicemail",
            Feature::AgentLogin => "agent_login",
            Feature::AgentPause => "agent_pause",
            Feature::ForwardAll
            | Feature::ForwardAllOff
            | Feature::ForwardBusy
            | Feature::ForwardBusyOff
            | Feature::ForwardNoAnswer
            | Feature::ForwardNoAnswerOff => "forwards",
            Feature::DoNotDisturb | Feature::DoNotDisturbOff => "do_not_disturb",
            Feature::CallBack => "call_back",
            Feature::TimeOverride => "time_override",
            Feature::Park | Feature::ParkSlot => "park",
            Feature::Supervise => "supervision",
            Feature::Intercom => "intercom",
        };
        let number = self.record.callee.number.clone();
        self.served_by(device, number);
    }

    /// What the gateway itself does is the other end: `party` names it.
    pub(super) fn served_by(&mut self, device: &str, party: String) {
        let now = utc_ms();
        self.record.legs.push(LegRecord {
            answered_at: Some(now),
            ..LegRecord::begin(LegKind::Service, party, device.to_owned(), now)
        });
    }

    /// A slot where calls are parked is the other end.
    pub(super) fn parked_in(&mut self, slot: String) -> LegRef {
        self.served_by("park", slot);
        LegRef(self.record.legs.len() - 1)
    }

    /// What the gateway itself did is over.
    pub(super) fn service_ended(&mut self, LegRef(index): LegRef) {
        if let Some(leg) = self.record.legs.get_mut(index) {
            leg.ended_at.get_or_insert_with(utc_ms);
        }
    }

    /// An end was put on hold, or nobody is any more.
    pub(super) fn held(&mut self, held: bool) {
        self.exchange.live.call_changed(&self.record.id, |call| {
            call.state = if held {
                CallState::Held
            } else {
                CallState::Answered
            };
        });
    }

    /// A leg is over.
    pub(super) async fn leg_ended(&mut self, leg_ref: LegRef, leg: &dyn Leg, cause: Cause) {
        self.legs_ended(&[(leg_ref, leg)], cause).await;
    }

    /// Legs are over.
    pub(super) async fn legs_ended(&mut self, legs: &[(LegRef, &dyn Leg)], cause: Cause) {
        let ended_at = utc_ms();
        // All are asked before the first is waited for.
        let asked: Vec<_> = legs
            .iter()
            .map(|(_, leg)| leg.stream().map(|stream| stream.statistics()))
            .collect();
        for ((leg_ref, leg), statistics) in legs.iter().zip(asked) {
            let statistics = match statistics {
                Some(statistics) => statistics.await.ok(),
                None => None,
            };
            self.leg_recorded(*leg_ref, *leg, cause, ended_at, statistics);
        }
    }

    fn leg_recorded(
        &mut self,
        LegRef(index): LegRef,
        leg: &dyn Leg,
        cause: Cause,
        ended_at: i64,
        statistics: Option<StreamStatistics>,
    ) {
        let Some(record) = self.record.legs.get_mut(index) else {
            return;
        };
        record.ended_at = Some(ended_at);
        if self.charged.iter().any(|(place, _)| *place == index) {
            let configuration = self.exchange.configuration.borrow();
            let tolls = &self.exchange.tolls;
            tolls.leg_ended(&configuration, &self.record.id, index, ended_at);
        }
        record.device = leg.device().to_owned();
        if let Some(trunk) = leg.trunk() {
            record.party = trunk.to_owned();
        }
        record.cause = cause.to_string();
        record.codec = leg.codec().map(|codec| codec.name().to_owned());
        record.encryption = leg.encryption().map(str::to_owned);
        if let Some(statistics) = statistics {
            record.packets_received = statistics.packets_received;
            record.packets_sent = statistics.packets_sent;
            record.packets_lost = statistics.lost;
            record.jitter_ms = statistics.jitter_ms;
            record.mos = statistics.mos;
            record.remote_mos = statistics.remote_mos;
            record.round_trip_ms = statistics.round_trip_ms;
        }
    }

    /// Writes the call's end. Returns when it is on disk.
    pub(super) async fn finish(mut self, outcome: Outcome) {
        self.end_recording();
        let ended_at = utc_ms();
        self.record.ended_at = Some(ended_at);
        self.record.result = Some(outcome.result);
        self.record.end_reason = outcome.cause.to_string();
        for leg in &mut self.record.legs {
            leg.ended_at.get_or_insert(ended_at);
        }
        if self.is_outbound() {
            self.record.callee_e164 = self.number_outside();
        }
        if !self.charged.is_empty() {
            let (exchange, record) = (&self.exchange, &self.record);
            let configuration = exchange.configuration.borrow().clone();
            let tolls = &exchange.tolls;
            tolls.ended(&configuration, &record.id, &record.legs, &self.charged);
        }
        self.record.trace = self.trace.into_json();
        // Writing panics on no path; an aborted task has written nothing, and the end will say so.
        let _ = self.row.await;
        if let Err(error) = self.exchange.store.call_ended(&self.record).await {
            tracing::error!(call = %self.record.id, %error, "cannot store the end of a call");
        }
        self.exchange
            .live
            .call_ended(&self.record.id, ended_at, outcome.result);
        // The call history says the same and more.
        tracing::debug!(
            call = %self.record.id,
            caller = self.record.caller.number,
            callee = self.record.callee.number,
            result = outcome.result.as_str(),
            cause = %outcome.cause,
            "call ended"
        );
    }

    /// The number outside that was called: as dialled, or else as it was sent, without the digits that only chose a line.
    fn number_outside(&self) -> Option<String> {
        let configuration = self.exchange.configuration.borrow();
        configuration
            .e164(&self.record.callee.number)
            .or_else(|| configuration.e164(self.sent.as_deref()?))
    }

    /// Whether the call has been answered.
    pub(super) fn is_answered(&self) -> bool {
        self.record.answered_at.is_some()
    }

    /// Whether somebody has taken the call.
    pub(super) fn is_taken(&self) -> bool {
        self.taken
    }

    /// The gateway has served the caller as somebody who takes a call would.
    pub(super) fn served(&mut self) {
        self.taken = true;
    }

    /// The caller chose by a key from a menu.
    pub(super) fn chose(&mut self, key: char) {
        let path = &mut self.record.ivr_path;
        if !path.is_empty() {
            path.push('>');
        }
        path.push(key);
    }

    /// How a call ends that somebody other than the two parties ends.
    pub(super) fn ended_here(&mut self, why: EndedHere) -> Outcome {
        self.step(Step::EndedHere { why });
        let result = match (self.taken, why) {
            (true, _) => CallResult::Answered,
            (false, EndedHere::Shutdown) => CallResult::Interrupted,
            (false, _) => CallResult::Cancelled,
        };
        let cause = match why {
            EndedHere::Shutdown => Cause::TEMPORARY_FAILURE,
            EndedHere::Administrator | EndedHere::Finished | EndedHere::DailyCap => {
                Cause::NORMAL_CLEARING
            }
        };
        Outcome::new(result, cause)
    }
}
