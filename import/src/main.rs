//! The command line of the import.

mod copy;
mod load;

use std::path::PathBuf;
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
    Load {
        /// The folder with the CSV files.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The PostgreSQL to load into.
        #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
        database_url: String,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { command: Command::Load { data, database_url } } = Cli::parse();
    match load::load(data, &database_url).await {
        Ok(report) => {
            say(&report.to_string());
            ExitCode::from(if report.orphan + report.rejected > 0 { 3 } else { 0 })
        }
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}
