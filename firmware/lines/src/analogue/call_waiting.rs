//! A second call told to a telephone during a call: the country's tone, and who it is to telephones that understand
//! (Telcordia GR-30 §2.5: alerting tone, acknowledgement, message).

use ramal_analog::CallerIdSound;
use ramal_dsp::{CadenceGenerator, CallerIdTiming, CountryTones, DtmfDetector, FRAME_SAMPLES};

use super::CallerIdSender;
use crate::CallerId;

/// Length of the alerting tone, ms (GR-30 §2.5.1: 75-85).
const ALERTING_MS: u32 = 80;
/// Blocks within which a telephone acknowledges (GR-30 §2.5.2: 160 ms; the rest is for the way there and back).
const ACKNOWLEDGED_WITHIN: u32 = 15;
/// From the beginning of the tone to the alerting tone, in blocks: the tone's first sound must be over.
const TONE_BLOCKS: u32 = 20;

enum Stage {
    /// Until the first sound of the tone is over.
    Tone(u32),
    Alerting(CallerIdSender),
    /// Waiting for the acknowledgement.
    Listening(u32),
    Telling(CallerIdSender),
    /// The tone alone.
    Told,
}

/// One waiting call.
pub(super) struct CallWaiting {
    tone: CadenceGenerator,
    /// Who it is and how that is told; none when not told.
    caller: Option<(CallerIdSound, CallerId)>,
    stage: Stage,
    acknowledgement: DtmfDetector,
}

impl CallWaiting {
    pub fn new(tones: &CountryTones, sound: Option<CallerIdSound>, caller: CallerId) -> Self {
        let modem =
            sound.filter(|sound| matches!(sound, CallerIdSound::Bell202 | CallerIdSound::V23));
        CallWaiting {
            tone: CadenceGenerator::new(tones.call_waiting),
            caller: modem.map(|sound| (sound, caller)),
            stage: Stage::Tone(TONE_BLOCKS),
            acknowledgement: DtmfDetector::default(),
        }
    }

    /// Whether the call's sound is cut in both directions: the telephone and the gateway talk to each other.
    pub fn mutes(&self) -> bool {
        !matches!(self.stage, Stage::Tone(_) | Stage::Told)
    }

    /// The next 20 ms: hears the telephone and puts its own sound to that of the call, or in its place.
    pub fn block(&mut self, heard: &[i16; FRAME_SAMPLES], transmit: &mut [i16; FRAME_SAMPLES]) {
        if self.mutes() {
            transmit.fill(0);
        }
        let next = match &mut self.stage {
            Stage::Tone(left) => {
                self.tone.add(transmit);
                *left = left.saturating_sub(1);
                (*left == 0).then(|| match &self.caller {
                    Some(_) => Stage::Alerting(CallerIdSender::alerting_tone(ALERTING_MS)),
                    None => Stage::Told,
                })
            }
            Stage::Alerting(sender) => sender
                .add(transmit)
                .then_some(Stage::Listening(ACKNOWLEDGED_WITHIN)),
            Stage::Listening(left) => {
                *left = left.saturating_sub(1);
                let key = self.acknowledgement.feed(heard);
                match (key, &self.caller) {
                    (Some('A' | 'D'), Some((sound, caller))) => Some(Stage::Telling(
                        CallerIdSender::caller(*sound, caller, None, CallerIdTiming::OFF_HOOK),
                    )),
                    _ => (*left == 0).then_some(Stage::Told),
                }
            }
            Stage::Telling(sender) => sender.add(transmit).then_some(Stage::Told),
            Stage::Told => {
                self.tone.add(transmit);
                None
            }
        };
        if let Some(next) = next {
            self.stage = next;
        }
    }
}
