//! Permissions: an area, a verb, and whose things it is about (F266).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word used in JSON.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What a permission is about.
    Area {
        /// What everybody in the company knows: the company and the list of extensions.
        Directory = "directory",
        /// The company's data.
        Company = "company",
        /// Extensions and their secrets.
        Extensions = "extensions",
        /// SIP and E1 trunks and their passwords.
        Trunks = "trunks",
        /// Ports of lines.
        Lines = "lines",
        /// Numbers, routes, menus, queues and what else leads calls.
        Telephony = "telephony",
        /// Audio files and music on hold.
        Sounds = "sounds",
        /// Users, teams and profiles.
        Users = "users",
        /// API tokens.
        Tokens = "tokens",
        /// Registered phones and calls in progress.
        Live = "live",
        /// Bans of sources of SIP messages.
        Bans = "bans",
        /// Agents of queues: log-in and pauses.
        Agents = "agents",
        /// The call history.
        Calls = "calls",
        /// Recordings of calls.
        Recordings = "recordings",
        /// Which calls are recorded and how long that is kept.
        RecordingSettings = "recording_settings",
        /// Messages in voicemail boxes.
        Voicemail = "voicemail",
        /// Members of conferences.
        Conferences = "conferences",
        /// Webhooks, mail and text messages, and how they go.
        Notices = "notices",
        /// Load, disk, alarms.
        System = "system",
        /// The configuration as a whole: export, import, versions, drafts. It allows everything.
        Configuration = "configuration",
        /// Who did what.
        Audit = "audit",
    }
}

words! {
    /// What a permission allows to do.
    Verb {
        /// To see.
        View = "view",
        /// To make new ones.
        Create = "create",
        /// To change.
        Edit = "edit",
        /// To delete or end.
        Delete = "delete",
        /// To make it happen: activate a draft, undo a version, direct a queue.
        Apply = "apply",
        /// To hear sound.
        Listen = "listen",
        /// To take as a file.
        Export = "export",
    }
}

words! {
    /// Whose things a permission is about; each includes those before it.
    Scope {
        /// Those of the user himself.
        Own = "own",
        /// Also those of the members of his teams: the teams he is in or supervises. While there is no team at all, the
        /// company is one.
        Team = "team",
        /// Those of his company.
        Company = "company",
        /// Those of all companies.
        All = "all",
    }
}

impl Area {
    /// Whether whoever looks after one of several companies on the gateway may have this permission. What belongs to the gateway
    /// he may see as far as he needs it to work with, and change nothing.
    pub const fn is_of_companies(self, verb: Verb) -> bool {
        match self {
            Self::Directory
            | Self::Company
            | Self::Extensions
            | Self::Telephony
            | Self::Users
            | Self::Live
            | Self::Agents
            | Self::Calls
            | Self::Recordings
            | Self::Voicemail
            | Self::Conferences => true,
            Self::Trunks | Self::Lines | Self::System | Self::Bans => matches!(verb, Verb::View),
            // The sounds of all companies lie together: what one adds, another may play.
            Self::Sounds => matches!(verb, Verb::View | Verb::Create),
            Self::Tokens
            | Self::RecordingSettings
            | Self::Notices
            | Self::Configuration
            | Self::Audit => false,
        }
    }

    /// Whether its things belong to people, so that the scopes [`Scope::Own`] and [`Scope::Team`] mean something.
    pub const fn is_personal(self) -> bool {
        matches!(
            self,
            Self::Users
                | Self::Live
                | Self::Agents
                | Self::Calls
                | Self::Recordings
                | Self::Voicemail
        )
    }
}

/// One permission, such as to see the calls of one's team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// What it is about.
    pub area: Area,
    /// What it allows.
    pub verb: Verb,
    /// Whose; `company` and `all` only where things do not belong to people.
    pub scope: Scope,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.area, self.verb, self.scope)
    }
}

/// All that somebody may do: for each area and verb the widest scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions(BTreeMap<(Area, Verb), Scope>);

impl Permissions {
    /// Everything.
    pub fn everything() -> Self {
        let pairs = Area::ALL.iter().flat_map(|area| {
            let verbs = Verb::ALL.iter();
            verbs.map(move |verb| ((*area, *verb), Scope::All))
        });
        Self(pairs.collect())
    }

    /// The scope in which this is allowed; none when it is not.
    pub fn scope(&self, area: Area, verb: Verb) -> Option<Scope> {
        self.0.get(&(area, verb)).copied()
    }

    /// The first permission in `other` that is not in these.
    pub fn lacks(&self, other: &Self) -> Option<Permission> {
        other
            .iter()
            .find(|one| self.scope(one.area, one.verb) < Some(one.scope))
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = Permission> {
        self.0.iter().map(|((area, verb), scope)| Permission {
            area: *area,
            verb: *verb,
            scope: *scope,
        })
    }

    /// The same where several companies share the gateway: whoever looks after one of them changes nothing of the gateway's own.
    #[must_use]
    pub fn among_several(mut self) -> Self {
        self.0
            .retain(|(area, verb), scope| *scope == Scope::All || area.is_of_companies(*verb));
        self
    }

    /// The same, none of them in a wider scope than this.
    #[must_use]
    pub fn up_to(mut self, widest: Scope) -> Self {
        for scope in self.0.values_mut() {
            *scope = widest.min(*scope);
        }
        self
    }

    /// Adds one; the wider scope counts.
    pub fn add(&mut self, one: Permission) {
        let scope = self.0.entry((one.area, one.verb)).or_insert(one.scope);
        *scope = one.scope.max(*scope);
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(all: I) -> Self {
        let mut permissions = Self::default();
        all.into_iter().for_each(|one| permissions.add(one));
        permissions
    }
}
