import { mount } from 'svelte'
import './styles/tokens.css'
import './styles/base.css'
import './styles/controls.css'
import App from './App.svelte'
import { language } from './i18n/language.svelte'
import { confirmNetwork } from './live/network_confirmation'
import { theme } from './theme.svelte'

theme.start()
await language.start()
await confirmNetwork()

const target = document.getElementById('app')
if (target) mount(App, { target })
