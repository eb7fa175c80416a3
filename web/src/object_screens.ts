// Where the objects that the gateway names have their screens.
const SCREENS: Record<string, string> = {
  announcement: '/announcements',
  audio_file: '/audio-files',
  break: '/breaks',
  calendar: '/calendars',
  company: '/settings/company',
  conference: '/conferences',
  e1_trunk: '/trunks',
  extension: '/extensions',
  inbound_route: '/inbound-routes',
  ivr: '/ivrs',
  mail_notice: '/mail-notices',
  mail_server: '/mail-servers',
  music_class: '/music-on-hold',
  number: '/numbers',
  outbound_route: '/outbound-routes',
  profile: '/profiles',
  queue: '/queues',
  team: '/teams',
  text_gateway: '/text-gateways',
  time_condition: '/time-conditions',
  trunk: '/trunks',
  user: '/settings/users',
  voicemail_box: '/voicemail-boxes',
  webhook: '/webhooks',
}

export const screenOfObject = (object: string): string | undefined => SCREENS[object]
