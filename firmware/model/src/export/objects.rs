//! Objects as they stand in a document: with what is otherwise kept from view.

use serde_json::{Map, Value};

use super::{
    ExportedExtension, ExportedTrunk, ExportedUser,
    reading::{check_id, field, nest, read},
};
use crate::{
    AnaloguePort, AudioFile, Company, DigestCredential, E1Trunk, Extension, FeatureCodes,
    MusicClass, NewCompany, NewSipSettings, NewTollSettings, RecordingSettings, SipTrunk,
    TollSettings, User,
    problem::{Problems, code},
};

pub(super) fn company(problems: &mut Problems, value: Option<Value>) -> Option<Company> {
    let Some(value) = value else {
        problems.add("company", code::REQUIRED, None, "is missing");
        return None;
    };
    let mut inner = Problems::default();
    let (value, recording, greeting, codes, sip, toll) = match value {
        Value::Object(mut map) => {
            let sip = map.remove("sip");
            let toll = map.remove("toll");
            let recording = map.remove("recording");
            let greeting = map.remove("voicemail_greeting");
            let codes = map.remove("feature_codes");
            (Value::Object(map), recording, greeting, codes, sip, toll)
        }
        value => (value, None, None, None, None, None),
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
    // Nor one for voicemail.
    if let (Some(company), Some(greeting)) = (&mut company, greeting) {
        company.voicemail_greeting =
            read(&mut inner, "voicemail_greeting", greeting).unwrap_or_default();
    }
    // Nor feature codes: those that there are by default.
    if let (Some(company), Some(codes)) = (&mut company, codes)
        && let Some(mut codes) = read::<FeatureCodes>(&mut inner, "feature_codes", codes)
    {
        let mut fields = Problems::default();
        codes.check_alone(&mut fields);
        nest(&mut inner, "feature_codes", fields);
        company.feature_codes = codes;
    }
    // Nor settings of SIP.
    if let (Some(company), Some(sip)) = (&mut company, sip)
        && let Some(settings) = read::<NewSipSettings>(&mut inner, "sip", sip)
    {
        match settings.validate() {
            Ok(settings) => company.sip = settings,
            Err(invalid) => inner.nest("sip", invalid),
        }
    }
    // Nor a list of countries: whoever had a rule for calls abroad goes on using it.
    if let Some(company) = &mut company {
        company.toll = TollSettings::before();
        let toll = toll.and_then(|toll| read::<NewTollSettings>(&mut inner, "toll", toll));
        match toll.map(|settings| settings.validate()) {
            Some(Ok(settings)) => company.toll = settings,
            Some(Err(invalid)) => inner.nest("toll", invalid),
            None => {}
        }
    }
    nest(problems, "company", inner);
    company
}

pub(super) fn user(problems: &mut Problems, mut map: Map<String, Value>) -> Option<ExportedUser> {
    let password_hash = field::<String>(problems, &mut map, "password_hash");
    let agent_pin_hash = match map.remove("agent_pin_hash") {
        None | Some(Value::Null) => None,
        Some(Value::String(hash)) => Some(hash),
        Some(_) => {
            problems.add("agent_pin_hash", code::INVALID, None, "must be a text");
            None
        }
    };
    let mut user: User = read(problems, "", Value::Object(map))?;
    user.agent_pin_set = agent_pin_hash.is_some();
    user.check_alone(problems);
    check_id(problems, user.id.0);
    Some(ExportedUser {
        user,
        password_hash: password_hash?,
        agent_pin_hash,
    })
}

pub(super) fn extension(
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

pub(super) fn trunk(problems: &mut Problems, mut map: Map<String, Value>) -> Option<ExportedTrunk> {
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

pub(super) fn e1_trunk(problems: &mut Problems, map: Map<String, Value>) -> Option<E1Trunk> {
    let mut trunk: E1Trunk = read(problems, "", Value::Object(map))?;
    trunk.check_alone(problems);
    check_id(problems, trunk.id.0);
    Some(trunk)
}

pub(super) fn analogue_port(
    problems: &mut Problems,
    map: Map<String, Value>,
) -> Option<AnaloguePort> {
    let port: AnaloguePort = read(problems, "", Value::Object(map))?;
    check_id(problems, port.id.0);
    match AnaloguePort::new(port.id, &port.port, port.settings) {
        Ok(port) => Some(port),
        Err(invalid) => {
            problems.nest("", invalid);
            None
        }
    }
}

pub(super) fn audio_file(problems: &mut Problems, map: Map<String, Value>) -> Option<AudioFile> {
    let mut file: AudioFile = read(problems, "", Value::Object(map))?;
    file.check_alone(problems);
    check_id(problems, file.id.0);
    Some(file)
}

pub(super) fn music_class(problems: &mut Problems, map: Map<String, Value>) -> Option<MusicClass> {
    let mut class: MusicClass = read(problems, "", Value::Object(map))?;
    class.check_alone(problems);
    check_id(problems, class.id.0);
    Some(class)
}
