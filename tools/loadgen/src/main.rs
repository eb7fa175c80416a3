//! Load generator and measurements: what the gateway costs, beside a bare relay under the same load.
//!
//! `traffic` makes RTP on many calls and times it; `phones` make the calls with a small SIP of their own
//! (`message`), apart from the gateway's, so that one cannot hide the other's mistakes; `gateway` starts
//! a fresh `ramald`; `process` pins processes and reads their processor time; `reference` is the bare
//! relay and `batch` the bare echo; `srtp` is what encrypted phones speak; `relay`, `setup`, `media`,
//! `registrations`, `flood`, `ports` and `flows` put them together and print JSON.

mod batch;
mod call;
mod flood;
mod flows;
mod gateway;
mod media;
mod message;
mod phone;
mod phones;
mod ports;
mod process;
mod reference;
mod registrations;
mod relay;
mod setup;
mod srtp;
mod traffic;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Processor of what is measured.
const MEASURED_CORE: usize = 0;
/// Processor of the load.
const LOAD_CORE: usize = 1;

/// Measures the gateway under load; needs two processors and, for steady figures, root.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Cost of a relayed packet of the whole gateway, beside the reference.
    Relay {
        /// The ramald program.
        #[arg(long)]
        ramald: PathBuf,
        /// Folder of its prompts; it runs without when left out.
        #[arg(long)]
        prompts: Option<PathBuf>,
        /// Calls with voice both ways.
        #[arg(long, default_value_t = 400)]
        calls: usize,
        /// How long it is measured.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
    },
    /// Cost of a call set-up and tear-down with digest authentication.
    Setup {
        /// The ramald program.
        #[arg(long)]
        ramald: PathBuf,
        /// Folder of its prompts; it runs without when left out.
        #[arg(long)]
        prompts: Option<PathBuf>,
        /// Calls begun a second, one pace after the other; the last is judged.
        #[arg(long, value_delimiter = ',', default_value = "50,500")]
        rate: Vec<u32>,
        /// How long calls are begun at each.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        /// Seconds of calls between two exchanges that they are compared with.
        #[arg(long, default_value_t = 2)]
        turn: u64,
    },
    /// What the paths of the media engine cost, without call control (its example `media_paths`).
    Media {
        /// The example's program.
        #[arg(long)]
        program: PathBuf,
        /// Folder for the recordings made; emptied at the end.
        #[arg(long)]
        folder: PathBuf,
        /// Only this path.
        #[arg(long)]
        path: Option<String>,
        /// Calls with voice both ways.
        #[arg(long, default_value_t = 400)]
        calls: usize,
        /// How long it is measured.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
    },
    /// Registrations refreshed a second, and the memory of the contacts.
    Registrations {
        /// The ramald program.
        #[arg(long)]
        ramald: PathBuf,
        /// Folder of its prompts; it runs without when left out.
        #[arg(long)]
        prompts: Option<PathBuf>,
        /// Registered contacts, five of each extension.
        #[arg(long, default_value_t = 100_000)]
        contacts: usize,
        /// How long they are refreshed.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// What calls notice of a flood of garbage.
    Flood {
        /// The ramald program.
        #[arg(long)]
        ramald: PathBuf,
        /// Folder of its prompts; it runs without when left out.
        #[arg(long)]
        prompts: Option<PathBuf>,
        /// Calls with voice both ways.
        #[arg(long, default_value_t = 50)]
        calls: usize,
        /// Datagrams of garbage a second.
        #[arg(long, default_value_t = 20_000)]
        rate: u32,
        /// How long it is flooded.
        #[arg(long, default_value_t = 12)]
        seconds: u64,
    },
    /// What calls notice of a flood at the RTP ports of one of them.
    Ports {
        /// The program of the media engine's example.
        #[arg(long)]
        program: PathBuf,
        /// Calls with voice both ways.
        #[arg(long, default_value_t = 200)]
        calls: usize,
        /// Datagrams a second.
        #[arg(long, default_value_t = 100_000)]
        rate: u32,
        /// How long each flood lasts.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// What calls by menu and queue cost that are recorded, callers who wait, and saves of a large configuration.
    Flows {
        /// The ramald program.
        #[arg(long)]
        ramald: PathBuf,
        /// Folder of its prompts; it runs without when left out.
        #[arg(long)]
        prompts: Option<PathBuf>,
        /// Calls begun a second.
        #[arg(long, default_value_t = 10)]
        rate: u32,
        /// How long each part is measured.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
    },
    /// The bare echo that registrations are compared with.
    Echo,
    /// The bare relay that others are compared with; told what to do on standard input.
    Reference,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Relay {
            ramald,
            prompts,
            calls,
            seconds,
        } => relay::measure(&ramald, prompts.as_deref(), calls, seconds),
        Task::Media {
            program,
            folder,
            path,
            calls,
            seconds,
        } => media::measure(&program, &folder, path.as_deref(), calls, seconds),
        Task::Ports {
            program,
            calls,
            rate,
            seconds,
        } => ports::measure(&program, calls, rate, seconds),
        Task::Setup {
            ramald,
            prompts,
            rate,
            seconds,
            turn,
        } => setup::measure(&ramald, prompts.as_deref(), &rate, seconds, turn),
        Task::Registrations {
            ramald,
            prompts,
            contacts,
            seconds,
        } => registrations::measure(&ramald, prompts.as_deref(), contacts, seconds),
        Task::Flood {
            ramald,
            prompts,
            calls,
            rate,
            seconds,
        } => flood::measure(&ramald, prompts.as_deref(), calls, rate, seconds),
        Task::Flows {
            ramald,
            prompts,
            rate,
            seconds,
        } => flows::measure(&ramald, prompts.as_deref(), rate, seconds),
        Task::Echo => batch::echo().map(|()| true),
        Task::Reference => reference::serve().map(|()| true),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("loadgen: {error}");
            ExitCode::from(2)
        }
    }
}
