//! What people dial or press at a telephone to have something done (F220, A.4).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::{Invalid, Problems, code};
use crate::{Configuration, UsedBy};

/// What follows a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Nothing: the code is the whole number.
    Alone,
    /// So many digits at least and at most.
    Digits(usize, usize),
    /// Nothing: the code is the first of so many numbers, each of which asks for something of its own.
    Range(usize),
    /// It is pressed while people talk.
    InCall,
}

/// Places where calls are parked (A.4).
const PARK_SLOTS: usize = 20;

macro_rules! features {
    ($($(#[$doc:meta])* $field:ident $name:ident = $code:literal, $form:expr;)*) => {
        /// The codes, each as it is dialled or pressed; null switches one off.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct FeatureCodes {
            $($(#[$doc])* #[schema(default = $code)] pub $field: Option<String>,)*
        }

        impl Default for FeatureCodes {
            fn default() -> Self {
                Self { $($field: Some($code.to_owned()),)* }
            }
        }

        /// What a code is for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FeatureCode {
            $($(#[$doc])* $name,)*
        }

        impl FeatureCode {
            /// The field of [`FeatureCodes`] it stands in.
            pub const fn field(self) -> &'static str {
                match self { $(Self::$name => stringify!($field),)* }
            }

            const fn form(self) -> Form {
                match self { $(Self::$name => $form,)* }
            }
        }

        impl FeatureCodes {
            /// What a feature is asked for with; none when it is switched off.
            pub fn code(&self, feature: FeatureCode) -> Option<&str> {
                match feature { $(FeatureCode::$name => self.$field.as_deref(),)* }
            }

            /// All that are switched on.
            pub fn each(&self) -> impl Iterator<Item = (FeatureCode, &str)> {
                [$((FeatureCode::$name, self.$field.as_deref()),)*]
                    .into_iter()
                    .filter_map(|(feature, code)| Some((feature, code?)))
            }

            fn fields(&mut self) -> Vec<(FeatureCode, &mut Option<String>)> {
                vec![$((FeatureCode::$name, &mut self.$field),)*]
            }
        }
    };
}

features! {
    /// Leaves the other end the user's first recorded message, and ends the call for whoever presses it, in a call.
    voicedrop Voicedrop = "*86", Form::InCall;
    /// Passes the other end on to the number that is pressed next, in a call.
    blind_transfer BlindTransfer = "##", Form::InCall;
    /// Asks back at the number that is pressed next, in a call. Then `*1` goes back, `*2` passes the other end on, `*3` brings
    /// all three together and `*4` goes between the two.
    attended_transfer AttendedTransfer = "*2", Form::InCall;
    /// Starts and stops a recording on demand, in a call.
    record Record = "*3", Form::InCall;
    /// Before a number: all calls of this extension go there.
    forward_all ForwardAll = "*72", Form::Digits(2, 20);
    /// Ends that.
    forward_all_off ForwardAllOff = "*73", Form::Alone;
    /// Before a number: calls go there while this extension is busy.
    forward_busy ForwardBusy = "*90", Form::Digits(2, 20);
    /// Ends that.
    forward_busy_off ForwardBusyOff = "*91", Form::Alone;
    /// Before a number: calls go there that nobody takes at this extension.
    forward_no_answer ForwardNoAnswer = "*52", Form::Digits(2, 20);
    /// Ends that.
    forward_no_answer_off ForwardNoAnswerOff = "*53", Form::Alone;
    /// This extension takes no calls.
    do_not_disturb DoNotDisturb = "*78", Form::Alone;
    /// Ends that.
    do_not_disturb_off DoNotDisturbOff = "*79", Form::Alone;
    /// Calls whoever called this extension last.
    call_back CallBack = "*69", Form::Alone;
    /// Before a number: calls it without showing one's own.
    hide_number HideNumber = "*67", Form::Digits(2, 20);
    /// Messages in one's own voicemail box.
    own_voicemail OwnVoicemail = "*97", Form::Alone;
    /// Messages in a voicemail box whose PIN one knows.
    any_voicemail AnyVoicemail = "*98", Form::Alone;
    /// Takes the call that has rung longest.
    group_pickup GroupPickup = "*8", Form::Alone;
    /// Before the number of an extension: takes the call that rings there.
    directed_pickup DirectedPickup = "**", Form::Digits(2, 7);
    /// Parks a call that is passed on to it.
    park Park = "700", Form::Alone;
    /// The first of the numbers of the 20 slots where calls are parked: takes the call that is parked there.
    park_slots ParkSlots = "701", Form::Range(PARK_SLOTS);
    /// Before the number of an extension: supervises its call. The keys 4, 5, 6 and 7 then listen, whisper, barge in and
    /// take over.
    supervise Supervise = "*33", Form::Digits(2, 7);
    /// Before the number of an extension: its phones take the call by themselves.
    intercom Intercom = "*80", Form::Digits(2, 7);
    /// Plays back what it hears.
    echo_test EchoTest = "*43", Form::Alone;
    /// Says one's own number.
    say_number SayNumber = "*65", Form::Alone;
    /// Logs an agent in or out; before the number of his extension at somebody else's phone.
    agent_login AgentLogin = "*45", Form::Digits(0, 7);
    /// Lets an agent pause, before the number of a break, and take calls again.
    agent_pause AgentPause = "*46", Form::Digits(0, 2);
    /// Before the number of a time condition: switches it by hand, and back.
    time_override TimeOverride = "*27", Form::Digits(1, 6);
    /// Tells the time.
    speaking_clock SpeakingClock = "*60", Form::Alone;
}

/// Keys of a code.
const LONGEST: usize = 6;

impl FeatureCodes {
    /// What a dialled number asks for, and the digits that follow its code.
    pub fn dialled<'a>(&self, number: &'a str) -> Option<(FeatureCode, &'a str)> {
        let fits = self.each().filter_map(|(feature, code)| {
            if let Form::Range(count) = feature.form() {
                let fits = is_in_range(code, count, number);
                return fits.then_some((code.len(), feature, number));
            }
            let rest = number.strip_prefix(code)?;
            let fits = match feature.form() {
                Form::Alone => rest.is_empty(),
                Form::Digits(least, most) => {
                    (least..=most).contains(&rest.len())
                        && rest.bytes().all(|key| key.is_ascii_digit())
                }
                Form::Range(_) | Form::InCall => false,
            };
            fits.then_some((code.len(), feature, rest))
        });
        // The longest code says most.
        let best = fits.max_by_key(|(length, ..)| *length);
        best.map(|(_, feature, rest)| (feature, rest))
    }

    /// Whether the number asks for something, and no more digits can follow.
    pub fn is_complete(&self, number: &str) -> bool {
        let ends = |feature: FeatureCode| matches!(feature.form(), Form::Alone | Form::Range(_));
        let longer = |(feature, code): (FeatureCode, &str)| {
            feature.form() != Form::InCall && code.len() > number.len() && code.starts_with(number)
        };
        self.dialled(number)
            .is_some_and(|(feature, _)| ends(feature))
            && !self.each().any(longer)
    }

    /// The numbers of the slots where calls are parked.
    pub fn park_slots(&self) -> impl Iterator<Item = String> {
        let first = self.park_slots.as_deref().unwrap_or_default();
        let width = first.len();
        let count = u32::try_from(PARK_SLOTS).unwrap_or_default();
        let first = first.parse::<u32>().ok();
        let numbers = first.map(|first| first..first.saturating_add(count));
        let numbers = numbers.into_iter().flatten();
        numbers.map(move |number| format!("{number:0width$}"))
    }

    /// What keys pressed in a call ask for.
    pub fn pressed(&self, keys: &str) -> Pressed {
        let mut begins = false;
        for (feature, code) in self.each() {
            if feature.form() == Form::InCall {
                if code == keys {
                    return Pressed::Asks(feature);
                }
                begins |= code.starts_with(keys);
            }
        }
        if begins {
            Pressed::Begins
        } else {
            Pressed::Nothing
        }
    }

    /// These codes, when they can be told from each other and from everything else that can be dialled.
    ///
    /// # Errors
    /// Each code that cannot; one that somebody else has with [`code::TAKEN`] and who it is.
    pub fn validate(mut self, configuration: &Configuration) -> Result<Self, Invalid> {
        let mut problems = Problems::default();
        self.check_alone(&mut problems);
        for (feature, code) in self.each() {
            if let Some(other) = feature.takes(code, configuration) {
                let message = format!("{code} belongs to {other}");
                problems.add(
                    feature.field(),
                    code::TAKEN,
                    Some(&other.to_string()),
                    message,
                );
            }
        }
        problems.finish(self)
    }

    /// Everything that can be said without another object.
    pub(crate) fn check_alone(&mut self, problems: &mut Problems) {
        for (feature, code) in self.fields() {
            let Some(keys) = code else { continue };
            *keys = keys.trim().to_owned();
            let is_key = |key: u8| key.is_ascii_digit() || key == b'*' || key == b'#';
            if !keys.bytes().all(is_key) {
                let message = "takes keys of a telephone only";
                problems.add(feature.field(), code::CHARACTER, Some("0-9 * #"), message);
            } else if keys.is_empty() {
                problems.add(feature.field(), code::REQUIRED, None, "must not be blank");
            } else if keys.len() > LONGEST {
                let message = format!("at most {LONGEST} keys");
                let limit = LONGEST.to_string();
                problems.add(feature.field(), code::TOO_LONG, Some(&limit), message);
            } else if let Form::Range(count) = feature.form()
                && last_of_range(keys, count).is_none()
            {
                let message = format!("takes digits of which {count} can be counted");
                problems.add(feature.field(), code::INVALID, None, message);
            }
        }
        let all: Vec<_> = self.each().collect();
        for (index, (feature, code)) in all.iter().enumerate() {
            let clash = all[..index]
                .iter()
                .find(|(other, keys)| clashes((*feature, code), (*other, keys)));
            if let Some((other, keys)) = clash {
                let message = format!("cannot be told from {keys}");
                problems.add(
                    feature.field(),
                    code::DUPLICATE,
                    Some(other.field()),
                    message,
                );
            }
        }
    }
}

/// What keys pressed in a call ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressed {
    /// Nothing, and nothing begins like this.
    Nothing,
    /// Something may yet.
    Begins,
    /// This.
    Asks(FeatureCode),
}

/// Whether two codes cannot be told from each other.
fn clashes((one, code): (FeatureCode, &str), (two, other): (FeatureCode, &str)) -> bool {
    let in_call = |feature: FeatureCode| feature.form() == Form::InCall;
    if in_call(one) != in_call(two) {
        return false;
    }
    if in_call(one) {
        // The shorter would always come first.
        return code.starts_with(other) || other.starts_with(code);
    }
    code == other || swallows((one, code), other) || swallows((two, other), code)
}

/// Whether the other code is one that this one can be with the digits that follow it, or that are counted on from it.
fn swallows((feature, code): (FeatureCode, &str), other: &str) -> bool {
    match feature.form() {
        Form::Digits(_, most) => other.strip_prefix(code).is_some_and(|rest| {
            (1..=most).contains(&rest.len()) && rest.bytes().all(|key| key.is_ascii_digit())
        }),
        Form::Range(count) => is_in_range(code, count, other),
        Form::Alone | Form::InCall => false,
    }
}

/// The last of so many numbers that are counted from the first; none when they cannot be, with as many digits.
fn last_of_range(first: &str, count: usize) -> Option<usize> {
    let is_number = !first.is_empty() && first.bytes().all(|key| key.is_ascii_digit());
    let start: usize = is_number.then(|| first.parse().ok()).flatten()?;
    let last = start.checked_add(count.checked_sub(1)?)?;
    (last.to_string().len() <= first.len()).then_some(last)
}

fn is_in_range(first: &str, count: usize, number: &str) -> bool {
    let same_width = number.len() == first.len() && number.bytes().all(|key| key.is_ascii_digit());
    same_width
        && last_of_range(first, count).is_some_and(|last| {
            let last = format!("{last:0width$}", width = first.len());
            // As wide as each other, they sort like numbers.
            (first..=last.as_str()).contains(&number)
        })
}

impl FeatureCode {
    /// Whose number the code would take.
    fn takes(self, code: &str, configuration: &Configuration) -> Option<UsedBy> {
        match self.form() {
            Form::Alone => configuration.who_is_at(code),
            Form::Digits(..) | Form::Range(_) => configuration
                .internal_numbers()
                .find(|(number, _)| *number == code || swallows((self, code), number))
                .map(|(_, user)| user),
            Form::InCall => None,
        }
    }
}
