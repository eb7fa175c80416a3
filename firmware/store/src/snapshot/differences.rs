//! What differs between two configurations, object by object.

use std::collections::{HashMap, HashSet};

use ramal_model::{Draft, ExtensionId, TrunkId, UserId};
use serde::Serialize;

use super::{
    ANALOGUE_PORT, AUDIO_FILE, COMPANY, COMPANY_ID, E1_TRUNK, EXTENSION, MUSIC_CLASS, TRUNK, USER,
    write::Change,
};
use crate::error::Result;

/// What differs between two configurations.
pub(crate) fn changes(
    old: &Draft,
    draft: &Draft,
    passwords: &[(UserId, String)],
) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    if old.company != draft.company {
        changes.push(Change {
            object: COMPANY,
            id: COMPANY_ID,
            before: old.company.as_ref().map(serde_json::to_value).transpose()?,
            after: draft
                .company
                .as_ref()
                .map(serde_json::to_value)
                .transpose()?,
            secret: None,
        });
    }
    let users = |draft: &Draft| {
        draft
            .users
            .iter()
            .map(|(id, user)| (id.0, user.clone()))
            .collect::<HashMap<_, _>>()
    };
    let new_pin = |id: &UserId| old.agent_pins.get(id) != draft.agent_pins.get(id);
    differences(&mut changes, USER, &users(old), &users(draft), |id| {
        let password = passwords.iter().any(|(user, _)| user.0 == id);
        let pin = new_pin(&UserId(id));
        password
            .then_some("password_changed")
            .or(pin.then_some("agent_pin_changed"))
    })?;
    let extensions = |draft: &Draft| {
        draft
            .extensions
            .iter()
            .map(|(id, e)| (id.0, e.clone()))
            .collect::<HashMap<_, _>>()
    };
    differences(
        &mut changes,
        EXTENSION,
        &extensions(old),
        &extensions(draft),
        |id| {
            let id = ExtensionId(id);
            (old.credentials.get(&id) != draft.credentials.get(&id)).then_some("secret_changed")
        },
    )?;
    let trunks = |draft: &Draft| {
        draft
            .trunks
            .iter()
            .map(|(id, trunk)| (id.0, trunk.clone()))
            .collect::<HashMap<_, _>>()
    };
    let new_password = |id: &TrunkId| old.trunk_passwords.get(id) != draft.trunk_passwords.get(id);
    differences(&mut changes, TRUNK, &trunks(old), &trunks(draft), |id| {
        new_password(&TrunkId(id)).then_some("password_changed")
    })?;
    let e1_trunks = |draft: &Draft| {
        draft
            .e1_trunks
            .iter()
            .map(|(id, trunk)| (id.0, trunk.clone()))
            .collect::<HashMap<_, _>>()
    };
    differences(
        &mut changes,
        E1_TRUNK,
        &e1_trunks(old),
        &e1_trunks(draft),
        |_| None,
    )?;
    let analogue_ports = |draft: &Draft| {
        draft
            .analogue_ports
            .iter()
            .map(|(id, port)| (id.0, port.clone()))
            .collect::<HashMap<_, _>>()
    };
    let (before, after) = (analogue_ports(old), analogue_ports(draft));
    differences(&mut changes, ANALOGUE_PORT, &before, &after, |_| None)?;
    let audio_files = |draft: &Draft| {
        draft
            .audio_files
            .iter()
            .map(|(id, file)| (id.0, file.clone()))
            .collect::<HashMap<_, _>>()
    };
    let (before, after) = (audio_files(old), audio_files(draft));
    differences(&mut changes, AUDIO_FILE, &before, &after, |_| None)?;
    let music_classes = |draft: &Draft| {
        draft
            .music_classes
            .iter()
            .map(|(id, class)| (id.0, class.clone()))
            .collect::<HashMap<_, _>>()
    };
    let (before, after) = (music_classes(old), music_classes(draft));
    differences(&mut changes, MUSIC_CLASS, &before, &after, |_| None)?;
    let mut differing = HashSet::new();
    old.catalogue.differences(&draft.catalogue, |one| {
        let kept = one.before.is_some() && one.after.is_some();
        let secret = kept && has_new_secret(old, draft, one.id);
        differing.insert(one.id);
        changes.push(Change {
            object: one.kind,
            id: one.id,
            before: one.before,
            after: one.after,
            secret: secret.then_some("secret_changed"),
        });
    });
    // Objects of which nothing but the secret is another one.
    let secrets = old.secrets.keys().chain(draft.secrets.keys());
    let mut secrets: Vec<i64> = secrets.copied().collect();
    secrets.sort_unstable();
    secrets.dedup();
    secrets.retain(|id| has_new_secret(old, draft, *id) && !differing.contains(id));
    for id in secrets {
        if let Some((object, document)) = draft.catalogue.document(id) {
            changes.push(Change {
                object,
                id,
                before: Some(document.clone()),
                after: Some(document),
                secret: Some("secret_changed"),
            });
        }
    }
    Ok(changes)
}

/// Adds what differs between two sets of objects. `secret` names a secret of the object that changed.
fn differences<T: Serialize + PartialEq>(
    changes: &mut Vec<Change>,
    object: &'static str,
    old: &HashMap<i64, T>,
    new: &HashMap<i64, T>,
    secret: impl Fn(i64) -> Option<&'static str>,
) -> Result<()> {
    let first = changes.len();
    for (id, before) in old {
        let after = new.get(id);
        let secret = secret(*id).filter(|_| after.is_some());
        if after == Some(before) && secret.is_none() {
            continue;
        }
        let after = after.map(serde_json::to_value).transpose()?;
        changes.push(Change {
            object,
            id: *id,
            before: Some(serde_json::to_value(before)?),
            after,
            secret,
        });
    }
    for (id, after) in new.iter().filter(|(id, _)| !old.contains_key(id)) {
        changes.push(Change {
            object,
            id: *id,
            before: None,
            after: Some(serde_json::to_value(after)?),
            secret: None,
        });
    }
    changes[first..].sort_by_key(|change| change.id);
    Ok(())
}

/// Whether an object of the catalogue has another secret.
pub(super) fn has_new_secret(old: &Draft, new: &Draft, id: i64) -> bool {
    old.secrets.get(&id) != new.secrets.get(&id)
}
