//! `ramald`, the gateway's service: reads its settings, starts storage, media, call control and the web service in that
//! order, tells systemd how it is, and stops them the other way round.

mod backups;
mod chassis;
mod logging;
mod membership;
mod memory;
mod network;
mod notify;
mod service;
mod settings;
mod spoken;
mod update_alarms;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::service::End;
use crate::settings::{Flags, Settings};

/// Worker threads of the runtime: signalling, calls and the web. Media has threads of its own.
const WORKERS: usize = 2;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments
        .next()
        .is_some_and(|first| first == ramal_sounds::CONVERT)
    {
        // A process of its own for one sound: see `ramal_sounds`.
        return ramal_sounds::run_conversion(&arguments.collect::<Vec<_>>());
    }
    let mut arguments = std::env::args_os().skip(1);
    if arguments
        .next()
        .is_some_and(|first| first == ramal_network::APPLY)
    {
        // What the system runs as root: see `ramal_network`.
        return ramal_network::run_apply(&arguments.collect::<Vec<_>>());
    }
    memory::share();
    let flags = Flags::parse();
    logging::start();
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let result = Settings::load(flags, credentials.as_deref())
        .map_err(service::Failure::from)
        .and_then(|settings| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(WORKERS)
                .thread_name("ramald")
                .enable_all()
                .build()
                .map_err(service::Failure::Runtime)?;
            runtime.block_on(service::run(settings))
        });
    match result {
        Ok(End::Stop) => ExitCode::SUCCESS,
        // The journal is deleted by what the service manager runs before this program.
        Ok(End::Reset) if std::env::var_os("NOTIFY_SOCKET").is_some() => ExitCode::SUCCESS,
        Ok(End::Again | End::Reset) => start_again(),
        Err(failure) => {
            tracing::error!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Takes the place of this process, so that the service manager sees one service that goes on.
fn start_again() -> ExitCode {
    let failed = |error| {
        tracing::error!(%error, "cannot start again; the service manager does");
        ExitCode::FAILURE
    };
    match std::env::current_exe() {
        Ok(program) => failed(
            std::process::Command::new(program)
                .args(std::env::args_os().skip(1))
                .exec(),
        ),
        Err(error) => failed(error),
    }
}
