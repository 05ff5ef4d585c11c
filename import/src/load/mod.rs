//! `atelier-import load`: a CSV set into PostgreSQL, all or nothing.
//!
//! 1. Every header is checked before anything is changed.
//! 2. The rows go into new tables in a schema of their own, several files at once; then keys, references, statistics.
//! 3. One short transaction puts the new tables in the place of the old ones (`swap.rs`).
//!
//! Until the third step is committed readers have the old catalogue, whatever happens to this process.

mod address;
mod copy;
mod database;
mod fold;
mod jobs;
mod progress;
mod rows;
mod schema;
mod sort;
mod summary;
mod swap;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use atelier_import::clean::check_header;
use atelier_import::source::Folder;
use atelier_import::{File, FileReport, Group, Known, Source, Sources, clean};
use clap::Args;
use tokio_postgres::Client;

use database::{Database, STAGE, Session};
use fold::Fold;
use jobs::Job;
use progress::Progress;
use summary::Summary;
use swap::{Swap, Unknown};

/// What to load, and where to.
#[derive(Clone, Args)]
pub(crate) struct Load {
    /// The folder with the CSV files.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Replace a catalogue that holds rows. This ends rows that readers wrote.
    #[arg(long)]
    replace: bool,
    /// The PostgreSQL to load into.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: String,
    /// Whether that stood among the arguments, where everybody can read it.
    #[arg(skip)]
    pub(crate) by_flag: bool,
    /// A file with the password, when the URL has none; else the credential `atelier.database-password` of systemd.
    #[arg(long, env = "ATELIER_DATABASE_PASSWORD_FILE", value_name = "FILE")]
    database_password_file: Option<PathBuf>,
    /// A PEM file of the authorities that the server's certificate may come from; without it those that the system trusts.
    #[arg(long, env = "ATELIER_DB_CA_FILE", value_name = "FILE")]
    db_ca_file: Option<PathBuf>,
    /// Write the report as JSON into this file, too.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// How many files and tables are worked on at once [default: one more than there are cores].
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// A file of which more than this share of rows is rejected or without parent is the wrong file, in percent.
    #[arg(long, env = "ATELIER_IMPORT_REJECT_SHARE", value_name = "PERCENT", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(0..=100))]
    reject_share: u64,
    /// But not with fewer such rows than this.
    #[arg(long, env = "ATELIER_IMPORT_REJECT_LEAST", value_name = "ROWS", default_value_t = 1000)]
    reject_least: u64,
    /// How long to try for the moment at which nobody reads, to exchange the tables.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = humantime::parse_duration)]
    swap_patience: Duration,
}

impl std::fmt::Debug for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a password.
        f.debug_struct("Load").field("data", &self.data).finish_non_exhaustive()
    }
}

/// A file of the set that is there.
struct Present {
    file: File,
    bytes: u64,
}

/// What there is to load.
struct Set<'a> {
    folder: &'a Folder,
    present: &'a [Present],
}

/// Loads; says everything there is to say; returns the exit status.
pub(crate) async fn run(load: Load) -> u8 {
    let began = Instant::now();
    let progress = Progress::new();
    let summary = Arc::new(Mutex::new(Summary::default()));
    let committing = AtomicBool::new(false);
    let mut ended = {
        let mut attempt = std::pin::pin!(attempt(&load, &progress, &summary, &committing));
        tokio::select! {
            ended = &mut attempt => ended,
            // What is left after the commit is short, and dropping it would leave open what is served.
            signal = stopped() => if committing.load(Ordering::Acquire) { attempt.await } else { Err(anyhow!(signal)) },
            () = progress.clone().lines() => Ok(()),
        }
    };
    if ended.as_ref().is_err_and(|error| error.is::<Stopped>())
        && let Err(error) = clear_up(&load).await
    {
        ended = ended.with_context(|| format!("what was begun is left to the next import ({error:#})"));
    }
    let mut summary = std::mem::take(&mut *summary.lock().unwrap_or_else(PoisonError::into_inner));
    if let Err(error) = ended {
        let known = if error.is::<Unknown>() { "" } else { "; the catalogue is as it was" };
        summary.error = Some(format!("{error:#}{known}"));
    }
    summary.took = began.elapsed();
    summary.files.sort_by_key(|report| report.file);
    if let Some(path) = &load.report {
        let text = format!("{:#}\n", summary.to_json());
        if let Err(error) = fs::write(path, text) {
            summary.warnings.push(format!("the report cannot be written to {}: {error}", path.display()));
        }
    }
    let _ = writeln!(std::io::stdout(), "{summary}");
    summary.status()
}

/// The process was told to end.
#[derive(Debug, thiserror::Error)]
#[error("{0} ended the import")]
struct Stopped(&'static str);

async fn clear_up(load: &Load) -> Result<()> {
    Database::new(address::of(load)?).clear_up().await
}

/// Ends when the process is told to.
async fn stopped() -> Stopped {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => Stopped("SIGINT"),
        _ = terminate.recv() => Stopped("SIGTERM"),
    }
}

async fn attempt(load: &Load, progress: &Progress, summary: &Mutex<Summary>, committing: &AtomicBool) -> Result<()> {
    if let Some(path) = &load.report {
        fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("the report {}", path.display()))?;
    }
    let folder = Folder(load.data.clone());
    let present = look(&folder)?;
    let database = Database::new(address::of(load)?);
    let mut control = database.control().await?;
    let set = Set { folder: &folder, present: &present };
    let loaded = with_lock(load, progress, summary, set, &database, &control.client, committing).await;
    if let Err(error) = loaded {
        let unknown = error.is::<Unknown>();
        let error = control.explain(error).await;
        let error = if unknown { error.context(Unknown) } else { error };
        // What cannot be cleared now, the next import clears.
        let _ = database::drop_schemas(&control.client).await;
        return Err(error);
    }
    Ok(())
}

/// Finds the files and checks their headers, so that a wrong set changes nothing.
fn look(folder: &Folder) -> Result<Vec<Present>> {
    if !folder.0.is_dir() {
        bail!("{} is not a folder", folder.0.display());
    }
    let mut problems = Vec::new();
    let mut present: Vec<Present> = Vec::new();
    for file in File::ALL {
        let Some(source) = folder.source(file) else { continue };
        if let Err(error) = check_header(&*source, file) {
            problems.push(format!("{:#}", anyhow!(error)));
        }
        let bytes = fs::metadata(folder.path(file)).map_or(0, |metadata| metadata.len());
        present.push(Present { file, bytes });
    }
    let has = |file| present.iter().any(|other| other.file == file);
    if !has(File::Product) {
        problems.insert(0, format!("{} is not there", folder.path(File::Product).display()));
    }
    for child in present.iter().map(|other| other.file).filter(|file| *file != File::Cart) {
        for parent in child.parents().filter(|parent| *parent != File::Product && !has(*parent)) {
            problems.push(format!("{child}: needs {parent}, which is not there"));
        }
    }
    if problems.is_empty() { Ok(present) } else { Err(anyhow!(problems.join("\n       "))) }
}

async fn with_lock(
    load: &Load,
    progress: &Progress,
    summary: &Mutex<Summary>,
    Set { folder, present }: Set<'_>,
    database: &Database,
    control: &Client,
    committing: &AtomicBool,
) -> Result<()> {
    let database::Prepared { target, older } = database::prepare(control).await?;
    let tables: Vec<_> = schema::all_tables().collect();
    let before = if database::any_rows(control, &tables).await? {
        database::counts(control, &tables).await.context("the rows that are there cannot be counted")?
    } else {
        Vec::new()
    };
    if !before.is_empty() && !load.replace {
        let found: Vec<_> = before.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
        bail!(
            "the catalogue holds rows ({}); --replace replaces them, reviews and questions of readers too",
            found.join(", ")
        );
    }
    let dependents = database::dependents(control, &tables).await?;
    if !dependents.is_empty() {
        bail!(
            "the tables are replaced, and these would be lost with them: {}; drop them, and make them again afterwards",
            dependents.join(", ")
        );
    }

    if let Some(older) = older {
        // Only now, so that a load that is refused changes nothing at all. What readers see stays as it is.
        database::make_schema(control).await.context("the schema cannot be brought to this program's version")?;
        progress.say(&format!("the schema was brought from version {older} to {}", schema::VERSION));
        summary.lock().unwrap_or_else(PoisonError::into_inner).older = Some(older);
    }

    let groups = [Group::Products, Group::Reviews, Group::Questions];
    let (replaced, kept): (Vec<_>, Vec<_>) =
        groups.into_iter().partition(|group| present.iter().any(|other| other.file.group() == *group));
    let absent: Vec<File> = File::ALL
        .into_iter()
        .filter(|file| replaced.contains(&file.group()) && !present.iter().any(|other| other.file == *file))
        .collect();
    {
        let mut summary = summary.lock().unwrap_or_else(PoisonError::into_inner);
        (summary.absent, summary.kept, summary.before) = (absent, kept, before);
    }

    let new_tables: Vec<_> = replaced.iter().flat_map(|group| schema::tables(*group)).copied().collect();
    let sizes: Vec<_> = present.iter().map(|other| (other.file, other.bytes)).collect();
    let work = Arc::new(Work {
        database: database.clone(),
        folder: folder.clone(),
        sizes: sizes.clone(),
        known: Arc::default(),
        fold: Arc::default(),
        progress: progress.clone(),
        reports: Mutex::default(),
        reject_share: load.reject_share,
        reject_least: load.reject_least,
    });
    let at_once =
        load.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, |cores| cores.get() + 1)).max(1);
    let done = jobs::run(jobs::plan(&sizes, &new_tables), at_once, |job| Arc::clone(&work).job(job)).await;
    let reports = std::mem::take(&mut *work.reports.lock().unwrap_or_else(PoisonError::into_inner));
    let highest = |file| reports.iter().find(|report| report.file == file).map_or(0, |report| report.highest_id);
    let highest = [highest(File::Photos), highest(File::Skus)];
    summary.lock().unwrap_or_else(PoisonError::into_inner).files = reports;
    done?;

    let swap = Swap { target: &target, replaced: &replaced, highest, patience: load.swap_patience, committing };
    let step = progress.step("exchange of the tables");
    let swapped = swap.run(control).await?;
    step.end();
    summary.lock().unwrap_or_else(PoisonError::into_inner).swapped = Some(swapped);

    // The new catalogue is served. What fails from here on is worth a warning, not an error.
    let mut warnings = Vec::new();
    if let Err(error) = swap.validate(control).await {
        warnings.push(format!("a foreign key from what was kept could not be validated: {error:#}"));
    }
    if let Err(error) = database::drop_schemas(control).await {
        warnings.push(format!("the old tables could not be dropped, the next import does: {error:#}"));
    }
    summary.lock().unwrap_or_else(PoisonError::into_inner).warnings = warnings;
    Ok(())
}

/// What jobs share.
struct Work {
    database: Database,
    folder: Folder,
    sizes: Vec<(File, u64)>,
    known: Arc<Known>,
    fold: Arc<Fold>,
    progress: Progress,
    reports: Mutex<Vec<FileReport>>,
    reject_share: u64,
    reject_least: u64,
}

impl Work {
    async fn job(self: Arc<Self>, job: Job) -> Result<()> {
        let mut session = self.database.worker().await?;
        let done = match job {
            Job::Rows(file) => self.rows(file, &session).await,
            Job::Fold => self.fold(&session).await,
            Job::Empty(table) => rows::make_empty(&session.client, table).await,
            Job::Keys(table) => self.keys(table, &session).await,
            Job::References(table) => self.references(table, &session).await,
        };
        match done {
            Ok(()) => Ok(()),
            Err(error) => Err(session.explain(error).await),
        }
    }

    async fn rows(&self, file: File, session: &Session) -> Result<()> {
        let bytes = self.sizes.iter().find(|(other, _)| *other == file).map_or(0, |(_, bytes)| *bytes);
        let step = self.progress.file(file.name(), bytes);
        let Some(source) = self.folder.source(file) else { bail!("{file} is gone") };
        let (source, known) = (step.watch(source), Arc::clone(&self.known));
        let report = if Fold::part(file).is_some() {
            Arc::clone(&self.fold).read(file, source, known).await?
        } else if schema::table(file).is_some() {
            rows::load(&session.client, file, source, known).await?
        } else {
            count(file, source, known).await?
        };
        let bad = report.orphan + report.rejected;
        let wrong = bad >= self.reject_least && bad * 100 > report.read * self.reject_share;
        step.end_with(&report.to_string());
        let read = report.read;
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).push(report);
        if wrong {
            bail!("{file}: {bad} of {read} rows are rejected or without parent: this is the wrong file");
        }
        Ok(())
    }

    async fn fold(&self, session: &Session) -> Result<()> {
        let step = self.progress.step("styles with photos and skus");
        Arc::clone(&self.fold).write(&session.client).await?;
        step.end();
        Ok(())
    }

    async fn keys(&self, table: &'static str, session: &Session) -> Result<()> {
        let step = self.progress.step(&format!("keys of {table}"));
        for key in schema::keys(table) {
            session.client.batch_execute(key).await.with_context(|| format!("table {table}"))?;
        }
        for trigger in schema::triggers(table) {
            session.client.batch_execute(trigger).await.with_context(|| format!("table {table}"))?;
        }
        // The sequence goes on after the highest id, or begins at 1.
        let highest = self.highest(table);
        let sequence =
            format!("SELECT setval(pg_get_serial_sequence('{table}', 'id'), {}, {})", highest.max(1), highest > 0);
        session.client.batch_execute(&sequence).await.with_context(|| format!("the sequence of {table}"))?;
        step.end();
        Ok(())
    }

    fn highest(&self, table: &str) -> u32 {
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let of_table = |report: &&FileReport| {
            schema::table(report.file) == Some(table) && !matches!(report.file, File::Photos | File::Skus)
        };
        reports.iter().find(of_table).map_or(0, |report| report.highest_id)
    }

    async fn references(&self, table: &'static str, session: &Session) -> Result<()> {
        let step = self.progress.step(&format!("references of {table}"));
        for reference in schema::references().filter(|reference| reference.table == table) {
            // Made and validated apart, because only the first locks the table referred to.
            for statement in [reference.add_not_valid(), reference.validate()] {
                session.client.batch_execute(&statement).await.with_context(|| format!("table {table}"))?;
            }
        }
        session
            .client
            .batch_execute(&format!("ANALYZE {STAGE}.{table}"))
            .await
            .with_context(|| format!("table {table}"))?;
        step.end();
        Ok(())
    }
}

/// Reads a file that has no table.
async fn count(file: File, source: Box<dyn Source>, known: Arc<Known>) -> Result<FileReport> {
    let read = move || clean(&*source, file, &known, |_| Ok::<(), std::convert::Infallible>(()));
    tokio::task::spawn_blocking(read).await?.map_err(|error| anyhow!("{error:#}"))
}
