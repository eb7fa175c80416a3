//! A whole document: its schema, its lists, and what its objects say of each other.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{
    Export, FORMAT, SCHEMA,
    objects::{analogue_port, audio_file, company, e1_trunk, extension, music_class, trunk, user},
    reading::{list, nest, unique, unique_ids},
};
use crate::{
    Catalogue, Configuration, Invalid, MAX_AUDIO_FILES, MAX_E1_TRUNKS, MAX_MUSIC_CLASSES,
    MAX_TRUNKS,
    extension::MAX_EXTENSIONS,
    line::MAX_ANALOGUE_PORTS,
    problem::{Problems, code},
    sound::check_class,
    user::MAX_USERS,
};

/// Documents of older schemas have no trunks.
const FIRST_WITH_TRUNKS: u64 = 2;
/// Those before this have no sounds.
const FIRST_WITH_SOUNDS: u64 = 3;
/// Those before this have neither E1 trunks nor settings of analogue ports.
const FIRST_WITH_LINES: u64 = 5;

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
        check_schema(&mut document)?;
        let mut problems = Problems::default();
        let company = company(&mut problems, document.remove("company"));
        let users = list(
            &mut problems,
            "users",
            document.remove("users"),
            MAX_USERS,
            user,
        );
        let extensions = list(
            &mut problems,
            "extensions",
            document.remove("extensions"),
            MAX_EXTENSIONS,
            extension,
        );
        let trunks = list(
            &mut problems,
            "trunks",
            document.remove("trunks"),
            MAX_TRUNKS,
            trunk,
        );
        let e1_trunks = list(
            &mut problems,
            "e1_trunks",
            document.remove("e1_trunks"),
            MAX_E1_TRUNKS,
            e1_trunk,
        );
        let analogue_ports = list(
            &mut problems,
            "analogue_ports",
            document.remove("analogue_ports"),
            MAX_ANALOGUE_PORTS,
            analogue_port,
        );
        let audio_files = list(
            &mut problems,
            "audio_files",
            document.remove("audio_files"),
            MAX_AUDIO_FILES,
            audio_file,
        );
        let music_classes = list(
            &mut problems,
            "music_classes",
            document.remove("music_classes"),
            MAX_MUSIC_CLASSES,
            music_class,
        );
        let (catalogue, places) = Catalogue::read(&mut problems, &mut document);
        let sealed_secrets = match document.remove("sealed_secrets") {
            None => Vec::new(),
            Some(secrets) => serde_json::from_value(secrets).unwrap_or_else(|error| {
                problems.add("sealed_secrets", code::INVALID, None, error.to_string());
                Vec::new()
            }),
        };
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
        let names: Vec<_> = trunks
            .iter()
            .map(|(path, trunk)| (path.clone(), trunk.trunk.name.to_lowercase()))
            .chain(
                e1_trunks
                    .iter()
                    .map(|(path, trunk)| (path.clone(), trunk.name.to_lowercase())),
            )
            .collect();
        unique(&mut problems, &names, "the trunks", "name", String::clone);
        unique(&mut problems, &e1_trunks, "e1_trunks", "device", |trunk| {
            trunk.device.clone()
        });
        unique(
            &mut problems,
            &analogue_ports,
            "analogue_ports",
            "port",
            |port| port.port.clone(),
        );
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
        for (path, user) in &users {
            let extension = user.user.extension;
            if extension.is_some_and(|id| !extension_ids.contains(&id)) {
                let message = "there is no such extension";
                problems.add(
                    &format!("{path}.extension"),
                    code::NO_SUCH_OBJECT,
                    None,
                    message,
                );
            }
        }
        let companies: HashMap<_, _> = extensions
            .iter()
            .map(|(_, one)| (one.extension.id, one.extension.company))
            .collect();
        for (path, user) in &users {
            let extension = user.user.extension.and_then(|id| companies.get(&id));
            if extension.is_some_and(|company| *company != user.user.company) {
                let message = "the extension belongs to another company than its user";
                problems.add(
                    &format!("{path}.extension"),
                    code::OTHER_COMPANY,
                    None,
                    message,
                );
            }
        }
        let belongs = users
            .iter()
            .map(|(path, one)| (path, one.user.company))
            .chain(
                extensions
                    .iter()
                    .map(|(path, one)| (path, one.extension.company)),
            );
        for (path, company) in belongs {
            let hosted = company.hosted();
            if hosted.is_some_and(|id| catalogue.hosted_companies.get(id).is_none()) {
                let message = format!("there is no company {company}");
                let field = format!("{path}.company");
                problems.add(&field, code::NO_SUCH_OBJECT, None, message);
            }
        }
        for (path, user) in &users {
            let profile = user.user.profile;
            if profile.is_some_and(|id| catalogue.profiles.get(id).is_none()) {
                let message = "there is no such profile";
                let field = format!("{path}.profile");
                problems.add(&field, code::NO_SUCH_OBJECT, None, message);
            }
        }
        for (path, trunk) in &trunks {
            let mut inner = Problems::default();
            trunk
                .trunk
                .check_references(&mut inner, |id| extension_ids.contains(&id));
            nest(&mut problems, path, inner);
        }
        for (path, trunk) in &e1_trunks {
            let mut inner = Problems::default();
            trunk.check_references(&mut inner, |id| extension_ids.contains(&id));
            nest(&mut problems, path, inner);
        }
        for (path, port) in &analogue_ports {
            let mut inner = Problems::default();
            port.check_references(&mut inner, |id| extension_ids.contains(&id));
            nest(&mut problems, path, inner);
        }
        let ids = users.iter().map(|(path, user)| (path, user.user.id.0));
        let ids = ids.chain(
            extensions
                .iter()
                .map(|(path, extension)| (path, extension.extension.id.0)),
        );
        let ids = ids.chain(trunks.iter().map(|(path, trunk)| (path, trunk.trunk.id.0)));
        let ids = ids.chain(e1_trunks.iter().map(|(path, trunk)| (path, trunk.id.0)));
        let ids = ids.chain(analogue_ports.iter().map(|(path, port)| (path, port.id.0)));
        let ids = ids.chain(audio_files.iter().map(|(path, file)| (path, file.id.0)));
        let ids = ids.chain(music_classes.iter().map(|(path, class)| (path, class.id.0)));
        let ids = ids.chain(places.iter().map(|(id, path)| (path, *id)));
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
        let export = match company {
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
                e1_trunks: e1_trunks.into_iter().map(|(_, trunk)| trunk).collect(),
                analogue_ports: analogue_ports.into_iter().map(|(_, port)| port).collect(),
                audio_files: audio_files.into_iter().map(|(_, file)| file).collect(),
                music_classes: music_classes.into_iter().map(|(_, class)| class).collect(),
                catalogue,
                sealed_secrets,
            }),
            // A company that could not be read has left its problem behind.
            None => Err(Invalid::one("company", code::REQUIRED, None, "is missing")),
        }?;
        let mut problems = Problems::default();
        Catalogue::check_all(&export.configuration(), &places, &mut problems);
        problems.finish(export)
    }

    /// What the document describes, but for its secrets.
    fn configuration(&self) -> Configuration {
        let users = self.users.iter().map(|one| one.user.clone()).collect();
        let extensions = self.extensions.iter().map(|one| one.extension.clone());
        Configuration::new(
            0,
            Some(self.company.clone()),
            users,
            extensions.collect(),
            HashMap::new(),
        )
        .with_trunks(
            self.trunks.iter().map(|one| one.trunk.clone()).collect(),
            HashMap::new(),
        )
        .with_e1_trunks(self.e1_trunks.clone())
        .with_sounds(self.audio_files.clone(), self.music_classes.clone())
        .with_catalogue(self.catalogue.clone())
    }
}

/// Checks what kind of document it is, takes that out, and adds the lists that older ones do not have.
fn check_schema(document: &mut Map<String, Value>) -> Result<(), Invalid> {
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
            if schema < FIRST_WITH_LINES {
                for list in ["e1_trunks", "analogue_ports"] {
                    document
                        .entry(list)
                        .or_insert_with(|| Value::Array(Vec::new()));
                }
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
    Ok(())
}
