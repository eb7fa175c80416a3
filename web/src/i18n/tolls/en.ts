import type { Entry } from '../message'

// What calls outside cost, and who may make them.
export const tolls = {
  'trace.toll_barred': '{number} is of the class {class}: extension {by} may not call it, as {why}',
  'refused.country_barred': 'calls to this country are not allowed',
  'refused.class_barred': 'its class of service does not have such numbers',
  'refused.call_rate': 'it has begun as many calls outside within a minute as it may',
  'refused.daily_cap': 'it has talked outside today for as long as it may',
  'leg.toll': 'Class: {class}',
  'leg.charged_to': '; on account of extension {number}',
  'toll_class.internal': 'inside the company',
  'toll_class.local': 'local',
  'toll_class.national': 'national',
  'toll_class.mobile': 'mobile',
  'toll_class.international': 'international',
  'toll_class.premium': 'premium',
  'class_of_service.title': 'May call',
  'class_of_service.hint': 'Emergency numbers can always be called. Other countries must be listed under Company, too.',
  'class_of_service.calls_per_minute': 'Outside calls a minute',
  'class_of_service.calls_per_minute_hint': '0 to 600; 0 is no limit',
  'class_of_service.minutes_per_day': 'Outside minutes a day',
  'class_of_service.minutes_per_day_hint': '0 to 10000; 0 is no limit',
  'toll.settings': 'Calls to other countries',
  'toll.countries': 'Countries that may be called',
  'toll.countries_hint': 'What their numbers begin with, such as 34, 351. Empty: none. Islands that share 1 with the United States need their area code, such as 1809.',
  'toll.all_countries': 'All countries may be called',
  'toll.all_countries_hint': 'A stolen password can then cost a fortune overnight.',
} as const satisfies Record<string, Entry>
