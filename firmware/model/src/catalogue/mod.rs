//! The catalogue: the objects that calls are led by, all kept, checked and referred to in the same way.
//!
//! Each kind is a type of settings with the trait [`Object`]; a [`Stored`] one has an [`Id`] besides. The list of kinds
//! stands once, below; the store, the journal, the exported document and the checks of references follow it.

mod object;
mod reference;
mod rules;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

pub use self::object::{Id, Object};
pub use self::reference::Reference;
use crate::Configuration;
use crate::access::{Profile, Team};
use crate::flow::{
    Announcement, Break, Calendar, Conference, Contact, InboundRoute, Ivr, Number, OutboundRoute,
    PagingGroup, Queue, TimeCondition, VoicemailBox,
};
use crate::hosted_company::{CompanyId, HostedCompany};
use crate::notice::{MailNotice, MailServer, TextGateway, Webhook};
use crate::problem::Problems;

/// An object with its id.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Stored<T: Object> {
    /// Stays the same when the name changes.
    #[schema(value_type = i64)]
    pub id: Id<T>,
    /// Its settings.
    #[serde(flatten)]
    pub settings: T,
}

impl<T: Object> Deref for Stored<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.settings
    }
}

/// All objects of one kind.
#[derive(Clone, PartialEq)]
pub struct Objects<T: Object>(BTreeMap<Id<T>, Arc<Stored<T>>>);

impl<T: Object> Default for Objects<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Object> fmt::Debug for Objects<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.values()).finish()
    }
}

impl<T: Object> Serialize for Objects<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|one| &**one))
    }
}

impl<T: Object> Objects<T> {
    /// The object `id`.
    pub fn get(&self, id: Id<T>) -> Option<&Arc<Stored<T>>> {
        self.0.get(&id)
    }

    /// The object with this name, without regard to case.
    pub fn by_name(&self, name: &str) -> Option<&Arc<Stored<T>>> {
        let name = name.trim().to_lowercase();
        self.iter().find(|one| one.name().to_lowercase() == name)
    }

    /// The object reached at this number from inside.
    pub fn by_number(&self, number: &str) -> Option<&Arc<Stored<T>>> {
        self.iter().find(|one| one.number() == Some(number))
    }

    /// All, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Stored<T>>> {
        self.0.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds it, or puts it in the place of the one with its id.
    pub fn insert(&mut self, object: Stored<T>) {
        self.0.insert(object.id, Arc::new(object));
    }

    /// Takes it out.
    pub fn remove(&mut self, id: Id<T>) -> Option<Arc<Stored<T>>> {
        self.0.remove(&id)
    }

    /// What differs in `new`.
    fn differences(&self, new: &Self, tell: &mut dyn FnMut(Difference)) {
        for (id, before) in &self.0 {
            let after = new.0.get(id);
            if after.is_some_and(|after| Arc::ptr_eq(before, after) || before == after) {
                continue;
            }
            tell(Difference {
                kind: T::KIND,
                id: id.number(),
                before: Some(before.document()),
                after: after.map(|after| after.document()),
            });
        }
        for (id, after) in &new.0 {
            if !self.0.contains_key(id) {
                tell(Difference {
                    kind: T::KIND,
                    id: id.number(),
                    before: None,
                    after: Some(after.document()),
                });
            }
        }
    }
}

/// An object that differs between two catalogues, as documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Kind of object.
    pub kind: &'static str,
    /// Its id.
    pub id: i64,
    /// As it was; none when it is new.
    pub before: Option<Value>,
    /// As it is; none when it is gone.
    pub after: Option<Value>,
}

/// An object of any kind.
pub(crate) trait AnyObject {
    fn kind(&self) -> &'static str;
    fn id(&self) -> i64;
    fn name(&self) -> &str;
    fn number(&self) -> Option<&str>;
    fn company(&self) -> Option<CompanyId>;
    fn references(&self, tell: &mut dyn FnMut(Reference));
    fn document(&self) -> Value;
}

impl<T: Object> AnyObject for Stored<T> {
    fn kind(&self) -> &'static str {
        T::KIND
    }

    fn id(&self) -> i64 {
        self.id.number()
    }

    fn name(&self) -> &str {
        self.settings.name()
    }

    fn number(&self) -> Option<&str> {
        self.settings.number()
    }

    fn company(&self) -> Option<CompanyId> {
        self.settings.company(self.id)
    }

    fn references(&self, tell: &mut dyn FnMut(Reference)) {
        self.settings.references(tell);
    }

    fn document(&self) -> Value {
        // Settings are made of texts, numbers, lists and maps with texts as keys: such values always have a JSON form.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The objects of one kind, wherever they are kept.
pub trait InCatalogue: Object {
    /// All of this kind.
    fn all(catalogue: &Catalogue) -> &Objects<Self>;
    /// All of this kind, to change.
    fn all_mut(catalogue: &mut Catalogue) -> &mut Objects<Self>;
}

macro_rules! catalogue {
    ($($(#[$doc:meta])* $list:ident: $kind:ty,)*) => {
        /// All objects that calls are led by.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
        pub struct Catalogue {
            $(
                $(#[$doc])*
                #[schema(value_type = Vec<Stored<$kind>>)]
                pub $list: Objects<$kind>,
            )*
        }

        $(impl InCatalogue for $kind {
            fn all(catalogue: &Catalogue) -> &Objects<Self> {
                &catalogue.$list
            }

            fn all_mut(catalogue: &mut Catalogue) -> &mut Objects<Self> {
                &mut catalogue.$list
            }
        })*

        impl Catalogue {
            /// The kinds there are.
            pub const KINDS: &[&str] = &[$(<$kind as Object>::KIND),*];

            /// Each object of each kind.
            pub(crate) fn each(&self) -> impl Iterator<Item = &dyn AnyObject> {
                std::iter::empty()$(.chain(self.$list.iter().map(|one| &**one as &dyn AnyObject)))*
            }

            /// The object of this kind with this id.
            pub(crate) fn find(&self, kind: &str, id: i64) -> Option<&dyn AnyObject> {
                match kind {
                    $(<$kind as Object>::KIND => self.$list.get(Id::new(id)).map(|one| &**one as &dyn AnyObject),)*
                    _ => None,
                }
            }

            /// The kind and the document of the object with this id.
            pub fn document(&self, id: i64) -> Option<(&'static str, Value)> {
                self.each().find(|one| one.id() == id).map(|one| (one.kind(), one.document()))
            }

            /// What differs in `new`.
            pub fn differences(&self, new: &Self, mut tell: impl FnMut(Difference)) {
                $(self.$list.differences(&new.$list, &mut tell);)*
            }

            /// Adds an object as the database has it.
            ///
            /// # Errors
            /// When the document does not have the form of its kind, or the kind is unknown.
            pub fn load(&mut self, kind: &str, document: Value) -> Result<(), serde_json::Error> {
                match kind {
                    $(<$kind as Object>::KIND => self.$list.insert(stored(document)?),)*
                    _ => return Err(serde::de::Error::custom(format!("`{kind}` is no kind of object"))),
                }
                Ok(())
            }

            /// Takes an object out, if it is there.
            pub(crate) fn unload(&mut self, kind: &str, id: i64) {
                match kind {
                    $(<$kind as Object>::KIND => drop(self.$list.remove(Id::new(id))),)*
                    _ => {}
                }
            }

            /// Reads the lists of an exported document and takes them out of it; also where in it each object stands.
            pub(crate) fn read(problems: &mut Problems, document: &mut Map<String, Value>) -> (Self, Places) {
                let mut places = Places::new();
                let catalogue = Self { $($list: rules::read_list::<$kind>(problems, document, &mut places),)* };
                (catalogue, places)
            }

            /// Checks all objects among each other and among the rest of the configuration, of which they are a part.
            pub(crate) fn check_all(configuration: &Configuration, places: &Places, problems: &mut Problems) {
                $(rules::check_list::<$kind>(configuration, places, problems);)*
            }
        }
    };
}

catalogue! {
    /// Numbers of the company in the public network.
    numbers: Number,
    /// Where calls to ranges of numbers go.
    inbound_routes: InboundRoute,
    /// How calls leave the company.
    outbound_routes: OutboundRoute,
    /// Menus that callers choose from by key.
    ivrs: Ivr,
    /// Queues.
    queues: Queue,
    /// Breaks of agents.
    breaks: Break,
    /// Forks by the time.
    time_conditions: TimeCondition,
    /// Lists of holidays.
    calendars: Calendar,
    /// Announcements.
    announcements: Announcement,
    /// Conference rooms.
    conferences: Conference,
    /// Paging groups.
    paging_groups: PagingGroup,
    /// Voicemail boxes.
    voicemail_boxes: VoicemailBox,
    /// Teams.
    teams: Team,
    /// Profiles of users.
    profiles: Profile,
    /// Other systems that are told of what happens.
    webhooks: Webhook,
    /// Servers that take mail.
    mail_servers: MailServer,
    /// People who are written to when something happens.
    mail_notices: MailNotice,
    /// Ways by which text messages leave the gateway.
    text_gateways: TextGateway,
    /// People outside whose names are shown.
    contacts: Contact,
    /// Further companies on the gateway.
    hosted_companies: HostedCompany,
}

/// Where in an exported document an object stands, by its id.
pub(crate) type Places = BTreeMap<i64, String>;

/// Reads an object with its id.
fn stored<T: Object>(document: Value) -> Result<Stored<T>, serde_json::Error> {
    let Value::Object(mut map) = document else {
        return Err(serde::de::Error::custom("an object is needed"));
    };
    let id = map.remove("id").unwrap_or_default();
    Ok(Stored {
        id: serde_json::from_value(id)?,
        settings: serde_json::from_value(Value::Object(map))?,
    })
}
