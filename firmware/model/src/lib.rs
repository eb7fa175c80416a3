//! What the gateway's configuration and calls consist of, and which values are allowed.
//!
//! No I/O, no clock, no randomness of its own. Inputs ([`NewCompany`], [`NewUser`], [`NewExtension`], [`TrunkInput`], [`E1TrunkInput`], [`NewAudioFile`], [`MusicClassInput`] and their changes)
//! are checked against the current [`Configuration`] and become objects ([`Company`], [`User`], [`Extension`], [`SipTrunk`], [`E1Trunk`], [`AudioFile`], [`MusicClass`]), or an
//! [`Invalid`] that names every field, code and limit. The store keeps objects and publishes snapshots; calls and
//! requests read the snapshot they were given and never a half-changed one. [`Export`] is the same configuration as one
//! document. What leads calls — numbers, routes, menus, queues and the like — are [`Object`]s of the [`Catalogue`].
//! [`CallRecord`] is the row that a call leaves behind.
//!
//! Types that the API shows derive `serde` and `utoipa::ToSchema`; their JSON form is the API's.

mod access;
mod actor;
mod alarm;
mod binding;
mod call;
mod catalogue;
mod company;
mod configuration;
mod country;
mod credential;
mod e1_trunk;
mod export;
mod extension;
mod feature_codes;
mod flow;
mod hosted_company;
mod language;
mod legacy;
mod line;
mod media_encryption;
mod notice;
pub mod password;
mod pickup_group;
mod problem;
mod public_number;
mod recording;
mod renumbering;
mod sip_settings;
mod sound;
mod table;
mod tax_id;
mod text;
mod toll;
mod trunk;
mod user;
mod verified_number;
mod voicemail;
mod working_hours;

pub use access::{Area, Menu, People, Permission, Permissions, Profile, Scope, Team, Verb};
pub use actor::Actor;
pub use alarm::{Alarm, Severity};
pub use binding::Binding;
pub use call::{BadCallId, CallId, CallRecord, CallResult, Direction, LegKind, LegRecord, Party};
pub use catalogue::{Catalogue, Difference, Id, InCatalogue, Object, Objects, Reference, Stored};
pub use company::{Company, NewCompany};
pub use configuration::{Configuration, Draft};
pub use country::{Country, CountryDefaults, Law, UnknownCountry};
pub use credential::{DigestCredential, Secret, generate_secret};
pub use e1_trunk::{
    CallingNameService, ChannelOrder, DEFAULT_CALLER_DIGITS, DEFAULT_R2_DIGITS, E1Signalling,
    E1SignallingInput, E1SignallingKind, E1Trunk, E1TrunkId, E1TrunkInput, IsdnSide, MAX_DEVICE,
    MAX_E1_TRUNKS, R2_VARIANTS,
};
pub use export::{
    Export, ExportedExtension, ExportedTrunk, ExportedUser, FORMAT, SCHEMA, SealedSecret,
};
pub use extension::{
    DEFAULT_MAX_CALLS, DEFAULT_RING_TIME, Extension, ExtensionChange, ExtensionId, MAX_EXTENSIONS,
    MAX_REGISTRATIONS, NewExtension,
};
pub use feature_codes::{FeatureCode, FeatureCodes, Pressed};
pub use flow::{
    Announcement, Assignment, BadPattern, BadTimeOfDay, Break, Calendar, CalendarDay,
    CalendarDayKind, Clearing, Conference, Contact, Destination, DialledRange, HOLIDAY_COUNTRIES,
    Holiday, HolidayCountry, InboundMode, InboundRoute, Ivr, IvrKey, Limits, LimitsProfile,
    MenuText, Number, NumberTarget, OfflineAction, OutboundRoute, OutboundRule, Override,
    OverrideState, PagingGroup, Pattern, Period, Queue, QueueMember, QueueStrategy, RingOrder,
    RingStep, RingStrategy, RingTarget, TimeCondition, TimeOfDay, VoicemailBox, Way, WayOrder,
    WhisperFacts, WhisperPart, default_whisper, whisper_parts,
};
pub use hosted_company::{CompanyId, HostedCompany, MAX_COMPANIES};
pub use language::{Language, UnknownLanguage};
pub use legacy::{LegacyImport, LegacyLine, LegacyOutcome, MAX_LEGACY_TEXT, read_legacy};
pub use line::{
    AnaloguePort, AnaloguePortId, AnswerDetection, CallerIdReception, CallerIdSending,
    DialToneRule, FxoSettings, FxsSettings, HotLine, KeySending, LearnedTone, MAX_ANALOGUE_PORTS,
    PortSettings, RefusedCall,
};
pub use media_encryption::MediaEncryption;
pub use notice::{
    Delivery, DeliveryId, DeliveryState, DeliveryWay, EventKind, MailNotice, MailSecurity,
    MailServer, TextBack, TextGateway, TextWay, Webhook, mobile_number,
};
pub use pickup_group::{MAX_PICKUP_GROUPS, PickupGroups};
pub use problem::{FieldProblem, Invalid, Problems, code};
pub use recording::{
    DEFAULT_KEEP_DAYS, DEFAULT_MIN_FREE_PERCENT, RecordingId, RecordingMode, RecordingProblem,
    RecordingRecord, RecordingSettings, RecordingSettingsChange,
};
pub use sip_settings::{NewSipSettings, SipSettings};
pub use sound::{
    AudioFile, AudioFileChange, AudioFileId, AudioOrigin, MAX_AUDIO_FILES, MAX_CLASS_FILES,
    MAX_MUSIC_CLASSES, MAX_TEXT, MusicClass, MusicClassId, MusicClassInput, MusicOrder,
    MusicPosition, NewAudioFile, Recorded, Speech, SpeechInput, UsedBy,
};
pub use table::{Column, MAX_ROWS, Row, Table};
pub use tax_id::TaxIdKind;
pub use text::{dialled_number, email_address, is_dialled};
pub use toll::{
    ClassOfService, ClassOfServiceChange, NewTollSettings, Toll, TollClass, TollSettings,
};
pub use trunk::{
    BadAddress, BadCertificate, Cidr, DEFAULT_MAX_CALLS_PER_SECOND, DEFAULT_MAX_CHANNELS,
    DEFAULT_OPTIONS_INTERVAL, DEFAULT_PRIORITY, DEFAULT_REGISTER_EXPIRES, DidSource,
    DiversionHeader, DtmfMode, HostPort, IdentityHeader, InboundNumber, MAX_TRUNKS, OutboundPrefix,
    PrivacyHandling, SessionTimerMode, SipTrunk, TrunkAuth, TrunkCodec, TrunkId, TrunkInput,
    TrunkTransport, TrustedCertificate, ValidTrunk,
};
pub use user::{MAX_USERS, NewAdmin, NewUser, Role, User, UserChange, UserId, validate_deletion};
pub use verified_number::{MAX_VERIFIED_NUMBERS, Verification, VerifiedNumber};
pub use voicemail::{MessagesWaiting, VoicemailMessage, VoicemailMessageId};

/// Realm of SIP digest authentication. Changing it voids every stored credential.
pub const REALM: &str = "ramal";
