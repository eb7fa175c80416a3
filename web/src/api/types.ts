// What the gateway's API speaks (/api/v1/openapi.json). Times are milliseconds since the epoch, UTC.

import type { MenuPart, Permission } from '../rights'

export const LANGUAGES = ['pt-BR', 'es', 'id', 'en'] as const
export type LanguageCode = (typeof LANGUAGES)[number]

export const ROLES = ['admin', 'installer', 'supervisor', 'agent', 'auditor', 'user'] as const
export type Role = (typeof ROLES)[number]

export const CALL_RESULTS = [
  'answered',
  'busy',
  'no_answer',
  'cancelled',
  'rejected',
  'failed',
  'not_found',
  'interrupted',
] as const
export type CallResult = (typeof CALL_RESULTS)[number]
export const DIRECTIONS = ['inbound', 'outbound', 'internal'] as const
export type Direction = (typeof DIRECTIONS)[number]

export interface Status {
  product: string
  version: string
  set_up: boolean
  uptime_s: number
  time: number
  storage: 'good' | 'recovered' | 'damaged'
}

/** Who changed something. */
export type Actor =
  | { type: 'system' | 'local' | 'set_up' }
  | { type: 'user'; id: Id; login: string }
  | { type: 'telephone'; extension: string }
  | { type: 'token'; id: Id; name: string }

export interface FieldChange {
  field: string
  before?: unknown
  after?: unknown
  /** Its values are not shown. */
  secret: boolean
}

export interface ObjectChange {
  object: string
  object_id: number
  name: string
  action: 'created' | 'changed' | 'deleted'
  fields: FieldChange[]
}

/** One save of the configuration. */
export interface Version {
  version: number
  at: number
  actor: Actor
  changes: ObjectChange[]
}

export interface VersionPage {
  versions: Version[]
  next: number | null
}

/** Changes that are to become live together. */
export interface Draft {
  id: number
  name: string
  at: number
  actor: Actor
  changes: ObjectChange[]
}

export interface AuditEntry {
  id: number
  at: number
  last_at: number
  /** Equal refusals within a minute are one entry. */
  times: number
  actor: Actor | null
  address: string
  method: string
  path: string
  status: number | null
  /** Blank when it was done. */
  problem: string
  fields: { field: string; code: string }[]
  version: number | null
  changes: ObjectChange[]
}

export interface AuditPage {
  entries: AuditEntry[]
  next: number | null
}

export interface Recovery {
  id: Id
  at: number
  cause: string
  detail: string
  kept_aside: string
  settings_at: number
  settings_version: number
  acknowledged_at: number | null
  acknowledged_by: Actor | null
}

export interface Storage {
  recovery: Recovery | null
  /** Damage that was found while the gateway runs. */
  damage: string | null
  backup_problem: string | null
  unread: { kind: string; id: number; problem: string }[]
  backups: { file: string; kind: string; at: number; version: number; bytes: number }[]
  recoveries: Recovery[]
}

export interface UpdateSystem {
  slot: 'a' | 'b'
  version: string | null
  installed_at: string | null
  health: 'proven' | 'ready' | 'trial' | 'failed' | 'empty'
  reason: string
  running: boolean
}

export interface UpdateOutcome {
  kind: 'update' | 'previous'
  version: string
  from: string
  success: boolean
  reason: string
  at: number
  by: string
  acknowledged: boolean
}

export interface FailedVersion {
  version: string
  reason: string
  at: number
}

export type Restart = { when: 'now' | 'idle' } | { when: 'at'; time: number }

export interface UpdateState {
  supported: boolean
  phase: 'idle' | 'receiving' | 'checking' | 'ready' | 'installing' | 'installed' | 'restarting' | 'on_trial'
  percent: number
  systems: UpdateSystem[]
  bundle: { version: string; octets: number } | null
  bundle_failed: FailedVersion | null
  pending: { kind: 'update' | 'previous'; version: string; restart: Restart | null } | null
  last: UpdateOutcome | null
  problem: string | null
  failed_versions: FailedVersion[]
}

export interface FleetSettings {
  enabled: boolean
  server: string
  tenant: string
  controller: string
  authentication: 'target_token' | 'gateway_token'
  policy: 'offer' | 'install'
  window: { from: string; to: string } | null
}

export interface Fleet extends FleetSettings {
  has_token: boolean
  serial: string
  status: {
    contact: 'none' | 'reached' | 'unreachable' | 'refused'
    problem: string
    last_contact: number | null
    version: string | null
    phase: string | null
    last_result: string
  }
}

export interface Country {
  code: string
  dialling_code: string
  language: LanguageCode
  time_zone: string
}

export interface Company {
  legal_name: string
  /** Without what is written between the digits. */
  tax_id: string
  contact_name: string
  contact_phone: string
  /** National locality code of Brazil. */
  cnl: string
  country: string
  country_code: string
  area_code: string
  language: LanguageCode
  time_zone: string
  /** Class of music on hold; null is the gateway's own music. */
  music_class: Id | null
}

export interface SetUp {
  language: LanguageCode
  country: string
  company: { legal_name?: string; area_code?: string; time_zone?: string }
  admin: { login: string; name?: string; password: string }
}

export type Id = number | string

export interface User {
  id: Id
  login: string
  name: string
  email: string | null
  /** Unset: the one that the gateway is set up for. */
  company?: Id
  role: Role
  language: LanguageCode
  active: boolean
  /** Where calls for this person ring. */
  extension?: Id | null
  /** What those called outside see; null is what the route or trunk shows. */
  outbound_number?: Id | null
  /** False: nobody outside is called, but for help. */
  external_calls?: boolean
  /** Numbers elsewhere that are known to be the person's own. */
  readonly verified_numbers?: VerifiedNumber[]
  /** The one of them that is shown where the trunk allows it. */
  caller_id?: string | null
  /** What the person may do, instead of what the role allows. */
  profile?: Id | null
  /** When the person works; always when empty. */
  working_hours?: Record<string, unknown>[]
  /** Audio files left on answering machines. */
  voicedrops?: Id[]
}

export interface VerifiedNumber {
  number: string
  verified_by: 'code' | 'statement'
  verified_at: number
}

/** Who is logged in, and what that allows. */
export interface Session {
  user: User
  permissions: Permission[]
  /** Null shows every menu that is of use. */
  menus?: MenuPart[] | null
}

export interface NewUser extends Omit<User, 'id' | 'verified_numbers'> {
  password: string
}

/** Whether the media of a phone or trunk is encrypted. */
export const MEDIA_ENCRYPTION = ['automatic', 'off', 'optional', 'required'] as const
export type MediaEncryption = (typeof MEDIA_ENCRYPTION)[number]

/** Which calls are recorded. */
export const RECORDING_MODES = ['off', 'all', 'on_demand'] as const
export type RecordingMode = (typeof RECORDING_MODES)[number]

export interface RecordingSettings {
  mode: RecordingMode
  /** Whether the party outside is told. */
  notice: boolean
  /** What it is told; null is the gateway's own words. */
  notice_file: Id | null
  /** Why not. */
  notice_waiver: string
  /** 0 keeps them until the space is needed. */
  keep_days: number
  min_free_percent: number
}

/** How SIP is spoken towards networks of others. */
export interface SipSettings {
  /** Null when no address translation is between. */
  external_address: string | null
  /** Empty: all private addresses. */
  local_networks: string[]
  websocket_in_clear: boolean
}

export interface Recording {
  id: number
  call: string
  file: string
  started_at: number
  /** Null while it lasts. */
  ended_at: number | null
  duration_ms: number
  /** 0 when there is no file. */
  bytes: number
  notice_played_at: number | null
  on_demand: boolean
  lost_packets: number
  problem: 'disk_full' | 'disk_failed' | 'too_long' | 'codec' | 'no_notice' | 'interrupted' | 'file_lost' | null
  deleted_at: number | null
  /** Who, or the rule: age, space. */
  deleted_by: string | null
  deleted_because: string | null
}

export interface RecordingPage {
  recordings: Recording[]
  next: number | null
}

/** Of equal stretches the highest amplitude of each side, 0-100. */
export interface Waveform {
  left: number[]
  right: number[]
}

export interface Alarm {
  id: string
  since: number
  severity: 'warning' | 'major' | 'critical'
  /** Blank for the gateway as a whole. */
  object: string
  /** Keys of what is wrong and what to do. */
  text: string
  action: string
}

export const TOLL_CLASSES = ['internal', 'local', 'national', 'mobile', 'international', 'premium'] as const
export type TollClass = (typeof TOLL_CLASSES)[number]

/** What an extension may call, and how much. */
export interface ClassOfService {
  classes: TollClass[]
  /** 0 is as many as it likes. */
  calls_per_minute: number
  minutes_per_day: number
}

export interface TollSettings {
  all_countries: boolean
  /** What numbers that may be called begin with. */
  countries: string[]
}

export interface Extension {
  id: Id
  number: string
  display_name: string
  /** 0 is the one that the gateway is set up for. */
  company: Id
  language: LanguageCode | null
  enabled: boolean
  /** Calls at the same time, 1 to 20. */
  max_calls: number
  /** Seconds a call rings before it counts as not answered, 5 to 300. */
  ring_time: number
  media_encryption: MediaEncryption
  /** Class of music on hold; null follows the company. */
  music_class: Id | null
  /** Null follows the company. */
  recording: RecordingMode | null
  /** Whether phones in browsers may be its phones. */
  webrtc_allowed: boolean
  class_of_service: ClassOfService
  /** Names of the groups in which it takes calls that ring elsewhere. */
  pickup_groups: string[]
  /** Phones registered now; in lists only. */
  registrations?: number
}

export type NewExtension = Omit<Extension, 'id' | 'registrations'>

export interface ExtensionSecret {
  extension: Extension
  secret: string
}

export type TrunkState = 'trying' | 'unregistered' | 'registered' | 'ok' | 'rejected' | 'unreachable'

export interface TrunkStatus {
  id: Id
  name: string
  state: TrunkState
  since: number
  host: string | null
  fault: 'refused' | 'no_answer' | 'unreachable' | 'not_trusted' | 'no_address' | 'no_password' | null
  /** SIP status of the carrier's refusal. */
  status: number | null
  registered_until: number | null
}

/** Codecs of trunks, in the order in which they are offered for choice. */
export const TRUNK_CODECS = ['PCMA', 'PCMU', 'G722', 'OPUS', 'G729'] as const
export type TrunkCodec = (typeof TRUNK_CODECS)[number]

/** How pressed keys travel over a trunk. */
export const DTMF_MODES = ['rfc4733', 'info', 'inband'] as const
export type DtmfMode = (typeof DTMF_MODES)[number]

/** Header fields that tell a carrier who has sent a call on. */
export const DIVERSION_HEADERS = ['diversion', 'history_info'] as const
export type DiversionHeader = (typeof DIVERSION_HEADERS)[number]

export interface TrunkSettings {
  name: string
  line: string
  enabled: boolean
  hosts: string[]
  transport: 'udp' | 'tcp' | 'tls'
  /** PEM of authorities, SHA-256 fingerprint, or blank for those the system trusts. */
  trusted_certificate: string
  media_encryption: MediaEncryption
  auth: 'register' | 'ip' | 'none'
  user: string
  sources: string[]
  /** The best first. */
  codecs: TrunkCodec[]
  dtmf: DtmfMode
  options_interval: number
  from_user: string
  /** None: the carrier is not told. */
  diversion_out: DiversionHeader[]
  max_channels: number
  /** Place among the trunks for calls out, lowest first. */
  priority: number
  /** Whether it shows verified numbers of users that the carrier has not given. */
  foreign_caller_id?: boolean
  outbound: OutboundPrefix[]
  inbound: InboundNumber[]
  inbound_default: Id | null
  /** Class of music on hold; null follows the company. */
  music_class: Id | null
  /** Null leaves it to extension and company. */
  recording: RecordingMode | null
}

export interface Trunk extends TrunkSettings {
  id: Id
  has_password: boolean
  /** Null while it is disabled. */
  status: TrunkStatus | null
  /** Calls in progress over it. */
  calls: number
}

/** The password is only ever sent; without it the stored one stays. */
export type TrunkInput = TrunkSettings & { password?: string }

/** Numbers that go out by a trunk: what they begin with, and how many digits of it are not dialled. */
export interface OutboundPrefix {
  prefix: string
  strip: number
}

/** Where an incoming number leads. */
export interface InboundNumber {
  number: string
  extension: Id
}

export const E1_KINDS = ['e1_pri', 'e1_r2'] as const
export type E1Kind = (typeof E1_KINDS)[number]
export const TRUNK_KINDS = ['sip', ...E1_KINDS] as const
export type TrunkKind = (typeof TRUNK_KINDS)[number]

export const ISDN_SIDES = ['user', 'network'] as const
export type IsdnSide = (typeof ISDN_SIDES)[number]

/** How an ISDN line is told the names of callers. */
export const CALLING_NAME_SERVICES = ['off', 'display', 'facility'] as const
export type CallingNameService = (typeof CALLING_NAME_SERVICES)[number]

export interface PriSignalling {
  kind: 'e1_pri'
  side: IsdnSide
  /** The carrier sends called numbers digit by digit. */
  overlap: boolean
  calling_name: CallingNameService
}

export interface R2Signalling {
  kind: 'e1_r2'
  /** Id of an `R2Variant`. */
  variant: string
  called_digits: number
  caller_digits: number
  collect_calls: boolean
  double_answer: boolean
  forced_release: boolean
}

/** In which order free timeslots are taken. */
export const CHANNEL_ORDERS = ['ascending', 'descending', 'round_robin'] as const
export type ChannelOrder = (typeof CHANNEL_ORDERS)[number]

export interface E1Settings {
  name: string
  enabled: boolean
  /** The span's name as its driver gives it. */
  device: string
  crc4: boolean
  /** 0 gives the clock to the far end. */
  clock_rank: number
  echo_cancellation: boolean
  signalling: PriSignalling | R2Signalling
  channel_order: ChannelOrder
  /** Timeslots out of use. */
  blocked: number[]
  priority: number
  /** Whether it shows verified numbers of users that the carrier has not given. */
  foreign_caller_id?: boolean
  outbound: OutboundPrefix[]
  inbound: InboundNumber[]
  inbound_default: Id | null
}

export interface Timeslot {
  timeslot: number
  state: 'idle' | 'busy' | 'blocked' | 'remotely_blocked' | 'signalling'
}

export interface E1Status {
  timeslots: Timeslot[]
  slips: number
  crc4_errors: number
  clock: {
    /** 0: never a source. */
    rank: number
    /** The span whose line gives the clock now; null: the card itself. */
    source: string | null
    is_source: boolean
  }
}

export interface E1Trunk extends E1Settings {
  id: Id
  /** Null while it is disabled. */
  status?: E1Status | null
}

/** A step of the signalling on a timeslot with MFC-R2. */
export interface SignalStep {
  /** Milliseconds since the call began. */
  at_ms: number
  kind: 'line_sent' | 'line_heard' | 'register_sent' | 'register_heard' | 'error' | 'ended' | 'note'
  /** Such as `I-5`, as the standards write it. */
  signal: string
  /** Whether a register signal began; null for others. */
  begins: boolean | null
}

/** A frame of a D channel. */
export interface MessageStep {
  at: number
  sent: boolean
  kind: 'message' | 'link' | 'unreadable'
  /** As Q.921 writes it. */
  link: string
  /** As Q.931 names it; null for other kinds. */
  message: string | null
  call: { reference: number; ours: boolean } | null
  details: string[]
}

/** A trunk of whatever kind. */
export type AnyTrunk = Trunk | E1Trunk

export const isE1 = (trunk: AnyTrunk): trunk is E1Trunk => 'signalling' in trunk
export const kindOf = (trunk: AnyTrunk): TrunkKind => (isE1(trunk) ? trunk.signalling.kind : 'sip')

/** A card's group of channels, such as an E1. */
export interface Span {
  number: number
  name: string
  description: string
  /** `E1`, `T1`, `J1`, or blank for analogue and unknown. */
  kind: string
  /** Such as `RED`; none is well. */
  alarms: string[]
}

/** A variant of MFC-R2, or a carrier's preset on top of one. */
export interface R2Variant {
  id: string
  /** ISO 3166, or `ITU`. */
  country: string
  /** Null for the country's variant as it is. */
  name: string | null
}

/** An object that uses another one. */
export interface UsedBy {
  /** Its kind, such as `company` or `ivr`. */
  object: string
  id: Id
  name: string
}

export type AudioOrigin =
  | { kind: 'upload'; file_name: string; format: string }
  | { kind: 'speech'; text: string; language: LanguageCode }

export interface AudioFile {
  id: Id
  name: string
  description: string
  origin: AudioOrigin
  /** Another one with every new sound. */
  key: string
  duration_ms: number
  octets: number
  used_by: UsedBy[]
  /** False after an import from another gateway: the sound has to be uploaded or spoken again. */
  present: boolean
}

export interface Speech {
  text: string
  language: LanguageCode
}

export interface AudioFileChange {
  name?: string
  description?: string
  speech?: Speech
}

export interface MusicClassInput {
  name: string
  description: string
  files: Id[]
  order: 'listed' | 'shuffled'
  position: 'own_of_caller' | 'shared'
}

export interface MusicClass extends MusicClassInput {
  id: Id
  used_by: UsedBy[]
}

export interface Registration {
  extension: string
  contact: string
  source: string
  transport: string
  user_agent: string | null
  expires_at: number
  registered_at: number
  /** False when the phone has not answered lately. */
  reachable: boolean
}

export interface Party {
  /** Null when withheld. */
  number: string | null
  /** Blank when unknown. */
  name: string
}

export interface ActiveCall {
  id: string
  caller: Party
  callee: Party
  state: 'ringing' | 'answered' | 'held'
  started_at: number
  answered_at: number | null
  codec: string | null
  /** Null when it is not recorded. */
  recording: 'recording' | 'on_demand' | 'paused' | null
}

export interface Live {
  registrations: Registration[]
  calls: ActiveCall[]
  trunks: TrunkStatus[]
  alarms: Alarm[]
}

export interface Leg {
  kind: 'sip' | 'line' | 'service'
  /** Null when withheld. */
  party: string | null
  /** User agent, contact or port; blank when unknown. */
  device: string
  codec: string | null
  /** Name of the cipher suite; null in clear. */
  encryption: string | null
  started_at: number
  answered_at: number | null
  ended_at: number | null
  cause: string
  packets_received: number
  packets_sent: number
  packets_lost: number
  jitter_ms: number
  mos: number | null
  remote_mos: number | null
  round_trip_ms: number | null
  /** What the call to its number costs, when it left the company. */
  toll?: TollClass
  /** Extension whose class of service it came under. */
  charged_to?: string
}

export interface CallRecord {
  id: string
  started_at: number
  answered_at: number | null
  ended_at: number | null
  direction: Direction
  /** Unset: the one that the gateway is set up for. */
  company?: Id
  caller: Party
  callee: Party
  /** Null while the call lasts. */
  result: CallResult | null
  end_reason: string
  legs: Leg[]
  /** The steps that led the call where it went; open-ended. */
  trace: Record<string, unknown>[]
}

export interface CallPage {
  calls: CallRecord[]
  next: string | null
}

/** A port of the line hardware. */
export interface Line {
  id: number
  kind: 'fxo' | 'fxs'
  /** Such as `FXO 1`. */
  name: string
  /** The number the line is known by; blank when unknown. */
  number: string
  /** The loop is closed: a call is on the line. */
  off_hook: boolean
  ringing: boolean
  fault: 'no_battery' | 'hardware' | 'rings_for_ever' | 'left_off_hook' | null
}

/** A repeated tone; its second frequency is 0 for a single one. */
export interface LearnedTone {
  frequencies: [number, number]
  on_ms: number
  off_ms: number
}

export interface FxoSettings {
  country: string
  receive_gain: number
  transmit_gain: number
  echo_cancellation: boolean
  caller_id: 'off' | 'auto' | 'bell202' | 'v23' | 'dtmf'
  dialling: 'tones' | 'pulses'
  dial_tone: 'ignore' | 'wait' | 'require'
  dial_tone_seconds: number
  answer: 'polarity' | 'voice' | 'after_dialling'
  answer_after_seconds: number
  polarity_hang_up: boolean
  loop_interruption_ms: number
  busy_repetitions: number
  learned_tone: LearnedTone | null
  silence_seconds: number
  flash_ms: number
  refuse_collect_calls: boolean
  refused_call: string
}

/** How a port behaves, by its kind. */
export type PortSettings = { kind: 'fxo'; settings: FxoSettings } | { kind: 'fxs'; settings: Record<string, unknown> }

/** By what a test of a line hears how calls end. */
export type HangUpSource =
  | { by: 'nothing' }
  | { by: 'port'; port: string; number: string }
  | { by: 'number'; number: string }
  | { by: 'incoming_call' }

export interface LineTestRequest {
  apply: boolean
  quiet_key: string
  hang_up: HangUpSource
}

export const TEST_STEPS = ['dial_tone', 'silence', 'echo', 'calling', 'waiting_for_call', 'hang_up'] as const
export type TestStep = (typeof TEST_STEPS)[number]

export interface LineTestReport {
  dial_tone: { frequencies: [number, number]; level: number; after_ms: number; of_country: boolean } | null
  takes_tones: boolean | null
  /** In dBm0. */
  noise: number | null
  /** 50 dB means that or more. */
  echo: { return_loss: number; delay_ms: number } | null
  answered: boolean
  answer_reversal: boolean
  hang_up_reversal: boolean
  loop_interruption: boolean
  loop_interruption_ms: number | null
  hang_up_tone: { tone: LearnedTone; level: number; of_country: boolean } | null
  caller: { number: string; name: string } | null
  troubles: { trouble: string; advice: string }[]
}

export interface LineTest {
  running: boolean
  step: TestStep | null
  started_at: number
  ended_at: number | null
  request: LineTestRequest
  report: LineTestReport
  /** Those that follow; null when too little is known. */
  settings: FxoSettings | null
  applied: boolean
}

export interface UnusableCard {
  name: string
  /** Its address on the bus. */
  location: string
  /** The file that its driver asks for and does not find. */
  missing_firmware: string | null
}

/** What the gateway's box has besides lines. */
export interface Chassis {
  temperatures: { name: string; celsius: number | null; high: number; critical: number; heat: 'normal' | 'high' | 'critical' }[]
  disk: { device: string; file_system_errors: number | null; worn_percent: number | null; spare_blocks: 'enough' | 'low' | 'spent' | null } | null
  watchdog: { identity: string; active: boolean; timeout_s: number; has_reset: boolean } | null
  lifeline: { energised: boolean; reason: string | null; ports: string[] } | null
  reset_button: 'released' | 'pressed' | 'stuck' | null
  pins_fault: string | null
}

export interface System {
  version: string
  hostname: string
  cpu_percent: number
  memory: { total: number; free: number }
  disk_data: { total: number; free: number }
  /** Hours of one recorded call that still fit. */
  recording_hours_left: number
  uptime_s: number
  chassis: Chassis
  /** Absent where the gateway has no lines. */
  lines?: Line[]
  /** Cards that no driver works with. */
  unusable_cards?: UnusableCard[]
  /** Port on which phones register. */
  sip_port?: number
  counters: Record<string, unknown>
}

export interface Token {
  id: Id
  name: string
  role: Role
  created_at: number
  created_by: string
  last_used_at: number | null
}

export interface NewToken {
  token: Token
  secret: string
}

export const SUPERVISIONS = ['listen', 'whisper', 'barge', 'take_over'] as const
export type Supervision = (typeof SUPERVISIONS)[number]

export interface QueueMember {
  /** The user, when he is an agent. */
  user: number | null
  name: string
  extension: string | null
  state: string
  answered: number
  missed: number
}

/** Somebody who has given up waiting in a queue and is called back. */
export interface QueueCallback {
  /** The call by which he came, which names him. */
  call: string
  number: string
  name: string
  since: number
  attempts: number
  state: 'waiting' | 'calling' | 'resting'
  /** When he is called again who did not answer. */
  again_at: number | null
}

/** A queue now; counts are since midnight. */
export interface QueueStatus {
  id: number
  name: string
  waiting: { call: string; number: string; name: string; since: number }[]
  callbacks: QueueCallback[]
  members: QueueMember[]
  answered: number
  abandoned: number
  sent_on: number
  longest_wait_ms: number
}

/** A user who takes calls of queues. */
export interface AgentStatus {
  user: number
  /** Null when he has not logged in anywhere. */
  extension: string | null
  /** Null when he takes calls. */
  pause: { reason: string } | null
  break_name: string | null
}

export interface VoiceMessage {
  id: number
  mailbox: number
  caller: Party
  started_at: number
  /** Null while it is being left. */
  ended_at: number | null
  duration_ms: number
  heard_at: number | null
  handled_at: number | null
}

export interface VoiceMessagePage {
  messages: VoiceMessage[]
  next: number | null
}

export type Delivery = {
  id: number
  at: number
  kind: string
  state: 'pending' | 'delivered' | 'failed'
  attempts: number
  next_at?: number | null
  /** What came back. */
  answer: string
} & ({ way: 'webhook'; webhook: number } | { way: 'mail'; to: string[] } | { way: 'text'; to: string })

export interface DeliveryPage {
  deliveries: Delivery[]
  next: number | null
}

/** Codes by service; null is switched off. */
export type FeatureCodes = Record<string, string | null>

export interface CalendarDay {
  date: string
  name: string
  kind: 'own' | 'national' | 'regional' | 'optional'
  /** The government has not decided on the day yet. */
  estimated: boolean
}

/** What a file of holidays holds. */
export interface HolidayFile {
  holidays: { date: string; name: string }[]
  left_out: { name: string; reason: string }[]
}

/** What goes into a backup besides settings and sounds. */
export interface BackupParts {
  voicemail: boolean
  history: boolean
  recordings: boolean
}

export interface ArchiveFile {
  file: string
  kind: string
  at: number
  bytes: number
}

export interface Backups {
  archives: ArchiveFile[]
  making: { file: string; since: number } | null
  problem: string | null
  restored: { at: number; by: Actor; archive: string; made_at: number } | null
}

export interface BackupReport {
  about: { product: string; company: string; made_at: number; parts: BackupParts; holdings: Holdings }
  objects: Record<string, { here: number; archived: number; deleted: number; changed: number; added: number }>
  here: Holdings
  missing_hardware: string[]
  unread: string[]
  lost_secrets: number
}

export interface Holdings {
  calls: number
  recordings: number
  messages: number
}

export interface BackupSchedule {
  enabled: boolean
  every_days: number
  hour: number
  keep: number
  keys: string[]
  parts: BackupParts
}

export interface NetworkFamily<Mode> {
  mode: Mode
  address: string | null
  gateway: string | null
}

export interface NetworkSettings {
  host_name: string
  port: string | null
  vlan: number | null
  ipv4: NetworkFamily<'dhcp' | 'static'>
  ipv6: NetworkFamily<'automatic' | 'static' | 'off'>
  name_servers: string[]
  time_servers: string[]
  routes: { destination: string; gateway: string }[]
}

export interface NetworkState {
  managed: boolean
  settings: NetworkSettings
  trial: { settings: NetworkSettings; until: number } | null
  reverted: { at: number } | null
  ports: { name: string; addresses: string[] }[]
}

export interface NetworkTrial {
  token: string
  until: number
  addresses: string[]
}
