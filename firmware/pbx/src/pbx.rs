//! The handle of the PBX.

mod in_call;
mod telling;

pub use self::telling::TellingRefusal;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ramal_lines::dahdi::UnusableCard;
use ramal_lines::{
    Driver, LineError, LineTestRequest, MessageStep, PortStatus, SignalStep, TrunkFault,
    TrunkStatus as E1TrunkStatus,
};
use ramal_media::{Engine, MediaError};
use ramal_model::{
    Actor, Alarm, Break, CallId, Conference, Configuration, E1Trunk, E1TrunkId, Extension,
    ExtensionId, FieldProblem, Id, Number, OutboundRoute, Queue, RecordingRecord, TrunkId, UserId,
    VoicemailMessage, VoicemailMessageId,
};
use ramal_store::{MessageMarks, Store, StoreError};
use rustls::{ClientConfig, ServerConfig};
use thiserror::Error;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};

use crate::advertise::{Advertise, OuterAddress};
use crate::call::click_to_dial::{Click, Then};
use crate::call::{Interrupt, Order, RecordingCommand, RecordingRefusal};
use crate::call_thread::{CallTasks, CallThread};
use crate::clock::Now;
use crate::conference::ConferenceRoom;
use crate::counters::Counters;
use crate::exchange::{Exchange, Services};
use crate::flow::simulate::{Scenario, Standing, Thought, simulate_dialled};
use crate::leg::sip::SipLines;
use crate::lines::{self, LineTestRefusal, LineTestStatus, MAX_HOPS};
use crate::live::{ActiveCall, Live, LiveEvent, LiveState};
use crate::location::LocationService;
use crate::music::{MusicService, SoundFolders};
use crate::probe::{self, ProbeError, Probed};
use crate::queues::{
    AgentRefusal, AgentStatus, CallbackRefusal, EndedBy, Member, QueueStatus, Queues,
};
use crate::recordings::{RecordingConfig, Recordings};
use crate::self_check::{self, SelfCall, SelfCheckError};
use crate::sip::{self, Ban, Command, Connector, WebSocketLink};
use crate::storage;
use crate::tolls::Tolls;
use crate::trunk::{TextError, TrunkService};
use crate::voicemail::Voicemail;

/// Commands of legs that may wait for the SIP agent: a few for each of thousands of calls.
const COMMANDS: usize = 16_384;
/// Within this time the SIP agent must answer to count as working.
const AGENT_TIME: Duration = Duration::from_secs(2);

/// What a PBX is started with.
#[derive(Debug, Clone)]
pub struct PbxConfig {
    /// Address and port for SIP over UDP and TCP; port 0 takes a free one.
    pub sip_listen: SocketAddr,
    /// Told to phones instead of the address they reach us at.
    pub advertised: Option<Advertise>,
    /// SIP over TLS; none to have none.
    pub sip_tls: Option<SipTls>,
    /// Whom to believe when connecting to others by TLS; none never to do so.
    pub tls_client: Option<Arc<ClientConfig>>,
    /// Asked for the addresses of servers, instead of the system's.
    pub name_servers: Vec<SocketAddr>,
    /// Where sounds lie.
    pub sounds: SoundFolders,
    /// Where recordings are kept; none to record nothing.
    pub recordings: Option<RecordingConfig>,
    /// Where the system's own folders lie (`sys`, `lib/firmware`), for what is known about cards.
    pub system_root: PathBuf,
    /// Where voice messages are kept; none to take no messages.
    pub voicemail: Option<RecordingConfig>,
}

/// SIP over TLS.
#[derive(Debug, Clone)]
pub struct SipTls {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Certificate and protocol versions.
    pub config: Arc<ServerConfig>,
}

impl PbxConfig {
    /// SIP over UDP and TCP at an address, and nothing else.
    pub fn new(sip_listen: SocketAddr) -> Self {
        Self {
            sip_listen,
            advertised: None,
            sip_tls: None,
            tls_client: None,
            name_servers: Vec::new(),
            sounds: SoundFolders::default(),
            recordings: None,
            system_root: PathBuf::from("/"),
            voicemail: None,
        }
    }
}

/// Why a PBX did not start.
#[derive(Debug, Error)]
pub enum PbxError {
    /// Another program has the SIP port, or the address is not ours.
    #[error("cannot take SIP calls on {transport} {address}: {error}")]
    Listen {
        /// `UDP`, `TCP` or `TLS`.
        transport: &'static str,
        /// The address asked for.
        address: SocketAddr,
        /// The system's reason.
        error: std::io::Error,
    },
    /// The system gives no thread for the calls.
    #[error("cannot start the thread of the calls: {0}")]
    Thread(std::io::Error),
    /// The stored registrations or recordings cannot be read.
    #[error("cannot read what is stored: {0}")]
    Store(#[from] StoreError),
    /// Recordings or voice messages cannot be written.
    #[error("cannot record calls or messages: {0}")]
    Recordings(#[from] MediaError),
}

/// A running PBX. Clones are handles of the same one.
#[derive(Clone)]
pub struct Pbx {
    exchange: Arc<Exchange>,
    commands: mpsc::Sender<Command>,
    tasks: CallTasks,
    /// Tells the task that writes registrations to stop; closed when it has.
    persistence: Arc<watch::Sender<bool>>,
    sip: SocketAddr,
    sip_tls: Option<SocketAddr>,
    connector: Connector,
}

impl Pbx {
    /// Opens the SIP sockets, takes up the stored registrations, and takes calls from now on. Calls have a thread of
    /// their own; connections are served by the runtime this is called on.
    ///
    /// # Errors
    /// A port is taken, or the store cannot be read.
    pub async fn start(config: PbxConfig, store: Store, engine: Engine) -> Result<Self, PbxError> {
        let (commands, queue) = mpsc::channel(COMMANDS);
        let live = Arc::new(LiveState::new());
        let locations = Arc::new(LocationService::new(live.clone()));
        let outer = OuterAddress::new(config.advertised, store.clone());
        let lines = SipLines::new(commands.clone(), engine.clone(), outer.clone());
        let trunks = TrunkService::new(commands.clone(), live.clone());
        let music = Arc::new(MusicService::new(engine.clone(), config.sounds.clone()));
        let recordings = Recordings::new(config.recordings.as_ref(), store.clone(), live.clone())?;
        let voicemail = Voicemail::new(config.voicemail.as_ref(), store.clone(), live.clone())?;
        let exchange = Arc::new(Exchange::new(
            store,
            engine,
            live,
            Services {
                locations,
                sip: lines,
                trunks,
                music: music.clone(),
                recordings,
                voicemail,
            },
        ));
        tokio::spawn(music.follow(exchange.configuration.clone()));
        Recordings::start(&exchange, config.recordings.as_ref()).await?;
        Voicemail::start(&exchange).await?;
        Queues::start(&exchange).await?;
        Tolls::start(&exchange).await?;

        let thread = CallThread::start().map_err(PbxError::Thread)?;
        let mut sockets = sip::Sockets::bind(
            &thread,
            config.sip_listen,
            config.sip_tls.as_ref().map(|tls| tls.listen),
        )
        .await?;
        let sip = sockets.address();
        let sip_tls = sockets.tls_address();
        let stored = exchange.store.bindings().await?;
        let (persistence, stop) = watch::channel(false);
        let proved = stored
            .iter()
            .filter_map(|binding| Some(binding.source.parse::<SocketAddr>().ok()?.ip()))
            .collect();
        let memory = sip::Memory::open(exchange.store.clone(), proved, stop.clone()).await?;
        let configuration = exchange.configuration.borrow().clone();
        exchange
            .locations
            .restore(Now::read(), stored, &configuration, |remote| {
                sockets.flow(remote)
            });
        let (agent, connector) =
            sip::start(exchange.clone(), sockets, queue, &config, outer, memory);
        let tasks = thread.run(agent);
        {
            let _calls = tasks.enter();
            exchange.trunks.configure(&configuration);
            exchange.lines.digital.configure(&exchange, &configuration);
        }
        tokio::spawn({
            let exchange = exchange.clone();
            async move { exchange.locations.persist(&exchange.store, stop).await }
        });
        tokio::spawn(lines::alarms::look_after(
            Arc::downgrade(&exchange),
            config.system_root,
        ));
        tokio::spawn(storage::look_after(
            Arc::downgrade(&exchange),
            exchange.store.storage(),
        ));
        tracing::info!(%sip, "taking SIP calls");
        Ok(Self {
            exchange,
            commands,
            tasks,
            persistence: Arc::new(persistence),
            sip,
            sip_tls,
            connector,
        })
    }

    /// Takes and makes calls over the lines of a driver, too, from now on.
    pub fn add_lines(&self, driver: Box<dyn Driver>) {
        tracing::info!(driver = driver.name(), "taking calls on lines");
        let _calls = self.tasks.enter();
        self.exchange.lines.add(&self.exchange, driver);
        self.exchange.voicemail.count_again();
    }

    /// Something outside of calls is wrong with the gateway; an alarm that is raised already stays as it is.
    pub fn raise(&self, alarm: ramal_model::Alarm) {
        self.exchange.live.raise(alarm);
    }

    /// It is not wrong any more.
    pub fn clear(&self, alarm: &str) {
        self.exchange.live.clear(alarm);
    }

    /// The lines as they are now.
    pub fn lines(&self) -> Vec<PortStatus> {
        self.exchange.lines.status()
    }

    /// Cards in the machine that no driver works with, most often because a firmware file is missing.
    pub fn unusable_cards(&self) -> Vec<UnusableCard> {
        self.exchange.lines.unusable_cards()
    }

    /// Tells the telephone with this number, on a port of the gateway, how many messages wait; false when there is none.
    ///
    /// # Errors
    /// Its port does not take commands, or not at the moment.
    pub fn messages_waiting(&self, number: &str, messages: u32) -> Result<bool, LineError> {
        self.exchange.lines.messages_waiting(number, messages)
    }

    /// Begins the automatic test of a port to an exchange. What it changes is changed in the name of `actor`.
    ///
    /// # Errors
    /// There is no such port, it or the one that is to help is in use, or the request is refused.
    pub fn test_line(
        &self,
        port: &str,
        request: LineTestRequest,
        actor: Actor,
    ) -> Result<LineTestStatus, LineTestRefusal> {
        self.exchange.lines.begin_test(port, request, actor)
    }

    /// How the last test of a port goes or went; none when it was not tested since the gateway has started.
    pub fn line_test(&self, port: &str) -> Option<LineTestStatus> {
        self.exchange.lines.test(port)
    }

    /// Stops the test of a port; false when none is running.
    pub fn stop_line_test(&self, port: &str) -> bool {
        self.exchange.lines.stop_test(port)
    }

    /// What of an outbound route cannot work on the lines that it leads to; it is used all the same.
    pub fn route_warnings(
        &self,
        configuration: &Configuration,
        route: &OutboundRoute,
    ) -> Vec<FieldProblem> {
        lines::answer::of_route(configuration, &self.exchange, route)
    }

    /// What of a number cannot work on the lines that its forwarded calls take; it is used all the same.
    pub fn number_warnings(
        &self,
        configuration: &Configuration,
        number: &Number,
    ) -> Vec<FieldProblem> {
        lines::answer::of_number(configuration, &self.exchange, number)
    }

    /// How an E1 trunk is; none when it is disabled.
    pub fn e1_trunk_status(&self, trunk: E1TrunkId) -> Option<E1TrunkStatus> {
        self.exchange.lines.digital.status(trunk)
    }

    /// The signals of the present or last call on a timeslot of an E1 trunk, oldest first; none where its signalling is not
    /// the timeslot's own (ISDN), or its span is not there.
    pub async fn e1_signals(&self, trunk: E1TrunkId, timeslot: u8) -> Option<Vec<SignalStep>> {
        let handle = self.exchange.lines.digital.handle(trunk)?;
        handle.signals(timeslot).await
    }

    /// The last frames of the D channel of an E1 trunk, oldest first; none where its signalling has none (MFC-R2), or its
    /// span is not there.
    pub async fn e1_messages(&self, trunk: E1TrunkId) -> Option<Vec<MessageStep>> {
        let handle = self.exchange.lines.digital.handle(trunk)?;
        handle.messages().await
    }

    /// Calls in progress over an E1 trunk.
    pub fn e1_trunk_calls(&self, trunk: E1TrunkId) -> usize {
        self.exchange.lines.digital.calls(trunk)
    }

    /// Calls in progress over a trunk.
    pub fn trunk_calls(&self, trunk: TrunkId) -> usize {
        self.exchange.trunks.calls(trunk)
    }

    /// The address and port SIP is taken on.
    pub fn sip_address(&self) -> SocketAddr {
        self.sip
    }

    /// The address and port SIP over TLS is taken on.
    pub fn sip_tls_address(&self) -> Option<SocketAddr> {
        self.sip_tls
    }

    /// Takes up a WebSocket for SIP that somebody else has accepted, over TLS or not; `None` when there are too many.
    pub async fn web_socket(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
        secure: bool,
    ) -> Option<WebSocketLink> {
        WebSocketLink::open(&self.connector, local, remote, secure).await
    }

    /// How all extensions stand that are there, for calls that are thought through ([`crate::simulate`]).
    pub fn standing(&self) -> BTreeMap<ExtensionId, Standing> {
        let configuration = self.exchange.configuration.borrow().clone();
        let extensions = configuration.extensions().iter();
        extensions
            .filter_map(|extension| {
                let since = self.exchange.online_since(&configuration, extension.id)?;
                let standing = match self.exchange.live.idle_since(extension.id) {
                    None => Standing::Busy,
                    Some(_) => Standing::Free(since),
                };
                Some((extension.id, standing))
            })
            .collect()
    }

    /// Thinks a call through that an extension makes, as [`crate::simulate`] does for calls that come in.
    pub fn simulate_dialled(
        &self,
        configuration: &Arc<Configuration>,
        extension: &Extension,
        scenario: &Scenario,
    ) -> Thought {
        simulate_dialled(configuration, &self.exchange, extension, scenario)
    }

    /// What is going on now.
    pub fn live(&self) -> Live {
        self.exchange.locations.live()
    }

    /// Changes from now on. A reader that lags far behind loses some and is told so by the channel.
    pub fn subscribe(&self) -> broadcast::Receiver<LiveEvent> {
        self.exchange.live.subscribe()
    }

    /// What is going on now, and every change after it: nothing falls between the two.
    pub fn observe(&self) -> (Live, broadcast::Receiver<LiveEvent>) {
        self.exchange.locations.observe()
    }

    /// The calls in progress, and every change after it but those of registrations: for who does nothing with these, and
    /// need not be woken whenever a phone refreshes its own.
    pub fn news(&self) -> (Vec<ActiveCall>, broadcast::Receiver<LiveEvent>) {
        self.exchange.live.news()
    }

    /// Ends a call; false when there is none with this id.
    pub fn hang_up(&self, id: &CallId) -> bool {
        self.exchange.hang_up(id)
    }

    /// Where recordings are kept; none when nothing is recorded.
    pub fn recordings_folder(&self) -> Option<&Path> {
        self.exchange.recordings.folder()
    }

    /// Deletes the file of a recording; its row stays and says by whom and why.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is deleted already, and failures of the database.
    pub async fn delete_recording(
        &self,
        recording: &RecordingRecord,
        by: &Actor,
        because: Option<String>,
    ) -> Result<(), StoreError> {
        let (by, id) = (by.to_string(), recording.id);
        self.exchange
            .store
            .recording_deleted(id, by, because)
            .await?;
        self.exchange.recordings.remove_file(&recording.file).await;
        Ok(())
    }

    /// The conferences that somebody is in.
    pub fn conferences(&self) -> Vec<ConferenceRoom> {
        self.exchange.conferences.list()
    }

    /// Lets nobody else into a conference, or lets them in again; false when nobody is in it.
    pub fn lock_conference(&self, conference: Id<Conference>, locked: bool) -> bool {
        let room = self.exchange.conferences.get(conference);
        room.is_some_and(|room| {
            room.lock(locked);
            true
        })
    }

    /// Lets the others of a conference not hear a member, or hear him again; false when he is not in it.
    pub fn mute_member(&self, conference: Id<Conference>, member: &CallId, muted: bool) -> bool {
        let room = self.exchange.conferences.get(conference);
        room.is_some_and(|room| {
            room.mute(member, muted);
            room.has(member)
        })
    }

    /// Puts a member out of a conference; false when he is not in it.
    pub fn remove_member(&self, conference: Id<Conference>, member: &CallId) -> bool {
        let room = self.exchange.conferences.get(conference);
        room.is_some_and(|room| room.remove(member))
    }

    /// Where voice messages are kept; none when none are taken.
    pub fn voicemail_folder(&self) -> Option<&Path> {
        self.exchange.voicemail.folder()
    }

    /// Marks a voice message as heard or handled, or takes the mark back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is deleted, and failures of the database.
    pub async fn mark_message(
        &self,
        id: VoicemailMessageId,
        marks: MessageMarks,
        by: &Actor,
    ) -> Result<VoicemailMessage, StoreError> {
        self.exchange
            .voicemail
            .mark(id, marks, by.to_string())
            .await
    }

    /// Deletes a voice message with its sound; its row says by whom.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is deleted already, and failures of the database.
    pub async fn delete_message(
        &self,
        id: VoicemailMessageId,
        by: &Actor,
    ) -> Result<(), StoreError> {
        self.exchange.voicemail.delete(id, by.to_string()).await?;
        Ok(())
    }

    /// Rings an extension's phones, and connects whoever answers as if he had dialled `number`. The call's id; how it goes is
    /// told as of any call. None when there is no room for another call, or no such extension.
    pub fn click_to_dial(&self, extension: ExtensionId, number: String) -> Option<CallId> {
        let configuration = self.exchange.configuration.borrow().clone();
        let extension = configuration.extension(extension)?.clone();
        let _calls = self.tasks.enter();
        self.exchange.click(Click {
            extension,
            then: Then::Dial(number),
            hops_left: MAX_HOPS,
            configuration,
        })
    }

    /// Starts, stops, pauses or resumes the recording of a call.
    ///
    /// # Errors
    /// Why it is not done.
    pub async fn record(
        &self,
        id: &CallId,
        command: RecordingCommand,
    ) -> Result<(), RecordingRefusal> {
        let (reply, answer) = oneshot::channel();
        let order = Interrupt::Record(Order { command, reply });
        if !self.exchange.interrupt(id, order) {
            return Err(RecordingRefusal::NoCall);
        }
        // A call that cannot do it now lets the order drop.
        let answer = timeout(AGENT_TIME, answer).await;
        answer
            .ok()
            .and_then(Result::ok)
            .unwrap_or(Err(RecordingRefusal::NotTalking))
    }

    /// The counters; `None` when the SIP agent does not answer within 2 s.
    pub async fn counters(&self) -> Option<Counters> {
        self.ask(Command::Counters).await
    }

    /// The sources of SIP messages that are banned now; `None` when the SIP agent does not answer within 2 s.
    pub async fn bans(&self) -> Option<Vec<Ban>> {
        self.ask(Command::Bans).await
    }

    /// Ends the bans of an address (for IPv6 of its /64): whether there was one, `None` when the SIP agent does not answer.
    pub async fn lift_ban(&self, address: IpAddr) -> Option<bool> {
        self.ask(|lifted| Command::LiftBan { address, lifted })
            .await
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        let ask = async {
            self.commands.send(command(reply)).await.ok()?;
            answer.await.ok()
        };
        timeout(AGENT_TIME, ask).await.ok()?
    }

    /// Whether the parts of the PBX that everything depends on still answer.
    pub async fn is_alive(&self) -> bool {
        self.counters().await.is_some()
    }

    /// Asks a SIP server whether it lives, by OPTIONS; `server` is a SIP URI, whose name is looked up (RFC 3263). Takes
    /// up to half a minute for each of its addresses that is silent.
    ///
    /// # Errors
    /// It has no address, cannot be reached, or is silent.
    pub async fn probe(&self, server: &str) -> Result<Probed, ProbeError> {
        probe::probe(&self.commands, server).await
    }

    /// Sends a text to a number over a SIP trunk (RFC 3428): what the carrier answers.
    ///
    /// # Errors
    /// It did not go out, or was refused.
    pub async fn send_text(
        &self,
        trunk: TrunkId,
        to: &str,
        text: &str,
    ) -> Result<String, TextError> {
        self.exchange.trunks.send_text(trunk, to, text).await
    }

    /// All queues now, by name.
    pub fn queues(&self) -> Vec<QueueStatus> {
        Queues::status(&self.exchange)
    }

    /// Lets a queue count from zero.
    pub fn reset_queue(&self, queue: Id<Queue>) {
        Queues::reset(&self.exchange, queue);
    }

    /// Calls off that somebody is called back who has given up waiting in a queue.
    ///
    /// # Errors
    /// [`CallbackRefusal`].
    pub async fn call_off(&self, queue: Id<Queue>, call: &CallId) -> Result<(), CallbackRefusal> {
        Queues::call_off(&self.exchange, queue, call).await
    }

    /// All agents now, by name.
    pub fn agents(&self) -> Vec<AgentStatus> {
        Queues::agents(&self.exchange)
    }

    /// An agent now; none when there is no such user.
    pub fn agent(&self, user: UserId) -> Option<AgentStatus> {
        Queues::agent(&self.exchange, user)
    }

    /// Lets an agent take calls of queues at this extension; at his own when it is none.
    ///
    /// # Errors
    /// There is no such user or extension, or somebody else has logged in there.
    pub fn log_agent_in(
        &self,
        user: UserId,
        extension: Option<ExtensionId>,
    ) -> Result<(), AgentRefusal> {
        Queues::log_in(&self.exchange, user, extension)
    }

    /// Ends an agent's work in queues.
    ///
    /// # Errors
    /// He has not logged in.
    pub fn log_agent_out(&self, user: UserId, by_himself: bool) -> Result<(), AgentRefusal> {
        Queues::log_out(&self.exchange, user, EndedBy::of(by_himself))
    }

    /// Lets an agent take no calls of queues for a while.
    ///
    /// # Errors
    /// He has not logged in, there is no such break, or no room in it.
    pub fn pause_agent(
        &self,
        user: UserId,
        of_break: Option<Id<Break>>,
    ) -> Result<(), AgentRefusal> {
        Queues::pause(&self.exchange, Member::Agent(user), of_break)
    }

    /// Lets an agent take calls of queues again.
    ///
    /// # Errors
    /// He has not paused.
    pub fn resume_agent(&self, user: UserId, by_himself: bool) -> Result<(), AgentRefusal> {
        Queues::resume(&self.exchange, Member::Agent(user), EndedBy::of(by_himself))
    }

    /// Has the gateway call itself over its own SIP port, with sound both ways. The call is in no list and no history.
    ///
    /// # Errors
    /// What of it does not work.
    pub async fn self_check(&self) -> Result<SelfCall, SelfCheckError> {
        self_check::check(&self.exchange.self_checks, self.sip).await
    }

    /// The ports of lines and the spans of enabled E1 trunks that are there, by name.
    pub fn equipment(&self) -> Vec<String> {
        let configuration = self.exchange.configuration.borrow().clone();
        let is_there = |trunk: &&E1Trunk| {
            let handle = self.exchange.lines.digital.handle(trunk.id);
            handle.is_some_and(|handle| handle.status().fault != Some(TrunkFault::NoSpan))
        };
        let trunks = configuration.e1_trunks().iter();
        let spans = trunks
            .filter(|trunk| trunk.enabled)
            .filter(is_there)
            .map(|trunk| trunk.device.clone());
        let ports = self.lines().into_iter().map(|port| port.name);
        spans.chain(ports).collect()
    }

    /// Says that something is wrong that is not the PBX's own; an alarm that is raised already stays as it is.
    pub fn raise_alarm(&self, alarm: Alarm) {
        self.exchange.live.raise(alarm);
    }

    /// That is over.
    pub fn clear_alarm(&self, id: &str) {
        self.exchange.live.clear(id);
    }

    /// How bad the worst of what is wrong now is; none when nothing is.
    pub fn worst_alarm(&self) -> Option<ramal_model::Severity> {
        self.exchange.live.worst_alarm()
    }

    /// Number of calls in progress.
    pub fn active_calls(&self) -> usize {
        self.exchange.live.calls()
    }

    /// Ends all calls, writes what is to be written, and stops. Takes at most about 3 s, even when phones and exchanges are silent.
    pub async fn shutdown(&self) {
        self.exchange.close();
        // Each call ends its legs and writes its record; a disk that hangs must not keep us.
        let ended = async {
            let exchange = &self.exchange;
            while exchange.in_progress() > 0
                || exchange.recordings.open() > 0
                || exchange.voicemail.open() > 0
            {
                sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(Duration::from_millis(1500), ended).await.is_err() {
            tracing::warn!(
                calls = self.exchange.in_progress(),
                "stopping although calls are still being written down"
            );
        }
        self.exchange.trunks.close().await;
        self.exchange.lines.close().await;
        let (reply, stopped) = oneshot::channel();
        if self.commands.send(Command::Stop(reply)).await.is_ok() {
            // An error says that it has stopped, too.
            let _ = timeout(Duration::from_millis(200), stopped).await;
        }
        self.persistence.send_replace(true);
        // What is lost here is only a registration's last refresh.
        let _ = timeout(Duration::from_millis(300), self.persistence.closed()).await;
    }
}
