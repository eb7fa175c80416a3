//! Renders the phrases of the system prompts to recordings, before the gateway runs.
//!
//! `texts` reads the phrases, `render` decides which must be made anew and spreads them over the
//! processors, `espeak` speaks one, `speech` makes it fit a telephone line, `wav` reads and writes files.

mod espeak;
mod render;
mod speech;
mod texts;
mod wav;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

/// Renders system prompts with espeak-ng.
#[derive(Parser)]
struct Arguments {
    /// Folder with one `<language>.toml` for each language.
    #[arg(long)]
    texts: PathBuf,
    /// Folder to write `<language>/<id>.wav` to.
    #[arg(long)]
    out: PathBuf,
    /// The espeak-ng program, with words before it if it runs elsewhere ("chroot DIR espeak-ng").
    #[arg(long, default_value = "espeak-ng")]
    espeak: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let start = Instant::now();
    match render::all(&arguments.texts, &arguments.out, &arguments.espeak) {
        Ok(done) => {
            let elapsed = start.elapsed().as_millis();
            println!(
                "prompts: {} rendered, {} unchanged, {} deleted in {elapsed} ms",
                done.rendered, done.unchanged, done.deleted
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("prompts: {error}");
            ExitCode::FAILURE
        }
    }
}
