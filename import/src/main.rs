//! The command line of the import.

mod generate;
mod load;

use std::io::Write;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// Reads the Atelier CSV set, cleans it and loads it into PostgreSQL.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Loads a set into PostgreSQL.
    ///
    /// Readers have the old catalogue until the new one is complete. Exit status: 0 everything loaded, 3 loaded with
    /// rejected rows or rows without parent, 1 nothing loaded and nothing changed, 2 wrong arguments.
    Load(load::Load),
    /// Writes a set of any size; the same command writes the same bytes.
    Generate(generate::Generate),
}

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let load = match Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).command {
        Command::Load(mut load) => {
            let load_matches = matches.subcommand_matches("load");
            let giver = load_matches.and_then(|matches| matches.value_source("database_url"));
            load.by_flag = giver == Some(ValueSource::CommandLine);
            load
        }
        Command::Generate(arguments) => return generate::run(&arguments),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: no threads can be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let status = runtime.block_on(load::run(load));
    // A thread that waits for a slow file is not waited for.
    runtime.shutdown_background();
    ExitCode::from(status)
}
