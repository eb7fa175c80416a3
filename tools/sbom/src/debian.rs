//! Debian packages of a tree, from dpkg's own records.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::component::{Component, Kind, encoded};
use crate::licence::{Licence, paragraphs};
use crate::{Error, read};

/// A tree with packages installed in it.
pub struct Tree {
    root: PathBuf,
    /// Major version of Debian, as in `distro=debian-13`.
    release: String,
    installed: BTreeMap<String, BTreeMap<String, String>>,
    /// Packages by the names that they provide.
    provided: BTreeMap<String, String>,
}

impl Tree {
    /// Reads what is installed below `root`.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let status = root.join("var/lib/dpkg/status");
        let mut installed = BTreeMap::new();
        let mut provided = BTreeMap::new();
        for fields in paragraphs(&read(&status)?) {
            let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
            if field("status") != "install ok installed" {
                continue;
            }
            let name = field("package").to_owned();
            if name.is_empty() || field("version").is_empty() || field("architecture").is_empty() {
                let reason = format!("a package has no name, version or architecture: {name}");
                return Err(Error::Content {
                    path: status,
                    reason,
                });
            }
            for other in field("provides").split(',').filter_map(first_word) {
                provided
                    .entry(other.to_owned())
                    .or_insert_with(|| name.clone());
            }
            installed.insert(name, fields);
        }
        let version = read(&root.join("etc/debian_version"))?;
        let release = version
            .trim()
            .split('.')
            .next()
            .unwrap_or_default()
            .to_owned();
        Ok(Self {
            root: root.to_owned(),
            release,
            installed,
            provided,
        })
    }

    /// The packages of which files are left when `trimmed`, paths below the root, are gone. Documentation and empty folders
    /// do not count: what is not there cannot be vulnerable.
    pub fn components_left(&self, trimmed: &BTreeSet<&str>) -> Result<Vec<Component>, Error> {
        let mut left = BTreeSet::new();
        for name in self.installed.keys() {
            if self.has_files(name, trimmed)? {
                left.insert(name.as_str());
            }
        }
        left.iter()
            .map(|name| {
                let mut component = self.component(name)?;
                component.depends = self
                    .needs(name)
                    .into_iter()
                    .filter(|other| left.contains(other.as_str()) && other != name)
                    .map(|other| self.purl(&other))
                    .collect();
                Ok(component)
            })
            .collect()
    }

    fn fields(&self, name: &str) -> Result<&BTreeMap<String, String>, Error> {
        self.installed
            .get(name)
            .ok_or_else(|| Error::NotInstalled(name.to_owned(), self.root.clone()))
    }

    fn value(&self, name: &str, field: &str) -> &str {
        self.installed
            .get(name)
            .and_then(|fields| fields.get(field))
            .map(String::as_str)
            .unwrap_or_default()
    }

    fn purl(&self, name: &str) -> String {
        format!(
            "pkg:deb/debian/{}@{}?arch={}&distro=debian-{}",
            encoded(name),
            encoded(self.value(name, "version")),
            encoded(self.value(name, "architecture")),
            self.release
        )
    }

    /// Source package and its version (`Source: NAME (VERSION)`, where they differ from the package's).
    fn source(&self, name: &str) -> (String, String) {
        let version = self.value(name, "version").to_owned();
        let source = self.value(name, "source");
        match source.split_once(" (") {
            Some((source, version)) => {
                (source.to_owned(), version.trim_end_matches(')').to_owned())
            }
            None if source.is_empty() => (name.to_owned(), version),
            None => (source.to_owned(), version),
        }
    }

    /// The package as a component that needs nothing yet.
    pub fn component(&self, name: &str) -> Result<Component, Error> {
        self.fields(name)?;
        let section = self.value(name, "section");
        let kind = if name.starts_with("linux-image-") {
            Kind::OperatingSystem
        } else if section.ends_with("libs") {
            Kind::Library
        } else {
            Kind::Application
        };
        let first_line = |field| {
            let text = self.value(name, field).lines().next().unwrap_or_default();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let copyright = self.root.join("usr/share/doc").join(name).join("copyright");
        Ok(Component {
            description: first_line("description"),
            supplier: first_line("maintainer"),
            source: Some(self.source(name)),
            licence: if copyright.exists() {
                // Some files of old packages are not UTF-8.
                let bytes = std::fs::read(&copyright).map_err(|error| Error::File {
                    path: copyright,
                    error,
                })?;
                Licence::of_debian(&String::from_utf8_lossy(&bytes))
            } else {
                Licence::default()
            },
            ..Component::new(kind, name, self.value(name, "version"), self.purl(name))
        })
    }

    /// Modules built from the source in a package, with the patches of a folder.
    pub fn built_from(&self, name: &str, patches: &Path) -> Result<Component, Error> {
        let package = self.component(name)?;
        let mut applied = Vec::new();
        let file = |error| Error::File {
            path: patches.to_owned(),
            error,
        };
        for entry in std::fs::read_dir(patches).map_err(file)? {
            let patch = entry
                .map_err(file)?
                .file_name()
                .to_string_lossy()
                .into_owned();
            if patch.ends_with(".patch") {
                applied.push(patch);
            }
        }
        applied.sort();
        let (source, version) = self.source(name);
        let purl = format!("pkg:generic/{}@{}", encoded(&source), encoded(&version));
        Ok(Component {
            changed: Some((package.purl.clone(), applied)),
            supplier: None,
            ..Component {
                kind: Kind::DeviceDriver,
                name: source,
                version,
                purl,
                ..package
            }
        })
    }

    /// Whether a file of the package is left.
    fn has_files(&self, name: &str, trimmed: &BTreeSet<&str>) -> Result<bool, Error> {
        let records = self.root.join("var/lib/dpkg/info");
        let qualified = records.join(format!("{name}:{}.list", self.value(name, "architecture")));
        let list = if qualified.exists() {
            qualified
        } else {
            records.join(format!("{name}.list"))
        };
        Ok(read(&list)?
            .lines()
            .filter_map(|line| line.strip_prefix('/'))
            .map(merged)
            .filter(|path| !path.starts_with("usr/share/doc/"))
            .filter(|path| {
                !Path::new(path)
                    .ancestors()
                    .any(|above| above.to_str().is_some_and(|above| trimmed.contains(above)))
            })
            .any(|path| {
                std::fs::symlink_metadata(self.root.join(&path)).is_ok_and(|file| !file.is_dir())
            }))
    }

    /// What the package needs, of each choice the first that is installed.
    fn needs(&self, name: &str) -> BTreeSet<String> {
        ["pre-depends", "depends"]
            .into_iter()
            .flat_map(|field| self.value(name, field).split(','))
            .filter_map(|choice| {
                choice.split('|').filter_map(first_word).find_map(|wanted| {
                    if self.installed.contains_key(wanted) {
                        Some(wanted.to_owned())
                    } else {
                        self.provided.get(wanted).cloned()
                    }
                })
            })
            .collect()
    }
}

/// The name in `name:any (>= version)`.
fn first_word(text: &str) -> Option<&str> {
    let name = text.trim().split([' ', ':', '(']).next()?;
    (!name.is_empty()).then_some(name)
}

/// A path with what Debian merged into `/usr` at its place there.
fn merged(path: &str) -> String {
    let top = path.split('/').next().unwrap_or_default();
    if matches!(top, "bin" | "sbin" | "lib" | "lib64") && path.len() > top.len() {
        format!("usr/{path}")
    } else {
        path.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("etc/debian_version", "13.1\n");
        write(
            "var/lib/dpkg/status",
            "Package: tool\nStatus: install ok installed\nSection: admin\nMaintainer: A <a@debian.org>\nArchitecture: amd64\n\
             Version: 1:2.0+x-1\nSource: tools (2.0-1)\nDepends: gone | libthing (>= 1), mail-agent\nDescription: does it\n more\n\n\
             Package: libthing0\nStatus: install ok installed\nSection: libs\nArchitecture: amd64\nVersion: 1\nProvides: libthing (= 1)\n\n\
             Package: cut\nStatus: install ok installed\nArchitecture: all\nVersion: 1\nProvides: mail-agent\n\n\
             Package: half\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n",
        );
        write("var/lib/dpkg/info/tool.list", "/.\n/bin\n/bin/tool\n");
        write(
            "var/lib/dpkg/info/libthing0:amd64.list",
            "/usr/lib/libthing.so\n",
        );
        write(
            "var/lib/dpkg/info/cut.list",
            "/usr/share/doc/cut/copyright\n/usr/share/cut/data\n",
        );
        write("usr/bin/tool", "");
        write("usr/lib/libthing.so", "");
        write("usr/share/cut/data", "");
        write("usr/share/doc/cut/copyright", "");
        folder
    }

    #[test]
    fn only_packages_with_files_left_count_and_need_each_other() {
        let folder = tree();
        let tree = Tree::open(folder.path()).unwrap();
        let found = tree
            .components_left(&BTreeSet::from(["usr/share/cut"]))
            .unwrap();
        let purls: Vec<&str> = found.iter().map(|part| part.purl.as_str()).collect();
        assert_eq!(
            purls,
            [
                "pkg:deb/debian/libthing0@1?arch=amd64&distro=debian-13",
                "pkg:deb/debian/tool@1%3A2.0%2Bx-1?arch=amd64&distro=debian-13"
            ]
        );
        assert_eq!(found[0].kind, Kind::Library);
        assert_eq!(
            found[1].source,
            Some(("tools".to_owned(), "2.0-1".to_owned()))
        );
        assert_eq!(found[1].description.as_deref(), Some("does it"));
        assert_eq!(found[1].depends, BTreeSet::from([purls[0].to_owned()]));
        assert_eq!(tree.components_left(&BTreeSet::new()).unwrap().len(), 3);
    }

    #[test]
    fn a_package_that_is_not_there_is_named() {
        let folder = tree();
        let error = Tree::open(folder.path())
            .unwrap()
            .component("half")
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the package half is not installed"),
            "{error}"
        );
    }
}
