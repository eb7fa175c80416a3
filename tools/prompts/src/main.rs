//! Renders the phrases of the system prompts to recordings, and plays the music on hold, before the gateway runs.
//!
//! `texts` reads the phrases, `render` decides which must be made anew and spreads them over the
//! processors, `espeak` speaks one, `speech` makes it fit a telephone line, `music` composes, `wav` reads and writes files.

mod espeak;
mod music;
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
    #[arg(long, required_unless_present = "music", requires = "out")]
    texts: Option<PathBuf>,
    /// Folder to write `<language>/<id>.wav` to.
    #[arg(long, requires = "texts")]
    out: Option<PathBuf>,
    /// Folder to write the music on hold to.
    #[arg(long)]
    music: Option<PathBuf>,
    /// The espeak-ng program, with words before it if it runs elsewhere ("chroot DIR espeak-ng").
    #[arg(long, default_value = "espeak-ng")]
    espeak: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let start = Instant::now();
    if let Some(folder) = &arguments.music {
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(folder.join("ramal.wav"), wav::encode(&music::piece())));
        if let Err(error) = written {
            eprintln!(
                "prompts: cannot write music to {}: {error}",
                folder.display()
            );
            return ExitCode::FAILURE;
        }
    }
    let (Some(texts), Some(out)) = (&arguments.texts, &arguments.out) else {
        return ExitCode::SUCCESS;
    };
    match render::all(texts, out, &arguments.espeak) {
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
