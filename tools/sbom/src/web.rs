//! npm packages in the web interface, as its bundler found them.

use std::path::Path;

use serde::Deserialize;

use crate::component::{Component, Kind, encoded};
use crate::licence::Licence;
use crate::{Error, read};

/// An entry of Vite's `build.license` file.
#[derive(Deserialize)]
struct Bundled {
    name: String,
    version: String,
    /// SPDX expression of `package.json`.
    identifier: Option<String>,
}

/// The packages of which modules are in the bundle.
pub fn components(file: &Path) -> Result<Vec<Component>, Error> {
    let refused = |reason: String| Error::Content {
        path: file.to_owned(),
        reason,
    };
    let bundled: Vec<Bundled> =
        serde_json::from_str(&read(file)?).map_err(|error| refused(error.to_string()))?;
    if bundled.is_empty() {
        return Err(refused(
            "it names no package, and the interface has some".to_owned(),
        ));
    }
    Ok(bundled
        .iter()
        .map(|part| {
            // The `@` of a scope is encoded, its slash is not.
            let name: Vec<String> = part.name.split('/').map(encoded).collect();
            let purl = format!("pkg:npm/{}@{}", name.join("/"), encoded(&part.version));
            Component {
                licence: part
                    .identifier
                    .as_deref()
                    .map(Licence::expression)
                    .unwrap_or_default(),
                ..Component::new(Kind::Library, &part.name, &part.version, purl)
            }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_kept_and_an_empty_bundle_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("licenses.json");
        std::fs::write(
            &file,
            r#"[{"name":"@a/b","version":"1.0.0","identifier":"MIT","text":""}]"#,
        )
        .unwrap();
        assert_eq!(components(&file).unwrap()[0].purl, "pkg:npm/%40a/b@1.0.0");
        std::fs::write(&file, "[]").unwrap();
        assert!(components(&file).is_err());
    }
}
