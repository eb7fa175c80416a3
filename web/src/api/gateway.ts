// The gateway's API, call by call.
import { client, type Call } from './client'
import type * as Api from './types'

const id = (value: Api.Id) => encodeURIComponent(String(value))

export const status = () => client.get<Api.Status>('/status')
export const countries = () => client.get<Api.Country[]>('/countries')
export const setUp = (body: Api.SetUp): Call => ({ method: 'POST', path: '/setup', body })

export const session = () => client.get<Api.Session>('/session')
export const logIn = (login: string, password: string): Call => ({
  method: 'POST',
  path: '/session',
  body: { login, password },
})
export const logOut = () => client.send<void>({ method: 'DELETE', path: '/session' })
export const changeOwnPassword = (current_password: string, password: string): Call => ({
  method: 'PUT',
  path: '/session/password',
  body: { current_password, password },
})

export const company = () => client.get<Api.Company>('/company')
export const changeCompany = (body: Api.Company): Call => ({ method: 'PUT', path: '/company', body })

export const extensions = () => client.get<Api.Extension[]>('/extensions')
export const createExtension = (body: Api.NewExtension): Call => ({ method: 'POST', path: '/extensions', body })
export const changeExtension = (of: Api.Id, body: Partial<Api.NewExtension>): Call => ({
  method: 'PATCH',
  path: `/extensions/${id(of)}`,
  body,
})
export const deleteExtension = (of: Api.Id): Call => ({ method: 'DELETE', path: `/extensions/${id(of)}` })
export const newSecret = (of: Api.Id): Call => ({ method: 'POST', path: `/extensions/${id(of)}/secret` })

export const trunks = () => client.get<Api.Trunk[]>('/trunks')
export const createTrunk = (body: Api.TrunkInput): Call => ({ method: 'POST', path: '/trunks', body })
export const changeTrunk = (of: Api.Id, body: Partial<Api.TrunkInput>): Call => ({
  method: 'PATCH',
  path: `/trunks/${id(of)}`,
  body,
})
export const deleteTrunk = (of: Api.Id): Call => ({ method: 'DELETE', path: `/trunks/${id(of)}` })

export const e1Trunks = () => client.get<Api.E1Trunk[]>('/e1-trunks')
export const createE1Trunk = (body: Api.E1Settings): Call => ({ method: 'POST', path: '/e1-trunks', body })
export const changeE1Trunk = (of: Api.Id, body: Partial<Api.E1Settings>): Call => ({
  method: 'PATCH',
  path: `/e1-trunks/${id(of)}`,
  body,
})
export const deleteE1Trunk = (of: Api.Id): Call => ({ method: 'DELETE', path: `/e1-trunks/${id(of)}` })
export const e1Signals = (of: Api.Id, timeslot: number) => client.get<Api.SignalStep[]>(`/e1-trunks/${id(of)}/timeslots/${timeslot}/signals`)
export const e1Messages = (of: Api.Id) => client.get<Api.MessageStep[]>(`/e1-trunks/${id(of)}/messages`)
export const spans = () => client.get<Api.Span[]>('/spans')
export const r2Variants = () => client.get<Api.R2Variant[]>('/r2-variants')

const port = (name: string) => `/lines/${encodeURIComponent(name)}`
export const portSettings = (name: string) => client.get<Api.PortSettings>(`${port(name)}/settings`)
export const changePortSettings = (name: string, body: Api.PortSettings): Call => ({
  method: 'PUT',
  path: `${port(name)}/settings`,
  body,
})
export const lineTest = (name: string) => client.get<Api.LineTest>(`${port(name)}/test`)
export const testLine = (name: string, body: Api.LineTestRequest): Call => ({ method: 'POST', path: `${port(name)}/test`, body })
export const stopLineTest = (name: string): Call => ({ method: 'DELETE', path: `${port(name)}/test` })

export const audioFiles = () => client.get<Api.AudioFile[]>('/audio-files')
/** Takes a form with `name`, `description` and `file`. */
export const AUDIO_FILES = '/audio-files'
/** Takes a form with `file`. */
export const soundOf = (of: Api.Id) => `/audio-files/${id(of)}/sound`
export const speakAudioFile = (body: Api.Speech & { name: string; description: string }): Call => ({
  method: 'POST',
  path: '/audio-files/speech',
  body,
})
export const changeAudioFile = (of: Api.Id, body: Api.AudioFileChange): Call => ({
  method: 'PATCH',
  path: `/audio-files/${id(of)}`,
  body,
})
export const deleteAudioFile = (of: Api.Id): Call => ({ method: 'DELETE', path: `/audio-files/${id(of)}` })
export const preview = (body: Api.Speech): Call => ({ method: 'POST', path: '/speech', body })

export const musicClasses = () => client.get<Api.MusicClass[]>('/music-classes')
export const createMusicClass = (body: Api.MusicClassInput): Call => ({ method: 'POST', path: '/music-classes', body })
export const changeMusicClass = (of: Api.Id, body: Partial<Api.MusicClassInput>): Call => ({
  method: 'PATCH',
  path: `/music-classes/${id(of)}`,
  body,
})
export const deleteMusicClass = (of: Api.Id): Call => ({ method: 'DELETE', path: `/music-classes/${id(of)}` })

export const users = () => client.get<Api.User[]>('/users')
export const createUser = (body: Api.NewUser): Call => ({ method: 'POST', path: '/users', body })
export const changeUser = (of: Api.Id, body: Partial<Api.NewUser>): Call => ({
  method: 'PATCH',
  path: `/users/${id(of)}`,
  body,
})
export const deleteUser = (of: Api.Id): Call => ({ method: 'DELETE', path: `/users/${id(of)}` })

export const tokens = () => client.get<Api.Token[]>('/tokens')
export const createToken = (name: string, role: Api.Role): Call => ({
  method: 'POST',
  path: '/tokens',
  body: { name, role },
})
export const deleteToken = (of: Api.Id): Call => ({ method: 'DELETE', path: `/tokens/${id(of)}` })

export const hangUp = (call: string) => client.send<void>({ method: 'DELETE', path: `/calls/active/${id(call)}` })

export const supervise = (call: string, mode: Api.Supervision, supervisor: number | null): Call => ({
  method: 'POST',
  path: `/calls/active/${id(call)}/supervision`,
  body: supervisor === null ? { mode } : { mode, supervisor },
})

export const queueStatus = () => client.get<Api.QueueStatus[]>('/queue-status')
export const cancelCallback = (queue: number, call: string): Call => ({ method: 'DELETE', path: `/queues/${queue}/callbacks/${call}` })
export const agents = () => client.get<Api.AgentStatus[]>('/agents')
export const tellAgent = (user: number, what: 'pause' | 'resume' | 'logout'): Call => ({
  method: 'POST',
  path: `/agents/${user}/${what}`,
  ...(what === 'pause' && { body: {} }),
})

export const voiceMessages = (limit: number, before: number | null, mailbox: string, onlyNew: boolean) =>
  client.get<Api.VoiceMessagePage>('/voicemail-messages', { limit, before, mailbox, heard: onlyNew ? 'false' : null })
export const changeVoiceMessage = (of: Api.Id, body: { heard?: boolean; handled?: boolean }): Call => ({
  method: 'PATCH',
  path: `/voicemail-messages/${id(of)}`,
  body,
})
export const deleteVoiceMessage = (of: Api.Id): Call => ({ method: 'DELETE', path: `/voicemail-messages/${id(of)}` })

export const deliveries = (limit: number, before: number | null) => client.get<Api.DeliveryPage>('/deliveries', { limit, before })
export const replay = (of: Api.Id): Call => ({ method: 'POST', path: `/deliveries/${id(of)}/replay` })

export const featureCodes = () => client.get<Api.FeatureCodes>('/feature-codes')
export const changeFeatureCodes = (body: Api.FeatureCodes): Call => ({ method: 'PUT', path: '/feature-codes', body })
export const RESET_FEATURE_CODES: Call = { method: 'DELETE', path: '/feature-codes' }

export interface CallFilter {
  number?: string
  result?: Api.CallResult | ''
  direction?: Api.Direction | ''
  /** Those that began then or later, and before, UTC ms; blank is any time. */
  from?: number | ''
  until?: number | ''
  /** Of one company only. */
  company?: string
}
export const calls = (filter: CallFilter, limit: number, before: string | null) =>
  client.get<Api.CallPage>('/calls', { ...filter, limit, before })

export const recordingsOf = (call: string) => client.get<Api.RecordingPage>('/recordings', { call })
export const waveform = (of: Api.Id) => client.get<Api.Waveform>(`/recordings/${id(of)}/waveform`)
export const recordingSound = (of: Api.Id) => `/api/v1/recordings/${id(of)}/audio`
export const recordingFile = (of: Api.Id) => `/api/v1/recordings/${id(of)}/audio?download=1`
export const deleteRecording = (of: Api.Id): Call => ({ method: 'DELETE', path: `/recordings/${id(of)}` })
export const recordingSettings = () => client.get<Api.RecordingSettings>('/recording-settings')
export const changeRecordingSettings = (body: Api.RecordingSettings): Call => ({
  method: 'PATCH',
  path: '/recording-settings',
  body,
})

export const sipSettings = () => client.get<Api.SipSettings>('/sip-settings')
export const changeSipSettings = (body: Api.SipSettings): Call => ({ method: 'PUT', path: '/sip-settings', body })

export const tollSettings = () => client.get<Api.TollSettings>('/toll-settings')
export const changeTollSettings = (body: Api.TollSettings): Call => ({ method: 'PUT', path: '/toll-settings', body })

export const system = () => client.get<Api.System>('/system')

export const exportConfiguration = () => client.get<unknown>('/configuration/export')
export const importConfiguration = (body: unknown): Call => ({ method: 'POST', path: '/configuration/import', body })

export const versions = (limit: number, before: number | null) =>
  client.get<Api.VersionPage>('/configuration/versions', { limit, before })
export const undoVersion = (version: number): Call => ({ method: 'POST', path: `/configuration/versions/${version}/undo` })
export const drafts = () => client.get<Api.Draft[]>('/configuration/drafts')
export const createDraft = (name: string): Call => ({ method: 'POST', path: '/configuration/drafts', body: { name } })
export const discardDraft = (of: Api.Id): Call => ({ method: 'DELETE', path: `/configuration/drafts/${id(of)}` })
export const activateDraft = (of: Api.Id): Call => ({ method: 'POST', path: `/configuration/drafts/${id(of)}/activate` })

export const auditLog = (limit: number, before: number | null, refused: boolean) =>
  client.get<Api.AuditPage>('/audit-log', { limit, before, refused: refused ? 'true' : null })
export const AUDIT_FILE = '/api/v1/audit-log/export?format=csv'

export const fleet = () => client.get<Api.Fleet>('/fleet')
export const changeFleet = (body: Api.FleetSettings & { token?: string }): Call => ({ method: 'PUT', path: '/fleet', body })
export const ASK_FLEET: Call = { method: 'POST', path: '/fleet/ask', body: {} }

export const update = () => client.get<Api.UpdateState>('/system/update')
/** Takes the file as it is. */
export const UPDATE_BUNDLE = '/system/update/bundle'
export const CANCEL_UPDATE: Call = { method: 'DELETE', path: UPDATE_BUNDLE }
export const installUpdate = (again: boolean): Call => ({ method: 'POST', path: '/system/update/install', body: { again } })
export const restartForUpdate = (body: Api.Restart): Call => ({ method: 'POST', path: '/system/update/restart', body })
export const KEEP_RUNNING: Call = { method: 'DELETE', path: '/system/update/restart' }
export const GO_BACK: Call = { method: 'POST', path: '/system/update/previous', body: { when: 'idle' } }
export const ACKNOWLEDGE_UPDATE: Call = { method: 'POST', path: '/system/update/acknowledge', body: {} }

export const SUPPORT_FILE = '/api/v1/support-bundle'
export const storage = () => client.get<Api.Storage>('/storage')
export const BACK_UP: Call = { method: 'POST', path: '/storage/backups' }
export const acknowledgeRecovery = (of: Api.Id): Call => ({
  method: 'POST',
  path: `/storage/recoveries/${id(of)}/acknowledge`,
  body: {},
})

export const send = <T>(call: Call) => client.send<T>(call)

/** Takes note of everything that was recovered, so that there is no alarm of it any more. */
export async function acknowledgeRecoveries() {
  const { recoveries } = await storage()
  for (const one of recoveries.filter((one) => one.acknowledged_at === null)) {
    await send<void>(acknowledgeRecovery(one.id))
  }
}

export const calendarDays = (of: Api.Id, year: number) => client.get<Api.CalendarDay[]>(`/calendars/${id(of)}/days`, { year })
export const readHolidays = (file: Blob) => client.send<Api.HolidayFile>({ method: 'POST', path: '/calendars/read', body: file })

const backup = (file: string) => `/backups/${encodeURIComponent(file)}`
export const backups = () => client.get<Api.Backups>('/backups')
export const makeBackup = (passphrase: string, parts: Api.BackupParts): Call => ({
  method: 'POST',
  path: '/backups',
  body: { passphrase, parts },
})
export const deleteBackup = (file: string): Call => ({ method: 'DELETE', path: backup(file) })
export const checkBackup = (file: string, secret: string): Call => ({ method: 'POST', path: `${backup(file)}/check`, body: { secret } })
export const restoreBackup = (file: string, secret: string): Call => ({ method: 'POST', path: `${backup(file)}/restore`, body: { secret } })
export const backupAddress = (file: string) => `/api/v1${backup(file)}`
export const backupSchedule = () => client.get<Api.BackupSchedule>('/backup-schedule')
export const changeBackupSchedule = (body: Api.BackupSchedule): Call => ({ method: 'PUT', path: '/backup-schedule', body })
export const MAKE_BACKUP_KEY: Call = { method: 'POST', path: '/backup-keys' }
export const factoryReset = (password: string, confirmation: string): Call => ({
  method: 'POST',
  path: '/factory-reset',
  body: { password, confirmation },
})

export const network = () => client.get<Api.NetworkState>('/network')
export const tryNetwork = (body: Api.NetworkSettings): Call => ({ method: 'PUT', path: '/network', body })
export const confirmNetwork = (token: string): Call => ({ method: 'POST', path: '/network/confirm', body: { token } })
export const REVERT_NETWORK: Call = { method: 'DELETE', path: '/network/trial' }
export const ACKNOWLEDGE_NETWORK: Call = { method: 'POST', path: '/network/acknowledge' }
