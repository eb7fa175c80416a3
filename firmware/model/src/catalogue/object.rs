//! What all objects of the catalogue have in common.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Reference;
use crate::{CompanyId, Configuration, Secret, Speech, problem::Problems};

/// Identifies an object of kind `T` for as long as it exists. Never used again after deletion.
pub struct Id<T> {
    number: i64,
    kind: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// The id with this number.
    pub const fn new(number: i64) -> Self {
        Self {
            number,
            kind: PhantomData,
        }
    }

    /// Its number, unique among the ids of all kinds.
    pub const fn number(self) -> i64 {
        self.number
    }
}

// Derived, these would ask the same of `T`.
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.number.cmp(&other.number)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}
impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.number.serialize(serializer)
    }
}
impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(Self::new)
    }
}

/// An object of the catalogue: its settings, as people write them. Every field has a default, so that what is left out
/// takes it; [`Object::check`] refuses what must not be left out.
pub trait Object:
    Clone + fmt::Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Its kind, as the database, the journal and references name it, such as `time_condition`.
    const KIND: &'static str;
    /// The kind in words, such as `time condition`.
    const WORDS: &'static str;
    /// The list of all of them in an exported document, such as `time_conditions`.
    const LIST: &'static str;
    /// How many there may be.
    const MAX: usize;

    /// Its name, unique among its kind without regard to case.
    fn name(&self) -> &str;

    /// Normalises the fields and notes everything that is wrong with them as long as no other object is looked at.
    fn check(&mut self, problems: &mut Problems);

    /// Notes what can be wrong only in the light of the others, but for references that lead nowhere, names and numbers
    /// in use and circles, which are looked for in all kinds alike.
    fn check_among(&self, _id: Id<Self>, _configuration: &Configuration, _problems: &mut Problems) {
    }

    /// The company it belongs to; none for what belongs to the gateway.
    fn company(&self, _id: Id<Self>) -> Option<CompanyId> {
        None
    }

    /// The same, to change.
    fn company_mut(&mut self) -> Option<&mut CompanyId> {
        None
    }

    /// Tells of each object it refers to.
    fn references(&self, tell: &mut dyn FnMut(Reference));

    /// The number it is reached at from inside, if it has one.
    fn number(&self) -> Option<&str> {
        None
    }

    /// What the gateway speaks because of it, in the company's language where it says none, and what others say of it.
    fn speeches(&self, _configuration: &Configuration) -> Vec<Speech> {
        Vec::new()
    }

    /// Takes out the secret that came with the settings: none leaves the stored one as it is, a blank one forgets it. It is kept
    /// sealed, apart from the settings.
    fn take_secret(&mut self) -> Option<Secret> {
        None
    }

    /// The secret of a new object that came without one, made of these random bytes; none for kinds that need none.
    fn make_secret(_random: [u8; 32]) -> Option<Secret> {
        None
    }
}
