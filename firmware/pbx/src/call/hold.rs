//! What somebody hears whose peer has put the call on hold.

use std::time::Duration;

use ramal_media::PlayHandle;
use ramal_model::{CompanyId, Configuration, MusicClassId};
use tokio::time::Instant;

use super::Caller;
use super::record::Call;
use crate::leg::Leg;

/// The music of one end. Dropping it ends the music.
#[derive(Default)]
pub(super) struct HoldMusic {
    playing: Option<(PlayHandle, Instant)>,
    /// Which class was heard last, and how much of it.
    heard: (Option<MusicClassId>, Duration),
}

impl HoldMusic {
    /// Plays to an end whose peer is `holder`, if nothing is playing yet.
    pub(super) fn start(&mut self, call: &Call, leg: &dyn Leg, holder: &Caller) {
        let (None, Some(channel)) = (&self.playing, leg.stream()) else {
            return;
        };
        // What counts is what is configured now, not when the call began.
        let exchange = call.exchange();
        let configuration = exchange.configuration.borrow().clone();
        let class = call.of_number.music_class;
        let class = class.or_else(|| class_of(&configuration, holder, call.company()));
        let Some(programme) = exchange.music.programme(&configuration, class) else {
            return;
        };
        if self.heard.0 != programme.class {
            self.heard = (programme.class, Duration::ZERO);
        }
        let before = programme.running.unwrap_or(self.heard.1);
        match channel.play_round(programme.sounds, before) {
            Ok(handle) => self.playing = Some((handle, Instant::now())),
            Err(error) => tracing::warn!(%error, "somebody on hold hears nothing"),
        }
    }

    /// Ends the music; the next time it goes on from here.
    pub(super) fn stop(&mut self) {
        if let Some((handle, since)) = self.playing.take() {
            self.heard.1 += since.elapsed();
            handle.stop();
        }
    }
}

/// The class that those hear whom `holder` holds: his own, or the company's.
fn class_of(
    configuration: &Configuration,
    holder: &Caller,
    company: CompanyId,
) -> Option<MusicClassId> {
    let own = match holder {
        Caller::Extension(extension) => configuration
            .extension(extension.id)
            .and_then(|extension| extension.music_class),
        Caller::SipTrunk(from) => configuration
            .trunk(from.trunk)
            .and_then(|trunk| trunk.music_class),
        Caller::Station(_) | Caller::Trunk { .. } | Caller::E1(_) => None,
    };
    own.or_else(|| configuration.music_class_of(company))
}
