//! Legs to carriers.

use std::sync::Arc;

use ramal_media::Codec;
use ramal_model::HostPort;

use super::media::MediaSettings;
use super::{SipLeg, SipLines};
use crate::leg::Cause;
use crate::trunk::{Channel, Trunk, TrunkCall};

impl SipLines {
    /// Calls over a trunk by one of its hosts, in one of `codecs` if the trunk has it.
    ///
    /// # Errors
    /// The cause, when there is no port left for its media.
    pub(crate) fn dial_trunk(
        &self,
        trunk: &Arc<Trunk>,
        host: &HostPort,
        call: &TrunkCall,
        codecs: &[Codec],
    ) -> Result<SipLeg, Cause> {
        let media = MediaSettings::of_trunk(&trunk.settings);
        let destination = trunk.destination(host);
        let device = host.to_string();
        let (trunk, host, call) = (trunk.clone(), host.clone(), call.clone());
        let make = move |flow, _, offer| trunk.invite(&host, &call, flow, offer);
        self.call(destination, device, codecs, media, make)
    }
}

impl SipLeg {
    /// Takes one of a trunk's channels for as long as the leg is there.
    pub(crate) fn occupy(&mut self, channel: Channel) {
        self.channel = Some(channel);
    }

    /// Notes that the caller takes an offer in a reliable provisional response.
    pub(crate) fn offer_early(&mut self) {
        self.offers_early = true;
    }

    /// Notes that the caller wants his number withheld.
    pub(crate) fn withhold_identity(&mut self) {
        self.private = true;
    }
}
