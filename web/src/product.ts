/** The product's name, the same in every language. */
export const PRODUCT = 'Ramal'

/** Where a phone finds the registrar unless the gateway says otherwise (RFC 3261 §19.1.2). */
export const SIP_PORT = 5060

/** Names of protocols and formats, the same in every language. */
export const TERM = { sip: 'SIP', udp: 'UDP', tcp: 'TCP', cpu: 'CPU', openApi: 'OpenAPI', api: 'API', curl: 'curl' } as const
