//! What the system does as root: settings out of the service's folder, checked again, become files of networkd.

use std::ffi::OsString;
use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use ramal_model::Invalid;
use thiserror::Error;

use crate::files::{self, CONFIRMED, TRIAL};
use crate::render::{PORT, VLAN, VLAN_DEVICE, VLAN_NAME, render};
use crate::settings::NetworkSettings;

/// First argument of the program that runs [`run_apply`]: the folder follows, and `--boot` at the start of the machine.
pub const APPLY: &str = "apply-network";
/// Where networkd looks for files that do not outlive the machine's start.
const NETWORKD: &str = "/run/systemd/network";

/// Why settings are not applied. What was in force stays.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// They are none.
    #[error("{} cannot be used: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// They cannot be.
    #[error("{} cannot be: {error}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Why.
        error: Invalid,
    },
    /// A file of networkd cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Makes files in `into` of the settings in `folder`: those on trial, unless the machine just starts, else those
/// confirmed. Gives the host's name, and whether a file changed.
///
/// # Errors
/// What of the settings cannot be; the files are as they were then.
pub fn apply(folder: &Path, into: &Path, at_boot: bool) -> Result<(String, bool), ApplyError> {
    let trial = folder.join(TRIAL);
    let wanted = match at_boot {
        true => None,
        false => load(&trial)?,
    };
    let wanted = match wanted {
        Some(wanted) => Some(wanted),
        None => load(&folder.join(CONFIRMED))?,
    };
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| ApplyError::Write { path, error }
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(into)
        .map_err(failed(into))?;
    let (host_name, rendered) = match &wanted {
        Some((plan, _)) => (plan.host_name.clone(), render(plan)),
        // The image's own file is for every port.
        None => (NetworkSettings::default().host_name, Vec::new()),
    };
    let mut has_changed = false;
    for (name, content) in &rendered {
        let path = into.join(name);
        has_changed |= files::replace(&path, content, 0o644).map_err(failed(&path))?;
        // Whatever the mask is: networkd is not root.
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).map_err(failed(&path))?;
    }
    for name in [PORT, VLAN, VLAN_DEVICE] {
        if !rendered.iter().any(|(rendered, _)| *rendered == name) {
            let path = into.join(name);
            has_changed |= files::remove(&path).map_err(failed(&path))?;
        }
    }
    Ok((host_name, has_changed))
}

type Loaded = Option<(crate::Plan, NetworkSettings)>;

fn load(path: &Path) -> Result<Loaded, ApplyError> {
    let read = files::read(path).map_err(|error| ApplyError::Read {
        path: path.to_owned(),
        error,
    })?;
    read.map(|settings| match settings.check() {
        Ok(plan) => Ok((plan, settings)),
        Err(error) => Err(ApplyError::Invalid {
            path: path.to_owned(),
            error,
        }),
    })
    .transpose()
}

/// The program that the system runs as root.
pub fn run_apply(arguments: &[OsString]) -> ExitCode {
    let Some(folder) = arguments.first() else {
        eprintln!("usage: {APPLY} FOLDER [--boot]");
        return ExitCode::FAILURE;
    };
    let at_boot = arguments.get(1).is_some_and(|flag| flag == "--boot");
    let (host_name, has_changed) = match apply(Path::new(folder), Path::new(NETWORKD), at_boot) {
        Ok(applied) => applied,
        Err(error) => {
            eprintln!("the network stays as it is: {error}");
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = nix::unistd::sethostname(&host_name) {
        eprintln!("the host cannot be called {host_name}: {error}");
    }
    if at_boot || !has_changed {
        return ExitCode::SUCCESS;
    }
    println!("the network changes");
    let is_vlan_over = !Path::new(NETWORKD).join(VLAN_DEVICE).exists();
    // networkd makes interfaces, and leaves them when their file is gone; one of another VLAN keeps its number.
    if is_vlan_over || Path::new("/sys/class/net").join(VLAN_NAME).exists() {
        networkctl(&["delete", VLAN_NAME]);
    }
    match networkctl(&["reload"]) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn networkctl(arguments: &[&str]) -> bool {
    let ended = Command::new("networkctl").args(arguments).status();
    ended.is_ok_and(|status| status.success())
}
