//! Crates that are linked into a program, and what comes in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::component::{Component, Kind, encoded};
use crate::licence::Licence;
use crate::{Error, read};

/// What a program is made of.
pub struct Linked {
    /// Crates of registries, the standard library, and what is bundled in crates.
    pub crates: Vec<Component>,
    /// Package URLs of what the program and the workspace's own crates in it name as dependencies.
    pub direct: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// What `package` of the workspace in `project` is linked from, on this machine's target: normal dependencies with the features
/// that are on. Procedural macros and build scripts run while building and are not in the program.
pub fn linked(project: &Path, package: &str) -> Result<Linked, Error> {
    let tree = cargo(
        project,
        &[
            "tree",
            "--locked",
            "--package",
            package,
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "depth",
            "--format",
            "|{p}|{l}",
        ],
    )?;
    let lock_file = project.join("Cargo.lock");
    let lock: Lock = toml::from_str(&read(&lock_file)?).map_err(|error| Error::Content {
        path: lock_file,
        reason: error.to_string(),
    })?;
    let sums: BTreeMap<(&str, &str), &str> = lock
        .package
        .iter()
        .filter_map(|locked| {
            Some((
                (locked.name.as_str(), locked.version.as_str()),
                locked.checksum.as_deref()?,
            ))
        })
        .collect();
    let (mut found, mut direct) = of_tree(&tree, &sums).map_err(|reason| Error::Cargo {
        command: "tree".to_owned(),
        reason,
    })?;
    if let Some(sqlite) = found.iter().position(|part| part.name == "libsqlite3-sys") {
        let bundled = bundled_sqlite(project, &found[sqlite].version)?;
        found[sqlite].depends.insert(bundled.purl.clone());
        found.push(bundled);
    }
    let standard = standard_library(project)?;
    direct.insert(standard.purl.clone());
    found.push(standard);
    Ok(Linked {
        crates: found,
        direct,
    })
}

/// Runs cargo in the project and gives what it prints.
fn cargo(project: &Path, arguments: &[&str]) -> Result<String, Error> {
    run(project, "cargo", arguments)
}

fn run(project: &Path, program: &str, arguments: &[&str]) -> Result<String, Error> {
    let refused = |reason: String| Error::Cargo {
        command: arguments.first().copied().unwrap_or_default().to_owned(),
        reason,
    };
    let output = Command::new(program)
        .args(arguments)
        .current_dir(project)
        .output()
        .map_err(|error| refused(error.to_string()))?;
    if !output.status.success() {
        return Err(refused(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    String::from_utf8(output.stdout).map_err(|error| refused(error.to_string()))
}

/// Reads `cargo tree --prefix depth`: lines `DEPTH|NAME vVERSION [(FOLDER)]|LICENCE[ (*)]`. What stands below a crate follows it
/// where it is named first; `(*)` marks the later ones.
fn of_tree(
    tree: &str,
    sums: &BTreeMap<(&str, &str), &str>,
) -> Result<(Vec<Component>, BTreeSet<String>), String> {
    let mut found: BTreeMap<String, Component> = BTreeMap::new();
    let mut direct = BTreeSet::new();
    // Package URLs of what the present line stands below; none for the workspace's own.
    let mut above: Vec<Option<String>> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let unreadable = || format!("this line is not understood: {line}");
        let mut parts = line.splitn(3, '|');
        let depth: usize = parts
            .next()
            .and_then(|depth| depth.parse().ok())
            .ok_or_else(unreadable)?;
        let package = parts.next().ok_or_else(unreadable)?;
        let licence = parts.next().ok_or_else(unreadable)?;
        let licence = licence.strip_suffix(" (*)").unwrap_or(licence).trim();
        let (name, rest) = package.split_once(" v").ok_or_else(unreadable)?;
        let version = rest.split(' ').next().ok_or_else(unreadable)?;
        let own = rest.contains(" (/");
        if depth > above.len() {
            return Err(unreadable());
        }
        above.truncate(depth);
        let purl = (!own).then(|| format!("pkg:cargo/{}@{}", encoded(name), encoded(version)));
        if let Some(purl) = &purl {
            match above.last() {
                Some(Some(parent)) => {
                    if let Some(parent) = found.get_mut(parent) {
                        parent.depends.insert(purl.clone());
                    }
                }
                _ => {
                    direct.insert(purl.clone());
                }
            }
            found.entry(purl.clone()).or_insert_with(|| Component {
                licence: Licence::expression(licence),
                sha256: sums.get(&(name, version)).map(|sum| (*sum).to_owned()),
                ..Component::new(Kind::Library, name, version, purl.clone())
            });
        }
        above.push(purl);
    }
    Ok((found.into_values().collect(), direct))
}

/// SQLite's source lies in the crate, with a version of its own.
fn bundled_sqlite(project: &Path, version: &str) -> Result<Component, Error> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
        manifest_path: std::path::PathBuf,
    }
    let refused = |reason: &str| Error::Cargo {
        command: "metadata".to_owned(),
        reason: reason.to_owned(),
    };
    let text = cargo(project, &["metadata", "--locked", "--format-version", "1"])?;
    let metadata: Metadata =
        serde_json::from_str(&text).map_err(|error| refused(&error.to_string()))?;
    let header = metadata
        .packages
        .iter()
        .find(|package| package.name == "libsqlite3-sys" && package.version == version)
        .map(|package| {
            package
                .manifest_path
                .with_file_name("sqlite3")
                .join("sqlite3.h")
        })
        .ok_or_else(|| refused("libsqlite3-sys is nowhere"))?;
    let text = read(&header)?;
    let version = text
        .lines()
        .find_map(|line| line.strip_prefix("#define SQLITE_VERSION "))
        .map(|value| value.trim().trim_matches('"'))
        .ok_or_else(|| Error::Content {
            path: header,
            reason: "it has no SQLITE_VERSION".to_owned(),
        })?;
    Ok(Component {
        licence: Licence::expression("blessing"),
        description: Some("SQL database, bundled in libsqlite3-sys".to_owned()),
        ..Component::new(
            Kind::Library,
            "sqlite",
            version,
            format!("pkg:generic/sqlite@{}", encoded(version)),
        )
    })
}

/// The compiler's own library is in every program.
fn standard_library(project: &Path) -> Result<Component, Error> {
    let text = run(project, "rustc", &["-vV"])?;
    let version = text
        .lines()
        .find_map(|line| line.strip_prefix("release: "))
        .ok_or_else(|| Error::Cargo {
            command: "rustc -vV".to_owned(),
            reason: "it tells no release".to_owned(),
        })?;
    Ok(Component {
        licence: Licence::expression("MIT OR Apache-2.0"),
        description: Some("Rust's standard library".to_owned()),
        ..Component::new(
            Kind::Library,
            "rust-std",
            version,
            format!("pkg:generic/rust-std@{}", encoded(version)),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_tells_who_needs_what_and_leaves_own_crates_out() {
        let tree = "0|ramald v0.1.0 (/src/firmware/ramald)|MIT OR Apache-2.0\n\
            1|ramal-sip v0.1.0 (/src/firmware/sip)|MIT OR Apache-2.0\n\
            2|bytes v1.10.0|MIT\n\
            1|tokio v1.54.0|MIT\n\
            2|bytes v1.10.0|MIT (*)\n\
            2|mio v1.1.0|MIT/Apache-2.0\n";
        let sums = BTreeMap::from([(("mio", "1.1.0"), "ab")]);
        let (found, direct) = of_tree(tree, &sums).unwrap();
        let names: Vec<&str> = found.iter().map(|part| part.purl.as_str()).collect();
        assert_eq!(
            names,
            [
                "pkg:cargo/bytes@1.10.0",
                "pkg:cargo/mio@1.1.0",
                "pkg:cargo/tokio@1.54.0"
            ]
        );
        assert_eq!(
            found[2]
                .depends
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
            ["pkg:cargo/bytes@1.10.0", "pkg:cargo/mio@1.1.0"]
        );
        assert_eq!(found[1].sha256.as_deref(), Some("ab"));
        assert_eq!(
            found[1].licence.expression.as_deref(),
            Some("MIT OR Apache-2.0")
        );
        assert!(
            direct.contains("pkg:cargo/tokio@1.54.0") && direct.contains("pkg:cargo/bytes@1.10.0")
        );
        assert_eq!(direct.len(), 2);
    }

    #[test]
    fn another_format_is_refused() {
        for line in [
            "tokio v1",
            "x|tokio v1.0.0|MIT",
            "2|tokio v1.0.0|MIT",
            "0|tokio|MIT",
        ] {
            let reason = of_tree(line, &BTreeMap::new()).unwrap_err();
            assert!(reason.contains(line), "{reason}");
        }
    }
}
