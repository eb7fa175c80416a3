//! Writes the image's bill of materials: `sbom.cdx.json` (CycloneDX 1.6) and `sbom.spdx.json` (SPDX 2.3).
//!
//! `debian`, `crates` and `web` find what the image is made of, each from what was really built in: installed packages of which
//! files are left after trimming, crates that are linked, modules that the bundler kept. All give [`component::Component`]s, which
//! `cyclonedx` and `spdx` write down. `licence` brings Debian's names of licences to SPDX's. Neither clock nor random number goes in:
//! the same image has the same bill.

mod component;
mod crates;
mod cyclonedx;
mod debian;
mod licence;
mod spdx;
mod web;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use component::{Component, Kind};

/// Writes the bill of materials of an image.
#[derive(Parser)]
struct Arguments {
    /// Tree of the image's Debian packages, with dpkg's records, before it is trimmed.
    #[arg(long)]
    packages: PathBuf,
    /// File whose lines are the paths, below that tree, that the image leaves out.
    #[arg(long)]
    trimmed: PathBuf,
    /// Tree of Debian packages that the image takes parts of.
    #[arg(long)]
    toolbox: PathBuf,
    /// Package of the toolbox whose files are in the image.
    #[arg(long)]
    taken: Vec<String>,
    /// Package of the toolbox whose source is built into the image, as PACKAGE=FOLDER with the patches that are applied.
    #[arg(long, value_parser = built_argument)]
    built: Vec<(String, PathBuf)>,
    /// The project's folder, where `cargo` answers.
    #[arg(long)]
    project: PathBuf,
    /// Program of the image, as PROGRAM=PACKAGE of the workspace.
    #[arg(long, value_parser = program_argument)]
    program: Vec<(String, String)>,
    /// What the bundler of the web interface says of the packages in it.
    #[arg(long)]
    web: PathBuf,
    /// Version of the image.
    #[arg(long)]
    version: String,
    /// Folder to make and write to.
    #[arg(long)]
    out: PathBuf,
}

fn pair(text: &str) -> Result<(&str, &str), String> {
    text.split_once('=')
        .filter(|(name, value)| !name.is_empty() && !value.is_empty())
        .ok_or_else(|| "must be NAME=VALUE".to_owned())
}

fn built_argument(text: &str) -> Result<(String, PathBuf), String> {
    pair(text).map(|(name, folder)| (name.to_owned(), PathBuf::from(folder)))
}

fn program_argument(text: &str) -> Result<(String, String), String> {
    pair(text).map(|(name, package)| (name.to_owned(), package.to_owned()))
}

/// What kept the bill from being written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path}: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A package that is said to be in the image is not installed where it should come from.
    #[error("the package {0} is not installed in {1}")]
    NotInstalled(String, PathBuf),
    /// `cargo` does not tell.
    #[error("cargo {command}: {reason}")]
    Cargo {
        /// What was asked.
        command: String,
        /// What is wrong.
        reason: String,
    },
}

/// Reads a text file.
fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::File {
        path: path.to_owned(),
        error,
    })
}

/// All components of the image, in order of their identity.
fn collect(arguments: &Arguments) -> Result<Vec<Component>, Error> {
    let trimmed = read(&arguments.trimmed)?;
    let image = debian::Tree::open(&arguments.packages)?;
    let toolbox = debian::Tree::open(&arguments.toolbox)?;
    let mut components = image.components_left(&trimmed.lines().collect())?;
    for name in &arguments.taken {
        components.push(toolbox.component(name)?);
    }
    for (name, patches) in &arguments.built {
        components.push(toolbox.built_from(name, patches)?);
    }
    let web = web::components(&arguments.web)?;
    let interface: Vec<String> = web.iter().map(|part| part.purl.clone()).collect();
    components.extend(web);
    for (program, package) in &arguments.program {
        let mut linked = crates::linked(&arguments.project, package)?;
        let mut uses = std::mem::take(&mut linked.direct);
        // The web interface is inside the service.
        if package == "ramald" {
            uses.extend(interface.iter().cloned());
        }
        components.extend(linked.crates);
        components.push(Component {
            depends: uses.into_iter().collect(),
            licence: licence::Licence::expression("MIT OR Apache-2.0"),
            ..Component::new(
                Kind::Application,
                program,
                &arguments.version,
                format!("pkg:generic/{program}@{}", arguments.version),
            )
        });
    }
    // Two programs share crates: what either of them depends on counts.
    let mut all: BTreeMap<String, Component> = BTreeMap::new();
    for component in components {
        match all.get_mut(&component.purl) {
            Some(known) => known.depends.extend(component.depends),
            None => {
                all.insert(component.purl.clone(), component);
            }
        }
    }
    Ok(all.into_values().collect())
}

fn write(arguments: &Arguments) -> Result<usize, Error> {
    let components = collect(arguments)?;
    let file = |path: PathBuf, content: serde_json::Value| {
        // One line: the image pays for every octet.
        std::fs::write(&path, format!("{content}\n")).map_err(|error| Error::File { path, error })
    };
    std::fs::create_dir_all(&arguments.out).map_err(|error| Error::File {
        path: arguments.out.clone(),
        error,
    })?;
    file(
        arguments.out.join("sbom.cdx.json"),
        cyclonedx::document(&arguments.version, &components),
    )?;
    file(
        arguments.out.join("sbom.spdx.json"),
        spdx::document(&arguments.version, &components),
    )?;
    Ok(components.len())
}

fn main() -> ExitCode {
    match write(&Arguments::parse()) {
        Ok(count) => {
            println!("sbom: {count} components");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("sbom: {error}");
            ExitCode::FAILURE
        }
    }
}
