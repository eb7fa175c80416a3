//! `ramalctl`: the gateway's command line, over its local socket or over HTTPS with an API token.
//!
//! Exit codes: 0 done, 1 refused by the gateway (its reason is printed), 2 wrong use or no connection.

mod arguments;
mod bans;
mod client;
mod commands;
mod failure;
mod machine;
mod objects;
mod recordings;
mod table;
mod tls;
mod trunks;
mod update;
mod upload;
mod versions;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match commands::run(arguments).await {
        Ok(output) => failure::print(&output),
        Err(failure) => {
            eprintln!("ramalctl: {failure}");
            failure.exit_code()
        }
    }
}
