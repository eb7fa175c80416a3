//! The B channels of an interface: who has them and which one is next (Q.931 §5.1.2, §5.2.3).

use std::fmt;

use crate::CallId;
use crate::settings::Settings;

/// A set of time slots, 1 to 31.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ChannelSet(u32);

impl ChannelSet {
    /// No channel.
    pub const EMPTY: Self = Self(0);
    /// The 30 B channels of an E1: all but time slot 0 (framing) and 16 (D channel).
    pub const E1: Self = Self(0xFFFE_FFFE);

    /// Whether a channel belongs to the set.
    pub fn contains(self, channel: u8) -> bool {
        (1..=31).contains(&channel) && self.0 & (1 << channel) != 0
    }

    /// Adds a channel; numbers other than 1 to 31 change nothing.
    pub fn insert(&mut self, channel: u8) {
        if (1..=31).contains(&channel) {
            self.0 |= 1 << channel;
        }
    }

    /// Takes a channel out.
    pub fn remove(&mut self, channel: u8) {
        if (1..=31).contains(&channel) {
            self.0 &= !(1 << channel);
        }
    }

    /// Members in ascending order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = u8> + Clone {
        (1..=31).filter(move |channel| self.contains(*channel))
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<u8> for ChannelSet {
    fn from_iter<I: IntoIterator<Item = u8>>(channels: I) -> Self {
        let mut set = Self::EMPTY;
        channels.into_iter().for_each(|channel| set.insert(channel));
        set
    }
}

impl fmt::Debug for ChannelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// In which order free channels are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Selection {
    /// The lowest first.
    Ascending,
    /// The highest first.
    Descending,
    /// The next above the one taken last.
    RoundRobin,
    /// The next below the one taken last.
    RoundRobinDescending,
}

/// Which way a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The peer has sent SETUP.
    Incoming,
    /// We have.
    Outgoing,
}

/// What one channel is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelStatus {
    /// Free.
    Idle,
    /// A call has it.
    InUse(CallId),
    /// RESTART was sent and is not acknowledged.
    Restarting,
    /// The peer did not acknowledge RESTART: kept free of calls until a restart succeeds.
    OutOfService,
}

#[derive(Clone, Copy, Debug)]
struct Channel {
    status: ChannelStatus,
    /// Taken out of service by us.
    blocked: bool,
    /// Taken out of service by the peer (SERVICE).
    blocked_by_peer: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Channels {
    present: ChannelSet,
    incoming_only: ChannelSet,
    outgoing_only: ChannelSet,
    selection: Selection,
    /// By time slot.
    slots: [Channel; 32],
    last: u8,
}

impl Channels {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            present: settings.channels,
            incoming_only: settings.incoming_only,
            outgoing_only: settings.outgoing_only,
            selection: settings.selection,
            slots: [Channel {
                status: ChannelStatus::Idle,
                blocked: false,
                blocked_by_peer: false,
            }; 32],
            last: match settings.selection {
                Selection::Ascending | Selection::RoundRobin => 0,
                Selection::Descending | Selection::RoundRobinDescending => 32,
            },
        }
    }

    pub(crate) fn exists(&self, channel: u8) -> bool {
        self.present.contains(channel)
    }

    pub(crate) fn present(&self) -> ChannelSet {
        self.present
    }

    fn slot(&mut self, channel: u8) -> Option<&mut Channel> {
        self.present
            .contains(channel)
            .then(|| &mut self.slots[usize::from(channel)])
    }

    pub(crate) fn status(&self, channel: u8) -> Option<ChannelStatus> {
        self.exists(channel)
            .then(|| self.slots[usize::from(channel)].status)
    }

    pub(crate) fn owner(&self, channel: u8) -> Option<CallId> {
        match self.status(channel) {
            Some(ChannelStatus::InUse(call)) => Some(call),
            _ => None,
        }
    }

    /// Whether a channel is in service for a direction, whoever has it.
    pub(crate) fn serves(&self, channel: u8, direction: Direction) -> bool {
        let wrong_way = match direction {
            Direction::Incoming => self.outgoing_only,
            Direction::Outgoing => self.incoming_only,
        };
        let slot = &self.slots[usize::from(channel & 31)];
        self.exists(channel)
            && !wrong_way.contains(channel)
            && !slot.blocked
            && !slot.blocked_by_peer
            && matches!(slot.status, ChannelStatus::Idle | ChannelStatus::InUse(_))
    }

    pub(crate) fn is_free(&self, channel: u8, direction: Direction) -> bool {
        self.serves(channel, direction) && self.status(channel) == Some(ChannelStatus::Idle)
    }

    /// Whether we have taken a channel out of service.
    pub(crate) fn is_blocked(&self, channel: u8) -> bool {
        self.exists(channel) && self.slots[usize::from(channel)].blocked
    }

    /// The channel the policy wants next.
    pub(crate) fn select(&self, direction: Direction) -> Option<u8> {
        let free = (1..=31).filter(|channel| self.is_free(*channel, direction));
        let last = self.last;
        match self.selection {
            Selection::Ascending => free.min(),
            Selection::Descending => free.max(),
            Selection::RoundRobin => free.min_by_key(|channel| (*channel <= last, *channel)),
            Selection::RoundRobinDescending => {
                free.max_by_key(|channel| (*channel < last, *channel))
            }
        }
    }

    pub(crate) fn take(&mut self, channel: u8, call: CallId) {
        if let Some(slot) = self.slot(channel) {
            slot.status = ChannelStatus::InUse(call);
            self.last = channel;
        }
    }

    /// Gives a channel back, if this call has it.
    pub(crate) fn free(&mut self, channel: u8, call: CallId) {
        if let Some(slot) = self.slot(channel)
            && slot.status == ChannelStatus::InUse(call)
        {
            slot.status = ChannelStatus::Idle;
        }
    }

    pub(crate) fn set_status(&mut self, channel: u8, status: ChannelStatus) {
        if let Some(slot) = self.slot(channel) {
            slot.status = status;
        }
    }

    pub(crate) fn block(&mut self, channel: u8, blocked: bool) -> bool {
        self.slot(channel)
            .map(|slot| slot.blocked = blocked)
            .is_some()
    }

    pub(crate) fn block_by_peer(&mut self, channel: u8, blocked: bool) {
        if let Some(slot) = self.slot(channel) {
            slot.blocked_by_peer = blocked;
        }
    }

    pub(crate) fn is_blocked_by_peer(&self, channel: u8) -> bool {
        self.exists(channel) && self.slots[usize::from(channel)].blocked_by_peer
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;
    use crate::settings::Role;

    fn channels(selection: Selection) -> Channels {
        let mut settings = Settings::new(Role::User);
        settings.channels = (1..=4).collect();
        settings.selection = selection;
        Channels::new(&settings)
    }

    fn order(channels: &mut Channels, count: usize) -> Vec<u8> {
        (0..count)
            .map(|_| {
                let channel = channels.select(Direction::Outgoing).unwrap();
                channels.take(channel, CallId::for_tests(1));
                channels.free(channel, CallId::for_tests(1));
                channel
            })
            .collect()
    }

    #[test]
    fn each_policy_has_its_order() {
        assert_eq!(order(&mut channels(Selection::Ascending), 3), [1, 1, 1]);
        assert_eq!(order(&mut channels(Selection::Descending), 3), [4, 4, 4]);
        assert_eq!(
            order(&mut channels(Selection::RoundRobin), 5),
            [1, 2, 3, 4, 1]
        );
        let mut down = channels(Selection::RoundRobinDescending);
        assert_eq!(order(&mut down, 5), [4, 3, 2, 1, 4]);
    }

    #[test]
    fn reserved_and_blocked_channels_are_passed_over() {
        let mut settings = Settings::new(Role::User);
        settings.channels = (1..=4).collect();
        settings.selection = Selection::Ascending;
        settings.incoming_only = [1].into_iter().collect();
        settings.outgoing_only = [4].into_iter().collect();
        let mut channels = Channels::new(&settings);
        channels.block(2, true);
        assert_eq!(channels.select(Direction::Outgoing), Some(3));
        assert_eq!(channels.select(Direction::Incoming), Some(1));
        assert!(!channels.is_free(4, Direction::Incoming));
        channels.block_by_peer(3, true);
        assert_eq!(channels.select(Direction::Outgoing), Some(4));
        channels.set_status(4, ChannelStatus::OutOfService);
        assert_eq!(channels.select(Direction::Outgoing), None);
        channels.block(2, false);
        assert_eq!(channels.select(Direction::Outgoing), Some(2));
        assert!(!channels.exists(16));
    }
}
