//! The immutable snapshot that calls and requests read.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use crate::{
    AnaloguePort, AnaloguePortId, AudioFile, AudioFileId, Catalogue, Company, Contact,
    DigestCredential, E1Trunk, E1TrunkId, Extension, ExtensionId, FeatureCodes, Id, Limits,
    MusicClass, MusicClassId, Object, OutboundRule, Secret, SipSettings, SipTrunk, Stored, Toll,
    TollSettings, TrunkId, User, UserId, toll,
};

/// The whole configuration at one version. Never changes: a save makes a new one, and whoever holds the old one
/// finishes with it.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    version: u64,
    company: Option<Company>,
    users: Vec<User>,
    extensions: Vec<Extension>,
    credentials: HashMap<ExtensionId, DigestCredential>,
    agent_pins: HashMap<UserId, String>,
    extension_by_number: HashMap<String, usize>,
    extension_by_id: HashMap<ExtensionId, usize>,
    user_by_login: HashMap<String, usize>,
    user_by_extension: HashMap<ExtensionId, usize>,
    trunks: Vec<SipTrunk>,
    trunk_passwords: HashMap<TrunkId, Secret>,
    e1_trunks: Vec<E1Trunk>,
    analogue_ports: Vec<AnaloguePort>,
    audio_files: Vec<AudioFile>,
    music_classes: Vec<MusicClass>,
    catalogue: Catalogue,
    secrets: HashMap<i64, Secret>,
}

impl Configuration {
    /// A snapshot of these objects. Users are sorted by login, extensions by number (shorter ones first).
    pub fn new(
        version: u64,
        company: Option<Company>,
        mut users: Vec<User>,
        mut extensions: Vec<Extension>,
        credentials: HashMap<ExtensionId, DigestCredential>,
    ) -> Self {
        users.sort_by_cached_key(|user| fold(&user.login));
        extensions.sort_by(|a, b| (a.number.len(), &a.number).cmp(&(b.number.len(), &b.number)));
        let extension_by_number = extensions
            .iter()
            .enumerate()
            .map(|(i, e)| (e.number.clone(), i))
            .collect();
        let extension_by_id = extensions
            .iter()
            .enumerate()
            .map(|(i, e)| (e.id, i))
            .collect();
        let user_by_login = users
            .iter()
            .enumerate()
            .map(|(i, user)| (fold(&user.login), i))
            .collect();
        let user_by_extension = users
            .iter()
            .enumerate()
            .filter_map(|(i, user)| Some((user.extension?, i)))
            .collect();
        Configuration {
            version,
            company,
            users,
            extensions,
            credentials,
            agent_pins: HashMap::new(),
            extension_by_number,
            extension_by_id,
            user_by_login,
            user_by_extension,
            trunks: Vec::new(),
            trunk_passwords: HashMap::new(),
            e1_trunks: Vec::new(),
            analogue_ports: Vec::new(),
            audio_files: Vec::new(),
            music_classes: Vec::new(),
            catalogue: Catalogue::default(),
            secrets: HashMap::new(),
        }
    }

    /// The same with these hashes of agents' PINs.
    #[must_use]
    pub fn with_agent_pins(mut self, hashes: HashMap<UserId, String>) -> Self {
        self.agent_pins = hashes;
        self
    }

    /// The Argon2id hash of an agent's PIN in PHC string format, if he has one.
    pub fn agent_pin_hash(&self, id: UserId) -> Option<&str> {
        self.agent_pins.get(&id).map(String::as_str)
    }

    /// The same with these objects.
    #[must_use]
    pub fn with_catalogue(mut self, catalogue: Catalogue) -> Self {
        self.catalogue = catalogue;
        self
    }

    /// The same with the secrets of these objects of the catalogue, by their ids.
    #[must_use]
    pub fn with_secrets(mut self, secrets: HashMap<i64, Secret>) -> Self {
        self.secrets = secrets;
        self
    }

    /// The secret of an object of the catalogue, when it has one that can be read.
    pub fn secret<T: Object>(&self, id: Id<T>) -> Option<&Secret> {
        self.secrets.get(&id.number())
    }

    /// The objects that calls are led by.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Whether a number is one that must always be possible to dial.
    pub fn is_emergency(&self, number: &str) -> bool {
        let company = self.company.as_ref();
        company.is_some_and(|company| company.country.emergency_numbers().contains(&number))
    }

    /// What people dial to have something done.
    pub fn feature_codes(&self) -> &FeatureCodes {
        static DEFAULT: LazyLock<FeatureCodes> = LazyLock::new(FeatureCodes::default);
        let company = self.company.as_ref();
        company.map_or(&DEFAULT, |company| &company.feature_codes)
    }

    /// How SIP is spoken towards networks of others.
    pub fn sip_settings(&self) -> &SipSettings {
        static DEFAULT: LazyLock<SipSettings> = LazyLock::new(SipSettings::default);
        let company = self.company.as_ref();
        company.map_or(&DEFAULT, |company| &company.sip)
    }

    /// Which other countries may be called.
    pub fn toll_settings(&self) -> &TollSettings {
        static DEFAULT: LazyLock<TollSettings> = LazyLock::new(TollSettings::default);
        let company = self.company.as_ref();
        company.map_or(&DEFAULT, |company| &company.toll)
    }

    /// What a number is, as it is dialled or sent where the company is.
    pub fn toll(&self, number: &str) -> Toll {
        let company = self.company.as_ref();
        company.map_or_else(
            || toll::without_company(number),
            |company| company.toll(number),
        )
    }

    /// What a number is that an outbound rule makes of a dialled one.
    pub fn toll_sent(&self, rule: &OutboundRule, dialled: &str, sent: &str) -> Toll {
        let strip = usize::try_from(rule.strip).unwrap_or_default();
        match &self.company {
            Some(company) => company.toll_sent(dialled, strip, &rule.prepend, sent),
            None => toll::without_company(sent),
        }
    }

    /// How much of something there may be.
    pub fn limits(&self) -> Limits {
        let profile = self.company.as_ref().map(|company| company.limits);
        profile.unwrap_or_default().into()
    }

    /// The same with these sounds, each kind sorted by name.
    #[must_use]
    pub fn with_sounds(mut self, mut files: Vec<AudioFile>, mut classes: Vec<MusicClass>) -> Self {
        files.sort_by_cached_key(|file| fold(&file.name));
        classes.sort_by_cached_key(|class| fold(&class.name));
        self.audio_files = files;
        self.music_classes = classes;
        self
    }

    /// The same with these trunks, sorted by priority, then by age.
    #[must_use]
    pub fn with_trunks(
        mut self,
        mut trunks: Vec<SipTrunk>,
        passwords: HashMap<TrunkId, Secret>,
    ) -> Self {
        trunks.sort_by_key(|trunk| (trunk.priority, trunk.id));
        self.trunks = trunks;
        self.trunk_passwords = passwords;
        self
    }

    /// The same with these E1 trunks, sorted by priority, then by age.
    #[must_use]
    pub fn with_e1_trunks(mut self, mut trunks: Vec<E1Trunk>) -> Self {
        trunks.sort_by_key(|trunk| (trunk.priority, trunk.id));
        self.e1_trunks = trunks;
        self
    }

    /// The same with these settings of analogue ports, sorted by name.
    #[must_use]
    pub fn with_analogue_ports(mut self, mut ports: Vec<AnaloguePort>) -> Self {
        ports.sort_by(|a, b| a.port.cmp(&b.port));
        self.analogue_ports = ports;
        self
    }

    /// Number of the save that made this snapshot; 0 before the first.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The contact who has a number, given as dialled or sent by a carrier.
    pub fn contact_with(&self, number: &str) -> Option<&Stored<Contact>> {
        let contacts = &self.catalogue.contacts;
        if contacts.is_empty() {
            return None;
        }
        let number = self.company()?.e164(number)?;
        let has_it = |one: &&std::sync::Arc<Stored<Contact>>| one.numbers.contains(&number);
        contacts.iter().find(has_it).map(|one| &**one)
    }

    /// A number as E.164 with `+`, given as dialled or sent by a carrier; none when it is none of the public network.
    pub fn e164(&self, number: &str) -> Option<String> {
        self.company()?.e164(number)
    }

    /// The company; none before the first set-up.
    pub fn company(&self) -> Option<&Company> {
        self.company.as_ref()
    }

    /// All users, by login.
    pub fn users(&self) -> &[User] {
        &self.users
    }

    /// The user `id`.
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    /// The user with this login, without regard to case.
    pub fn user_by_login(&self, login: &str) -> Option<&User> {
        self.user_by_login
            .get(&fold(login))
            .and_then(|index| self.users.get(*index))
    }

    /// The user who is reached at this extension.
    pub fn user_at(&self, extension: ExtensionId) -> Option<&User> {
        self.user_by_extension
            .get(&extension)
            .and_then(|index| self.users.get(*index))
    }

    /// All extensions, by number.
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The extension `id`.
    pub fn extension(&self, id: ExtensionId) -> Option<&Extension> {
        self.extension_by_id
            .get(&id)
            .and_then(|index| self.extensions.get(*index))
    }

    /// The extension with this number.
    pub fn extension_by_number(&self, number: &str) -> Option<&Extension> {
        self.extension_by_number
            .get(number)
            .and_then(|index| self.extensions.get(*index))
    }

    /// What the extension authenticates with.
    pub fn credential(&self, id: ExtensionId) -> Option<&DigestCredential> {
        self.credentials.get(&id)
    }

    /// All credentials.
    pub fn credentials(&self) -> &HashMap<ExtensionId, DigestCredential> {
        &self.credentials
    }

    /// All trunks, in the order calls out try them.
    pub fn trunks(&self) -> &[SipTrunk] {
        &self.trunks
    }

    /// The trunk `id`.
    pub fn trunk(&self, id: TrunkId) -> Option<&SipTrunk> {
        self.trunks.iter().find(|trunk| trunk.id == id)
    }

    /// The trunk with this name, without regard to case.
    pub fn trunk_by_name(&self, name: &str) -> Option<&SipTrunk> {
        let name = fold(name);
        self.trunks.iter().find(|trunk| fold(&trunk.name) == name)
    }

    /// What the trunk authenticates with, when it has a password that can be read.
    pub fn trunk_password(&self, id: TrunkId) -> Option<&Secret> {
        self.trunk_passwords.get(&id)
    }

    /// All E1 trunks, in the order calls out try them.
    pub fn e1_trunks(&self) -> &[E1Trunk] {
        &self.e1_trunks
    }

    /// The E1 trunk `id`.
    pub fn e1_trunk(&self, id: E1TrunkId) -> Option<&E1Trunk> {
        self.e1_trunks.iter().find(|trunk| trunk.id == id)
    }

    /// The E1 trunk with this name, without regard to case.
    pub fn e1_trunk_by_name(&self, name: &str) -> Option<&E1Trunk> {
        let name = fold(name);
        self.e1_trunks
            .iter()
            .find(|trunk| fold(&trunk.name) == name)
    }

    /// All settings of analogue ports, by name.
    pub fn analogue_ports(&self) -> &[AnaloguePort] {
        &self.analogue_ports
    }

    /// The ports whose telephones are an extension's.
    pub fn telephones(&self, extension: ExtensionId) -> impl Iterator<Item = &AnaloguePort> {
        let ports = self.analogue_ports.iter();
        ports.filter(move |port| port.extension() == Some(extension))
    }

    /// The settings of the port with this name, if it has any of its own.
    pub fn analogue_port(&self, port: &str) -> Option<&AnaloguePort> {
        self.analogue_ports.iter().find(|one| one.port == port)
    }

    /// All audio files, by name.
    pub fn audio_files(&self) -> &[AudioFile] {
        &self.audio_files
    }

    /// The audio file `id`.
    pub fn audio_file(&self, id: AudioFileId) -> Option<&AudioFile> {
        self.audio_files.iter().find(|file| file.id == id)
    }

    /// All classes of music, by name.
    pub fn music_classes(&self) -> &[MusicClass] {
        &self.music_classes
    }

    /// The class of music `id`.
    pub fn music_class(&self, id: MusicClassId) -> Option<&MusicClass> {
        self.music_classes.iter().find(|class| class.id == id)
    }

    /// A copy to edit.
    pub fn draft(&self) -> Draft {
        Draft {
            company: self.company.clone(),
            users: self
                .users
                .iter()
                .map(|user| (user.id, user.clone()))
                .collect(),
            extensions: self
                .extensions
                .iter()
                .map(|extension| (extension.id, extension.clone()))
                .collect(),
            credentials: self.credentials.clone(),
            agent_pins: self.agent_pins.clone(),
            trunks: self
                .trunks
                .iter()
                .map(|trunk| (trunk.id, trunk.clone()))
                .collect(),
            trunk_passwords: self.trunk_passwords.clone(),
            e1_trunks: self
                .e1_trunks
                .iter()
                .map(|trunk| (trunk.id, trunk.clone()))
                .collect(),
            analogue_ports: self
                .analogue_ports
                .iter()
                .map(|port| (port.id, port.clone()))
                .collect(),
            audio_files: self
                .audio_files
                .iter()
                .map(|file| (file.id, file.clone()))
                .collect(),
            music_classes: self
                .music_classes
                .iter()
                .map(|class| (class.id, class.clone()))
                .collect(),
            catalogue: self.catalogue.clone(),
            secrets: self.secrets.clone(),
        }
    }

    /// Whether the first set-up was done.
    pub fn is_set_up(&self) -> bool {
        self.company.is_some()
    }
}

/// A configuration that is being edited: any number of changes that become live together.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The company; none before the first set-up.
    pub company: Option<Company>,
    /// All users.
    pub users: BTreeMap<UserId, User>,
    /// All extensions.
    pub extensions: BTreeMap<ExtensionId, Extension>,
    /// What the extensions authenticate with.
    pub credentials: HashMap<ExtensionId, DigestCredential>,
    /// Hashes of agents' PINs.
    pub agent_pins: HashMap<UserId, String>,
    /// All trunks.
    pub trunks: BTreeMap<TrunkId, SipTrunk>,
    /// What the trunks authenticate with.
    pub trunk_passwords: HashMap<TrunkId, Secret>,
    /// All E1 trunks.
    pub e1_trunks: BTreeMap<E1TrunkId, E1Trunk>,
    /// All settings of analogue ports.
    pub analogue_ports: BTreeMap<AnaloguePortId, AnaloguePort>,
    /// All audio files.
    pub audio_files: BTreeMap<AudioFileId, AudioFile>,
    /// All classes of music.
    pub music_classes: BTreeMap<MusicClassId, MusicClass>,
    /// The objects that calls are led by.
    pub catalogue: Catalogue,
    /// The secrets of objects of the catalogue, by their ids.
    pub secrets: HashMap<i64, Secret>,
}

impl Draft {
    /// Lets extensions belong to the companies of their users.
    pub fn follow_companies(&mut self) {
        for user in self.users.values() {
            let extension = user.extension.and_then(|id| self.extensions.get_mut(&id));
            if let Some(extension) = extension {
                extension.company = user.company;
            }
        }
    }

    /// The snapshot of this draft, as save `version`.
    pub fn finish(self, version: u64) -> Configuration {
        Configuration::new(
            version,
            self.company,
            self.users.into_values().collect(),
            self.extensions.into_values().collect(),
            self.credentials,
        )
        .with_agent_pins(self.agent_pins)
        .with_trunks(self.trunks.into_values().collect(), self.trunk_passwords)
        .with_e1_trunks(self.e1_trunks.into_values().collect())
        .with_analogue_ports(self.analogue_ports.into_values().collect())
        .with_sounds(
            self.audio_files.into_values().collect(),
            self.music_classes.into_values().collect(),
        )
        .with_catalogue(self.catalogue)
        .with_secrets(self.secrets)
    }
}

/// Logins and names are the same when they differ in case only.
fn fold(login: &str) -> String {
    login.trim().to_lowercase()
}
