//! The command line of the import.

mod load;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
}

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Load(load) => ExitCode::from(load::run(load).await),
    }
}
