//! Caller ID as sound: telling it to telephones and hearing it from exchanges.

use ramal_analog::CallerIdSound;
use ramal_dsp::{
    CallerIdKind, CallerIdMessage, CallerIdReceiver, CallerIdSignal, CallerIdTiming, DtmfCallerId,
    DtmfCallerIdFormat, DtmfDetector, DtmfGenerator, DtmfTiming, FRAME_SAMPLES, FskStandard,
    MessageFormat, Presentation, SAMPLE_RATE, Tone, level_dbm0,
};
use ramal_model::CallerIdReception;

use crate::CallerId;

/// Quieter than this there is nothing to listen to, dBm0.
const QUIETEST: f64 = -48.0;
/// Blocks that are listened to after the last sound, so that the last bits are read.
const AFTERWARDS: u32 = 15;
/// Blocks without a key after which a caller without an ending key is whole.
const KEYS_OVER: u32 = 30;
/// Keys of 70 ms with as much between them (EN 300 659-1 §5.3).
const KEYS: DtmfTiming = DtmfTiming {
    tone_ms: 70,
    pause_ms: 70,
    level: -9.0,
    twist: 2.0,
};
/// The dual tone alerting signal (GR-30 §2.5, EN 300 659-1 §6.1.1), Hz, and its level in dBm0.
const ALERTING_TONE: [f64; 2] = [2_130.0, 2_750.0];
const ALERTING_LEVEL: f64 = -15.0;

/// Sends a caller ID, a lamp's message or the alerting tone.
pub(crate) enum CallerIdSender {
    Modem(CallerIdSignal),
    Keys(DtmfGenerator<std::vec::IntoIter<char>>),
    Alerting([Tone; 2], usize),
}

fn presentation(text: &str) -> Presentation {
    if text.is_empty() {
        Presentation::Unavailable
    } else {
        Presentation::Given(text.to_owned())
    }
}

fn standard(sound: CallerIdSound) -> FskStandard {
    match sound {
        CallerIdSound::V23 => FskStandard::V23,
        _ => FskStandard::Bell202,
    }
}

impl CallerIdSender {
    /// Tells who calls, to a telephone on-hook, or off-hook during a call.
    pub fn caller(
        sound: CallerIdSound,
        caller: &CallerId,
        date: Option<[u8; 4]>,
        timing: CallerIdTiming,
    ) -> Self {
        let number = presentation(&caller.number);
        let format = match sound {
            CallerIdSound::Bell202 | CallerIdSound::V23 => {
                let mut message = CallerIdMessage::call(number, presentation(&caller.name));
                message.date = date;
                let octets = message.encode(MessageFormat::Multiple);
                let signal = CallerIdSignal::new(&octets, standard(sound), timing);
                return CallerIdSender::Modem(signal);
            }
            CallerIdSound::DtmfAc => DtmfCallerIdFormat::StartAEndC,
            CallerIdSound::DtmfDc => DtmfCallerIdFormat::StartDEndC,
            CallerIdSound::DtmfAHash => DtmfCallerIdFormat::StartAEndHash,
        };
        let keys: Vec<char> = format.keys(&number).collect();
        CallerIdSender::Keys(DtmfGenerator::new(keys.into_iter(), KEYS))
    }

    /// Tells the lamp; `None` where the country tells callers by keys, which no lamp knows.
    pub fn message_waiting(sound: CallerIdSound, waiting: bool) -> Option<Self> {
        if !matches!(sound, CallerIdSound::Bell202 | CallerIdSound::V23) {
            return None;
        }
        let mut message =
            CallerIdMessage::call(Presentation::Unavailable, Presentation::Unavailable);
        message.kind = CallerIdKind::MessageWaiting { waiting };
        let octets = message.encode(MessageFormat::Multiple);
        let timing = CallerIdTiming::ON_HOOK;
        Some(CallerIdSender::Modem(CallerIdSignal::new(
            &octets,
            standard(sound),
            timing,
        )))
    }

    /// The alerting tone, so long.
    pub fn alerting_tone(milliseconds: u32) -> Self {
        let tones = ALERTING_TONE.map(|hz| Tone::new(hz, ALERTING_LEVEL, SAMPLE_RATE));
        CallerIdSender::Alerting(tones, milliseconds as usize * SAMPLE_RATE as usize / 1_000)
    }

    /// Adds the next 20 ms; whether that was all.
    pub fn add(&mut self, block: &mut [i16; FRAME_SAMPLES]) -> bool {
        match self {
            CallerIdSender::Modem(signal) => {
                signal.add(block);
                signal.is_over()
            }
            CallerIdSender::Keys(keys) => {
                keys.add(block);
                keys.is_over()
            }
            CallerIdSender::Alerting(tones, left) => {
                let now = (*left).min(FRAME_SAMPLES);
                if let Some(part) = block.get_mut(..now) {
                    tones.iter_mut().for_each(|tone| tone.add(part));
                }
                *left -= now;
                *left == 0
            }
        }
    }
}

/// What an exchange has told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Who calls.
    Caller(CallerId),
    /// Whether messages wait.
    MessageWaiting(bool),
}

/// Listens to a line on-hook.
pub(crate) struct CallerIdListener {
    modems: Vec<CallerIdReceiver>,
    keys: Option<(DtmfDetector, DtmfCallerId)>,
    /// Blocks since the last sound, and since the last key.
    quiet: u32,
    since_key: u32,
    collecting: bool,
}

impl CallerIdListener {
    pub fn new(reception: CallerIdReception) -> Self {
        use CallerIdReception::{Auto, Bell202, Dtmf, V23};
        let mut modems = Vec::new();
        if matches!(reception, Auto | Bell202) {
            modems.push(CallerIdReceiver::new(FskStandard::Bell202));
        }
        if matches!(reception, Auto | V23) {
            modems.push(CallerIdReceiver::new(FskStandard::V23));
        }
        CallerIdListener {
            modems,
            keys: matches!(reception, Auto | Dtmf)
                .then(|| (DtmfDetector::default(), DtmfCallerId::new())),
            quiet: AFTERWARDS,
            since_key: 0,
            collecting: false,
        }
    }

    /// Takes in the next 20 ms.
    pub fn process(&mut self, block: &[i16; FRAME_SAMPLES]) -> Option<Told> {
        if level_dbm0(block) > QUIETEST {
            self.quiet = 0;
        } else {
            self.quiet = self.quiet.saturating_add(1);
        }
        if self.quiet > AFTERWARDS && !self.collecting {
            return None;
        }
        self.modem(block).or_else(|| self.keys(block))
    }

    fn modem(&mut self, block: &[i16; FRAME_SAMPLES]) -> Option<Told> {
        let mut told = None;
        for modem in &mut self.modems {
            modem.process(block, |received| {
                match CallerIdMessage::parse(received.octets) {
                    Ok(message) => told = Some(read(message)),
                    Err(error) => tracing::debug!(%error, "a caller ID message was not understood"),
                }
            });
        }
        told
    }

    fn keys(&mut self, block: &[i16; FRAME_SAMPLES]) -> Option<Told> {
        let (detector, collector) = self.keys.as_mut()?;
        self.since_key = self.since_key.saturating_add(1);
        let caller = match detector.feed(block) {
            Some(key) => {
                self.collecting = true;
                self.since_key = 0;
                collector.push(key)
            }
            None if self.collecting && self.since_key >= KEYS_OVER => {
                self.collecting = false;
                collector.finish()
            }
            None => None,
        }?;
        self.collecting = false;
        Some(Told::Caller(CallerId {
            number: shown(caller),
            name: String::new(),
        }))
    }
}

fn shown(presentation: Presentation) -> String {
    match presentation {
        Presentation::Given(text) => text,
        Presentation::Private | Presentation::Unavailable => String::new(),
    }
}

fn read(message: CallerIdMessage) -> Told {
    match message.kind {
        CallerIdKind::MessageWaiting { waiting } => Told::MessageWaiting(waiting),
        CallerIdKind::CallSetup => Told::Caller(CallerId {
            number: shown(message.number),
            name: shown(message.name),
        }),
    }
}
