//! The configuration as one JSON document, for backup and for moving to another gateway.

use std::collections::{HashMap, HashSet};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    AudioFile, Company, DigestCredential, Extension, Invalid, MAX_AUDIO_FILES, MAX_MUSIC_CLASSES,
    MAX_TRUNKS, MusicClass, NewCompany, RecordingSettings, SipTrunk, User,
    extension::MAX_EXTENSIONS,
    problem::{Problems, code},
    sound::check_class,
    user::MAX_USERS,
};

/// Value of [`Export::format`].
pub const FORMAT: &str = "ramal-configuration";
/// The schema this version writes, and the newest it reads.
pub const SCHEMA: u32 = 4;

/// Documents of older schemas have no trunks.
const FIRST_WITH_TRUNKS: u64 = 2;
/// Those before this have no sounds.
const FIRST_WITH_SOUNDS: u64 = 3;

/// The whole configuration. Holds password hashes and digest credentials: it is to be kept like a password.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Export {
    /// Always `ramal-configuration`.
    pub format: String,
    /// Form of this document, counted up when it changes.
    pub schema: u32,
    /// The company.
    pub company: Company,
    /// All users; at least one of them an active administrator.
    pub users: Vec<ExportedUser>,
    /// All extensions.
    pub extensions: Vec<ExportedExtension>,
    /// All trunks; none in documents of schema 1.
    pub trunks: Vec<ExportedTrunk>,
    /// All audio files, without their sound: on another gateway it has to be uploaded or spoken again. None in documents
    /// of schema 1 and 2.
    pub audio_files: Vec<AudioFile>,
    /// All classes of music; none in documents of schema 1 and 2.
    pub music_classes: Vec<MusicClass>,
}

/// A user with his password hash.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ExportedUser {
    /// The user.
    #[serde(flatten)]
    pub user: User,
    /// Argon2id hash in PHC string format.
    pub password_hash: String,
}

/// An extension with its digest credential.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ExportedExtension {
    /// The extension.
    #[serde(flatten)]
    pub extension: Extension,
    /// HA1 values in hexadecimal.
    #[schema(value_type = HashMap<String, String>)]
    pub credential: DigestCredential,
}

/// A trunk with its password, sealed: only the gateway that sealed it can open it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ExportedTrunk {
    /// The trunk.
    #[serde(flatten)]
    pub trunk: SipTrunk,
    /// The sealed password in hexadecimal; null when there is none. Another gateway imports the trunk without it, and the
    /// password has to be entered again.
    pub sealed_password: Option<String>,
}

impl Export {
    /// Reads and checks a whole document. Every problem is named with its path, such as `extensions[3].number`.
    /// Password hashes are checked by whoever knows how they are made.
    pub fn parse(text: &[u8]) -> Result<Export, Invalid> {
        let value: Value = serde_json::from_slice(text).map_err(|error| {
            Invalid::one(
                "",
                code::INVALID,
                None,
                format!("not a JSON document: {error}"),
            )
        })?;
        Export::from_value(value)
    }

    /// Like [`Export::parse`], from JSON that was read already.
    pub fn from_value(value: Value) -> Result<Export, Invalid> {
        let Value::Object(mut document) = value else {
            return Err(Invalid::one(
                "",
                code::INVALID,
                None,
                "the document must be a JSON object",
            ));
        };
        if document.remove("format").as_ref().and_then(Value::as_str) != Some(FORMAT) {
            return Err(Invalid::one(
                "format",
                code::UNKNOWN_FORMAT,
                Some(FORMAT),
                format!("must be `{FORMAT}`"),
            ));
        }
        match document.remove("schema").as_ref().and_then(Value::as_u64) {
            Some(schema) if (1..=u64::from(SCHEMA)).contains(&schema) => {
                if schema < FIRST_WITH_TRUNKS {
                    document
                        .entry("trunks")
                        .or_insert_with(|| Value::Array(Vec::new()));
                }
                if schema < FIRST_WITH_SOUNDS {
                    for list in ["audio_files", "music_classes"] {
                        document
                            .entry(list)
                            .or_insert_with(|| Value::Array(Vec::new()));
                    }
                }
            }
            Some(schema) if schema > u64::from(SCHEMA) => {
                return Err(Invalid::one(
                    "schema",
                    code::NEWER_SCHEMA,
                    Some(&SCHEMA.to_string()),
                    format!(
                        "schema {schema} was written by a newer version; this one reads up to {SCHEMA}"
                    ),
                ));
            }
            _ => {
                return Err(Invalid::one(
                    "schema",
                    code::INVALID,
                    Some(&SCHEMA.to_string()),
                    format!("must be 1 to {SCHEMA}"),
                ));
            }
        }
        let mut problems = Problems::default();
        let company = company(&mut problems, document.remove("company"));
        let users = list(
            &mut problems,
            "users",
            document.remove("users"),
            MAX_USERS,
            exported_user,
        );
        let extensions = list(
            &mut problems,
            "extensions",
            document.remove("extensions"),
            MAX_EXTENSIONS,
            exported_extension,
        );
        let trunks = list(
            &mut problems,
            "trunks",
            document.remove("trunks"),
            MAX_TRUNKS,
            exported_trunk,
        );
        let audio_files = list(
            &mut problems,
            "audio_files",
            document.remove("audio_files"),
            MAX_AUDIO_FILES,
            exported_audio_file,
        );
        let music_classes = list(
            &mut problems,
            "music_classes",
            document.remove("music_classes"),
            MAX_MUSIC_CLASSES,
            exported_music_class,
        );
        for field in document.keys() {
            problems.add(
                field,
                code::UNKNOWN_FIELD,
                None,
                "is not a part of the configuration",
            );
        }
        unique(&mut problems, &users, "users", "login", |user| {
            user.user.login.to_lowercase()
        });
        unique(&mut problems, &extensions, "extensions", "number", |e| {
            e.extension.number.clone()
        });
        unique(&mut problems, &trunks, "trunks", "name", |trunk| {
            trunk.trunk.name.to_lowercase()
        });
        unique(&mut problems, &audio_files, "audio_files", "name", |file| {
            file.name.to_lowercase()
        });
        unique(&mut problems, &audio_files, "audio_files", "key", |file| {
            file.key.to_lowercase()
        });
        unique(
            &mut problems,
            &music_classes,
            "music_classes",
            "name",
            |class| class.name.to_lowercase(),
        );
        let file_ids: HashSet<_> = audio_files.iter().map(|(_, file)| file.id).collect();
        for (path, class) in &music_classes {
            let mut inner = Problems::default();
            class.check_references(&mut inner, |id| file_ids.contains(&id));
            nest(&mut problems, path, inner);
        }
        let class_ids: HashSet<_> = music_classes.iter().map(|(_, class)| class.id).collect();
        let heard = company
            .iter()
            .map(|company| ("company", company.music_class))
            .chain(
                extensions
                    .iter()
                    .map(|(path, one)| (path.as_str(), one.extension.music_class)),
            )
            .chain(
                trunks
                    .iter()
                    .map(|(path, one)| (path.as_str(), one.trunk.music_class)),
            );
        for (path, class) in heard {
            let mut inner = Problems::default();
            check_class(&mut inner, class, |id| class_ids.contains(&id));
            nest(&mut problems, path, inner);
        }
        let extension_ids: HashSet<_> = extensions
            .iter()
            .map(|(_, extension)| extension.extension.id)
            .collect();
        for (path, trunk) in &trunks {
            let mut inner = Problems::default();
            trunk
                .trunk
                .check_references(&mut inner, |id| extension_ids.contains(&id));
            nest(&mut problems, path, inner);
        }
        let ids = users.iter().map(|(path, user)| (path, user.user.id.0));
        let ids = ids.chain(
            extensions
                .iter()
                .map(|(path, extension)| (path, extension.extension.id.0)),
        );
        let ids = ids.chain(trunks.iter().map(|(path, trunk)| (path, trunk.trunk.id.0)));
        let ids = ids.chain(audio_files.iter().map(|(path, file)| (path, file.id.0)));
        let ids = ids.chain(music_classes.iter().map(|(path, class)| (path, class.id.0)));
        unique_ids(&mut problems, ids);
        if problems.is_empty() && !users.iter().any(|(_, user)| user.user.is_active_admin()) {
            problems.add(
                "users",
                code::LAST_ADMIN,
                None,
                "at least one active administrator is needed",
            );
        }
        problems.finish(())?;
        match company {
            Some(company) => Ok(Export {
                format: FORMAT.to_owned(),
                schema: SCHEMA,
                company,
                users: users.into_iter().map(|(_, user)| user).collect(),
                extensions: extensions
                    .into_iter()
                    .map(|(_, extension)| extension)
                    .collect(),
                trunks: trunks.into_iter().map(|(_, trunk)| trunk).collect(),
                audio_files: audio_files.into_iter().map(|(_, file)| file).collect(),
                music_classes: music_classes.into_iter().map(|(_, class)| class).collect(),
            }),
            // A company that could not be read has left its problem behind.
            None => Err(Invalid::one("company", code::REQUIRED, None, "is missing")),
        }
    }
}

fn company(problems: &mut Problems, value: Option<Value>) -> Option<Company> {
    let Some(value) = value else {
        problems.add("company", code::REQUIRED, None, "is missing");
        return None;
    };
    let mut inner = Problems::default();
    let (value, recording) = match value {
        Value::Object(mut map) => {
            let recording = map.remove("recording");
            (Value::Object(map), recording)
        }
        value => (value, None),
    };
    let mut company = read::<NewCompany>(&mut inner, "", value).and_then(|input| {
        input
            .validate_set_up()
            .map_err(|invalid| inner.nest("", invalid))
            .ok()
    });
    // Older documents have no settings for recording.
    if let (Some(company), Some(recording)) = (&mut company, recording)
        && let Some(mut settings) = read::<RecordingSettings>(&mut inner, "recording", recording)
    {
        let mut fields = Problems::default();
        settings.check_imported(&mut fields, company.country);
        nest(&mut inner, "recording", fields);
        company.recording = settings;
    }
    nest(problems, "company", inner);
    company
}

/// Reads a list object by object, so that one bad object does not hide the others.
fn list<T>(
    problems: &mut Problems,
    name: &str,
    value: Option<Value>,
    limit: usize,
    object: fn(&mut Problems, Map<String, Value>) -> Option<T>,
) -> Vec<(String, T)> {
    let rows = match value {
        Some(Value::Array(rows)) => rows,
        Some(_) => {
            problems.add(name, code::INVALID, None, "must be a list");
            return Vec::new();
        }
        None => {
            problems.add(name, code::REQUIRED, None, "is missing");
            return Vec::new();
        }
    };
    if rows.len() > limit {
        problems.add(
            name,
            code::TOO_MANY,
            Some(&limit.to_string()),
            format!("holds more than {limit} entries"),
        );
        return Vec::new();
    }
    let mut objects = Vec::with_capacity(rows.len());
    for (index, row) in rows.into_iter().enumerate() {
        let path = format!("{name}[{index}]");
        let mut inner = Problems::default();
        match row {
            Value::Object(map) => {
                objects.extend(object(&mut inner, map).map(|object| (path.clone(), object)))
            }
            _ => inner.add("", code::INVALID, None, "must be an object"),
        }
        nest(problems, &path, inner);
    }
    objects
}

fn exported_user(problems: &mut Problems, mut map: Map<String, Value>) -> Option<ExportedUser> {
    let password_hash = field::<String>(problems, &mut map, "password_hash");
    let mut user: User = read(problems, "", Value::Object(map))?;
    user.check_alone(problems);
    check_id(problems, user.id.0);
    Some(ExportedUser {
        user,
        password_hash: password_hash?,
    })
}

fn exported_extension(
    problems: &mut Problems,
    mut map: Map<String, Value>,
) -> Option<ExportedExtension> {
    let credential = field::<DigestCredential>(problems, &mut map, "credential");
    let mut extension: Extension = read(problems, "", Value::Object(map))?;
    extension.check_alone(problems);
    check_id(problems, extension.id.0);
    Some(ExportedExtension {
        extension,
        credential: credential?,
    })
}

fn exported_trunk(problems: &mut Problems, mut map: Map<String, Value>) -> Option<ExportedTrunk> {
    let sealed_password = field::<Option<String>>(problems, &mut map, "sealed_password");
    let mut trunk: SipTrunk = read(problems, "", Value::Object(map))?;
    trunk.check_alone(problems);
    trunk.check_hosts(problems);
    check_id(problems, trunk.id.0);
    Some(ExportedTrunk {
        trunk,
        sealed_password: sealed_password?,
    })
}

fn exported_audio_file(problems: &mut Problems, map: Map<String, Value>) -> Option<AudioFile> {
    let mut file: AudioFile = read(problems, "", Value::Object(map))?;
    file.check_alone(problems);
    check_id(problems, file.id.0);
    Some(file)
}

fn exported_music_class(problems: &mut Problems, map: Map<String, Value>) -> Option<MusicClass> {
    let mut class: MusicClass = read(problems, "", Value::Object(map))?;
    class.check_alone(problems);
    check_id(problems, class.id.0);
    Some(class)
}

fn check_id(problems: &mut Problems, id: i64) {
    // The upper bound leaves room for new objects after an import.
    if !(1..=i64::from(i32::MAX)).contains(&id) {
        problems.add(
            "id",
            code::OUT_OF_RANGE,
            Some("1-2147483647"),
            format!("{id} is not a positive 31-bit number"),
        );
    }
}

/// Takes one field out of an object and reads it.
fn field<T: DeserializeOwned>(
    problems: &mut Problems,
    map: &mut Map<String, Value>,
    name: &str,
) -> Option<T> {
    match map.remove(name) {
        Some(value) => read(problems, name, value),
        None => {
            problems.add(name, code::REQUIRED, None, "is missing");
            None
        }
    }
}

/// Reads `value` and names the field inside it that does not fit.
fn read<T: DeserializeOwned>(problems: &mut Problems, name: &str, value: Value) -> Option<T> {
    match serde_path_to_error::deserialize::<_, T>(value) {
        Ok(object) => Some(object),
        Err(error) => {
            let inner = match error.path().to_string() {
                path if path == "." => String::new(),
                path => path,
            };
            let path = match (name, inner.as_str()) {
                ("", _) => inner,
                (_, "") => name.to_owned(),
                _ => format!("{name}.{inner}"),
            };
            problems.add(&path, code::INVALID, None, error.inner().to_string());
            None
        }
    }
}

fn nest(problems: &mut Problems, path: &str, inner: Problems) {
    if let Err(invalid) = inner.finish(()) {
        problems.nest(path, invalid);
    }
}

fn unique<T>(
    problems: &mut Problems,
    objects: &[(String, T)],
    list: &str,
    field: &str,
    key: impl Fn(&T) -> String,
) {
    let mut first: HashMap<String, &str> = HashMap::new();
    for (path, object) in objects {
        let key = key(object);
        if let Some(earlier) = first.get(&key) {
            let message = format!("`{key}` occurs twice in {list}, first in {earlier}");
            problems.add(
                &format!("{path}.{field}"),
                code::DUPLICATE,
                Some(earlier),
                message,
            );
        } else {
            first.insert(key, path);
        }
    }
}

fn unique_ids<'a>(problems: &mut Problems, ids: impl Iterator<Item = (&'a String, i64)>) {
    let mut seen = HashSet::new();
    for (path, id) in ids {
        if !seen.insert(id) {
            let message = format!("id {id} belongs to another object of this document already");
            problems.add(&format!("{path}.id"), code::DUPLICATE, None, message);
        }
    }
}
