//! What an import is told.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// What to load, and where to.
#[derive(Clone, Args)]
pub(crate) struct Load {
    /// The folder with the CSV files.
    #[arg(long, value_name = "DIR")]
    pub(super) data: PathBuf,
    /// Replace a catalogue that holds rows. This ends rows that readers wrote.
    #[arg(long)]
    pub(super) replace: bool,
    /// The PostgreSQL to load into.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub(super) database_url: String,
    /// Whether that stood among the arguments, where everybody can read it.
    #[arg(skip)]
    pub(crate) by_flag: bool,
    /// A file with the password, when the URL has none; else the credential `atelier.database-password` of systemd.
    #[arg(long, env = "ATELIER_DATABASE_PASSWORD_FILE", value_name = "FILE")]
    pub(super) database_password_file: Option<PathBuf>,
    /// A PEM file of the authorities that the server's certificate may come from; without it those that the system trusts.
    #[arg(long, env = "ATELIER_DB_CA_FILE", value_name = "FILE")]
    pub(super) db_ca_file: Option<PathBuf>,
    /// Write the report as JSON into this file, too.
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// How many files and tables are worked on at once [default: one more than there are cores].
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<usize>,
    /// A file of which more than this share of rows is rejected or without parent is the wrong file, in percent.
    #[arg(long, env = "ATELIER_IMPORT_REJECT_SHARE", value_name = "PERCENT", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(0..=100))]
    pub(super) reject_share: u64,
    /// But not with fewer such rows than this.
    #[arg(long, env = "ATELIER_IMPORT_REJECT_LEAST", value_name = "ROWS", default_value_t = 1000)]
    pub(super) reject_least: u64,
    /// How long to try for the moment at which nobody reads, to exchange the tables.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = humantime::parse_duration)]
    pub(super) swap_patience: Duration,
}

impl std::fmt::Debug for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a password.
        f.debug_struct("Load").field("data", &self.data).finish_non_exhaustive()
    }
}
