//! Smoke run against a gateway that nobody has visited yet: sets it up over HTTPS, makes extensions, and lets baresip,
//! SIPp and sipphone call through it. Ends with one line `N passed, N failed`; exit code 0 when nothing failed.

mod api;
mod calls;

use api::Api;
use clap::Parser;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Instant;

/// Any failure, as a sentence.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Calls through a fresh gateway and reports what worked.
#[derive(Parser)]
#[command(name = "ramal-smoke")]
struct Arguments {
    /// HTTPS address of the gateway.
    #[arg(long)]
    https: SocketAddr,
    /// SIP address of the gateway.
    #[arg(long)]
    sip: SocketAddr,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("smoke: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The steps in their order; the number of failed ones.
fn run(arguments: &Arguments) -> Result<usize, Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    let api = Api::new(arguments.https);
    let mut score = Score::default();
    let extensions = score.step("set-up over HTTPS, eight extensions", || {
        api.set_up()?;
        (2001..=2008)
            .map(|number| api.extension(&number.to_string()))
            .collect::<Result<Vec<_>, Failure>>()
    });
    let Some(extensions) = extensions else {
        // Without extensions there is nothing to call.
        return Ok(score.close());
    };
    let [ana, bruno, carla, davi, eva, fabio, gil, hugo] = extensions.as_slice() else {
        return Err("eight extensions were asked for".into());
    };
    let sip = arguments.sip;
    score.step("two baresip telephones talk for 10 s", || {
        runtime.block_on(calls::talk(sip, ana, bruno))
    });
    score.step("SIPp registers, calls and hangs up", || {
        runtime.block_on(calls::sipp(sip, "call", carla, "answer", davi))
    });
    score.step("SIPp cancels", || {
        runtime.block_on(calls::sipp(sip, "cancel", carla, "ring", gil))
    });
    score.step("SIPp finds the other side busy", || {
        runtime.block_on(calls::sipp(sip, "busy", carla, "refuse", hugo))
    });
    score.step("*43 echoes a tone", || {
        runtime.block_on(calls::echo(sip, eva))
    });
    score.step("*60 tells the time", || {
        runtime.block_on(calls::speech(sip, eva, "*60"))
    });
    score.step("*65 says the number", || {
        runtime.block_on(calls::speech(sip, fabio, "*65"))
    });
    score.step(
        "phone to phone over TCP with digits, hold and hang-up",
        || runtime.block_on(calls::digits_and_hold(sip, eva, fabio)),
    );
    score.step("one record for each call", || api.check_records());
    Ok(score.close())
}

/// Counts and prints steps.
#[derive(Default)]
struct Score {
    passed: usize,
    failed: usize,
}

impl Score {
    fn step<T>(&mut self, what: &str, work: impl FnOnce() -> Result<T, Failure>) -> Option<T> {
        let start = Instant::now();
        let outcome = work();
        let seconds = start.elapsed().as_secs_f64();
        match outcome {
            Ok(value) => {
                self.passed += 1;
                println!("[{seconds:6.1} s] ok      {what}");
                Some(value)
            }
            Err(failure) => {
                self.failed += 1;
                println!("[{seconds:6.1} s] FAILED  {what}: {failure}");
                None
            }
        }
    }

    fn close(&self) -> usize {
        println!("{} passed, {} failed", self.passed, self.failed);
        self.failed
    }
}
