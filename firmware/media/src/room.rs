//! Rooms on their media thread: conferences, and supervisors who listen, whisper or barge in. A room is
//! a matrix of who hears whom; everybody gets the sum of those they hear, never themselves.

use ramal_dsp::{ActivityEvent, Law, RateDoubler, VoiceActivity};
use tokio::sync::mpsc;

use crate::SampleRate;
use crate::channel::{ChannelState, Channels, Index, Kind};
use crate::command::ChannelId;
use crate::reactor::Reactor;
use crate::transmission::Source;

/// Members of a room at most.
pub(crate) const MEMBERS: usize = 32;
/// What is mixed: the widest band any member has.
const RATE: SampleRate = SampleRate::Wide;
const FRAME: usize = RATE.frame();

/// How a channel takes part in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Hears everybody and is heard by everybody who hears all.
    Speaker,
    /// Hears everybody and is heard by nobody, until [`crate::Room::set_heard`] says otherwise.
    Listener,
}

/// Something a room reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomEvent {
    /// A member talks. Known some 30 ms after it began.
    TalkBegan {
        /// [`crate::Channel::id`] of the member.
        channel: u64,
    },
    /// A member stopped talking, 160 ms ago.
    TalkEnded {
        /// [`crate::Channel::id`] of the member.
        channel: u64,
    },
}

/// A room on its media thread.
pub(crate) struct RoomState {
    pub(crate) id: u64,
    members: Box<[Option<Member>; MEMBERS]>,
    pub(crate) events: Option<mpsc::Sender<RoomEvent>>,
    /// What each member says in this tick.
    said: Box<[[i16; FRAME]; MEMBERS]>,
    total: Box<[i32; FRAME]>,
}

struct Member {
    channel: ChannelId,
    index: Index,
    part: Part,
    /// Bit n: hears the member at place n.
    hears: u32,
    activity: VoiceActivity,
    doubler: RateDoubler,
}

impl RoomState {
    pub(crate) fn new(id: u64) -> Box<Self> {
        Box::new(RoomState {
            id,
            members: Box::new([const { None }; MEMBERS]),
            events: None,
            said: Box::new([[0; FRAME]; MEMBERS]),
            total: Box::new([0; FRAME]),
        })
    }

    /// Takes in a channel; false when the room is full.
    pub(crate) fn join(&mut self, channel: ChannelId, index: Index, part: Part) -> bool {
        let Some(place) = self.members.iter().position(Option::is_none) else {
            return false;
        };
        let mut hears = 0;
        for (other, member) in self.members.iter_mut().enumerate() {
            let Some(member) = member else { continue };
            if member.part == Part::Speaker {
                hears |= 1 << other;
            }
            match part {
                Part::Speaker => member.hears |= 1 << place,
                Part::Listener => member.hears &= !(1 << place),
            }
        }
        self.members[place] = Some(Member {
            channel,
            index,
            part,
            hears,
            activity: VoiceActivity::new(),
            doubler: RateDoubler::new(),
        });
        true
    }

    /// Lets a channel go.
    pub(crate) fn leave(&mut self, index: Index) {
        let of_channel =
            |member: &Option<Member>| member.as_ref().is_some_and(|m| m.index == index);
        if let Some(place) = self.members.iter().position(of_channel) {
            self.members[place] = None;
            self.said[place] = [0; FRAME];
        }
    }

    /// Whether `listener` hears `speaker` from now on.
    pub(crate) fn set_heard(&mut self, speaker: ChannelId, listener: ChannelId, heard: bool) {
        let place = |channel: ChannelId| {
            let of_channel = |m: &Option<Member>| m.as_ref().is_some_and(|m| m.channel == channel);
            self.members.iter().position(of_channel)
        };
        let (Some(speaker), Some(listener)) = (place(speaker), place(listener)) else {
            return;
        };
        if let Some(member) = &mut self.members[listener] {
            match heard {
                true => member.hears |= 1 << speaker,
                false => member.hears &= !(1 << speaker),
            }
        }
    }

    /// The channels in it.
    pub(crate) fn channels(&self) -> impl Iterator<Item = Index> {
        self.members.iter().flatten().map(|member| member.index)
    }

    /// One tick: hears everybody, and sends everybody the sum of the others.
    pub(crate) fn mix(
        &mut self,
        channels: &mut Channels,
        now: std::time::Instant,
        out: &mut Reactor,
    ) {
        self.total.fill(0);
        let mut present = 0u32;
        for (place, (member, said)) in self.members.iter_mut().zip(&mut *self.said).enumerate() {
            let Some(member) = member else { continue };
            let Some(channel) = channels.get_mut(member.index) else {
                continue;
            };
            present |= 1 << place;
            member.hear(channel, said, now);
            member.watch(said, self.events.as_ref());
            for (sum, &sample) in self.total.iter_mut().zip(said.iter()) {
                *sum += i32::from(sample);
            }
        }
        for (place, member) in self.members.iter().enumerate() {
            let Some(member) = member else { continue };
            let Some(channel) = channels.get_mut(member.index) else {
                continue;
            };
            // A prompt is heard instead.
            if channel.is_occupied() {
                continue;
            }
            let heard = member.hears & present & !(1 << place);
            let mixed = self.sum(heard, present);
            let source = Source::Local { channel: self.id };
            match &mut channel.kind {
                Kind::Rtp(stream) => stream.send_samples(&mixed, RATE, source, now, out),
                Kind::Line(line) => line.hear_samples(&mixed, RATE),
            }
        }
    }

    /// The sum of what the members of `heard` say, the shorter way: adding them, or taking the others
    /// away from all.
    fn sum(&self, heard: u32, present: u32) -> [i16; FRAME] {
        let others = present & !heard;
        let (mut sum, places, sign) = if heard.count_ones() < others.count_ones() {
            ([0; FRAME], heard, 1)
        } else {
            (*self.total, others, -1)
        };
        for (place, said) in self.said.iter().enumerate() {
            if places & 1 << place != 0 {
                for (sum, &sample) in sum.iter_mut().zip(said) {
                    *sum += sign * i32::from(sample);
                }
            }
        }
        sum.map(|sample| sample.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16)
    }
}

impl Member {
    /// Takes what the channel says in this tick.
    fn hear(
        &mut self,
        channel: &mut ChannelState,
        said: &mut [i16; FRAME],
        now: std::time::Instant,
    ) {
        let mut narrow = [0i16; SampleRate::Narrow.frame()];
        match (&mut channel.kind, &mut channel.playout) {
            (Kind::Line(line), _) => Law::A.decode(&line.received, &mut narrow),
            (Kind::Rtp(_), Some(playout)) if playout.rate() == RATE => {
                playout.pull(now, said);
                return;
            }
            (Kind::Rtp(_), Some(playout)) => playout.pull(now, &mut narrow),
            (Kind::Rtp(_), None) => {}
        }
        self.doubler.process(&narrow, said);
    }

    /// Reports when talk begins and ends.
    fn watch(&mut self, said: &[i16; FRAME], events: Option<&mpsc::Sender<RoomEvent>>) {
        let Some(events) = events else { return };
        let mut thinned = [0i16; SampleRate::Narrow.frame()];
        // Every second sample tells the level as well as all.
        for (sample, pair) in thinned.iter_mut().zip(said.as_chunks::<2>().0) {
            *sample = pair[0];
        }
        let channel = self.channel;
        self.activity.process(&thinned, |event| {
            // A receiver that does not keep up misses it.
            let _ = events.try_send(match event {
                ActivityEvent::Began { .. } => RoomEvent::TalkBegan { channel },
                ActivityEvent::Ended { .. } => RoomEvent::TalkEnded { channel },
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A room in which the member at place n says 10 to the power of n.
    fn room(parts: &[Part]) -> RoomState {
        let mut room = *RoomState::new(1);
        for (place, &part) in parts.iter().enumerate() {
            assert!(room.join(place as u64, place as Index, part));
            let level = 10i16.pow(place as u32);
            room.said[place] = [level; FRAME];
            room.total
                .iter_mut()
                .for_each(|sum| *sum += i32::from(level));
        }
        room
    }

    fn heard(room: &RoomState) -> Vec<i16> {
        let present = (0..MEMBERS)
            .filter(|&place| room.members[place].is_some())
            .fold(0, |bits, place| bits | 1 << place);
        room.members
            .iter()
            .enumerate()
            .filter_map(|(place, member)| {
                let heard = member.as_ref()?.hears & present & !(1 << place);
                Some(room.sum(heard, present)[7])
            })
            .collect()
    }

    #[test]
    fn everybody_hears_all_others() {
        let room = room(&[Part::Speaker; 4]);
        assert_eq!(heard(&room), [1_110, 1_101, 1_011, 111]);
    }

    #[test]
    fn a_supervisor_listens_whispers_and_barges_in() {
        let mut room = room(&[Part::Speaker, Part::Speaker, Part::Listener]);
        assert_eq!(heard(&room), [10, 1, 11]);
        room.set_heard(2, 0, true);
        assert_eq!(heard(&room), [110, 1, 11]);
        room.set_heard(2, 1, true);
        assert_eq!(heard(&room), [110, 101, 11]);
        room.set_heard(2, 0, false);
        room.set_heard(2, 1, false);
        assert_eq!(heard(&room), [10, 1, 11]);
    }

    #[test]
    fn a_room_has_an_end_and_places_are_used_again() {
        let mut room = *RoomState::new(1);
        for number in 0..MEMBERS {
            assert!(room.join(number as u64, number as Index, Part::Speaker));
        }
        assert!(!room.join(99, 99, Part::Speaker));
        room.leave(7);
        assert!(room.join(99, 99, Part::Listener));
        assert!(!room.join(100, 100, Part::Speaker));
        // The new one at the old place is a listener: nobody hears it.
        let hear_it = room
            .members
            .iter()
            .flatten()
            .filter(|m| m.hears & 1 << 7 != 0);
        assert_eq!(hear_it.count(), 0);
        assert_eq!(room.channels().count(), MEMBERS);
    }
}
